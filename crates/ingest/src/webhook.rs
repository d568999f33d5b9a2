//! From the body of a POST, known to be Meta's, to the records of one append.

use eventlog::Batch;
use graph::webhook::{Foreign, Item, NotJson, Piece, Post, Unintelligible, split};

use crate::{
    judge::{Addressed, Judge, Judged, Refused, Verdict, Window},
    limits::{PIECES_MAX, RECORDS_BYTES_MAX},
    metrics::{self, Tally},
    reason::Reason,
    records::{Quarantined, Records, Topics},
    signature::Verified,
};

/// What a POST is read with.
#[derive(Debug)]
pub struct Reading<'a> {
    /// The seconds that an item may be stamped with.
    pub window: Window,
    /// `None` while the log has not told.
    pub topics: Option<Topics>,
    /// Our clock, in milliseconds since 1970.
    pub now_ms: i64,
    /// Of the request, for the headers of its records.
    pub traceparent: Option<&'a [u8]>,
}

/// Why a POST is not read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The body as a whole is not JSON; nothing else in a body is an error.
    #[error("body")]
    NotJson(#[from] NotJson),
    /// The log has not told how many partitions it has.
    #[error("the log's partitions are not known yet")]
    TopicsUnknown,
}

/// Reads a body: an event for each entity of each item, and what could not be understood for quarantine.
///
/// # Errors
///
/// [`Error`]
pub fn read(body: Verified<'_>, reading: &Reading<'_>) -> Result<(Batch, Tally), Error> {
    let post = split(body.bytes())?;
    let topics = reading.topics.ok_or(Error::TopicsUnknown)?;
    let mut reader = Reader {
        judge: Judge::new(reading.window, reading.now_ms.div_euclid(1000)),
        records: Records::new(
            topics,
            reading.now_ms,
            reading.traceparent,
            body.bytes().len(),
        ),
        events: Vec::new(),
        tally: Tally::default(),
    };
    match &post {
        Post::Foreign(foreign) => reader.foreign(*foreign),
        Post::Envelope(envelope) => {
            let pieces = envelope.pieces();
            let mut read = 0;
            for piece in pieces.iter().take(PIECES_MAX) {
                if reader.records.bytes() > RECORDS_BYTES_MAX {
                    break;
                }
                match piece {
                    Piece::Item(item) => reader.item(item),
                    Piece::Unintelligible(part) => reader.unintelligible(part),
                }
                read += 1;
            }
            reader.beyond(pieces.len() - read);
        }
    }
    Ok((reader.records.into_batch(), reader.tally))
}

struct Reader<'a> {
    judge: Judge,
    records: Records<'a>,
    /// Of the item at hand; kept between items for its allocation.
    events: Vec<Addressed>,
    tally: Tally,
}

impl Reader<'_> {
    fn item(&mut self, item: &Item<'_>) {
        self.events.clear();
        let Judged { kind, verdict } = self.judge.judge(item, &mut self.events);
        let mut too_large = None;
        for addressed in &self.events {
            if self.records.event(addressed).is_err() {
                too_large = Some(Refused {
                    entity: Some(addressed.entity.clone()),
                    ..Reason::EventTooLarge.into()
                });
            }
        }
        let outcome = match (verdict, too_large) {
            (Verdict::Refused(refused), _) | (_, Some(refused)) => {
                self.refused(item, &refused);
                "quarantined"
            }
            (Verdict::Asserted, None) => "asserted",
            (Verdict::Nothing, None) => "nothing",
            (Verdict::Dropped(dropped), None) => {
                self.tally.dropped(dropped.as_str());
                "dropped"
            }
        };
        self.count(metrics::field(Some(&item.field)), kind, outcome);
    }

    fn refused(&mut self, item: &Item<'_>, refused: &Refused) {
        let Refused {
            reason,
            detail,
            entity,
        } = refused;
        self.quarantine(&Quarantined {
            value: item.for_quarantine(),
            reason: *reason,
            detail: detail.as_deref(),
            entity: entity.as_ref(),
            field: Some(&item.field),
            waba_id: item.waba_id.as_deref(),
            phone_number_id: item.metadata.phone_number_id.as_deref(),
        });
    }

    fn unintelligible(&mut self, part: &Unintelligible<'_>) {
        let field = metrics::field(part.field.as_ref());
        self.count(field, part.level.as_str(), "quarantined");
        self.quarantine(&Quarantined {
            value: part.for_quarantine(),
            reason: part.reason.into(),
            detail: Some(&part.to_string()),
            entity: None,
            field: part.field.as_ref(),
            waba_id: part.waba_id.as_deref(),
            phone_number_id: None,
        });
    }

    /// Of another product's webhook nothing is kept but that it came.
    fn foreign(&mut self, foreign: Foreign) {
        let Foreign { size, kind } = foreign;
        self.count("none", "foreign", "quarantined");
        self.nothing_kept(
            Reason::NotWhatsApp,
            format!(r#"{{"kind":"{}","size":{size}}}"#, kind.as_str()),
        );
    }

    fn beyond(&mut self, pieces: usize) {
        if pieces > 0 {
            self.count("none", "beyond", "quarantined");
            self.nothing_kept(Reason::TooManyPieces, format!(r#"{{"pieces":{pieces}}}"#));
        }
    }

    fn nothing_kept(&mut self, reason: Reason, value: String) {
        self.quarantine(&Quarantined {
            value: value.into(),
            reason,
            detail: None,
            entity: None,
            field: None,
            waba_id: None,
            phone_number_id: None,
        });
    }

    fn quarantine(&mut self, quarantined: &Quarantined<'_>) {
        self.tally.quarantined(quarantined.reason);
        self.records.quarantine(quarantined);
    }

    fn count(&mut self, field: &'static str, kind: &'static str, outcome: &'static str) {
        self.tally.item(metrics::Item {
            field,
            kind,
            outcome,
        });
    }
}
