use prometheus_client::metrics::counter::Counter;

use super::*;

#[test]
fn the_process_describes_itself_with_names_that_prometheus_knows() {
    let metrics = Metrics::new();
    metrics.describe_process("ingest", "1.2.3");
    let text = metrics.encode();
    for line in [
        "rollcall_build_info{process=\"ingest\",version=\"1.2.3\"} 1",
        "# TYPE process_cpu_seconds counter",
        "# TYPE process_resident_memory_bytes gauge",
        "# TYPE process_open_fds gauge",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "{line} not in\n{text}"
        );
    }
    assert!(text.contains("\nprocess_cpu_seconds_total "), "{text}");
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn what_is_registered_through_one_handle_is_seen_through_another() {
    let metrics = Metrics::new();
    let counter = metrics.clone().register(|registry| {
        let counter: Counter = Counter::default();
        registry.register("cranks", "Turns", counter.clone());
        counter
    });
    counter.inc();
    assert!(metrics.encode().contains("\ncranks_total 1\n"));
}

#[test]
fn processor_time_and_memory_are_read_from_proc() {
    let stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 1 2 3 4 250 50 7 8 20 0 1 0";
    assert_eq!(parse_cpu_seconds(stat), Some(3.0));
    assert_eq!(parse_cpu_seconds("42 (a"), None);
    assert_eq!(
        parse_resident_bytes("Name:\tx\nVmRSS:\t   12 kB\n"),
        Some(12 * 1024)
    );
    assert_eq!(parse_resident_bytes("VmRSS: x kB"), None);
    assert!(resident_bytes().is_some_and(|bytes| bytes > 100_000));
    assert!(cpu_seconds().is_some());
}
