//! What statuses make of a message.

use super::*;
use crate::{
    event::{Event, MessageEvent, MessageStatus, Person, Pricing as Said, Status},
    ids::GroupId,
    position::Envelope,
    testing::*,
};

fn status(at: Second, status: Status, recipient: Option<Person>) -> Event {
    told(at, status, recipient, Vec::new(), None)
}

fn told(
    at: Second,
    status: Status,
    recipient: Option<Person>,
    errors: Vec<MetaError>,
    pricing: Option<Said>,
) -> Event {
    let status = MessageStatus {
        status,
        group_id: None,
        recipient,
        errors,
        pricing,
    };
    of_message(at, MessageEvent::Status(status))
}

fn error(code: i64) -> MetaError {
    MetaError {
        code,
        ..MetaError::default()
    }
}

fn category(category: &str) -> Said {
    Said {
        category: some(category),
        ..Said::default()
    }
}

fn given(events: impl IntoIterator<Item = Event>) -> Message {
    let mut message = Message::default();
    for (offset, event) in (1..).zip(events) {
        message.apply(&message_id(), &event, position(offset));
    }
    message
}

fn only(message: &Message) -> RecipientView {
    let view = message.view();
    assert_eq!(view.recipients.len(), 1, "{view:?}");
    view.recipients.into_iter().next().unwrap()
}

#[test]
fn the_first_second_of_each_status_wins_in_any_order() {
    let expected = RecipientView {
        wa_id: some(N1),
        delivered_at: Some(10),
        read_at: Some(12),
        played_at: Some(13),
        ..RecipientView::default()
    };
    let mut events = [
        status(13, Status::Played, Some(n(N1))),
        status(12, Status::Read, Some(n(N1))),
        status(11, Status::Delivered, Some(n(N1))),
        status(10, Status::Delivered, Some(n(N1))),
    ];
    assert_eq!(only(&given(events.clone())), expected);
    events.reverse();
    assert_eq!(only(&given(events)), expected);
}

#[test]
fn sent_and_failed_without_a_participant_belong_to_the_message() {
    let view = given([
        told(
            9,
            Status::Sent,
            None,
            vec![],
            Some(category("group_utility")),
        ),
        told(12, Status::Failed, None, vec![error(2)], None),
        told(11, Status::Failed, None, vec![error(1)], None),
    ])
    .view();
    assert_eq!(view.sent_at, Some(9));
    let failure = Failure {
        at: 11,
        errors: vec![error(1)],
    };
    assert_eq!(view.failed, Some(failure));
    assert_eq!(view.pricing.unwrap().category, some("group_utility"));
    assert!(view.recipients.is_empty());
}

#[test]
fn failed_for_a_participant_belongs_to_that_recipient() {
    let message = given([
        told(11, Status::Failed, Some(n(N1)), vec![error(1)], None),
        told(11, Status::Failed, Some(n(N1)), vec![error(2)], None),
    ]);
    let failure = Failure {
        at: 11,
        errors: vec![error(2)],
    };
    assert_eq!(
        only(&message).failed,
        Some(failure),
        "the greater of one second"
    );
    assert_eq!(message.view().failed, None);
}

#[test]
fn sent_to_one_participant_is_accepted() {
    let message = given([
        status(11, Status::Sent, Some(n(N1))),
        status(10, Status::Sent, Some(n(N1))),
    ]);
    assert_eq!(message.core.recipients[0].1.sent, Some(10));
    assert_eq!(message.view().sent_at, Some(10));
    assert_eq!(message.core.sent, None);
}

#[test]
fn delivered_and_read_of_nobody_say_nothing() {
    let message = given([
        status(10, Status::Delivered, None),
        status(10, Status::Read, Some(nobody())),
    ]);
    assert_eq!(message, Message::default());
}

#[test]
fn of_a_price_each_field_keeps_the_value_of_the_greatest_second_and_then_the_greatest_value() {
    let said = |billable, kind: Option<&str>| Said {
        billable,
        kind: kind.map(Text::new),
        ..category("group_utility")
    };
    let mut events = vec![
        told(
            10,
            Status::Delivered,
            Some(n(N1)),
            vec![],
            Some(said(Some(true), Some("regular"))),
        ),
        told(
            11,
            Status::Read,
            Some(n(N1)),
            vec![],
            Some(said(Some(false), None)),
        ),
        told(
            11,
            Status::Read,
            Some(n(N1)),
            vec![],
            Some(category("marketing")),
        ),
    ];
    let expected = PricingView {
        category: some("marketing"),
        kind: some("regular"),
        billable: Some(false),
        ..PricingView::default()
    };
    assert_eq!(only(&given(events.clone())).pricing, Some(expected.clone()));
    events.reverse();
    assert_eq!(only(&given(events)).pricing, Some(expected));
}

#[test]
fn one_person_is_one_recipient() {
    let message = given([
        status(10, Status::Delivered, Some(n(N1))),
        status(12, Status::Read, Some(u(U1))),
        status(11, Status::Delivered, Some(nu(N1, U1))),
    ]);
    let expected = RecipientView {
        wa_id: some(N1),
        user_id: some(U1),
        delivered_at: Some(10),
        read_at: Some(12),
        ..RecipientView::default()
    };
    assert_eq!(only(&message), expected);
}

#[test]
fn what_one_person_costs_is_known_whichever_identifier_it_was_told_with() {
    let full = |at: Second, category: &str| {
        let said = Said {
            category: some(category),
            kind: some("regular"),
            model: some("PMP"),
            billable: Some(at > 11),
            origin: some("service"),
        };
        (at, said)
    };
    let priced = |person, (at, said): (Second, Said)| {
        told(at, Status::Delivered, Some(person), vec![], Some(said))
    };
    let expected = PricingView {
        category: some("group_service"),
        kind: some("regular"),
        model: some("PMP"),
        billable: Some(true),
        origin: some("service"),
    };
    let link = || status(20, Status::Read, Some(nu(N1, U1)));
    let (first, last) = (full(11, "group_utility"), full(12, "group_service"));
    for events in [
        vec![priced(n(N1), last.clone()), link()],
        vec![priced(u(U1), last.clone()), link()],
        vec![
            priced(n(N1), first.clone()),
            priced(u(U1), last.clone()),
            link(),
        ],
        vec![link(), priced(n(N1), last), priced(u(U1), first)],
    ] {
        assert_eq!(only(&given(events)).pricing, Some(expected.clone()));
    }
}

#[test]
fn the_group_and_the_number_are_known_from_any_status() {
    let mut event = with_metadata(status(10, Status::Delivered, Some(n(N1))));
    let About::Message(_, MessageEvent::Status(told)) = &mut event.about else {
        panic!("a status")
    };
    told.group_id = Some(GroupId::parse("g").unwrap());
    let view = given([event]).view();
    assert_eq!(view.group_id, some("g"));
    assert_eq!(view.phone_number_id, some("300000000000001"));
}

#[test]
fn recipients_are_bounded_and_those_held_go_on() {
    let limit = crate::limits::RECIPIENTS_MAX;
    let events = (0..limit + 5).map(|n| status(10, Status::Delivered, Some(u(&format!("US.{n}")))));
    let mut message = given(events);
    assert_eq!(message.core.recipients.len(), limit);
    let applied = message.apply(
        &message_id(),
        &status(11, Status::Read, Some(u("US.0"))),
        position(1_000_000),
    );
    assert!(matches!(applied, Applied::View { .. }));
}

#[test]
fn the_version_is_of_the_last_event_that_was_seen() {
    let mut message = Message::default();
    let mut apply = |offset, event: Event| message.apply(&message_id(), &event, position(offset));
    let seen = |previous: Option<i64>| Applied::View {
        previous_version: previous.map(position),
        changes: vec![],
    };
    let delivered = |at, person| with_metadata(status(at, Status::Delivered, Some(person)));
    assert_eq!(apply(1, delivered(10, n(N1))), seen(None));
    assert_eq!(apply(2, delivered(10, n(N1))), Applied::Unchanged);
    // The number's stamp is younger, and nothing else.
    assert_eq!(apply(3, delivered(11, n(N1))), Applied::Core);
    assert_eq!(apply(4, delivered(12, n(N2))), seen(Some(1)));
    assert_eq!(apply(4, delivered(9, n(N2))), Applied::Unchanged, "skipped");
    assert_eq!(apply(3, delivered(9, n(N2))), Applied::Unchanged, "skipped");
    // Now known with a user id.
    assert_eq!(apply(5, delivered(13, nu(N2, U2))), seen(Some(4)));
    assert_eq!(apply(6, delivered(14, nu(N2, U2))), Applied::Core);
    assert_eq!(
        apply(7, status(5, Status::Delivered, Some(n(N2)))),
        seen(Some(5))
    );
    let envelope = Envelope {
        position: position(7),
        version: Some(position(7)),
    };
    assert_eq!(message.envelope, envelope);
}

#[test]
fn an_event_about_another_message_changes_nothing() {
    let mut message = Message::default();
    let other = MessageId::parse("wamid.OTHER").unwrap();
    let event = status(10, Status::Sent, None);
    assert_eq!(
        message.apply(&other, &event, position(1)),
        Applied::Unchanged
    );
    assert_eq!(message, Message::default());
}

/// Statuses of every kind, of two persons with two identifiers each, that share seconds.
fn catalogue() -> Vec<Event> {
    let mut events = Vec::new();
    for at in [10, 11, 12] {
        for person in [n(N1), u(U1), nu(N1, U1), n(N2), nu(N2, U2)] {
            events.push(status(at, Status::Delivered, Some(person.clone())));
            if at > 10 {
                events.push(with_metadata(status(at, Status::Read, Some(person))));
            }
        }
        events.push(status(at, Status::Sent, None));
        events.push(status(at, Status::Sent, Some(n(N1))));
        events.push(status(at, Status::Played, Some(u(U1))));
    }
    let priced = |said: Said| {
        let (one, all) = (Some(nu(N1, U1)), None);
        [
            told(
                10,
                Status::Delivered,
                one.clone(),
                vec![],
                Some(said.clone()),
            ),
            told(10, Status::Sent, all, vec![], Some(said.clone())),
            told(11, Status::Read, one, vec![], Some(said)),
        ]
    };
    for name in ["marketing", "group_utility"] {
        events.extend(priced(category(name)));
    }
    events.extend(priced(Said {
        kind: some("regular"),
        model: some("PMP"),
        billable: Some(true),
        origin: some("group_utility"),
        ..Said::default()
    }));
    for (at, code) in [(10, 1), (10, 2), (11, 1)] {
        for person in [None, Some(u(U1)), Some(n(N1))] {
            events.push(told(at, Status::Failed, person, vec![error(code)], None));
        }
    }
    // A number that is given on, and one that leads elsewhere in the same second.
    events.push(status(11, Status::Delivered, Some(nu(N1, U2))));
    events.push(status(12, Status::Delivered, Some(nu(N2, U1))));
    events
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "the number of orders tried is part of the proof"
)]
fn any_order_of_statuses_with_duplicates_gives_the_same_core() {
    let catalogue = catalogue();
    let mut campaign = Campaign::new(|core: &mut Core, event| {
        let About::Message(_, what) = &event.about else {
            panic!("no message's event")
        };
        fold::fold(core, event, what).is_change()
    });
    let Covered { sets, orders, .. } = campaign.all(&catalogue, 4);
    println!(
        "messages: every set of up to 4 of {} events: {sets} sets, {orders} orders",
        catalogue.len()
    );
    assert!(sets >= 100_000, "{sets}");
    campaign.drawn(&catalogue, Rounds::new(20, 500));
    let larger = campaign.larger(&catalogue, Rounds::new(200, 500));
    let Covered { large, .. } = campaign.covered;
    println!("messages: {large} sets of 4 to 6 events, {larger} orders of larger ones");
}

#[test]
fn what_is_told_of_a_message_is_what_changed() {
    let catalogue = catalogue();
    let mut random = Random(7);
    for _ in 0..2_000 {
        let mut message = Message::default();
        for offset in 1..12 {
            let event = &catalogue[random.below(catalogue.len())];
            let before = message.clone();
            let applied = message.apply(&message_id(), event, position(offset));
            let is_seen = message.view() != before.view();
            match applied {
                Applied::Unchanged => assert_eq!(message, before),
                Applied::Core => assert!(!is_seen && message.core != before.core),
                Applied::View { .. } => {
                    assert!(is_seen, "{event:?} {before:?}");
                }
                Applied::Forgotten { .. } => panic!("messages lapse by retention"),
            }
        }
    }
}

/// What Meta tells of one message to a group of eight: one cannot be reached, one reads what was never told to be delivered,
/// one is known by number here and by user id there.
fn of_a_group_of_eight() -> Vec<Event> {
    let number = |n: i64| format!("1555010000{n}");
    let user = |n: i64| format!("US.{n}");
    let named = |n: i64| Some(nu(&number(n), &user(n)));
    let price = |category: &str, billable| Said {
        category: some(category),
        kind: some("regular"),
        model: some("PMP"),
        billable: Some(billable),
        origin: None,
    };
    let mut events = vec![with_metadata(told(
        100,
        Status::Sent,
        None,
        vec![],
        Some(price("group_utility", true)),
    ))];
    for n in 1..=6 {
        let said = Some(price("group_utility", true));
        events.push(told(100 + n, Status::Delivered, named(n), vec![], said));
    }
    // The same receipt as another POST tells it, later.
    events.push(status(109, Status::Delivered, named(1)));
    events.push(status(110, Status::Read, Some(n(&number(1)))));
    events.push(status(111, Status::Read, Some(u(&user(2)))));
    events.push(status(112, Status::Read, named(3)));
    events.push(status(113, Status::Played, named(3)));
    let said = Some(price("group_service", false));
    events.push(told(114, Status::Read, named(7), vec![], said));
    let errors = vec![error(131_026)];
    events.push(told(115, Status::Failed, named(8), errors, None));
    events
}

#[test]
fn a_message_to_a_group_of_eight_has_one_table_and_one_price_a_category_in_any_order() {
    let events = of_a_group_of_eight();
    let expected = given(events.clone());
    let view = expected.view();
    let times = |recipient: &RecipientView| {
        let failed = recipient.failed.as_ref().map(|failure| failure.at);
        (
            recipient.delivered_at,
            recipient.read_at,
            recipient.played_at,
            failed,
        )
    };
    let times: Vec<_> = view.recipients.iter().map(times).collect();
    let table = [
        (Some(101), Some(110), None, None),
        (Some(102), Some(111), None, None),
        (Some(103), Some(112), Some(113), None),
        (Some(104), None, None, None),
        (Some(105), None, None, None),
        (Some(106), None, None, None),
        (None, Some(114), None, None),
        (None, None, None, Some(115)),
    ];
    assert_eq!(times, table);
    let category = |recipient: &RecipientView| {
        let price = recipient.pricing.clone().unwrap_or_default();
        (price.category, price.billable)
    };
    let prices: Vec<_> = view.recipients.iter().map(category).collect();
    let utility = (some("group_utility"), Some(true));
    assert!(
        prices[..6].iter().all(|price| *price == utility),
        "{prices:?}"
    );
    assert_eq!(prices[6], (some("group_service"), Some(false)));
    assert_eq!(
        prices[7],
        (None, None),
        "what failed costs nothing of its own"
    );

    let mut random = Random(8);
    for _ in 0..20_000 {
        // Each once, and some again: Meta batches and repeats as it likes.
        let mut order = events.clone();
        for _ in 0..random.below(6) {
            order.push(events[random.below(events.len())].clone());
        }
        for place in (1..order.len()).rev() {
            order.swap(place, random.below(place + 1));
        }
        let found = given(order.clone());
        assert_eq!(found.core, expected.core, "{order:?}");
        assert_eq!(found.view(), view);
    }
}
