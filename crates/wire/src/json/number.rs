//! A business number.

use domain::{
    event::ListPass,
    ids::{PhoneNumberId, Second, Text},
    number::{self, Hold},
    register::Register,
};
use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::{Agreement, Time, serialize_envelope};

/// One business number, as `GET /v1/numbers/{phone_number_id}` answers it.
#[derive(Debug, Clone, Copy)]
pub struct Number<'a> {
    /// Which.
    pub phone_number_id: &'a PhoneNumberId,
    /// What is known of it.
    pub number: &'a number::Number,
    /// Its groups.
    pub groups: GroupCounts,
    /// Its requests.
    pub requests: RequestCounts,
    /// How well they are known to agree with Meta.
    pub agreement: &'a Agreement,
}

/// Groups of a number by existence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct GroupCounts {
    /// Seen in an event, never confirmed.
    pub unconfirmed: u64,
    /// Active.
    pub active: u64,
    /// Gone.
    pub gone: u64,
}

/// Requests of a number that somebody may want to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct RequestCounts {
    /// Asked, and not ended.
    pub pending: u64,
    /// Ended otherwise than asked.
    pub failed: u64,
}

impl Serialize for Number<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            phone_number_id,
            number,
            groups,
            requests,
            agreement,
        } = *self;
        let number::Number { core, envelope } = number;
        // Identity changes are for the reconciler, which hands them on to groups.
        let number::Core {
            waba,
            identity_changes: _,
            list_pass,
            holds,
            paused,
            figures: _,
            pass_asked: _,
            seen: _,
        } = core;
        let holds: Vec<_> = holds.iter().map(HoldOf).collect();
        let mut out = serializer.serialize_struct("Number", 10)?;
        out.serialize_field("phone_number_id", phone_number_id.as_str())?;
        out.serialize_field("waba_id", &waba.as_ref().map(|r| r.value.as_str()))?;
        out.serialize_field("groups", &groups)?;
        out.serialize_field("requests", &requests)?;
        out.serialize_field(
            "last_list_pass",
            &list_pass.as_ref().map(|r| Pass(&r.value)),
        )?;
        out.serialize_field("holds", &holds)?;
        out.serialize_field("paused", &paused.as_ref().is_some_and(|r| r.value))?;
        out.serialize_field("agreement", agreement)?;
        serialize_envelope(&mut out, envelope)?;
        out.end()
    }
}

/// A pass over the list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pass<'a>(pub(super) &'a ListPass);

impl Serialize for Pass<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ListPass {
            started,
            is_complete,
            is_first,
            pages,
            listed,
            unknown_to_us,
            unlisted,
            subject_differs,
            asked: _,
        } = self.0;
        let mut out = serializer.serialize_struct("ListPass", 8)?;
        out.serialize_field("started_at", &Time(*started))?;
        out.serialize_field("complete", is_complete)?;
        out.serialize_field("first", is_first)?;
        out.serialize_field("pages", pages)?;
        out.serialize_field("listed", listed)?;
        out.serialize_field("unknown_to_us", unknown_to_us)?;
        out.serialize_field("unlisted", unlisted)?;
        out.serialize_field("subject_differs", subject_differs)?;
        out.end()
    }
}

#[derive(Debug, Clone, Copy)]
struct HoldOf<'a>((&'a Text, &'a Register<Hold>));

impl Serialize for HoldOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (hold_id, register) = self.0;
        serialize_hold(
            serializer,
            Some(hold_id),
            &register.value,
            Some(register.stamp.at),
        )
    }
}

/// A hold; with its id and the second of its last word, unless they are said elsewhere.
pub(super) fn serialize_hold<S: Serializer>(
    serializer: S,
    hold_id: Option<&Text>,
    hold: &Hold,
    at: Option<Second>,
) -> Result<S::Ok, S::Error> {
    // Which groups they are is for whoever may release the hold.
    let Hold {
        is_released,
        groups,
        suspects: _,
        by: _,
    } = hold;
    let fields = 2 + usize::from(hold_id.is_some()) + usize::from(at.is_some());
    let mut out = serializer.serialize_struct("Hold", fields)?;
    if let Some(hold_id) = hold_id {
        out.serialize_field("hold_id", hold_id.as_str())?;
    }
    out.serialize_field("released", is_released)?;
    out.serialize_field("groups", groups)?;
    if let Some(at) = at {
        out.serialize_field("since", &Time(at))?;
    }
    out.end()
}
