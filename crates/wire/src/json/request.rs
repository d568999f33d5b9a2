//! A management request.

use domain::{
    event::{Answer, ItemFailure, MetaError, Operation, Outcome, Particulars},
    ids::{RequestId, Text},
    register::Register,
    request,
};
use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::{Each, Time, operation_word, refusals, serialize_envelope};

/// One request, as `GET /v1/requests/{request_id}` answers it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Which, by our id or by Meta's.
    pub request_id: &'a RequestId,
    /// What is known of it.
    pub request: &'a request::Request,
    /// What is known under Meta's id, for a request of ours: the webhook's outcome stands there.
    pub outcome: Option<&'a request::Request>,
}

/// How a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RequestStatus {
    /// Intended; Meta has not answered yet.
    Asked,
    /// Accepted by Meta; a webhook will tell how it ends.
    Accepted,
    /// Done, all of it.
    Done,
    /// Done in part.
    Partly,
    /// Failed, all of it.
    Failed,
    /// Refused by Meta at once.
    Refused,
    /// No answer came: it may or may not have been done.
    Unknown,
}

impl RequestStatus {
    /// How a request stands, with what is known under Meta's id.
    pub fn of(request: &request::Request, outcome: Option<&request::Request>) -> Self {
        let completed =
            |request: &request::Request| request.core.completed.as_ref().map(|r| r.value.outcome);
        match completed(request).or_else(|| outcome.and_then(completed)) {
            Some(Outcome::Done) => return Self::Done,
            Some(Outcome::Failed) => return Self::Failed,
            Some(Outcome::Partly) => return Self::Partly,
            None => {}
        }
        match request.core.answered.as_ref().map(|r| &r.value) {
            None => Self::Asked,
            Some(Answer::Refused(_)) => Self::Refused,
            Some(Answer::Unknown) => Self::Unknown,
            Some(Answer::Accepted) => match request.core.operation.as_ref().map(|r| r.value) {
                // These are done when they are answered; a message's fate is the message's.
                Some(Operation::ApproveJoinRequests | Operation::RejectJoinRequests) => {
                    of_items(request)
                }
                Some(Operation::InviteLink | Operation::SendMessage) => Self::Done,
                Some(
                    Operation::CreateGroup
                    | Operation::DeleteGroup
                    | Operation::UpdateSettings
                    | Operation::RemoveParticipants
                    | Operation::Other,
                )
                | None => Self::Accepted,
            },
        }
    }

    /// Can it still change without anybody's doing?
    pub fn is_pending(self) -> bool {
        match self {
            Self::Asked | Self::Accepted | Self::Unknown => true,
            Self::Done | Self::Partly | Self::Failed | Self::Refused => false,
        }
    }

    /// Did it end otherwise than asked?
    pub fn is_failed(self) -> bool {
        match self {
            Self::Partly | Self::Failed | Self::Refused => true,
            Self::Asked | Self::Accepted | Self::Done | Self::Unknown => false,
        }
    }

    /// The word in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Accepted => "accepted",
            Self::Done => "done",
            Self::Partly => "partly",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

/// How a request ended whose answer tells it item by item.
fn of_items(request: &request::Request) -> RequestStatus {
    let Some(told) = &request.core.particulars else {
        return RequestStatus::Done;
    };
    let Particulars {
        done,
        failed,
        untold,
        ..
    } = &told.value;
    match (done.is_empty(), failed.is_empty() && untold.is_empty()) {
        (_, true) => RequestStatus::Done,
        (false, false) => RequestStatus::Partly,
        (true, false) if failed.is_empty() => RequestStatus::Unknown,
        (true, false) => RequestStatus::Failed,
    }
}

impl Serialize for Request<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            request_id,
            request,
            outcome,
        } = *self;
        let request::Request { core, envelope } = request;
        let request::Core {
            operation,
            number,
            group,
            asked,
            answered,
            meta_request_id,
            completed,
            particulars,
            first_intent,
        } = core;
        let told = particulars.as_ref().map(|told| &told.value);
        let of_outcome = outcome.map(|outcome| &outcome.core);
        let text = |ours: &Option<Register<Text>>, theirs: Option<&Option<Register<Text>>>| {
            ours.as_ref()
                .or(theirs.and_then(Option::as_ref))
                .map(|register| register.value.clone())
        };
        let completed = completed
            .as_ref()
            .or(of_outcome.and_then(|core| core.completed.as_ref()));
        let operation = operation
            .as_ref()
            .or(of_outcome.and_then(|core| core.operation.as_ref()));
        let errors: &[MetaError] = match (completed, answered.as_ref().map(|r| &r.value)) {
            (Some(completed), _) => &completed.value.errors,
            (None, Some(Answer::Refused(error))) => std::slice::from_ref(error),
            (None, Some(Answer::Accepted | Answer::Unknown) | None) => {
                told.map_or(&[], |told| &told.errors)
            }
        };
        let mut out = serializer.serialize_struct("Request", 18)?;
        out.serialize_field("request_id", request_id.as_str())?;
        out.serialize_field(
            "meta_request_id",
            &meta_request_id.as_ref().map(|r| r.value.as_str()),
        )?;
        out.serialize_field("operation", &operation.map(|r| operation_word(r.value)))?;
        out.serialize_field(
            "phone_number_id",
            &text(number, of_outcome.map(|core| &core.number)).as_deref(),
        )?;
        out.serialize_field(
            "group_id",
            &text(group, of_outcome.map(|core| &core.group)).as_deref(),
        )?;
        out.serialize_field("status", RequestStatus::of(request, outcome).name())?;
        out.serialize_field("errors", &refusals(errors))?;
        // Of an answer that names some, those; else those that the webhook named.
        let of_answer = told.map(|told| &told.failed[..]).unwrap_or_default();
        let of_webhook = completed.map(|completed| &completed.value.failed[..]);
        let failed = match of_answer {
            [] => of_webhook.unwrap_or_default(),
            named => named,
        };
        serialize_told(&mut out, told, failed)?;
        let first_asked = first_intent.as_ref().map(|first| first.at);
        let first_asked = first_asked.filter(|at| *at != 0);
        let asked_at = first_asked.or_else(|| asked.as_ref().map(|r| r.stamp.at));
        out.serialize_field("asked_at", &asked_at.map(Time))?;
        out.serialize_field("answered_at", &answered.as_ref().map(|r| Time(r.stamp.at)))?;
        out.serialize_field("completed_at", &completed.map(|r| Time(r.stamp.at)))?;
        serialize_envelope(&mut out, envelope)?;
        out.end()
    }
}

/// What the answer said beside how the request stands.
fn serialize_told<S: SerializeStruct>(
    out: &mut S,
    told: Option<&Particulars>,
    failed: &[ItemFailure],
) -> Result<(), S::Error> {
    let of_told =
        |text: fn(&Particulars) -> &Option<Text>| told.and_then(|told| text(told).as_deref());
    let told_of = |texts: fn(&Particulars) -> &Vec<Text>| {
        Each(told.map(texts).into_iter().flatten().map(|text| &**text))
    };
    out.serialize_field("fbtrace_id", &of_told(|told| &told.fbtrace_id))?;
    out.serialize_field("message_id", &of_told(|told| &told.message_id))?;
    out.serialize_field("invite_link", &of_told(|told| &told.invite_link))?;
    out.serialize_field("done", &told_of(|told| &told.done))?;
    out.serialize_field("failed", &Each(failed.iter().map(Failed)))?;
    out.serialize_field("untold", &told_of(|told| &told.untold))?;
    Ok(())
}

/// A thing that was not done, as JSON.
struct Failed<'a>(&'a ItemFailure);

impl Serialize for Failed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ItemFailure { input, errors } = self.0;
        let mut out = serializer.serialize_struct("Failed", 2)?;
        out.serialize_field("input", &**input)?;
        out.serialize_field("errors", &refusals(errors))?;
        out.end()
    }
}
