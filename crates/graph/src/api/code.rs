//! Meta's error codes: what each means, and what a person can do about it.

/// What kind of trouble an error is: decides what to do next. Decided by Meta's code where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The call asks for something impossible; another call may work.
    BadInput,
    /// Token or permission: nothing will work until a person acts.
    Auth,
    /// Meta does not let this business, number or group do it.
    Policy,
    /// Too many calls: later, and fewer.
    Throttled,
    /// Meta's own trouble, or the network's: later.
    Transient,
    /// Nothing is known about it.
    Unknown,
}

impl Cause {
    /// A word for a metric label, an exit message, a problem document.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadInput => "bad_input",
            Self::Auth => "auth",
            Self::Policy => "policy",
            Self::Throttled => "throttled",
            Self::Transient => "transient",
            Self::Unknown => "unknown",
        }
    }
}

/// An error code of Meta's that is known: all of reference §5.3 and §5.4, and those of Meta's page "Error
/// codes" that messages to groups can meet. The numbers are the discriminants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum Code {
    /// The token could not be authenticated.
    AuthException = 0,
    /// An invalid request or a server error.
    ApiUnknown = 1,
    /// Temporary downtime or overload.
    ApiService = 2,
    /// A capability or permission is missing.
    ApiMethod = 3,
    /// The app made too many calls.
    AppCalls = 4,
    /// Permission was not granted or was removed.
    PermissionDenied = 10,
    /// Graph's general limit of a user's calls.
    UserCalls = 17,
    /// Graph's general limit of a page's calls.
    PageCalls = 32,
    /// The object does not exist or is not visible.
    ObjectUnknown = 33,
    /// A parameter is missing, unknown or out of bounds.
    Parameter = 100,
    /// The token has expired.
    TokenExpired = 190,
    /// A permission: any code from 200 to 299.
    Permission = 200,
    /// The account broke a policy of Meta's and is blocked.
    PolicyBlocked = 368,
    /// Graph's general limit of one call's rate.
    CallRate = 613,
    /// Too many calls to this WhatsApp Business Account.
    WabaCalls = 80_007,
    /// Too many calls to this WhatsApp Business Account (Graph's reference).
    WabaManagementCalls = 80_008,
    /// Message throughput of the number.
    Throughput = 130_429,
    /// The account must not message people of this country.
    CountryRestricted = 130_497,
    /// The message type is not supported.
    MessageUnsupported = 130_501,
    /// An unknown error of Meta's.
    SomethingWentWrong = 131_000,
    /// The permission was not granted or was removed.
    AccessDenied = 131_005,
    /// A required parameter is missing.
    ParameterMissing = 131_008,
    /// A parameter's value is not valid.
    ParameterInvalid = 131_009,
    /// The service is temporarily unavailable.
    ServiceUnavailable = 131_016,
    /// The group has only one member.
    OneMember = 131_020,
    /// The message cannot be delivered to this recipient.
    Undeliverable = 131_026,
    /// The account is locked.
    AccountLocked = 131_031,
    /// The group does not exist, or the number is not in it.
    GroupUnknown = 131_041,
    /// More than 24 hours since the recipient wrote: only a template may be sent.
    WindowClosed = 131_047,
    /// Too many messages were blocked or reported as spam.
    SpamLimit = 131_048,
    /// Unsupported type of message.
    MessageType = 131_051,
    /// Media sent by the person could not be downloaded.
    MediaDownload = 131_052,
    /// Media to send could not be fetched or uploaded.
    MediaUpload = 131_053,
    /// Too many messages to the same person.
    PairLimit = 131_056,
    /// The account is in maintenance.
    Maintenance = 131_057,
    /// The paging cursor expired or is corrupted.
    CursorExpired = 131_059,
    /// A request for several participants succeeded for some.
    PartialSuccess = 131_201,
    /// A participant is named twice.
    DuplicateParticipant = 131_202,
    /// The person has not accepted WhatsApp's new terms.
    TermsNotAccepted = 131_203,
    /// The group has no room.
    ParticipantLimit = 131_204,
    /// The group is suspended.
    GroupSuspended = 131_207,
    /// Too many group operations of this number.
    GroupCalls = 131_208,
    /// The picture is not square.
    PictureNotSquare = 131_209,
    /// The picture has fewer than 192 pixels a side.
    PictureTooSmall = 131_210,
    /// The number has as many groups as it may have.
    GroupLimit = 131_211,
    /// The participant is not in the group.
    NotParticipant = 131_212,
    /// The join request does not exist.
    JoinRequestUnknown = 131_213,
    /// Creating groups is paused: too many marketing messages in the service window.
    CreationPaused = 131_214,
    /// The number is not eligible for groups.
    NotEligible = 131_215,
    /// The template was given another number of parameters than it has.
    TemplateParameters = 132_000,
    /// The template does not exist in this language, or is not approved.
    TemplateUnknown = 132_001,
    /// The text of the filled template is too long.
    TemplateTooLong = 132_005,
    /// The template breaks a policy.
    TemplatePolicy = 132_007,
    /// A parameter of the template has the wrong form.
    TemplateParameterFormat = 132_012,
    /// The template is paused for low quality.
    TemplatePaused = 132_015,
    /// The template is disabled for good.
    TemplateDisabled = 132_016,
    /// The server is temporarily unavailable.
    ServerUnavailable = 133_004,
    /// Too many registrations of the number.
    RegistrationLimit = 133_016,
}

impl Code {
    /// Every code that is known, by number.
    pub const ALL: [Self; 58] = [
        Self::AuthException,
        Self::ApiUnknown,
        Self::ApiService,
        Self::ApiMethod,
        Self::AppCalls,
        Self::PermissionDenied,
        Self::UserCalls,
        Self::PageCalls,
        Self::ObjectUnknown,
        Self::Parameter,
        Self::TokenExpired,
        Self::Permission,
        Self::PolicyBlocked,
        Self::CallRate,
        Self::WabaCalls,
        Self::WabaManagementCalls,
        Self::Throughput,
        Self::CountryRestricted,
        Self::MessageUnsupported,
        Self::SomethingWentWrong,
        Self::AccessDenied,
        Self::ParameterMissing,
        Self::ParameterInvalid,
        Self::ServiceUnavailable,
        Self::OneMember,
        Self::Undeliverable,
        Self::AccountLocked,
        Self::GroupUnknown,
        Self::WindowClosed,
        Self::SpamLimit,
        Self::MessageType,
        Self::MediaDownload,
        Self::MediaUpload,
        Self::PairLimit,
        Self::Maintenance,
        Self::CursorExpired,
        Self::PartialSuccess,
        Self::DuplicateParticipant,
        Self::TermsNotAccepted,
        Self::ParticipantLimit,
        Self::GroupSuspended,
        Self::GroupCalls,
        Self::PictureNotSquare,
        Self::PictureTooSmall,
        Self::GroupLimit,
        Self::NotParticipant,
        Self::JoinRequestUnknown,
        Self::CreationPaused,
        Self::NotEligible,
        Self::TemplateParameters,
        Self::TemplateUnknown,
        Self::TemplateTooLong,
        Self::TemplatePolicy,
        Self::TemplateParameterFormat,
        Self::TemplatePaused,
        Self::TemplateDisabled,
        Self::ServerUnavailable,
        Self::RegistrationLimit,
    ];

    /// The code of a number; `None` for one that is not known. 200 to 299 are all [`Code::Permission`].
    #[must_use]
    pub fn of(number: i64) -> Option<Self> {
        if (200..=299).contains(&number) {
            return Some(Self::Permission);
        }
        Self::ALL
            .into_iter()
            .find(|code| i64::from(code.number()) == number)
    }

    /// The number that Meta sends.
    #[must_use]
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// What kind of trouble it is (reference §5.3, §5.4).
    #[must_use]
    pub const fn cause(self) -> Cause {
        match self {
            Self::AuthException
            | Self::ApiMethod
            | Self::PermissionDenied
            | Self::TokenExpired
            | Self::Permission
            | Self::AccessDenied => Cause::Auth,
            Self::PolicyBlocked
            | Self::CountryRestricted
            | Self::AccountLocked
            | Self::GroupSuspended
            | Self::GroupLimit
            | Self::CreationPaused
            | Self::NotEligible
            | Self::WindowClosed
            | Self::TemplatePolicy
            | Self::TemplatePaused
            | Self::TemplateDisabled => Cause::Policy,
            Self::AppCalls
            | Self::UserCalls
            | Self::PageCalls
            | Self::CallRate
            | Self::WabaCalls
            | Self::WabaManagementCalls
            | Self::Throughput
            | Self::SpamLimit
            | Self::PairLimit
            | Self::GroupCalls
            | Self::RegistrationLimit => Cause::Throttled,
            Self::ApiUnknown
            | Self::ApiService
            | Self::SomethingWentWrong
            | Self::ServiceUnavailable
            | Self::Maintenance
            | Self::ServerUnavailable => Cause::Transient,
            Self::ObjectUnknown
            | Self::Parameter
            | Self::MessageUnsupported
            | Self::ParameterMissing
            | Self::ParameterInvalid
            | Self::OneMember
            | Self::Undeliverable
            | Self::GroupUnknown
            | Self::MessageType
            | Self::MediaDownload
            | Self::MediaUpload
            | Self::CursorExpired
            | Self::PartialSuccess
            | Self::DuplicateParticipant
            | Self::TermsNotAccepted
            | Self::ParticipantLimit
            | Self::PictureNotSquare
            | Self::PictureTooSmall
            | Self::NotParticipant
            | Self::JoinRequestUnknown
            | Self::TemplateParameters
            | Self::TemplateUnknown
            | Self::TemplateTooLong
            | Self::TemplateParameterFormat => Cause::BadInput,
        }
    }

    /// Whether Meta may have done what was asked although it answers with this code: its general
    /// errors do not say at which step they happened. All others are refusals.
    #[must_use]
    pub const fn may_be_done(self) -> bool {
        matches!(self, Self::ApiUnknown | Self::SomethingWentWrong)
    }

    /// What a person can do about it, in a sentence.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "a table")]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::AuthException | Self::TokenExpired => {
                "Give a new access token: this one is refused or has expired."
            }
            Self::ApiMethod | Self::PermissionDenied | Self::Permission | Self::AccessDenied => {
                "Grant the token whatsapp_business_messaging and whatsapp_business_management for this account."
            }
            Self::ApiUnknown | Self::SomethingWentWrong => {
                "Meta does not say whether it was done: look at the group before trying again."
            }
            Self::ApiService
            | Self::ServiceUnavailable
            | Self::Maintenance
            | Self::ServerUnavailable => "Try again in a minute: Meta is not able to answer now.",
            Self::AppCalls
            | Self::UserCalls
            | Self::PageCalls
            | Self::CallRate
            | Self::WabaCalls
            | Self::WabaManagementCalls
            | Self::GroupCalls
            | Self::RegistrationLimit => "Wait, and make fewer calls: the limit is used up.",
            Self::Throughput => "Send more slowly: the number's messages a second are used up.",
            Self::PairLimit => "Wait some seconds before writing to the same recipient again.",
            Self::SpamLimit => {
                "Send less and look at the number's quality: too many messages were blocked or reported."
            }
            Self::PolicyBlocked | Self::AccountLocked => {
                "Look at the account in WhatsApp Manager: Meta has blocked it."
            }
            Self::CountryRestricted => "This account must not message people of that country.",
            Self::ObjectUnknown => {
                "Check the id, and that the token may see it: Meta knows no such object."
            }
            Self::Parameter | Self::ParameterMissing | Self::ParameterInvalid => {
                "Correct the parameter that the details name."
            }
            Self::MessageUnsupported | Self::MessageType => {
                "Send text, media, or a text or media template: groups take no other."
            }
            Self::MediaDownload | Self::MediaUpload => {
                "Check that the media can be fetched and is of a supported type and size."
            }
            Self::Undeliverable => {
                "The recipient cannot be reached on WhatsApp, or has an old version."
            }
            Self::WindowClosed => {
                "Send a template: nobody of the group has written in the last 24 hours."
            }
            Self::OneMember => "Wait until somebody has joined: nobody would get the message.",
            Self::GroupUnknown => {
                "Check the group id: the group was deleted, or belongs to another number."
            }
            Self::CursorExpired => "Start the list again at its first page.",
            Self::PartialSuccess => "Look at each participant's own error: some were not done.",
            Self::DuplicateParticipant => "Name each participant once.",
            Self::TermsNotAccepted => {
                "The person has to accept WhatsApp's new terms before joining."
            }
            Self::ParticipantLimit => "Remove somebody first: a group has room for 8 participants.",
            Self::GroupSuspended => {
                "Wait: Meta has suspended the group, and nothing can be done in it."
            }
            Self::PictureNotSquare => "Crop the picture to a square.",
            Self::PictureTooSmall => "Use a picture of at least 192 by 192 pixels.",
            Self::GroupLimit => "Delete groups first: the number has 10,000.",
            Self::NotParticipant => "The person is not in the group: nothing is to be done.",
            Self::JoinRequestUnknown => {
                "List the join requests again: this one was decided or taken back."
            }
            Self::CreationPaused => {
                "Wait up to 7 days: too many marketing messages were sent in service windows."
            }
            Self::NotEligible => {
                "Groups need an Official Business Account on Cloud API; this number has none."
            }
            Self::TemplateParameters | Self::TemplateParameterFormat => {
                "Give exactly the parameters that the template has, in its order."
            }
            Self::TemplateUnknown => {
                "Check name and language; a new template waits up to 24 hours for approval."
            }
            Self::TemplateTooLong => "Shorten the parameters of the template.",
            Self::TemplatePolicy | Self::TemplatePaused | Self::TemplateDisabled => {
                "Use another template: Meta has stopped this one."
            }
        }
    }
}
