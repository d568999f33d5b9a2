use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use super::*;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?}")]
struct Fault(Class);

const BACKOFF: Backoff = Backoff {
    base: Duration::from_secs(1),
    cap: Duration::from_secs(10),
    tries_max: Some(4),
};

/// Runs `retry` on a manual clock against an operation that fails `failures` times.
async fn check(
    backoff: Backoff,
    failures: u32,
    class: Class,
) -> (Result<u32, Error<Fault>>, u32, Duration) {
    let (clock, hand) = Clock::manual(0);
    let tries = Arc::new(AtomicU32::new(0));
    let task = tokio::spawn({
        let tries = Arc::clone(&tries);
        async move {
            let shutdown = CancellationToken::new();
            retry(
                &clock,
                &shutdown,
                backoff,
                |fault: &Fault| fault.0,
                || {
                    let tries = tries.fetch_add(1, Ordering::SeqCst) + 1;
                    async move {
                        if tries > failures {
                            Ok(tries)
                        } else {
                            Err(Fault(class))
                        }
                    }
                },
            )
            .await
        }
    });
    while !task.is_finished() {
        hand.advance_to_next();
        tokio::task::yield_now().await;
    }
    let outcome = task.await.unwrap();
    (
        outcome,
        tries.load(Ordering::SeqCst),
        Duration::from_millis(hand.now_ms()),
    )
}

#[tokio::test]
async fn a_transient_error_is_tried_again_until_it_succeeds() {
    let (outcome, tries, slept) = check(BACKOFF, 2, Class::Transient).await;
    assert_eq!(outcome, Ok(3));
    assert_eq!(tries, 3);
    assert!(slept <= Duration::from_secs(1 + 2));
}

#[tokio::test]
async fn a_series_of_transient_errors_ends_with_the_limit() {
    let (outcome, tries, _) = check(BACKOFF, u32::MAX, Class::Transient).await;
    let source = Fault(Class::Transient);
    assert_eq!(outcome, Err(Error::Exhausted { tries: 4, source }));
    assert_eq!(tries, 4);
}

#[tokio::test]
async fn a_permanent_error_and_a_bug_are_not_tried_again() {
    let (outcome, tries, _) = check(BACKOFF, 1, Class::Permanent).await;
    let source = Fault(Class::Permanent);
    assert_eq!((outcome, tries), (Err(Error::Permanent { source }), 1));
    let (outcome, tries, _) = check(BACKOFF, 1, Class::Bug).await;
    let source = Fault(Class::Bug);
    assert_eq!((outcome, tries), (Err(Error::Bug { source }), 1));
}

#[tokio::test]
async fn shutdown_ends_a_delay_and_a_try_at_once() {
    let (clock, hand) = Clock::manual(0);
    let shutdown = CancellationToken::new();
    let endless = Backoff {
        tries_max: None,
        base: Duration::from_secs(3600),
        cap: Duration::from_secs(3600),
    };
    let task = tokio::spawn({
        let (clock, shutdown) = (clock.clone(), shutdown.clone());
        async move {
            let operation = || async { Err::<(), _>(Fault(Class::Transient)) };
            retry(&clock, &shutdown, endless, |fault| fault.0, operation).await
        }
    });
    hand.wait_for_sleepers(1).await;
    shutdown.cancel();
    let last = Some(Fault(Class::Transient));
    assert_eq!(task.await.unwrap(), Err(Error::Stopped { last }));

    let stuck = retry(
        &clock,
        &shutdown,
        endless,
        |fault: &Fault| fault.0,
        std::future::pending::<Result<(), Fault>>,
    );
    assert_eq!(stuck.await, Err(Error::Stopped { last: None }));
}

#[test]
fn delays_grow_to_the_cap_and_are_spread_over_the_whole_of_it() {
    let bounds: Vec<u64> = (1..7).map(|tries| BACKOFF.bound(tries).as_secs()).collect();
    assert_eq!(bounds, [1, 2, 4, 8, 10, 10]);
    assert_eq!(BACKOFF.bound(u32::MAX), Duration::from_secs(10));
    let endless = Backoff {
        tries_max: None,
        ..BACKOFF
    };
    let (mut low, mut high) = (0, 0);
    let mut delays = endless.delays();
    for _ in 0..1_000 {
        let delay = delays.after_failure().unwrap();
        assert!(delay <= Duration::from_secs(10));
        low += u32::from(delay < Duration::from_secs(3));
        high += u32::from(delay > Duration::from_secs(7));
    }
    assert!(
        low > 100 && high > 100,
        "{low} low and {high} high of 1,000"
    );
}
