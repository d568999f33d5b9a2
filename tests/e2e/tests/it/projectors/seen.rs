//! What one instance has answered so far: no later answer may be older.

use std::collections::BTreeMap;

use domain::position::{Position, Stream};
use serde_json::Value;

/// The newest of everything that an instance has answered, over all its lives.
#[derive(Debug, Default)]
pub struct Seen {
    positions: BTreeMap<(Stream, u32), Position>,
    digests: BTreeMap<u32, Position>,
    entities: BTreeMap<String, [Position; 2]>,
}

impl Seen {
    /// Takes in the header of an answer; a line for each position that goes back.
    pub fn positions(&mut self, positions: &[Position]) -> Vec<String> {
        let mut older = Vec::new();
        for position in positions {
            let key = (position.stream, position.partition);
            let newest = self.positions.entry(key).or_insert(*position);
            older.extend(advance("Rollcall-Position", newest, *position));
        }
        older
    }

    /// Takes in a group or a message; a line for each of version and position that goes back.
    pub fn entity(&mut self, id: &str, entity: &Value) -> Vec<String> {
        let stamps = ["version", "position"].map(|name| entity[name].as_str().and_then(position));
        let [Some(version), Some(place)] = stamps else {
            return vec![format!("{id} has no version or no position")];
        };
        let newest = self
            .entities
            .entry(id.to_owned())
            .or_insert([version, place]);
        let older = [
            advance(&format!("version of {id}"), &mut newest[0], version),
            advance(&format!("position of {id}"), &mut newest[1], place),
        ];
        older.into_iter().flatten().collect()
    }

    /// Takes in that there is no such group or message; a line if there was.
    pub fn missing(&self, id: &str) -> Option<String> {
        let newest = self.entities.get(id)?;
        Some(format!("{id} is not found, and was seen at {}", newest[1]))
    }

    /// Takes in the position that a digest is of; a line if it goes back.
    pub fn digest(&mut self, position: Position) -> Option<String> {
        let newest = self.digests.entry(position.partition).or_insert(position);
        advance("position of a digest", newest, position)
    }
}

/// Keeps the newer; says so if the new one is older.
fn advance(what: &str, newest: &mut Position, position: Position) -> Option<String> {
    if newest.is_after(&position) {
        return Some(format!("{what} is {position} after {newest}"));
    }
    *newest = position;
    None
}

/// Reads a position; -1 is before the first event.
pub fn position(text: &str) -> Option<Position> {
    let before_first = text.strip_suffix("-1").filter(|rest| rest.ends_with(':'));
    let Some(rest) = before_first else {
        return Position::parse(text);
    };
    let first = Position::parse(&format!("{rest}0"))?;
    Some(Position {
        offset: -1,
        ..first
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Seen, position};

    #[test]
    fn an_answer_that_is_older_than_one_before_is_seen() {
        let mut seen = Seen::default();
        let at = |text: &str| position(text).unwrap();
        let group = |version: &str, position: &str| json!({"group_id": "A", "version": version, "position": position});
        let nothing = Vec::<String>::new();
        assert_eq!(seen.positions(&[at("1:0:-1"), at("r1:0:9")]), nothing);
        assert_eq!(seen.positions(&[at("1:0:8"), at("1:1:0")]), nothing);
        assert_eq!(
            seen.positions(&[at("1:0:7"), at("1:1:1")]),
            ["Rollcall-Position is 1:0:7 after 1:0:8"]
        );
        assert_eq!(seen.positions(&[at("1:0:-1")]).len(), 1);
        assert_eq!(seen.positions(&[at("2:0:3")]), nothing);

        assert_eq!(seen.missing("A"), None);
        assert_eq!(seen.entity("A", &group("1:0:3", "1:0:5")), nothing);
        assert_eq!(seen.entity("A", &group("1:0:3", "1:0:6")), nothing);
        assert_eq!(seen.entity("A", &group("1:0:2", "1:0:7")).len(), 1);
        assert_eq!(seen.entity("A", &group("1:0:3", "1:0:5")).len(), 1);
        assert_eq!(seen.entity("A", &json!({})).len(), 1);
        assert!(seen.missing("A").is_some());

        assert_eq!(seen.digest(at("1:0:3")), None);
        assert!(seen.digest(at("1:0:2")).is_some());
    }
}
