//! Everything that a projector answers, byte for byte.

use std::collections::BTreeMap;

use crate::{
    traffic::{NUMBER, escaped, group_id},
    world::Running,
};

/// Bodies and positions of all answers, by path.
pub(crate) type Answers = BTreeMap<String, String>;

/// Asks for everything, once all positions are reached.
pub(crate) async fn all(running: &Running, positions: &[String], groups: u64) -> Answers {
    let mut paths = vec![
        "/v1/groups?limit=1000".to_owned(),
        "/v1/groups?existence=active&limit=7".to_owned(),
        "/v1/groups?in_doubt=true&limit=1000".to_owned(),
        "/v1/groups?subject=rEpAiR%201&limit=1000".to_owned(),
        "/v1/numbers".to_owned(),
        format!("/v1/numbers/{NUMBER}"),
        "/v1/agreement".to_owned(),
        "/v1/digests".to_owned(),
        "/v1/digests?partition=0".to_owned(),
        "/v1/usage".to_owned(),
        format!("/v1/usage?phone_number_id={NUMBER}&day=2026-05-28"),
    ];
    for number in 0..groups {
        let id = escaped(&group_id(number));
        paths.push(format!("/v1/groups/{id}"));
        paths.push(format!("/v1/groups/{id}/changes?limit=1000"));
        paths.push(format!("/v1/groups/{id}/explain"));
        paths.push(format!("/v1/messages/wamid.{number}"));
    }
    for number in 0..20 {
        paths.push(format!("/v1/requests/rq-{number}"));
        paths.push(format!("/v1/requests/meta-{number}"));
    }
    let mut answers = Answers::new();
    for path in paths {
        let response = running.get_at(&path, positions).await;
        let status = response.status();
        assert!(status == 200 || status == 404, "{status} for {path}");
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        };
        let (position, lag) = (header("Rollcall-Position"), header("Rollcall-Lag-Records"));
        assert_eq!(lag, "0", "{path}");
        let body = response.text().await.unwrap();
        answers.insert(path, format!("{status} {position} {body}"));
    }
    answers
}

/// Fails with the first path that differs.
pub(crate) fn assert_same(expected: &Answers, found: &Answers, what: &str) {
    for (path, expected) in expected {
        assert_eq!(found.get(path), Some(expected), "{path} {what}");
    }
}
