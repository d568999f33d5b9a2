//! A plan as it is answered.

use domain::{
    ids::PhoneNumberId,
    plan::{Difference, Plan, Step},
};
use serde::Serialize;

use crate::dry::Found;

/// What would be done about one number.
#[derive(Debug, Serialize)]
pub(super) struct Planned {
    phone_number_id: String,
    /// For people.
    text: String,
    complete: bool,
    pages: u32,
    listed: u32,
    steps: Vec<Shown>,
    /// Groups worth a read, by reason.
    reads: std::collections::BTreeMap<&'static str, usize>,
}

#[derive(Debug, Serialize)]
struct Shown {
    step: &'static str,
    group_id: String,
    why: &'static str,
}

impl Planned {
    pub(super) fn new(number: &PhoneNumberId, found: Found) -> Self {
        let text = found.to_string();
        let Found {
            plan:
                Plan {
                    steps,
                    summary,
                    worth,
                    ..
                },
            calls: _,
        } = found;
        let summary = summary.unwrap_or_default();
        let reads = worth.into_iter();
        Self {
            phone_number_id: number.to_string(),
            text,
            complete: summary.is_complete,
            pages: summary.pages,
            listed: summary.listed,
            steps: steps.iter().filter_map(Shown::new).collect(),
            reads: reads
                .map(|(reason, count)| (reason.as_str(), count))
                .collect(),
        }
    }
}

impl Shown {
    /// Reads are counted by reason, not shown one by one.
    fn new(step: &Step) -> Option<Self> {
        let (word, why) = match step {
            Step::Assert {
                why: Difference::Subject,
                ..
            } => ("assert_subject", "listed with another subject"),
            Step::Assert {
                why: Difference::UnknownToUs,
                ..
            } => ("assert_active", "listed, and not held as active"),
            Step::Assert {
                why: Difference::HeldAsGone,
                ..
            } => ("assert_active", "listed, and held as gone"),
            Step::Suspect { .. } => ("ask", "held as alive, and not listed"),
            Step::Forget { .. } => ("forget", "gone for thirty days"),
            Step::Link { .. } => (
                "link",
                "somebody whom it holds has another number or user id",
            ),
            Step::Gone { .. } => ("gone", "not listed, and unknown by id twice"),
            Step::Read { .. } => return None,
        };
        Some(Self {
            step: word,
            group_id: step.group_id().to_string(),
            why,
        })
    }
}
