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
    singles(before, after, &mut changes);
    persons(
        (
            &before.participants,
            &before.join_requests,
            &before.in_doubt,
        ),
        after,
        &mut changes,
    );
    overflow(before, after, &mut changes);
    changes
}

/// Changes of all fields but those of persons.
pub(super) fn group(before: &View, after: &View, changes: &mut Vec<FieldChange>) {
    singles(before, after, changes);
    in_doubt(&before.in_doubt, after, changes);
    overflow(before, after, changes);
}

/// Changes of the fields of persons, and of what is in doubt.
pub(super) fn persons(
    (participants, join_requests, doubts): (&[Participant], &[JoinRequest], &[Field]),
    after: &View,
    changes: &mut Vec<FieldChange>,
) {
    if participants != after.participants {
        let (before, after) = only_in(participants, &after.participants);
        changes.push(FieldChange::Participants { before, after });
    }
    if join_requests != after.join_requests {
        let (before, after) = only_in(join_requests, &after.join_requests);
        changes.push(FieldChange::JoinRequests { before, after });
    }
    in_doubt(doubts, after, changes);
}

fn in_doubt(before: &[Field], after: &View, changes: &mut Vec<FieldChange>) {
    if before != after.in_doubt {
        changes.push(FieldChange::InDoubt {
            before: before.to_vec(),
            after: after.in_doubt.clone(),
        });
    }
}

fn overflow(before: &View, after: &View, changes: &mut Vec<FieldChange>) {
    let overflow = |view: &View| Some(view.overflow);
    flag(Field::Overflow, overflow(before), overflow(after), changes);
}

/// A field of text, and where a view has it.
type TextField = (Field, fn(&View) -> &Option<Text>);

/// Changes of the fields that hold one value.
fn singles(before: &View, after: &View, changes: &mut Vec<FieldChange>) {
    let ids: [TextField; 2] = [
        (Field::PhoneNumberId, |view| &view.phone_number_id),
        (Field::WabaId, |view| &view.waba_id),
    ];
    texts(&ids, before, after, changes);
    if before.existence != after.existence {
        changes.push(FieldChange::Existence {
            before: before.existence,
            after: after.existence,
        });
    }
    flag(Field::Suspended, before.suspended, after.suspended, changes);
    let settings: [TextField; 5] = [
        (Field::Subject, |view| &view.subject),
        (Field::Description, |view| &view.description),
        (Field::JoinApprovalMode, |view| &view.join_approval_mode),
        (Field::InviteLink, |view| &view.invite_link),
        (Field::PictureSha256, |view| &view.picture_sha256),
    ];
    texts(&settings, before, after, changes);
    if before.created_at != after.created_at {
        changes.push(FieldChange::Time {
            field: Field::CreatedAt,
            before: before.created_at,
            after: after.created_at,
        });
    }
}

fn texts(fields: &[TextField], before: &View, after: &View, changes: &mut Vec<FieldChange>) {
    for (field, get) in fields {
        let (before, after) = (get(before), get(after));
        if before != after {
            changes.push(FieldChange::Text {
                field: *field,
                before: before.clone(),
                after: after.clone(),
            });
        }
    }
}

fn flag(field: Field, before: Option<bool>, after: Option<bool>, changes: &mut Vec<FieldChange>) {
    if before != after {
        changes.push(FieldChange::Flag {
            field,
            before,
            after,
        });
    }
}

/// Those of `before` that `after` lacks, and the other way round.
fn only_in<T: PartialEq + Clone>(before: &[T], after: &[T]) -> (Vec<T>, Vec<T>) {
    // Mostly one came or went: what is alike on both sides of it need not be searched.
    let is_same = |(a, b): &(&T, &T)| a == b;
    let same = before.iter().zip(after).take_while(is_same).count();
    let (before, after) = (before.split_at(same).1, after.split_at(same).1);
    let (old, new) = (before.iter().rev(), after.iter().rev());
    let same = old.zip(new).take_while(is_same).count();
    let (before, after) = (
        before.split_at(before.len() - same).0,
        after.split_at(after.len() - same).0,
    );
    let lacking = |these: &[T], those: &[T]| {
        these
            .iter()
            .filter(|one| !those.contains(one))
            .cloned()
            .collect()
    };
    (lacking(before, after), lacking(after, before))
}
