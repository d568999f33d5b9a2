//! Three processes on a real broker, all of which die again and again, and nothing is lost.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use harness::{Broker, Process, await_until};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use reqwest::Url;
use serde_json::json;
use tempfile::TempDir;

use crate::{
    chains::{Link, gaps},
    facts, http, records,
    services::{READY_WITHIN, Secrets, Service},
    sim::Sim,
    truth,
};

const SEED: u64 = 3;
const GROUPS: u32 = 60;
const PARTITIONS: u32 = 4;
/// Kills of each of the three services.
const KILLS: usize = 20;
/// How long the broker is away.
const OUTAGE: Duration = Duration::from_secs(30);
/// Webhook events a second: more would keep two cores from doing the rest.
const RATE: f64 = 40.0;
/// Deliveries until a service that is ready is killed.
const DELIVERIES_MAX: u64 = 40;
/// For three services to come up side by side, and then for what was lost to be found by reading every group.
const AGREE_WITHIN: Duration = Duration::from_secs(120);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Ingest,
    Projector,
    Reconciler,
}

const ROLES: [Role; 3] = [Role::Ingest, Role::Projector, Role::Reconciler];

/// What the services are started with.
struct Stage {
    broker: String,
    secrets: Secrets,
    sim: Sim,
    store: TempDir,
}

impl Stage {
    fn arguments(&self, role: Role) -> Vec<String> {
        let (name, own) = match role {
            Role::Ingest => ("ingest", self.secrets.ingest()),
            Role::Projector => (
                "projector",
                vec![
                    "--listen=127.0.0.1:0".to_owned(),
                    format!("--data-dir={}", self.store.path().display()),
                    // So that what is started again leads at once, and not when the group has given the killed one up.
                    "--instance-id=projector-0".to_owned(),
                ],
            ),
            Role::Reconciler => ("reconciler", self.secrets.reconciler(&self.sim.url, "5s")),
        };
        let mut arguments = vec![
            name.to_owned(),
            format!("--kafka-brokers={}", self.broker),
            "--allow-unreplicated".to_owned(),
            "--admin-listen=127.0.0.1:0".to_owned(),
        ];
        arguments.extend(own);
        arguments
    }

    /// Starts a service; ingest on a new port, which the simulator is told.
    fn start(&self, role: Role) -> (Service, Option<Url>) {
        let mut service = Service::start(&self.arguments(role));
        let url = match role {
            Role::Ingest => {
                let url = service.listening("webhooks").join("/webhooks").unwrap();
                self.sim.webhook(&url);
                Some(url)
            }
            Role::Projector => Some(service.listening("query API")),
            Role::Reconciler => Some(service.listening("command API")),
        };
        (service, url)
    }
}

/// Kills a service again and again: some while it starts, some as it is ready, most in the midst of work.
fn kill_and_restart(stage: &Stage, role: Role, kills: &AtomicUsize) -> (Service, Option<Url>) {
    let mut random = ChaCha8Rng::seed_from_u64(SEED * 100 + role as u64);
    let (mut service, mut url) = stage.start(role);
    for _ in 0..KILLS {
        let moment = random.random_range(0..8);
        if moment > 0 {
            service.await_ready();
        }
        let more = random.random_range(1..=DELIVERIES_MAX);
        match moment {
            0 | 1 => {}
            // Those that fail count too, so that some kills fall into the outage.
            2 | 3 => stage.sim.await_attempts(more, READY_WITHIN),
            _ => stage.sim.await_answered(more, READY_WITHIN),
        }
        service.process.kill9().unwrap();
        kills.fetch_add(1, Ordering::Relaxed);
        (service, url) = stage.start(role);
    }
    service.await_ready();
    (service, url)
}

/// Where more than five deletions were lost on their way, or are late, a person has to look: these groups are really gone.
fn release_holds(commands: &Url) {
    let mut url = commands.join("/v1/holds").unwrap();
    url.set_query(Some("released=false"));
    let Some(holds) = http::try_get(url).filter(|answer| answer.status == 200) else {
        return;
    };
    for hold in holds.json()["items"].as_array().unwrap() {
        let id = hold["hold_id"].as_str().unwrap();
        let path = format!("/v1/holds/{id}/release");
        let released = http::post(commands.join(&path).unwrap(), &json!({}));
        println!(
            "{id} of {} groups: released, {}",
            hold["groups"], released.status
        );
    }
}

#[test]
fn sixty_kills_and_an_outage_of_the_broker_lose_nothing_that_was_answered_200() {
    let began = Instant::now();
    let mut broker = Broker::start().unwrap();
    let secrets = Secrets::new();
    let stage = Stage {
        broker: broker.bootstrap(),
        sim: Sim::start(SEED, GROUPS, &secrets),
        secrets,
        store: tempfile::tempdir().unwrap(),
    };
    apply_topics(&stage.broker);
    stage.sim.faults(&json!({"webhooks": {
        "lose": 0.03, "duplicate": 0.1, "reorder": 0.1, "delay_seconds": 2, "variants": 0.1,
    }}));
    stage.sim.traffic(RATE);
    let kills = AtomicUsize::new(0);
    let (services, (queries, commands)) = thread::scope(|scope| {
        let killers = ROLES.map(|role| {
            let (stage, kills) = (&stage, &kills);
            scope.spawn(move || kill_and_restart(stage, role, kills))
        });
        await_until(READY_WITHIN, "the first third of the kills", || {
            (kills.load(Ordering::Relaxed) >= KILLS).then_some(())
        })
        .unwrap();
        broker.stop().unwrap();
        let stopped = Instant::now();
        let over = await_until(OUTAGE * 2, "the outage to be over", || {
            (stopped.elapsed() >= OUTAGE).then_some(())
        });
        over.unwrap();
        broker.restart().unwrap();
        let [ingest, projector, reconciler] = killers.map(|killer| killer.join().unwrap());
        let urls = (projector.1.unwrap(), reconciler.1.unwrap());
        ((ingest.0, projector.0, reconciler.0), urls)
    });
    assert_eq!(kills.load(Ordering::Relaxed), ROLES.len() * KILLS);
    println!(
        "{:?}: {} kills and an outage",
        began.elapsed(),
        ROLES.len() * KILLS
    );

    stage.sim.traffic(0.0);
    let counts = stage.sim.flush();
    println!("{:?}: delivered {counts}", began.elapsed());
    await_until(AGREE_WITHIN, "agreement, or a hold", || {
        release_holds(&commands);
        truth::differences(&stage.sim.state(), &truth::held(&queries))
            .is_empty()
            .then_some(())
    })
    .unwrap_or_else(|_| truth::await_agreement(&stage.sim, &queries, AGREE_WITHIN));
    println!("{:?}: all groups agree", began.elapsed());
    for (service, name) in [
        (services.0, "ingest"),
        (services.1, "projector"),
        (services.2, "reconciler"),
    ] {
        assert_eq!(service.stop(), Some(0), "{name}");
    }
    check_log(&stage);
    println!("{:?}: the log is whole", began.elapsed());
}

/// Every webhook that was answered 200 is there, nothing is in quarantine, and no chain of changes has a gap.
fn check_log(stage: &Stage) {
    let bodies = stage.sim.sent();
    let census = facts::census(&bodies);
    println!("told in {} webhooks: {census:?}", bodies.len());
    for kind in [
        "added",
        "removed",
        "asked",
        "wrote",
        "delivered",
        "settings",
        "completed",
    ] {
        assert!(census.contains_key(kind), "no webhook told of {kind}");
    }
    let log = records::kafka(&stage.broker);
    let quarantined = records::read(&log, "quarantine.v1");
    assert_eq!(quarantined.len(), 0, "{quarantined:?}");
    let missing = facts::missing(&bodies, &records::events(&log));
    assert!(
        missing.is_empty(),
        "answered 200 and not in the log: {missing:#?}"
    );
    let links: Vec<Link> = records::changes(&log).iter().map(Link::of).collect();
    println!("{} changes", links.len());
    assert!(links.len() > census["added"]);
    let gaps = gaps(&links);
    assert!(gaps.is_empty(), "{}", gaps.join("\n"));
}

fn apply_topics(broker: &str) {
    let mut process = Process::spawn([
        "topics",
        "apply",
        "--allow-unreplicated",
        "--replication=1",
        &format!("--partitions={PARTITIONS}"),
        &format!("--kafka-brokers={broker}"),
    ])
    .unwrap();
    let status = process.wait(Duration::from_secs(60)).unwrap();
    assert!(
        status.success(),
        "{}\n{}",
        process.stdout(),
        process.stderr()
    );
}
