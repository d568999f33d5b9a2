//! What is wrong with a call before it is sent, in Meta's own terms.

use super::Code;
use crate::limits::{
    CAPTION_CHARS_MAX, DESCRIPTION_CHARS_MAX, JOIN_REQUESTS_PER_CALL_MAX,
    PARTICIPANTS_PER_CALL_MAX, PICTURE_BYTES_MAX, PICTURE_SIDE_MIN, PIN_DAYS_MAX,
    SUBJECT_CHARS_MAX, TEXT_CHARS_MAX,
};

/// Why a call is not made. It shows counts and limits, nothing of what was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Only white space, or nothing.
    #[error("subject is empty")]
    SubjectEmpty,
    /// Longer than Meta takes, after trimming.
    #[error("subject has {chars} characters, more than {SUBJECT_CHARS_MAX}")]
    SubjectLong {
        /// Its characters.
        chars: usize,
    },
    /// Longer than Meta takes.
    #[error("description has {chars} characters, more than {DESCRIPTION_CHARS_MAX}")]
    DescriptionLong {
        /// Its characters.
        chars: usize,
    },
    /// An update that changes nothing.
    #[error("one of subject, description and profile_picture_file must be given")]
    NothingToUpdate,
    /// Neither of Meta's two modes.
    #[error("join_approval_mode is neither auto_approve nor approval_required")]
    JoinApprovalMode,
    /// Not a JPEG file, or one whose size cannot be found.
    #[error("profile_picture_file is no JPEG")]
    PictureNotJpeg,
    /// More than 5 MB.
    #[error("profile_picture_file has {bytes} bytes, more than {PICTURE_BYTES_MAX}")]
    PictureLarge {
        /// Its size.
        bytes: usize,
    },
    /// Not square.
    #[error("profile_picture_file is {width} by {height} pixels, not square")]
    PictureNotSquare {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// Too small.
    #[error("profile_picture_file has {side} pixels a side, fewer than {PICTURE_SIDE_MIN}")]
    PictureSmall {
        /// Pixels.
        side: u32,
    },
    /// None, or more than a call takes.
    #[error("participants has {count} items, not 1 to {PARTICIPANTS_PER_CALL_MAX}")]
    Participants {
        /// How many were given.
        count: usize,
    },
    /// One is named twice.
    #[error("participants[{index}] is named twice")]
    ParticipantTwice {
        /// The second's place, from 0.
        index: usize,
    },
    /// Neither a phone number's digits nor a BSUID.
    #[error("a participant is neither a phone number nor a business-scoped user id")]
    Participant,
    /// None, or more than a call takes.
    #[error("join_requests has {count} items, not 1 to {JOIN_REQUESTS_PER_CALL_MAX}")]
    JoinRequests {
        /// How many were given.
        count: usize,
    },
    /// One is named twice, or empty.
    #[error("join_requests[{index}] is empty or named twice")]
    JoinRequest {
        /// Its place, from 0.
        index: usize,
    },
    /// Nothing to send.
    #[error("text.body is empty")]
    TextEmpty,
    /// Longer than Meta takes.
    #[error("text.body has {chars} characters, more than {TEXT_CHARS_MAX}")]
    TextLong {
        /// Its characters.
        chars: usize,
    },
    /// A media id that is empty.
    #[error("the media's id is empty")]
    MediaId,
    /// A link that is no http or https URL.
    #[error("the media's link is no http or https URL")]
    MediaLink,
    /// Longer than Meta takes.
    #[error("caption has {chars} characters, more than {CAPTION_CHARS_MAX}")]
    CaptionLong {
        /// Its characters.
        chars: usize,
    },
    /// A kind of media that has no caption.
    #[error("audio and stickers have no caption")]
    CaptionUnsupported,
    /// A kind of media that has no file name.
    #[error("only documents have a filename")]
    FilenameUnsupported,
    /// A template without a name or language, or with components that are no JSON objects.
    #[error("template needs name, language.code and components that are objects")]
    Template,
    /// A message id that is empty.
    #[error("message_id is empty")]
    MessageId,
    /// Out of Meta's range.
    #[error("pin.expiration_days is {days}, not 1 to {PIN_DAYS_MAX}")]
    PinDays {
        /// Days asked for.
        days: u8,
    },
    /// Meta's guide says that participants cannot be added; see [`super::Client::offering_add`].
    #[error("participants cannot be added to a group; send them its invite link")]
    AddNotOffered,
    /// An id that no path can be made with.
    #[error("an id is empty or no id")]
    Id,
}

impl Invalid {
    /// The parameter it is about, in Meta's spelling.
    #[must_use]
    pub const fn parameter(self) -> &'static str {
        match self {
            Self::SubjectEmpty | Self::SubjectLong { .. } | Self::NothingToUpdate => "subject",
            Self::DescriptionLong { .. } => "description",
            Self::JoinApprovalMode => "join_approval_mode",
            Self::PictureNotJpeg
            | Self::PictureLarge { .. }
            | Self::PictureNotSquare { .. }
            | Self::PictureSmall { .. } => "profile_picture_file",
            Self::Participants { .. }
            | Self::ParticipantTwice { .. }
            | Self::Participant
            | Self::AddNotOffered => "participants",
            Self::JoinRequests { .. } | Self::JoinRequest { .. } => "join_requests",
            Self::TextEmpty | Self::TextLong { .. } => "text",
            Self::MediaId
            | Self::MediaLink
            | Self::CaptionLong { .. }
            | Self::CaptionUnsupported
            | Self::FilenameUnsupported => "media",
            Self::Template => "template",
            Self::MessageId => "message_id",
            Self::PinDays { .. } => "pin",
            Self::Id => "id",
        }
    }

    /// The code that Meta would answer with.
    #[must_use]
    pub const fn code(self) -> Code {
        match self {
            Self::PictureNotSquare { .. } => Code::PictureNotSquare,
            Self::PictureSmall { .. } => Code::PictureTooSmall,
            Self::ParticipantTwice { .. } => Code::DuplicateParticipant,
            Self::SubjectEmpty
            | Self::SubjectLong { .. }
            | Self::DescriptionLong { .. }
            | Self::NothingToUpdate
            | Self::JoinApprovalMode
            | Self::PictureNotJpeg
            | Self::PictureLarge { .. }
            | Self::Participants { .. }
            | Self::Participant
            | Self::JoinRequests { .. }
            | Self::JoinRequest { .. }
            | Self::TextEmpty
            | Self::TextLong { .. }
            | Self::MediaId
            | Self::MediaLink
            | Self::CaptionLong { .. }
            | Self::CaptionUnsupported
            | Self::FilenameUnsupported
            | Self::Template
            | Self::MessageId
            | Self::PinDays { .. }
            | Self::AddNotOffered
            | Self::Id => Code::Parameter,
        }
    }
}
