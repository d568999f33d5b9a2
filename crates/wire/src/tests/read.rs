//! Bytes that nobody of ours wrote, or somebody newer: read without a panic, and told apart from what is wrong.

use domain::{
    event::{Event, GroupEvent},
    group::Group,
    limits::FOLD,
};
use proptest::{collection::vec, prelude::*};
use prost::Message as _;

use super::{samples, strategies};
use crate::{
    Decoded, Error, Record, decode_change, decode_event, decode_group, decode_message,
    decode_number, decode_progress, decode_request, encode_change, encode_event, encode_group,
    encode_message, encode_number, encode_progress, encode_request, peek, proto, topics,
};

/// A field of a number that nobody uses: `length` bytes of it.
fn unknown_field(length: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encoding::encode_key(
        15_000,
        prost::encoding::WireType::LengthDelimited,
        &mut bytes,
    );
    bytes.push(length);
    bytes.extend(std::iter::repeat_n(7, length.into()));
    bytes
}

/// The record of which the only field that is there, `field`, says one thing more: the parts of a message that comes twice are joined.
fn with_unknown_inside(mut bytes: Vec<u8>, field: u32) -> Vec<u8> {
    let inner = unknown_field(3);
    prost::encoding::encode_key(
        field,
        prost::encoding::WireType::LengthDelimited,
        &mut bytes,
    );
    prost::encoding::encode_varint(inner.len() as u64, &mut bytes);
    bytes.extend(inner);
    bytes
}

fn read_all(bytes: &[u8]) {
    let _ = decode_event(bytes);
    let _ = decode_change(bytes);
    let _ = decode_group(bytes);
    let _ = decode_message(bytes);
    let _ = decode_request(bytes);
    let _ = decode_number(bytes);
    let _ = decode_progress(bytes);
    let _ = peek(bytes);
    let _ = topics::parse_key(bytes);
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut bytes);
    bytes
}

proptest! {
    #[test]
    fn garbage_is_refused_and_never_panics(bytes in vec(any::<u8>(), 0..200)) {
        read_all(&bytes);
    }

    #[test]
    fn a_record_with_flipped_bits_never_panics(
        event in strategies::event(),
        group in strategies::group(),
        change in strategies::change(),
        flips in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let id = samples::group_id();
        let records = [
            written(|into| encode_event(&event, into)),
            written(|into| encode_group(&id, &group, into)),
            written(|into| encode_change(&change, into)),
        ];
        for mut bytes in records {
            for (place, with) in &flips {
                let place = place.index(bytes.len());
                bytes[place] ^= with;
            }
            read_all(&bytes);
        }
    }

    #[test]
    fn an_unknown_field_of_an_event_is_skipped(event in strategies::event(), length in 0..100_u8) {
        let mut bytes = written(|into| encode_event(&event, into));
        bytes.extend(unknown_field(length));
        prop_assert_eq!(decode_event(&bytes), Ok(Decoded::Known(event)));
    }

    #[test]
    fn an_unknown_field_of_a_change_is_skipped(change in strategies::change(), length in 0..100_u8) {
        let mut bytes = written(|into| encode_change(&change, into));
        bytes.extend(unknown_field(length));
        prop_assert_eq!(decode_change(&bytes), Ok(Decoded::Known(change)));
    }

    #[test]
    fn unknown_fields_of_states_are_skipped(
        group in strategies::group(),
        message in strategies::message(),
        request in strategies::request(),
        number in strategies::number(),
        progress in strategies::progress(),
    ) {
        let bytes = written(|into| encode_group(&samples::group_id(), &group, into));
        prop_assert_eq!(decode_group(&with_unknown_inside(bytes.clone(), 1)), decode_group(&bytes));
        let bytes = written(|into| encode_message(&samples::message_id(), &message, into));
        prop_assert_eq!(decode_message(&with_unknown_inside(bytes.clone(), 1)), decode_message(&bytes));
        let bytes = written(|into| encode_request(&samples::request_id(), &request, into));
        prop_assert_eq!(decode_request(&with_unknown_inside(bytes.clone(), 1)), decode_request(&bytes));
        let bytes = written(|into| encode_number(&samples::number_id(), &number, into));
        prop_assert_eq!(decode_number(&with_unknown_inside(bytes.clone(), 1)), decode_number(&bytes));
        let bytes = written(|into| encode_progress(&progress, into));
        prop_assert_eq!(decode_progress(&with_unknown_inside(bytes.clone(), 2)), decode_progress(&bytes));
    }
}

fn event_proto(event: &Event) -> proto::Event {
    proto::Event::decode(written(|into| encode_event(event, into)).as_slice()).unwrap()
}

fn group_proto(group: &Group) -> proto::GroupState {
    let bytes = written(|into| encode_group(&samples::group_id(), group, into));
    match proto::GroupRecord::decode(bytes.as_slice())
        .unwrap()
        .content
        .unwrap()
    {
        proto::group_record::Content::State(state) => state,
        proto::group_record::Content::Progress(_) => panic!("a state was written"),
    }
}

fn read_group(state: proto::GroupState) -> Result<Record<domain::ids::GroupId, Group>, Error> {
    let record = proto::GroupRecord {
        content: Some(proto::group_record::Content::State(state)),
    };
    decode_group(&record.encode_to_vec())
}

#[test]
fn an_event_of_an_unknown_kind_is_unknown_and_not_an_error() {
    let mut event = event_proto(&samples::event(GroupEvent::Deleted));
    event.kind = None;
    let mut bytes = event.encode_to_vec();
    assert_eq!(decode_event(&bytes), Ok(Decoded::Unknown));
    bytes.extend(unknown_field(9));
    assert_eq!(decode_event(&bytes), Ok(Decoded::Unknown));
}

#[test]
fn an_event_with_an_unknown_word_is_unknown_and_not_an_error() {
    let mut event = event_proto(&samples::event(GroupEvent::Deleted));
    event.source = 99;
    assert_eq!(decode_event(&event.encode_to_vec()), Ok(Decoded::Unknown));

    let mut event = event_proto(&samples::event(GroupEvent::Deleted));
    event.kind = Some(proto::event::Kind::GroupHinted(proto::GroupHinted {
        reason: 99,
    }));
    assert_eq!(decode_event(&event.encode_to_vec()), Ok(Decoded::Unknown));
}

#[test]
fn an_event_that_lacks_what_it_must_have_names_the_field() {
    let check = |spoil: fn(&mut proto::Event), field: &'static str| {
        let mut event = event_proto(&samples::event(GroupEvent::Deleted));
        spoil(&mut event);
        assert_eq!(
            decode_event(&event.encode_to_vec()),
            Err(Error::Missing { field })
        );
    };
    check(|event| event.event_id.clear(), "Event.event_id");
    check(|event| event.entity.clear(), "Event.entity");
    check(|event| event.source = 0, "Event.source");
    check(
        |event| {
            event.kind = Some(proto::event::Kind::GroupHinted(proto::GroupHinted {
                reason: 0,
            }))
        },
        "GroupHinted.reason",
    );
    check(
        |event| event.phone_number_id = Some(String::new()),
        "Event.phone_number_id",
    );
}

#[test]
fn an_event_whose_kind_is_about_something_else_is_invalid() {
    let mut event = event_proto(&samples::event(GroupEvent::Deleted));
    for entity in [
        "m/wamid.1",
        "r/rq-1",
        "n/300000000000001",
        "x/1",
        "g/",
        "p/1",
    ] {
        event.entity = entity.to_owned();
        let read = decode_event(&event.encode_to_vec());
        assert_eq!(
            read,
            Err(Error::Invalid {
                field: "Event.entity"
            }),
            "{entity}"
        );
    }
}

#[test]
fn an_error_shows_no_value_of_the_record() {
    let mut event = event_proto(&samples::event(GroupEvent::Deleted));
    event.entity = "g/with 15550100042".to_owned();
    let error = decode_event(&event.encode_to_vec()).unwrap_err();
    assert_eq!(error.to_string(), "field Event.entity is invalid");
    assert!(!format!("{error:?}").contains("15550100042"));
}

#[test]
fn a_state_of_a_later_fold_is_read_as_far_as_it_is_understood_and_says_so() {
    let mut state = group_proto(&samples::group());
    state.fold = FOLD + 1;
    state.exists.as_mut().unwrap().value = 99;
    state.member[0].stamp.as_mut().unwrap().rank = 99;
    let Ok(Record::State(stored)) = read_group(state) else {
        panic!("it is read")
    };
    assert_eq!(stored.fold, FOLD + 1);
    assert_eq!(stored.state.core.exists, None);
    assert_eq!(
        stored.state.core.member.len(),
        samples::group().core.member.len() - 1
    );
    assert_eq!(stored.state.core.subject, samples::group().core.subject);
}

#[test]
fn a_state_of_this_fold_with_an_unknown_word_is_invalid() {
    let mut state = group_proto(&samples::group());
    state.exists.as_mut().unwrap().value = 99;
    assert_eq!(
        read_group(state),
        Err(Error::Invalid {
            field: "ExistenceRegister.value"
        })
    );
}

#[test]
fn a_state_that_lacks_what_it_must_have_names_the_field() {
    let check = |spoil: fn(&mut proto::GroupState), field: &'static str| {
        let mut state = group_proto(&samples::group());
        spoil(&mut state);
        assert_eq!(read_group(state), Err(Error::Missing { field }));
    };
    check(|state| state.group_id.clear(), "GroupState.group_id");
    check(|state| state.position = None, "state.position");
    check(
        |state| state.subject.as_mut().unwrap().stamp = None,
        "register.stamp",
    );
    check(
        |state| state.member[0].stamp.as_mut().unwrap().tie.clear(),
        "Stamp.tie",
    );
    check(
        |state| state.member[0].stamp.as_mut().unwrap().rank = 0,
        "Stamp.rank",
    );
    check(|state| state.member[0].value = 0, "PresenceEntry.value");
}

#[test]
fn registers_that_come_in_another_order_are_the_same_state() {
    let mut state = group_proto(&samples::group());
    state.member.reverse();
    state.is.reverse();
    let Ok(Record::State(stored)) = read_group(state) else {
        panic!("it is read")
    };
    assert_eq!(stored.state, samples::group());
}

#[test]
fn a_record_with_neither_state_nor_progress_is_unknown() {
    for bytes in [Vec::new(), unknown_field(5)] {
        assert_eq!(decode_group(&bytes), Ok(Record::Unknown));
        assert_eq!(decode_message(&bytes), Ok(Record::Unknown));
        assert_eq!(decode_request(&bytes), Ok(Record::Unknown));
        assert_eq!(decode_number(&bytes), Ok(Record::Unknown));
        assert_eq!(peek(&bytes), Ok(None));
    }
}

#[test]
fn a_later_operation_is_another_one_and_its_outcome_is_kept() {
    let mut event = event_proto(&samples::completed());
    let Some(proto::event::Kind::RequestCompleted(completed)) = &mut event.kind else {
        panic!("it is completed")
    };
    completed.operation = 99;
    let read = decode_event(&event.encode_to_vec())
        .unwrap()
        .known()
        .unwrap();
    let domain::event::About::Request(
        _,
        domain::event::RequestEvent::Completed {
            operation, outcome, ..
        },
    ) = read.about
    else {
        panic!("it is completed");
    };
    assert_eq!(operation, domain::event::Operation::Other);
    assert_eq!(outcome, domain::event::Outcome::Failed);
}

#[test]
fn fields_of_a_change_that_are_not_known_are_left_out_and_the_others_are_kept() {
    let change = samples::group_change();
    let mut read =
        proto::Change::decode(written(|into| encode_change(&change, into)).as_slice()).unwrap();
    let Some(proto::change::What::Group(group)) = &mut read.what else {
        panic!("it is a group")
    };
    group
        .fields
        .insert(0, proto::GroupFieldChange { kind: None });
    let unknown = proto::TextChange {
        field: 99,
        before: None,
        after: None,
    };
    group.fields.push(proto::GroupFieldChange {
        kind: Some(proto::group_field_change::Kind::Text(unknown)),
    });
    assert_eq!(
        decode_change(&read.encode_to_vec()),
        Ok(Decoded::Known(change))
    );

    read.what = None;
    assert_eq!(decode_change(&read.encode_to_vec()), Ok(Decoded::Unknown));
}
