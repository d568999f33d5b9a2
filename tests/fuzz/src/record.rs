//! Records as they lie in a topic or the store: any bytes may be there.

use std::fmt::Debug;

use wire::{
    Decoded, Record, Stored, decode_change, decode_event, decode_group, decode_message,
    decode_number, decode_progress, decode_request, encode_change, encode_event, encode_group,
    encode_message, encode_number, encode_progress, encode_request, peek,
    topics::{self, Key},
};

/// Reads `bytes` as a record of every topic, and as a key.
///
/// # Panics
///
/// Where what was read is not written as what reads the same again, or where two ways to read the same disagree.
pub fn record(bytes: &[u8]) {
    if let Ok(Decoded::Known(event)) = decode_event(bytes) {
        let written = written(|into| encode_event(&event, into));
        assert_same(decode_event(&written), Decoded::Known(event));
    }
    if let Ok(Decoded::Known(change)) = decode_change(bytes) {
        let written = written(|into| encode_change(&change, into));
        assert_same(decode_change(&written), Decoded::Known(change));
    }
    state(bytes, decode_group, encode_group);
    state(bytes, decode_message, encode_message);
    state(bytes, decode_number, encode_number);
    state(bytes, decode_request, encode_request);
    if let Ok(progress) = decode_progress(bytes) {
        let written = written(|into| encode_progress(&progress, into));
        assert_same(decode_progress(&written), progress);
    }
    match topics::parse_key(bytes) {
        Some(Key::Entity(entity)) => assert_eq!(topics::key(&entity), bytes, "a key"),
        Some(Key::Progress(partition)) => {
            assert_eq!(topics::progress_key(partition), bytes, "a key")
        }
        None => {}
    }
}

type Decode<I, S> = fn(&[u8]) -> Result<Record<I, S>, wire::Error>;

fn state<I, S>(bytes: &[u8], decode: Decode<I, S>, encode: fn(&I, &S, &mut Vec<u8>))
where
    I: Debug + PartialEq,
    S: Debug + PartialEq,
{
    let Ok(Record::State(Stored { fold: _, id, state })) = decode(bytes) else {
        return;
    };
    assert!(
        matches!(peek(bytes), Ok(Some(_))),
        "a whole record has a head"
    );
    let written = written(|into| encode(&id, &state, into));
    match decode(&written) {
        Ok(Record::State(again)) => {
            assert_eq!(again.id, id);
            assert_eq!(again.state, state);
        }
        other => panic!("what was written reads as {other:?}"),
    }
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut bytes);
    bytes
}

fn assert_same<T: Debug + PartialEq>(read: Result<T, wire::Error>, expected: T) {
    match read {
        Ok(read) => assert_eq!(read, expected),
        Err(error) => panic!("what was written does not read: {error}"),
    }
}
