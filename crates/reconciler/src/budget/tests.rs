use super::*;

const NO_LOAD: Load = Load {
    usage_percent: None,
    retry_after: None,
};

fn is_paused(budget: &Budget, now_ms: u64) -> bool {
    now_ms < budget.paused_until_ms
}

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
    assert!(is_paused(&budget, 4_999) && !is_paused(&budget, 5_000));
    budget.refused(&Refused::Throttled, &NO_LOAD, 5_000);
    assert!(is_paused(&budget, 14_999) && !is_paused(&budget, 15_000));
    budget.answered(&NO_LOAD, 15_000);
    budget.refused(&Refused::Throttled, &NO_LOAD, 15_000);
    assert!(is_paused(&budget, 19_999) && !is_paused(&budget, 20_000));
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
    assert!(!is_paused(&budget, 0));
    budget.refused(&Refused::Failed, &NO_LOAD, 0);
    assert!(is_paused(&budget, 1_999) && !is_paused(&budget, 2_000));
}

#[test]
fn a_refused_token_pauses_a_minute() {
    let mut budget = Budget::new(3_600, 0);
    budget.refused(&Refused::Token, &NO_LOAD, 0);
    assert!(is_paused(&budget, 59_999) && !is_paused(&budget, 60_000));
}

#[test]
fn a_burst_of_refusals_counts_as_one() {
    let mut budget = Budget::new(3_600, 0);
    for now_ms in 0..8 {
        budget.refused(&Refused::Throttled, &NO_LOAD, now_ms);
    }
    assert!(is_paused(&budget, 4_999) && !is_paused(&budget, 5_000));
}

#[test]
fn a_senseless_waiting_time_stops_us_for_an_hour_and_none_at_all_does_not_hurry_us() {
    for (named, paused_ms) in [(Duration::MAX, 3_600_000), (Duration::ZERO, 5_000)] {
        let mut budget = Budget::new(3_600, 0);
        let load = Load {
            usage_percent: None,
            retry_after: Some(named),
        };
        budget.refused(&Refused::Throttled, &load, 0);
        assert!(is_paused(&budget, paused_ms - 1) && !is_paused(&budget, paused_ms));
    }
}

#[test]
fn an_answer_without_usage_ends_the_slow_pace() {
    let mut budget = Budget::new(3_600, 0);
    budget.spend(60);
    budget.answered(&load(80), 0);
    budget.answered(&NO_LOAD, 0);
    assert_eq!(budget.available(10_000), 10);
}
