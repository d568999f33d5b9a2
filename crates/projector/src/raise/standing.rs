//! How the states stand to the inputs: whether all events were folded, and whether it is the same log at all.

use std::collections::BTreeMap;

use domain::ids::EventId;
use eventlog::Bounds;
use wire::{Decoded, Gap, Progress, topics::Topic};

use super::{RaiseError, Raising};
use crate::{
    follow::{now_ms, state_topics},
    metrics::Input,
    states::topic_of,
    store::meta::Reach,
};

/// One partition of an input.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) input: Input,
    pub(super) partition: u32,
    pub(super) bounds: Bounds,
    /// Id of its last event, if the record there is one.
    pub(super) last_event: Option<EventId>,
    /// The broker's timestamp of it.
    pub(super) last_at_ms: i64,
    /// Events that are there, were not folded, and will not be.
    pub(super) skipped: i64,
    /// Why there is a gap in any case: the operator knows, for it is why the generation is raised.
    lost: Option<&'static str>,
    /// What is to be recorded.
    pub(super) gap: Option<Gap>,
}

impl Standing {
    pub(super) fn place(&self) -> String {
        format!("{}/{}", topic_of(self.input).name(), self.partition)
    }

    /// May projectors fold what would be skipped, if they are started once more?
    pub(super) fn is_refused(&self) -> bool {
        self.skipped > 0 && self.lost.is_none()
    }

    /// A line about the gap, if there is one.
    pub(super) fn words(&self) -> Option<String> {
        self.gap?;
        let why = self.lost.unwrap_or("events were not folded");
        Some(format!(
            "{}: {why}; {} events skipped",
            self.place(),
            self.skipped
        ))
    }
}

impl Raising {
    /// Holds the progress of all partitions against the inputs.
    pub(super) async fn standings(
        &self,
        progress: &BTreeMap<(Topic, u32), Progress>,
    ) -> Result<Vec<Standing>, RaiseError> {
        let mut standings = Vec::new();
        for input in [Input::Events, Input::Receipts] {
            for partition in 0..self.partitions {
                standings.push(self.standing(progress, input, partition).await?);
            }
        }
        Ok(standings)
    }

    async fn standing(
        &self,
        progress: &BTreeMap<(Topic, u32), Progress>,
        input: Input,
        partition: u32,
    ) -> Result<Standing, RaiseError> {
        let topic = topic_of(input);
        let bounds = self.bounds(topic, partition).await?;
        let (last_event, last_at_ms) = match bounds.end > bounds.start {
            true => self.event(topic, partition, bounds.end - 1).await?,
            false => (None, 0),
        };
        let of = |topic: &Topic| progress.get(&(*topic, partition));
        let all = || state_topics(input).iter();
        // What is folded is what all topics have; those whose records lapse may have lost theirs.
        let least = all()
            .filter_map(of)
            .min_by_key(|held| Reach::from(&held.position));
        let lacks_states = all()
            .any(|topic| matches!(topic, Topic::Groups | Topic::Numbers) && of(topic).is_none());
        let (folded, mut lost) = match least {
            // A new partition.
            None => (bounds.start - 1, None),
            Some(held) => {
                let lost = self.lost(held, bounds, topic).await?;
                (held.position.offset, lost)
            }
        };
        if lost.is_none() && least.is_some() && lacks_states {
            lost = Some("a state topic was made again");
        }
        let is_foreign = lost == Some(ANOTHER);
        let next = if is_foreign {
            bounds.start
        } else {
            folded.saturating_add(1).max(bounds.start)
        };
        let skipped = bounds.end - next;
        let from = if is_foreign {
            bounds.start
        } else {
            folded.saturating_add(1)
        };
        let gap = (skipped > 0 || lost.is_some()).then(|| Gap {
            from: from.max(0),
            to: bounds.end,
            at: now_ms(&self.clock).div_euclid(1_000),
        });
        Ok(Standing {
            input,
            partition,
            bounds,
            last_event,
            last_at_ms,
            skipped,
            lost,
            gap,
        })
    }

    /// Why there is a gap, if events that were never folded cannot be any more.
    async fn lost(
        &self,
        held: &Progress,
        bounds: Bounds,
        topic: Topic,
    ) -> Result<Option<&'static str>, RaiseError> {
        let Progress {
            position, event_id, ..
        } = held;
        if position.offset >= bounds.end {
            return Ok(Some(ANOTHER));
        }
        if position.offset.saturating_add(1) < bounds.start {
            return Ok(Some("events were lost before they were folded"));
        }
        if event_id.is_none() || position.offset < bounds.start {
            return Ok(None);
        }
        let (found, _) = self
            .event(topic, position.partition, position.offset)
            .await?;
        Ok((found != *event_id).then_some(ANOTHER))
    }

    /// Id and timestamp of the event at an offset that is there.
    async fn event(
        &self,
        topic: Topic,
        partition: u32,
        offset: i64,
    ) -> Result<(Option<EventId>, i64), RaiseError> {
        let page = self.one(topic, partition, offset).await?;
        let Some(record) = page.iter().next().filter(|record| record.offset == offset) else {
            return Ok((None, 0));
        };
        let event = record.value.map(wire::decode_event);
        let id = match event {
            Some(Ok(Decoded::Known(event))) => Some(event.id),
            Some(Ok(_) | Err(_)) | None => None,
        };
        Ok((id, record.timestamp_ms))
    }
}

const ANOTHER: &str = "it is not the log that was folded";
