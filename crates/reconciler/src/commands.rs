//! Commands: every call that changes something at Meta is a recorded request with an outcome (design §7).
//!
//! One mechanism for all of them. The intent is appended, with a nonce; the instance whose nonce is the first in the log calls;
//! the answer is appended after the call; whoever asked is answered from the folded state, so that a repeated call gets the
//! same answer, on any instance and after a restart. [`execute`] does this, [`call`] calls Meta, [`settle`] ends what a dead
//! instance or a lost answer left open, [`answer`] shows it. The [`Desk`] runs what was asked for, whoever goes away meanwhile.

use std::{
    collections::HashSet,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use chassis::{CancellationToken, trace};
use domain::{
    event::Operation,
    ids::{PhoneNumberId, RequestId},
};
use graph::api::{Command, Rendered};
use tokio::{
    sync::mpsc,
    task::{JoinError, JoinSet},
};

use crate::limits::COMMANDS_MAX;

mod answer;
mod call;
mod execute;
pub(crate) mod held;
mod settle;

pub(crate) use answer::{conflict, refusal, shown};
pub(crate) use call::{denied, told};
pub(crate) use execute::execute;
pub(crate) use held::Requests;
pub(crate) use settle::settle;

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) number: PhoneNumberId,
    pub(crate) command: Command,
    /// The caller's `Idempotency-Key`, or a random one that nobody else has.
    key: String,
    pub(crate) body_hash: [u8; 32],
}

impl Asked {
    pub(crate) fn new(
        number: PhoneNumberId,
        command: Command,
        rendered: &Rendered,
        key: Option<String>,
    ) -> Self {
        Self {
            body_hash: body_hash(&command, rendered),
            number,
            command,
            key: key.unwrap_or_else(|| format!("random {:032x}", rand::random::<u128>())),
        }
    }

    /// The request's id: from number and key, and how many times the key's life was over.
    pub(crate) fn request_id(&self, uses: u32) -> Option<RequestId> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"rollcall request");
        hasher.update(self.number.as_str().as_bytes());
        hasher.update(&[0]);
        hasher.update(self.key.as_bytes());
        hasher.update(&[0]);
        hasher.update(&uses.to_be_bytes());
        let hash = hasher.finalize().to_hex();
        RequestId::parse(&format!("rq-{}", hash.get(..32)?)).ok()
    }
}

/// What a call says, as bytes: the same for the same call.
fn body_hash(command: &Command, rendered: &Rendered) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(command.as_str().as_bytes());
    hasher.update(&[0]);
    hasher.update(rendered.method.as_str().as_bytes());
    hasher.update(rendered.path_and_query().as_bytes());
    hasher.update(&[0]);
    match &rendered.body {
        graph::api::Body::None => {}
        graph::api::Body::Json(body) => {
            hasher.update(body.to_string().as_bytes());
        }
        graph::api::Body::Multipart { fields, picture } => {
            for (name, value) in fields {
                hasher.update(name.as_bytes());
                hasher.update(&[0]);
                hasher.update(value.as_bytes());
                hasher.update(&[0]);
            }
            hasher.update(picture.bytes());
        }
    }
    *hasher.finalize().as_bytes()
}

/// What a command is to those who read the log.
fn operation(command: &Command) -> Operation {
    match command {
        Command::Create { .. } => Operation::CreateGroup,
        Command::Delete { .. } => Operation::DeleteGroup,
        Command::Update { .. } => Operation::UpdateSettings,
        Command::ResetInviteLink { .. } | Command::RevokeInviteLink { .. } => Operation::InviteLink,
        Command::RemoveParticipants { .. } => Operation::RemoveParticipants,
        Command::AddParticipants { .. } => Operation::Other,
        Command::ApproveJoinRequests { .. } => Operation::ApproveJoinRequests,
        Command::RejectJoinRequests { .. } => Operation::RejectJoinRequests,
        Command::SendMessage { .. }
        | Command::Pin { .. }
        | Command::Unpin { .. }
        | Command::SendInvite { .. } => Operation::SendMessage,
    }
}

/// Something to be done to its end, whether or not somebody waits for it.
type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Takes commands; [`Bench`] does them. Clones share.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    jobs: mpsc::Sender<Job>,
    /// Requests that this instance intends or calls for just now: one intent of each instance is enough.
    under_way: Arc<Mutex<HashSet<RequestId>>>,
}

/// Does what the desk takes.
#[derive(Debug)]
pub(crate) struct Bench(mpsc::Receiver<Job>);

/// A request that this instance is at; dropped, another caller may be.
#[derive(Debug)]
struct Turn<'a> {
    desk: &'a Desk,
    id: RequestId,
}

impl Desk {
    pub(crate) fn new() -> (Self, Bench) {
        let (jobs, taken) = mpsc::channel(COMMANDS_MAX);
        let desk = Self {
            jobs,
            under_way: Arc::default(),
        };
        (desk, Bench(taken))
    }

    /// Hands a job over; false if there are too many, or it is not running.
    pub(crate) fn take(&self, job: impl Future<Output = ()> + Send + 'static) -> bool {
        // What it does belongs to the trace of who asked, also after they went.
        self.jobs.try_send(Box::pin(trace::carried(job))).is_ok()
    }

    fn turn(&self, id: &RequestId) -> Option<Turn<'_>> {
        let mut under_way = self
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        under_way.insert(id.clone()).then(|| Turn {
            desk: self,
            id: id.clone(),
        })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let under_way = self.desk.under_way.lock();
        under_way
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.id);
    }
}

impl Bench {
    /// Works until shutdown, and then ends what was begun.
    pub(crate) async fn run(self, shutdown: CancellationToken) -> Result<(), JoinError> {
        let Self(mut taken) = self;
        let mut doing = JoinSet::new();
        loop {
            let may_take = doing.len() < COMMANDS_MAX;
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(done) = doing.join_next() => done?,
                Some(job) = taken.recv(), if may_take => {
                    doing.spawn(job);
                }
            }
        }
        // Each ends soon: nothing more is waited for but calls under way, which have a time-out, and their answers' recording.
        taken.close();
        while let Some(done) = doing.join_next().await {
            done?;
        }
        Ok(())
    }
}
