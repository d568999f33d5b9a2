use prometheus_client::registry::Registry;

use super::*;
use crate::metrics::{GroupMetrics, KafkaMetrics};

const SESSION: Duration = Duration::from_secs(3600);

fn member() -> MemberContext {
    let metrics = GroupMetrics::register(&mut Registry::default());
    let shared = Shared::new("group", &["a"], &metrics);
    again(&shared)
}

fn again(shared: &Arc<Shared>) -> MemberContext {
    let told = Told::new("t.", &KafkaMetrics::default());
    MemberContext::new(Arc::clone(shared), SESSION, &told)
}

fn list(partitions: &[i32]) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition("t.a", *partition);
    }
    list
}

fn shown(member: &MemberContext) -> Vec<u32> {
    member.shared.shown().iter().map(|(_, p)| p).collect()
}

/// As if that long had passed since the loss.
fn wait(member: &MemberContext, time: Duration) {
    let mut state = member.state();
    state.kept = state.kept.and_then(|kept| kept.checked_sub(time));
}

#[test]
fn what_is_assigned_is_added_and_what_is_revoked_is_gone_at_once() {
    let member = member();
    assert!(member.outside().is_some());
    member.assigned(&list(&[0, 1]));
    member.assigned(&list(&[2]));
    assert_eq!(shown(&member), [0, 1, 2]);
    member.revoked(&list(&[1]), false);
    assert_eq!(shown(&member), [0, 2]);
    assert!(member.outside().is_none());
}

#[test]
fn what_is_lost_is_kept_until_the_group_says_something_else() {
    let member = member();
    member.assigned(&list(&[0, 1]));
    member.revoked(&list(&[0, 1]), true);
    assert_eq!(shown(&member), [0, 1]);
    assert!(member.outside().is_some());
    member.assigned(&list(&[1, 2]));
    assert_eq!(shown(&member), [1, 2]);
    member.revoked(&list(&[1, 2]), true);
    member.assigned(&list(&[]));
    assert!(shown(&member).is_empty(), "the group has nothing for it");
}

#[test]
fn what_is_lost_is_given_up_when_brokers_have_answered_for_a_session() {
    let member = member();
    member.assigned(&list(&[0]));
    member.revoked(&list(&[0]), true);
    wait(&member, SESSION / 2);
    member.expire();
    assert_eq!(shown(&member), [0]);
    // Nobody answers: it counts from anew.
    member.prolong();
    wait(&member, SESSION / 2);
    member.expire();
    assert_eq!(shown(&member), [0]);
    wait(&member, SESSION / 2);
    member.expire();
    assert!(shown(&member).is_empty());
}

#[test]
fn what_is_lost_by_a_process_that_was_held_still_is_gone_at_once() {
    let long_ago = || Instant::now().checked_sub(SESSION).unwrap();
    // The loss is told inside of the turn in which the process went on.
    let member = member();
    member.assigned(&list(&[0]));
    member.state().turned = long_ago();
    member.revoked(&list(&[0]), true);
    assert!(shown(&member).is_empty());
    // And in one after that.
    member.assigned(&list(&[0]));
    member.turn();
    member.revoked(&list(&[0]), true);
    assert!(shown(&member).is_empty());
    // A pause of our own is none of these.
    let member = again(&member.shared);
    member.assigned(&list(&[0]));
    member.state().turned = long_ago();
    member.came_round();
    member.turn();
    member.revoked(&list(&[0]), true);
    assert_eq!(shown(&member), [0]);
}

#[test]
fn a_new_consumer_keeps_what_the_one_before_held_and_that_one_says_nothing_any_more() {
    let before = member();
    before.assigned(&list(&[0, 1]));
    before.retire();
    let member = again(&before.shared);
    before.revoked(&list(&[0, 1]), false);
    assert_eq!(shown(&member), [0, 1]);
    member.assigned(&list(&[1]));
    assert_eq!(shown(&member), [1]);
}

#[test]
fn one_commit_is_on_its_way_at_a_time_and_one_that_did_not_succeed_is_made_again() {
    let member = member();
    member.assigned(&list(&[0]));
    assert!(member.due().is_none(), "nothing is noted");
    member.shared.note("a", 0, 5);
    let due = member.due().unwrap();
    assert_eq!(due.elements()[0].offset(), Offset::Offset(5));
    assert!(member.due().is_none(), "it is on its way");
    let failed = KafkaError::ConsumerCommit(RDKafkaErrorCode::RebalanceInProgress);
    member.commit_callback(Err(failed), &due);
    let due = member.due().unwrap();
    member.commit_callback(Ok(()), &due);
    assert!(member.due().is_none(), "it is committed");
}
