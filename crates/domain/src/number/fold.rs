//! How an event changes what is known of a number.

use super::{Core, Field, Hold, IdentityChange};
use crate::{
    event::{Event, NumberEvent},
    ids::Second,
    limits::{HOLD_SUSPECTS_MAX, IDENTITY_CHANGE_SECONDS, NUMBER_ENTRIES_MAX},
    register::{Doubt, Effect, Rank, Stamp, assert, differ},
};

/// Folds an event in; tells how far that is to be seen.
pub(super) fn fold(core: &mut Core, event: &Event, what: &NumberEvent) -> Effect {
    let stamp = Stamp {
        at: event.at,
        rank: Rank::Statement,
        tie: event.id,
    };
    let mut effect = Effect::Nothing;
    if let Some(waba) = &event.waba_id {
        effect = assert(&mut core.waba, stamp, waba.clone(), Doubt::Never);
    }
    effect = effect.max(match what {
        NumberEvent::IdentityChanged { old, new } => {
            let mut old = old.clone();
            old.sort_unstable();
            old.dedup();
            let change = IdentityChange {
                at: event.at,
                event_id: event.id,
                old,
                new: new.clone(),
            };
            remember(core, change)
        }
        NumberEvent::ListPassed(pass) => {
            assert(&mut core.list_pass, stamp, pass.clone(), Doubt::Never)
        }
        NumberEvent::Held {
            hold_id,
            groups,
            suspects,
        } => {
            let mut suspects = suspects.clone();
            suspects.sort_unstable();
            suspects.dedup();
            suspects.truncate(HOLD_SUSPECTS_MAX);
            let hold = Hold {
                is_released: false,
                groups: *groups,
                suspects,
                by: None,
            };
            core.holds.assert(hold_id, stamp, hold, Doubt::Never)
        }
        NumberEvent::Released {
            hold_id,
            groups,
            by,
        } => {
            let hold = Hold {
                is_released: true,
                groups: *groups,
                suspects: Vec::new(),
                by: by.clone(),
            };
            core.holds.assert(hold_id, stamp, hold, Doubt::Never)
        }
        NumberEvent::Counted(figures) => {
            assert(&mut core.figures, stamp, figures.clone(), Doubt::Never)
        }
        NumberEvent::PassAsked { by: _ } => ask_for_pass(core, event.at),
        NumberEvent::Paused(paused) => assert(&mut core.paused, stamp, *paused, Doubt::Kept),
    });
    if event.at > core.seen {
        core.seen = event.at;
        effect = effect.max(Effect::Stamp);
        let floor = identity_floor(core);
        core.identity_changes.retain(|change| change.at >= floor);
    }
    core.holds.keep_greatest(NUMBER_ENTRIES_MAX);
    effect
}

/// The greatest second stays; nothing of it is shown.
fn ask_for_pass(core: &mut Core, at: Second) -> Effect {
    if at <= core.pass_asked {
        return Effect::Nothing;
    }
    core.pass_asked = at;
    Effect::Stamp
}

/// Identity changes before it are forgotten: it looks at nothing but the greatest second seen, which keeps this a join.
fn identity_floor(core: &Core) -> Second {
    core.seen.saturating_sub(IDENTITY_CHANGE_SECONDS)
}

fn remember(core: &mut Core, change: IdentityChange) -> Effect {
    if change.at < identity_floor(core) {
        return Effect::Nothing;
    }
    let Err(place) = core.identity_changes.binary_search(&change) else {
        return Effect::Nothing;
    };
    core.identity_changes.insert(place, change);
    if core.identity_changes.len() > NUMBER_ENTRIES_MAX {
        core.identity_changes.remove(0);
    }
    Effect::Value
}

/// What can be seen to differ: values and doubts, not stamps.
pub(super) fn changes(before: &Core, after: &Core) -> Vec<Field> {
    let Core {
        waba,
        identity_changes,
        list_pass,
        holds,
        paused,
        figures: _,
        pass_asked: _,
        seen: _,
    } = before;
    let holds_differ = holds.len() != after.holds.len()
        || holds
            .iter()
            .zip(after.holds.iter())
            .any(|(a, b)| (a.0, &a.1.value) != (b.0, &b.1.value));
    let all = [
        (Field::Waba, differ(waba, &after.waba)),
        (
            Field::IdentityChanges,
            *identity_changes != after.identity_changes,
        ),
        (Field::ListPass, differ(list_pass, &after.list_pass)),
        (Field::Holds, holds_differ),
        (Field::Paused, differ(paused, &after.paused)),
    ];
    all.into_iter()
        .filter(|(_, differs)| *differs)
        .map(|(field, _)| field)
        .collect()
}
