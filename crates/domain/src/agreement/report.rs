//! How things stand, as one value.

use std::fmt;

use super::{Cause, Counts, Kind, LossRate, Misled};
use crate::{
    group::{Existence, Group},
    ids::Second,
};

/// Ages by which verified groups are counted, in seconds: an hour, six hours, a day, a week.
pub const AGES: [Second; 4] = [3_600, 6 * 3_600, 86_400, 7 * 86_400];

/// How well a number, or all numbers, agree with Meta.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Agreement {
    /// Groups held as alive.
    pub groups: u64,
    /// How many of them were verified within each of [`AGES`].
    pub verified_within: [u64; 4],
    /// How many were never verified.
    pub never_verified: u64,
    /// Seconds since the one verified longest ago was verified; `None` if none was.
    pub oldest: Option<Second>,
    /// What was counted.
    pub counts: Counts,
    /// The webhook loss rate that the repairs imply.
    pub loss: Option<LossRate>,
    /// Calls that may be made now.
    pub budget_left: Option<u64>,
    /// Repairs that a lag of Meta's API beyond `L` had caused.
    pub misled: Misled,
}

pub(super) fn report<'a>(
    counts: &Counts,
    misled: Misled,
    now: Second,
    groups: impl IntoIterator<Item = &'a Group>,
    budget_left: Option<u64>,
) -> Agreement {
    let mut agreement = Agreement {
        loss: counts.loss_rate(),
        counts: counts.clone(),
        budget_left,
        misled,
        ..Agreement::default()
    };
    for group in groups {
        let exists = group.core.exists.as_ref().map(|exists| exists.value);
        if exists != Some(Existence::Active) && (exists.is_some() || group.shown().is_none()) {
            continue;
        }
        agreement.groups += 1;
        let verified = group.core.verified;
        if verified == 0 {
            agreement.never_verified += 1;
            continue;
        }
        let age = now.saturating_sub(verified).max(0);
        agreement.oldest = agreement.oldest.max(Some(age));
        for (count, bound) in agreement.verified_within.iter_mut().zip(AGES) {
            *count += u64::from(age <= bound);
        }
    }
    agreement
}

impl Agreement {
    /// Share of groups verified within `AGES[place]`; 1 where there are none.
    pub fn share(&self, place: usize) -> f64 {
        let verified = self.verified_within.get(place).copied().unwrap_or(0);
        if self.groups == 0 {
            1.0
        } else {
            verified as f64 / self.groups as f64
        }
    }

    /// Adds another number's, for what holds of all.
    pub fn add(&mut self, other: &Self) {
        let Self {
            groups,
            verified_within,
            never_verified,
            oldest,
            counts,
            loss: _,
            budget_left,
            misled,
        } = other;
        self.groups += groups;
        for (ours, theirs) in self.verified_within.iter_mut().zip(verified_within) {
            *ours += theirs;
        }
        self.never_verified += never_verified;
        self.oldest = self.oldest.max(*oldest);
        self.counts.add(counts);
        self.loss = self.counts.loss_rate();
        self.misled.times += misled.times;
        self.misled.lag_max = self.misled.lag_max.max(misled.lag_max);
        self.budget_left = match (self.budget_left, budget_left) {
            (Some(ours), Some(theirs)) => Some(ours.saturating_add(*theirs)),
            (ours, theirs) => ours.or(*theirs),
        };
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} groups", self.groups)?;
        for (place, word) in ["an hour", "six hours", "a day", "a week"]
            .into_iter()
            .enumerate()
        {
            write!(f, ", {:.1} % within {word}", 100.0 * self.share(place))?;
        }
        writeln!(f, "; {} never verified", self.never_verified)?;
        for kind in Kind::ALL {
            let of = |cause| self.counts.drift.get(&(kind, cause)).copied().unwrap_or(0);
            if self.counts.drift_of(kind) > 0 {
                write!(f, "{:<13}", kind.as_str())?;
                for cause in Cause::ALL {
                    write!(f, " {:>6} {}", of(cause), cause.as_str())?;
                }
                let stood = self.counts.stood.get(&kind);
                writeln!(
                    f,
                    ", stood {} s in the mean",
                    stood.map_or(0, super::Stood::mean)
                )?;
            }
        }
        if self.misled.times > 0 {
            writeln!(
                f,
                "Meta's API lagged by more than is allowed for {} times, by {} s at the most: --api-lag is too small",
                self.misled.times, self.misled.lag_max
            )?;
        }
        match &self.loss {
            Some(loss) => write!(
                f,
                "loss {:.3} % ({:.3} to {:.3})",
                100.0 * loss.rate,
                100.0 * loss.low,
                100.0 * loss.high
            ),
            None => write!(f, "loss not known yet"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_to_people_names_what_there_is_and_no_more() {
        let mut agreement = Agreement {
            groups: 8,
            verified_within: [1, 2, 4, 6],
            never_verified: 2,
            ..Agreement::default()
        };
        let ages = "8 groups, 12.5 % within an hour, 25.0 % within six hours, 50.0 % within a day, \
                    75.0 % within a week; 2 never verified";
        assert_eq!(agreement.to_string(), format!("{ages}\nloss not known yet"));
        agreement.counts.drift.insert((Kind::Gone, Cause::Lost), 3);
        agreement.misled = Misled {
            times: 1,
            lag_max: 90,
        };
        let text = agreement.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(lines[1].starts_with(Kind::Gone.as_str()), "{text}");
        assert!(lines[2].contains("1 times, by 90 s"), "{text}");
        assert_eq!(Agreement::default().share(0), 1.0);
        assert_eq!(agreement.share(4), 0.0);
    }

    #[test]
    fn two_numbers_agree_as_their_sums_do() {
        let one = Agreement {
            groups: 3,
            verified_within: [0, 1, 2, 3],
            never_verified: 1,
            oldest: Some(50),
            budget_left: None,
            misled: Misled {
                times: 2,
                lag_max: 7,
            },
            ..Agreement::default()
        };
        let other = Agreement {
            oldest: Some(40),
            budget_left: Some(5),
            misled: Misled {
                times: 1,
                lag_max: 9,
            },
            ..one.clone()
        };
        let mut all = one;
        all.add(&other);
        assert_eq!((all.groups, all.never_verified), (6, 2));
        assert_eq!(all.verified_within, [0, 2, 4, 6]);
        assert_eq!((all.oldest, all.budget_left), (Some(50), Some(5)));
        assert_eq!((all.misled.times, all.misled.lag_max), (3, 9));
    }
}
