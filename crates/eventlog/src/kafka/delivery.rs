//! Which records of which batch are durable: one answer a batch, one number a record.
//!
//! librdkafka hands back with each delivery the number that we gave with the record.
//! It holds the batch's slot in its upper half and the record's index in the lower, so that a record costs no allocation and no future.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use rdkafka::{
    Message as _,
    error::RDKafkaErrorCode,
    message::{BorrowedMessage, DeliveryResult},
};
use tokio::sync::oneshot;

use crate::budget::Share;

// Two 32-bit halves go into one number.
const _: () = assert!(usize::BITS == 64, "librdkafka's opaque must hold 64 bits");

/// The batches of one producer that are not answered yet.
#[derive(Default)]
pub(super) struct Deliveries {
    slots: Mutex<Slots>,
    /// Records delivered since the start, for the monitor to see progress.
    succeeded: AtomicU64,
}

#[derive(Default)]
struct Slots {
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    closed: bool,
}

struct Slot {
    offsets: Vec<i64>,
    /// Records not reported yet.
    left: usize,
    failed: usize,
    first: Option<Failure>,
    done: oneshot::Sender<Result<Vec<i64>, Failed>>,
    _share: Share,
}

/// Why one record was not delivered.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: RDKafkaErrorCode,
    /// Topic with prefix.
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) bytes: usize,
}

/// Why a batch was not delivered.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) failed: usize,
    pub(super) records: usize,
    pub(super) first: Failure,
}

impl Deliveries {
    /// A slot for a batch; none when the producer is being replaced.
    pub(super) fn open(
        &self,
        records: usize,
        share: Share,
        done: oneshot::Sender<Result<Vec<i64>, Failed>>,
    ) -> Option<u32> {
        let slot = Slot {
            offsets: vec![-1; records],
            left: records,
            failed: 0,
            first: None,
            done,
            _share: share,
        };
        let mut slots = self.lock();
        if slots.closed {
            return None;
        }
        if let Some(index) = slots.free.pop() {
            if let Some(place) = slots.slots.get_mut(half(index)) {
                *place = Some(slot);
            }
            return Some(index);
        }
        let index = u32::try_from(slots.slots.len()).ok()?;
        slots.slots.push(Some(slot));
        Some(index)
    }

    /// The number to give with a record.
    pub(super) fn opaque(slot: u32, index: usize) -> usize {
        (half(slot) << 32) | index
    }

    /// How many records were delivered since the start.
    pub(super) fn succeeded(&self) -> u64 {
        self.succeeded.load(Ordering::Relaxed)
    }

    pub(super) fn delivered(&self, result: &DeliveryResult<'_>, opaque: usize) {
        let (slot, index) = (opaque >> 32, opaque & 0xffff_ffff);
        match result {
            Ok(message) if message.offset() >= 0 => {
                self.succeeded.fetch_add(1, Ordering::Relaxed);
                let offset = message.offset();
                self.settle(slot, 1, |slot| {
                    if let Some(place) = slot.offsets.get_mut(index) {
                        *place = offset;
                    }
                });
            }
            // A duplicate that the broker no longer knows the offset of: durable, but we promise offsets.
            Ok(message) => self.fail(slot, 1, || failure(RDKafkaErrorCode::NoOffset, message)),
            Err((error, message)) => {
                let code = error.rdkafka_error_code();
                let code = code.unwrap_or(RDKafkaErrorCode::Unknown);
                self.fail(slot, 1, || failure(code, message));
            }
        }
    }

    /// Notes that the last `count` records of a batch did not get as far as librdkafka.
    pub(super) fn not_sent(&self, slot: u32, count: usize, failure: Failure) {
        self.fail(half(slot), count, || failure);
    }

    /// Takes no more batches.
    pub(super) fn close(&self) {
        self.lock().closed = true;
    }

    /// Fails whatever is not answered, after the producer has handed back what it would.
    pub(super) fn fail_rest(&self) {
        let slots: Vec<Slot> = self.lock().slots.drain(..).flatten().collect();
        for mut slot in slots {
            slot.failed += slot.left;
            slot.first.get_or_insert_with(|| Failure {
                code: RDKafkaErrorCode::Fatal,
                topic: String::new(),
                partition: 0,
                bytes: 0,
            });
            slot.answer();
        }
    }

    fn fail(&self, slot: usize, count: usize, failure: impl FnOnce() -> Failure) {
        self.settle(slot, count, |slot| {
            slot.failed += count;
            slot.first.get_or_insert_with(failure);
        });
    }

    fn settle(&self, index: usize, count: usize, settle: impl FnOnce(&mut Slot)) {
        let mut slots = self.lock();
        // It may be gone: failed as a whole when the producer was replaced.
        let Some(place) = slots.slots.get_mut(index) else {
            return;
        };
        let Some(slot) = place.as_mut() else {
            return;
        };
        settle(slot);
        slot.left = slot.left.saturating_sub(count);
        if slot.left > 0 {
            return;
        }
        let slot = place.take();
        slots.free.extend(u32::try_from(index));
        drop(slots);
        if let Some(slot) = slot {
            slot.answer();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn answer(self) {
        let records = self.offsets.len();
        let outcome = match self.first {
            None => Ok(self.offsets),
            Some(first) => Err(Failed {
                failed: self.failed,
                records,
                first,
            }),
        };
        // Nobody may be waiting any more.
        let _ = self.done.send(outcome);
    }
}

fn failure(code: RDKafkaErrorCode, message: &BorrowedMessage<'_>) -> Failure {
    Failure {
        code,
        topic: message.topic().to_owned(),
        partition: message.partition(),
        bytes: message.payload_len() + message.key_len(),
    }
}

fn half(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
