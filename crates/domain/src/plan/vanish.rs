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
    /// Nothing may be asserted until a person says so.
    Hold,
}

/// Judges suspects together with those that reads alone took away within the last 24 hours.
///
/// `alive` counts the number's groups that are held as alive, suspects among them.
pub fn verdict(alive: usize, vanished: usize, suspects: usize) -> Verdict {
    if vanished + suspects > vanish_limit(alive + vanished) {
        Verdict::Hold
    } else {
        Verdict::Assert
    }
}
