//! Times as text, held to a library that knows the calendar.

use proptest::prelude::*;

use crate::time::{day, rfc3339};

proptest! {
    #[test]
    fn every_second_of_four_digit_years_reads_as_the_calendar_says(second in -62_167_219_200..=253_402_207_200_i64) {
        let expected = jiff::Timestamp::from_second(second).unwrap().to_string();
        let text = rfc3339(second).unwrap();
        prop_assert_eq!(std::str::from_utf8(&text).unwrap(), expected.as_str());
        let day = day(second).unwrap();
        prop_assert_eq!(day.as_str(), &expected[..10]);
    }
}

#[test]
fn the_first_and_the_last_second_are_written_and_those_beyond_are_not() {
    assert_eq!(rfc3339(-62_167_219_200), Some(*b"0000-01-01T00:00:00Z"));
    assert_eq!(rfc3339(253_402_300_799), Some(*b"9999-12-31T23:59:59Z"));
    assert_eq!(rfc3339(951_782_400), Some(*b"2000-02-29T00:00:00Z"));
    for second in [-62_167_219_201, 253_402_300_800, i64::MIN, i64::MAX] {
        assert_eq!(rfc3339(second), None);
        assert_eq!(day(second), None);
    }
}
