//! Membership in a group: who leads which partition, and what becomes of it when somebody comes, goes, dies or hangs.

use std::{
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use eventlog::{Assignment, Error, JoinOptions, Log, Membership, limits};
use harness::{Broker, Cluster, Process, eventually};
use prometheus_client::{encoding::text::encode, registry::Registry};
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
};
use tokio::sync::watch;

use crate::world::{LONG, OTHER, TOPIC, World, kafka_args, kafka_log, topics};

const GROUP: &str = "leaders";
const PARTITIONS: u32 = 6;
/// The shortest that a broker takes.
const SESSION: Duration = Duration::from_secs(6);
/// How soon something must happen that waits for no time-out; the machine may be busy.
const SECONDS: Duration = Duration::from_secs(5);

/// A member, with a log of its own as another process would have.
struct Member {
    name: &'static str,
    membership: Membership,
    watch: watch::Receiver<Assignment>,
}

impl Member {
    fn join(log: &Log, name: &'static str, instance: Option<&str>) -> Self {
        Self::join_for(log, name, instance, SESSION)
    }

    fn join_for(
        log: &Log,
        name: &'static str,
        instance: Option<&str>,
        session_timeout: Duration,
    ) -> Self {
        let options = JoinOptions {
            instance: instance.map(str::to_owned),
            session_timeout,
        };
        let membership = log.join(GROUP, &[TOPIC, OTHER], options).unwrap();
        let watch = membership.assignment();
        Self {
            name,
            membership,
            watch,
        }
    }

    fn held(&self) -> Assignment {
        self.watch.borrow().clone()
    }
}

/// A broker with topics, and what its members call it.
struct Group {
    broker: Arc<Broker>,
    prefix: String,
}

impl Group {
    async fn new() -> Self {
        let world = World::kafka();
        drop(world.with(&topics(PARTITIONS)).await);
        let World::Kafka { broker, prefix } = world else {
            panic!("a world on Kafka");
        };
        Self { broker, prefix }
    }

    /// Of a broker of its own, to be harmed.
    async fn alone() -> (Self, Log) {
        let broker = Broker::start().unwrap();
        let log = kafka_log(&broker.bootstrap(), "alone.");
        let plan = log.plan(&topics(PARTITIONS), 1).await.unwrap();
        log.apply(&plan).await.unwrap();
        let group = Self {
            broker: Arc::new(broker),
            prefix: "alone.".to_owned(),
        };
        (group, log)
    }

    fn log(&self) -> Log {
        kafka_log(&self.broker.bootstrap(), &self.prefix)
    }

    fn member(&self, name: &'static str, instance: Option<&str>) -> Member {
        Member::join(&self.log(), name, instance)
    }

    /// A member in another process, which says what it holds.
    fn child(&self) -> Process {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args([
                "--exact",
                "members::child_that_holds_until_it_is_killed",
                "--nocapture",
            ])
            .env(CHILD_BROKER, self.broker.bootstrap())
            .env(CHILD_PREFIX, &self.prefix)
            .stdin(Stdio::null());
        Process::run(command).unwrap()
    }
}

/// Waits until every partition is held by exactly one of the members, and by each as many as by any other, give or take one.
async fn settled(members: &[&Member], within: Duration) -> Duration {
    let began = Instant::now();
    let mut counts = Vec::new();
    let outcome = eventually(within, "the members to share everything", async || {
        let held: Vec<Assignment> = members.iter().map(|member| member.held()).collect();
        counts = held.iter().map(Assignment::len).collect();
        let fair = counts.iter().max()? - counts.iter().min()? <= 1;
        (fair && is_everything_once(&held)).then_some(())
    })
    .await;
    let names: Vec<&str> = members.iter().map(|member| member.name).collect();
    assert!(outcome.is_ok(), "{names:?} hold {counts:?}");
    println!("{names:?} hold {counts:?} after {:?}", began.elapsed());
    began.elapsed()
}

fn is_everything_once(held: &[Assignment]) -> bool {
    let mut all: Vec<(&str, u32)> = held.iter().flat_map(Assignment::iter).collect();
    all.sort_unstable();
    let wanted: Vec<(&str, u32)> = [OTHER, TOPIC]
        .into_iter()
        .flat_map(|topic| (0..PARTITIONS).map(move |partition| (topic, partition)))
        .collect();
    all == wanted
}

/// How often the group has told the only member of this registry what it holds, or librdkafka that it holds nothing.
fn rebalances(registry: &Registry) -> u64 {
    let mut text = String::new();
    encode(&mut text, registry).unwrap();
    let sample = text
        .lines()
        .find_map(|line| line.strip_prefix("eventlog_rebalances_total{group=\"leaders\"} "));
    sample.map_or(0, |count| count.parse().unwrap())
}

fn mark_seen(members: &mut [&mut Member]) {
    for member in members {
        member.watch.mark_unchanged();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_come_and_go_share_all_partitions_and_none_is_held_twice() {
    let group = Group::new().await;
    let log = group.log();
    assert_eq!(log.members(GROUP).await.unwrap(), 0);
    let (a, b) = (group.member("a", None), group.member("b", None));
    settled(&[&a, &b], LONG).await;
    assert_eq!(log.members(GROUP).await.unwrap(), 2);
    let before = (a.held(), b.held());
    let c = group.member("c", None);
    settled(&[&a, &b, &c], LONG).await;
    assert_eq!(log.members(GROUP).await.unwrap(), 3);
    for (member, before) in [(&a, before.0), (&b, before.1)] {
        let kept = member.held();
        let moved = kept.iter().filter(|(t, p)| !before.holds(t, *p)).count();
        assert_eq!(moved, 0, "nothing moves but what the third gets");
    }

    // One that takes leave holds nothing at once, and the others have it all well before its session would be over.
    let watch = c.watch.clone();
    drop(c);
    assert!(watch.borrow().is_empty());
    let took = settled(&[&a, &b], SECONDS).await;
    assert!(took < SECONDS);
    assert_eq!(log.members(GROUP).await.unwrap(), 2);
    drop((a, b));
    eventually(LONG, "the group to be empty", async || {
        (log.members(GROUP).await.ok()? == 0).then_some(())
    })
    .await
    .unwrap();
}

const CHILD_BROKER: &str = "EVENTLOG_TEST_CHILD_BROKER";
const CHILD_PREFIX: &str = "EVENTLOG_TEST_CHILD_PREFIX";

/// Not a test by itself: the process that the next tests kill or hold still.
#[tokio::test(flavor = "multi_thread")]
async fn child_that_holds_until_it_is_killed() {
    let given = (
        std::env::var_os(CHILD_BROKER),
        std::env::var_os(CHILD_PREFIX),
    );
    let (Some(broker), Some(prefix)) = given else {
        return;
    };
    let log = kafka_log(broker.to_str().unwrap(), prefix.to_str().unwrap());
    let mut member = Member::join(&log, "child", None);
    loop {
        let held = member.watch.borrow_and_update().len();
        println!("holds {held}");
        member.watch.changed().await.unwrap();
    }
}

/// What a child said last.
fn child_holds(child: &Process) -> Option<usize> {
    let said = child.stdout();
    let last = said.lines().rev().find_map(|line| {
        // The name of the test may stand before the first.
        let (_, count) = line.split_once("holds ")?;
        Some(count.to_owned())
    });
    last?.parse().ok()
}

fn signal(child: &Process, name: &str) {
    let signalled = Command::new("kill")
        .args([format!("-{name}"), child.pid().to_string()])
        .status();
    assert!(signalled.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_member_held_is_shared_out_when_its_session_is_over() {
    let group = Group::new().await;
    let a = group.member("a", None);
    let mut child = group.child();
    let half = usize::try_from(PARTITIONS).unwrap();
    eventually(LONG, "half for each", async || {
        (a.held().len() == half && child_holds(&child)? == half).then_some(())
    })
    .await
    .unwrap();
    child.kill9().unwrap();
    let took = settled(&[&a], LONG).await;
    assert!(took > SESSION / 2, "{took:?}: it could not be known sooner");
    assert!(took < SESSION + SECONDS, "{took:?}");
    child.wait(LONG).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_was_held_still_holds_nothing_when_it_goes_on_and_gets_its_share_again() {
    let group = Group::new().await;
    let a = group.member("a", None);
    let child = group.child();
    let half = usize::try_from(PARTITIONS).unwrap();
    eventually(LONG, "half for each", async || {
        (a.held().len() == half && child_holds(&child)? == half).then_some(())
    })
    .await
    .unwrap();
    let said = child.stdout().len();
    signal(&child, "STOP");
    settled(&[&a], LONG).await;
    signal(&child, "CONT");
    eventually(SECONDS, "the child to hold nothing", async || {
        child.stdout()[said..].contains("holds 0\n").then_some(())
    })
    .await
    .unwrap();
    eventually(LONG, "half for each", async || {
        (a.held().len() == half && child_holds(&child)? == half).then_some(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_member_that_is_back_in_time_holds_what_it_held_and_nobody_else_notices() {
    let group = Group::new().await;
    let mut a = group.member("a", Some("a"));
    let mut b = group.member("b", Some("b"));
    let c = group.member("c", Some("c"));
    settled(&[&a, &b, &c], LONG).await;
    let before = c.held();
    mark_seen(&mut [&mut a, &mut b]);
    drop(c);
    let mut c = group.member("c again", Some("c"));
    assert!(c.held().is_empty(), "it was told nothing yet");
    settled(&[&a, &b, &c], SECONDS).await;
    assert_eq!(c.held(), before);
    mark_seen(&mut [&mut c]);
    // That nothing happens is what is waited for: a session, after which the one that was dropped would be missed.
    tokio::time::sleep(SESSION + Duration::from_secs(2)).await;
    for member in [&a, &b, &c] {
        assert!(!member.watch.has_changed().unwrap(), "{}", member.name);
    }
    assert_eq!(group.log().members(GROUP).await.unwrap(), 3);

    // One that does not come back is missed.
    drop(c);
    let took = settled(&[&a, &b], LONG).await;
    assert!(took > SESSION / 2, "{took:?}: it took no leave");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_with_one_name_never_both_hold_and_the_later_has_it() {
    let group = Group::new().await;
    let a = group.member("a", Some("same"));
    settled(&[&a], LONG).await;
    let mut twin = group.member("twin", Some("same"));
    settled(&[&twin], LONG).await;
    eventually(LONG, "the first to hold nothing", async || {
        a.held().is_empty().then_some(())
    })
    .await
    .unwrap();
    // It tries again, after a while; whoever of them is thrown out then holds nothing.
    drop(a);
    twin.watch.mark_unchanged();
    settled(&[&twin], LONG).await;
}

/// Longer than a killed broker takes from reading its groups to answering for them, on a busy machine too:
/// sessions run from the former, and when all are over the group is empty.
const SESSION_OVER_RESTART: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_longer_than_the_session_moves_nothing_among_named_members() {
    let (mut group, log) = Group::alone().await;
    let mut registries = [Registry::default(), Registry::default()];
    let [of_a, of_b] = &mut registries;
    let named = |name, registry: &mut Registry| {
        let args = kafka_args(&group.broker.bootstrap(), &group.prefix);
        let log = Log::kafka(&args, "test", registry).unwrap();
        Member::join_for(&log, name, Some(name), SESSION_OVER_RESTART)
    };
    let (mut a, mut b) = (named("a", of_a), named("b", of_b));
    settled(&[&a, &b], LONG).await;
    mark_seen(&mut [&mut a, &mut b]);
    let before = registries.each_ref().map(rebalances);
    let broker = Arc::get_mut(&mut group.broker).unwrap();
    broker.kill().unwrap();
    let told = async |times: u64, what: &str| {
        eventually(LONG, what, async || {
            let now = registries.each_ref().map(rebalances);
            let all = now.iter().zip(before).all(|(now, was)| *now >= was + times);
            all.then_some(())
        })
        .await
        .unwrap();
    };
    told(1, "librdkafka to take everything for lost").await;
    broker.restart().unwrap();
    told(2, "the group to say what they hold").await;
    for member in [&a, &b] {
        assert!(!member.watch.has_changed().unwrap(), "{}", member.name);
    }
    assert_eq!(log.members(GROUP).await.unwrap(), 2);
    // And they still are members that hear what goes on.
    let c = group.member("c", None);
    settled(&[&a, &b, &c], LONG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_loss_of_any_broker_of_three_moves_nothing() {
    let mut cluster = Cluster::start(3).unwrap();
    let log = kafka_log(&cluster.bootstrap(), "three.");
    let plan = log.plan(&topics(PARTITIONS), 3).await.unwrap();
    log.apply(&plan).await.unwrap();
    let mut members: Vec<Member> = ["a", "b", "c"]
        .map(|name| {
            let log = kafka_log(&cluster.bootstrap(), "three.");
            Member::join_for(&log, name, Some(name), SESSION_OVER_RESTART)
        })
        .into();
    settled(&members.iter().collect::<Vec<_>>(), LONG).await;
    mark_seen(&mut members.iter_mut().collect::<Vec<_>>());
    for node in 0..3 {
        cluster.kill(node).unwrap();
        // One of the three is the group's coordinator; its successor comes once it is fenced, 9 s after its last word, and waits for
        // the members as long as a session is.
        tokio::time::sleep(Duration::from_secs(12)).await;
        cluster.restart(node).unwrap();
        eventually(LONG, "all to be members again", async || {
            (log.members(GROUP).await.ok()? == 3).then_some(())
        })
        .await
        .unwrap();
    }
    // That nothing happens is what is waited for: a session after the last of them came back.
    tokio::time::sleep(SESSION_OVER_RESTART + Duration::from_secs(2)).await;
    for member in &members {
        assert!(!member.watch.has_changed().unwrap(), "{}", member.name);
    }
    settled(&members.iter().collect::<Vec<_>>(), SECONDS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_hangs_for_half_a_minute_is_gone_over() {
    let (group, log) = Group::alone().await;
    let (a, b) = (group.member("a", Some("a")), group.member("b", None));
    settled(&[&a, &b], LONG).await;
    group.broker.pause().unwrap();
    // Until it is fenced: what it says first after that makes librdkafka forget it.
    tokio::time::sleep(Duration::from_secs(30)).await;
    group.broker.resume().unwrap();
    eventually(LONG, "both to be members again", async || {
        (log.members(GROUP).await.ok()? == 2).then_some(())
    })
    .await
    .unwrap();
    settled(&[&a, &b], LONG).await;
    drop(b);
    settled(&[&a], LONG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_log_is_short_though_no_broker_answers() {
    let (group, log) = Group::alone().await;
    let a = group.member("a", None);
    settled(&[&a], LONG).await;
    a.membership.commit(TOPIC, 0, 1);
    group.broker.pause().unwrap();
    a.membership.commit(TOPIC, 0, 2);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let began = Instant::now();
    tokio::task::spawn_blocking(move || drop(a)).await.unwrap();
    println!("ended in {:?}", began.elapsed());
    assert!(began.elapsed() < limits::CLOSE_TIMEOUT + SECONDS);
    group.broker.resume().unwrap();
    drop(log);
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_noted_by_a_member_are_what_monitors_of_lag_see() {
    let group = Group::new().await;
    let a = group.member("a", None);
    settled(&[&a], LONG).await;
    let clone = a.membership.clone();
    for offset in 1..=7 {
        a.membership.commit(TOPIC, 1, offset);
    }
    clone.commit(OTHER, 2, 3);
    clone.commit("elsewhere", 0, 5);
    let monitor: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", group.broker.bootstrap())
        .set("group.id", format!("{}{GROUP}", group.prefix))
        .create()
        .unwrap();
    let committed = |topic: &str, partition: i32| {
        let mut asked = TopicPartitionList::new();
        asked.add_partition(&format!("{}{topic}", group.prefix), partition);
        let committed = monitor.committed_offsets(asked, LONG).unwrap();
        committed.elements()[0].offset()
    };
    eventually(LONG, "the commits", async || {
        let both = (committed(TOPIC, 1), committed(OTHER, 2));
        (both == (Offset::Offset(7), Offset::Offset(3))).then_some(())
    })
    .await
    .unwrap();
    // Later ones too, and after a rebalance.
    let b = group.member("b", None);
    settled(&[&a, &b], LONG).await;
    for member in [&a, &b] {
        member.membership.commit(TOPIC, 1, 11);
    }
    eventually(LONG, "a later commit", async || {
        (committed(TOPIC, 1) == Offset::Offset(11)).then_some(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_and_how_often_it_changed_are_metrics() {
    let group = Group::new().await;
    let mut registry = Registry::default();
    let args = kafka_args(&group.broker.bootstrap(), &group.prefix);
    let log = Log::kafka(&args, "test", &mut registry).unwrap();
    let a = Member::join(&log, "a", None);
    settled(&[&a], LONG).await;
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    for line in [
        "eventlog_held_partitions{group=\"leaders\",topic=\"events.v1\"} 6",
        "eventlog_rebalances_total{group=\"leaders\"} 1",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_one_process_on_a_local_log_holds_everything_at_once_and_for_good() {
    let world = World::local();
    let log = world.open(&topics(2));
    let options = || JoinOptions {
        instance: None,
        session_timeout: SESSION,
    };
    let membership = log.join(GROUP, &[TOPIC, OTHER], options()).unwrap();
    let watch = membership.assignment();
    let all = [OTHER, TOPIC].map(|topic| [(topic.to_owned(), 0), (topic.to_owned(), 1)]);
    assert_eq!(*watch.borrow(), all.into_iter().flatten().collect());
    assert_eq!(log.members(GROUP).await.unwrap(), 0);
    membership.commit(TOPIC, 0, 7);
    let clone = membership.clone();
    drop(membership);
    assert_eq!(watch.borrow().len(), 4);
    drop(clone);
    assert!(watch.borrow().is_empty());
    let error = log.join(GROUP, &["nowhere.v1"], options()).unwrap_err();
    assert!(matches!(error, Error::UnknownTopic { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn options_of_a_member_that_cannot_be_are_told_together() {
    let log = kafka_log("127.0.0.1:1", "t.");
    let options = JoinOptions {
        instance: Some("with space".to_owned()),
        session_timeout: Duration::from_millis(1),
    };
    let error = log.join(GROUP, &[], options).unwrap_err();
    let Error::Config { problems } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(problems.len(), 3, "{error}");
}
