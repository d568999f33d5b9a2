use super::*;

const NO_LOAD: Load = Load {
    usage_percent: None,
    retry_after: None,
};

fn load(usage_percent: u32) -> Load {
    Load {
        usage_percent: Some(usage_percent),
        retry_after: None,
    }
}

#[test]
fn an_hour_gives_the_calls_of_an_hour_and_no_more() {
    let mut budget = Budget::new(600, 0);
    let mut made = 0;
    for now_ms in (0..3_600_000).step_by(500) {
        let calls = budget.available(now_ms);
        budget.spend(calls as u32);
        made += calls;
    }
    // The minute's worth that a new budget starts with comes on top.
    assert_eq!(made, 609);
}

#[test]
fn idle_time_saves_up_a_minute_and_not_an_hour() {
    let mut budget = Budget::new(600, 0);
    assert_eq!(budget.available(3_600_000), 10);
}

#[test]
fn what_was_overdrawn_is_paid_back_before_the_next_call() {
    let mut budget = Budget::new(3_600, 0);
    budget.spend(70);
    assert_eq!(budget.available(9_000), 0);
    assert_eq!(budget.available(11_000), 1);
}

#[test]
fn throttling_pauses_longer_each_time_until_an_answer_comes() {
    let mut budget = Budget::new(3_600, 0);
    budget.refused(&Refused::Throttled, &NO_LOAD, 0);
    assert!(budget.is_paused(4_999) && !budget.is_paused(5_000));
    budget.refused(&Refused::Throttled, &NO_LOAD, 5_000);
    assert!(budget.is_paused(14_999) && !budget.is_paused(15_000));
    budget.answered(&NO_LOAD, 15_000);
    budget.refused(&Refused::Throttled, &NO_LOAD, 15_000);
    assert!(budget.is_paused(19_999) && !budget.is_paused(20_000));
}

#[test]
fn metas_own_waiting_time_is_obeyed() {
    let mut budget = Budget::new(3_600, 0);
    let load = Load {
        usage_percent: Some(100),
        retry_after: Some(Duration::from_secs(300)),
    };
    budget.answered(&load, 0);
    assert_eq!(budget.available(299_999), 0);
    assert!(budget.available(300_000) > 0);
}

#[test]
fn near_metas_limit_calls_come_at_a_quarter_of_the_pace() {
    let mut budget = Budget::new(3_600, 0);
    budget.spend(60);
    budget.answered(&load(80), 0);
    assert_eq!(budget.available(40_000), 10);
    budget.answered(&load(10), 40_000);
    assert_eq!(budget.available(60_000), 30);
}

#[test]
fn single_failures_pause_nothing_and_a_row_of_them_does() {
    let mut budget = Budget::new(3_600, 0);
    budget.refused(&Refused::Failed, &NO_LOAD, 0);
    budget.refused(&Refused::Failed, &NO_LOAD, 0);
    assert!(!budget.is_paused(0));
    budget.refused(&Refused::Failed, &NO_LOAD, 0);
    assert!(budget.is_paused(1_999) && !budget.is_paused(2_000));
}

#[test]
fn a_refused_token_pauses_a_minute() {
    let mut budget = Budget::new(3_600, 0);
    budget.refused(&Refused::Token, &NO_LOAD, 0);
    assert!(budget.is_paused(59_999) && !budget.is_paused(60_000));
}
