//! CloudEvents headers.

use domain::event::GroupEvent;

use super::samples;
use crate::{
    headers::{self, Headers, Origin},
    topics::Topic,
};

fn text(headers: &Headers) -> Vec<String> {
    headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)))
        .collect()
}

#[test]
fn an_event_is_described_by_its_kind_and_named_by_its_id() {
    let headers = headers::event(Origin::Ingest, &samples::event(GroupEvent::Suspended(true)));
    assert_eq!(
        text(&headers),
        [
            "ce_specversion: 1.0",
            "ce_type: rollcall.v1.SuspensionChanged",
            "ce_source: /rollcall/ingest",
            "ce_id: 30313233343536373839616263646566",
            "ce_time: 2026-05-28T20:26:40Z",
            "content-type: application/protobuf",
        ]
    );
}

#[test]
fn states_changes_and_progress_are_named_by_key_and_position() {
    let position = samples::progress().position;
    let state = headers::state(Topic::Groups, b"g/1", &position, samples::CREATED);
    assert_eq!(
        text(&state)[1..4],
        [
            "ce_type: rollcall.v1.GroupRecord",
            "ce_source: /rollcall/projector",
            "ce_id: g/1@1:3:840"
        ]
    );

    let change = headers::change(&samples::number_change());
    assert_eq!(text(&change)[1], "ce_type: rollcall.v1.Change");
    assert_eq!(text(&change)[3], "ce_id: n/300000000000001@1:3:812");
    assert_eq!(text(&change)[4], "ce_time: 2026-05-28T20:28:20Z");

    let progress = headers::progress(Topic::Numbers, &samples::progress());
    assert_eq!(text(&progress)[1], "ce_type: rollcall.v1.NumberRecord");
    assert_eq!(text(&progress)[3], "ce_id: p/3@1:3:840@1780000000456");
    assert_eq!(text(&progress)[4], "ce_time: 2026-05-28T20:26:40Z");
}

#[test]
fn a_second_that_has_no_text_does_not_spoil_the_record() {
    let mut event = samples::event(GroupEvent::Deleted);
    event.at = i64::MAX;
    assert_eq!(
        text(&headers::event(Origin::Ingest, &event))[4],
        "ce_time: 1970-01-01T00:00:00Z"
    );
}
