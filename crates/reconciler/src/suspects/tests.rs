use super::*;

fn group() -> GroupId {
    GroupId::parse("g1").unwrap()
}

#[test]
fn unknown_once_confirms_nothing() {
    let mut suspects = Suspects::default();
    assert_eq!(
        suspects.unknown(&group(), 1_000, 300),
        Unknown::AskAgainAt(1_301)
    );
    assert_eq!(suspects.len(), 1);
}

#[test]
fn unknown_twice_within_the_lag_confirms_nothing() {
    let mut suspects = Suspects::default();
    suspects.unknown(&group(), 1_000, 300);
    assert_eq!(
        suspects.unknown(&group(), 1_300, 300),
        Unknown::AskAgainAt(1_301)
    );
    assert_eq!(suspects.due(1_300, 300).count(), 0);
}

#[test]
fn unknown_twice_with_the_lag_between_is_confirmed() {
    let mut suspects = Suspects::default();
    suspects.unknown(&group(), 1_000, 300);
    assert_eq!(suspects.due(1_301, 300).count(), 1);
    assert_eq!(suspects.unknown(&group(), 1_301, 300), Unknown::Confirmed);
}

#[test]
fn an_answer_in_between_starts_over() {
    let mut suspects = Suspects::default();
    suspects.unknown(&group(), 1_000, 300);
    suspects.clear(&group());
    assert_eq!(
        suspects.unknown(&group(), 1_400, 300),
        Unknown::AskAgainAt(1_701)
    );
}

#[test]
fn one_that_may_not_be_asserted_gone_is_not_asked_for_without_a_pause() {
    let mut suspects = Suspects::default();
    suspects.unknown(&group(), 1_000, 300);
    assert_eq!(suspects.unknown(&group(), 1_301, 300), Unknown::Confirmed);
    assert_eq!(suspects.due(1_601, 300).count(), 0);
    assert_eq!(suspects.due(1_602, 300).count(), 1);
    assert_eq!(suspects.since(&group()), Some(1_000));
}
