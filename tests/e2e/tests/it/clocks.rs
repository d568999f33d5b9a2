//! Days on which clocks are off.

use harness::{Broker, Skew, await_until};

use crate::{services::READY_WITHIN, stage::Stage, truth};

/// As far as a clock may be off before what it is compared with is believed no more, less the time that a look takes.
const OFF: i64 = 590;
/// Farther.
const FAR_OFF: i64 = 1200;

#[test]
fn clocks_that_are_ten_minutes_off_change_nothing_and_a_wrong_day_is_not_believed() {
    let mut stage = Stage::new(Broker::shared().unwrap(), 83, 10, "clocks.");
    let skew = Skew::new().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    // In both directions at once: no two services agree.
    for sign in [1, -1] {
        stage.environment = skew.environment(sign * OFF);
        let (projector, queries) = stage.projector(&store, &[]);
        stage.environment = skew.environment(-sign * OFF);
        let (ingest, webhooks) = stage.ingest(&[]);
        let (reconciler, _) = stage.reconciler(&[]);
        stage.sim.webhook(&webhooks);
        stage.sim.step(150);
        stage.sim.flush();
        truth::await_agreement(&stage.sim, &queries, READY_WITHIN);
        assert_eq!(
            ingest.sample(QUARANTINED).unwrap_or(0.0),
            0.0,
            "{}",
            ingest.metrics()
        );
        for service in [ingest, reconciler, projector] {
            assert_eq!(service.stop(), Some(0));
        }
    }

    // Farther off, what Meta says now is of the future: it is kept aside, and what is read proves nothing.
    stage.environment = Vec::new();
    let (projector, queries) = stage.projector(&store, &[]);
    stage.environment = skew.environment(-FAR_OFF);
    let (ingest, webhooks) = stage.ingest(&[]);
    let (reconciler, _) = stage.reconciler(&[]);
    stage.sim.webhook(&webhooks);
    let before = truth::held(&queries);
    stage.sim.step(50);
    stage.sim.flush();
    await_until(
        READY_WITHIN,
        "webhooks of the future to be kept aside",
        || (ingest.sample(QUARANTINED).unwrap_or(0.0) > 0.0).then_some(()),
    )
    .unwrap();
    await_until(READY_WITHIN, "a pass that is not believed", || {
        let refused = reconciler.sample("reconciler_list_passes_total{kind=\"refused\"}");
        (refused.unwrap_or(0.0) > 0.0).then_some(())
    })
    .unwrap();
    assert_eq!(
        truth::held(&queries).len(),
        before.len(),
        "groups are made up"
    );
    for service in [ingest, reconciler] {
        assert_eq!(service.stop(), Some(0));
    }

    // With right clocks all of it is read, and what was kept aside is not needed.
    stage.environment = Vec::new();
    let (_ingest, webhooks) = stage.ingest(&[]);
    let (_reconciler, _) = stage.reconciler(&[]);
    stage.sim.webhook(&webhooks);
    stage.sim.flush();
    truth::await_agreement(&stage.sim, &queries, READY_WITHIN);
    drop(projector);
}

const QUARANTINED: &str = "ingest_quarantined_total{reason=\"timestamp_ahead\"}";
