//! A pass over the list proves itself complete, or proves nothing of what it does not show.

use super::*;

/// A page: groups, items that could not be read, cursor.
type Page<'a> = (&'a [&'a str], u32, Option<&'a str>);

/// Reads these pages as long as any is asked for.
fn pass(pages: &[Page<'_>]) -> (Listing, Option<&'static str>) {
    let mut reading = Pages::begin();
    let mut turn = Turn::Ask(None);
    for (ids, unreadable, next) in pages {
        assert_ne!(turn, Turn::End);
        let groups = ids.iter().map(|name| (id(name), Listed::default()));
        turn = reading.page(1_000, groups, *unreadable, next.map(str::to_owned), false);
    }
    assert_eq!(turn, Turn::End);
    reading.finish()
}

#[test]
fn all_pages_to_the_end_are_complete_and_so_is_an_empty_account() {
    let (listing, unproven) = pass(&[(&["a", "b"], 0, Some("1")), (&["c"], 0, None)]);
    assert_eq!((listing.is_complete, unproven), (true, None));
    assert_eq!(
        (listing.groups.len(), listing.pages, listing.t0),
        (3, 2, 1_000)
    );
    assert!(pass(&[(&[], 0, None)]).0.is_complete);
}

#[test]
fn a_cursor_that_comes_twice_an_empty_page_before_the_end_and_an_item_that_cannot_be_read_prove_nothing()
 {
    for pages in [
        &[
            (&["a"][..], 0, Some("1")),
            (&["b"], 0, Some("2")),
            (&["c"], 0, Some("1")),
        ][..],
        &[(&["a"], 0, Some("1")), (&[], 0, Some("2"))],
        &[(&["a"], 1, None)],
    ] {
        let (listing, unproven) = pass(pages);
        assert!(!listing.is_complete && unproven.is_some());
        assert!(
            !listing.groups.is_empty(),
            "what was shown is alive all the same"
        );
    }
}

#[test]
fn an_expired_cursor_begins_again_and_not_for_ever() {
    let mut reading = Pages::begin();
    reading.page(
        1_000,
        [(id("a"), Listed::default())],
        0,
        Some("1".into()),
        false,
    );
    assert_eq!(reading.expired(), Turn::Ask(None));
    assert_eq!(reading.expired(), Turn::Ask(None));
    assert_eq!(reading.expired(), Turn::End);
    assert_eq!(reading.starts(), 3);
    let (listing, unproven) = reading.finish();
    assert!(!listing.is_complete && unproven.is_some());
}

#[test]
fn a_pass_stops_where_metas_limit_is_nearly_used_up_and_a_last_page_still_counts() {
    let mut reading = Pages::begin();
    let groups = [(id("a"), Listed::default())];
    let turn = reading.page(1_000, groups.clone(), 0, Some("1".into()), true);
    assert_eq!(turn, Turn::End);
    assert!(!reading.finish().0.is_complete);
    let mut reading = Pages::begin();
    reading.page(1_000, groups, 0, None, true);
    assert!(reading.finish().0.is_complete);
}

#[test]
fn a_pass_speaks_of_when_its_first_page_was_asked_for_and_is_over_with_its_last() {
    let mut reading = Pages::begin();
    for (t0, name, next) in [
        (1_000, "a", Some("1")),
        (1_010, "b", Some("2")),
        (1_020, "c", None),
    ] {
        let groups = [(id(name), Listed::default())];
        reading.page(t0, groups, 0, next.map(str::to_owned), false);
    }
    let (listing, _) = reading.finish();
    assert_eq!(
        (listing.t0, listing.ended, listing.pages),
        (1_000, 1_020, 3)
    );
}
