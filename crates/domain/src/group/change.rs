//! What changed between two views.

use super::{Existence, Field, JoinRequest, Participant, View};
use crate::ids::{Second, Text};

/// One field that changed, before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldChange {
    /// `existence`; `None` is unconfirmed.
    Existence {
        /// Before.
        before: Option<Existence>,
        /// After.
        after: Option<Existence>,
    },
    /// A field of text.
    Text {
        /// Which.
        field: Field,
        /// Before.
        before: Option<Text>,
        /// After.
        after: Option<Text>,
    },
    /// A field that is true or false.
    Flag {
        /// Which.
        field: Field,
        /// Before.
        before: Option<bool>,
        /// After.
        after: Option<bool>,
    },
    /// A field that is a second.
    Time {
        /// Which.
        field: Field,
        /// Before.
        before: Option<Second>,
        /// After.
        after: Option<Second>,
    },
    /// `participants`: those that are no more shown so, and those that newly are.
    Participants {
        /// Shown before and not after.
        before: Vec<Participant>,
        /// Shown after and not before.
        after: Vec<Participant>,
    },
    /// `join_requests`, likewise.
    JoinRequests {
        /// Shown before and not after.
        before: Vec<JoinRequest>,
        /// Shown after and not before.
        after: Vec<JoinRequest>,
    },
    /// `in_doubt`, whole.
    InDoubt {
        /// Before.
        before: Vec<Field>,
        /// After.
        after: Vec<Field>,
    },
}

/// The fields in which two views differ, in order of [`Field`]; no view is like one in which nothing is known.
pub fn diff(before: Option<&View>, after: Option<&View>) -> Vec<FieldChange> {
    let nothing = View::default();
    let (before, after) = (before.unwrap_or(&nothing), after.unwrap_or(&nothing));
    let mut changes = Vec::new();
    let text = |field: Field, before: &Option<Text>, after: &Option<Text>| {
        (before != after).then(|| FieldChange::Text {
            field,
            before: before.clone(),
            after: after.clone(),
        })
    };
    let flag = |field: Field, before: Option<bool>, after: Option<bool>| {
        (before != after).then_some(FieldChange::Flag {
            field,
            before,
            after,
        })
    };
    changes.extend(text(
        Field::PhoneNumberId,
        &before.phone_number_id,
        &after.phone_number_id,
    ));
    changes.extend(text(Field::WabaId, &before.waba_id, &after.waba_id));
    if before.existence != after.existence {
        changes.push(FieldChange::Existence {
            before: before.existence,
            after: after.existence,
        });
    }
    changes.extend(flag(Field::Suspended, before.suspended, after.suspended));
    changes.extend(text(Field::Subject, &before.subject, &after.subject));
    changes.extend(text(
        Field::Description,
        &before.description,
        &after.description,
    ));
    changes.extend(text(
        Field::JoinApprovalMode,
        &before.join_approval_mode,
        &after.join_approval_mode,
    ));
    changes.extend(text(
        Field::InviteLink,
        &before.invite_link,
        &after.invite_link,
    ));
    changes.extend(text(
        Field::PictureSha256,
        &before.picture_sha256,
        &after.picture_sha256,
    ));
    if before.created_at != after.created_at {
        let (before, after) = (before.created_at, after.created_at);
        changes.push(FieldChange::Time {
            field: Field::CreatedAt,
            before,
            after,
        });
    }
    if before.participants != after.participants {
        let (before, after) = only_in(&before.participants, &after.participants);
        changes.push(FieldChange::Participants { before, after });
    }
    if before.join_requests != after.join_requests {
        let (before, after) = only_in(&before.join_requests, &after.join_requests);
        changes.push(FieldChange::JoinRequests { before, after });
    }
    if before.in_doubt != after.in_doubt {
        changes.push(FieldChange::InDoubt {
            before: before.in_doubt.clone(),
            after: after.in_doubt.clone(),
        });
    }
    changes.extend(flag(
        Field::Overflow,
        Some(before.overflow),
        Some(after.overflow),
    ));
    changes
}

/// Those of `before` that `after` lacks, and the other way round.
fn only_in<T: PartialEq + Clone>(before: &[T], after: &[T]) -> (Vec<T>, Vec<T>) {
    let lacking = |these: &[T], those: &[T]| {
        these
            .iter()
            .filter(|one| !those.contains(one))
            .cloned()
            .collect()
    };
    (lacking(before, after), lacking(after, before))
}
