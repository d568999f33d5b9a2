//! The interlock: Meta gives no second chance for a group wrongly asserted gone.

/// Groups of a number that may vanish within 24 hours without a person's consent: 2 %, and at least 5.
pub fn vanish_limit(alive: usize) -> usize {
    (alive / 50).max(5)
}

/// What may be asserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Those that were unknown twice may be asserted gone.
    Assert,
    /// Not yet: with those in question it could be too many.
    Wait,
    /// Nothing may be asserted until a person says so.
    Hold,
}

/// Judges groups that were unknown twice together with those that reads alone took away within the last 24 hours.
///
/// `alive` counts the number's groups that are held as alive, `confirmed` and `unsettled` among them;
/// `unsettled` are those that may yet prove gone or alive, and `released` those that a person has consented to lose.
/// Nothing is asserted before all are settled that could make it too many,
/// for of too many none is asserted, and not those that happened to be asked for first.
pub fn verdict(
    alive: usize,
    vanished: usize,
    confirmed: usize,
    unsettled: usize,
    released: usize,
) -> Verdict {
    let limit = vanish_limit(alive.saturating_add(vanished)).saturating_add(released);
    let certain = vanished.saturating_add(confirmed);
    if certain > limit {
        Verdict::Hold
    } else if certain.saturating_add(unsettled) > limit {
        Verdict::Wait
    } else {
        Verdict::Assert
    }
}
