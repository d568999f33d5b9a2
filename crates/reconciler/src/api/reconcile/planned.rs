//! A plan as it is answered.

use domain::{
    ids::PhoneNumberId,
    plan::{Plan, Step},
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
            plan: Plan { steps, summary },
            reads,
            calls: _,
        } = found;
        let reads = reads.into_iter();
        Self {
            phone_number_id: number.to_string(),
            text,
            complete: summary.is_complete,
            pages: summary.pages,
            listed: summary.listed,
            steps: steps.iter().map(Shown::new).collect(),
            reads: reads
                .map(|(reason, count)| (reason.as_str(), count))
                .collect(),
        }
    }
}

impl Shown {
    fn new(step: &Step) -> Self {
        let (step, group_id, why) = match step {
            Step::AssertActive { group_id, .. } => {
                ("assert_active", group_id, "listed, and not held as active")
            }
            Step::AssertSubject { group_id, .. } => {
                ("assert_subject", group_id, "listed with another subject")
            }
            Step::Ask { group_id } => ("ask", group_id, "held as alive, and not listed"),
        };
        Self {
            step,
            group_id: group_id.to_string(),
            why,
        }
    }
}
