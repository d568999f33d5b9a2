use super::*;

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

fn named(name: &str) -> TopicSpec {
    specs(1).into_iter().find(|spec| spec.name == name).unwrap()
}

#[test]
fn retention_keeps_the_inequalities_that_the_fold_rests_on() {
    // A webhook may come 8 days late: the record of a gone group must live longer than that before it is forgotten.
    let lateness_days = u64::try_from(domain::limits::LINK_GRACE_SECONDS).unwrap() / 86_400;
    let forgotten_after_days = 30;
    assert!(lateness_days < forgotten_after_days);
    // Everything with personal data but the state of groups and numbers goes within 30 days.
    for topic in [
        "events.v1",
        "receipts.v1",
        "messages.v1",
        "requests.v1",
        "changes.v1",
        "quarantine.v1",
    ] {
        assert!(
            named(topic)
                .cleanup
                .retention_ms()
                .is_some_and(|ms| ms <= 30 * DAY),
            "{topic}"
        );
    }
    // A projector may be away for as long as receipts are kept, and events at least as long.
    let receipts = named("receipts.v1").cleanup.retention_ms();
    assert!(receipts >= Some(8 * DAY) && named("events.v1").cleanup.retention_ms() >= receipts);
    // A reader sees every state and every tombstone if it is no slower than this.
    for topic in ["groups.v1", "messages.v1", "requests.v1", "numbers.v1"] {
        let spec = named(topic);
        assert!(spec.cleanup.compacts(), "{topic}");
        assert!(
            spec.min_compaction_lag_ms >= 6 * HOUR && spec.delete_retention_ms >= 24 * HOUR,
            "{topic}"
        );
    }
}

#[test]
fn every_topic_has_the_same_number_of_partitions() {
    assert!(specs(7).iter().all(|spec| spec.partitions == 7));
}
