use super::*;

#[tokio::test]
async fn a_manual_clock_wakes_a_sleeper_when_advanced_far_enough_and_not_before() {
    let (clock, hand) = Clock::manual(1_000);
    let sleeper = tokio::spawn({
        let clock = clock.clone();
        async move {
            clock.sleep(Duration::from_secs(5)).await;
            clock.now_ms()
        }
    });
    hand.wait_for_sleepers(1).await;
    hand.advance(Duration::from_millis(4_999));
    tokio::task::yield_now().await;
    assert_eq!(hand.sleepers(), 1);
    assert!(!sleeper.is_finished());
    hand.advance(Duration::from_millis(1));
    assert_eq!(sleeper.await.unwrap(), 6_000);
    assert_eq!(hand.sleepers(), 0);
}

#[tokio::test]
async fn a_dropped_sleep_is_no_longer_waited_for() {
    let (clock, hand) = Clock::manual(0);
    let sleeper = tokio::spawn(async move { clock.sleep(Duration::from_secs(1)).await });
    hand.wait_for_sleepers(1).await;
    sleeper.abort();
    assert!(sleeper.await.unwrap_err().is_cancelled());
    assert_eq!(hand.sleepers(), 0);
}

#[tokio::test]
async fn advancing_to_the_next_deadline_takes_the_earliest() {
    let (clock, hand) = Clock::manual(10);
    assert_eq!(hand.advance_to_next(), None);
    let late = tokio::spawn({
        let clock = clock.clone();
        async move { clock.sleep_until_ms(500).await }
    });
    let early = tokio::spawn(async move { clock.sleep_until_ms(200).await });
    hand.wait_for_sleepers(2).await;
    assert_eq!(hand.advance_to_next(), Some(200));
    early.await.unwrap();
    assert!(!late.is_finished());
    assert_eq!(hand.advance_to_next(), Some(500));
    late.await.unwrap();
}

#[tokio::test]
async fn a_time_limit_cuts_what_does_not_end_and_lets_through_what_does() {
    let (clock, hand) = Clock::manual(0);
    assert_eq!(clock.timeout(Duration::ZERO, async { 7 }).await, Ok(7));
    let cut = tokio::spawn(async move {
        clock
            .timeout(Duration::from_secs(1), std::future::pending::<()>())
            .await
    });
    hand.wait_for_sleepers(1).await;
    hand.advance(Duration::from_secs(1));
    assert_eq!(cut.await.unwrap(), Err(Elapsed));
}

#[test]
fn the_system_clock_shows_a_time_of_this_century_and_its_age_does_not_go_back() {
    let clock = Clock::system();
    let seconds = clock.now_seconds();
    assert!(seconds > 1_700_000_000);
    assert!(clock.now_ms() / 1000 >= seconds);
    let before = clock.monotonic_ms();
    assert!(clock.monotonic_ms() >= before);
}
