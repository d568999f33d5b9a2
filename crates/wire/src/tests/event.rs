//! How events are named.

use domain::{event::GroupEvent, ids::Entity};

use super::samples;
use crate::{
    event_kind,
    id::{event_id, identify},
};

#[test]
fn an_event_is_named_by_everything_it_says_and_by_nothing_else() {
    let group = Entity::Group(samples::group_id());
    let name = event_id;
    let request = Entity::Request(samples::request_id());
    let same = || {
        name(
            b"{}",
            "group_participants_update",
            Some("1"),
            Some("2"),
            &group,
        )
    };
    assert_eq!(same(), same());
    let others = [
        name(
            b"{ }",
            "group_participants_update",
            Some("1"),
            Some("2"),
            &group,
        ),
        name(b"{}", "group_settings_update", Some("1"), Some("2"), &group),
        name(
            b"{}",
            "group_participants_update",
            Some("3"),
            Some("2"),
            &group,
        ),
        name(
            b"{}",
            "group_participants_update",
            Some("1"),
            Some("3"),
            &group,
        ),
        name(
            b"{}",
            "group_participants_update",
            Some("1"),
            Some("2"),
            &request,
        ),
        // Where one part ends and the next begins matters, and absent is not empty.
        name(
            b"{}g",
            "roup_participants_update",
            Some("1"),
            Some("2"),
            &group,
        ),
        name(
            b"{}",
            "group_participants_update",
            Some("12"),
            Some(""),
            &group,
        ),
        name(b"{}", "group_participants_update", Some("12"), None, &group),
        name(b"{}", "group_participants_update", None, Some("12"), &group),
        name(b"{}", "group_participants_update", None, None, &group),
    ];
    let mut all = vec![same()];
    all.extend(others);
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count);
}

#[test]
fn the_name_of_an_event_never_changes() {
    let group = Entity::from_key("g/1").unwrap();
    let id = event_id(
        br#"{"a":1}"#,
        "group_status_update",
        Some("200000000000001"),
        Some("300000000000001"),
        &group,
    );
    assert_eq!(id.to_string(), "72acfa6979950cf1ed233688c57057d0");
}

#[test]
fn an_event_of_our_own_is_named_by_what_it_says_and_not_by_a_former_name() {
    let mut event = samples::event(GroupEvent::Unlisted);
    identify(&mut event);
    let first = event.id;
    identify(&mut event);
    assert_eq!(event.id, first);
    event.at += 1;
    identify(&mut event);
    assert_ne!(event.id, first);
}

#[test]
fn a_kind_is_called_as_its_message_in_the_contract() {
    let names: Vec<&str> = samples::events()
        .iter()
        .map(|(_, event)| event_kind(event))
        .collect();
    let text = String::from_utf8_lossy(crate::DESCRIPTOR_SET).into_owned();
    for (file, name) in samples::events()
        .iter()
        .map(|(file, _)| file.replace('_', ""))
        .zip(names)
    {
        // A file may say more: what was added to a kind later is a sample of its own.
        assert!(file.starts_with(&name.to_lowercase()), "{name} in {file}");
        assert!(text.contains(name), "{name} is no message of the contract");
    }
}
