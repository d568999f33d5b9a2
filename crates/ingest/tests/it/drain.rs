use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::service::{SECRET, Service, groups, joined, open, seen, sign};

#[tokio::test]
async fn a_webhook_in_flight_is_finished_after_sigterm_and_no_new_one_is_accepted() {
    let service = Service::start().await;
    let body = groups("group_participants_update", &[&joined(1)]);
    let head = format!(
        "POST /webhooks HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nx-hub-signature-256: {}\r\ncontent-length: {}\r\n\r\n",
        sign(SECRET, body.as_bytes()),
        body.len()
    );
    let (first, second) = body.split_at(body.len() / 2);
    let mut stream = TcpStream::connect(service.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(first.as_bytes()).await.unwrap();
    let begun = harness::eventually(
        std::time::Duration::from_secs(5),
        "the request",
        async || {
            let arrived = format!("ingest_in_flight_bytes {}\n", first.len());
            service.metrics().contains(&arrived).then_some(())
        },
    );
    begun.await.unwrap();

    assert!(service.ctx.health.ready().ok);
    service.ctx.shutdown.cancel();
    let refused = harness::eventually(
        std::time::Duration::from_secs(5),
        "no listener",
        async || TcpStream::connect(service.address).await.err(),
    );
    refused.await.unwrap();
    assert!(!service.ctx.health.ready().ok);
    assert!(!service.running.is_finished());

    stream.write_all(second.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let Service {
        running, log, dir, ..
    } = service;
    running.await.unwrap().unwrap();
    drop(log);
    assert_eq!(seen(&open(dir.path()), 1).await.len(), 1);
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_the_end() {
    let service = Service::start().await;
    let body = groups("group_participants_update", &[&joined(1)]);
    assert_eq!(service.post(body.as_bytes()).await.status, 200);
    let began = std::time::Instant::now();
    service.stop().await;
    assert!(began.elapsed() < std::time::Duration::from_secs(5));
}
