//! What the HTTP APIs answer, written straight from the domain's views.
//!
//! Names and order of fields are those of `interfaces.md`; each answer has an example in `docs/api`, which a test compares.
//! Times are RFC 3339 in UTC, positions are text, and what is not known is `null`, which is not the same as empty.

mod agreement;
mod change;
mod explain;
mod group;
mod message;
mod number;
mod page;
mod request;

use domain::{
    event::{MetaError, Operation, Outcome, Source},
    ids::{EventId, Second, Text},
    position::{Envelope, Position},
};
use serde::{Serialize, Serializer, ser::SerializeStruct};

pub use agreement::{Agreement, AgreementAnswer, NumberAgreement};
pub use change::Change;
pub use explain::Explain;
pub use group::Group;
pub use message::Message;
pub use number::{GroupCounts, Number, RequestCounts};
pub use page::{
    Digests, EntityDigest, Page, PartitionDigest, Problem, TopicDigest, Usage, UsageItem,
};
pub use request::{Request, RequestStatus};

use crate::time::rfc3339;

/// A second of Unix time as `2026-05-28T20:26:40Z`; `null` outside the years 0 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub Second);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = rfc3339(self.0);
        match text
            .as_ref()
            .and_then(|text| std::str::from_utf8(text).ok())
        {
            Some(text) => serializer.serialize_str(text),
            None => serializer.serialize_none(),
        }
    }
}

/// A floor: 0 is never.
fn floor(second: Second) -> Option<Time> {
    (second != 0).then_some(Time(second))
}

/// A position as `1:3:812`.
#[derive(Debug, Clone, Copy)]
struct At<'a>(&'a Position);

impl Serialize for At<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}

/// An event's id as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy)]
struct Hex<'a>(&'a EventId);

impl Serialize for Hex<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}

/// What an iterator gives, as an array.
#[derive(Debug)]
struct Each<I>(I);

impl<I> Serialize for Each<I>
where
    I: Iterator + Clone,
    I::Item: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.clone())
    }
}

/// An error of Meta's.
#[derive(Debug, Clone, Copy)]
struct Refusal<'a>(&'a MetaError);

impl Serialize for Refusal<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let MetaError {
            code,
            title,
            details,
        } = self.0;
        let mut out = serializer.serialize_struct("Error", 3)?;
        out.serialize_field("code", code)?;
        out.serialize_field("title", title.as_str())?;
        out.serialize_field("details", details.as_str())?;
        out.end()
    }
}

fn refusals(errors: &[MetaError]) -> impl Serialize {
    Each(errors.iter().map(Refusal))
}

/// The last two fields of every entity.
fn serialize_envelope<S: SerializeStruct>(
    out: &mut S,
    envelope: &Envelope,
) -> Result<(), S::Error> {
    let Envelope { position, version } = envelope;
    out.serialize_field("version", &version.as_ref().map(At))?;
    out.serialize_field("position", &At(position))
}

fn source_word(source: Source) -> &'static str {
    match source {
        Source::Webhook => "webhook",
        Source::Read => "read",
        Source::Command => "command",
        Source::Rollcall => "rollcall",
    }
}

fn operation_word(operation: Operation) -> &'static str {
    match operation {
        Operation::CreateGroup => "create_group",
        Operation::DeleteGroup => "delete_group",
        Operation::UpdateSettings => "update_settings",
        Operation::RemoveParticipants => "remove_participants",
        Operation::ApproveJoinRequests => "approve_join_requests",
        Operation::RejectJoinRequests => "reject_join_requests",
        Operation::InviteLink => "invite_link",
        Operation::SendMessage => "send_message",
        Operation::Other => "other",
    }
}

fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Failed => "failed",
        Outcome::Partly => "partly",
    }
}

fn text<S: Serializer>(text: &Text, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

fn text_opt<S: Serializer>(text: &Option<Text>, serializer: S) -> Result<S::Ok, S::Error> {
    text.as_deref().serialize(serializer)
}
