//! On the real broker: the same records, and what happens when it goes away.

use std::time::{Duration, Instant};

use eventlog::{KafkaArgs, Log, partition_of};
use harness::Broker;

use crate::service::{SECRET, Service, groups, joined, seen, specs};

const PARTITIONS: u32 = 3;

/// Long enough for a broker on a busy machine; what is awaited comes within seconds.
const PATIENCE: Duration = Duration::from_secs(30);

async fn start(broker: &Broker) -> Service {
    let args = KafkaArgs {
        kafka_brokers: vec![broker.bootstrap()],
        kafka_config: None,
        topic_prefix: "test.".to_owned(),
        allow_unreplicated: true,
    };
    let mut registry = prometheus_client::registry::Registry::default();
    let log = Log::kafka(&args, "ingest-test", &mut registry).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let service = Service::on(log.clone(), &[SECRET], dir, PARTITIONS).await;
    // Without its topics it refuses, says why, and goes on asking.
    await_status(&service, 503).await;
    let reason = harness::eventually(PATIENCE, "a reason", async || {
        let report = service.ctx.health.ready();
        let reasons = report.checks.into_iter().filter_map(|check| check.reason);
        reasons
            .into_iter()
            .find(|reason| reason.contains("topics apply"))
    });
    reason.await.unwrap();
    let plan = log.plan(&specs(PARTITIONS), 1).await.unwrap();
    log.apply(&plan).await.unwrap();
    await_status(&service, 200).await;
    service
}

async fn await_status(service: &Service, status: u16) -> Duration {
    let began = Instant::now();
    let body = groups("group_participants_update", &[&joined(0)]);
    let what = format!("a {status}");
    let came = harness::eventually(PATIENCE, &what, async || {
        (service.post(body.as_bytes()).await.status == status).then_some(())
    });
    came.await.unwrap();
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn on_kafka_records_are_keyed_and_spread_as_javas_client_would() {
    let broker = Broker::start().unwrap();
    let service = start(&broker).await;
    let items: Vec<String> = (0..50)
        .map(|n| joined(n).replace("ZD\"", &format!("{n}\"")))
        .collect();
    let items: Vec<&str> = items.iter().map(String::as_str).collect();
    let body = groups("group_participants_update", &items);
    assert_eq!(service.post(body.as_bytes()).await.status, 200);
    let seen = seen(&service.log, PARTITIONS).await;
    let mut used = [false; 3];
    for record in &seen {
        assert_eq!(
            record.partition,
            partition_of(record.key.as_bytes(), PARTITIONS)
        );
        used[usize::try_from(record.partition).unwrap()] = true;
    }
    assert_eq!(used, [true; 3]);
    assert!(seen.len() > 50);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_broker_is_away_the_answer_is_503_at_once_and_soon_after_its_return_200() {
    let mut broker = Broker::start().unwrap();
    let service = start(&broker).await;
    broker.kill().unwrap();
    await_status(&service, 503).await;
    let unready = harness::eventually(PATIENCE, "to be not ready", async || {
        (!service.ctx.health.ready().ok).then_some(())
    });
    unready.await.unwrap();
    // Now that the trouble is known, nobody waits for it.
    for n in 0..20 {
        let began = Instant::now();
        let answer = service
            .post(groups("group_participants_update", &[&joined(n)]).as_bytes())
            .await;
        assert_eq!(
            (answer.status, answer.retry_after.as_deref()),
            (503, Some("2"))
        );
        assert!(
            began.elapsed() < Duration::from_secs(1),
            "{:?}",
            began.elapsed()
        );
    }
    assert!(service.metrics().contains(r#"code="503""#));
    broker.restart().unwrap();
    let took = await_status(&service, 200).await;
    assert!(took < Duration::from_secs(10), "ready again after {took:?}");
    let ready = harness::eventually(PATIENCE, "to be ready", async || {
        service.ctx.health.ready().ok.then_some(())
    });
    ready.await.unwrap();
    // What is answered 200 after all of this is in the log.
    let last = joined(77);
    let body = groups("group_participants_update", &[&last]);
    assert_eq!(service.post(body.as_bytes()).await.status, 200);
    let seen = service.seen().await;
    assert!(seen.iter().any(|seen| seen.event().at == 1_780_000_077));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_never_answered_200_while_the_broker_does_not_acknowledge() {
    let broker = Broker::start().unwrap();
    let service = start(&broker).await;
    broker.pause().unwrap();
    // Until the signal is felt a few may still be acknowledged.
    let mut taken = Vec::new();
    for n in 1.. {
        assert!(n < 1000, "a broker that is held goes on");
        let began = Instant::now();
        let body = groups("group_participants_update", &[&joined(n)]);
        let answer = service.post(body.as_bytes()).await;
        if answer.status == 200 {
            taken.push(1_780_000_000 + i64::try_from(n).unwrap());
            continue;
        }
        assert_eq!(
            (answer.status, answer.retry_after.as_deref()),
            (503, Some("2"))
        );
        assert!(began.elapsed() < ingest::limits::APPEND_WAIT + Duration::from_secs(2));
        break;
    }
    let body = groups("group_participants_update", &[&joined(2000)]);
    assert_eq!(service.post(body.as_bytes()).await.status, 503);
    broker.resume().unwrap();
    await_status(&service, 200).await;
    let seen = service.seen().await;
    for at in taken {
        assert!(seen.iter().any(|seen| seen.event().at == at));
    }
    service.stop().await;
}
