use std::collections::BTreeMap;

use super::{Digests, Topic, common, different, greatest};

fn held(positions: &[(&str, &str)]) -> BTreeMap<u32, super::Held> {
    let topic = |digest: &str| Topic {
        digest: digest.to_owned(),
        records: 1,
    };
    let held = positions
        .iter()
        .map(|(position, digest)| ((*position).to_owned(), (topic(digest), topic("0"))))
        .collect();
    BTreeMap::from([(3, held)])
}

#[test]
fn only_a_common_position_is_compared_and_of_several_the_last() {
    let first = held(&[("1:3:9", "a"), ("1:3:10", "b"), ("1:3:12", "c")]);
    let ahead = held(&[("1:3:11", "x"), ("1:3:13", "y")]);
    assert!(common(3, &[first.clone(), ahead]).is_none());
    let equal = held(&[("1:3:9", "z"), ("1:3:10", "b")]);
    let compared = common(3, &[first.clone(), equal]).unwrap();
    assert_eq!(
        (compared.position.as_str(), compared.is_equal),
        ("1:3:10", true)
    );
    let other = held(&[("1:3:12", "d")]);
    assert!(!common(3, &[first, other]).unwrap().is_equal);
}

#[test]
fn a_later_generation_is_greater_and_the_beginning_is_not_waited_for() {
    let positions =
        |texts: &[&str]| -> Vec<String> { texts.iter().map(|text| (*text).to_owned()).collect() };
    assert_eq!(
        greatest(&positions(&["1:0:900", "2:0:5"])).as_deref(),
        Some("2:0:5")
    );
    assert_eq!(greatest(&positions(&["2:0:-1", "1:0:7"])), None);
}

#[test]
fn what_differs_or_is_missing_on_one_side_is_named() {
    let digests = |entities: &str| -> Digests {
        serde_json::from_str(&format!(r#"{{"partitions":[],"entities":[{entities}]}}"#)).unwrap()
    };
    let first = digests(r#"{"key":"g/A","digest":"1"},{"key":"g/B","digest":"2"}"#);
    let second = digests(
        r#"{"key":"g/A","digest":"1"},{"key":"g/B","digest":"3"},{"key":"n/5","digest":"4"}"#,
    );
    let keys: Vec<String> = different(first, second).into_keys().collect();
    assert_eq!(keys, ["g/B", "n/5"]);
}
