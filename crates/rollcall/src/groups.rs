//! `rollcall groups`: the projection, for people and programs.

use anyhow::Context as _;
use chassis::Ctx;
use clap::{Args as ClapArgs, Subcommand};
use serde_json::Value;

use crate::{
    client::{Client, ClientArgs, Output},
    print::line,
};

/// Groups asked for on a page.
const PAGE: &str = "1000";

/// What to read.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Command {
    /// All groups, a line each, in order of id.
    List(List),
    /// One group, whole.
    Show(One),
    /// What changed in one group, newest first.
    History(One),
    /// For each field and participant of one group: value, stamp, and the event that set it.
    Explain(One),
    /// What changes from now on, a line each, until interrupted.
    Watch(Watch),
}

/// Which groups to list.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct List {
    #[command(flatten)]
    client: ClientArgs,
    /// Only groups of this business number.
    #[arg(long, env = "ROLLCALL_PHONE_NUMBER_ID")]
    phone_number_id: Option<String>,
    /// Only groups that are unconfirmed, active or gone.
    #[arg(long, env = "ROLLCALL_EXISTENCE", value_parser = ["unconfirmed", "active", "gone"])]
    existence: Option<String>,
    /// Only groups whose subject begins so, case ignored.
    #[arg(long, env = "ROLLCALL_SUBJECT")]
    subject: Option<String>,
    /// Only groups with something in doubt, or without.
    #[arg(long, env = "ROLLCALL_IN_DOUBT")]
    in_doubt: Option<bool>,
}

/// Which group.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct One {
    /// Id of the group.
    group_id: String,
    #[command(flatten)]
    client: ClientArgs,
}

/// What to watch.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Watch {
    #[command(flatten)]
    client: ClientArgs,
    /// Only groups of this business number.
    #[arg(long, env = "ROLLCALL_PHONE_NUMBER_ID")]
    phone_number_id: Option<String>,
    /// Only this group.
    #[arg(long, env = "ROLLCALL_GROUP_ID")]
    group_id: Option<String>,
    /// Go on after this event, as an earlier watch printed it with --output json.
    #[arg(long, env = "ROLLCALL_LAST_EVENT_ID")]
    last_event_id: Option<String>,
}

/// Runs the command.
pub(crate) async fn run(command: Command, ctx: Ctx) -> anyhow::Result<()> {
    tokio::select! {
        () = ctx.shutdown.cancelled() => Ok(()),
        done = async {
            match command {
                Command::List(list) => self::list(list).await,
                Command::Show(one) => show(one).await,
                Command::History(one) => history(one).await,
                Command::Explain(one) => explain(one).await,
                Command::Watch(watch) => self::watch(watch).await,
            }
        } => done,
    }
}

async fn list(list: List) -> anyhow::Result<()> {
    let List {
        client: args,
        phone_number_id,
        existence,
        subject,
        in_doubt,
    } = list;
    let client = Client::new(&args)?;
    let filters = [
        ("phone_number_id", phone_number_id),
        ("existence", existence),
        ("subject", subject),
        ("in_doubt", in_doubt.map(|is_so| is_so.to_string())),
    ];
    let filters: Vec<(&str, String)> = filters
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
    pages(&client, &["v1", "groups"], &filters, |group| {
        match args.output {
            Output::Json => line(group),
            Output::Text => line(format_args!(
                "{:<11} {:>2} members {:>2} waiting  {}  {}{}",
                text(group, "existence"),
                group["participant_count"],
                group["join_requests"].as_array().map_or(0, Vec::len),
                text(group, "group_id"),
                text(group, "subject"),
                doubts(group),
            )),
        }
    })
    .await
}

/// Shows each item of all pages.
async fn pages(
    client: &Client,
    segments: &[&str],
    filters: &[(&str, String)],
    mut show: impl FnMut(&Value) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut cursor: Option<String> = None;
    loop {
        let mut query: Vec<(&str, &str)> = filters
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        query.push(("limit", PAGE));
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let page: Value = client.get(segments, &query).await?;
        let items = page["items"]
            .as_array()
            .context("the answer has no items")?;
        items.iter().try_for_each(&mut show)?;
        let next = page["next_cursor"].as_str().map(str::to_owned);
        if next.is_none() || next == cursor {
            return Ok(());
        }
        cursor = next;
    }
}

async fn show(one: One) -> anyhow::Result<()> {
    let One {
        group_id,
        client: args,
    } = one;
    let group: Value = Client::new(&args)?
        .get(&["v1", "groups", &group_id], &[])
        .await?;
    fields(&group, args.output)
}

async fn explain(one: One) -> anyhow::Result<()> {
    let One {
        group_id,
        client: args,
    } = one;
    let group: Value = Client::new(&args)?
        .get(&["v1", "groups", &group_id, "explain"], &[])
        .await?;
    fields(&group, args.output)
}

/// A line for each field, and for each item of those that have several.
fn fields(group: &Value, output: Output) -> anyhow::Result<()> {
    if output == Output::Json {
        return line(group);
    }
    for (name, value) in group.as_object().context("the answer is no group")? {
        let Value::Array(items) = value else {
            line(format_args!("{name}: {}", plain(value)))?;
            continue;
        };
        line(format_args!("{name}:"))?;
        items
            .iter()
            .try_for_each(|item| line(format_args!("  {}", plain(item))))?;
    }
    Ok(())
}

async fn history(one: One) -> anyhow::Result<()> {
    let One {
        group_id,
        client: args,
    } = one;
    let client = Client::new(&args)?;
    pages(
        &client,
        &["v1", "groups", &group_id, "changes"],
        &[],
        |change| shown(change, args.output),
    )
    .await
}

async fn watch(watch: Watch) -> anyhow::Result<()> {
    let Watch {
        client: args,
        phone_number_id,
        group_id,
        last_event_id,
    } = watch;
    let client = Client::new(&args)?;
    let filters = [
        ("phone_number_id", &phone_number_id),
        ("group_id", &group_id),
    ];
    let query: Vec<(&str, &str)> = filters
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_deref()?)))
        .collect();
    let mut answer = client
        .stream(&["v1", "watch"], &query, last_event_id.as_deref())
        .await?;
    let mut pending: Vec<u8> = Vec::new();
    while let Some(chunk) = answer.chunk().await.context("the watch was cut off")? {
        pending.extend_from_slice(&chunk);
        while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
            let taken: Vec<u8> = pending.drain(..=end).collect();
            let text = String::from_utf8_lossy(&taken);
            if let Some(data) = text.trim_end().strip_prefix("data:") {
                let change: Value =
                    serde_json::from_str(data.trim_start()).context("an event is not JSON")?;
                shown(&change, args.output)?;
            }
        }
    }
    anyhow::bail!("the watch ended; go on with --last-event-id")
}

fn shown(change: &Value, output: Output) -> anyhow::Result<()> {
    if output == Output::Json {
        return line(change);
    }
    line(plain(change))
}

/// A text field, or a dash where it is unknown.
fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or("-")
}

fn doubts(group: &Value) -> String {
    let doubts: Vec<&str> = group["in_doubt"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if doubts.is_empty() {
        String::new()
    } else {
        format!("  (in doubt: {})", doubts.join(", "))
    }
}

/// A value without JSON's punctuation.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Object(fields) => {
            let known = fields.iter().filter(|(_, value)| !value.is_null());
            known
                .map(|(name, value)| format!("{name}={}", plain(value)))
                .collect::<Vec<_>>()
                .join(" ")
        }
        Value::Array(items) => format!(
            "[{}]",
            items.iter().map(plain).collect::<Vec<_>>().join(", ")
        ),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}
