//! `rollcall holds`: the interlock.

use anyhow::Context as _;
use chassis::Ctx;
use clap::{Args as ClapArgs, Subcommand};
use reqwest::Method;
use serde_json::Value;

use crate::{
    client::{Client, CommandArgs, Output},
    print::line,
};

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Command {
    /// Holds that stand, with the groups that they are about.
    List(List),
    /// Lets the groups of a hold be called gone, once each is proven so; look first whether the token still sees the number.
    Release(Release),
}

/// Which holds to list.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct List {
    #[command(flatten)]
    client: CommandArgs,
    /// Only holds of this business number.
    #[arg(long, env = "ROLLCALL_PHONE_NUMBER_ID")]
    phone_number_id: Option<String>,
    /// Those that were released, too.
    #[arg(long)]
    all: bool,
}

/// Which hold to release.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Release {
    /// Id of the hold, as `rollcall holds list` shows it.
    hold_id: String,
    #[command(flatten)]
    client: CommandArgs,
    /// Business number, where several have a hold of that id.
    #[arg(long, env = "ROLLCALL_PHONE_NUMBER_ID")]
    phone_number_id: Option<String>,
}

/// Runs the command.
pub(crate) async fn run(command: Command, ctx: Ctx) -> anyhow::Result<()> {
    tokio::select! {
        () = ctx.shutdown.cancelled() => Ok(()),
        done = async {
            match command {
                Command::List(list) => self::list(list).await,
                Command::Release(release) => self::release(release).await,
            }
        } => done,
    }
}

async fn list(list: List) -> anyhow::Result<()> {
    let List {
        client: args,
        phone_number_id,
        all,
    } = list;
    let client = Client::of_commands(&args)?;
    let mut cursor: Option<String> = None;
    let mut shown = 0_usize;
    loop {
        let mut query = vec![("limit", "1000")];
        if !all {
            query.push(("released", "false"));
        }
        let number = phone_number_id.as_deref();
        query.extend(number.map(|number| ("phone_number_id", number)));
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let page: Value = client.get(&["v1", "holds"], &query).await?;
        let items = page["items"]
            .as_array()
            .context("the answer has no items")?;
        shown += items.len();
        items.iter().try_for_each(|hold| show(hold, args.output))?;
        let next = page["next_cursor"].as_str().map(str::to_owned);
        if next.is_none() || next == cursor {
            break;
        }
        cursor = next;
    }
    if shown == 0 && args.output == Output::Text {
        line("no hold stands")?;
    }
    Ok(())
}

async fn release(release: Release) -> anyhow::Result<()> {
    let Release {
        hold_id,
        client: args,
        phone_number_id,
    } = release;
    let client = Client::of_commands(&args)?;
    let number = phone_number_id.as_deref();
    let query: Vec<_> = number
        .map(|number| ("phone_number_id", number))
        .into_iter()
        .collect();
    let path = ["v1", "holds", &hold_id, "release"];
    let (is_over, hold): (bool, Value) = client.send(Method::POST, &path, &query, None).await?;
    if args.output == Output::Json {
        return line(&hold);
    }
    if is_over {
        line(format_args!("{hold_id} is released"))
    } else {
        line(format_args!(
            "{hold_id}: its release is recorded, and takes effect when it is folded"
        ))
    }
}

fn show(hold: &Value, output: Output) -> anyhow::Result<()> {
    if output == Output::Json {
        return line(hold);
    }
    let state = match hold["released_by"].as_str() {
        Some(by) => format!("released by {by}"),
        None if hold["released"] == true => "released".to_owned(),
        None => "stands".to_owned(),
    };
    line(format_args!(
        "{}  number {}  {} groups seemed gone at once  {state} since {}",
        hold["hold_id"].as_str().unwrap_or("?"),
        hold["phone_number_id"].as_str().unwrap_or("?"),
        hold["groups"],
        hold["since"].as_str().unwrap_or("?"),
    ))?;
    for group_id in hold["suspects"].as_array().into_iter().flatten() {
        line(format_args!("    {}", group_id.as_str().unwrap_or("?")))?;
    }
    Ok(())
}
