//! Cursors: where a page ended, opaque to the caller.

use chassis::problem::Problem;

use super::bad;
use crate::limits::{PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX};

/// A cursor for what comes after `place`.
pub(super) fn encode(place: &str) -> String {
    hex::encode(place)
}

/// The place of a cursor that was given; 400 if it is none of ours.
pub(super) fn decode(cursor: Option<&str>) -> Result<Option<String>, Problem> {
    let Some(cursor) = cursor else {
        return Ok(None);
    };
    let place = hex::decode(cursor).ok();
    let place = place.and_then(|place| String::from_utf8(place).ok());
    match place {
        Some(place) => Ok(Some(place)),
        None => Err(bad("the cursor is not one that was given")),
    }
}

/// How many items were asked for; 400 if it is not 1 to [`PAGE_ITEMS_MAX`].
pub(super) fn limit(limit: Option<usize>) -> Result<usize, Problem> {
    match limit {
        None => Ok(PAGE_ITEMS_DEFAULT),
        Some(limit) if (1..=PAGE_ITEMS_MAX).contains(&limit) => Ok(limit),
        Some(_) => Err(bad("limit is 1 to 1000")),
    }
}
