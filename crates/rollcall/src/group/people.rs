//! Those who are in a group, and those who ask to join.

use chassis::Clock;
use clap::{Args as ClapArgs, Subcommand};
use reqwest::Method;
use serde_json::json;

use super::{OfGroup, Sent};
use crate::{client::Output, print::line};

/// What to do with participants.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Participants {
    /// Removes participants, who cannot come back by the link.
    Remove(Remove),
}

/// Whom to remove.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Remove {
    #[command(flatten)]
    of: OfGroup,
    /// Phone numbers or business-scoped user ids, 1 to 8.
    #[arg(required = true, value_name = "PARTICIPANT")]
    participants: Vec<String>,
}

/// What to do with join requests.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum JoinRequests {
    /// Lists those that are open, as Meta has them now.
    List(OfGroup),
    /// Lets people in; exit status 1 if some could not be.
    Approve(Decide),
    /// Turns people away; exit status 1 if some could not be.
    Reject(Decide),
}

/// Which join requests to decide.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Decide {
    #[command(flatten)]
    of: OfGroup,
    /// Ids of join requests, 1 to 100, as `list` shows them.
    #[arg(required = true, value_name = "JOIN_REQUEST_ID")]
    join_requests: Vec<String>,
}

impl Participants {
    pub(super) async fn run(self, clock: &Clock) -> anyhow::Result<()> {
        let Self::Remove(Remove { of, participants }) = self;
        let body = Sent::Json(json!({"participants": participants}));
        let path = &["participants", "remove"];
        of.call(clock, Method::POST, path, Some(body)).await
    }
}

impl JoinRequests {
    pub(super) async fn run(self, clock: &Clock) -> anyhow::Result<()> {
        let (decide, word) = match self {
            Self::List(of) => return list(&of).await,
            Self::Approve(decide) => (decide, "approve"),
            Self::Reject(decide) => (decide, "reject"),
        };
        let Decide { of, join_requests } = decide;
        let body = Sent::Json(json!({"join_requests": join_requests}));
        let path = &["join-requests", word];
        of.call(clock, Method::POST, path, Some(body)).await
    }
}

async fn list(of: &OfGroup) -> anyhow::Result<()> {
    let mut cursor: Option<String> = None;
    let mut shown = 0_usize;
    loop {
        let more: Vec<_> = cursor
            .iter()
            .map(|cursor| ("cursor", cursor.as_str()))
            .collect();
        let page = of.get(&["join-requests"], &more).await?;
        for item in page["items"].as_array().into_iter().flatten() {
            shown += 1;
            if of.manage.client.output == Output::Json {
                line(item)?;
                continue;
            }
            let word = |name: &str| item[name].as_str();
            let who = word("wa_id").or(word("user_id")).unwrap_or("?");
            let since = word("requested_at").unwrap_or("?");
            line(format_args!(
                "{}  {who}  since {since}",
                word("join_request_id").unwrap_or("?")
            ))?;
        }
        let next = page["next_cursor"].as_str().map(str::to_owned);
        if next.is_none() || next == cursor {
            break;
        }
        cursor = next;
    }
    if shown == 0 && of.manage.client.output == Output::Text {
        line("nobody asks to join")?;
    }
    Ok(())
}
