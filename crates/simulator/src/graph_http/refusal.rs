//! Meta's refusals: codes, titles, HTTP statuses and the envelope (reference 4.3 and 5).

use serde_json::{Value, json};

/// A code with its HTTP status and title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code {
    pub(crate) number: u32,
    pub(crate) status: u16,
    pub(crate) title: &'static str,
}

const fn code(number: u32, status: u16, title: &'static str) -> Code {
    Code {
        number,
        status,
        title,
    }
}

pub(crate) const UNKNOWN_ERROR: Code = code(1, 400, "API Unknown");
pub(crate) const SERVICE: Code = code(2, 503, "API Service");
pub(crate) const APP_CALLS: Code = code(4, 400, "API Too Many Calls");
pub(crate) const PARAMETER: Code = code(100, 400, "Invalid parameter");
pub(crate) const TOKEN: Code = code(190, 401, "Access token has expired");
pub(crate) const WABA_CALLS: Code = code(80_007, 400, "Rate limit issues");
pub(crate) const WABA_CALLS_MANAGEMENT: Code = code(
    80_008,
    400,
    "There have been too many calls to this WhatsApp Business Account",
);
pub(crate) const THROUGHPUT: Code = code(130_429, 400, "Rate limit hit");
pub(crate) const SOMETHING_WENT_WRONG: Code = code(131_000, 500, "Something went wrong");
pub(crate) const ONE_MEMBER: Code = code(131_020, 400, "Group has only one member");
pub(crate) const GROUP_UNKNOWN: Code = code(131_041, 400, "Group unknown");
pub(crate) const PAIR: Code = code(
    131_056,
    400,
    "(Business Account, Consumer Account) pair rate limit hit",
);
pub(crate) const CURSOR: Code = code(131_059, 400, "Paging cursor expired or corrupted");
pub(crate) const PARTIAL: Code = code(131_201, 206, "Request partially succeeded");
pub(crate) const DUPLICATE_PARTICIPANT: Code = code(131_202, 400, "Duplicate participant");
pub(crate) const PARTICIPANT_LIMIT: Code = code(131_204, 400, "Participant limit exceeded");
pub(crate) const SUSPENDED: Code = code(131_207, 403, "Group suspended");
pub(crate) const GROUP_CALLS: Code = code(131_208, 429, "Group Rate Limit Hit");
pub(crate) const NOT_SQUARE: Code = code(131_209, 400, "Image is Not Square");
pub(crate) const TOO_SMALL: Code = code(131_210, 400, "Image is Too Small to Process");
pub(crate) const GROUP_LIMIT: Code = code(131_211, 400, "Group creation limit reached");
pub(crate) const NOT_PARTICIPANT: Code =
    code(131_212, 400, "Participant is not a part of the group");
pub(crate) const NO_JOIN_REQUEST: Code = code(131_213, 400, "Join request does not exist");
pub(crate) const TEMPLATE_PARAMETERS: Code = code(132_000, 400, "Template Param Count Mismatch");
pub(crate) const TEMPLATE_UNKNOWN: Code = code(132_001, 404, "Template does not exist");
pub(crate) const TEMPLATE_PAUSED: Code = code(132_015, 400, "Template is Paused");
pub(crate) const TEMPLATE_DISABLED: Code = code(132_016, 400, "Template is Disabled");

/// Every code of reference §5.3 and §5.4, and those of messages and templates, by number.
const ALL: &[Code] = &[
    code(0, 401, "AuthException"),
    UNKNOWN_ERROR,
    SERVICE,
    code(3, 500, "API Method"),
    APP_CALLS,
    code(10, 403, "API Permission Denied"),
    code(33, 400, "Parameter value is not valid"),
    PARAMETER,
    TOKEN,
    code(200, 403, "API Permission"),
    code(368, 403, "Temporarily blocked for policies violations"),
    WABA_CALLS,
    WABA_CALLS_MANAGEMENT,
    THROUGHPUT,
    code(
        130_497,
        403,
        "Business account is restricted from messaging users in this country",
    ),
    code(130_501, 400, "Message type is not currently supported"),
    SOMETHING_WENT_WRONG,
    code(131_005, 403, "Access denied"),
    code(131_008, 400, "Required parameter is missing"),
    code(131_009, 400, "Parameter value is not valid"),
    code(131_016, 500, "Service unavailable"),
    ONE_MEMBER,
    code(131_026, 400, "Message undeliverable"),
    code(131_031, 403, "Account has been locked"),
    GROUP_UNKNOWN,
    code(131_047, 400, "Re-engagement message"),
    code(131_048, 400, "Spam rate limit hit"),
    code(131_051, 400, "Unsupported message type"),
    code(131_052, 400, "Media download error"),
    code(131_053, 400, "Media upload error"),
    PAIR,
    code(131_057, 500, "Account in maintenance mode"),
    CURSOR,
    PARTIAL,
    DUPLICATE_PARTICIPANT,
    code(131_203, 400, "Unable to add participant to group"),
    PARTICIPANT_LIMIT,
    SUSPENDED,
    GROUP_CALLS,
    NOT_SQUARE,
    TOO_SMALL,
    GROUP_LIMIT,
    NOT_PARTICIPANT,
    NO_JOIN_REQUEST,
    code(131_214, 400, "Group creation is paused"),
    code(131_215, 400, "Phone number is not eligible for Groups APIs"),
    TEMPLATE_PARAMETERS,
    TEMPLATE_UNKNOWN,
    code(132_005, 400, "Template Hydrated Text Too Long"),
    code(132_007, 400, "Template Format Character Policy Violated"),
    code(132_012, 400, "Template Parameter Format Mismatch"),
    TEMPLATE_PAUSED,
    TEMPLATE_DISABLED,
    code(133_004, 503, "Server Temporarily Unavailable"),
    code(
        133_016,
        400,
        "Account register deregister rate limit exceeded",
    ),
];

/// Codes that mean too many calls: they come with full usage headers.
const THROTTLING: &[u32] = &[
    4, 80_007, 80_008, 130_429, 131_048, 131_056, 131_208, 133_016,
];

impl Code {
    /// A code by its number. What Meta does not document is an HTTP 400.
    pub(crate) fn of(number: u32) -> Self {
        let known = ALL.iter().find(|code| code.number == number).copied();
        known.unwrap_or_else(|| match number {
            201..=299 => code(number, 403, "API Permission"),
            _ => code(number, 400, "Unknown error"),
        })
    }

    pub(crate) fn is_throttling(self) -> bool {
        THROTTLING.contains(&self.number)
    }
}

/// A refusal of one call.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) code: Code,
    pub(crate) details: String,
    /// 33 for an object that does not exist.
    pub(crate) subcode: Option<u32>,
    /// Seconds of a `Retry-After` header, which Meta does not document.
    pub(crate) retry_after: Option<u64>,
}

impl Refusal {
    pub(crate) fn new(code: Code, details: impl Into<String>) -> Self {
        Self {
            code,
            details: details.into(),
            subcode: None,
            retry_after: None,
        }
    }

    /// A bad or missing parameter.
    pub(crate) fn parameter(details: impl Into<String>) -> Self {
        Self::new(PARAMETER, details)
    }

    /// An id that names nothing.
    pub(crate) fn no_object() -> Self {
        let details = "Object does not exist, cannot be loaded due to missing permissions, or does not support this operation";
        Self {
            code: PARAMETER,
            details: details.to_owned(),
            subcode: Some(33),
            retry_after: None,
        }
    }

    pub(crate) fn group_unknown() -> Self {
        Self::new(
            GROUP_UNKNOWN,
            "The group does not exist, or the business is not part of it",
        )
    }

    /// The error envelope.
    pub(crate) fn envelope(&self, fbtrace_id: &str) -> Value {
        let Code { number, title, .. } = self.code;
        let mut error = json!({
            "message": format!("(#{number}) {title}"),
            "type": "OAuthException",
            "code": number,
            "error_data": {"messaging_product": "whatsapp", "details": self.details},
            "fbtrace_id": fbtrace_id,
        });
        crate::webhook::set(
            &mut error,
            "error_subcode",
            self.subcode.map(|subcode| json!(subcode)),
        );
        json!({ "error": error })
    }

    /// The same as an error object inside an answer or a webhook.
    pub(crate) fn item(&self) -> Value {
        crate::webhook::error(self.code.number, self.code.title, &self.details)
    }
}
