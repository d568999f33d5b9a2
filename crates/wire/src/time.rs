//! Seconds of Unix time as text.
//!
//! Written here rather than by a library because every record carries one: the arithmetic is a dozen instructions.

use domain::ids::{Second, Text};

const DAY: Second = 86_400;

/// Last second of the year 9999, after which RFC 3339 has no more digits.
const LAST: Second = 253_402_300_799;

/// First second of the year 0.
const FIRST: Second = -62_167_219_200;

/// `2026-05-28T20:26:40Z`; `None` outside the years 0 to 9999, which RFC 3339 cannot write.
pub fn rfc3339(second: Second) -> Option<[u8; 20]> {
    if !(FIRST..=LAST).contains(&second) {
        return None;
    }
    let (year, month, day) = civil(second.div_euclid(DAY));
    let of_day = second.rem_euclid(DAY);
    let mut text = *b"0000-00-00T00:00:00Z";
    put(&mut text, 0, year / 100);
    put(&mut text, 2, year % 100);
    put(&mut text, 5, month);
    put(&mut text, 8, day);
    put(&mut text, 11, of_day / 3_600);
    put(&mut text, 14, of_day / 60 % 60);
    put(&mut text, 17, of_day % 60);
    Some(text)
}

/// `2026-05-28`, the day in UTC; `None` outside the years 0 to 9999.
pub fn day(second: Second) -> Option<Text> {
    let text = rfc3339(second)?;
    let (date, _) = text.split_at(10);
    std::str::from_utf8(date).ok().map(Text::new)
}

/// Two digits of `value` at `place`.
fn put(text: &mut [u8; 20], place: usize, value: i64) {
    let digit = |value: i64| b'0' + (value % 10) as u8;
    text[place] = digit(value / 10);
    text[place + 1] = digit(value);
}

/// Year, month and day of a day counted from 1970-01-01.
///
/// Counts in eras of 400 years that begin in March, so that the leap day is the last of its year.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}
