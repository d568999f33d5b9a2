//! What cannot be understood goes to quarantine by itself, and the rest of the POST goes on.

use crate::service::{GROUP, NOW, Seen, Service, envelope, groups, joined, messages, show};

const FIELD: &str = "group_participants_update";
const UNKNOWN: &str = "group_what_is_this_update";

/// Posts `bad` between two good items and gives what is in quarantine, and the hints.
async fn between_good(service: &Service, field: &str, bad: &str) -> (Vec<Seen>, Vec<Seen>) {
    let good = joined(1);
    let body = if field == FIELD {
        groups(field, &[&good, bad, &joined(2)])
    } else {
        let entry = |field: &str, item: &str| {
            format!(
                r#"{{"field":"{field}","value":{{"metadata":{{"phone_number_id":"300000000000001"}},"groups":[{item}]}}}}"#
            )
        };
        format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"200000000000001","changes":[{},{},{}]}}]}}"#,
            entry(FIELD, &good),
            entry(field, bad),
            entry(FIELD, &joined(2))
        )
    };
    let new = service.take(&body).await;
    let (quarantine, events): (Vec<_>, Vec<_>) = new
        .into_iter()
        .partition(|seen| seen.topic == "quarantine.v1");
    let (hints, events): (Vec<_>, Vec<_>) = events
        .into_iter()
        .partition(|seen| seen.text_of_kind().contains("Hinted"));
    assert_eq!(
        events.len(),
        2,
        "the good items around {bad}\n{}",
        show(&events)
    );
    (quarantine, hints)
}

impl Seen {
    fn text_of_kind(&self) -> String {
        format!("{:?}", self.event().about)
    }
}

fn item(members: &str) -> String {
    format!(r#"{{"group_id":"{GROUP}",{members}}}"#)
}

const ADDED: &str = r#""added_participants":[{"wa_id":"15550100042"}]"#;

/// Somebody joined at 1780000100, but for what is put in.
fn added(with: &str) -> String {
    item(&format!(
        r#""timestamp":"1780000100","type":"group_participants_add",{ADDED},{with}"#
    ))
}

/// Somebody joined at that second, as it is written.
fn added_at(timestamp: &str) -> String {
    item(&format!(
        r#""timestamp":{timestamp},"type":"group_participants_add",{ADDED}"#
    ))
}

/// An item of that type at 1780000100.
fn of_type(kind: &str, members: &str) -> String {
    item(&format!(
        r#""timestamp":"1780000100","type":"{kind}"{members}"#
    ))
}

async fn check(service: &Service, field: &str, bad: &str, reason: &str) {
    let (quarantine, hints) = between_good(service, field, bad).await;
    let [record] = quarantine.as_slice() else {
        panic!("{bad} gave {quarantine:?}");
    };
    assert_eq!(record.reason(), Some(reason), "{bad}");
    assert_eq!(record.key, format!("g/{GROUP}"), "{bad}");
    assert_eq!(record.header("field"), Some(field));
    assert_eq!(record.header("waba_id"), Some("200000000000001"));
    assert_eq!(record.header("phone_number_id"), Some("300000000000001"));
    assert!(record.header("detail").is_some_and(|text| !text.is_empty()));
    if field == UNKNOWN {
        assert!(!record.text().contains("15550100042"));
    } else {
        assert_eq!(record.text(), bad, "an item of a group field is kept whole");
    }
    let [hint] = hints.as_slice() else {
        panic!("{bad} hints {hints:?}");
    };
    assert_eq!(hint.key, format!("g/{GROUP}"));
    assert_eq!(hint.event().at, NOW, "{bad}");
}

#[tokio::test]
async fn an_item_that_cannot_be_trusted_or_read_is_kept_whole_with_its_reason_and_a_hint() {
    let service = Service::start().await;
    let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
    for (bad, reason) in [
        (added(&format!(r#""x":{deep}"#)), "too_deep"),
        (added(r#""type":"group_delete""#), "duplicate_key"),
        (added(r#""x":{"a":1,"\u0061":2}"#), "duplicate_key"),
        (added(r#""reason":"\ud83d""#), "unpaired_surrogate"),
        (added(r#""errors":"all""#), "wrong_type"),
        (added_at(r#""99999999999999999999999""#), "wrong_type"),
        (added_at("99999999999999999999999"), "wrong_type"),
        (added_at("1e9"), "wrong_type"),
        (added_at("null"), "no_timestamp"),
        (added(r#""request_id":"a b""#), "invalid_id"),
    ] {
        check(&service, FIELD, &bad, reason).await;
    }
}

#[tokio::test]
async fn an_item_that_says_nothing_certain_is_kept_whole_with_its_reason_and_a_hint() {
    let service = Service::start().await;
    let settings = "group_settings_update";
    let by_parent = r#","added_participants":[{"wa_id":"","parent_user_id":"US.ENT.1"}]"#;
    let members = &format!(",{ADDED}");
    let removed = r#","removed_participants":[{"wa_id":"15550100042"}]"#;
    let no_one = r#","added_participants":[]"#;
    for (field, bad, reason) in [
        (FIELD, of_type("group_promoted", members), "unknown_type"),
        (
            FIELD,
            item(&format!(r#""timestamp":"1780000100",{ADDED}"#)),
            "unknown_type",
        ),
        (
            UNKNOWN,
            of_type("group_participants_add", members),
            "unknown_field",
        ),
        (FIELD, of_type("group_create", removed), "disagreement"),
        (
            FIELD,
            of_type("group_participants_remove", members),
            "disagreement",
        ),
        (
            "group_status_update",
            of_type("group_participants_add", members),
            "disagreement",
        ),
        (
            FIELD,
            of_type("group_participants_add", no_one),
            "nobody_named",
        ),
        (
            FIELD,
            of_type("group_participants_add", by_parent),
            "nobody_named",
        ),
        (
            FIELD,
            of_type("group_participants_remove", ""),
            "nobody_named",
        ),
        (
            FIELD,
            of_type("group_join_request_created", ""),
            "nobody_named",
        ),
        (settings, of_type(settings, ""), "nothing_said"),
    ] {
        check(&service, field, &bad, reason).await;
    }
    let metrics = service.metrics();
    for line in [
        r#"ingest_quarantined_total{reason="disagreement"} 3"#,
        r#"ingest_items_total{field="unknown",kind="group_participants_add",outcome="quarantined"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}

#[tokio::test]
async fn a_stamp_outside_the_window_is_kept_whole_with_its_reason_and_a_hint_at_our_second() {
    let service = Service::start().await;
    for (at, reason) in [
        (NOW + 601, "timestamp_ahead"),
        (NOW * 1000, "timestamp_ahead"),
        (i64::MAX, "timestamp_ahead"),
        (NOW - 30 * 86_400 - 1, "timestamp_behind"),
        (0, "timestamp_behind"),
    ] {
        check(&service, FIELD, &added_at(&at.to_string()), reason).await;
    }
}

#[tokio::test]
async fn a_stamp_at_the_edge_of_the_window_is_taken() {
    let service = Service::start().await;
    for at in [NOW + 600, NOW - 30 * 86_400] {
        let item = joined(0).replace("1780000000", &at.to_string());
        let seen = service.take(&groups(FIELD, &[&item])).await;
        assert_eq!(seen[0].event().at, at);
    }
}

#[tokio::test]
async fn items_without_a_group_are_quarantined_without_a_hint() {
    let service = Service::start().await;
    let cases = [
        (FIELD, "1", "wrong_type", ""),
        (FIELD, "null", "wrong_type", ""),
        (
            FIELD,
            r#"{"timestamp":"1780000100","type":"group_participants_add","added_participants":[{"wa_id":"1"}]}"#,
            "no_group",
            "",
        ),
        (
            "group_lifecycle_update",
            r#"{"timestamp":"1780000100","type":"group_create","errors":[{}]}"#,
            "no_group_nor_request",
            "",
        ),
        (
            FIELD,
            r#"{"group_id":"a b","timestamp":"1780000100","type":"group_participants_add","added_participants":[{"wa_id":"1"}]}"#,
            "invalid_id",
            "",
        ),
    ];
    for (field, bad, reason, key) in cases {
        let (quarantine, hints) = between_good(&service, field, bad).await;
        assert_eq!((quarantine.len(), hints.len()), (1, 0), "{bad}");
        assert_eq!(quarantine[0].reason(), Some(reason), "{bad}");
        assert_eq!(quarantine[0].key, key);
        assert_eq!(quarantine[0].text(), bad);
    }
}

#[tokio::test]
async fn a_creation_that_succeeded_without_naming_the_group_settles_its_request_and_is_kept() {
    let service = Service::start().await;
    let item = r#"{"timestamp":"1780000100","type":"group_create","request_id":"0F1E","subject":"Repair"}"#;
    let seen = service
        .take(&groups("group_lifecycle_update", &[item]))
        .await;
    let [settled, kept] = seen.as_slice() else {
        panic!("{seen:?}");
    };
    assert_eq!(
        (settled.key.as_str(), kept.key.as_str()),
        ("r/0F1E", "r/0F1E")
    );
    assert_eq!(kept.reason(), Some("no_group"));
}

#[tokio::test]
async fn a_group_without_its_array_is_quarantined_and_hinted() {
    let service = Service::start().await;
    let value = format!(
        r#"{{"metadata":{{"phone_number_id":"300000000000001"}},"timestamp":"1780000100","group_id":"{GROUP}","type":"group_suspend"}}"#
    );
    let seen = service.take(&envelope("group_status_update", &value)).await;
    let keys: Vec<_> = seen
        .iter()
        .map(|seen| (seen.topic, seen.key.clone()))
        .collect();
    let key = format!("g/{GROUP}");
    assert_eq!(keys, [("events.v1", key.clone()), ("quarantine.v1", key)]);
    assert_eq!(seen[1].reason(), Some("no_groups"));
}

#[tokio::test]
async fn a_part_of_the_envelope_that_is_odd_does_not_cost_the_others() {
    let service = Service::start().await;
    let good = groups(FIELD, &[&joined(1)]);
    let entry = good
        .split_once("\"entry\":[")
        .unwrap()
        .1
        .strip_suffix("]}")
        .unwrap();
    for (odd, reason) in [
        ("1", "not_an_object"),
        ("[]", "not_an_object"),
        ("{}", "incomplete"),
        (r#"{"id":"1","changes":{}}"#, "not_an_array"),
        (r#"{"id":"1","id":"2","changes":[]}"#, "duplicate_key"),
        (
            r#"{"id":"1","changes":[{"field":"messages"}]}"#,
            "incomplete",
        ),
        (
            r#"{"id":"1","changes":[{"field":"messages","value":[]}]}"#,
            "not_an_object",
        ),
        (
            r#"{"id":"1","changes":[{"field":"messages","value":{"messages":"hello all"}}]}"#,
            "not_an_array",
        ),
        (
            r#"{"id":"1","changes":[{"field":"group_status_update","value":{"groups":[]}}]}"#,
            "empty",
        ),
    ] {
        let body = format!(r#"{{"object":"whatsapp_business_account","entry":[{odd},{entry}]}}"#);
        let before = service.seen().await.len();
        assert_eq!(service.post(body.as_bytes()).await.status, 200);
        let seen = service.seen().await;
        assert_eq!(seen.len(), before + 2, "{odd}");
        let last = seen.last().unwrap();
        assert_eq!(last.reason(), Some(reason), "{odd}");
        assert!(!last.text().contains("hello"), "{odd}");
    }
}

#[tokio::test]
async fn json_of_another_product_is_200_and_leaves_kind_and_size() {
    let service = Service::start().await;
    for (body, kind) in [
        (
            r#"{"object":"page","entry":[{"messaging":[{"message":{"text":"hello all"}}]}]}"#,
            "object",
        ),
        (r#"{"entry":[]}"#, "object"),
        (r#"["hello all"]"#, "array"),
        (r#""hello all""#, "string"),
        ("12345", "number"),
        ("null", "null"),
    ] {
        let seen = service.take(body).await;
        let [record] = seen.as_slice() else {
            panic!("{seen:?}");
        };
        assert_eq!((record.topic, record.key.as_str()), ("quarantine.v1", ""));
        assert_eq!(record.reason(), Some("not_whatsapp"));
        assert_eq!(
            record.text(),
            format!(r#"{{"kind":"{kind}","size":{}}}"#, body.len())
        );
    }
}

#[tokio::test]
async fn an_envelope_with_nothing_in_it_is_200_and_leaves_nothing() {
    let service = Service::start().await;
    let seen = service
        .take(r#"{"object":"whatsapp_business_account","entry":[]}"#)
        .await;
    assert_eq!(seen, vec![]);
}

#[tokio::test]
async fn a_thousand_items_with_one_bad_give_999_events_and_one_in_quarantine() {
    let service = Service::start().await;
    for bad in [0, 499, 999] {
        let mut items: Vec<String> = (0..1000).map(joined).collect();
        items[bad] = r#"{"type":{"x":1}}"#.to_owned();
        let items: Vec<&str> = items.iter().map(String::as_str).collect();
        let before = service.seen().await.len();
        assert_eq!(
            service.post(groups(FIELD, &items).as_bytes()).await.status,
            200
        );
        let seen = service.seen().await;
        assert_eq!(seen.len(), before + 1000);
        assert_eq!(seen.last().unwrap().text(), items[bad]);
    }
}

/// What somebody wrote, in every place where it has no business.
const TEXT: &str = "meet me at the old mill";

/// Messages to a group, each with something else that stops it, and the reason.
fn bad_messages() -> Vec<(String, &'static str)> {
    let from = r#""from":"15550100042""#;
    let to = format!(r#""group_id":"{GROUP}""#);
    let at = r#""timestamp":"1780000500""#;
    let body = format!(r#""text":{{"body":"{TEXT}"}}"#);
    let card = format!(
        r#""contacts":[{{"name":{{"formatted_name":"{TEXT}"}},"phones":[{{"wa_id":"15550100088"}}]}}]"#
    );
    let system =
        format!(r#""type":"system","system":{{"type":"user_changed_number","body":"{TEXT}"}}"#);
    let cases = [
        (
            format!(r#"{from},{to},"id":"wamid.A",{body}"#),
            "no_timestamp",
        ),
        (
            format!(r#"{from},{to},"id":"wamid.B",{at},"timestamp":"1",{body}"#),
            "duplicate_key",
        ),
        (
            format!(r#"{from},{to},"id":"wamid.C","timestamp":{{}},"{TEXT}":1"#),
            "wrong_type",
        ),
        (
            format!(r#""from":{{"name":"{TEXT}"}},{to},"id":"wamid.D",{at}"#),
            "wrong_type",
        ),
        (
            format!(r#""group_id":["{TEXT}"],"id":"wamid.E",{at}"#),
            "wrong_type",
        ),
        (
            format!(r#"{to},"id":"wamid.F",{at},{body}"#),
            "nobody_named",
        ),
        (
            format!(r#"{from},{to},"id":"{TEXT}","type":"{TEXT}","text":"\ud800""#),
            "unpaired_surrogate",
        ),
        (
            format!(r#"{from},{to},"id":"wamid.G",{card}"#),
            "no_timestamp",
        ),
        (
            format!(r#"{from},"id":"wamid.H",{at},{system}"#),
            "nobody_named",
        ),
    ];
    let object = |(members, reason)| (format!("{{{members}}}"), reason);
    cases.into_iter().map(object).collect()
}

#[tokio::test]
async fn what_people_wrote_is_in_no_record_whatever_is_wrong_with_the_item() {
    let service = Service::start().await;
    let (bad, mut reasons): (Vec<String>, Vec<&str>) = bad_messages().into_iter().unzip();
    let contacts = format!(
        r#""contacts":[{{"profile":{{"name":"{TEXT}"}},"wa_id":"15550100077"}},{{"profile":{{"name":"x"}},"wa_id":"15550100078"}}]"#
    );
    let status = format!(
        r#"{{"id":"wamid.S","status":"sent","recipient_type":"group","biz_opaque_callback_data":"{TEXT}"}}"#
    );
    reasons.push("no_timestamp");
    let bad = bad.join(",");
    let body = messages(&format!(
        r#"{contacts},"messages":[{bad}],"statuses":[{status}]"#
    ));
    let seen = service.take(&body).await;
    let quarantine = seen.iter().filter(|seen| seen.topic == "quarantine.v1");
    let found: Vec<_> = quarantine.map(|seen| seen.reason().unwrap()).collect();
    assert_eq!(found, reasons);
    for record in &seen {
        let value = String::from_utf8_lossy(&record.value);
        let everything = format!("{} {:?} {value}", record.key, record.headers);
        for kept in ["old mill", "15550100088", "15550100077"] {
            assert!(!everything.contains(kept), "{kept:?} is in {everything}");
        }
    }
}

#[tokio::test]
async fn a_status_in_quarantine_is_keyed_by_its_message_and_hints_at_no_group() {
    let service = Service::start().await;
    for (status, reason) in [
        (
            r#""status":"vanished","timestamp":"1780000600""#,
            "unknown_type",
        ),
        (r#""status":"read""#, "no_timestamp"),
        (
            r#""status":"read","timestamp":"1780000600000""#,
            "timestamp_ahead",
        ),
        (r#""timestamp":"1780000600""#, "missing"),
    ] {
        let body = messages(&format!(
            r#""statuses":[{{"id":"wamid.OUT1",{status},"recipient_id":"{GROUP}","recipient_type":"group","group_id":"{GROUP}"}}]"#
        ));
        let seen = service.take(&body).await;
        let [record] = seen.as_slice() else {
            panic!("{}", show(&seen));
        };
        assert_eq!(
            (record.topic, record.key.as_str()),
            ("quarantine.v1", "m/wamid.OUT1")
        );
        assert_eq!(record.reason(), Some(reason));
    }
}

#[tokio::test]
async fn an_event_too_large_for_the_log_is_kept_cut_and_the_rest_goes_on() {
    let service = Service::start().await;
    let subject = "ä".repeat(600_000);
    let large = item(&format!(
        r#""timestamp":"1780000100","type":"group_settings_update","group_subject":{{"text":"{subject}"}}"#
    ));
    let body = groups("group_settings_update", &[&large]);
    let seen = service.take(&body).await;
    let kept = seen
        .iter()
        .find(|seen| seen.topic == "quarantine.v1")
        .unwrap();
    assert_eq!(kept.reason(), Some("event_too_large"));
    assert_eq!(
        kept.header("cut_from_bytes"),
        Some(large.len().to_string().as_str())
    );
    assert!(large.starts_with(kept.text()) && kept.text().len() > 899_000);
    assert_eq!(
        service
            .post(groups(FIELD, &[&joined(1)]).as_bytes())
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn pieces_beyond_the_limit_are_counted_in_one_record() {
    let service = Service::start().await;
    let items = vec!["0"; ingest::limits::PIECES_MAX + 5];
    let seen = service.take(&groups(FIELD, &items)).await;
    assert_eq!(seen.len(), ingest::limits::PIECES_MAX + 1);
    let beyond: Vec<_> = seen
        .iter()
        .filter(|seen| seen.reason() == Some("too_many_pieces"))
        .collect();
    assert_eq!(beyond.len(), 1);
    assert_eq!(beyond[0].text(), r#"{"pieces":5}"#);
}

#[tokio::test]
async fn a_body_that_would_swell_in_the_log_is_read_until_that_shows() {
    let service = Service::start().await;
    // One long contact that a thousand statuses share.
    let name = "a".repeat(500_000);
    let contact = format!(r#"{{"wa_id":"15550100042","profile":{{"username":"{name}"}}}}"#);
    let status = format!(
        r#"{{"id":"wamid.OUT1","status":"read","timestamp":"1780000600","recipient_id":"{GROUP}","recipient_type":"group","recipient_participant_id":"15550100042"}}"#
    );
    let statuses = vec![status.as_str(); 1000].join(",");
    let seen = service
        .take(&messages(&format!(
            r#""contacts":[{contact}],"statuses":[{statuses}]"#
        )))
        .await;
    let bytes: usize = seen.iter().map(|seen| seen.value.len()).sum();
    assert!(
        bytes < ingest::limits::RECORDS_BYTES_MAX + 1_000_000,
        "{bytes}"
    );
    let last = seen.last().unwrap();
    assert_eq!(last.reason(), Some("too_many_pieces"));
    assert_eq!(
        last.text(),
        format!(r#"{{"pieces":{}}}"#, 1000 - (seen.len() - 1))
    );
}
