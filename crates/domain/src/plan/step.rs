//! A plan as a value, and in words.

use std::{collections::BTreeMap, fmt};

use super::{Listed, Reason};
use crate::{
    event::{GroupEvent, HintReason, ListPass, Source},
    ids::{EventId, GroupId, PersonId, Second},
    position::Position,
};

/// Reads that a printed plan names; the others it counts.
const READS_SHOWN_MAX: usize = 20;

/// Why a list's word about a group is asserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Difference {
    /// It was not held at all, or never confirmed.
    UnknownToUs,
    /// It was held as gone.
    HeldAsGone,
    /// It was held with another subject.
    Subject,
}

/// What to do about one group.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Assert what the list says.
    Assert {
        /// Which.
        group_id: GroupId,
        /// The second that the list speaks of.
        at: Second,
        /// As listed.
        listed: Listed,
        /// Why.
        why: Difference,
    },
    /// Held as alive and not in a complete list: ask for it by id, for absence proves nothing.
    Suspect {
        /// Which.
        group_id: GroupId,
        /// Second in Meta's clock at which the list's last page was asked for.
        ended: Second,
    },
    /// Gone for so long that it may be dropped.
    Forget {
        /// Which.
        group_id: GroupId,
        /// Now.
        at: Second,
        /// When it went.
        stamp: Second,
    },
    /// Somebody whom it holds changed their identifiers.
    Link {
        /// Which.
        group_id: GroupId,
        /// When.
        at: Second,
        /// Former identifiers, and the one that each leads to.
        links: Vec<(Vec<PersonId>, PersonId)>,
    },
    /// Proven to be gone.
    Gone {
        /// Which.
        group_id: GroupId,
        /// The second that the last answer speaks of.
        at: Second,
        /// When Meta was asked first.
        first: Second,
        /// When Meta was asked last.
        last: Second,
    },
    /// Read it.
    Read {
        /// Which.
        group_id: GroupId,
        /// Why.
        reason: Reason,
    },
}

/// Too many groups would vanish: nothing is asserted gone until a person has looked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Those that would be asserted gone now.
    pub groups: Vec<GroupId>,
    /// How many of them are held as alive.
    pub vanishing: usize,
    /// How many reads took away within the last day.
    pub vanished: usize,
    /// How many may vanish within a day.
    pub limit: usize,
    /// Does every group of the number seem gone?
    pub is_everything: bool,
}

/// What is to be done about a number: steps in a fixed order, and what was counted on the way.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// What to do: by the list, in order of group; then links, what is gone, and reads in order of urgency.
    pub steps: Vec<Step>,
    /// What may not be done.
    pub refused: Option<Refusal>,
    /// The pass over the list, for the number; `None` without one.
    pub summary: Option<ListPass>,
    /// Groups worth a read now, by reason, those that are read among them.
    pub worth: BTreeMap<Reason, usize>,
    /// Does the list show again what was alive though not listed? Then what it still does not show is worth a question.
    pub(super) is_healed: bool,
    /// Suspects that are settled otherwise.
    pub(super) settled: Vec<GroupId>,
    /// Groups that were looked at for persons who changed, and where they stood.
    pub(super) scanned: Vec<(GroupId, Position)>,
    /// Identity changes that were looked at; `None` where there was no need to look.
    pub(super) fanned: Option<Vec<EventId>>,
}

impl Step {
    /// Which group it is about.
    pub fn group_id(&self) -> &GroupId {
        match self {
            Self::Assert { group_id, .. }
            | Self::Suspect { group_id, .. }
            | Self::Forget { group_id, .. }
            | Self::Link { group_id, .. }
            | Self::Gone { group_id, .. }
            | Self::Read { group_id, .. } => group_id,
        }
    }

    /// Word for logs and metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Assert { .. } => "assert",
            Self::Suspect { .. } => "ask",
            Self::Forget { .. } => "forget",
            Self::Link { .. } => "link",
            Self::Gone { .. } => "gone",
            Self::Read { .. } => "read",
        }
    }

    /// Does it repair something that was wrong?
    pub fn is_repair(&self) -> bool {
        match self {
            Self::Assert { .. } | Self::Gone { .. } => true,
            Self::Suspect { .. } | Self::Forget { .. } | Self::Link { .. } | Self::Read { .. } => {
                false
            }
        }
    }

    /// What to append for it: second, source, and what. A step that asks something appends nothing.
    pub fn events(&self) -> Vec<(Second, Source, GroupEvent)> {
        match self {
            Self::Assert { at, listed, .. } => {
                let what = GroupEvent::Listed {
                    subject: listed.subject.clone(),
                    created: listed.created,
                };
                vec![(*at, Source::Read, what)]
            }
            Self::Gone { at, .. } => vec![(*at, Source::Read, GroupEvent::Unknown)],
            Self::Forget { at, stamp, .. } => {
                let what = GroupEvent::Forgotten { stamp: *stamp };
                vec![(*at, Source::Rollcall, what)]
            }
            Self::Link { at, links, .. } => {
                let linked = links.iter().map(|(old, new)| GroupEvent::IdentityLinked {
                    old: old.clone(),
                    new: new.clone(),
                });
                let reason = HintReason::IdentityChanged;
                linked
                    .chain([GroupEvent::Hinted { reason }])
                    .map(|what| (*at, Source::Rollcall, what))
                    .collect()
            }
            Self::Suspect { .. } | Self::Read { .. } => Vec::new(),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self {
            Self::Assert {
                why: Difference::Subject,
                ..
            } => "assert subject",
            Self::Assert { .. } => "assert active",
            Self::Suspect { .. } => "ask by id",
            Self::Forget { .. } => "forget",
            Self::Link { .. } => "link",
            Self::Gone { .. } => "assert gone",
            Self::Read { .. } => "read",
        };
        write!(f, "{verb:<14} {}: ", self.group_id())?;
        match self {
            Self::Assert { why, .. } => f.write_str(match why {
                Difference::UnknownToUs => "listed, not held as active",
                Difference::HeldAsGone => "listed, held as gone",
                Difference::Subject => "listed with another subject",
            }),
            Self::Suspect { .. } => f.write_str("held as alive, not listed"),
            Self::Forget { at, stamp, .. } => {
                write!(f, "gone for {} days", at.saturating_sub(*stamp) / 86_400)
            }
            Self::Link { .. } => {
                f.write_str("somebody whom it holds has another number or user id")
            }
            Self::Gone { first, last, .. } => write!(
                f,
                "not in a complete list, and unknown by id twice, {} s apart",
                last.saturating_sub(*first)
            ),
            Self::Read { reason, .. } => f.write_str(reason.in_words()),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            groups: _,
            vanishing,
            vanished,
            limit,
            is_everything,
        } = self;
        write!(
            f,
            "refused        {vanishing} groups would be asserted gone, and {vanished} went within a day; {limit} may"
        )?;
        if *is_everything {
            f.write_str("; and no other group was seen since")?;
        }
        Ok(())
    }
}

impl Plan {
    /// Nothing to do, and nothing refused?
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.refused.is_none()
    }

    /// Steps that repair something.
    pub fn repairs(&self) -> usize {
        self.steps.iter().filter(|step| step.is_repair()).count()
    }

    /// Groups to read, in order of urgency, each with its reason.
    pub fn reads(&self) -> impl Iterator<Item = (&GroupId, Reason)> {
        self.steps.iter().filter_map(|step| match step {
            Step::Read { group_id, reason } => Some((group_id, *reason)),
            Step::Assert { .. }
            | Step::Suspect { .. }
            | Step::Forget { .. }
            | Step::Link { .. }
            | Step::Gone { .. } => None,
        })
    }

    /// How many steps there are of each kind.
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for step in &self.steps {
            *counts.entry(step.as_str()).or_default() += 1;
        }
        counts
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut reads = 0;
        for step in &self.steps {
            if matches!(step, Step::Read { .. }) {
                reads += 1;
                if reads > READS_SHOWN_MAX {
                    continue;
                }
            }
            writeln!(f, "{step}")?;
        }
        if reads > READS_SHOWN_MAX {
            writeln!(f, "read           {} more", reads - READS_SHOWN_MAX)?;
        }
        if let Some(refused) = &self.refused {
            writeln!(f, "{refused}")?;
        }
        write!(f, "{} repairs", self.repairs())?;
        for (kind, count) in self.counts() {
            write!(f, ", {count} {kind}")?;
        }
        if let Some(pass) = &self.summary {
            let proof = if pass.is_complete {
                "complete"
            } else {
                "not proven complete, so absence asks nothing"
            };
            write!(
                f,
                "; {} groups listed on {} pages, {proof}",
                pass.listed, pass.pages
            )?;
        }
        write!(
            f,
            "\n{} groups worth a read",
            self.worth.values().sum::<usize>()
        )?;
        for (reason, groups) in &self.worth {
            write!(f, ", {groups} {}", reason.as_str())?;
        }
        Ok(())
    }
}
