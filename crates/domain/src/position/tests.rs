//! Text form and order of positions.

use super::*;

fn position(stream: Stream, generation: u32, partition: u32, offset: i64) -> Position {
    Position {
        stream,
        generation,
        partition,
        offset,
    }
}

#[test]
fn a_position_is_read_as_it_is_written() {
    let cases = [
        ("1:3:812", position(Stream::Events, 1, 3, 812)),
        ("r1:3:812", position(Stream::Receipts, 1, 3, 812)),
        ("0:0:0", position(Stream::Events, 0, 0, 0)),
    ];
    for (text, position) in cases {
        assert_eq!(Position::parse(text), Some(position));
        assert_eq!(position.to_string(), text);
    }
}

#[test]
fn anything_else_is_no_position() {
    let texts = [
        "",
        "1",
        "1:3",
        "1:3:812:4",
        "x1:3:812",
        "rr1:3:812",
        "1:3:-1",
        "-1:3:8",
        "+1:3:8",
        "1:3:+8",
        "1::8",
        " 1:3:8",
        "1:3:9223372036854775808",
        "4294967296:0:0",
    ];
    for text in texts {
        assert_eq!(Position::parse(text), None, "{text}");
    }
}

#[test]
fn positions_of_one_entity_compare_by_generation_and_then_offset() {
    let at = |generation, offset| position(Stream::Events, generation, 0, offset);
    assert!(at(1, 5).is_after(&at(1, 4)));
    assert!(!at(1, 5).is_after(&at(1, 5)));
    assert!(at(2, 0).is_after(&at(1, 5)));
    // After growth an entity may lie in another partition: that has no order.
    let moved = position(Stream::Events, 2, 7, 0);
    assert_eq!(moved.compare(&at(2, 0)), Ordering::Equal);
}
