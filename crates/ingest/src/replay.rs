//! Reading again what lies in quarantine: after an upgrade that understands it, or with a wider window of seconds.

use eventlog::{Batch, Log};
use graph::webhook::{Piece, Post, split};

use crate::{
    judge::{Judge, Verdict, Window},
    reason::Reason,
    records::{Records, Topics, UNFIT, plain},
};

/// Fields of which items are kept whole; of all others strings are not, so that nothing can be read of them again.
const WHOLE: [&str; 4] = [
    "group_lifecycle_update",
    "group_participants_update",
    "group_settings_update",
    "group_status_update",
];

/// What a record of `quarantine.v1` says: its value, and headers that tell where the item stood.
#[derive(Debug, Clone, Copy)]
pub struct Lying<'a> {
    /// The item as Meta sent it.
    pub value: &'a [u8],
    /// The word of why it lies there.
    pub reason: &'a str,
    /// The field of the webhook.
    pub field: Option<&'a str>,
    /// The account of the entry.
    pub waba_id: Option<&'a str>,
    /// The business number of the metadata.
    pub phone_number_id: Option<&'a str>,
    /// Is the value only the beginning of the item?
    pub is_cut: bool,
}

/// What becomes of it now.
#[derive(Debug)]
pub enum Replayed {
    /// It is understood: the records of so many events, to be appended together.
    Asserted(Batch, usize),
    /// It is understood, and asserts nothing about groups.
    Nothing,
    /// It is not understood now either.
    Refused {
        /// Why not.
        reason: Reason,
        /// Where in the item, and what was expected there; no value of it.
        detail: Option<String>,
    },
    /// Not all of it was kept, by design: see [`Whole`].
    NotWhole(Whole),
}

/// Why an item is not kept whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Whole {
    /// What is not of a group field may hold what people wrote.
    #[error("only items of the four group fields are kept whole")]
    Field,
    /// It was larger than a record.
    #[error("it was larger than a record, and cut")]
    Cut,
}

/// Reads items again.
#[derive(Debug)]
pub struct Replayer {
    topics: Topics,
    window: Window,
}

impl Replayer {
    /// One for a log.
    ///
    /// # Errors
    ///
    /// Where the log does not tell its partitions.
    pub async fn new(log: &Log, window: Window) -> Result<Self, eventlog::Error> {
        Ok(Self {
            topics: Topics::learn(log).await?,
            window,
        })
    }

    /// Reads one again, as if it came at `now_ms`. Its events have the ids that they would have had then,
    /// so that what is replayed twice, or came by another way meanwhile, counts once.
    pub fn replay(&self, lying: &Lying<'_>, now_ms: i64) -> Replayed {
        if lying.is_cut {
            return Replayed::NotWhole(Whole::Cut);
        }
        let Some(field) = lying.field.filter(|field| WHOLE.contains(field)) else {
            return Replayed::NotWhole(Whole::Field);
        };
        let body = envelope(lying, field);
        let not_json = Replayed::Refused {
            reason: Reason::WrongType,
            detail: None,
        };
        let Ok(Post::Envelope(envelope)) = split(&body) else {
            return not_json;
        };
        let pieces = envelope.pieces();
        let item = match pieces.as_slice() {
            [Piece::Item(item)] => item,
            [Piece::Unintelligible(part), ..] => {
                return Replayed::Refused {
                    reason: part.reason.into(),
                    detail: Some(part.to_string()),
                };
            }
            _ => return not_json,
        };
        let mut events = Vec::new();
        let mut judge = Judge::new(self.window, now_ms.div_euclid(1000));
        match judge.judge(item, &mut events).verdict {
            Verdict::Asserted => {}
            Verdict::Nothing | Verdict::Dropped(_) => return Replayed::Nothing,
            // What it asserts in part was appended when it came.
            Verdict::Refused(refused) => {
                return Replayed::Refused {
                    reason: refused.reason,
                    detail: refused.detail,
                };
            }
        }
        let mut records = Records::new(self.topics, now_ms, None, body.len());
        for event in &events {
            if records.event(event).is_err() {
                return Replayed::Refused {
                    reason: Reason::EventTooLarge,
                    detail: None,
                };
            }
        }
        Replayed::Asserted(records.into_batch(), events.len())
    }
}

/// The webhook that the item may have come in.
fn envelope(lying: &Lying<'_>, field: &str) -> Vec<u8> {
    // A name with anything in it that JSON would escape is none of Meta's, and was not kept.
    let known = |name: &str| name != UNFIT && plain(name) == name;
    let mut body = br#"{"object":"whatsapp_business_account","entry":[{"#.to_vec();
    if let Some(waba_id) = lying.waba_id.filter(|name| known(name)) {
        body.extend(format!(r#""id":"{waba_id}","#).bytes());
    }
    body.extend(format!(r#""changes":[{{"field":"{field}","value":"#).bytes());
    if lying.reason == Reason::NoGroups.as_str() {
        // The whole of what stood there.
        body.extend(lying.value);
    } else {
        body.extend(br#"{"messaging_product":"whatsapp","#);
        if let Some(number) = lying.phone_number_id.filter(|name| known(name)) {
            body.extend(format!(r#""metadata":{{"phone_number_id":"{number}"}},"#).bytes());
        }
        body.extend(br#""groups":["#);
        body.extend(lying.value);
        body.extend(b"]}");
    }
    body.extend(b"}]}]}");
    body
}
