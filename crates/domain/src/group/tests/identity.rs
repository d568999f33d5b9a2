//! One person under several identifiers: what links assert, how they are followed, and what is shown.

use super::scenario::*;
use crate::{
    event::Person,
    group::{Links, Named, named},
    ids::Text,
    limits::LINK_STEPS_MAX,
    register::{Doubt, Rank, Registers, Stamp},
    testing::*,
};

fn links(pairs: &[(&str, &str)]) -> Registers<Text> {
    let mut is = Registers::default();
    let stamp = Stamp {
        at: 1,
        rank: Rank::Statement,
        tie: crate::ids::EventId::default(),
    };
    for (from, to) in pairs {
        is.assert(from, stamp, Text::new(to), Doubt::Kept);
    }
    is
}

#[test]
fn a_person_is_keyed_by_the_user_id_and_else_by_the_digits_of_the_number() {
    let id = |person: &Person| named(person).id;
    assert_eq!(id(&nu(N1, U1)), some(U1));
    assert_eq!(id(&n("+1 555 010-0001")), some(N1));
    assert_eq!(id(&input("+1 (555) 010 0001")), some(N1));
    assert_eq!(id(&input(U1)), some(U1));
    assert_eq!(id(&nobody()), None);
    assert_eq!(id(&nu("", "")), None, "empty is absent");
    assert_eq!(id(&nu(N1, "")), some(N1));
    assert_eq!(id(&input("US.ENT.1")), None, "a parent identifies nobody");
    assert_eq!(id(&u("US.ENT.1")), None);
    assert_eq!(id(&u(N1)), None, "digits are no user id");
    assert_eq!(id(&n("no digits")), None);
}

#[test]
fn naming_two_identifiers_links_the_number_to_the_user_id() {
    let shown = |person: &Person| named(person).links;
    let link = |from: &str, to: &str| vec![(Text::new(from), Text::new(to))];
    assert_eq!(shown(&nu(N1, U1)), link(N1, U1));
    assert_eq!(shown(&n(N1)), vec![]);
    let dialled = |person: Person, input: &str| Person {
        input: some(input),
        ..person
    };
    assert_eq!(shown(&dialled(n(N1), N3)), link(N3, N1));
    assert_eq!(
        shown(&dialled(n(N1), "+1 555 010 0001")),
        vec![],
        "the same number"
    );
    assert_eq!(shown(&dialled(u(U1), N3)), link(N3, U1));
    assert_eq!(
        shown(&dialled(nu(N1, U1), N3)),
        [link(N3, N1), link(N1, U1)].concat()
    );
    assert_eq!(shown(&dialled(n(N1), U1)), link(N1, U1));
    assert_eq!(shown(&dialled(u(U1), U1)), vec![]);
}

#[test]
fn the_at_of_a_username_and_empty_names_are_left_out() {
    let person = |name: &str| Person {
        username: some(name),
        parent_user_id: some(""),
        ..n(N1)
    };
    let expected = |label: Option<Text>| Named {
        id: some(N1),
        label,
        ..Named::default()
    };
    assert_eq!(named(&person("@rosa.k")), expected(some("rosa.k")));
    assert_eq!(named(&person("rosa.k")), expected(some("rosa.k")));
    assert_eq!(named(&person("@")), expected(None));
    assert_eq!(named(&person("")), expected(None));
}

#[test]
fn no_link_leads_to_itself_or_from_a_user_id_to_a_number() {
    let count = |old: &[&str], new: &str| given([linked(10, old, new)]).group.core.is.len();
    assert_eq!(count(&[U1], U1), 0);
    assert_eq!(count(&[U1], N1), 0);
    assert_eq!(count(&[N1], N2), 1);
    assert_eq!(count(&[N1, U1], U2), 2);
}

#[test]
fn a_chain_is_followed_for_eight_steps() {
    let ids: Vec<String> = (0..=LINK_STEPS_MAX + 1)
        .map(|n| format!("US.c{n:02}"))
        .collect();
    let pairs: Vec<(&str, &str)> = ids
        .windows(2)
        .map(|pair| (pair[0].as_str(), pair[1].as_str()))
        .collect();
    let is = links(&pairs);
    assert_eq!(Links::new(&is).resolve("US.c00"), "US.c08");
    assert_eq!(Links::new(&is).resolve("US.c01"), "US.c09");
    assert_eq!(Links::new(&is).resolve("US.c05"), "US.c09");
    assert_eq!(Links::new(&is).resolve("US.other"), "US.other");
}

#[test]
fn a_cycle_ends_at_its_smallest_identifier() {
    for length in 2..=LINK_STEPS_MAX {
        let ids: Vec<String> = (0..length)
            .map(|n| format!("US.c{}", (n + 3) % length))
            .collect();
        let mut pairs: Vec<(&str, &str)> = ids
            .iter()
            .zip(ids.iter().cycle().skip(1))
            .map(|(from, to)| (from.as_str(), to.as_str()))
            .collect();
        if length < LINK_STEPS_MAX {
            pairs.push((N1, &ids[1]));
        }
        let is = links(&pairs);
        for (from, _) in &pairs {
            assert_eq!(
                Links::new(&is).resolve(from),
                "US.c0",
                "{length} from {from}"
            );
        }
    }
}

#[test]
fn registers_of_all_identifiers_of_a_person_are_merged() {
    // Known by number, then by user id; the link comes last.
    given([added(10, [n(N1)]), removed(11, [u(U1)])])
        .then("unconfirmed in[15550100001]")
        .when(linked(5, &[N1], U1))
        .then("unconfirmed");
    given([removed(10, [n(N1)]), added(11, [u(U1)])])
        .when(linked(5, &[N1], U1))
        .then("unconfirmed in[15550100001/US.1]");
}

#[test]
fn contradictions_across_identifiers_of_one_second_are_in_doubt() {
    given([
        added(10, [n(N1)]),
        removed(10, [u(U1)]),
        linked(5, &[N1], U1),
    ])
    .then("unconfirmed in[15550100001/US.1] doubt[participants]");
}

#[test]
fn nobody_is_shown_twice_under_two_linked_identifiers() {
    given([added(10, [n(N1)]), added(11, [u(U1)])])
        .then("unconfirmed in[15550100001 US.1] doubt[participants]")
        .when(wrote(12, nu(N1, U1)))
        .then("unconfirmed in[15550100001/US.1]");
}

#[test]
fn brazils_ninth_digit_does_not_make_two_of_one() {
    let (with_nine, without) = ("5511912345678", "551112345678");
    let answered = Person {
        input: some(with_nine),
        ..n(without)
    };
    // Added as dialled, then named with the number that WhatsApp knows.
    given([added(10, [input("+55 11 91234-5678")])])
        .then("unconfirmed in[5511912345678]")
        .when(added(11, [answered.clone()]))
        .then("unconfirmed in[551112345678]")
        .when(removed(12, [input("+55 11 91234-5678")]))
        .then("unconfirmed")
        .hinted(true);
    // One whose number stands for them, though only the other was ever a member.
    given([added(10, [input(with_nine)]), ask_closed(11, answered, J1)])
        .then("unconfirmed in[551112345678]");
}

#[test]
fn a_cycle_of_numbers_is_one_person_with_a_number() {
    given([
        added(10, [n(N1), n(N2)]),
        linked(11, &[N1], N2),
        linked(11, &[N2], N1),
    ])
    .then("unconfirmed in[15550100001]");
}

#[test]
fn of_several_numbers_the_one_with_the_youngest_link_is_shown_and_then_the_greatest() {
    given([added(10, [nu(N2, U1)]), wrote(11, nu(N1, U1))])
        .then("unconfirmed in[15550100001/US.1]");
    given([added(10, [nu(N1, U1)]), added(10, [nu(N2, U1)])])
        .then("unconfirmed in[15550100002/US.1]");
    // A younger stamp alone changes which.
    given([added(10, [nu(N1, U1)]), added(10, [nu(N2, U1)])])
        .when(wrote(11, nu(N1, U1)))
        .then("unconfirmed in[15550100001/US.1]");
}

#[test]
fn a_number_that_leads_to_another_number_is_not_shown() {
    given([added(10, [nu(N1, U1)]), linked(12, &[N2], N1)])
        .then("unconfirmed in[15550100001/US.1]");
}

#[test]
fn a_number_that_is_given_to_another_person_is_shown_with_that_one() {
    given([added(10, [nu(N1, U1)]), removed(11, [nu(N1, U1)])])
        .when(added(12, [nu(N1, U2)]))
        .then("unconfirmed in[15550100001/US.2]");
    // While both are in, the former owner is shown without a number.
    given([added(10, [nu(N1, U1)])])
        .when(added(12, [nu(N1, U2)]))
        .then("unconfirmed in[US.1 15550100001/US.2]");
}

#[test]
fn a_number_given_to_two_in_one_second_is_in_doubt() {
    given([added(10, [nu(N1, U1)]), added(10, [nu(N1, U2)])])
        .then("unconfirmed in[US.1 15550100001/US.2] doubt[participants]")
        .when(wrote(11, nu(N1, U1)))
        .then("unconfirmed in[15550100001/US.1 US.2]");
}

#[test]
fn an_identity_change_moves_a_member_to_the_new_identifier() {
    given([added(10, [nu(N1, U1)]), linked(20, &[N1, U1], U2)])
        .then("unconfirmed in[15550100001/US.2]")
        .when(removed(21, [u(U2)]))
        .then("unconfirmed");
}

#[test]
fn labels_follow_the_person_and_are_never_in_doubt() {
    let labelled = |person: Person, username: &str| Person {
        username: some(username),
        parent_user_id: some("US.ENT.1"),
        ..person
    };
    given([
        added(10, [labelled(n(N1), "@rosa")]),
        added(10, [labelled(n(N1), "rosa.k")]),
    ])
    .then("unconfirmed in[15550100001^US.ENT.1@rosa.k]")
    .when(wrote(11, nu(N1, U1)))
    .then("unconfirmed in[15550100001/US.1^US.ENT.1@rosa.k]")
    .when(wrote(12, labelled(u(U1), "@rk")))
    .then("unconfirmed in[15550100001/US.1^US.ENT.1@rk]")
    // A label under another identifier renewed to the same second wins by its bytes.
    .when(wrote(12, labelled(n(N1), "rosa")))
    .then("unconfirmed in[15550100001/US.1^US.ENT.1@rosa]");
}
