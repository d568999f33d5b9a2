//! What lay in quarantine and is read again asserts what it would have asserted at first.

use ingest::{Lying, Replayed, Replayer, Window};

use crate::service::{GROUP, NOW, Seen, Service, groups};

const FIELD: &str = "group_participants_update";

fn joined_at(at: i64) -> String {
    format!(
        r#"{{"group_id":"{GROUP}","timestamp":"{at}","type":"group_participants_add","added_participants":[{{"wa_id":"15550100042"}}]}}"#
    )
}

fn lying(seen: &Seen) -> Lying<'_> {
    let header = |name: &str| {
        let mut headers = seen.headers.iter();
        let found = headers.find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    };
    Lying {
        value: &seen.value,
        reason: header("reason").unwrap(),
        field: header("field"),
        waba_id: header("waba_id"),
        phone_number_id: header("phone_number_id"),
        is_cut: header("cut_from_bytes").is_some(),
    }
}

async fn quarantined(service: &Service, body: &str) -> Seen {
    let taken = service.take(body).await;
    let mut lying = taken
        .into_iter()
        .filter(|seen| seen.topic == "quarantine.v1");
    let one = lying.next().unwrap();
    assert!(lying.next().is_none());
    one
}

#[tokio::test]
async fn an_item_that_is_read_again_becomes_the_event_that_it_would_have_been() {
    let service = Service::start().await;
    let old = NOW - 40 * 86_400;
    let seen = quarantined(&service, &groups(FIELD, &[&joined_at(old)])).await;
    let now_ms = NOW * 1000;
    let strict = Window {
        past: Some(30 * 86_400),
        future: 600,
    };
    let again = Replayer::new(&service.log, strict).await.unwrap();
    let replayed = again.replay(&lying(&seen), now_ms);
    let Replayed::Refused { reason, .. } = replayed else {
        panic!("{replayed:?}");
    };
    assert_eq!(reason.as_str(), "timestamp_behind");
    // Had it come in time, it would have been this.
    let in_time = again.replay(&lying(&seen), old * 1000);
    let wide = Replayer::new(
        &service.log,
        Window {
            past: None,
            future: 600,
        },
    );
    let late = wide.await.unwrap().replay(&lying(&seen), now_ms);
    let mut ids = Vec::new();
    for replayed in [in_time, late] {
        let Replayed::Asserted(batch, 1) = replayed else {
            panic!("{replayed:?}");
        };
        let before = service.seen().await.len();
        service.log.append(batch).await.unwrap();
        let after = service.seen().await;
        assert_eq!(after.len(), before + 1);
        let event = after
            .iter()
            .rfind(|seen| seen.topic == "events.v1")
            .unwrap()
            .event();
        assert_eq!(event.at, old);
        ids.push(event.id);
    }
    assert_eq!(ids[0], ids[1], "read twice it counts once");
    service.stop().await;
}

#[tokio::test]
async fn what_was_not_kept_whole_is_not_read_again() {
    let service = Service::start().await;
    let wide = Window {
        past: None,
        future: 600,
    };
    let replayer = Replayer::new(&service.log, wide).await.unwrap();
    let seen = quarantined(&service, &groups(FIELD, &[&joined_at(1)])).await;
    for (field, is_cut) in [
        (Some("messages"), false),
        (None, false),
        (Some(FIELD), true),
    ] {
        let lying = Lying {
            field,
            is_cut,
            ..lying(&seen)
        };
        let replayed = replayer.replay(&lying, NOW * 1000);
        assert!(
            matches!(replayed, Replayed::NotWhole(_)),
            "{field:?} {is_cut}: {replayed:?}"
        );
    }
    for value in [&b"no JSON"[..], b"{}]},\"x\":[{", b"[]", b"{}"] {
        let lying = Lying {
            value,
            ..lying(&seen)
        };
        let replayed = replayer.replay(&lying, NOW * 1000);
        assert!(matches!(replayed, Replayed::Refused { .. }), "{replayed:?}");
    }
    service.stop().await;
}
