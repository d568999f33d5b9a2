//! `changes.v1` as its consumers read it: by entity, once a version, each linked to the one before.

use std::collections::BTreeMap;

use domain::{ids::Entity, position::Position};
use wire::Change;

/// A link as far as the check needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    pub entity: Entity,
    pub version: Position,
    pub previous: Option<Position>,
    pub is_forgotten: bool,
}

impl Link {
    pub fn of(change: &Change) -> Self {
        Self {
            entity: change.entity(),
            version: change.version,
            previous: change.previous_version,
            is_forgotten: change.is_forgotten,
        }
    }
}

/// One line for each gap; a change may come again, with the same links.
pub fn gaps(links: &[Link]) -> Vec<String> {
    let mut gaps = Vec::new();
    let mut seen: BTreeMap<&Entity, Vec<&Link>> = BTreeMap::new();
    for link in links {
        let chain = seen.entry(&link.entity).or_default();
        let entity = &link.entity;
        if let Some(before) = chain.iter().find(|before| before.version == link.version) {
            if *before != link {
                gaps.push(format!("{entity}: {link:?} came before as {before:?}"));
            }
            continue;
        }
        let last = chain.last();
        let expected = last
            .filter(|last| !last.is_forgotten)
            .map(|last| last.version);
        if link.previous != expected {
            gaps.push(format!("{entity}: {link:?} follows {last:?}"));
        }
        if last.is_some_and(|last| !link.version.is_after(&last.version)) {
            gaps.push(format!("{entity}: {link:?} goes back behind {last:?}"));
        }
        chain.push(link);
    }
    gaps
}

#[cfg(test)]
mod tests {
    use domain::{ids::Entity, position::Position};

    use super::{Link, gaps};

    fn link(version: i64, previous: Option<i64>, is_forgotten: bool) -> Link {
        let position = |offset| Position {
            generation: 1,
            offset,
            ..Position::default()
        };
        Link {
            entity: Entity::from_key("g/A").unwrap(),
            version: position(version),
            previous: previous.map(position),
            is_forgotten,
        }
    }

    #[test]
    fn a_gap_in_a_chain_is_seen_and_a_repetition_is_none() {
        let whole = [
            link(3, None, false),
            link(5, Some(3), false),
            link(3, None, false),
            link(5, Some(3), false),
            link(9, Some(5), true),
            link(12, None, false),
        ];
        assert_eq!(gaps(&whole), Vec::<String>::new());
        let torn = [link(3, None, false), link(9, Some(5), false)];
        assert_eq!(gaps(&torn).len(), 1);
        let headless = [link(5, Some(3), false)];
        assert_eq!(gaps(&headless).len(), 1);
        let backwards = [link(5, None, false), link(3, Some(5), false)];
        assert_eq!(gaps(&backwards).len(), 1);
        let other = [
            link(3, None, false),
            link(5, Some(3), false),
            link(5, Some(4), false),
        ];
        assert_eq!(gaps(&other).len(), 1);
    }
}
