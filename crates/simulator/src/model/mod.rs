//! The pure state of the played WhatsApp: numbers, people, groups, messages, and the rules they follow.
//!
//! Nothing here waits or does IO. Acts of people are in `acts`, those of a business in `business`,
//! messages in `messages`; each changes the state and emits the webhooks Meta would send.
//! Start at [`World`].

pub(crate) mod acts;
pub(crate) mod business;
pub(crate) mod group;
pub(crate) mod ids;
pub(crate) mod messages;
pub(crate) mod people;
mod population;
pub(crate) mod rates;
pub(crate) mod requests;
pub(crate) mod snapshots;
pub(crate) mod templates;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use self::{
    group::{Group, View},
    ids::{Ids, Origin},
    messages::Messages,
    people::People,
    rates::Rates,
    requests::Request,
    snapshots::Snapshots,
    templates::Templates,
};
use crate::{
    clock::Clock,
    delivery::Outbox,
    faults::Faults,
    limits::{LAG_SECONDS_MAX, SAME_SECOND_GAP},
    random::{Purpose, stream},
    webhook::{Event, Payload},
};

/// The one business account.
pub(crate) const WABA_ID: &str = "200000000000001";

/// The one app, to which the account's webhooks are sent.
pub(crate) const APP_ID: &str = "100000000000001";

/// A business number.
#[derive(Clone, Debug)]
pub(crate) struct Number {
    pub(crate) phone_number_id: String,
    /// Its digits.
    pub(crate) display: String,
}

/// What a world is made from.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) seed: u64,
    pub(crate) numbers: u32,
    pub(crate) groups: u32,
    pub(crate) api_past_seconds: u64,
}

/// All state. One lock around it makes every act atomic, as Meta's truth is one.
#[derive(Debug)]
pub(crate) struct World {
    clock: Clock,
    last_ms: i64,
    pub(crate) numbers: Vec<Number>,
    pub(crate) people: People,
    /// Also groups deleted within the longest lag, for the API that lags.
    groups: BTreeMap<Arc<str>, Group>,
    /// Ids of groups that are not deleted, in order of creation.
    alive: Vec<Arc<str>>,
    deleted: VecDeque<(i64, Arc<str>)>,
    links: BTreeMap<String, Arc<str>>,
    pub(crate) messages: Messages,
    pub(crate) ids: Ids,
    pub(crate) faults: Faults,
    pub(crate) snapshots: Snapshots,
    pub(crate) traffic: ChaCha8Rng,
    pub(crate) api_faults: ChaCha8Rng,
    pub(crate) trace: ChaCha8Rng,
    pub(crate) shapes: ChaCha8Rng,
    webhook_faults: ChaCha8Rng,
    outbox: Arc<Outbox>,
    emitted: u64,
    /// Start of the hour that calls are counted in (Unix milliseconds), and their number.
    pub(crate) calls: (i64, u64),
    /// Accepted requests that wait to complete, in the order they were accepted.
    requests: VecDeque<Request>,
    pub(crate) rates: Rates,
    pub(crate) templates: Templates,
}

impl World {
    /// A world with its population. No webhooks tell of what was there before.
    pub(crate) fn new(shape: &Shape, clock: Clock, outbox: Arc<Outbox>) -> Self {
        let seed = shape.seed;
        let numbers = (1..=u64::from(shape.numbers))
            .map(|n| Number {
                phone_number_id: (300_000_000_000_000 + n).to_string(),
                display: (15_550_100_000 + n).to_string(),
            })
            .collect();
        let mut world = Self {
            last_ms: clock.now_ms(),
            clock,
            numbers,
            people: People::default(),
            groups: BTreeMap::new(),
            alive: Vec::new(),
            deleted: VecDeque::new(),
            links: BTreeMap::new(),
            messages: Messages::default(),
            ids: Ids::new(seed),
            faults: Faults::default(),
            snapshots: Snapshots::default(),
            traffic: stream(seed, Purpose::Traffic),
            api_faults: stream(seed, Purpose::ApiFaults),
            trace: stream(seed, Purpose::Trace),
            shapes: stream(seed, Purpose::Shapes),
            webhook_faults: stream(seed, Purpose::WebhookFaults),
            outbox,
            emitted: 0,
            calls: (i64::MIN, 0),
            requests: VecDeque::new(),
            rates: Rates::default(),
            templates: Templates::default(),
        };
        world.populate(shape);
        world.ids.origin = Origin::Caller;
        world
    }

    /// Unix milliseconds; never goes back.
    pub(crate) fn now_ms(&mut self) -> i64 {
        self.last_ms = self.last_ms.max(self.clock.now_ms());
        self.last_ms
    }

    /// The moment that the API shows, which is now less the lag.
    pub(crate) fn seen_ms(&mut self) -> i64 {
        let lag = self.faults.api.lag_seconds * 1000.0;
        self.now_ms() - lag as i64
    }

    /// The index of a business number.
    pub(crate) fn number_index(&self, phone_number_id: &str) -> Option<usize> {
        self.numbers
            .iter()
            .position(|number| number.phone_number_id == phone_number_id)
    }

    /// A group that is there now.
    pub(crate) fn group(&self, group_id: &str) -> Option<&Group> {
        self.groups
            .get(group_id)
            .filter(|group| !group.view().deleted)
    }

    pub(crate) fn group_mut(&mut self, group_id: &str) -> Option<&mut Group> {
        self.groups
            .get_mut(group_id)
            .filter(|group| !group.view().deleted)
    }

    /// A group as the API sees it at `ms`.
    pub(crate) fn group_at(&self, group_id: &str, ms: i64) -> Option<Arc<View>> {
        self.groups.get(group_id)?.view_at(ms).map(Arc::clone)
    }

    /// A number's groups as the API sees them at `ms`, newest first.
    pub(crate) fn groups_at(&self, number: usize, ms: i64) -> Vec<Arc<View>> {
        let mut views: Vec<Arc<View>> = self
            .groups
            .values()
            .filter_map(|group| group.view_at(ms))
            .filter(|view| view.number == number)
            .map(Arc::clone)
            .collect();
        views.sort_by(|a, b| {
            b.created_at
                .cmp(&a.created_at)
                .then_with(|| a.group_id.cmp(&b.group_id))
        });
        views
    }

    pub(crate) fn groups_of(&self, number: usize) -> usize {
        self.alive
            .iter()
            .filter_map(|id| self.groups.get(id))
            .filter(|group| group.view().number == number)
            .count()
    }

    /// Groups that are not deleted, in order of creation.
    pub(crate) fn alive(&self) -> &[Arc<str>] {
        &self.alive
    }

    /// The group a link leads to.
    pub(crate) fn group_of_link(&self, link: &str) -> Option<Arc<str>> {
        self.links.get(link).map(Arc::clone)
    }

    pub(crate) fn set_link(&mut self, group_id: &Arc<str>, link: Option<String>) {
        let now_ms = self.now_ms();
        let Some(group) = self.groups.get_mut(group_id) else {
            return;
        };
        if let Some(former) = &group.view().invite_link {
            self.links.remove(former);
        }
        if let Some(link) = &link {
            self.links.insert(link.clone(), Arc::clone(group_id));
        }
        group.change(now_ms, |view| view.invite_link = link);
    }

    pub(crate) fn insert_group(&mut self, group: Group) {
        let group_id = Arc::clone(&group.view().group_id);
        if let Some(link) = &group.view().invite_link {
            self.links.insert(link.clone(), Arc::clone(&group_id));
        }
        self.alive.push(Arc::clone(&group_id));
        self.groups.insert(group_id, group);
    }

    pub(crate) fn remove_group(&mut self, group_id: &Arc<str>) {
        let now_ms = self.now_ms();
        let Some(group) = self.groups.get_mut(group_id) else {
            return;
        };
        if let Some(link) = &group.view().invite_link {
            self.links.remove(link);
        }
        group.change(now_ms, |view| {
            view.deleted = true;
            view.participants.clear();
            view.asks.clear();
        });
        self.alive.retain(|id| id != group_id);
        self.deleted.push_back((now_ms, Arc::clone(group_id)));
        let horizon = now_ms - i64::try_from(LAG_SECONDS_MAX * 1000).unwrap_or(i64::MAX);
        while let Some((at, id)) = self.deleted.front()
            && *at < horizon
        {
            self.groups.remove(id);
            self.deleted.pop_front();
        }
    }

    /// Every group with this person, also among those who ask.
    pub(crate) fn groups_with(&self, key: people::PersonKey) -> Vec<Arc<str>> {
        let holds = |view: &View| view.member(key).is_some() || view.ask(key).is_some();
        self.alive
            .iter()
            .filter(|id| {
                self.groups
                    .get(*id)
                    .is_some_and(|group| holds(group.view()))
            })
            .map(Arc::clone)
            .collect()
    }

    /// The second a webhook about this group carries now.
    /// Under the fault `same_second` it may be that of the group's event before, if that is just past.
    pub(crate) fn stamp(&mut self, group_id: &str) -> i64 {
        let now = self.now_ms().div_euclid(1000);
        let share = self.faults.webhooks.same_second;
        let same = self.shapes.random::<f64>() < share;
        let Some(group) = self.groups.get_mut(group_id) else {
            return now;
        };
        let second = if same && now.saturating_sub(group.stamped) <= SAME_SECOND_GAP {
            group.stamped.min(now)
        } else {
            now
        };
        group.stamped = second;
        second
    }

    /// Sends an event on its way, through the faults.
    pub(crate) fn emit(&mut self, field: &'static str, number: usize, payload: Payload) {
        let Some(number) = self.numbers.get(number) else {
            return;
        };
        let event = Event::new(field, number, payload);
        self.emitted += 1;
        let event = if self.shapes.random::<f64>() < self.faults.webhooks.variants {
            event.varied()
        } else {
            event
        };
        let fate = self.faults.webhooks.fate(field, &mut self.webhook_faults);
        let now_ms = self.now_ms();
        self.outbox.push(event, fate, now_ms);
    }

    /// Events emitted so far, lost ones too.
    pub(crate) fn emitted(&self) -> u64 {
        self.emitted
    }

    /// The truth: sorted, and the same for the same state.
    pub(crate) fn truth(&mut self) -> Value {
        let now = self.now_ms().div_euclid(1000);
        let numbers: Vec<Value> = self
            .numbers
            .iter()
            .enumerate()
            .map(|(index, number)| {
                let groups: Vec<Value> = self
                    .groups
                    .values()
                    .map(Group::view)
                    .filter(|view| view.number == index && !view.deleted)
                    .map(|view| view.truth())
                    .collect();
                json!({"phone_number_id": number.phone_number_id, "waba_id": WABA_ID, "groups": groups})
            })
            .collect();
        json!({"now": now, "numbers": numbers})
    }
}
