use std::io;

use super::*;

fn tasks() -> (Tasks, CancellationToken) {
    let shutdown = CancellationToken::new();
    (Tasks::new(&shutdown), shutdown)
}

async fn obedient(shutdown: CancellationToken) -> Result<(), Error> {
    shutdown.cancelled().await;
    Ok(())
}

#[tokio::test]
async fn tasks_that_end_when_asked_end_well() {
    let (mut tasks, shutdown) = tasks();
    tasks.spawn("a", obedient(shutdown.clone()));
    tasks.spawn("b", obedient(shutdown.clone()));
    let joined = tokio::spawn(tasks.join());
    shutdown.cancel();
    joined.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_task_that_ends_by_itself_ends_the_others_and_is_named() {
    let (mut tasks, shutdown) = tasks();
    tasks.spawn("a", obedient(shutdown.clone()));
    tasks.spawn("quitter", async { Ok::<(), Error>(()) });
    let error = tasks.join().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "task quitter ended though nothing asked it to"
    );
    assert!(shutdown.is_cancelled());
}

#[tokio::test]
async fn a_task_that_fails_is_named_with_its_cause() {
    let (mut tasks, shutdown) = tasks();
    tasks.spawn("a", obedient(shutdown));
    tasks.spawn("store", async { Err(io::Error::other("disk full")) });
    let error = tasks.join().await.unwrap_err();
    assert_eq!(chain(&error), "task store: disk full");
}

#[tokio::test]
async fn a_task_that_panics_ends_the_process_by_name() {
    let (mut tasks, shutdown) = tasks();
    tasks.spawn("a", obedient(shutdown.clone()));
    tasks.spawn("leader 0", async move {
        shutdown.cancelled().await;
        Ok::<(), Error>(())
    });
    tasks.spawn_blocking("writer", || -> Result<(), Error> { panic!("on purpose") });
    let error = tasks.join().await.unwrap_err();
    assert_eq!(error.to_string(), "task writer panicked");
}

#[tokio::test]
async fn a_task_that_fails_while_it_is_asked_to_end_is_an_error_too() {
    let (mut tasks, shutdown) = tasks();
    let asked = shutdown.clone();
    tasks.spawn("store", async move {
        asked.cancelled().await;
        Err(io::Error::other("no flush"))
    });
    shutdown.cancel();
    let error = tasks.join().await.unwrap_err();
    assert_eq!(chain(&error), "task store: no flush");
}

#[tokio::test]
async fn a_task_that_does_not_end_is_aborted_at_the_limit_and_named() {
    let (tasks, shutdown) = tasks();
    let mut tasks = tasks.drain_within(Duration::from_millis(50));
    tasks.spawn("mule", std::future::pending::<Result<(), Error>>());
    tasks.spawn("a", obedient(shutdown.clone()));
    shutdown.cancel();
    let error = tasks.join().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "still running 50ms after shutdown began: mule"
    );
}
