//! `rollcall pause` and `resume`: whether a number is judged.

use chassis::Ctx;
use clap::Args as ClapArgs;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    client::{Client, CommandArgs, Output},
    print::line,
};

/// Which number.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Args {
    /// Id of the business number, as Meta names it.
    phone_number_id: String,
    #[command(flatten)]
    client: CommandArgs,
}

/// Pauses the number, or resumes it.
pub(crate) async fn run(args: Args, paused: bool, ctx: Ctx) -> anyhow::Result<()> {
    tokio::select! {
        () = ctx.shutdown.cancelled() => Ok(()),
        done = set(args, paused) => done,
    }
}

async fn set(args: Args, paused: bool) -> anyhow::Result<()> {
    let Args {
        phone_number_id: number,
        client: args,
    } = args;
    let client = Client::of_commands(&args)?;
    let path = ["v1", "numbers", &number, "pause"];
    let body = json!({"paused": paused});
    let (is_over, answer): (bool, Value) =
        client.send(Method::PUT, &path, &[], Some(&body)).await?;
    if args.output == Output::Json {
        return line(&answer);
    }
    let what = if paused { "is paused" } else { "is judged" };
    if is_over {
        let since = answer["since"].as_str().unwrap_or("?");
        line(format_args!("number {number} {what} since {since}"))
    } else {
        line(format_args!(
            "number {number}: it is recorded, and takes effect when it is folded"
        ))
    }
}
