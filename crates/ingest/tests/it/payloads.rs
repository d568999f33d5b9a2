//! Every payload of reference §2 and §3 gives exactly these records.

use std::{fs, path::Path};

use crate::service::{Service, show};

/// Each recorded body, posted to a fresh ingest, against its reviewed records.
#[tokio::test]
async fn recorded_bodies_become_exactly_these_records() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut names: Vec<String> = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(names.len() > 30, "{names:?}");
    for file in names {
        let body = fs::read_to_string(dir.join(&file)).unwrap();
        let service = Service::start().await;
        let seen = service.take(&body).await;
        let name = file.strip_suffix(".json").unwrap();
        insta::assert_snapshot!(name, show(&seen), name);
        for text in ["hello all", "just between us", "Rosa K", "changed from"] {
            assert!(!show(&seen).contains(text), "{name} keeps {text:?}");
        }
    }
}

#[tokio::test]
async fn items_are_counted_by_field_kind_and_outcome() {
    let service = Service::start().await;
    let body = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/{name}.json"));
        fs::read_to_string(path).unwrap()
    };
    for name in [
        "one_to_one",
        "user_actions",
        "statuses_aggregated",
        "settings_failed_by_flag",
    ] {
        service.take(&body(name)).await;
    }
    let metrics = service.metrics();
    for line in [
        r#"ingest_webhooks_total{method="POST",code="200"} 4"#,
        r#"ingest_items_total{field="messages",kind="one_to_one_message",outcome="dropped"} 1"#,
        r#"ingest_items_total{field="messages",kind="status_played",outcome="asserted"} 1"#,
        r#"ingest_items_total{field="group_settings_update",kind="group_settings_update",outcome="nothing"} 1"#,
        r#"ingest_dropped_total{kind="one_to_one_message"} 1"#,
        r#"ingest_dropped_total{kind="one_to_one_status"} 1"#,
        r#"ingest_dropped_total{kind="other_system"} 1"#,
        r#"ingest_dropped_total{kind="neither"} 1"#,
        "ingest_records_total 2",
        "ingest_append_seconds_count 1",
        "ingest_answer_seconds_count 4",
        "ingest_in_flight_requests_max 512",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    for personal in ["15550100042", "US.1000", "wamid", "rosa"] {
        assert!(!metrics.contains(personal), "{personal} is in the metrics");
    }
}

#[tokio::test]
async fn a_traceparent_goes_with_every_record_and_a_wrong_one_with_none() {
    let service = Service::start().await;
    let body = crate::service::groups(
        "group_participants_update",
        &[&crate::service::joined(1), "1"],
    );
    let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for (given, kept) in [
        (good, Some(good)),
        (
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            None,
        ),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", None),
        ("15550100042", None),
    ] {
        let before = service.seen().await.len();
        let request = service
            .request(body.clone())
            .header(
                "x-hub-signature-256",
                crate::service::sign(crate::service::SECRET, body.as_bytes()),
            )
            .header("traceparent", given);
        assert_eq!(crate::service::answer(request).await.status, 200);
        let seen = service.seen().await;
        let new: Vec<_> = seen.iter().skip(before).collect();
        assert_eq!(seen.len(), before + 2);
        assert_eq!(new.len(), 2);
        let with = seen
            .iter()
            .filter(|seen| seen.header("traceparent") == kept)
            .count();
        assert!(with >= 2);
        if kept.is_none() {
            assert!(
                seen.iter()
                    .all(|seen| seen.header("traceparent").is_none_or(|is| is == good))
            );
        }
    }
}
