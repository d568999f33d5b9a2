//! How a status changes what is known of a message.

use super::{Core, Failure, Pricing, Recipient};
use crate::{
    event::{Event, MessageEvent, MessageStatus, MetaError, Pricing as Said, Status},
    group::named,
    ids::{PersonId, Second, Text},
    limits::RECIPIENTS_MAX,
    register::{Doubt, Latest, Rank, Stamp, assert, latest},
};

/// Folds a status in; tells whether any byte changed.
pub(super) fn fold(core: &mut Core, event: &Event, what: &MessageEvent) -> bool {
    let MessageEvent::Status(MessageStatus {
        status,
        group_id,
        recipient,
        errors,
        pricing,
    }) = what;
    let stamp = Stamp {
        at: event.at,
        rank: Rank::Statement,
        tie: event.id,
    };
    let mut changed = false;
    if let Some(number) = &event.phone_number_id {
        changed |= assert(
            &mut core.number,
            stamp,
            Text::new(number.as_str()),
            Doubt::Never,
        );
    }
    if let Some(group_id) = group_id {
        changed |= assert(
            &mut core.group,
            stamp,
            Text::new(group_id.as_str()),
            Doubt::Never,
        );
    }
    let named = recipient.as_ref().map(named);
    for (from, to) in named.iter().flat_map(|named| &named.links) {
        changed |= core.is.assert(from, stamp, to.clone(), Doubt::Kept);
    }
    let Some(id) = named.and_then(|named| named.id) else {
        changed |= match status {
            Status::Sent => least(&mut core.sent, event.at),
            Status::Failed => fail(&mut core.failed, event.at, errors),
            // Said of nobody, these have nobody to be kept for.
            Status::Delivered | Status::Read | Status::Played => false,
        };
        return changed | core.pricing.say(event.at, pricing.as_ref());
    };
    let (is_new, recipient) = match find(core, id) {
        Some(found) => found,
        None => return changed,
    };
    changed |= match status {
        Status::Sent => false,
        Status::Delivered => least(&mut recipient.delivered, event.at),
        Status::Read => least(&mut recipient.read, event.at),
        Status::Played => least(&mut recipient.played, event.at),
        Status::Failed => fail(&mut recipient.failed, event.at, errors),
    };
    changed | recipient.pricing.say(event.at, pricing.as_ref()) | is_new
}

/// The recipient's place, made if there is room; and whether it was made.
fn find(core: &mut Core, id: PersonId) -> Option<(bool, &mut Recipient)> {
    let (is_new, place) = match core.recipients.binary_search_by(|(held, _)| held.cmp(&id)) {
        Ok(place) => (false, place),
        Err(_) if core.recipients.len() >= RECIPIENTS_MAX => return None,
        Err(place) => {
            core.recipients.insert(place, (id, Recipient::default()));
            (true, place)
        }
    };
    core.recipients
        .get_mut(place)
        .map(|(_, recipient)| (is_new, recipient))
}

fn least(held: &mut Option<Second>, at: Second) -> bool {
    let is_less = held.is_none_or(|held| at < held);
    if is_less {
        *held = Some(at);
    }
    is_less
}

/// The first failure wins; of two in one second the one with the greater errors.
fn fail(held: &mut Option<Failure>, at: Second, errors: &[MetaError]) -> bool {
    let wins = held
        .as_ref()
        .is_none_or(|held| at < held.at || (at == held.at && errors > held.errors.as_slice()));
    if wins {
        *held = Some(Failure {
            at,
            errors: errors.to_vec(),
        });
    }
    wins
}

impl Pricing {
    fn say(&mut self, at: Second, said: Option<&Said>) -> bool {
        let Some(Said {
            category,
            kind,
            model,
            billable,
            origin,
        }) = said
        else {
            return false;
        };
        fn each<V: Ord + Clone>(
            held: &mut Option<Latest<V>>,
            at: Second,
            said: &Option<V>,
        ) -> bool {
            said.as_ref()
                .is_some_and(|value| latest(held, at, value.clone()))
        }
        each(&mut self.category, at, category)
            | each(&mut self.kind, at, kind)
            | each(&mut self.model, at, model)
            | each(&mut self.billable, at, billable)
            | each(&mut self.origin, at, origin)
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
            delivered,
            read,
            played,
            failed,
            pricing,
        } = other;
        for (held, other) in [
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
