//! What is an identifier, and of what.

use super::*;

#[test]
fn an_identifier_is_not_empty_not_too_long_and_without_white_space() {
    assert_eq!(GroupId::parse(""), Err(Invalid::Empty));
    assert_eq!(GroupId::parse("a b"), Err(Invalid::Character));
    assert_eq!(GroupId::parse("a\n"), Err(Invalid::Character));
    let longest = "g".repeat(ID_BYTES_MAX);
    assert_eq!(GroupId::parse(&longest).unwrap().as_str(), longest);
    assert_eq!(
        GroupId::parse(&format!("{longest}g")),
        Err(Invalid::TooLong)
    );
}

#[test]
fn an_identifier_shows_as_its_text_does() {
    let id = GroupId::parse("Y2Fw").unwrap();
    assert_eq!(
        (format!("{id}"), format!("{id:?}")),
        ("Y2Fw".into(), "\"Y2Fw\"".into())
    );
}

#[test]
fn a_key_is_read_as_it_is_written() {
    let keys = ["g/Y2Fw/aQ==", "m/wamid.X", "n/300000000000001", "r/rq-1"];
    for key in keys {
        assert_eq!(Entity::from_key(key).unwrap().to_string(), key);
    }
    for other in ["p/3", "g/", "g", "", "x/1", "g/a b"] {
        assert_eq!(Entity::from_key(other), None, "{other}");
    }
}

#[test]
fn the_form_of_a_text_tells_what_it_identifies() {
    for id in ["US.1", "BR.abcDEF09"] {
        assert!(
            is_user_id(id) && !is_parent_user_id(id) && !is_number(id),
            "{id}"
        );
    }
    assert!(is_parent_user_id("US.ENT.1") && !is_user_id("US.ENT.1"));
    for id in [
        "", "US.", "us.1", "USA.1", "US.1-2", "US", "US.ENT.", "+1555", "15 55",
    ] {
        assert!(
            !is_user_id(id) && !is_parent_user_id(id) && !is_number(id),
            "{id}"
        );
    }
    assert!(is_user_id(&format!("US.{}", "a".repeat(128))));
    assert!(!is_user_id(&format!("US.{}", "a".repeat(129))));
    assert!(is_number("15550100001") && !is_user_id("15550100001"));
}

#[test]
fn digits_are_what_is_left_of_a_number_in_any_writing() {
    assert_eq!(digits("+1 (555) 010-0001"), "15550100001");
    assert_eq!(digits("15550100001"), "15550100001");
    assert_eq!(digits("none"), "");
}

#[test]
fn an_event_id_is_shown_as_hexadecimal() {
    let mut id = EventId::default();
    id.0[0] = 0xab;
    assert_eq!(id.to_string(), format!("ab{}", "0".repeat(30)));
    assert_eq!(format!("{id:?}"), id.to_string());
}
