//! Ids as Meta forms them (reference 6.1): opaque to clients, drawn from a seeded stream.

use base64::{Engine, engine::general_purpose::STANDARD};
use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;

use crate::random::{Purpose, stream};

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Who brings an id about: each has a stream, so that running traffic does not change what a caller gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A call of the Graph or control API.
    Caller,
    /// Traffic.
    Traffic,
    /// The population at the start.
    Population,
}

/// Draws ids.
#[derive(Debug)]
pub(crate) struct Ids {
    pub(crate) origin: Origin,
    caller: ChaCha8Rng,
    traffic: ChaCha8Rng,
    population: ChaCha8Rng,
}

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            origin: Origin::Population,
            caller: stream(seed, Purpose::CallerIds),
            traffic: stream(seed, Purpose::TrafficIds),
            population: stream(seed, Purpose::Population),
        }
    }

    /// The stream ids are drawn from now.
    pub(crate) fn rng(&mut self) -> &mut ChaCha8Rng {
        match self.origin {
            Origin::Caller => &mut self.caller,
            Origin::Traffic => &mut self.traffic,
            Origin::Population => &mut self.population,
        }
    }

    /// The numeric id inside a group id: 18 digits.
    pub(crate) fn group_number(&mut self) -> String {
        format!(
            "120363{:012}",
            self.rng().random_range(0..1_000_000_000_000_u64)
        )
    }

    /// A request id: 32 upper-case hex digits.
    pub(crate) fn request(&mut self) -> String {
        hex::encode_upper(self.rng().random::<[u8; 16]>())
    }

    /// An invite link.
    pub(crate) fn invite_link(&mut self) -> String {
        format!("https://chat.whatsapp.com/{}", text(self.rng(), 22))
    }

    /// A business-scoped user id.
    pub(crate) fn user_id(&mut self) -> String {
        format!(
            "US.{:020}",
            self.rng()
                .random_range(10_000_000_000_000_000_000..=u64::MAX)
        )
    }

    /// A business-scoped user id of a parent business.
    pub(crate) fn parent_user_id(&mut self) -> String {
        format!(
            "US.ENT.{:020}",
            self.rng()
                .random_range(10_000_000_000_000_000_000..=u64::MAX)
        )
    }

    /// A message id: base64 of a few bytes of framing around upper-case hex, as captured ones are.
    pub(crate) fn message(&mut self) -> String {
        let digits = hex::encode_upper(self.rng().random::<[u8; 16]>());
        let framed = [b"\x1c\x18 ", digits.as_bytes(), b"\0"].concat();
        format!("wamid.{}", STANDARD.encode(framed))
    }
}

/// The id of a group: it holds the business number's digits.
pub(crate) fn group_id(business_number: &str, group_number: &str) -> String {
    stuffed(&format!("capi_group:{business_number}:{group_number}"))
}

/// The id of a join request: the same each time the same person asks the same group.
/// `person` is the phone number's digits, or the BSUID where the number is withheld.
pub(crate) fn join_request_id(person: &str, group_number: &str) -> String {
    stuffed(&format!("{person}:{group_number}"))
}

/// An `fbtrace_id`.
pub(crate) fn trace_id(rng: &mut impl Rng) -> String {
    format!("A{}", text(rng, 22))
}

fn stuffed(plain: &str) -> String {
    STANDARD.encode(plain).replace('=', "ZD")
}

fn text(rng: &mut impl Rng, length: usize) -> String {
    (0..length)
        .filter_map(|_| LETTERS.get(rng.random_range(0..LETTERS.len())))
        .map(|&byte| char::from(byte))
        .collect()
}
