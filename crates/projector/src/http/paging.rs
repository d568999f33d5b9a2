//! Pages: how long one is, and where the next begins.

use chassis::problem::Problem;

use super::bad;
use crate::{
    limits::{PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX},
    place,
};

/// What a cursor that was given stands after; 400 if it is none of ours.
pub(super) fn after(cursor: Option<&str>) -> Result<Option<String>, Problem> {
    let Some(cursor) = cursor else {
        return Ok(None);
    };
    let after = place::after(cursor).ok_or_else(|| bad("the cursor is not one that was given"))?;
    Ok(Some(after))
}

/// How many items were asked for; 400 if it is not 1 to [`PAGE_ITEMS_MAX`].
pub(super) fn limit(limit: Option<usize>) -> Result<usize, Problem> {
    match limit {
        None => Ok(PAGE_ITEMS_DEFAULT),
        Some(limit) if (1..=PAGE_ITEMS_MAX).contains(&limit) => Ok(limit),
        Some(_) => Err(bad("limit is 1 to 1000")),
    }
}
