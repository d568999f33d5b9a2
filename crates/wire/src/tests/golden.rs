//! Bytes that were once stored are read for ever.
//!
//! `tests/data/<record>.hex` holds what was written when the kind was first released; the value stands in `samples`.
//! A file that is not there yet is written, and the test fails until somebody looked at it and put it under version control.
//! One that is there is never changed: bytes like it lie in somebody's topics.

use std::{fs, path::PathBuf};

use domain::limits::FOLD;

use super::samples;
use crate::{
    Change, Decoded, Record, Stored, decode_change, decode_event, decode_group, decode_message,
    decode_number, decode_progress, decode_request, encode_change, encode_event, encode_group,
    encode_message, encode_number, encode_progress, encode_request,
};

/// Compares with a file of golden text, `path` below this crate; writes it if it is not there.
pub(super) fn check_file(path: &str, text: &str) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    match fs::read_to_string(&file) {
        Ok(golden) => assert_eq!(text, golden, "{path}"),
        Err(_) => {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, text).unwrap();
            panic!("{path} was not there and is written now: look at it, and commit it");
        }
    }
}

/// The stored bytes, which must be those that are written today.
fn stored(name: &str, write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut bytes);
    let path = format!("tests/data/{name}.hex");
    let lines: Vec<String> = bytes.chunks(32).map(hex::encode).collect();
    check_file(&path, &(lines.join("\n") + "\n"));
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    let text: String = fs::read_to_string(file)
        .unwrap()
        .split_whitespace()
        .collect();
    hex::decode(text).unwrap()
}

#[test]
fn stored_events_of_every_kind_are_read_for_ever() {
    let events = samples::events();
    for (name, event) in &events {
        let bytes = stored(&format!("event.{name}"), |into| encode_event(event, into));
        assert_eq!(
            decode_event(&bytes),
            Ok(Decoded::Known(event.clone())),
            "{name}"
        );
    }
    let kinds: std::collections::BTreeSet<_> = events
        .iter()
        .map(|(_, event)| crate::event_kind(event))
        .collect();
    assert_eq!(kinds.len(), 31, "a kind is missing: {kinds:?}");
}

#[test]
fn stored_states_of_groups_are_read_for_ever() {
    let id = samples::group_id();
    for (name, group) in [
        ("group.full", samples::group()),
        ("group.hinted", samples::hinted_group()),
        ("group.deleted", samples::deleted_group()),
    ] {
        let bytes = stored(name, |into| encode_group(&id, &group, into));
        let state = Stored {
            fold: FOLD,
            id: id.clone(),
            state: group,
        };
        assert_eq!(decode_group(&bytes), Ok(Record::State(state)));
    }
}

#[test]
fn stored_states_of_messages_are_read_for_ever() {
    let (id, message) = (samples::message_id(), samples::message());
    let bytes = stored("message", |into| encode_message(&id, &message, into));
    assert_eq!(
        decode_message(&bytes),
        Ok(Record::State(Stored {
            fold: FOLD,
            id,
            state: message
        }))
    );
}

#[test]
fn stored_states_of_requests_are_read_for_ever() {
    for (name, request) in [
        ("request.ours", samples::request()),
        ("request.outcome", samples::outcome()),
        ("request.told", samples::told_request()),
    ] {
        let id = samples::request_id();
        let bytes = stored(name, |into| encode_request(&id, &request, into));
        assert_eq!(
            decode_request(&bytes),
            Ok(Record::State(Stored {
                fold: FOLD,
                id,
                state: request
            }))
        );
    }
}

#[test]
fn stored_states_of_numbers_are_read_for_ever() {
    let (id, number) = (samples::number_id(), samples::number());
    let bytes = stored("number", |into| encode_number(&id, &number, into));
    assert_eq!(
        decode_number(&bytes),
        Ok(Record::State(Stored {
            fold: FOLD,
            id,
            state: number
        }))
    );
}

#[test]
fn stored_progress_is_read_for_ever() {
    let progress = samples::progress();
    let bytes = stored("progress", |into| encode_progress(&progress, into));
    assert_eq!(decode_progress(&bytes), Ok(progress));
}

/// As it was written before progress told the end of the changes.
#[test]
fn progress_of_the_first_release_is_read_for_ever() {
    let text: String = include_str!("../../tests/data/progress.first.hex")
        .split_whitespace()
        .collect();
    let first = crate::Progress {
        changes_next: 0,
        ..samples::progress()
    };
    assert_eq!(decode_progress(&hex::decode(text).unwrap()), Ok(first));
}

#[test]
fn stored_changes_of_every_kind_are_read_for_ever() {
    let check = |name: &str, change: Change| {
        let bytes = stored(name, |into| encode_change(&change, into));
        assert_eq!(decode_change(&bytes), Ok(Decoded::Known(change)));
    };
    check("change.group", samples::group_change());
    check("change.request", samples::request_change());
    check("change.number", samples::number_change());
}
