//! How a status changes what is known of a message.

use super::{Core, Failure, Pricing, Recipient};
use crate::{
    event::{Event, MessageEvent, MessageStatus, MetaError, Pricing as Said, Status},
    group::{Named, named},
    ids::{PersonId, Second, Text},
    limits::RECIPIENTS_MAX,
    register::{Doubt, Effect, Latest, Rank, Register, Stamp, assert, latest},
};

/// Folds a status in.
///
/// The effect is a `Value` where the view changed, unless what is said [`is_shown_joined`] or there are links.
pub(super) fn fold(core: &mut Core, event: &Event, what: &MessageEvent) -> Effect {
    let MessageEvent::Status(status) = what;
    let about = about(core, event, status);
    let named = status.recipient.as_ref().map(named);
    let Some(Named {
        id: Some(id),
        links,
        ..
    }) = named
    else {
        return about.max(of_all(core, event.at, status));
    };
    let Some((is_new, recipient)) = find(core, &id) else {
        return about;
    };
    let mut effect = about.max(of_one(recipient, event.at, status));
    if is_new {
        effect = Effect::Value;
    }
    for (from, to) in links {
        let stamp = stamp(event);
        effect = effect.max(core.is.assert(&from, stamp, to, Doubt::Kept));
    }
    if core.is.keep_greatest(RECIPIENTS_MAX) {
        effect = Effect::Value;
    }
    effect
}

/// Is what it says shown together with what else is known: by a second identifier, or as `sent` to one of many?
pub(super) fn is_shown_joined(what: &MessageEvent) -> bool {
    let MessageEvent::Status(status) = what;
    status.recipient.as_ref().is_some_and(|person| {
        let names = [&person.input, &person.wa_id, &person.user_id];
        names.iter().filter(|name| name.is_some()).count() > 1
    }) || status.status == Status::Sent
}

fn stamp(event: &Event) -> Stamp {
    Stamp {
        at: event.at,
        rank: Rank::Statement,
        tie: event.id,
    }
}

fn about(core: &mut Core, event: &Event, status: &MessageStatus) -> Effect {
    let stamp = stamp(event);
    let text = |held: &mut Option<Register<Text>>, value: Option<&str>| {
        value.map_or(Effect::Nothing, |value| {
            assert(held, stamp, Text::new(value), Doubt::Never)
        })
    };
    let number = event.phone_number_id.as_ref().map(|id| id.as_str());
    let group = status.group_id.as_ref().map(|id| id.as_str());
    text(&mut core.number, number).max(text(&mut core.group, group))
}

/// A status of the message as a whole.
fn of_all(core: &mut Core, at: Second, status: &MessageStatus) -> Effect {
    let MessageStatus {
        status,
        group_id: _,
        recipient: _,
        errors,
        pricing,
    } = status;
    let effect = match status {
        Status::Sent => least(&mut core.sent, at),
        Status::Failed => fail(&mut core.failed, at, errors),
        // Said of nobody, these have nobody to be kept for.
        Status::Delivered | Status::Read | Status::Played => Effect::Nothing,
    };
    effect.max(core.pricing.say(at, pricing.as_ref()))
}

/// A status for one recipient.
fn of_one(recipient: &mut Recipient, at: Second, status: &MessageStatus) -> Effect {
    let MessageStatus {
        status,
        group_id: _,
        recipient: _,
        errors,
        pricing,
    } = status;
    let effect = match status {
        Status::Sent => least(&mut recipient.sent, at),
        Status::Delivered => least(&mut recipient.delivered, at),
        Status::Read => least(&mut recipient.read, at),
        Status::Played => least(&mut recipient.played, at),
        Status::Failed => fail(&mut recipient.failed, at, errors),
    };
    effect.max(recipient.pricing.say(at, pricing.as_ref()))
}

/// The recipient's place, made if there is room; and whether it was made.
fn find<'a>(core: &'a mut Core, id: &PersonId) -> Option<(bool, &'a mut Recipient)> {
    let (is_new, place) = match core.recipients.binary_search_by(|(held, _)| held.cmp(id)) {
        Ok(place) => (false, place),
        Err(_) if core.recipients.len() >= RECIPIENTS_MAX => return None,
        Err(place) => {
            core.recipients
                .insert(place, (id.clone(), Recipient::default()));
            (true, place)
        }
    };
    core.recipients
        .get_mut(place)
        .map(|(_, recipient)| (is_new, recipient))
}

fn least(held: &mut Option<Second>, at: Second) -> Effect {
    if held.is_some_and(|held| held <= at) {
        return Effect::Nothing;
    }
    *held = Some(at);
    Effect::Value
}

/// The first failure wins; of two in one second the one with the greater errors.
fn fail(held: &mut Option<Failure>, at: Second, errors: &[MetaError]) -> Effect {
    let wins = held
        .as_ref()
        .is_none_or(|held| at < held.at || (at == held.at && errors > held.errors.as_slice()));
    if !wins {
        return Effect::Nothing;
    }
    *held = Some(Failure {
        at,
        errors: errors.to_vec(),
    });
    Effect::Value
}

impl Pricing {
    fn say(&mut self, at: Second, said: Option<&Said>) -> Effect {
        let Some(Said {
            category,
            kind,
            model,
            billable,
            origin,
        }) = said
        else {
            return Effect::Nothing;
        };
        fn each<V: Ord + Clone>(
            held: &mut Option<Latest<V>>,
            at: Second,
            said: &Option<V>,
        ) -> Effect {
            said.as_ref()
                .map_or(Effect::Nothing, |value| latest(held, at, value.clone()))
        }
        each(&mut self.category, at, category)
            .max(each(&mut self.kind, at, kind))
            .max(each(&mut self.model, at, model))
            .max(each(&mut self.billable, at, billable))
            .max(each(&mut self.origin, at, origin))
    }

    fn merge(&mut self, other: &Self) {
        fn each<V: Ord + Clone>(held: &mut Option<Latest<V>>, other: &Option<Latest<V>>) {
            if let Some(Latest { at, value }) = other {
                latest(held, *at, value.clone());
            }
        }
        let Self {
            category,
            kind,
            model,
            billable,
            origin,
        } = other;
        each(&mut self.category, category);
        each(&mut self.kind, kind);
        each(&mut self.model, model);
        each(&mut self.billable, billable);
        each(&mut self.origin, origin);
    }
}

impl Recipient {
    /// Joins what is known of the same person under another identifier.
    pub(super) fn merge(&mut self, other: &Self) {
        let Self {
            sent,
            delivered,
            read,
            played,
            failed,
            pricing,
        } = other;
        for (held, other) in [
            (&mut self.sent, sent),
            (&mut self.delivered, delivered),
            (&mut self.read, read),
            (&mut self.played, played),
        ] {
            if let Some(at) = other {
                least(held, *at);
            }
        }
        if let Some(Failure { at, errors }) = failed {
            fail(&mut self.failed, *at, errors);
        }
        self.pricing.merge(pricing);
    }
}
