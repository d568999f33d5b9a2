//! The domain's words as the contract's numbers, and back.

use domain::{
    event::{HintReason, Operation, Outcome, Source, Status},
    group::{Ask, Existence, Field, Presence},
    position::Stream,
    register::Rank,
};

use crate::{
    error::{Stop, missing},
    proto,
};

/// A closed word of the domain.
pub(crate) trait Word: Sized {
    /// Its number in `proto/`.
    fn number(self) -> u64;

    /// The word of a number in field `field`; 0 is missing, and a number that nobody gave yet is unknown.
    fn read(number: i32, field: &'static str) -> Result<Self, Stop>;
}

/// A number as what prost generated for it.
fn known<P: TryFrom<i32>>(number: i32, field: &'static str) -> Result<P, Stop> {
    P::try_from(number).map_err(|_| Stop::Unknown { field })
}

impl Word for Source {
    fn number(self) -> u64 {
        let word = match self {
            Self::Webhook => proto::Source::Webhook,
            Self::Read => proto::Source::Read,
            Self::Command => proto::Source::Command,
            Self::Rollcall => proto::Source::Rollcall,
        };
        word as u64
    }

    fn read(number: i32, field: &'static str) -> Result<Self, Stop> {
        Ok(match known(number, field)? {
            proto::Source::Unspecified => return Err(missing(field).into()),
            proto::Source::Webhook => Self::Webhook,
            proto::Source::Read => Self::Read,
            proto::Source::Command => Self::Command,
            proto::Source::Rollcall => Self::Rollcall,
        })
    }
}

impl Word for Rank {
    fn number(self) -> u64 {
        let word = match self {
            Self::Read => proto::Rank::Read,
            Self::Circumstance => proto::Rank::Circumstance,
            Self::Statement => proto::Rank::Statement,
        };
        word as u64
    }

    fn read(number: i32, field: &'static str) -> Result<Self, Stop> {
        Ok(match known(number, field)? {
            proto::Rank::Unspecified => return Err(missing(field).into()),
            proto::Rank::Read => Self::Read,
            proto::Rank::Circumstance => Self::Circumstance,
            proto::Rank::Statement => Self::Statement,
        })
    }
}

impl Word for Stream {
    fn number(self) -> u64 {
        let word = match self {
            Self::Events => proto::Stream::Events,
            Self::Receipts => proto::Stream::Receipts,
        };
        word as u64
    }

    fn read(number: i32, field: &'static str) -> Result<Self, Stop> {
        Ok(match known(number, field)? {
            proto::Stream::Unspecified => return Err(missing(field).into()),
            proto::Stream::Events => Self::Events,
            proto::Stream::Receipts => Self::Receipts,
        })
    }
}

impl Word for Existence {
    fn number(self) -> u64 {
        let word = match self {
            Self::Active => proto::Existence::Active,
            Self::Gone => proto::Existence::Gone,
        };
        word as u64
    }

    fn read(number: i32, field: &'static str) -> Result<Self, Stop> {
        Ok(match known(number, field)? {
            proto::Existence::Unspecified => return Err(missing(field).into()),
            proto::Existence::Active => Self::Active,
            proto::Existence::Gone => Self::Gone,
        })
    }
}

impl Word for Presence {
    fn number(self) -> u64 {
        let word = match self {
            Self::Absent => proto::Presence::Absent,
            Self::Present => proto::Presence::Present,
        };
        word as u64
    }

    fn read(number: i32, field: &'static str) -> Result<Self, Stop> {
        Ok(match known(number, field)? {
            proto::Presence::Unspecified => return Err(missing(field).into()),
            proto::Presence::Absent => Self::Absent,
            proto::Presence::Present => Self::Present,
        })
    }
}

impl Word for Ask {
    fn number(self) -> u64 {
        let word = match self {
            Self::Closed => proto::Ask::Closed,
            Self::Open => proto::Ask::Open,
        };
        word as u64
    }

    fn read(number: i32, field: &'static str) -> Result<Self, Stop> {
        Ok(match known(number, field)? {
            proto::Ask::Unspecified => return Err(missing(field).into()),
            proto::Ask::Closed => Self::Closed,
            proto::Ask::Open => Self::Open,
        })
    }
}

impl Word for HintReason {
    fn number(self) -> u64 {
        let word = match self {
            Self::Quarantined => proto::HintReason::Quarantined,
            Self::RemovedByInput => proto::HintReason::RemovedByInput,
            Self::IdentityChanged => proto::HintReason::IdentityChanged,
            Self::Asked => proto::HintReason::Asked,
        };
        word as u64
    }

    fn read(number: i32, field: &'static str) -> Result<Self, Stop> {
        Ok(match known(number, field)? {
            proto::HintReason::Unspecified => return Err(missing(field).into()),
            proto::HintReason::Quarantined => Self::Quarantined,
            proto::HintReason::RemovedByInput => Self::RemovedByInput,
            proto::HintReason::IdentityChanged => Self::IdentityChanged,
            proto::HintReason::Asked => Self::Asked,
        })
    }
}

impl Word for Status {
    fn number(self) -> u64 {
        let word = match self {
            Self::Sent => proto::Status::Sent,
            Self::Delivered => proto::Status::Delivered,
            Self::Read => proto::Status::Read,
            Self::Played => proto::Status::Played,
            Self::Failed => proto::Status::Failed,
        };
        word as u64
    }

    fn read(number: i32, field: &'static str) -> Result<Self, Stop> {
        Ok(match known(number, field)? {
            proto::Status::Unspecified => return Err(missing(field).into()),
            proto::Status::Sent => Self::Sent,
            proto::Status::Delivered => Self::Delivered,
            proto::Status::Read => Self::Read,
            proto::Status::Played => Self::Played,
            proto::Status::Failed => Self::Failed,
        })
    }
}

impl Word for Operation {
    fn number(self) -> u64 {
        let word = match self {
            Self::CreateGroup => proto::Operation::CreateGroup,
            Self::DeleteGroup => proto::Operation::DeleteGroup,
            Self::UpdateSettings => proto::Operation::UpdateSettings,
            Self::RemoveParticipants => proto::Operation::RemoveParticipants,
            Self::ApproveJoinRequests => proto::Operation::ApproveJoinRequests,
            Self::RejectJoinRequests => proto::Operation::RejectJoinRequests,
            Self::InviteLink => proto::Operation::InviteLink,
            Self::SendMessage => proto::Operation::SendMessage,
            Self::Other => proto::Operation::Other,
        };
        word as u64
    }

    /// An operation that nobody knows yet is `Other`: how it ended matters all the same.
    fn read(number: i32, field: &'static str) -> Result<Self, Stop> {
        Ok(
            match proto::Operation::try_from(number).unwrap_or(proto::Operation::Other) {
                proto::Operation::Unspecified => return Err(missing(field).into()),
                proto::Operation::CreateGroup => Self::CreateGroup,
                proto::Operation::DeleteGroup => Self::DeleteGroup,
                proto::Operation::UpdateSettings => Self::UpdateSettings,
                proto::Operation::RemoveParticipants => Self::RemoveParticipants,
                proto::Operation::ApproveJoinRequests => Self::ApproveJoinRequests,
                proto::Operation::RejectJoinRequests => Self::RejectJoinRequests,
                proto::Operation::InviteLink => Self::InviteLink,
                proto::Operation::SendMessage => Self::SendMessage,
                proto::Operation::Other => Self::Other,
            },
        )
    }
}

impl Word for Outcome {
    fn number(self) -> u64 {
        let word = match self {
            Self::Done => proto::Outcome::Done,
            Self::Failed => proto::Outcome::Failed,
            Self::Partly => proto::Outcome::Partly,
        };
        word as u64
    }

    fn read(number: i32, field: &'static str) -> Result<Self, Stop> {
        Ok(match known(number, field)? {
            proto::Outcome::Unspecified => return Err(missing(field).into()),
            proto::Outcome::Done => Self::Done,
            proto::Outcome::Failed => Self::Failed,
            proto::Outcome::Partly => Self::Partly,
        })
    }
}

impl Word for Field {
    fn number(self) -> u64 {
        let word = match self {
            Self::PhoneNumberId => proto::GroupField::PhoneNumberId,
            Self::WabaId => proto::GroupField::WabaId,
            Self::Existence => proto::GroupField::Existence,
            Self::Suspended => proto::GroupField::Suspended,
            Self::Subject => proto::GroupField::Subject,
            Self::Description => proto::GroupField::Description,
            Self::JoinApprovalMode => proto::GroupField::JoinApprovalMode,
            Self::InviteLink => proto::GroupField::InviteLink,
            Self::PictureSha256 => proto::GroupField::PictureSha256,
            Self::CreatedAt => proto::GroupField::CreatedAt,
            Self::Participants => proto::GroupField::Participants,
            Self::JoinRequests => proto::GroupField::JoinRequests,
            Self::InDoubt => proto::GroupField::InDoubt,
            Self::Overflow => proto::GroupField::Overflow,
        };
        word as u64
    }

    fn read(number: i32, field: &'static str) -> Result<Self, Stop> {
        Ok(match known(number, field)? {
            proto::GroupField::Unspecified => return Err(missing(field).into()),
            proto::GroupField::PhoneNumberId => Self::PhoneNumberId,
            proto::GroupField::WabaId => Self::WabaId,
            proto::GroupField::Existence => Self::Existence,
            proto::GroupField::Suspended => Self::Suspended,
            proto::GroupField::Subject => Self::Subject,
            proto::GroupField::Description => Self::Description,
            proto::GroupField::JoinApprovalMode => Self::JoinApprovalMode,
            proto::GroupField::InviteLink => Self::InviteLink,
            proto::GroupField::PictureSha256 => Self::PictureSha256,
            proto::GroupField::CreatedAt => Self::CreatedAt,
            proto::GroupField::Participants => Self::Participants,
            proto::GroupField::JoinRequests => Self::JoinRequests,
            proto::GroupField::InDoubt => Self::InDoubt,
            proto::GroupField::Overflow => Self::Overflow,
        })
    }
}
