//! `rollcall request`: what became of a management request, and how every command shows its outcome.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use anyhow::bail;
use chassis::{Clock, Ctx};
use clap::{Args as ClapArgs, Subcommand};
use reqwest::Method;
use serde_json::Value;

use crate::{
    client::{Client, ClientArgs, Output},
    print::line,
};

/// How often a request is asked for that is waited for.
const EVERY: Duration = Duration::from_millis(300);

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Command {
    /// Shows a request by our id (rq-…) or by Meta's; exit status 1 if it failed, in part or whole, or is unknown.
    Show(Show),
}

/// Which request to show.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Show {
    /// Id of the request.
    request_id: String,
    #[command(flatten)]
    client: ClientArgs,
    /// Wait until it has ended.
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    limit: WaitLimit,
}

/// How long an end is waited for.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct WaitLimit {
    /// How long --wait waits.
    #[arg(long, value_name = "DURATION", value_parser = chassis::duration::parse, default_value = "2m")]
    wait_limit: Duration,
}

/// Runs the command.
pub(crate) async fn run(command: Command, ctx: Ctx) -> anyhow::Result<()> {
    let Command::Show(show) = command;
    tokio::select! {
        () = ctx.shutdown.cancelled() => Ok(()),
        done = self::show(show, &ctx.clock) => done,
    }
}

async fn show(show: Show, clock: &Clock) -> anyhow::Result<()> {
    let Show {
        request_id,
        client: args,
        wait,
        limit,
    } = show;
    let client = Client::new(&args)?;
    if wait {
        return follow(&client, clock, &request_id, &limit, args.output).await;
    }
    match ask(&client, &request_id).await? {
        Some(request) => ended(&request, args.output),
        None => bail!("no request has this id, or its 30 days are over"),
    }
}

/// Waits for a request's end, telling how it stands meanwhile, and shows it.
pub(crate) async fn follow(
    client: &Client,
    clock: &Clock,
    request_id: &str,
    limit: &WaitLimit,
    output: Output,
) -> anyhow::Result<()> {
    let mut told = String::new();
    let waiting = async {
        loop {
            if let Some(request) = ask(client, request_id).await? {
                let status = status(&request);
                if !is_pending(status) {
                    return Ok(request);
                }
                if status != told && output == Output::Text {
                    progress(request_id, status);
                }
                told = status.to_owned();
            }
            clock.sleep(EVERY).await;
        }
    };
    let waited: Result<anyhow::Result<Value>, _> = clock.timeout(limit.wait_limit, waiting).await;
    match waited {
        Ok(request) => ended(&request?, output),
        Err(_) => bail!(
            "request {request_id} has not ended within {}: go on with `rollcall request show {request_id} --wait`",
            chassis::duration::format(limit.wait_limit)
        ),
    }
}

/// On standard error, so that what is piped on is the outcome alone.
fn progress(request_id: &str, status: &str) {
    let what = match status {
        "asked" => "recorded; waiting for Meta's answer",
        "accepted" => "accepted by Meta; waiting for its webhook",
        _ => {
            "no answer came, so it may be done or not; waiting until a webhook or the list of groups tells"
        }
    };
    // Nobody may read it, which is no failure.
    let _ = writeln!(io::stderr(), "{request_id}: {what}");
}

async fn ask(client: &Client, request_id: &str) -> anyhow::Result<Option<Value>> {
    let path = ["v1", "requests", request_id];
    let (status, request) = client.exchange(Method::GET, &path, &[], &[], None).await?;
    match status {
        200 => Ok(Some(request)),
        404 => Ok(None),
        _ => bail!(
            "{} ({status})",
            request["detail"].as_str().unwrap_or("refused")
        ),
    }
}

fn status(request: &Value) -> &str {
    request["status"].as_str().unwrap_or("?")
}

fn is_pending(status: &str) -> bool {
    matches!(status, "asked" | "accepted" | "unknown")
}

/// Shows a request, and fails if it did.
pub(crate) fn ended(request: &Value, output: Output) -> anyhow::Result<()> {
    let status = status(request);
    match output {
        Output::Json => line(request)?,
        Output::Text => text(request, status)?,
    }
    let id = request["request_id"].as_str().unwrap_or("?");
    match status {
        "partly" => bail!("request {id} was done in part"),
        "failed" | "refused" => bail!("request {id} was not done"),
        "unknown" => bail!(
            "no answer came to request {id}: it may be done or not, and is not called again; follow it with `rollcall request show {id} --wait`"
        ),
        _ => Ok(()),
    }
}

fn text(request: &Value, status: &str) -> anyhow::Result<()> {
    let word = |name: &str| request[name].as_str();
    line(format_args!(
        "{}  {}: {status}",
        word("request_id").unwrap_or("?"),
        word("operation").unwrap_or("?").replace('_', " "),
    ))?;
    for (name, shown) in [
        ("group_id", "group"),
        ("message_id", "message"),
        ("invite_link", "invite link"),
    ] {
        if let Some(value) = word(name) {
            line(format_args!("    {shown} {value}"))?;
        }
    }
    let count = |name: &str| request[name].as_array().map_or(0, Vec::len);
    if count("done") + count("failed") + count("untold") > 0 {
        line(format_args!("    {} done", count("done")))?;
    }
    for failed in request["failed"].as_array().into_iter().flatten() {
        let input = failed["input"].as_str().unwrap_or("?");
        line(format_args!("    not done: {input}"))?;
        errors(&failed["errors"], "        ")?;
    }
    for untold in request["untold"].as_array().into_iter().flatten() {
        let input = untold.as_str().unwrap_or("?");
        line(format_args!("    Meta did not say what became of {input}"))?;
    }
    errors(&request["errors"], "    ")
}

fn errors(errors: &Value, indent: &str) -> anyhow::Result<()> {
    for error in errors.as_array().into_iter().flatten() {
        let title = error["title"].as_str().unwrap_or("?");
        let details = error["details"].as_str().unwrap_or_default();
        let colon = if details.is_empty() { "" } else { ": " };
        line(format_args!(
            "{indent}{title} ({}){colon}{details}",
            error["code"]
        ))?;
    }
    Ok(())
}
