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

/// A refusal of one call.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) code: Code,
    pub(crate) details: String,
    /// 33 for an object that does not exist.
    pub(crate) subcode: Option<u32>,
}

impl Refusal {
    pub(crate) fn new(code: Code, details: impl Into<String>) -> Self {
        Self {
            code,
            details: details.into(),
            subcode: None,
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
