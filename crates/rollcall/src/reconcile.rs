//! `rollcall reconcile`: one comparison with Meta now, or its plan.

use chassis::Ctx;
use clap::Args as ClapArgs;
use reqwest::Method;
use serde_json::Value;

use crate::{
    client::{Client, CommandArgs, Output},
    print::line,
};

/// What to compare.
///
/// With --dry-run the list of active groups is read from Meta and compared with what is held, and nothing is changed:
/// the plan says for each group what would be done and why. It costs the calls of one pass over the list.
///
/// Without it the pass is asked for, and made by the instance that owns the number; the answer says what it found.
#[derive(Debug, Clone, ClapArgs)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    #[command(flatten)]
    client: CommandArgs,
    /// Print what would be done, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Only this business number.
    #[arg(long, env = "ROLLCALL_PHONE_NUMBER_ID")]
    phone_number_id: Option<String>,
}

/// Runs the command.
pub(crate) async fn run(args: Args, ctx: Ctx) -> anyhow::Result<()> {
    tokio::select! {
        () = ctx.shutdown.cancelled() => Ok(()),
        done = reconcile(args) => done,
    }
}

async fn reconcile(args: Args) -> anyhow::Result<()> {
    let Args {
        client: args,
        dry_run,
        phone_number_id,
    } = args;
    let client = Client::of_commands(&args)?;
    let mut query = Vec::new();
    if dry_run {
        query.push(("dry_run", "true"));
    }
    query.extend(
        phone_number_id
            .as_deref()
            .map(|number| ("phone_number_id", number)),
    );
    let path = ["v1", "reconcile"];
    let (_, answer): (bool, Value) = client.send(Method::POST, &path, &query, None).await?;
    if args.output == Output::Json {
        return line(&answer);
    }
    for number in answer["numbers"].as_array().into_iter().flatten() {
        let id = number["phone_number_id"].as_str().unwrap_or("?");
        if dry_run {
            line(format_args!("number {id}"))?;
            line(number["text"].as_str().unwrap_or("no plan was given"))?;
        } else {
            line(format_args!("number {id}: {}", passed(number)))?;
        }
    }
    Ok(())
}

fn passed(number: &Value) -> String {
    if number["status"] != "passed" {
        return "asked for; the instance that owns the number has not come to it yet".to_owned();
    }
    let proof = if number["complete"] == true {
        "proven complete"
    } else {
        "not proven complete, so what is missing from it asks nothing"
    };
    format!(
        "{} groups listed on {} pages, {proof}; {} unknown to us, {} not listed, {} with another subject",
        number["listed"],
        number["pages"],
        number["unknown_to_us"],
        number["unlisted"],
        number["subject_differs"],
    )
}
