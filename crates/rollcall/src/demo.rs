//! `rollcall demo`: everything in one process against a simulated WhatsApp, and the proof at the end.

use std::{
    fs,
    net::SocketAddr,
    num::NonZeroU32,
    path::Path,
    time::{Duration, Instant},
};

use ::simulator::{Config, Counts, Faults, Simulator, WebhookFaults};
use anyhow::{Context as _, bail};
use chassis::Ctx;
use clap::{Args as ClapArgs, Parser};
use serde_json::Value;

mod agree;
mod screen;

use agree::{Difference, compare};
use screen::{Picture, Screen};

use crate::{client::Client, print::line, standalone};

/// Time that Rollcall has to agree with the simulator once traffic has stopped and what was queued is delivered.
const AGREE_WITHIN: Duration = Duration::from_secs(60);

/// How often the two are compared.
const COMPARE_EVERY: Duration = Duration::from_millis(500);

/// How often the picture is drawn.
const DRAW_EVERY: Duration = Duration::from_secs(1);

/// Time that what is queued has to be delivered.
const DELIVER_WITHIN: Duration = Duration::from_secs(60);

/// Groups named of those that differ; the rest is counted.
const NAMED_MAX: usize = 1_000;

/// Settings of the demo.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Args {
    /// Groups at the start.
    #[arg(long, env = "ROLLCALL_GROUPS", default_value = "100", value_parser = clap::value_parser!(u32).range(0..=10_000))]
    groups: u32,

    /// Decides who does what.
    #[arg(long, env = "ROLLCALL_SEED", default_value = "1")]
    seed: u64,

    /// Share of webhooks that never arrive, 0 to 1.
    #[arg(long, env = "ROLLCALL_LOSE", default_value = "0.05", value_parser = share)]
    lose: f64,

    /// Share of webhooks that arrive twice, 0 to 1.
    #[arg(long, env = "ROLLCALL_DUPLICATE", default_value = "0.05", value_parser = share)]
    duplicate: f64,

    /// Longest time by which a webhook comes late; some come at once, so they overtake each other.
    #[arg(long, env = "ROLLCALL_DELAY", default_value = "2s", value_parser = chassis::duration::parse)]
    delay: Duration,

    /// Webhook events a second.
    #[arg(long, env = "ROLLCALL_RATE", default_value = "20", value_parser = rate)]
    rate: f64,

    /// Stop traffic after this time, compare, print a summary and end; without it, go on until interrupted.
    #[arg(long = "for", env = "ROLLCALL_FOR", value_name = "DURATION", value_parser = chassis::duration::parse)]
    traffic_for: Option<Duration>,

    /// L: how far the API may lag behind what happened.
    #[arg(long, env = "ROLLCALL_API_LAG", default_value = "2s", value_parser = chassis::duration::parse)]
    api_lag: Duration,

    /// How often the list of active groups is compared; 0 switches the reconciler off, and lost webhooks stay lost.
    #[arg(long, env = "ROLLCALL_LIST_EVERY", default_value = "5s", value_parser = chassis::duration::parse)]
    list_every: Duration,

    /// Calls to the simulated API an hour.
    #[arg(long, env = "ROLLCALL_READS_PER_HOUR", default_value = "72000")]
    reads_per_hour: NonZeroU32,

    #[command(flatten)]
    addresses: Addresses,
}

/// Where the demo listens.
#[derive(Debug, Clone, ClapArgs)]
struct Addresses {
    /// Where webhooks are taken; port 0 picks a free one.
    #[arg(
        long,
        env = "ROLLCALL_WEBHOOK_LISTEN",
        default_value = "127.0.0.1:8080"
    )]
    webhook_listen: SocketAddr,

    /// Where queries are answered; port 0 picks a free one.
    #[arg(long, env = "ROLLCALL_LISTEN", default_value = "127.0.0.1:8081")]
    listen: SocketAddr,

    /// Where /livez, /readyz and /metrics are; port 0 picks a free one.
    #[arg(long, env = "ROLLCALL_ADMIN_LISTEN", default_value = "127.0.0.1:9090")]
    admin_listen: SocketAddr,
}

/// How the demo ended.
#[derive(Debug)]
struct Summary {
    counts: Counts,
    groups: usize,
    agreed_after: Option<Duration>,
    differences: Vec<Difference>,
}

/// Runs the demo.
pub(crate) async fn run(args: Args, ctx: Ctx) -> anyhow::Result<()> {
    let directory = tempfile::Builder::new()
        .prefix("rollcall-demo-")
        .tempdir()
        .context("make a temporary directory")?;
    let simulator = simulate(&args).await?;
    let running =
        standalone::start(settings(&args, &simulator, directory.path())?, ctx.clone()).await?;
    let client = Client::at(running.query_url)?;
    simulator.set_webhook_url(Some(running.webhook_url));
    let ended = tokio::select! {
        ended = running.tasks.join() => ended.context("a service ended").and(Ok(None)),
        ended = drive(&args, &ctx, &simulator, &client, &running.metrics) => ended,
    };
    ctx.shutdown.cancel();
    simulator.stop().await.context("stop the simulator")?;
    match ended? {
        Some(summary) => conclude(&summary, &running.metrics),
        None => Ok(()),
    }
}

/// What parses as options of `standalone`, so that every default is the same.
#[derive(Debug, Parser)]
struct Standalone {
    #[command(flatten)]
    args: standalone::Args,
}

/// The settings of `standalone` for this demo; secrets lie in its directory.
fn settings(
    args: &Args,
    simulator: &Simulator,
    directory: &Path,
) -> anyhow::Result<standalone::Args> {
    let secret = |name: &str, text: &str| -> anyhow::Result<String> {
        let file = directory.join(name);
        fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
        Ok(file.display().to_string())
    };
    let Addresses {
        webhook_listen,
        listen,
        admin_listen,
    } = &args.addresses;
    let numbers = simulator.state();
    let numbers = numbers["numbers"].as_array().into_iter().flatten();
    let numbers =
        numbers.filter_map(|number| number["phone_number_id"].as_str().map(str::to_owned));
    let options = [
        (
            "--app-secret-file",
            secret("app-secret", "sample-app-secret")?,
        ),
        ("--access-token-file", secret("access-token", "demo")?),
        ("--data-dir", directory.join("data").display().to_string()),
        ("--graph-url", simulator.url()),
        ("--phone-number-id", numbers.collect::<Vec<_>>().join(",")),
        ("--api-lag", chassis::duration::format(args.api_lag)),
        ("--list-every", chassis::duration::format(args.list_every)),
        ("--reads-per-hour", args.reads_per_hour.to_string()),
        ("--webhook-listen", webhook_listen.to_string()),
        ("--listen", listen.to_string()),
        ("--admin-listen", admin_listen.to_string()),
    ];
    let options = options
        .into_iter()
        .flat_map(|(name, value)| [name.to_owned(), value]);
    let parsed = Standalone::try_parse_from(std::iter::once("demo".to_owned()).chain(options));
    Ok(parsed.context("settings of the demo")?.args)
}

async fn simulate(args: &Args) -> anyhow::Result<Simulator> {
    let config = Config {
        seed: args.seed,
        groups: args.groups,
        ..Config::default()
    };
    let simulator = Simulator::start(config)
        .await
        .context("start the simulator")?;
    line(format_args!("listening on simulator {}", simulator.url()))?;
    simulator.set_faults(Faults {
        webhooks: WebhookFaults {
            lose: args.lose,
            duplicate: args.duplicate,
            delay_seconds: args.delay.as_secs_f64(),
            ..WebhookFaults::default()
        },
        ..Faults::default()
    });
    Ok(simulator)
}

/// Lets people act, draws, stops, and waits for agreement; `None` where it was interrupted.
async fn drive(
    args: &Args,
    ctx: &Ctx,
    simulator: &Simulator,
    client: &Client,
    metrics: &::reconciler::Metrics,
) -> anyhow::Result<Option<Summary>> {
    let started = Instant::now();
    let mut screen = Screen::new();
    let mut before = simulator.counts();
    simulator.set_traffic(args.rate);
    while args
        .traffic_for
        .is_none_or(|traffic_for| started.elapsed() < traffic_for)
    {
        tokio::select! {
            () = ctx.shutdown.cancelled() => return Ok(None),
            () = ctx.clock.sleep(DRAW_EVERY) => {}
        }
        let counts = simulator.counts();
        let (groups, differences) = compare(&simulator.state(), &held(client).await?);
        draw(
            &mut screen,
            started,
            simulator,
            metrics,
            (&before, &counts),
            (groups, differences.len()),
        );
        before = counts;
    }
    simulator.set_traffic(0.0);
    line("traffic has stopped; delivering what is queued")?;
    let Ok(counts) = simulator.flush(DELIVER_WITHIN).await else {
        bail!(
            "what was queued could not be delivered within {} s",
            DELIVER_WITHIN.as_secs()
        );
    };
    agreement(ctx, simulator, client, counts).await.map(Some)
}

/// Compares until both agree, or until time is over.
async fn agreement(
    ctx: &Ctx,
    simulator: &Simulator,
    client: &Client,
    counts: Counts,
) -> anyhow::Result<Summary> {
    let stopped = Instant::now();
    loop {
        let (groups, differences) = compare(&simulator.state(), &held(client).await?);
        let took = stopped.elapsed();
        if differences.is_empty() || took >= AGREE_WITHIN {
            let agreed_after = differences.is_empty().then_some(took);
            return Ok(Summary {
                counts,
                groups,
                agreed_after,
                differences,
            });
        }
        if took.as_secs().is_multiple_of(5) && took.subsec_millis() < 500 {
            line(format_args!(
                "{:>4} s after the last delivery, {} of {groups} groups differ",
                took.as_secs(),
                differences.len()
            ))?;
        }
        ctx.clock.sleep(COMPARE_EVERY).await;
    }
}

/// All groups of the projection.
async fn held(client: &Client) -> anyhow::Result<Vec<Value>> {
    let mut groups = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut query = vec![("limit", "1000")];
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let mut page: Value = client.get(&["v1", "groups"], &query).await?;
        if let Value::Array(items) = page["items"].take() {
            groups.extend(items);
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return Ok(groups),
        }
    }
}

fn draw(
    screen: &mut Screen,
    started: Instant,
    simulator: &Simulator,
    metrics: &::reconciler::Metrics,
    (before, counts): (&Counts, &Counts),
    (groups, differing): (usize, usize),
) {
    let state = simulator.state();
    let numbers = state["numbers"].as_array().into_iter().flatten();
    let members = numbers.flat_map(|number| number["groups"].as_array().into_iter().flatten());
    let members = members
        .filter_map(|group| group["participants"].as_array())
        .map(Vec::len)
        .sum();
    screen.draw(&Picture {
        seconds: started.elapsed().as_secs(),
        groups,
        members,
        events_per_second: counts.events.saturating_sub(before.events) as f64
            / DRAW_EVERY.as_secs_f64(),
        sent: counts.sent,
        lost: counts.lost,
        found: metrics.drift_found(),
        repaired: metrics.groups_repaired(),
        agreeing: groups.saturating_sub(differing),
        compared: groups,
    });
}

/// Prints the summary; an error where the two do not agree.
fn conclude(summary: &Summary, metrics: &::reconciler::Metrics) -> anyhow::Result<()> {
    let Summary {
        counts,
        groups,
        agreed_after,
        differences,
    } = summary;
    line("")?;
    line(format_args!(
        "webhook events            {:>8}",
        counts.events
    ))?;
    line(format_args!("  sent                    {:>8}", counts.sent))?;
    line(format_args!("  lost on purpose         {:>8}", counts.lost))?;
    line(format_args!(
        "  duplicated              {:>8}",
        counts.duplicated
    ))?;
    line(format_args!(
        "differences found         {:>8}",
        metrics.drift_found()
    ))?;
    for kind in domain::agreement::Kind::ALL {
        let found = metrics.drift_found_of(kind);
        if found > 0 {
            line(format_args!("  {:<22}  {found:>8}", kind.as_str()))?;
        }
    }
    line(format_args!(
        "groups repaired           {:>8}",
        metrics.groups_repaired()
    ))?;
    if let Some(after) = agreed_after {
        line(format_args!(
            "seconds until agreement   {:>8.1}",
            after.as_secs_f64()
        ))?;
        return line(format_args!(
            "Rollcall and the simulator agree on all {groups} groups"
        ));
    }
    for Difference { group_id, fields } in differences.iter().take(NAMED_MAX) {
        line(format_args!("differs: {group_id}  {}", fields.join(", ")))?;
    }
    if differences.len() > NAMED_MAX {
        line(format_args!("… and {} more", differences.len() - NAMED_MAX))?;
    }
    bail!(
        "{} of {groups} groups differ {} s after the last delivery",
        differences.len(),
        AGREE_WITHIN.as_secs()
    )
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=1.0).contains(&share) {
        Ok(share)
    } else {
        Err("must be from 0 to 1".to_owned())
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=10_000.0).contains(&rate) {
        Ok(rate)
    } else {
        Err("must be from 0 to 10000".to_owned())
    }
}
