//! Times as text: RFC 3339 in UTC.

use jiff::Timestamp;

/// Whole seconds since 1970 as `2026-05-28T20:26:40Z`.
/// Seconds outside the years -9999 to 9999 are written as the nearest time that is inside.
pub fn rfc3339(seconds: i64) -> String {
    Timestamp::from_second(seconds)
        .unwrap_or(nearest(seconds))
        .to_string()
}

/// Milliseconds since 1970 as `2026-05-28T20:26:40.25Z`.
/// Times outside the years -9999 to 9999 are written as the nearest that is inside.
pub fn rfc3339_ms(ms: i64) -> String {
    Timestamp::from_millisecond(ms)
        .unwrap_or(nearest(ms))
        .to_string()
}

fn nearest(outside: i64) -> Timestamp {
    if outside < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    }
}

/// Reads an RFC 3339 time to whole seconds since 1970, fractions cut off; `None` if it is none.
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    let timestamp: Timestamp = text.parse().ok()?;
    Some(timestamp.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_rfc_3339_in_utc_and_come_back() {
        assert_eq!(rfc3339(1_780_000_000), "2026-05-28T20:26:40Z");
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339_ms(1_780_000_000_250), "2026-05-28T20:26:40.25Z");
        assert_eq!(parse_rfc3339("2026-05-28T20:26:40Z"), Some(1_780_000_000));
        assert_eq!(parse_rfc3339("yesterday"), None);
    }

    #[test]
    fn seconds_no_calendar_holds_are_written_without_a_panic() {
        assert!(rfc3339(i64::MAX).starts_with("9999-12-3"));
        assert!(rfc3339(i64::MIN).starts_with('-'));
        assert!(rfc3339_ms(i64::MAX).starts_with("9999-12-3"));
    }
}
