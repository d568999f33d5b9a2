//! Changes that webhooks told, seen in the states before and after.

use crate::{
    group::{Core, Existence, Group, Presence},
    register::{Rank, Register},
};

/// How many changes of the kinds that count for the loss rate lie between two states, told by more than a read.
pub(super) fn told(before: Option<&Group>, after: &Group) -> u64 {
    let nothing = Core::default();
    let before = before.map_or(&nothing, |before| &before.core);
    let after = &after.core;
    let mut count = u64::from(is_told(&before.subject, &after.subject))
        + u64::from(is_told(&before.suspended, &after.suspended))
        + u64::from(is_existence_told(before, after));
    // Being taken out with the whole group is one change.
    if is_gone(after) {
        return count;
    }
    for (id, register) in after.member.iter() {
        // Of one who is named for the first time only being in is a change.
        let was = before.member.get(id).map(|register| register.value);
        let was = was.unwrap_or(Presence::Absent);
        count += u64::from(register.value != was && register.stamp.rank > Rank::Read);
    }
    count
}

fn is_told<V: PartialEq>(before: &Option<Register<V>>, after: &Option<Register<V>>) -> bool {
    let (Some(before), Some(after)) = (before, after) else {
        return false;
    };
    before.value != after.value && after.stamp.rank > Rank::Read
}

fn is_existence_told(before: &Core, after: &Core) -> bool {
    is_told(&before.exists, &after.exists)
}

fn is_gone(core: &Core) -> bool {
    core.exists
        .as_ref()
        .is_some_and(|exists| exists.value == Existence::Gone)
}
