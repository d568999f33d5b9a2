//! The harness itself: if these fail, no other failure means anything.

use std::{process::Command, time::Duration};

use harness::{Broker, Cluster, Process, await_until, eventually};

const SOON: Duration = Duration::from_secs(120);

#[test]
fn a_broker_starts_answers_is_killed_and_comes_back_on_its_port() {
    let mut broker = Broker::start().unwrap();
    let bootstrap = broker.bootstrap();
    broker.kill().unwrap();
    assert!(std::net::TcpStream::connect(&bootstrap).is_err());
    broker.restart().unwrap();
    assert_eq!(broker.bootstrap(), bootstrap);
    assert!(std::net::TcpStream::connect(&bootstrap).is_ok());
    broker.stop().unwrap();
    assert!(std::net::TcpStream::connect(&bootstrap).is_err());
}

#[test]
fn a_cluster_of_three_has_three_addresses() {
    let cluster = Cluster::start(3).unwrap();
    assert_eq!(cluster.bootstrap().split(',').count(), 3);
}

#[test]
fn a_cluster_knows_which_replicas_are_in_sync() {
    let mut cluster = Cluster::start(3).unwrap();
    cluster.await_in_sync(SOON).unwrap();
    cluster.kill(1).unwrap();
    assert!(cluster.out_of_sync().is_err(), "one node does not answer");
    cluster.restart(1).unwrap();
    cluster.await_in_sync(SOON).unwrap();
}

#[test]
fn a_process_tells_where_it_listens_and_ends_on_request() {
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "echo noise; echo listening on api http://127.0.0.1:4711/; exec sleep 600",
    ]);
    let mut process = Process::run(command).unwrap();
    let url = process.await_listening("api").unwrap();
    assert_eq!(url.port(), Some(4711));
    process.sigterm().unwrap();
    let status = process.wait(Duration::from_secs(10)).unwrap();
    assert!(!status.success());
    assert!(process.stdout().starts_with("noise"));
}

#[test]
fn a_process_that_ends_early_is_an_error_with_its_output() {
    let mut command = Command::new("sh");
    command.args(["-c", "echo bad option >&2; exit 2"]);
    let mut process = Process::run(command).unwrap();
    assert!(process.await_listening("api").is_err());
    let status = process.wait(Duration::from_secs(10)).unwrap();
    assert_eq!(status.code(), Some(2));
    assert_eq!(process.stderr(), "bad option");
}

#[tokio::test]
async fn waiting_in_vain_names_what_was_awaited() {
    let short = Duration::from_millis(50);
    let error = await_until(short, "godot", || None::<()>).unwrap_err();
    assert!(error.to_string().contains("godot"));
    let error = eventually(short, "godot", async || None::<()>)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("godot"));
}
