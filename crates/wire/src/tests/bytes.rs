//! Everything that can be written comes back the same, in the bytes that prost would write.

use domain::limits::FOLD;
use proptest::prelude::*;

use super::{samples, strategies};
use crate::{
    Decoded, Head, Record, Stored, decode_change, decode_event, decode_group, decode_message,
    decode_number, decode_progress, decode_request, encode_change, encode_event, encode_group,
    encode_message, encode_number, encode_progress, encode_request, peek, proto,
    state::{decode_any, read_ours},
};

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    // What stands in the vector before must not matter.
    let mut bytes = b"before".to_vec();
    write(&mut bytes);
    bytes.split_off(6)
}

/// Prost reads the bytes and writes them again: the same fields, in the same order, each length as short as can be.
fn check_canonical<M: prost::Message + Default>(bytes: &[u8]) {
    let read = M::decode(bytes).expect("prost reads what we write");
    assert_eq!(hex::encode(read.encode_to_vec()), hex::encode(bytes));
}

proptest! {
    #[test]
    fn any_event_comes_back_the_same(event in strategies::event()) {
        let bytes = written(|into| encode_event(&event, into));
        check_canonical::<proto::Event>(&bytes);
        prop_assert_eq!(decode_event(&bytes), Ok(Decoded::Known(event)));
    }

    #[test]
    fn any_group_comes_back_the_same(id in strategies::any_id(), group in strategies::group()) {
        let bytes = written(|into| encode_group(&id, &group, into));
        check_canonical::<proto::GroupRecord>(&bytes);
        prop_assert_eq!(peek(&bytes), Ok(Some(Head { fold: FOLD, envelope: group.envelope })));
        prop_assert_eq!(decode_group(&bytes), Ok(Record::State(Stored { fold: FOLD, id, state: group })));
    }

    #[test]
    fn any_group_that_we_wrote_is_read_where_it_lies(id in strategies::any_id(), group in strategies::group()) {
        let bytes = written(|into| encode_group(&id, &group, into));
        prop_assert_eq!(read_ours(&bytes), Some(Stored { fold: FOLD, id, state: group }));
    }

    #[test]
    fn what_is_read_where_it_lies_is_what_prost_reads(
        group in strategies::group(),
        place in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
        kind in 0..3,
    ) {
        let mut bytes = written(|into| encode_group(&samples::group_id(), &group, into));
        let place = place.index(bytes.len());
        match kind {
            0 => bytes[place] = byte,
            1 => bytes.truncate(place),
            _ => bytes.insert(place, byte),
        }
        if let Some(stored) = read_ours(&bytes) {
            prop_assert_eq!(decode_any(&bytes), Ok(Record::State(stored)));
        }
        prop_assert_eq!(decode_group(&bytes), decode_any(&bytes));
    }

    #[test]
    fn any_message_comes_back_the_same(id in strategies::any_id(), message in strategies::message()) {
        let bytes = written(|into| encode_message(&id, &message, into));
        check_canonical::<proto::MessageRecord>(&bytes);
        prop_assert_eq!(peek(&bytes), Ok(Some(Head { fold: FOLD, envelope: message.envelope })));
        prop_assert_eq!(decode_message(&bytes), Ok(Record::State(Stored { fold: FOLD, id, state: message })));
    }

    #[test]
    fn any_request_comes_back_the_same(id in strategies::any_id(), request in strategies::request()) {
        let bytes = written(|into| encode_request(&id, &request, into));
        check_canonical::<proto::RequestRecord>(&bytes);
        prop_assert_eq!(peek(&bytes), Ok(Some(Head { fold: FOLD, envelope: request.envelope })));
        prop_assert_eq!(decode_request(&bytes), Ok(Record::State(Stored { fold: FOLD, id, state: request })));
    }

    #[test]
    fn any_number_comes_back_the_same(id in strategies::any_id(), number in strategies::number()) {
        let bytes = written(|into| encode_number(&id, &number, into));
        check_canonical::<proto::NumberRecord>(&bytes);
        prop_assert_eq!(peek(&bytes), Ok(Some(Head { fold: FOLD, envelope: number.envelope })));
        prop_assert_eq!(decode_number(&bytes), Ok(Record::State(Stored { fold: FOLD, id, state: number })));
    }

    #[test]
    fn any_progress_comes_back_the_same_from_each_state_topic(progress in strategies::progress()) {
        let bytes = written(|into| encode_progress(&progress, into));
        check_canonical::<proto::GroupRecord>(&bytes);
        prop_assert_eq!(peek(&bytes), Ok(None));
        prop_assert_eq!(decode_progress(&bytes), Ok(progress.clone()));
        prop_assert_eq!(decode_group(&bytes), Ok(Record::Progress(progress.clone())));
        prop_assert_eq!(decode_message(&bytes), Ok(Record::Progress(progress.clone())));
        prop_assert_eq!(decode_request(&bytes), Ok(Record::Progress(progress.clone())));
        prop_assert_eq!(decode_number(&bytes), Ok(Record::Progress(progress)));
    }

    #[test]
    fn any_change_comes_back_the_same(change in strategies::change()) {
        let bytes = written(|into| encode_change(&change, into));
        check_canonical::<proto::Change>(&bytes);
        prop_assert_eq!(decode_change(&bytes), Ok(Decoded::Known(change)));
    }
}
