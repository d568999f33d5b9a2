//! Durations as people write them: `250ms`, `5s`, `5m`, `2h`, `30d`, and sums such as `1h30m`.

use std::time::Duration;

/// Why a text is no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing there.
    #[error("a duration is needed, such as 250ms, 5s, 5m, 2h or 30d")]
    Empty,
    /// A number without a unit, or a unit without a number.
    #[error("a duration needs a number with a unit each: ms, s, m, h or d, as in 5s")]
    Form,
    /// More milliseconds than 64 bits hold.
    #[error("a duration this long cannot be held")]
    TooLong,
}

/// Milliseconds of each unit, longest first; the first name is the one written.
const UNITS: [(&[&str], u64); 5] = [
    (&["d"], 86_400_000),
    (&["h"], 3_600_000),
    (&["m", "min"], 60_000),
    (&["s"], 1_000),
    (&["ms"], 1),
];

/// Reads a duration. `0` alone needs no unit; spaces between number and unit are allowed.
/// Fit for `#[arg(value_parser = chassis::duration::parse)]`.
///
/// # Errors
/// [`Error`] says what form is needed.
pub fn parse(text: &str) -> Result<Duration, Error> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(Error::Empty);
    }
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    let mut total_ms = 0_u64;
    while !rest.is_empty() {
        let (number, after) = split(rest, |c| c.is_ascii_digit());
        let (unit, after) = split(after.trim_start(), |c| c.is_ascii_alphabetic());
        let Some(unit_ms) = milliseconds(unit) else {
            return Err(Error::Form);
        };
        if number.is_empty() {
            return Err(Error::Form);
        }
        let part_ms = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(unit_ms));
        total_ms = part_ms
            .and_then(|part_ms| total_ms.checked_add(part_ms))
            .ok_or(Error::TooLong)?;
        rest = after.trim_start();
    }
    Ok(Duration::from_millis(total_ms))
}

/// Writes a duration so that [`parse`] reads it back, to the millisecond: `1h30m`, `300ms`, `0s`.
pub fn format(duration: Duration) -> String {
    let mut left = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if left == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (names, unit_ms) in UNITS {
        let count = left / unit_ms;
        left %= unit_ms;
        if let (true, Some(name)) = (count > 0, names.first()) {
            text.push_str(&format!("{count}{name}"));
        }
    }
    text
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    text.split_at(end)
}

fn milliseconds(unit: &str) -> Option<u64> {
    UNITS
        .iter()
        .find(|(names, _)| names.contains(&unit))
        .map(|(_, unit_ms)| *unit_ms)
}

#[cfg(test)]
mod tests;
