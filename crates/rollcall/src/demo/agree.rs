//! Do the projection and the simulator agree, group by group?

use std::collections::BTreeMap;

use serde_json::Value;

/// What one side knows of a group, reduced to what is compared.
#[derive(Debug, Clone, PartialEq, Default)]
struct Facts {
    subject: Option<String>,
    suspended: bool,
    participants: Vec<Person>,
    join_requests: Vec<Person>,
}

#[derive(Debug, Clone, PartialEq, Default)]
struct Person {
    wa_id: Option<String>,
    user_id: Option<String>,
}

impl Person {
    fn read(value: &Value) -> Self {
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        Self {
            wa_id: text("wa_id"),
            user_id: text("user_id"),
        }
    }

    /// Meta may show the same person by number here and by user id there.
    fn is(&self, other: &Self) -> bool {
        let shared = |a: &Option<String>, b: &Option<String>| a.is_some() && a == b;
        shared(&self.user_id, &other.user_id) || shared(&self.wa_id, &other.wa_id)
    }
}

/// A group in which the two sides differ, and in what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) group_id: String,
    pub(crate) fields: Vec<&'static str>,
}

/// Compares the simulator's state with all groups of the projection; gives how many groups there are and those that differ.
pub(crate) fn compare(truth: &Value, held: &[Value]) -> (usize, Vec<Difference>) {
    let numbers = truth["numbers"].as_array().into_iter().flatten();
    let groups = numbers.flat_map(|number| number["groups"].as_array().into_iter().flatten());
    let truth: BTreeMap<&str, Facts> = groups
        .filter_map(|group| Some((group["group_id"].as_str()?, facts(group))))
        .collect();
    let active = held.iter().filter(|group| group["existence"] == "active");
    let active: BTreeMap<&str, Facts> = active
        .filter_map(|group| Some((group["group_id"].as_str()?, facts(group))))
        .collect();
    // Seen in an event and never confirmed: neither side would call that agreement.
    let unconfirmed = held
        .iter()
        .filter(|group| group["existence"] == "unconfirmed")
        .filter_map(|group| group["group_id"].as_str());
    let mut differences: BTreeMap<&str, Vec<&'static str>> = BTreeMap::new();
    for (group_id, truth) in &truth {
        match active.get(group_id) {
            None => differences.entry(group_id).or_default().push("existence"),
            Some(held) => {
                let fields = fields(truth, held);
                if !fields.is_empty() {
                    differences.entry(group_id).or_default().extend(fields);
                }
            }
        }
    }
    for group_id in active
        .keys()
        .copied()
        .chain(unconfirmed)
        .filter(|group_id| !truth.contains_key(group_id))
    {
        differences.entry(group_id).or_default().push("existence");
    }
    let differences = differences
        .into_iter()
        .map(|(group_id, fields)| Difference {
            group_id: group_id.to_owned(),
            fields,
        });
    (truth.len(), differences.collect())
}

fn facts(group: &Value) -> Facts {
    let persons = |name: &str| {
        group[name]
            .as_array()
            .into_iter()
            .flatten()
            .map(Person::read)
            .collect()
    };
    Facts {
        subject: group["subject"].as_str().map(str::to_owned),
        suspended: group["suspended"] == true,
        participants: persons("participants"),
        join_requests: persons("join_requests"),
    }
}

fn fields(truth: &Facts, held: &Facts) -> Vec<&'static str> {
    let all = [
        ("subject", truth.subject == held.subject),
        ("suspended", truth.suspended == held.suspended),
        (
            "participants",
            same(&truth.participants, &held.participants),
        ),
        (
            "join_requests",
            same(&truth.join_requests, &held.join_requests),
        ),
    ];
    all.into_iter()
        .filter(|(_, agrees)| !agrees)
        .map(|(name, _)| name)
        .collect()
}

fn same(truth: &[Person], held: &[Person]) -> bool {
    truth.len() == held.len()
        && truth
            .iter()
            .all(|person| held.iter().any(|other| person.is(other)))
        && held
            .iter()
            .all(|person| truth.iter().any(|other| person.is(other)))
}

#[cfg(test)]
mod tests;
