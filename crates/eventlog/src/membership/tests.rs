use prometheus_client::{encoding::text::encode, registry::Registry};

use super::*;

fn of(partitions: &[(&str, u32)]) -> Assignment {
    let owned = partitions
        .iter()
        .map(|(topic, p)| ((*topic).to_owned(), *p));
    owned.collect()
}

fn shared(registry: &mut Registry) -> Arc<Shared> {
    Shared::new("group", &["a", "b"], &GroupMetrics::register(registry))
}

#[test]
fn an_offset_is_kept_for_a_partition_while_it_is_held_and_until_it_is_committed() {
    let shared = shared(&mut Registry::default());
    shared.note("a", 0, 1);
    assert!(shared.noted().is_empty(), "nothing is held");
    shared.show(&of(&[("a", 0), ("a", 1)]));
    for (partition, offset) in [(0, 5), (0, 7), (1, 3), (2, 9)] {
        shared.note("a", partition, offset);
    }
    let noted = BTreeMap::from([(("a".to_owned(), 0), 7), (("a".to_owned(), 1), 3)]);
    assert_eq!(shared.noted(), noted, "the newest of each that is held");
    shared.committed("a", 0, 5);
    assert_eq!(shared.noted(), noted, "7 is newer than what was committed");
    shared.committed("a", 0, 7);
    shared.show(&of(&[("a", 0)]));
    assert!(shared.noted().is_empty(), "1 is not held any more");
}

#[test]
fn nothing_is_shown_twice_and_nothing_after_the_end() {
    let shared = shared(&mut Registry::default());
    let mut watch = shared.assignment.subscribe();
    shared.show(&of(&[("a", 0)]));
    assert!(watch.has_changed().unwrap());
    assert!(watch.borrow_and_update().holds("a", 0));
    shared.show(&of(&[("a", 0)]));
    assert!(!watch.has_changed().unwrap());
    shared.leave();
    assert!(watch.borrow_and_update().is_empty());
    shared.show(&of(&[("a", 0)]));
    assert!(watch.borrow_and_update().is_empty());
}

#[test]
fn the_partitions_held_are_gauged_by_topic() {
    let mut registry = Registry::default();
    let shared = shared(&mut registry);
    shared.show(&of(&[("a", 0), ("a", 3), ("b", 0)]));
    shared.show(&of(&[("a", 0), ("a", 3)]));
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    for line in [
        "eventlog_held_partitions{group=\"group\",topic=\"a\"} 2",
        "eventlog_held_partitions{group=\"group\",topic=\"b\"} 0",
    ] {
        assert!(text.contains(line), "{text}");
    }
}
