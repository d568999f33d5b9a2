//! Following one input partition: reading its state topics and changes into the store, from where it ends or from the beginning.
//!
//! Every instance follows every partition that it does not lead, so that it answers any query and takes over warm.

use std::collections::{BTreeMap, HashSet};

use chassis::Clock;
use domain::position::Position;
use eventlog::{At, Bounds, RecordBatch, RecordRef, Start};
use wire::{Progress, digest::record_hash, topics::Topic};

use crate::{
    error::{End, Error, Misfit},
    flush,
    intake::{Intake, Source},
    limits::{BATCH_WAIT, RECOVER_BYTES, RECOVER_RECORDS, REREAD_PAUSE, STORE_AGE_MAX},
    logs::Portion,
    metrics::Input,
    projection::Reached,
    seat::Seat,
    states::{no_progress, topic_of},
    steps::Step,
    store::{
        Entry,
        meta::{Reach, Read, source},
    },
};

/// How a panic while records are taken in ends.
const PANICKED: End = End::Failed(Error::Panicked { task: "follow" });

/// How many records to read at once, and how long to wait for any.
const PORTION: Portion = Portion {
    records: RECOVER_RECORDS,
    bytes: RECOVER_BYTES,
    wait: BATCH_WAIT,
};

/// The state topics of an input.
pub(crate) fn state_topics(input: Input) -> &'static [Topic] {
    match input {
        Input::Events => &[Topic::Groups, Topic::Requests, Topic::Numbers],
        Input::Receipts => &[Topic::Messages],
    }
}

/// Everything that is followed of an input.
fn followed_topics(input: Input) -> &'static [Topic] {
    match input {
        Input::Events => &[
            Topic::Groups,
            Topic::Requests,
            Topic::Numbers,
            Topic::Changes,
        ],
        Input::Receipts => &[Topic::Messages],
    }
}

/// A reader of the topics of one partition, and what the store has of each.
pub(crate) struct Following {
    reader: eventlog::Reader,
    sources: Vec<Followed>,
}

/// One topic that is followed.
struct Followed {
    topic: Topic,
    bounds: Bounds,
    /// What the store had when this was opened.
    read: Option<Read>,
    /// The last record taken in, with its hash.
    last: Option<(i64, String)>,
}

/// Until when to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// Everything that was there when the reader was opened is read, and told.
    EndsAtOpen,
    /// This instance is to lead the partition, and everything that is there by then is read.
    Led,
}

impl Following {
    /// The next offset of a topic.
    pub(crate) fn next(&self, topic: Topic) -> i64 {
        let place = self.sources.iter().position(|held| held.topic == topic);
        place.map_or(0, |place| self.reader.position(place))
    }

    fn is_at(&self, ends: &BTreeMap<Topic, i64>) -> bool {
        ends.iter().all(|(topic, end)| self.next(*topic) >= *end)
    }
}

impl Seat {
    /// Opens a reader of everything that is followed, from where the store ends.
    pub(crate) async fn open(&mut self) -> Result<Following, End> {
        let (mut starts, mut sources) = (Vec::new(), Vec::new());
        for topic in followed_topics(self.input) {
            let (start, bounds, read) = self.start(*topic).await?;
            starts.push(start);
            sources.push(Followed {
                topic: *topic,
                bounds,
                last: read.as_ref().and_then(|read| read.last.clone()),
                read,
            });
        }
        let reader = self.logs.reader(topic_of(self.input), starts).await?;
        self.heard_ms = self.logs.clock.monotonic_ms();
        Ok(Following { reader, sources })
    }

    /// Follows, and says whether it did so until what was asked; no at shutdown.
    pub(crate) async fn follow(
        &mut self,
        following: &mut Following,
        until: Until,
    ) -> Result<bool, End> {
        let mut ends: Option<BTreeMap<Topic, i64>> = None;
        // Progress that was there by then; when it is told, everything that led to it can be seen.
        let mut target: Option<Option<Position>> = None;
        loop {
            self.logs.heartbeat.turn();
            match until {
                Until::EndsAtOpen if following.reader.reached_all_ends() => {
                    let intake = self.intake()?;
                    let target = target
                        .get_or_insert_with(|| intake.waiting().map(|progress| progress.position));
                    let reached = intake.findings.reached.as_ref();
                    if target.is_none_or(|target| {
                        reached.is_some_and(|reached| !target.is_after(&reached.position))
                    }) {
                        return Ok(true);
                    }
                }
                Until::EndsAtOpen => {}
                Until::Led if !self.may_lead()? => ends = None,
                Until::Led => {
                    let ends = match &mut ends {
                        Some(ends) => ends,
                        none => none.insert(self.ends().await?),
                    };
                    if following.is_at(ends) {
                        self.steps.taken(Step::EndsReached);
                        return Ok(true);
                    }
                }
            }
            let batch = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(false),
                () = self.mandate.changed() => continue,
                batch = self.logs.next(&mut following.reader, topic_of(self.input), PORTION) => batch?,
            };
            if batch.is_empty() {
                self.tell(following)?;
                continue;
            }
            self.await_news().await?;
            self.keep(following, batch).await?;
            if following.reader.reached_all_ends() {
                self.check_digests().await?;
            }
        }
    }

    /// Takes a batch of records into the store.
    async fn keep(&mut self, following: &mut Following, batch: RecordBatch) -> Result<(), End> {
        self.steps.taken(Step::RecordsRead);
        note_last(&batch, &mut following.sources)?;
        let sources: Vec<Source> = following.sources.iter().map(Followed::source).collect();
        let entries = self.take(batch, sources).await?;
        let reads: Vec<(String, Read)> = following
            .sources
            .iter()
            .enumerate()
            .map(|(place, held)| {
                let now = Read {
                    next: following.reader.position(place),
                    last: held.last.clone(),
                };
                (source(held.topic.name(), self.logs.partition), now)
            })
            .collect();
        let changes_next = following.next(Topic::Changes);
        let progress = self.intake_mut()?.reach(changes_next);
        let name = source(topic_of(self.input).name(), self.logs.partition);
        self.projection.store().commit(entries, |meta| {
            meta.read.extend(reads);
            if let Some(progress) = &progress {
                let mut bytes = Vec::new();
                wire::encode_progress(progress, &mut bytes);
                meta.progress.insert(name, hex::encode(bytes));
            }
        });
        self.steps.taken(Step::RecordsKept);
        if let Some(progress) = progress {
            self.tell_followed(&progress)?;
        }
        self.begin_history(following)?;
        flush::make_room(&self.projection).await?;
        Ok(())
    }

    /// Tells progress that was waiting for changes which turned out to be read already.
    fn tell(&mut self, following: &Following) -> Result<(), End> {
        let changes_next = following.next(Topic::Changes);
        if let Some(progress) = self.intake_mut()?.reach(changes_next) {
            self.tell_followed(&progress)?;
        }
        self.begin_history(following)
    }

    fn tell_followed(&mut self, progress: &Progress) -> Result<(), End> {
        let reached = self.intake()?.told(progress);
        self.projection.reach(reached);
        // Somebody leads.
        if self.is_recovered && !self.mandate.is_held() {
            self.caught_up();
        }
        self.steps.taken(Step::PositionFollowed);
        Ok(())
    }

    /// Works on a batch where blocking is allowed.
    async fn take(&mut self, batch: RecordBatch, sources: Vec<Source>) -> Result<Vec<Entry>, End> {
        let mut intake = self.intake.take().ok_or(PANICKED)?;
        let working = tokio::task::spawn_blocking(move || {
            let entries = intake.take(&batch, &sources);
            (intake, entries)
        });
        let (intake, entries) = working.await.map_err(|_| PANICKED)?;
        self.intake = Some(intake);
        entries
    }

    pub(crate) fn intake(&self) -> Result<&Intake, End> {
        self.intake.as_deref().ok_or(PANICKED)
    }

    pub(crate) fn intake_mut(&mut self) -> Result<&mut Intake, End> {
        self.intake.as_deref_mut().ok_or(PANICKED)
    }

    /// Notes that older changes are gone from the log: history begins with the first that was read, if any is left.
    fn begin_history(&self, following: &Following) -> Result<(), End> {
        let Some((place, held)) = following
            .sources
            .iter()
            .enumerate()
            .find(|(_, held)| held.topic == Topic::Changes)
        else {
            return Ok(());
        };
        let partition = self.logs.partition;
        if held.read.is_some()
            || held.bounds.start == 0
            || !following.reader.reached_end(place)
            || self
                .projection
                .store()
                .meta()
                .history_after
                .contains_key(&partition)
        {
            return Ok(());
        }
        let intake = self.intake()?;
        let progress = intake
            .furthest()
            .map(|progress| Reach::from(&progress.position));
        let begins = intake.findings.first_change.or(progress).unwrap_or(Reach {
            generation: 1,
            offset: held.bounds.start,
        });
        self.projection.store().commit(Vec::new(), |meta| {
            meta.history_after.entry(partition).or_insert(begins);
        });
        Ok(())
    }

    /// Progress as the store has it, or that of the beginning.
    pub(crate) fn stored_progress(&self) -> Progress {
        let name = source(topic_of(self.input).name(), self.logs.partition);
        let meta = self.projection.store().meta();
        let stored = meta
            .progress
            .get(&name)
            .and_then(|bytes| wire::decode_progress(&hex::decode(bytes).ok()?).ok());
        stored.unwrap_or_else(|| {
            no_progress(
                self.input,
                self.logs.partition,
                self.projection.partitions(),
            )
        })
    }

    /// The ends of everything that is followed, now.
    async fn ends(&self) -> Result<BTreeMap<Topic, i64>, End> {
        let mut ends = BTreeMap::new();
        for topic in followed_topics(self.input) {
            ends.insert(*topic, self.logs.bounds(*topic).await?.end);
        }
        Ok(ends)
    }

    /// Where to start in a topic, or why the store does not fit it.
    async fn start(&self, topic: Topic) -> Result<(Start, Bounds, Option<Read>), End> {
        let bounds = self.logs.bounds(topic).await?;
        let meta = self.projection.store().meta();
        let read = meta
            .read
            .get(&source(topic.name(), self.logs.partition))
            .cloned();
        let Some(read) = read else {
            return Ok((
                Start::new(topic.name(), self.logs.partition, At::Offset(bounds.start)),
                bounds,
                None,
            ));
        };
        if read.next > bounds.end {
            return Err(Misfit::Foreign.into());
        }
        if read.next < bounds.start {
            return Err(Misfit::TooOld.into());
        }
        let age = now_ms(&self.logs.clock).saturating_sub(meta.at_ms);
        let is_old = u128::try_from(age).is_ok_and(|age| age > STORE_AGE_MAX.as_millis());
        if is_old && read.next < bounds.end && !self.projection.is_served() {
            return Err(Misfit::TooOld.into());
        }
        let last = read.last.as_ref().map(|(offset, _)| *offset);
        let from = last
            .filter(|last| *last >= bounds.start)
            .unwrap_or(read.next);
        Ok((
            Start::new(topic.name(), self.logs.partition, At::Offset(from)),
            bounds,
            Some(read),
        ))
    }

    /// A follower that heard nothing for so long that tombstones may be gone reads everything anew.
    async fn await_news(&mut self) -> Result<(), End> {
        let now = self.logs.clock.monotonic_ms();
        let silent_ms = now.saturating_sub(self.heard_ms);
        self.heard_ms = now;
        if u128::from(silent_ms) > STORE_AGE_MAX.as_millis() {
            tracing::warn!(
                kafka.partition = self.logs.partition,
                "nothing was heard of {}/{} for {} hours: its states are read anew",
                topic_of(self.input).name(),
                self.logs.partition,
                silent_ms / 3_600_000
            );
            for topic in state_topics(self.input) {
                self.reread(*topic).await?;
            }
        }
        Ok(())
    }

    /// A digest that differs means that the store is wrong, or, if it was just read from the log, the log.
    async fn check_digests(&mut self) -> Result<(), End> {
        let differing = self.intake()?.findings.differing.clone();
        for topic in differing {
            let now = self.logs.clock.monotonic_ms();
            let last = self.reread_ms.insert(topic, now);
            let pause = u64::try_from(REREAD_PAUSE.as_millis()).unwrap_or(u64::MAX);
            if let Some(last) = last.filter(|last| now.saturating_sub(*last) < pause) {
                self.reread_ms.insert(topic, last);
                continue;
            }
            self.metrics.digest_mismatches.inc();
            let (name, partition) = (topic.name(), self.logs.partition);
            tracing::warn!(
                kafka.topic = name,
                kafka.partition = partition,
                "{name}/{partition}: what is held does not have the digest of the progress record, and is read anew"
            );
            self.reread(topic).await?;
            if self.intake()?.findings.differing.contains(&topic) {
                tracing::error!(
                    kafka.topic = name,
                    kafka.partition = partition,
                    "{name}/{partition}: the states of the log do not have the digest of their progress record"
                );
            }
        }
        Ok(())
    }

    /// Reads a state topic's partition from its beginning: marks what it holds, and drops the rest.
    async fn reread(&mut self, topic: Topic) -> Result<(), End> {
        let partition = self.logs.partition;
        let bounds = self.logs.bounds(topic).await?;
        let start = Start::new(topic.name(), partition, At::Offset(bounds.start));
        let mut reader = self.logs.reader(topic, vec![start]).await?;
        self.intake_mut()?.marked = Some(HashSet::new());
        let sources = vec![Source {
            topic,
            from: bounds.start,
        }];
        while !reader.reached_all_ends() {
            let batch = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(End::Stopped),
                batch = self.logs.next(&mut reader, topic, PORTION) => batch?,
            };
            let entries = self.take(batch, sources.clone()).await?;
            self.projection.store().commit(entries, |_| {});
            flush::make_room(&self.projection).await?;
        }
        let mut intake = self.intake.take().ok_or(PANICKED)?;
        let swept = tokio::task::spawn_blocking(move || {
            let swept = intake.sweep(topic);
            (intake, swept)
        });
        let (intake, entries) = swept.await.map_err(|_| PANICKED)?;
        self.intake = Some(intake);
        let dropped = entries?;
        self.metrics.reread.inc();
        tracing::info!(
            kafka.topic = topic.name(),
            kafka.partition = partition,
            "{}/{partition}: read anew, {} states that it does not hold are dropped",
            topic.name(),
            dropped.len()
        );
        self.projection.store().commit(dropped, |_| {});
        self.steps.taken(Step::TopicReread);
        Ok(())
    }

    /// What queries are told before anything was followed.
    pub(crate) fn tell_stored(&self) -> Result<(), End> {
        let intake = self.intake()?;
        let progress = self.stored_progress();
        self.projection.reach(Reached {
            position: progress.position,
            gap: progress.gap,
            digests: intake.digests,
            digests_at: progress.position,
            written_at_ms: progress.written_at_ms,
        });
        Ok(())
    }
}

impl Followed {
    fn source(&self) -> Source {
        Source {
            topic: self.topic,
            from: self
                .read
                .as_ref()
                .map_or(self.bounds.start, |read| read.next),
        }
    }
}

/// Notes the last record of each source. Another record where the last one stood that the store took in means another log.
fn note_last(batch: &RecordBatch, sources: &mut [Followed]) -> Result<(), End> {
    let hash = |record: &RecordRef<'_>| {
        record_hash(record.key, record.value.unwrap_or_default()).to_string()
    };
    let mut lasts: Vec<Option<RecordRef<'_>>> = vec![None; sources.len()];
    for record in batch.iter() {
        let Some(held) = sources.get(record.source) else {
            continue;
        };
        if let Some((offset, expected)) = held.read.as_ref().and_then(|read| read.last.as_ref())
            && record.offset == *offset
            && hash(&record) != *expected
        {
            return Err(Misfit::Foreign.into());
        }
        if let Some(last) = lasts.get_mut(record.source) {
            *last = Some(record);
        }
    }
    for (held, last) in sources.iter_mut().zip(lasts) {
        if let Some(last) = last {
            held.last = Some((last.offset, hash(&last)));
        }
    }
    Ok(())
}

pub(crate) fn now_ms(clock: &Clock) -> i64 {
    i64::try_from(clock.now_ms()).unwrap_or(i64::MAX)
}
