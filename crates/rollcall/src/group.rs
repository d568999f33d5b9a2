//! `rollcall group`: managing groups by the command API.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use chassis::{Clock, Ctx};
use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use crate::{
    client::{Client, CommandArgs, Output},
    print::line,
    request::{self, WaitLimit},
};

mod message;
mod people;

use message::{Pin, Send, SendInvite, Unpin};
use people::{JoinRequests, Participants};

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Command {
    /// Creates a group. Members join by its invite link; nobody can be added.
    Create(Create),
    /// Changes subject, description or picture.
    Update(Update),
    /// Deletes a group, for all its members and for good.
    Delete(OfGroup),
    /// The link by which people join.
    #[command(subcommand)]
    InviteLink(InviteLink),
    /// Sends a group's invite link to a person, by an approved template.
    SendInvite(SendInvite),
    /// Writes to a group: text, media or a template.
    Send(Send),
    /// Pins a message.
    Pin(Pin),
    /// Unpins a message.
    Unpin(Unpin),
    /// Those who are in a group.
    #[command(subcommand)]
    Participants(Participants),
    /// Those who ask to join.
    #[command(subcommand)]
    JoinRequests(JoinRequests),
}

/// How a command is made, and followed.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Manage {
    #[command(flatten)]
    client: CommandArgs,
    /// Address of the query API, which tells the outcome.
    #[arg(long, env = "ROLLCALL_URL", default_value = "http://127.0.0.1:8081")]
    url: Url,
    /// Wait until the request has ended, and show how.
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    limit: WaitLimit,
    /// Show the call to Meta, and make none.
    #[arg(long)]
    dry_run: bool,
    /// Makes a repeated command give the first answer instead of another call, for 24 hours.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

/// A group to be made.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Create {
    #[command(flatten)]
    manage: Manage,
    /// Business number that the group is of, as Meta names it.
    #[arg(long, env = "ROLLCALL_PHONE_NUMBER_ID")]
    phone_number_id: String,
    /// Subject, at most 128 characters.
    #[arg(long)]
    subject: String,
    /// Description, at most 2,048 characters.
    #[arg(long)]
    description: Option<String>,
    /// Who may join by the link.
    #[arg(long, value_enum)]
    join_approval_mode: Option<Mode>,
}

/// Who may join by the link, in Meta's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Mode {
    /// Everybody.
    AutoApprove,
    /// Whose request is approved.
    ApprovalRequired,
}

/// What is to be changed.
#[derive(Debug, Clone, ClapArgs)]
#[group(skip)]
pub(crate) struct Update {
    #[command(flatten)]
    of: OfGroup,
    /// New subject.
    #[arg(long)]
    subject: Option<String>,
    /// New description; empty takes it away.
    #[arg(long)]
    description: Option<String>,
    /// File with the new picture: a JPEG, square, at least 192 pixels, at most 5 MB.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["subject", "description"])]
    picture: Option<PathBuf>,
}

/// Which group.
#[derive(Debug, Clone, ClapArgs)]
#[group(skip)]
pub(crate) struct OfGroup {
    /// Id of the group, as Meta names it.
    group_id: String,
    #[command(flatten)]
    manage: Manage,
    /// Business number, for a group that is not known here, where there are several.
    #[arg(long)]
    phone_number_id: Option<String>,
}

/// What to do with the link.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum InviteLink {
    /// Shows it, as Meta has it now.
    Get(OfGroup),
    /// Makes a new one: all former ones die.
    Reset(OfGroup),
    /// Takes it away: nobody joins by link until there is a new one.
    Revoke(OfGroup),
}

/// Runs the command.
pub(crate) async fn run(command: Command, ctx: Ctx) -> anyhow::Result<()> {
    let clock = &ctx.clock;
    let done = async {
        match command {
            Command::Create(create) => create.run(clock).await,
            Command::Update(update) => update.run(clock).await,
            Command::Delete(of) => of.call(clock, Method::DELETE, &[], None).await,
            Command::InviteLink(link) => link.run(clock).await,
            Command::SendInvite(invite) => invite.run(clock).await,
            Command::Send(send) => send.run(clock).await,
            Command::Pin(pin) => pin.run(clock).await,
            Command::Unpin(unpin) => unpin.run(clock).await,
            Command::Participants(participants) => participants.run(clock).await,
            Command::JoinRequests(join_requests) => join_requests.run(clock).await,
        }
    };
    tokio::select! {
        () = ctx.shutdown.cancelled() => Ok(()),
        done = done => done,
    }
}

impl Create {
    async fn run(self, clock: &Clock) -> anyhow::Result<()> {
        let Self {
            manage,
            phone_number_id,
            subject,
            description,
            join_approval_mode,
        } = self;
        let mut body = json!({"subject": subject});
        if let Some(description) = description {
            body["description"] = Value::from(description);
        }
        if let Some(mode) = join_approval_mode {
            body["join_approval_mode"] = Value::from(match mode {
                Mode::AutoApprove => "auto_approve",
                Mode::ApprovalRequired => "approval_required",
            });
        }
        let path = ["v1", "numbers", &phone_number_id, "groups"];
        manage
            .call(clock, Method::POST, &path, &[], Sent::Json(body))
            .await
    }
}

impl Update {
    async fn run(self, clock: &Clock) -> anyhow::Result<()> {
        let Self {
            of,
            subject,
            description,
            picture,
        } = self;
        if let Some(file) = picture {
            let bytes = std::fs::read(&file).with_context(|| format!("read {}", file.display()))?;
            let body = Some(Sent::Jpeg(bytes));
            return of.call(clock, Method::PUT, &["picture"], body).await;
        }
        let mut body = json!({});
        let given = [("subject", subject), ("description", description)];
        for (name, value) in given {
            if let Some(value) = value {
                body[name] = Value::from(value);
            }
        }
        of.call(clock, Method::PATCH, &[], Some(Sent::Json(body)))
            .await
    }
}

impl InviteLink {
    async fn run(self, clock: &Clock) -> anyhow::Result<()> {
        let path = &["invite-link"];
        match self {
            Self::Get(of) => {
                let answer = of.get(path, &[]).await?;
                if of.manage.client.output == Output::Json {
                    return line(&answer);
                }
                line(answer["invite_link"].as_str().unwrap_or("no invite link"))
            }
            Self::Reset(of) => of.call(clock, Method::POST, path, None).await,
            Self::Revoke(of) => of.call(clock, Method::DELETE, path, None).await,
        }
    }
}

/// What is sent.
enum Sent {
    Nothing,
    Json(Value),
    Jpeg(Vec<u8>),
}

impl OfGroup {
    /// Makes a call below the group.
    async fn call(
        &self,
        clock: &Clock,
        method: Method,
        below: &[&str],
        body: Option<Sent>,
    ) -> anyhow::Result<()> {
        let path = [&["v1", "groups", &self.group_id], below].concat();
        let body = body.unwrap_or(Sent::Nothing);
        self.manage
            .call(clock, method, &path, &self.query(), body)
            .await
    }

    /// Reads below the group, straight from Meta.
    async fn get(&self, below: &[&str], more: &[(&str, &str)]) -> anyhow::Result<Value> {
        let path = [&["v1", "groups", &self.group_id], below].concat();
        let query = [&self.query(), more].concat();
        let client = Client::of_commands(&self.manage.client)?;
        let asked = client
            .exchange(Method::GET, &path, &query, &[], None)
            .await?;
        let (status, answer) = asked;
        if status == 200 {
            return Ok(answer);
        }
        refused(&answer, status, self.manage.client.output)?;
        Ok(answer)
    }

    fn query(&self) -> Vec<(&str, &str)> {
        let number = self.phone_number_id.as_deref();
        number
            .map(|number| ("phone_number_id", number))
            .into_iter()
            .collect()
    }
}

impl Manage {
    async fn call(
        &self,
        clock: &Clock,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Sent,
    ) -> anyhow::Result<()> {
        let client = Client::of_commands(&self.client)?;
        let output = self.client.output;
        let mut query = query.to_vec();
        if self.dry_run {
            query.push(("dry_run", "true"));
        }
        let mut headers = Vec::new();
        if let Some(key) = &self.idempotency_key {
            headers.push(("idempotency-key", key.as_str()));
        }
        let body = match body {
            Sent::Nothing => None,
            Sent::Json(body) => {
                headers.push(("content-type", "application/json"));
                Some(body.to_string().into_bytes())
            }
            Sent::Jpeg(bytes) => {
                headers.push(("content-type", "image/jpeg"));
                Some(bytes)
            }
        };
        let (status, answer) = client
            .exchange(method, path, &query, &headers, body)
            .await?;
        if !matches!(status, 200 | 202) {
            return refused(&answer, status, output);
        }
        if self.dry_run {
            return shown(&answer, output);
        }
        let id = answer["request_id"].as_str().unwrap_or_default();
        if status == 202 && self.wait && !id.is_empty() {
            let queries = self.client.query(self.url.clone())?;
            return request::follow(&queries, clock, id, &self.limit, output).await;
        }
        request::ended(&answer, output)?;
        if status == 202 && output == Output::Text {
            line(format_args!(
                "    follow it with `rollcall request show {id} --wait`"
            ))?;
        }
        Ok(())
    }
}

/// Shows the call that would be made.
fn shown(answer: &Value, output: Output) -> anyhow::Result<()> {
    if output == Output::Json {
        return line(answer);
    }
    let word = |name: &str| answer[name].as_str().unwrap_or("?");
    line(format_args!("{} {}", word("method"), word("url")))?;
    if answer["body"].is_null() {
        return Ok(());
    }
    line(serde_json::to_string_pretty(&answer["body"])?)
}

/// Fails with what was refused, by whom, and what can be done about it.
fn refused(problem: &Value, status: u16, output: Output) -> anyhow::Result<()> {
    if output == Output::Json {
        line(problem)?;
    }
    let word = |name: &str| problem[name].as_str();
    let detail = word("detail").or(word("title")).unwrap_or("refused");
    let Some(code) = problem["code"]
        .as_i64()
        .filter(|_| word("parameter").is_none())
    else {
        bail!("{detail} ({status})");
    };
    let details = word("details").map(|details| format!(": {details}"));
    let trace = word("fbtrace_id").map(|trace| format!(" (fbtrace_id {trace})"));
    bail!(
        "Meta refused: {} ({code}){}\n{detail}{}",
        word("title").unwrap_or("?"),
        details.unwrap_or_default(),
        trace.unwrap_or_default(),
    )
}
