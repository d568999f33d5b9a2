//! A repeated delivery is the same event, however Meta batches and spells it.

use std::collections::BTreeSet;

use crate::service::{GROUP, Service, groups, joined, messages};

async fn ids(service: &Service, body: &str) -> BTreeSet<String> {
    let seen = service.take(body).await;
    let id = |seen: &crate::service::Seen| format!("{} {}", seen.key, seen.event().id);
    seen.iter().map(id).collect()
}

#[tokio::test]
async fn the_same_items_have_the_same_ids_alone_together_and_reordered() {
    let service = Service::start().await;
    let field = "group_participants_update";
    let items: Vec<String> = (0..5).map(joined).collect();
    let mut alone = BTreeSet::new();
    for item in &items {
        alone.extend(ids(&service, &groups(field, &[item])).await);
    }
    assert_eq!(alone.len(), 5);
    let mut all: Vec<&str> = items.iter().map(String::as_str).collect();
    assert_eq!(ids(&service, &groups(field, &all)).await, alone);
    all.reverse();
    assert_eq!(ids(&service, &groups(field, &all)).await, alone);
}

#[tokio::test]
async fn order_of_keys_numbers_in_quotes_spellings_and_unknown_fields_do_not_change_an_id() {
    let service = Service::start().await;
    let item = format!(
        r#"{{"timestamp":"1780000100","group_id":"{GROUP}","type":"group_participants_add","reason":"invite_link","added_participants":[{{"wa_id":"15550100042","user_id":"US.10000000000000000042","username":"@rosa.k"}}]}}"#
    );
    let other = format!(
        r#"{{"added_participants":[{{"username":"rosa.k","user_id":"US.10000000000000000042","wa_id":15550100042,"new_field":{{"a":[1]}}}}],
            "type":"group_add_participants", "reason":"invite_\u006cink","group_id":"{GROUP}","timestamp":1780000100}}"#
    );
    let first = ids(&service, &groups("group_participants_update", &[&item])).await;
    assert_eq!(
        ids(&service, &groups("group_participant_update", &[&other])).await,
        first
    );
    let changed = item.replace("1780000100", "1780000101");
    assert_ne!(
        ids(&service, &groups("group_participants_update", &[&changed])).await,
        first
    );
}

#[tokio::test]
async fn two_events_of_one_item_have_two_ids() {
    let service = Service::start().await;
    let item = format!(
        r#"{{"timestamp":"1780000000","group_id":"{GROUP}","type":"group_delete","request_id":"0F1E"}}"#
    );
    let seen = service
        .take(&groups("group_lifecycle_update", &[&item]))
        .await;
    let keys: Vec<&str> = seen.iter().map(|seen| seen.key.as_str()).collect();
    assert_eq!(keys, ["r/0F1E", &format!("g/{GROUP}")]);
    assert_ne!(seen[0].event().id, seen[1].event().id);
    assert_eq!(
        seen[0].header("ce_id"),
        Some(seen[0].event().id.to_string().as_str())
    );
}

#[tokio::test]
async fn an_item_of_another_number_or_account_is_another_event() {
    let service = Service::start().await;
    let body = groups("group_participants_update", &[&joined(1)]);
    let first = ids(&service, &body).await;
    for (from, to) in [
        ("300000000000001", "300000000000002"),
        ("200000000000001", "200000000000002"),
    ] {
        assert_ne!(ids(&service, &body.replace(from, to)).await, first);
    }
}

#[tokio::test]
async fn a_hint_has_the_same_id_when_its_item_comes_again_and_another_than_its_events() {
    let service = Service::start().await;
    let item = joined(1).replace("group_participants_add", "group_what_else");
    let body = groups("group_participants_update", &[&item]);
    let first = service.take(&body).await;
    service.clock.advance(std::time::Duration::from_secs(60));
    let again = service.take(&body).await;
    let hint = |seen: &[crate::service::Seen]| {
        let events = seen.iter().filter(|seen| seen.topic == "events.v1");
        events.map(crate::service::Seen::event).next().unwrap()
    };
    assert_eq!(hint(&first).id, hint(&again).id);
    assert_eq!(hint(&again).at, hint(&first).at + 60);
    let sent_again = service
        .take(&groups("group_participants_update", &[&joined(1)]))
        .await;
    assert_ne!(sent_again[0].event().id, hint(&first).id);
}

#[tokio::test]
async fn a_persons_own_contact_is_part_of_the_item_and_the_others_are_not() {
    let service = Service::start().await;
    let status = format!(
        r#""statuses":[{{"id":"wamid.OUT1","status":"read","timestamp":"1780000600","recipient_id":"{GROUP}","recipient_type":"group","recipient_participant_id":"15550100042"}}]"#
    );
    let own = r#"{"wa_id":"15550100042","user_id":"US.10000000000000000042"}"#;
    let other = r#"{"wa_id":"15550100077","user_id":"US.10000000000000000077"}"#;
    let with = |contacts: &str| messages(&format!(r#""contacts":[{contacts}],{status}"#));
    let first = ids(&service, &with(own)).await;
    assert_eq!(ids(&service, &with(&format!("{other},{own}"))).await, first);
    assert_ne!(ids(&service, &with(other)).await, first);
}
