//! `rollcall quarantine`: what could not be understood, and trying it again.

use std::{collections::BTreeMap, ops::ControlFlow, str::FromStr, time::Duration};

use anyhow::{Context as _, bail};
use chassis::{Ctx, time};
use clap::{Args as ClapArgs, Subcommand};
use eventlog::{At, KafkaArgs, Log, RecordRef, Start};
use ingest::{Lying, Replayed, Replayer, Window};
use serde_json::{Value, json};
use wire::topics::Topic;

use crate::{client::Output, kafka, print::line, scan};

/// What to do about what lies in quarantine.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Command {
    /// What lies there: id, time, reason, where it stood and what was expected; never its content
    List(List),
    /// One item as Meta sent it, phone numbers and names with it
    Show(Show),
    /// Reads items again, after an upgrade that understands them or with wider limits of their seconds, and appends what they assert.
    ///
    /// Twice is as good as once: the events have the ids that they would have had at first. Items stay where they lie, for 30 days.
    Replay(Replay),
}

/// The log, and which of its items.
#[derive(Debug, Clone, ClapArgs)]
struct Which {
    #[command(flatten)]
    kafka: KafkaArgs,

    /// Only what lies there for this reason, as the metric `ingest_quarantined_total` names it.
    #[arg(long, env = "ROLLCALL_REASON")]
    reason: Option<String>,

    /// Only what came no longer ago than this, such as 2d.
    #[arg(long, env = "ROLLCALL_SINCE", value_name = "DURATION", value_parser = chassis::duration::parse)]
    since: Option<Duration>,
}

/// Settings of `rollcall quarantine list`.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct List {
    #[command(flatten)]
    which: Which,

    /// How it is shown.
    #[arg(long, env = "ROLLCALL_OUTPUT", value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// Settings of `rollcall quarantine show`.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Show {
    /// Id of the item, as `rollcall quarantine list` shows it: partition and offset, such as 0:17.
    id: Id,

    #[command(flatten)]
    kafka: KafkaArgs,
}

/// Settings of `rollcall quarantine replay`.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Replay {
    /// Ids of items, as `rollcall quarantine list` shows them; without any, all that --reason and --since select.
    ids: Vec<Id>,

    #[command(flatten)]
    which: Which,

    /// Say what would become of each, and append nothing.
    #[arg(long, env = "ROLLCALL_DRY_RUN")]
    dry_run: bool,

    /// How far behind an item's timestamp may be; 0 is no limit. Whoever widens it has looked at the items.
    #[arg(long, env = "ROLLCALL_TIMESTAMP_PAST", value_name = "DURATION", default_value = "30d", value_parser = chassis::duration::parse)]
    timestamp_past: Duration,

    /// How far ahead an item's timestamp may be. One in the far future would hold its value against all that Meta says until then.
    #[arg(long, env = "ROLLCALL_TIMESTAMP_FUTURE", value_name = "DURATION", default_value = "10m", value_parser = chassis::duration::parse)]
    timestamp_future: Duration,
}

/// Where an item lies: `partition:offset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Id {
    partition: u32,
    offset: i64,
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.partition, self.offset)
    }
}

impl FromStr for Id {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "an id is a partition and an offset, such as 0:17";
        let (partition, offset) = text.split_once(':').ok_or(wrong)?;
        let id = Self {
            partition: partition.parse().map_err(|_| wrong)?,
            offset: offset.parse().map_err(|_| wrong)?,
        };
        if id.offset < 0 { Err(wrong) } else { Ok(id) }
    }
}

/// A header as text; what is no text is none of ours.
fn header<'a>(record: &RecordRef<'a>, name: &str) -> Option<&'a str> {
    std::str::from_utf8(record.header(name)?).ok()
}

/// Runs the command.
pub(crate) async fn run(command: Command, ctx: Ctx) -> anyhow::Result<()> {
    match command {
        Command::List(list) => self::list(list, &ctx).await,
        Command::Show(show) => self::show(show, &ctx).await,
        Command::Replay(replay) => self::replay(replay, &ctx).await,
    }
}

async fn open(args: &KafkaArgs, topics: &[Topic], ctx: &Ctx) -> anyhow::Result<Log> {
    kafka::open(args, "rollcall-quarantine", topics, ctx).await
}

/// Gives every item from some offsets on, up to what is there now, to `take`, until it breaks or shutdown begins.
async fn each(
    log: &Log,
    starts: Vec<Start>,
    ctx: &Ctx,
    mut take: impl FnMut(Id, &RecordRef<'_>) -> anyhow::Result<ControlFlow<()>>,
) -> anyhow::Result<()> {
    let read = scan::from(log, starts, ctx, |partition, record| {
        let id = Id {
            partition,
            offset: record.offset,
        };
        take(id, record)
    });
    read.await.context("read quarantine.v1")?;
    Ok(())
}

/// Where to begin to read all items that were selected by time.
async fn starts(log: &Log, which: &Which, ctx: &Ctx) -> anyhow::Result<(Vec<Start>, i64)> {
    let name = Topic::Quarantine.name();
    let partitions = log
        .partitions(name)
        .await
        .context("ask for quarantine.v1")?;
    let starts = (0..partitions).map(|partition| Start::new(name, partition, At::Beginning));
    let now = i64::try_from(ctx.clock.now_ms()).unwrap_or(i64::MAX);
    let since = which.since.map_or(0, |since| {
        now.saturating_sub(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    });
    Ok((starts.collect(), since))
}

impl Which {
    fn selects(&self, record: &RecordRef<'_>, since_ms: i64) -> bool {
        let reason = self.reason.as_deref();
        record.timestamp_ms >= since_ms
            && reason.is_none_or(|reason| header(record, "reason") == Some(reason))
    }
}

async fn list(list: List, ctx: &Ctx) -> anyhow::Result<()> {
    let List { which, output } = list;
    let log = open(&which.kafka, &[Topic::Quarantine], ctx).await?;
    let (starts, since) = starts(&log, &which, ctx).await?;
    let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
    each(&log, starts, ctx, |id, record| {
        if which.selects(record, since) {
            let reason = header(record, "reason").unwrap_or("?").to_owned();
            *reasons.entry(reason).or_default() += 1;
            told(id, record, output)?;
        }
        Ok(ControlFlow::Continue(()))
    })
    .await?;
    if output == Output::Json {
        return Ok(());
    }
    if reasons.is_empty() {
        return line("nothing lies in quarantine");
    }
    line("")?;
    reasons
        .iter()
        .try_for_each(|(reason, count)| line(format_args!("{count} for {reason}")))
}

/// A line about an item, without its content.
fn told(id: Id, record: &RecordRef<'_>, output: Output) -> anyhow::Result<()> {
    let at = time::rfc3339(record.timestamp_ms.div_euclid(1000));
    let of = |name: &str| header(record, name);
    let entity = std::str::from_utf8(record.key).unwrap_or_default();
    let bytes = record.value.map_or(0, <[u8]>::len);
    if output == Output::Json {
        return line(json!({
            "id": id.to_string(), "at": at, "reason": of("reason"), "detail": of("detail"), "field": of("field"),
            "entity": Some(entity).filter(|entity| !entity.is_empty()),
            "waba_id": of("waba_id"), "phone_number_id": of("phone_number_id"), "bytes": bytes,
        }));
    }
    line(format_args!(
        "{id}  {at}  {}  {}  {}  {bytes} bytes  {}",
        of("reason").unwrap_or("?"),
        of("field").unwrap_or("-"),
        if entity.is_empty() { "-" } else { entity },
        of("detail").unwrap_or_default(),
    ))
}

async fn show(show: Show, ctx: &Ctx) -> anyhow::Result<()> {
    let Show { id, kafka } = show;
    let log = open(&kafka, &[Topic::Quarantine], ctx).await?;
    let mut found: Option<Value> = None;
    each(&log, vec![start(&log, id).await?], ctx, |at, record| {
        if at == id {
            let mut headers = serde_json::Map::new();
            for (name, value) in record.headers() {
                headers.insert(name.to_owned(), String::from_utf8_lossy(value).into());
            }
            let value = String::from_utf8_lossy(record.value.unwrap_or_default());
            // As Meta sent it, were it JSON or not.
            found = Some(json!({"id": id.to_string(), "headers": headers, "value": value}));
        }
        Ok(ControlFlow::Break(()))
    })
    .await?;
    line(found.with_context(|| format!("nothing lies at {id} any more"))?)
}

/// Where an item would lie.
async fn start(log: &Log, id: Id) -> anyhow::Result<Start> {
    let name = Topic::Quarantine.name();
    let partitions = log
        .partitions(name)
        .await
        .context("ask for quarantine.v1")?;
    if id.partition >= partitions {
        bail!("{id}: quarantine.v1 has {partitions} partitions");
    }
    let bounds = log.bounds(name, id.partition).await;
    let bounds = bounds.context("ask for the bounds of quarantine.v1")?;
    if id.offset < bounds.start || id.offset >= bounds.end {
        bail!(
            "{id}: what lies in partition {} is from offset {} to before {}",
            id.partition,
            bounds.start,
            bounds.end
        );
    }
    Ok(Start::new(name, id.partition, At::Offset(id.offset)))
}

/// What a replay came to.
#[derive(Debug, Default)]
struct Sums {
    items: u64,
    events: usize,
    refused: u64,
    not_whole: u64,
}

async fn replay(replay: Replay, ctx: &Ctx) -> anyhow::Result<()> {
    let Replay {
        ids,
        which,
        dry_run,
        timestamp_past,
        timestamp_future,
    } = replay;
    let topics = [Topic::Events, Topic::Receipts, Topic::Quarantine];
    let log = open(&which.kafka, &topics, ctx).await?;
    let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    let window = Window {
        past: Some(seconds(timestamp_past)).filter(|past| *past > 0),
        future: seconds(timestamp_future),
    };
    let replayer = Replayer::new(&log, window).await;
    let replayer = replayer.context("ask for the partitions")?;
    let (mut sums, mut batches) = (Sums::default(), Vec::new());
    let now_ms = i64::try_from(ctx.clock.now_ms()).unwrap_or(i64::MAX);
    let mut again = |id: Id, record: &RecordRef<'_>| {
        let said = one(&replayer, record, now_ms, &mut sums, &mut batches);
        line(format_args!("{id}  {said}"))
    };
    if ids.is_empty() {
        let (starts, since) = starts(&log, &which, ctx).await?;
        each(&log, starts, ctx, |id, record| {
            if which.selects(record, since) {
                again(id, record)?;
            }
            Ok(ControlFlow::Continue(()))
        })
        .await?;
    }
    for id in ids {
        each(&log, vec![start(&log, id).await?], ctx, |at, record| {
            if at == id {
                again(id, record)?;
            }
            Ok(ControlFlow::Break(()))
        })
        .await?;
    }
    if !dry_run {
        for batch in batches {
            log.append(batch)
                .await
                .context("append what was understood")?;
        }
    }
    let verb = if dry_run {
        "would be appended"
    } else {
        "appended"
    };
    let Sums {
        items,
        events,
        refused,
        not_whole,
    } = sums;
    line(format_args!(
        "{items} items: {events} events {verb}, {refused} still not understood, {not_whole} were not kept whole"
    ))?;
    if refused > 0 {
        bail!("{refused} items are still not understood");
    }
    Ok(())
}

/// What becomes of an item, in words that hold none of its content.
fn one(
    replayer: &Replayer,
    record: &RecordRef<'_>,
    now_ms: i64,
    sums: &mut Sums,
    batches: &mut Vec<eventlog::Batch>,
) -> String {
    let lying = Lying {
        value: record.value.unwrap_or_default(),
        reason: header(record, "reason").unwrap_or_default(),
        field: header(record, "field"),
        waba_id: header(record, "waba_id"),
        phone_number_id: header(record, "phone_number_id"),
        is_cut: record.header("cut_from_bytes").is_some(),
    };
    sums.items += 1;
    match replayer.replay(&lying, now_ms) {
        Replayed::Asserted(batch, events) => {
            batches.push(batch);
            sums.events += events;
            format!("understood: {events} events")
        }
        Replayed::Nothing => "understood: asserts nothing".to_owned(),
        Replayed::Refused { reason, detail } => {
            sums.refused += 1;
            let detail = detail.unwrap_or_else(|| reason.to_string());
            format!("not understood: {} ({detail})", reason.as_str())
        }
        Replayed::NotWhole(why) => {
            sums.not_whole += 1;
            format!("cannot be read again: {why}")
        }
    }
}
