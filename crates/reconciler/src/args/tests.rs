use super::*;

#[test]
fn l_is_never_less_than_was_asked_for() {
    assert_eq!(lag_seconds(Duration::from_secs(300)), 300);
    assert_eq!(lag_seconds(Duration::from_millis(1_500)), 2);
}

#[test]
fn an_l_of_nothing_and_one_of_days_are_refused() {
    assert_eq!(lag("2s"), Ok(Duration::from_secs(2)));
    for text in ["0", "999ms", "2d"] {
        assert_eq!(lag(text), Err("must be from 1s to 1d".to_owned()), "{text}");
    }
}
