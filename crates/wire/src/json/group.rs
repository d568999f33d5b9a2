//! A group.

use domain::{
    group::{self, Existence, Field, View},
    ids::{GroupId, Second},
    position::Envelope,
};
use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::{Each, Time, floor, serialize_envelope};

/// One group, as `GET /v1/groups/{group_id}` answers it.
#[derive(Debug, Clone, Copy)]
pub struct Group<'a> {
    /// Which.
    pub group_id: &'a GroupId,
    /// What is shown of it.
    pub view: &'a View,
    /// Second of the last complete read; 0 is never.
    pub verified: Second,
    /// Second of the last event that was more than a read; 0 is never.
    pub changed: Second,
    /// How its state stands to the log.
    pub envelope: &'a Envelope,
}

impl Serialize for Group<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            group_id,
            view,
            verified,
            changed,
            envelope,
        } = *self;
        let View {
            phone_number_id,
            waba_id,
            existence,
            suspended,
            subject,
            description,
            join_approval_mode,
            invite_link,
            picture_sha256,
            created_at,
            participants,
            join_requests,
            in_doubt,
            overflow,
        } = view;
        let mut out = serializer.serialize_struct("Group", 19 + usize::from(*overflow))?;
        out.serialize_field("group_id", group_id.as_str())?;
        out.serialize_field("phone_number_id", &phone_number_id.as_deref())?;
        out.serialize_field("waba_id", &waba_id.as_deref())?;
        out.serialize_field("existence", existence_word(*existence))?;
        out.serialize_field("suspended", suspended)?;
        out.serialize_field("subject", &subject.as_deref())?;
        out.serialize_field("description", &description.as_deref())?;
        out.serialize_field("join_approval_mode", &join_approval_mode.as_deref())?;
        out.serialize_field("invite_link", &invite_link.as_deref())?;
        out.serialize_field("picture_sha256", &picture_sha256.as_deref())?;
        out.serialize_field("created_at", &created_at.map(Time))?;
        out.serialize_field("participants", &Each(participants.iter().map(Participant)))?;
        out.serialize_field("participant_count", &participants.len())?;
        out.serialize_field(
            "join_requests",
            &Each(join_requests.iter().map(JoinRequest)),
        )?;
        out.serialize_field("in_doubt", &Each(in_doubt.iter().copied().map(Field::name)))?;
        // Only where it is so: hardly any group ever overflows.
        if *overflow {
            out.serialize_field(Field::Overflow.name(), overflow)?;
        }
        out.serialize_field("verified_at", &floor(verified))?;
        out.serialize_field("changed_at", &floor(changed))?;
        serialize_envelope(&mut out, envelope)?;
        out.end()
    }
}

/// `unconfirmed`, `active` or `gone`.
pub(super) fn existence_word(existence: Option<Existence>) -> &'static str {
    match existence {
        None => "unconfirmed",
        Some(Existence::Active) => "active",
        Some(Existence::Gone) => "gone",
    }
}

/// A member.
#[derive(Debug, Clone, Copy)]
pub(super) struct Participant<'a>(pub(super) &'a group::Participant);

impl Serialize for Participant<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let group::Participant {
            wa_id,
            user_id,
            parent_user_id,
            username,
        } = self.0;
        let mut out = serializer.serialize_struct("Participant", 4)?;
        out.serialize_field("wa_id", &wa_id.as_deref())?;
        out.serialize_field("user_id", &user_id.as_deref())?;
        out.serialize_field("parent_user_id", &parent_user_id.as_deref())?;
        out.serialize_field("username", &username.as_deref())?;
        out.end()
    }
}

/// An open join request.
#[derive(Debug, Clone, Copy)]
pub(super) struct JoinRequest<'a>(pub(super) &'a group::JoinRequest);

impl Serialize for JoinRequest<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let group::JoinRequest {
            join_request_id,
            person,
            requested_at,
        } = self.0;
        // A parent's id is shown of members alone.
        let group::Participant {
            wa_id,
            user_id,
            parent_user_id: _,
            username,
        } = person;
        let mut out = serializer.serialize_struct("JoinRequest", 5)?;
        out.serialize_field("join_request_id", &join_request_id.as_deref())?;
        out.serialize_field("wa_id", &wa_id.as_deref())?;
        out.serialize_field("user_id", &user_id.as_deref())?;
        out.serialize_field("username", &username.as_deref())?;
        out.serialize_field("requested_at", &requested_at.map(Time))?;
        out.end()
    }
}
