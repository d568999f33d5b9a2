//! What an item of a webhook asserts (design §4), as events of the entities it is about.
//!
//! Start at [`Judge::judge`]. It believes what `graph` has read and decides by it alone: no clock but
//! the one second it is given, nothing of other items. An item that asserts something becomes one event
//! for each entity; one that cannot be understood becomes a [`Refused`] and, where it names a group, a
//! hint that somebody should read that group.

mod group;
mod messages;
mod naming;

use domain::{
    event::{About, Event, GroupEvent, HintReason, Source},
    ids::{Entity, EventId, GroupId, MessageId, PhoneNumberId, Second, Text},
};
use graph::webhook::{Dropped, Field, Item, Parsed, Shape};

use crate::reason::Reason;

/// Put before the content of an item that is hashed for a hint, so that the hint never has the id of the event
/// that the item becomes when it is replayed.
const HINT: &[u8] = b"hint\0";

/// The seconds that an item may be stamped with: one number in milliseconds would freeze a register for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Seconds behind our clock; `None` is no limit.
    pub past: Option<i64>,
    /// Seconds ahead of our clock.
    pub future: i64,
}

impl Window {
    pub(crate) fn check(self, timestamp: Option<Second>, now: Second) -> Result<Second, Reason> {
        let at = timestamp.ok_or(Reason::NoTimestamp)?;
        if at > now.saturating_add(self.future) {
            return Err(Reason::TimestampAhead);
        }
        if self.past.is_some_and(|past| at < now.saturating_sub(past)) {
            return Err(Reason::TimestampBehind);
        }
        Ok(at)
    }
}

/// An event with the entity that its record is keyed by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Addressed {
    pub(crate) entity: Entity,
    pub(crate) event: Event,
}

/// What became of an item.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// It became events.
    Asserted,
    /// It was understood and asserts nothing: a failure that no request of ours waits for.
    Nothing,
    /// It is not about groups.
    Dropped(Dropped),
    /// It goes to quarantine; what it asserts all the same, and a hint, are among the events.
    Refused(Refused),
}

/// Why an item goes to quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) reason: Reason,
    /// Where in the item, and what was expected there; no value of it.
    pub(crate) detail: Option<String>,
    /// What it is about, if known.
    pub(crate) entity: Option<Entity>,
}

impl From<Reason> for Refused {
    fn from(reason: Reason) -> Self {
        Self {
            reason,
            detail: None,
            entity: None,
        }
    }
}

/// Judges items against one second of our clock.
#[derive(Debug)]
pub(crate) struct Judge {
    pub(crate) window: Window,
    pub(crate) now: Second,
    /// Canonical content of the item at hand; kept between items for its allocation.
    canonical: Vec<u8>,
}

/// What kind of item it was and what became of it, for the metrics.
#[derive(Debug, PartialEq)]
pub(crate) struct Judged {
    /// A word of a closed set.
    pub(crate) kind: &'static str,
    pub(crate) verdict: Verdict,
}

impl Judge {
    pub(crate) fn new(window: Window, now: Second) -> Self {
        Self {
            window,
            now,
            canonical: Vec::new(),
        }
    }

    /// Judges one item; its events are added to `events`.
    pub(crate) fn judge(&mut self, item: &Item<'_>, events: &mut Vec<Addressed>) -> Judged {
        self.canonical.clear();
        let mut scribe = Scribe {
            field: &item.field,
            waba_id: item.waba_id.as_deref(),
            number: number(item),
            window: self.window,
            now: self.now,
            canonical: &mut self.canonical,
            events,
        };
        let (kind, judged) = scribe.judge(item);
        let verdict = judged.unwrap_or_else(|mut refused| {
            scribe.hint(item);
            refused.entity = refused.entity.or_else(|| entity(item));
            Verdict::Refused(refused)
        });
        Judged { kind, verdict }
    }
}

/// Writes the events of one item.
struct Scribe<'a> {
    field: &'a Field<'a>,
    waba_id: Option<&'a str>,
    number: Option<PhoneNumberId>,
    window: Window,
    now: Second,
    /// What the item says; every event id is hashed from it.
    canonical: &'a mut Vec<u8>,
    events: &'a mut Vec<Addressed>,
}

impl Scribe<'_> {
    fn judge(&mut self, item: &Item<'_>) -> (&'static str, Result<Verdict, Refused>) {
        match item.parse() {
            Ok(Parsed::Group(group)) => (group::kind(&group), group::judge(self, &group)),
            Ok(Parsed::Messages(parsed)) => {
                (messages::kind(&parsed), messages::judge(self, &parsed))
            }
            Ok(Parsed::UnknownField) => ("value", Err(Reason::UnknownField.into())),
            Err(refusal) => {
                let refused = Refused {
                    reason: Reason::from(&refusal),
                    detail: Some(refusal.to_string()),
                    entity: None,
                };
                ("unread", Err(refused))
            }
        }
    }

    /// The second that the item asserts at.
    fn second(&self, timestamp: Option<Second>) -> Result<Second, Reason> {
        self.window.check(timestamp, self.now)
    }

    /// Adds an event of Meta's.
    fn add(&mut self, at: Second, about: About) {
        self.push(at, Source::Webhook, about);
    }

    /// Adds "somebody should read this group", at our clock's second: the item's own may be what is wrong with it.
    ///
    /// Statuses are about messages: reading the group would not tell what one of them was to say.
    fn hint(&mut self, item: &Item<'_>) {
        if item.shape == Shape::Status {
            return;
        }
        let Some(group_id) = group_id(item) else {
            return;
        };
        if self.canonical.is_empty() {
            self.canonical.extend_from_slice(item.raw().as_bytes());
        }
        self.canonical.splice(0..0, HINT.iter().copied());
        let reason = HintReason::Quarantined;
        let about = About::Group(group_id, GroupEvent::Hinted { reason });
        self.push(self.now, Source::Rollcall, about);
    }

    fn push(&mut self, at: Second, source: Source, about: About) {
        let entity = match &about {
            About::Group(id, _) => Entity::Group(id.clone()),
            About::Message(id, _) => Entity::Message(id.clone()),
            About::Number(id, _) => Entity::Number(id.clone()),
            About::Request(id, _) => Entity::Request(id.clone()),
        };
        let event = Event {
            id: self.id(&entity),
            at,
            source,
            phone_number_id: self.number.clone(),
            waba_id: self.waba_id.map(Text::new),
            about,
        };
        self.events.push(Addressed { entity, event });
    }

    fn id(&self, entity: &Entity) -> EventId {
        let number = self.number.as_ref().map(|number| number.as_str());
        let (content, field) = (self.canonical.as_slice(), self.field.as_str());
        wire::id::event_id(content, field, self.waba_id, number, entity)
    }
}

/// A number that is no identifier is one not given: what happened to the group is still worth knowing.
fn number(item: &Item<'_>) -> Option<PhoneNumberId> {
    PhoneNumberId::parse(item.metadata.phone_number_id.as_deref()?).ok()
}

fn group_id(item: &Item<'_>) -> Option<GroupId> {
    GroupId::parse(&item.group_id()?).ok()
}

/// What an item is about that was not read.
fn entity(item: &Item<'_>) -> Option<Entity> {
    let message = || {
        MessageId::parse(&item.message_id()?)
            .ok()
            .map(Entity::Message)
    };
    let group = || group_id(item).map(Entity::Group);
    match item.shape {
        Shape::Status => message(),
        Shape::Group | Shape::DirectGroup | Shape::Message | Shape::Neither | Shape::Value => {
            group().or_else(message)
        }
    }
}
