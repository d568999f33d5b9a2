use super::*;

fn entry(name: &str, reason: Option<&str>) -> Entry {
    Entry::new(name, reason.map(str::to_owned))
}

fn report(ok: bool, checks: Vec<Entry>) -> Report {
    Report {
        ok,
        checks,
        alarms: Vec::new(),
    }
}

#[test]
fn an_alarm_is_shown_while_it_is_raised_and_keeps_nobody_from_being_ready() {
    let health = Health::new(Clock::manual(0).0, CancellationToken::new());
    let alarm = health.alarm("token");
    assert_eq!(health.ready(), report(true, vec![]));
    alarm.raise("refused");
    let shown = Report {
        alarms: vec![entry("token", Some("refused"))],
        ..report(true, vec![])
    };
    assert_eq!(health.ready(), shown);
    let text = serde_json::to_string(&shown).unwrap();
    assert!(text.contains(r#""alarms":[{"name":"token","ok":false,"reason":"refused"}]"#));
    alarm.clone().clear();
    assert_eq!(health.ready(), report(true, vec![]));
    let text = serde_json::to_string(&health.ready()).unwrap();
    assert!(!text.contains("alarms"), "{text}");
    alarm.raise("refused");
    drop(alarm);
    assert_eq!(health.ready(), report(true, vec![]));
}

#[test]
fn ready_means_every_check_is_ok() {
    let health = Health::new(Clock::manual(0).0, CancellationToken::new());
    assert_eq!(health.ready(), report(true, vec![]));
    let (store, kafka) = (health.check("store"), health.check("kafka"));
    store.ok();
    let checks = vec![entry("kafka", Some("starting")), entry("store", None)];
    assert_eq!(health.ready(), report(false, checks));
    kafka.ok();
    assert!(health.ready().ok);
    kafka.clone().failing("no broker answers");
    let checks = vec![
        entry("kafka", Some("no broker answers")),
        entry("store", None),
    ];
    assert_eq!(health.ready(), report(false, checks));
    drop(kafka);
    assert_eq!(health.ready().checks, [entry("store", None)]);
}

#[test]
fn a_process_that_shuts_down_is_alive_and_not_ready() {
    let shutdown = CancellationToken::new();
    let health = Health::new(Clock::manual(0).0, shutdown.clone());
    shutdown.cancel();
    let checks = vec![entry("shutdown", Some("shutting down"))];
    assert_eq!(health.ready(), report(false, checks));
    assert!(health.live().ok);
}

#[test]
fn alive_means_every_heartbeat_turned_within_its_limit() {
    let (clock, hand) = Clock::manual(0);
    let health = Health::new(clock, CancellationToken::new());
    let beat = health.heartbeat("leader 0", Duration::from_secs(10));
    let other = health.heartbeat("leader 0", Duration::from_secs(60));
    hand.advance(Duration::from_secs(10));
    assert!(health.live().ok);
    hand.advance(Duration::from_secs(1));
    let late = entry("leader 0", Some("last turned 11s ago, limit 10s"));
    let checks = vec![late, entry("leader 0", None)];
    assert_eq!(health.live(), report(false, checks));
    beat.turn();
    assert!(health.live().ok);
    drop((beat, other));
    hand.advance(Duration::from_secs(3600));
    assert_eq!(health.live(), report(true, vec![]));
}
