//! Commands: called once, answered the same, and ended truly, whatever dies in the middle.

use std::{collections::BTreeSet, sync::atomic::Ordering, time::Duration};

use chassis::{Ctx, http};
use domain::{
    event::{About, Operation, Outcome, RequestEvent, Source},
    ids::{GroupId, RequestId},
};
use graph::api::{Cause, Code};
use reconciler::{Member, Metrics, Reconciler, upstream::Meta};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::{
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep},
};

use crate::world::{NUMBER, World};

/// For what happens in real time.
const WITHIN: Duration = Duration::from_secs(120);

/// Steps of time, each in five milliseconds or more: with small ones five seconds of the API's are as many of the machine's.
const SMALL: Duration = Duration::from_millis(5);
const LARGE: Duration = Duration::from_millis(20);

/// An answer: its status, `Retry-After`, body.
type Told = (u16, Option<u64>, Value);

/// Asks as a client does, with a key; none where nobody answers.
async fn ask(
    client: Client,
    url: String,
    method: Method,
    key: Option<String>,
    body: Option<Value>,
) -> Option<Told> {
    let mut request = client.request(method, url);
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = request.send().await.ok()?;
    let retry = answer.headers().get("retry-after");
    let retry = retry.and_then(|retry| retry.to_str().ok()?.parse().ok());
    Some((answer.status().as_u16(), retry, answer.json().await.ok()?))
}

impl World {
    /// Time goes on a little, in all clocks.
    async fn a_moment(&self, time: Duration) {
        let ms = i64::try_from(time.as_millis()).unwrap();
        self.meta_now_ms.fetch_add(ms, Ordering::SeqCst);
        self.hand.advance(time);
        sleep(Duration::from_millis(5)).await;
    }

    /// Waits for something while time passes. Where a wait of the API must not run out because the machine is slow, steps are small.
    async fn while_time_passes<T>(&self, step: Duration, what: impl Future<Output = T>) -> T {
        let mut what = std::pin::pin!(what);
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < WITHIN, "it takes for ever");
            tokio::select! {
                biased;
                told = &mut what => return told,
                () = self.a_moment(step) => {}
            }
        }
    }

    fn asks(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<Value>,
    ) -> impl Future<Output = Option<Told>> + Send + use<> {
        let url = format!("{}{path}", self.commands);
        ask(
            self.client.clone(),
            url,
            method,
            key.map(str::to_owned),
            body,
        )
    }

    async fn told(&self, method: Method, path: &str, key: Option<&str>, body: Value) -> Told {
        let asked = self.asks(method, path, key, Some(body));
        self.while_time_passes(SMALL, asked).await.unwrap()
    }

    async fn create(&self, key: &str, subject: &str) -> Told {
        let body = json!({"subject": subject});
        self.told(Method::POST, &groups(), Some(key), body).await
    }

    /// Groups that Meta has of a subject.
    fn made(&self, subject: &str) -> usize {
        let state = self.simulator.state();
        let groups = state["numbers"][0]["groups"].as_array().unwrap();
        groups
            .iter()
            .filter(|group| group["subject"] == subject)
            .count()
    }

    /// How the request of ours stands that is not answered 200 yet.
    fn outcome(&self, id: &str) -> Option<(Outcome, Option<String>)> {
        let held = self.fold.held.lock().unwrap();
        let request = held.requests.get(&RequestId::parse(id).unwrap())?;
        let completed = request.core.completed.as_ref()?;
        let group = request
            .core
            .group
            .as_ref()
            .map(|group| group.value.to_string());
        Some((completed.value.outcome, group))
    }

    /// Answers that the log holds of a request.
    fn answers(&self, id: &str) -> usize {
        let events = self.events();
        let is_answer = |about: &About| matches!(about, About::Request(of, RequestEvent::Answered { .. }) if of.as_str() == id);
        events
            .iter()
            .filter(|event| is_answer(&event.about))
            .count()
    }

    /// Waits until something holds, while time passes.
    async fn until_so(&self, what: &str, step: Duration, holds: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            assert!(begun.elapsed() < WITHIN, "never: {what}");
            self.a_moment(step).await;
        }
    }

    /// The reconciler is killed now.
    async fn kill(&mut self) {
        let (ctx, running) = self.running.take().unwrap();
        running.abort();
        assert!(running.await.unwrap_err().is_cancelled());
        // Its listener would go with the process.
        ctx.shutdown.cancel();
    }

    /// Waits until the request of the dead is given up, or was settled.
    async fn given_up(&self) {
        let is_so = |world: &Self| {
            let held = world.fold.held.lock().unwrap();
            let mut cores = held.requests.values().map(|request| &request.core);
            cores.any(|core| core.answered.is_some() || core.completed.is_some())
        };
        self.until_so("it is given up", Duration::from_millis(500), is_so)
            .await;
    }

    fn intents(&self) -> usize {
        let events = self.events();
        let is_intent =
            |about: &About| matches!(about, About::Request(_, RequestEvent::Intended { .. }));
        events
            .iter()
            .filter(|event| is_intent(&event.about))
            .count()
    }
}

/// Whoever asked the dead knows nothing.
fn is_not_told(told: Option<Told>) {
    assert!(matches!(told, None | Some((503, ..))), "{told:?}");
}

fn groups() -> String {
    format!("/v1/numbers/{NUMBER}/groups")
}

fn id(told: &Told) -> String {
    told.2["request_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_repeated_key_gets_the_first_answer_also_after_a_restart_and_another_body_is_refused() {
    let mut world = World::hydrated(1).await;
    let first = world.create("key 1", "Repair 1").await;
    assert_eq!(
        (first.0, &first.2["status"]),
        (202, &json!("accepted")),
        "{first:?}"
    );
    assert_eq!(world.create("key 1", "Repair 1").await, first);
    world.stop().await;
    world.start().await;
    assert_eq!(world.create("key 1", "Repair 1").await, first);
    let other = world.create("key 1", "Repair 2").await;
    assert_eq!(other.0, 422, "{other:?}");
    assert_eq!(
        world.create("key 1", "Repair 1").await,
        first,
        "the first body counts"
    );
    // What became of it since is not the answer, and is told by the query API.
    let meta_id = first.2["meta_request_id"].as_str().unwrap();
    let completed = RequestEvent::Completed {
        operation: Operation::CreateGroup,
        group_id: Some(GroupId::parse("g1").unwrap()),
        outcome: Outcome::Done,
        errors: Vec::new(),
        failed: Vec::new(),
    };
    let about = About::Request(RequestId::parse(meta_id).unwrap(), completed);
    world.append(world.now(), Source::Webhook, about).await;
    assert_eq!(world.create("key 1", "Repair 1").await, first);
    assert_eq!((world.made("Repair 1"), world.made("Repair 2")), (1, 0));
    // A day later the key is as good as new.
    world.pass(Duration::from_secs(24 * 3_600)).await;
    let later = world.create("key 1", "Repair 3").await;
    assert_eq!(later.0, 202, "{later:?}");
    assert_ne!(id(&later), id(&first));
    assert_eq!(world.create("key 1", "Repair 3").await, later);
    assert_eq!((world.made("Repair 1"), world.made("Repair 3")), (1, 1));
    // Without a key each is a request of its own.
    let body = json!({"subject": "Repair 4"});
    for _ in 0..2 {
        world
            .told(Method::POST, &groups(), None, body.clone())
            .await;
    }
    assert_eq!(world.made("Repair 4"), 2);
}

/// Another instance on the same log: its address, and how to kill it.
async fn another(world: &World) -> (String, AbortHandle, Ctx) {
    let ctx = Ctx::new(world.clock.clone());
    let metrics = ctx.metrics.register(Metrics::register);
    let reconciler = Reconciler::with(
        world.args.clone(),
        Member::default(),
        ctx.clone(),
        world.log.clone(),
        metrics,
        Meta::new(&world.args).unwrap(),
    );
    let router = http::with_fallbacks(reconciler.router(&world.access));
    let listener = http::bind("--listen", ([127, 0, 0, 1], 0).into());
    let listener = listener.await.unwrap();
    let url = format!("http://{}", listener.address());
    let shutdown = ctx.shutdown.clone();
    tokio::spawn(http::serve(
        listener,
        router,
        http::Limits::STANDARD,
        shutdown,
    ));
    let running = tokio::spawn(reconciler.run());
    let abort = running.abort_handle();
    while !ctx.health.ready().checks.iter().any(|check| check.ok) {
        world.a_moment(Duration::from_millis(10)).await;
    }
    (url, abort, ctx)
}

/// Asks until there is an answer of Meta's to tell.
async fn insists(client: Client, urls: [String; 2], key: &'static str, turn: usize) -> Value {
    let body = json!({"subject": "Once"});
    for attempt in turn.. {
        let url = format!("{}{}", urls[attempt % 2], groups());
        let asked = ask(
            client.clone(),
            url,
            Method::POST,
            Some(key.to_owned()),
            Some(body.clone()),
        );
        match asked.await {
            Some((202, _, body)) if body["status"] != "asked" => return body,
            Some((202 | 503, ..)) | None => sleep(Duration::from_millis(20)).await,
            Some(other) => panic!("{other:?}"),
        }
    }
    unreachable!("there are more attempts than time")
}

async fn a_hundred(world: &World, urls: [String; 2], key: &'static str) -> JoinSet<Value> {
    let mut asking = JoinSet::new();
    for turn in 0..100 {
        asking.spawn(insists(world.client.clone(), urls.clone(), key, turn));
    }
    asking
}

#[tokio::test]
async fn a_hundred_equal_creates_over_two_instances_make_one_call_and_get_equal_answers() {
    let world = World::hydrated(1).await;
    let (second, _, ctx) = another(&world).await;
    let urls = [world.commands.clone(), second];
    let asking = a_hundred(&world, urls, "all the same").await;
    let answers = world.while_time_passes(LARGE, asking.join_all()).await;
    let different: BTreeSet<String> = answers.iter().map(Value::to_string).collect();
    assert_eq!((answers.len(), different.len()), (100, 1), "{different:?}");
    assert_eq!(answers[0]["status"], "accepted");
    assert_eq!(world.made("Once"), 1);
    assert!(world.intents() <= 2, "one of each instance is enough");
    ctx.shutdown.cancel();
}

#[tokio::test]
async fn a_hundred_equal_creates_make_one_call_when_an_instance_is_killed_in_the_middle() {
    for victim in [0, 1] {
        let mut world = World::hydrated(1).await;
        let (second, abort, ctx) = another(&world).await;
        let urls = [world.commands.clone(), second];
        // Meta does it, and does not answer until somebody was killed.
        world
            .api(json!({"lose_next": [{"call": "create", "done": true, "seconds": 2}]}))
            .await;
        let asking = a_hundred(&world, urls, "all the same").await;
        world
            .until_so("the call", SMALL, |world| world.made("Once") > 0)
            .await;
        if victim == 0 {
            world.kill().await;
        } else {
            abort.abort();
            ctx.shutdown.cancel();
        }
        let answers = world.while_time_passes(LARGE, asking.join_all()).await;
        let different: BTreeSet<String> = answers
            .iter()
            .map(|answer| format!("{} {}", answer["request_id"], answer["operation"]))
            .collect();
        assert_eq!((answers.len(), different.len()), (100, 1), "{different:?}");
        assert_eq!(world.made("Once"), 1, "victim {victim}");
        // The list shows what became of it.
        let request = answers[0]["request_id"].as_str().unwrap().to_owned();
        world
            .until_so("its end", Duration::from_millis(100), |world| {
                world.outcome(&request).is_some()
            })
            .await;
        let (outcome, group) = world.outcome(&request).unwrap();
        assert_eq!(outcome, Outcome::Done);
        assert!(group.is_some());
        // Whoever asks now is answered the same, all of them.
        let urls = [world.commands.clone(), world.commands.clone()];
        if victim == 1 {
            let asking = a_hundred(&world, urls, "all the same").await;
            let answers = world.while_time_passes(LARGE, asking.join_all()).await;
            let different: BTreeSet<String> = answers.iter().map(Value::to_string).collect();
            assert_eq!(different.len(), 1, "{different:?}");
        }
        assert_eq!(world.made("Once"), 1);
        ctx.shutdown.cancel();
    }
}

#[tokio::test]
async fn killed_between_intent_and_call_nothing_is_called_and_the_list_proves_that_it_never_was() {
    let mut world = World::hydrated(1).await;
    world.fold.stands_still.send_replace(true);
    let asked = world.asks(
        Method::POST,
        &groups(),
        Some("k"),
        Some(json!({"subject": "Never"})),
    );
    let asked = tokio::spawn(asked);
    // It is in the log, and not seen folded: nobody calls.
    let before = world.log.bounds("events.v1", 0).await.unwrap().end;
    while world.log.bounds("events.v1", 0).await.unwrap().end == before {
        sleep(Duration::from_millis(5)).await;
    }
    world.kill().await;
    is_not_told(asked.await.unwrap());
    world.fold.stands_still.send_replace(false);
    world.start().await;
    world.given_up().await;
    let told = loop {
        let told = world.create("k", "Never").await;
        if told.2["status"] != "asked" {
            break told;
        }
    };
    assert_eq!(
        (told.0, &told.2["status"]),
        (202, &json!("unknown")),
        "{told:?}"
    );
    assert_eq!(world.made("Never"), 0, "it is not called a second time");
    let request = id(&told);
    world
        .until_so("its end", Duration::from_millis(200), |world| {
            world.outcome(&request).is_some()
        })
        .await;
    assert_eq!(world.outcome(&request).unwrap().0, Outcome::Failed);
    assert_eq!(world.made("Never"), 0);
}

#[tokio::test]
async fn killed_between_call_and_answer_nothing_is_called_twice_and_the_list_tells_that_it_was_done()
 {
    // From the log's side it is the same whether the answer had come to the dead or not.
    let mut world = World::hydrated(1).await;
    world
        .api(json!({"lose_next": [{"call": "create", "done": true, "seconds": 60}]}))
        .await;
    let asked = world.asks(
        Method::POST,
        &groups(),
        Some("k"),
        Some(json!({"subject": "Done"})),
    );
    let asked = tokio::spawn(asked);
    while world.made("Done") == 0 {
        sleep(Duration::from_millis(5)).await;
    }
    world.kill().await;
    is_not_told(asked.await.unwrap());
    world.start().await;
    world.given_up().await;
    let told = world.create("k", "Done").await;
    let request = id(&told);
    world
        .until_so("its end", Duration::from_millis(100), |world| {
            world.outcome(&request).is_some()
        })
        .await;
    let (outcome, group) = world.outcome(&request).unwrap();
    assert_eq!(outcome, Outcome::Done);
    assert!(
        world
            .ids()
            .iter()
            .any(|id| Some(id.as_str()) == group.as_deref())
    );
    assert_eq!(world.made("Done"), 1);
}

#[tokio::test]
async fn a_call_that_does_no_harm_twice_is_made_again_when_its_key_comes_again() {
    let mut world = World::hydrated(1).await;
    let path = format!("/v1/groups/{}", world.ids()[0]);
    let body = json!({"subject": "Renamed"});
    world
        .api(json!({"lose_next": [{"call": "update", "done": false, "seconds": 60}]}))
        .await;
    let asked = world.asks(Method::PATCH, &path, Some("k"), Some(body.clone()));
    let asked = tokio::spawn(asked);
    world
        .until_so("the intent", Duration::from_millis(10), |world| {
            world.intents() == 1
        })
        .await;
    sleep(Duration::from_millis(300)).await;
    world.kill().await;
    is_not_told(asked.await.unwrap());
    world.start().await;
    world.given_up().await;
    let told = loop {
        let told = world
            .told(Method::PATCH, &path, Some("k"), body.clone())
            .await;
        if told.2["status"] != "asked" {
            break told;
        }
    };
    assert_eq!(
        (told.0, &told.2["status"]),
        (202, &json!("accepted")),
        "{told:?}"
    );
    assert_eq!(world.made("Renamed"), 1);
    let again = world.told(Method::PATCH, &path, Some("k"), body).await;
    assert_eq!(again, told);
    assert_eq!(world.answers(&id(&told)), 2, "unknown, and then accepted");
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_is_settled_by_its_webhook_and_called_once() {
    let world = World::hydrated(1).await;
    world
        .api(json!({"lose_next": [{"call": "create", "done": true}]}))
        .await;
    let told = world.create("k", "Lost").await;
    assert_eq!(
        (told.0, &told.2["status"]),
        (202, &json!("unknown")),
        "{told:?}"
    );
    let made = world.simulator.state();
    let groups = made["numbers"][0]["groups"].as_array().unwrap().clone();
    let group = groups
        .iter()
        .find(|group| group["subject"] == "Lost")
        .unwrap();
    let group = GroupId::parse(group["group_id"].as_str().unwrap()).unwrap();
    let created = domain::event::GroupCreated {
        subject: Some("Lost".into()),
        ..domain::event::GroupCreated::default()
    };
    world
        .webhook(
            &group,
            world.now(),
            domain::event::GroupEvent::Created(created),
        )
        .await;
    let completed = RequestEvent::Completed {
        operation: Operation::CreateGroup,
        group_id: Some(group),
        outcome: Outcome::Done,
        errors: Vec::new(),
        failed: Vec::new(),
    };
    let about = About::Request(RequestId::parse("of-meta").unwrap(), completed);
    world.append(world.now(), Source::Webhook, about).await;
    let request = id(&told);
    let is_joined = |world: &World| {
        let held = world.fold.held.lock().unwrap();
        let request = &held.requests[&RequestId::parse(&request).unwrap()];
        let meta_id = request.core.meta_request_id.as_ref();
        meta_id.is_some_and(|id| id.value == "of-meta") || request.core.completed.is_some()
    };
    world
        .until_so("it is settled", Duration::from_millis(100), is_joined)
        .await;
    let again = world.create("k", "Lost").await;
    assert_eq!(id(&again), request);
    assert_eq!(world.made("Lost"), 1);
}

#[tokio::test]
async fn a_success_in_part_is_accepted_and_its_webhook_tells_the_rest() {
    let world = World::hydrated(1).await;
    world
        .api(json!({"fail_next": [{"call": "participants_remove", "code": 131_201}]}))
        .await;
    let path = format!("/v1/groups/{}/participants/remove", world.ids()[0]);
    let body = json!({"participants": ["15550100042"]});
    let (status, _, answer) = world.told(Method::POST, &path, None, body).await;
    assert_eq!(
        (status, &answer["status"]),
        (202, &json!("accepted")),
        "{answer}"
    );
}

/// Codes of limits on messages, after which others may go on.
fn is_of_messages(code: Code) -> bool {
    matches!(code.number(), 130_429 | 131_048 | 131_049 | 131_056)
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table and what it says")]
async fn every_code_of_metas_has_its_status_class_problem_and_back_off() {
    let mut told = Vec::new();
    let mut world = World::hydrated(1).await;
    // A success in part is none of these, and not of messages.
    for code in Code::ALL
        .into_iter()
        .filter(|code| *code != Code::PartialSuccess)
    {
        let number = code.number();
        let (key, other) = (format!("{number}"), format!("{number} again"));
        let details = "As it is.";
        world
            .api(json!({"fail_next": [
                {"call": "message", "code": number, "times": 9, "details": details}
            ]}))
            .await;
        let path = format!("/v1/groups/{}/messages", world.ids()[0]);
        let body = json!({"type": "text", "text": {"body": "Hello"}});
        let (status, retry, answer) = world
            .told(Method::POST, &path, Some(&key), body.clone())
            .await;
        if code.may_be_done() {
            // It may have been written, so it is not written again, and nobody says that it failed.
            assert_eq!(
                (status, &answer["status"]),
                (202, &json!("unknown")),
                "{number}: {answer}"
            );
            assert_eq!(answer["errors"][0]["code"], number, "{answer}");
            world = World::hydrated(1).await;
            continue;
        }
        let cause = code.cause();
        let expected = match (number, cause) {
            (131_041, _) => 404,
            (131_207, _) | (_, Cause::Policy) => 409,
            (_, Cause::BadInput) => 400,
            (_, Cause::Throttled) => 429,
            (_, Cause::Transient) => 503,
            (_, Cause::Auth | Cause::Unknown) => 502,
        };
        assert_eq!(status, expected, "{number}: {answer}");
        assert_eq!(
            (
                &answer["code"],
                &answer["class"],
                &answer["details"],
                &answer["detail"]
            ),
            (
                &json!(number),
                &json!(cause.as_str()),
                &json!(details),
                &json!(code.advice())
            ),
            "{number}: {answer}"
        );
        assert!(
            answer["title"]
                .as_str()
                .is_some_and(|title| !title.is_empty()),
            "{answer}"
        );
        assert!(answer["fbtrace_id"].as_str().is_some(), "{answer}");
        let waits = matches!(cause, Cause::Throttled | Cause::Transient);
        assert_eq!(retry.is_some(), waits, "{number}");
        // The same key gets the same answer, and Meta is not asked again.
        let again = world
            .told(Method::POST, &path, Some(&key), body.clone())
            .await;
        assert_eq!((again.0, again.2), (status, answer), "{number}");
        // Whoever is throttled, or whose token is not taken, calls no more for now, and says so.
        let other = world.told(Method::POST, &path, Some(&other), body).await;
        let is_paused = cause == Cause::Throttled && !is_of_messages(code)
            || matches!(code, Code::AuthException | Code::TokenExpired);
        let paused = other.0 == 503 && other.2["code"].is_null();
        told.push(number);
        if is_paused {
            assert!(paused, "{number}: {other:?}");
        }
        // One that must not call for a while is of no more use.
        if !matches!(cause, Cause::BadInput | Cause::Policy) {
            world = World::hydrated(1).await;
        }
    }
    assert!(told.len() > 50, "{told:?}");
}
