//! A simulated WhatsApp, a log, a fold and a reconciler, all by one clock that tests move.

use std::{
    fs,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chassis::{Clock, Ctx, ManualClock, auth::Access, http};
use domain::{
    event::{About, Event, Figures, GroupEvent, NumberEvent, Source},
    group::View,
    ids::{Entity, EventId, GroupId, PhoneNumberId, Second},
};
use eventlog::{Batch, Cleanup, Log, TopicSpec};
use prometheus_client::registry::Registry;
use reconciler::{Args, Member, Metrics, Reconciler, upstream::Meta};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use simulator::{Config, Simulator};
use tempfile::TempDir;
use tokio::task::{JoinHandle, yield_now};
use wire::topics::{self, Topic, key};

use crate::{fold::Fold, watched::Watched};

/// The second at which every world begins.
pub(crate) const START: Second = 1_780_000_000;

/// The business number of every world.
pub(crate) const NUMBER: &str = "300000000000001";

/// L, in seconds.
pub(crate) const LAG: Second = 2;

/// Turns of half a second after which something that should have happened counts as never happening.
const TURNS_MAX: usize = 4_000;

pub(crate) struct World {
    pub(crate) simulator: Simulator,
    pub(crate) args: Args,
    pub(crate) log: Log,
    pub(crate) fold: Fold,
    pub(crate) metas: Watched,
    pub(crate) clock: Clock,
    pub(crate) hand: ManualClock,
    pub(crate) meta_now_ms: Arc<AtomicI64>,
    pub(crate) client: Client,
    pub(crate) access: Access,
    pub(crate) commands: String,
    pub(crate) running: Option<(Ctx, JoinHandle<anyhow::Result<()>>)>,
    dir: TempDir,
}

/// Topics as they are deployed, for the local log.
pub(crate) fn specs() -> Vec<TopicSpec> {
    let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap();
    let spec = |topic: &Topic| {
        let spec = topic.spec();
        TopicSpec {
            name: spec.name.to_owned(),
            partitions: 1,
            cleanup: match spec.cleanup {
                topics::Cleanup::Delete { retention } => Cleanup::Delete {
                    retention_ms: ms(retention),
                },
                topics::Cleanup::Compact => Cleanup::Compact,
                topics::Cleanup::CompactAndDelete { retention } => Cleanup::CompactAndDelete {
                    retention_ms: ms(retention),
                },
            },
            segment_ms: ms(spec.segment),
            delete_retention_ms: ms(spec.delete_retention),
            min_compaction_lag_ms: ms(spec.min_compaction_lag),
        }
    };
    Topic::ALL.iter().map(spec).collect()
}

/// A local log with these topics, by a clock.
pub(crate) fn open_log(dir: &TempDir, topics: &[TopicSpec], clock: &Clock) -> Log {
    let clock = clock.clone();
    let now_ms = move || i64::try_from(clock.now_ms()).unwrap();
    Log::local(
        &dir.path().join("log"),
        topics,
        now_ms,
        &mut Registry::default(),
    )
    .unwrap()
}

/// Settings against a Graph API at `url`: L 2 s, a list pass every 5 s, 20 calls a second.
pub(crate) fn args(dir: &TempDir, url: &str) -> Args {
    let token = dir.path().join("token");
    fs::write(&token, "token").unwrap();
    Args {
        graph_url: url.parse().unwrap(),
        graph_version: "v25.0".to_owned(),
        access_token_file: token.to_str().unwrap().parse().unwrap(),
        phone_number_id: vec![PhoneNumberId::parse(NUMBER).unwrap()],
        api_lag: Duration::from_secs(LAG.unsigned_abs()),
        list_every: Duration::from_secs(5),
        reads_per_hour: NonZeroU32::new(72_000).unwrap(),
        dry_run: false,
        app_token_file: None,
    }
}

impl World {
    /// A world of so many groups, none of which Rollcall knows; the reconciler does not run yet.
    pub(crate) async fn new(groups: u32) -> Self {
        let (clock, hand) = Clock::manual(START.unsigned_abs() * 1_000);
        let (meta_clock, meta_now_ms) = simulator::Clock::manual(START * 1_000);
        let config = Config {
            groups,
            clock: meta_clock,
            ..Config::default()
        };
        let simulator = Simulator::start(config).await.unwrap();
        let dir = TempDir::new().unwrap();
        let log = open_log(&dir, &specs(), &clock);
        let args = args(&dir, &simulator.url());
        let metas = Watched::new(Meta::new(&args).unwrap());
        Self {
            fold: Fold::start(log.clone()),
            client: Client::builder().no_proxy().build().unwrap(),
            simulator,
            args,
            log,
            metas,
            clock,
            hand,
            meta_now_ms,
            access: Access::Open,
            commands: String::new(),
            running: None,
            dir,
        }
    }

    /// A world whose reconciler runs and has read everything.
    pub(crate) async fn hydrated(groups: u32) -> Self {
        let mut world = Self::new(groups).await;
        world.start().await;
        world.until_agreement().await;
        world
    }

    /// Starts the reconciler, and waits until it has followed what there is.
    pub(crate) async fn start(&mut self) {
        let ctx = Ctx::new(self.clock.clone());
        let metrics = ctx.metrics.register(Metrics::register);
        let reconciler = Reconciler::with(
            self.args.clone(),
            Member::default(),
            ctx.clone(),
            self.log.clone(),
            metrics,
            self.metas.clone(),
        );
        let router = http::with_fallbacks(reconciler.router(&self.access));
        let listener = http::bind("--listen", ([127, 0, 0, 1], 0).into());
        let listener = listener.await.unwrap();
        self.commands = format!("http://{}", listener.address());
        let shutdown = ctx.shutdown.clone();
        let serving = http::serve(listener, router, http::Limits::STANDARD, shutdown);
        tokio::spawn(serving);
        let running = tokio::spawn(reconciler.run());
        self.metas.victim(running.abort_handle());
        self.running = Some((ctx.clone(), running));
        while !ctx.health.ready().checks.iter().any(|check| check.ok) {
            yield_now().await;
        }
    }

    /// Ends the reconciler as SIGTERM does, and expects that it ends well.
    pub(crate) async fn stop(&mut self) {
        let (ctx, running) = self.running.take().unwrap();
        ctx.shutdown.cancel();
        running.await.unwrap().unwrap();
    }

    /// Lets time pass until the reconciler is killed, as a process is: nothing that it was doing goes on.
    pub(crate) async fn until_killed(&mut self) {
        let (ctx, running) = self.running.take().unwrap();
        for _ in 0..TURNS_MAX {
            if running.is_finished() {
                break;
            }
            self.meta_now_ms.fetch_add(500, Ordering::SeqCst);
            self.hand.advance(Duration::from_millis(500));
            for _ in 0..64 {
                yield_now().await;
            }
            // What was asked of the simulator is answered in real time.
            tokio::time::timeout(Duration::from_millis(200), self.metas.idle())
                .await
                .ok();
        }
        assert!(running.await.unwrap_err().is_cancelled());
        ctx.shutdown.cancel();
        self.metas.revive();
    }

    /// Asks the command API: status, position and body.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> (u16, Option<String>, Value) {
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.commands));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let position = answer.headers().get("rollcall-position");
        let position = position.map(|position| position.to_str().unwrap().to_owned());
        (
            answer.status().as_u16(),
            position,
            answer.json().await.unwrap(),
        )
    }

    /// Where the access token lies.
    pub(crate) fn token_file(&self) -> std::path::PathBuf {
        self.dir.path().join("token")
    }

    /// What was counted of the number, as the log says.
    pub(crate) fn figures(&self) -> Option<Figures> {
        self.events().into_iter().rev().find_map(|event| {
            let About::Number(_, NumberEvent::Counted(figures)) = event.about else {
                return None;
            };
            Some(figures)
        })
    }

    /// What `/readyz` shows as alarms.
    pub(crate) fn alarms(&self) -> Vec<String> {
        let (ctx, _) = self.running.as_ref().unwrap();
        let alarms = ctx.health.ready().alarms;
        alarms.into_iter().map(|alarm| alarm.name).collect()
    }

    /// A line of the metrics, without its labels.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        let (ctx, _) = self.running.as_ref().unwrap();
        let text = ctx.metrics.encode();
        let line = text.lines().find(|line| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(['{', ' ']))
        })?;
        line.rsplit(' ').next()?.parse().ok()
    }

    /// Meta's second.
    pub(crate) fn now(&self) -> Second {
        self.meta_now_ms.load(Ordering::SeqCst) / 1_000
    }

    /// Half a second passes, everywhere, and everything that comes of it is done.
    pub(crate) async fn turn(&self) {
        self.pass(Duration::from_millis(500)).await;
    }

    /// Time passes at once, and everything that comes of it is done.
    pub(crate) async fn pass(&self, time: Duration) {
        let ms = i64::try_from(time.as_millis()).unwrap();
        self.meta_now_ms.fetch_add(ms, Ordering::SeqCst);
        self.hand.advance(time);
        self.settled().await;
    }

    /// Waits until the reconciler waits for time to pass, and what was appended is folded and followed.
    async fn settled(&self) {
        let mut before = -1;
        loop {
            self.metas.idle().await;
            let end = self.end(Topic::Events).await;
            let mut next = self.fold.next.subscribe();
            next.wait_for(|next| *next >= end).await.unwrap();
            if let Some((_, running)) = &self.running {
                assert!(!running.is_finished(), "the reconciler ended");
                let mut states = 0;
                for topic in [Topic::Groups, Topic::Requests, Topic::Numbers] {
                    states += self.end(topic).await;
                }
                while self.metric("reconciler_state_records_total") < Some(states as f64) {
                    yield_now().await;
                }
                // The keeper, and who looks at the token.
                self.hand.wait_for_sleepers(2).await;
            }
            for _ in 0..8 {
                yield_now().await;
            }
            if end == before && self.metas.under_way() == 0 {
                return;
            }
            before = end;
        }
    }

    async fn end(&self, topic: Topic) -> i64 {
        self.log.bounds(topic.name(), 0).await.unwrap().end
    }

    /// Lets time pass until something holds.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        self.settled().await;
        for _ in 0..TURNS_MAX {
            if holds(self) {
                return;
            }
            self.turn().await;
        }
        panic!("never: {what}\n{}", self.differences());
    }

    /// Lets so many seconds pass, in all of which something holds.
    pub(crate) async fn throughout(
        &self,
        seconds: usize,
        what: &str,
        holds: impl Fn(&Self) -> bool,
    ) {
        for _ in 0..seconds * 2 {
            assert!(holds(self), "not any more: {what}\n{}", self.differences());
            self.turn().await;
        }
    }

    pub(crate) fn view(&self, group_id: &GroupId) -> Option<View> {
        let folded = self.fold.held.lock().unwrap();
        folded.groups.get(group_id)?.view()
    }

    /// Second of the last complete read of a group.
    pub(crate) fn verified(&self, group_id: &GroupId) -> Second {
        let folded = self.fold.held.lock().unwrap();
        folded.groups.get(group_id).map_or(0, |g| g.core.verified)
    }

    /// Ids of all groups that there are.
    pub(crate) fn ids(&self) -> Vec<GroupId> {
        self.truth().into_keys().collect()
    }

    /// Everything appended so far.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.fold.held.lock().unwrap().events.clone()
    }

    /// What was appended of groups, of the kind that `is` names.
    pub(crate) fn said(&self, is: impl Fn(&GroupEvent) -> bool) -> Vec<(GroupId, Second)> {
        let said = self.events().into_iter().filter_map(|event| {
            let About::Group(id, what) = event.about else {
                return None;
            };
            is(&what).then_some((id, event.at))
        });
        said.collect()
    }

    /// Groups that were asserted gone.
    pub(crate) fn gone(&self) -> Vec<(GroupId, Second)> {
        self.said(|what| matches!(what, GroupEvent::Unknown))
    }

    /// What ingest would append of a group, at Meta's second.
    pub(crate) async fn webhook(&self, group_id: &GroupId, at: Second, what: GroupEvent) {
        let about = About::Group(group_id.clone(), what);
        self.append(at, Source::Webhook, about).await;
    }

    /// What is appended of the number.
    pub(crate) async fn of_number(&self, what: NumberEvent) {
        let about = About::Number(PhoneNumberId::parse(NUMBER).unwrap(), what);
        self.append(self.now(), Source::Webhook, about).await;
    }

    pub(crate) async fn append(&self, at: Second, source: Source, about: About) {
        let entity = match &about {
            About::Group(id, _) => Entity::Group(id.clone()),
            About::Number(id, _) => Entity::Number(id.clone()),
            About::Request(id, _) => Entity::Request(id.clone()),
            About::Message(..) => panic!("not appended by tests"),
        };
        let mut event = Event {
            id: EventId::default(),
            at,
            source,
            phone_number_id: Some(PhoneNumberId::parse(NUMBER).unwrap()),
            waba_id: None,
            about,
        };
        wire::id::identify(&mut event);
        let (mut value, mut batch) = (Vec::new(), Batch::new());
        wire::encode_event(&event, &mut value);
        let now_ms = i64::try_from(self.clock.now_ms()).unwrap();
        let key = key(&entity);
        batch.push(Topic::Events.name(), 0, &key, Some(&value), &[], now_ms);
        self.log.append(batch).await.unwrap();
        self.settled().await;
    }

    /// Changes faults of the API.
    pub(crate) async fn api(&self, faults: Value) {
        self.call(Method::PUT, "/sim/faults", json!({"api": faults}))
            .await;
    }

    /// A person acts; nobody tells Rollcall.
    pub(crate) async fn act(&self, wa_id: &str, act: &str, body: Value) -> Value {
        self.call(Method::POST, &format!("/sim/users/{wa_id}/{act}"), body)
            .await
    }

    /// The business acts by another tool; nobody tells Rollcall.
    pub(crate) async fn business(&self, method: Method, path: &str, mut body: Value) -> Value {
        body["messaging_product"] = json!("whatsapp");
        self.call(method, path, body).await
    }

    /// The business deletes a group.
    pub(crate) async fn delete(&self, group_id: &GroupId) {
        self.business(Method::DELETE, &format!("/{group_id}"), json!({}))
            .await;
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Value) -> Value {
        let request = self
            .client
            .request(method, format!("{}{path}", self.simulator.url()))
            .bearer_auth("token")
            .json(&body);
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {body}");
        body
    }
}
