//! A projector as small as can be: folds `events.v1` and publishes groups and numbers.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::{
    event::{About, Event},
    group::{Applied, Group},
    ids::{Entity, GroupId, PhoneNumberId, RequestId},
    number::Number,
    position::Position,
    request::Request,
};
use eventlog::{At, Batch, Log, Start};
use tokio::sync::watch;
use wire::{
    Decoded,
    topics::{Topic, key},
};

/// All that was folded, and every event of it.
#[derive(Default)]
pub(crate) struct Folded {
    pub(crate) groups: BTreeMap<GroupId, Group>,
    numbers: BTreeMap<PhoneNumberId, Number>,
    pub(crate) requests: BTreeMap<RequestId, Request>,
    pub(crate) events: Vec<Event>,
}

/// A running fold.
#[derive(Clone)]
pub(crate) struct Fold {
    pub(crate) held: Arc<Mutex<Folded>>,
    /// The offset after the last event whose state is published.
    pub(crate) next: watch::Sender<i64>,
    /// While it stands still nothing is folded.
    pub(crate) stands_still: watch::Sender<bool>,
}

impl Fold {
    pub(crate) fn start(log: Log) -> Self {
        let fold = Self {
            held: Arc::default(),
            next: watch::channel(0).0,
            stands_still: watch::channel(false).0,
        };
        tokio::spawn(fold.clone().run(log));
        fold
    }

    async fn run(self, log: Log) {
        let start = Start::new(Topic::Events.name(), 0, At::Beginning);
        let mut reader = log.reader(vec![start]).await.unwrap();
        loop {
            let read = reader
                .next(1_000, 1 << 20, Duration::from_secs(1))
                .await
                .unwrap();
            let mut stands_still = self.stands_still.subscribe();
            stands_still
                .wait_for(|stands_still| !stands_still)
                .await
                .unwrap();
            let mut states = Batch::new();
            for record in read.iter() {
                let Decoded::Known(event) = wire::decode_event(record.value.unwrap()).unwrap()
                else {
                    panic!("an event of a kind that nobody knows")
                };
                self.take(event, record.offset, &mut states);
            }
            if let Some(last) = read.iter().last() {
                log.append(states).await.unwrap();
                self.next.send_replace(last.offset + 1);
            }
        }
    }

    fn take(&self, event: Event, offset: i64, states: &mut Batch) {
        let position = Position {
            generation: 1,
            offset,
            ..Position::default()
        };
        let mut held = self.held.lock().unwrap();
        let mut value = Vec::new();
        let (topic, entity) = match &event.about {
            About::Group(id, _) => {
                let group = held.groups.entry(id.clone()).or_default();
                if matches!(group.apply(id, &event, position), Applied::Forgotten { .. }) {
                    held.groups.remove(id);
                } else {
                    wire::encode_group(id, group, &mut value);
                }
                (Topic::Groups, Entity::Group(id.clone()))
            }
            About::Number(id, _) => {
                let number = held.numbers.entry(id.clone()).or_default();
                number.apply(id, &event, position);
                wire::encode_number(id, number, &mut value);
                (Topic::Numbers, Entity::Number(id.clone()))
            }
            About::Request(id, _) => {
                let request = held.requests.entry(id.clone()).or_default();
                request.apply(id, &event, position);
                wire::encode_request(id, request, &mut value);
                (Topic::Requests, Entity::Request(id.clone()))
            }
            About::Message(..) => panic!("nothing here is about messages"),
        };
        held.events.push(event);
        let value = (!value.is_empty()).then_some(value.as_slice());
        states.push(topic.name(), 0, &key(&entity), value, &[], 0);
    }
}
