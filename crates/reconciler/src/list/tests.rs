use std::{collections::VecDeque, sync::Mutex};

use domain::{ids::GroupId, plan::Listed};

use super::*;
use crate::upstream::{Info, JoinRequestPage};

/// Answers with prepared pages, in order, whatever it is asked.
struct Pages(Mutex<VecDeque<Result<Page, Refused>>>, Load);

impl Read for Pages {
    async fn list(&self, _: &PhoneNumberId, _: Option<&str>) -> Answer<Page> {
        let result = self
            .0
            .lock()
            .unwrap()
            .pop_front()
            .unwrap_or(Err(Refused::Failed));
        Answer {
            t0: 1_000,
            load: self.1,
            result,
        }
    }

    async fn group(&self, _: &GroupId) -> Answer<Info> {
        unreachable!("a list pass reads no group")
    }

    async fn join_requests(&self, _: &GroupId, _: Option<&str>) -> Answer<JoinRequestPage> {
        unreachable!("a list pass reads no join requests")
    }
}

fn page(ids: &[&str], after: Option<&str>) -> Result<Page, Refused> {
    let groups = ids
        .iter()
        .map(|id| (GroupId::parse(id).unwrap(), Listed::default()))
        .collect();
    Ok(Page {
        groups,
        unreadable: 0,
        after: after.map(str::to_owned),
    })
}

async fn pass_over(pages: impl IntoIterator<Item = Result<Page, Refused>>) -> Passed {
    pass_at(Load::default(), pages).await
}

async fn pass_at(load: Load, pages: impl IntoIterator<Item = Result<Page, Refused>>) -> Passed {
    let pages = Pages(Mutex::new(pages.into_iter().collect()), load);
    pass(&pages, &PhoneNumberId::parse("1").unwrap(), || {}).await
}

#[tokio::test]
async fn all_pages_to_the_end_are_complete() {
    let passed = pass_over([page(&["a", "b"], Some("1")), page(&["c"], None)]).await;
    assert!(passed.listing.is_complete);
    assert_eq!(
        (
            passed.listing.groups.len(),
            passed.listing.pages,
            passed.calls
        ),
        (3, 2, 2)
    );
}

#[tokio::test]
async fn an_empty_account_is_complete() {
    assert!(pass_over([page(&[], None)]).await.listing.is_complete);
}

#[tokio::test]
async fn a_cursor_that_comes_twice_proves_nothing() {
    let passed = pass_over([
        page(&["a"], Some("1")),
        page(&["b"], Some("2")),
        page(&["c"], Some("1")),
    ])
    .await;
    assert_eq!(passed.unproven, Some("a cursor came twice"));
    assert!(!passed.listing.is_complete);
    assert_eq!(passed.listing.groups.len(), 3);
}

#[tokio::test]
async fn an_empty_page_before_the_end_proves_nothing() {
    let passed = pass_over([page(&["a"], Some("1")), page(&[], Some("2"))]).await;
    assert!(!passed.listing.is_complete);
}

#[tokio::test]
async fn an_item_that_cannot_be_read_proves_nothing() {
    let unreadable = Ok(Page {
        unreadable: 1,
        ..Page::default()
    });
    assert!(!pass_over([unreadable]).await.listing.is_complete);
}

#[tokio::test]
async fn a_refused_page_proves_nothing_and_says_so() {
    let passed = pass_over([page(&["a"], Some("1")), Err(Refused::Throttled)]).await;
    assert_eq!(passed.refused, Some(Refused::Throttled));
    assert!(!passed.listing.is_complete);
}

#[tokio::test]
async fn an_expired_cursor_starts_over() {
    let passed = pass_over([
        page(&["a"], Some("1")),
        Err(Refused::CursorExpired),
        page(&["a"], Some("3")),
        page(&["b"], None),
    ])
    .await;
    assert!(passed.listing.is_complete);
    assert_eq!(
        (passed.listing.pages, passed.calls, passed.starts),
        (2, 4, 2)
    );
}

#[tokio::test]
async fn cursors_that_keep_expiring_are_given_up() {
    let passed = pass_over((0..9).map(|_| Err(Refused::CursorExpired))).await;
    assert_eq!(
        (passed.refused, passed.calls),
        (Some(Refused::CursorExpired), 3)
    );
}

#[tokio::test]
async fn a_pass_stops_where_metas_limit_is_nearly_used_up_and_a_last_page_still_counts() {
    let load = Load {
        usage_percent: Some(95),
        retry_after: None,
    };
    let passed = pass_at(load, [page(&["a"], Some("1")), page(&["b"], None)]).await;
    assert_eq!((passed.calls, passed.listing.is_complete), (1, false));
    assert!(
        pass_at(load, [page(&["a"], None)])
            .await
            .listing
            .is_complete
    );
}
