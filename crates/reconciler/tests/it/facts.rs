//! What is true, what is held, and whether they agree.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    group::{Existence, View},
    ids::GroupId,
};
use serde_json::Value;

use crate::world::World;

/// What can be compared of a group: subject, description, suspended, members and who waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) subject: String,
    pub(crate) description: String,
    pub(crate) suspended: bool,
    pub(crate) participants: BTreeSet<[String; 2]>,
    pub(crate) join_requests: BTreeSet<[String; 2]>,
}

impl World {
    pub(crate) async fn until_agreement(&self) {
        self.until("agreement", Self::agrees).await;
    }

    pub(crate) fn agrees(&self) -> bool {
        self.truth() == self.held()
    }

    pub(crate) fn differences(&self) -> String {
        let (truth, held) = (self.truth(), self.held());
        let ids: BTreeSet<&GroupId> = truth.keys().chain(held.keys()).collect();
        let differing = ids.into_iter().filter(|id| truth.get(*id) != held.get(*id));
        let lines = differing.take(3).map(|id| {
            format!(
                "{id}\n  truth {:?}\n  held  {:?}\n",
                truth.get(id),
                held.get(id)
            )
        });
        lines.collect()
    }

    /// What is true.
    pub(crate) fn truth(&self) -> BTreeMap<GroupId, Facts> {
        let state = self.simulator.state();
        let groups = state["numbers"][0]["groups"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let people = |value: &Value| -> BTreeSet<[String; 2]> {
            let people = value.as_array().unwrap().iter();
            people
                .map(|person| [text(&person["wa_id"]), text(&person["user_id"])])
                .collect()
        };
        let facts = groups.iter().map(|group| {
            let facts = Facts {
                subject: text(&group["subject"]),
                description: text(&group["description"]),
                suspended: group["suspended"] == true,
                participants: people(&group["participants"]),
                join_requests: people(&group["join_requests"]),
            };
            (GroupId::parse(&text(&group["group_id"])).unwrap(), facts)
        });
        facts.collect()
    }

    /// What the fold holds of active groups.
    pub(crate) fn held(&self) -> BTreeMap<GroupId, Facts> {
        let folded = self.fold.held.lock().unwrap();
        let views = folded
            .groups
            .iter()
            .filter_map(|(id, group)| Some((id.clone(), group.view()?)));
        views
            .filter(|(_, view)| view.existence == Some(Existence::Active))
            .map(|(id, view)| (id, facts(&view)))
            .collect()
    }
}

/// What can be compared of a view.
fn facts(view: &View) -> Facts {
    let text = |text: &Option<domain::ids::Text>| text.as_deref().unwrap_or_default().to_owned();
    let waiting = view.join_requests.iter().map(|ask| &ask.person);
    let names = |person: &domain::group::Participant| [text(&person.wa_id), text(&person.user_id)];
    Facts {
        subject: text(&view.subject),
        description: text(&view.description),
        suspended: view.suspended == Some(true),
        participants: view.participants.iter().map(names).collect(),
        join_requests: waiting.map(names).collect(),
    }
}
