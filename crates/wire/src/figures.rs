//! What the reconciler counted of a number.

use std::collections::BTreeMap;

use domain::{
    agreement::{Call, Cause, Counts, Kind, Stood},
    event::Figures,
    plan::Reason,
};

use crate::{proto, writer::Writer};

/// Reasons of reads that calls are counted by.
const REASONS: [Reason; 12] = [
    Reason::Unlisted,
    Reason::Control,
    Reason::Hinted,
    Reason::InDoubt,
    Reason::RequestOverdue,
    Reason::CountMismatch,
    Reason::Listed,
    Reason::AfterGap,
    Reason::NeverVerified,
    Reason::Changed,
    Reason::Crowded,
    Reason::LongestUnverified,
];

/// Writes `Figures`.
pub(crate) fn write_figures(w: &mut Writer<'_>, figures: &Figures) {
    let Figures {
        counts,
        budget_left,
    } = figures;
    let Counts {
        drift,
        stood,
        repaired,
        looked,
        contradicted,
        calls,
        lost,
        told,
    } = counts;
    w.message_each(1, drift, |w, ((kind, cause), count)| {
        w.text(1, kind.as_str());
        w.text(2, cause.as_str());
        w.uint(3, *count);
    });
    w.message_each(2, stood, |w, (kind, stood)| {
        let Stood {
            count,
            exact,
            seconds,
            seconds_max,
            within,
        } = stood;
        w.text(1, kind.as_str());
        w.uint(2, *count);
        w.uint(3, *exact);
        w.uint(4, *seconds);
        w.uint(5, *seconds_max);
        w.counts(6, within);
    });
    w.uint(3, *repaired);
    w.uint(4, *looked);
    w.uint(5, *contradicted);
    w.message_each(6, calls, |w, (call, count)| {
        w.text(1, call.as_str());
        w.uint(2, *count);
    });
    w.uint(7, *lost);
    w.uint(8, *told);
    w.uint(9, (*budget_left).into());
}

/// Reads `Figures`. Words that are newer than this reader are left out: figures decide nothing.
pub(crate) fn figures(figures: proto::Figures) -> Figures {
    let proto::Figures {
        drift,
        stood,
        repaired,
        looked,
        contradicted,
        calls,
        lost,
        told,
        budget_left,
    } = figures;
    let drift = drift.into_iter().filter_map(|drift| {
        let proto::Drift { kind, cause, count } = drift;
        Some(((read_kind(&kind)?, read_cause(&cause)?), count))
    });
    let calls = calls.into_iter().filter_map(|calls| {
        let proto::Calls { purpose, count } = calls;
        Some((read_call(&purpose)?, count))
    });
    Figures {
        counts: Counts {
            drift: drift.collect(),
            stood: read_stood(stood),
            repaired,
            looked,
            contradicted,
            calls: calls.collect(),
            lost,
            told,
        },
        budget_left,
    }
}

fn read_stood(stood: Vec<proto::Stood>) -> BTreeMap<Kind, Stood> {
    let stood = stood.into_iter().filter_map(|stood| {
        let proto::Stood {
            kind,
            count,
            exact,
            seconds,
            seconds_max,
            within: counts,
        } = stood;
        let mut within = [0; 6];
        within
            .iter_mut()
            .zip(counts)
            .for_each(|(within, count)| *within = count);
        let stood = Stood {
            count,
            exact,
            seconds,
            seconds_max,
            within,
        };
        Some((read_kind(&kind)?, stood))
    });
    stood.collect()
}

fn read_kind(word: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| kind.as_str() == word)
}

fn read_cause(word: &str) -> Option<Cause> {
    Cause::ALL.into_iter().find(|cause| cause.as_str() == word)
}

fn read_call(word: &str) -> Option<Call> {
    let others = [Call::List, Call::JoinRequests, Call::Command, Call::Other];
    let reads = REASONS.into_iter().map(Call::Read);
    others
        .into_iter()
        .chain(reads)
        .find(|call| call.as_str() == word)
}
