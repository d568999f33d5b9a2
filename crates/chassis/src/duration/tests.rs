use super::*;

#[test]
fn durations_are_read_with_their_unit() {
    for (text, ms) in [
        ("250ms", 250),
        ("5s", 5_000),
        ("5m", 300_000),
        ("5 min", 300_000),
        ("2h", 7_200_000),
        ("30d", 2_592_000_000),
        ("1h30m", 5_400_000),
        (" 1m 5s ", 65_000),
        ("0", 0),
        ("0s", 0),
    ] {
        assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
    }
}

#[test]
fn what_is_no_duration_is_refused() {
    for (text, error) in [
        ("", Error::Empty),
        ("  ", Error::Empty),
        ("5", Error::Form),
        ("s", Error::Form),
        ("5w", Error::Form),
        ("-5s", Error::Form),
        ("1.5s", Error::Form),
        ("5s3", Error::Form),
        ("5S", Error::Form),
        ("٥s", Error::Form),
        ("99999999999999999999s", Error::TooLong),
        ("18446744073709551615d", Error::TooLong),
        ("18446744073709551615ms 1ms", Error::TooLong),
    ] {
        assert_eq!(parse(text), Err(error), "{text}");
    }
}

#[test]
fn what_is_written_is_read_back() {
    for ms in [
        0,
        1,
        999,
        1_000,
        60_000,
        61_001,
        5_400_000,
        2_592_000_000,
        u64::MAX,
    ] {
        let duration = Duration::from_millis(ms);
        assert_eq!(parse(&format(duration)), Ok(duration));
    }
    assert_eq!(format(Duration::from_secs(300)), "5m");
    assert_eq!(format(Duration::from_secs(90)), "1m30s");
}
