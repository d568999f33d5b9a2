//! Where a caller says it was: positions, event ids of a watch, and cursors, as the text of a stranger.
//!
//! Nothing here knows HTTP or the store, and whatever was written here is read here.

use std::collections::BTreeMap;

use domain::position::{Position, Stream};

/// A position in every partition of `events.v1`: what a watch stands at.
pub type Place = BTreeMap<u32, Position>;

/// What comes between the positions of a place, or of `Rollcall-At-Least`.
const BETWEEN: char = ',';

/// As [`Position::parse`], and the place before the first event, too: `1:3:-1`.
pub fn position(text: &str) -> Option<Position> {
    let before_first = text.strip_suffix("-1").filter(|rest| rest.ends_with(':'));
    let Some(rest) = before_first else {
        return Position::parse(text);
    };
    let position = Position::parse(&format!("{rest}0"))?;
    Some(Position {
        offset: -1,
        ..position
    })
}

/// One position, or several separated by commas; `None` if one of them is none.
pub fn positions(text: &str) -> Option<Vec<Position>> {
    text.split(BETWEEN)
        .map(|text| position(text.trim()))
        .collect()
}

/// The place that an event id names; `None` if it is none that [`event_id`] gave.
pub fn place(event_id: &str) -> Option<Place> {
    let mut place = Place::new();
    for position in positions(event_id)? {
        if position.stream != Stream::Events {
            return None;
        }
        place.insert(position.partition, position);
    }
    Some(place)
}

/// A place as the id of an event.
pub fn event_id(place: &Place) -> String {
    let mut id = String::new();
    for position in place.values() {
        if !id.is_empty() {
            id.push(BETWEEN);
        }
        id.push_str(&position.to_string());
    }
    id
}

/// A cursor for what comes after `item`.
pub fn cursor(item: &str) -> String {
    hex::encode(item)
}

/// What a cursor stands after; `None` if it is none that [`cursor`] gave.
pub fn after(cursor: &str) -> Option<String> {
    String::from_utf8(hex::decode(cursor).ok()?).ok()
}
