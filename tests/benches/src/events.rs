//! Events of many groups, few of them busy.

use domain::{
    event::{
        About, Event, GroupCreated, GroupEvent, MessageEvent, MessageStatus, Person, Pricing,
        Source, Status,
    },
    ids::{EventId, GroupId, MessageId, PhoneNumberId, Text},
};
use rand::{Rng, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

const SEED: u64 = 1;

/// People who come and go in a group; Meta allows 8 at once.
const PEOPLE_PER_GROUP: usize = 12;

/// Events that are stamped with one second.
const PER_SECOND: usize = 500;

/// Receipts of a message, on average: some recipients, each with one or two.
const RECEIPTS_PER_MESSAGE: usize = 5;

/// Keeps the messages of endless events apart that begin in different seconds.
const MESSAGES_PER_SECOND_MAX: usize = 1 << 20;

/// Makes the events one after another: 60 % participants, 32 % receipts, 5 % settings, 2 % lifecycle, 1 % status.
#[derive(Debug)]
pub(crate) struct Events {
    random: ChaCha8Rng,
    groups: usize,
    made: usize,
    count: usize,
    receipts: usize,
    started: i64,
    number: PhoneNumberId,
}

impl Events {
    /// Of `count` events the last is stamped with about now.
    pub(crate) fn new(count: usize, groups: usize, now: i64) -> Self {
        Self {
            random: ChaCha8Rng::seed_from_u64(SEED),
            groups,
            made: 0,
            count,
            receipts: 0,
            started: now - (count / PER_SECOND) as i64,
            number: PhoneNumberId::parse("300000000000001").expect("a plain id"),
        }
    }

    /// Without an end, from now on, and about other messages than all before.
    pub(crate) fn endless(groups: usize, now: i64) -> Self {
        Self {
            random: ChaCha8Rng::seed_from_u64(now.unsigned_abs()),
            count: usize::MAX,
            receipts: now.unsigned_abs() as usize * MESSAGES_PER_SECOND_MAX,
            started: now,
            ..Self::new(0, groups, now)
        }
    }

    /// Log-uniform, which is Zipf's law with exponent 1; scattered, so that busy groups have no ids in a row.
    fn group(&mut self) -> usize {
        let rank = (self.groups as f64).powf(self.random.random::<f64>()) as usize;
        rank.min(self.groups - 1).wrapping_mul(7_919) % self.groups
    }

    fn about(&mut self) -> About {
        let group = self.group();
        let event = match self.random.random_range(0..100) {
            0..32 => return self.receipt(),
            32..66 => GroupEvent::ParticipantsAdded {
                participants: vec![self.person(group)],
            },
            66..92 => GroupEvent::ParticipantsRemoved {
                participants: vec![self.person(group)],
            },
            92..97 => GroupEvent::SettingsUpdated {
                subject: Some(text(format!(
                    "Réparation {}",
                    self.random.random_range(0..9_000)
                ))),
                description: None,
                picture_sha256: None,
            },
            97 | 98 => GroupEvent::Created(GroupCreated {
                subject: Some(text(format!("Visite n° {group}"))),
                description: None,
                invite_link: Some(text(format!("https://chat.whatsapp.com/LINK{group:016}"))),
                join_approval_mode: Some(text("auto_approve")),
                participants: Vec::new(),
            }),
            _ => GroupEvent::Suspended(self.random.random_bool(0.5)),
        };
        About::Group(group_id(group), event)
    }

    fn person(&mut self, group: usize) -> Person {
        person(group, self.random.random_range(0..PEOPLE_PER_GROUP))
    }

    /// A new subject for a group, which differs with `version`.
    pub(crate) fn renamed(&mut self, group: usize, at: i64, version: usize) -> Event {
        let settings = GroupEvent::SettingsUpdated {
            subject: Some(text(format!("Réparation {version}"))),
            description: None,
            picture_sha256: None,
        };
        self.event(at, About::Group(group_id(group), settings))
    }

    /// An event that says this, with an id of its own.
    pub(crate) fn event(&mut self, at: i64, about: About) -> Event {
        let mut id = [0; 16];
        self.random.fill_bytes(&mut id);
        Event {
            id: EventId(id),
            at,
            source: Source::Webhook,
            phone_number_id: Some(self.number.clone()),
            waba_id: Some(text("200000000000001")),
            about,
        }
    }

    /// A receipt of one of the last messages.
    fn receipt(&mut self) -> About {
        self.receipts += 1;
        let latest = self.receipts / RECEIPTS_PER_MESSAGE;
        let message = latest.saturating_sub(self.random.random_range(0..8));
        // A message belongs to one group, whichever receipt comes first.
        let group = message.wrapping_mul(31) % self.groups;
        let status = match self.random.random_range(0..5) {
            0 => Status::Sent,
            1 | 2 => Status::Delivered,
            _ => Status::Read,
        };
        let recipient = (status != Status::Sent).then(|| self.person(group));
        let pricing = (status == Status::Delivered).then(|| Pricing {
            category: Some(text("group_utility")),
            kind: Some(text("regular")),
            model: Some(text("PMP")),
            billable: Some(true),
            origin: None,
        });
        let id = format!("wamid.HBgLMTU1NTAxMDAwMDE{message:016X}");
        About::Message(
            MessageId::parse(&id).expect("a plain id"),
            MessageEvent::Status(MessageStatus {
                status,
                group_id: Some(group_id(group)),
                recipient,
                errors: Vec::new(),
                pricing,
            }),
        )
    }
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        if self.made == self.count {
            return None;
        }
        let about = self.about();
        let event = self.event(self.started + (self.made / PER_SECOND) as i64, about);
        self.made += 1;
        Some(event)
    }
}

/// Id of the group of a number.
pub(crate) fn group_id(group: usize) -> GroupId {
    let id = format!("Y2FwaV9ncm91cDoxNTU1MDEwMDAwMToxMjAzNjM0{group:012}ZD");
    GroupId::parse(&id).expect("a plain id")
}

/// A person of a group.
pub(crate) fn person(group: usize, index: usize) -> Person {
    let number = group * PEOPLE_PER_GROUP + index;
    Person {
        input: None,
        wa_id: Some(text(format!("1555{number:08}"))),
        user_id: Some(text(format!("US.1{number:019}"))),
        parent_user_id: None,
        username: None,
    }
}

pub(crate) fn text(text: impl AsRef<str>) -> Text {
    Text::new(text)
}
