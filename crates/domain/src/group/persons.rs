//! Whom the registers of a group are about, and how that is shown: one person may be known by several identifiers.

use super::{Ask, AskDetail, Core, JoinRequest, Links, Participant, Presence, links::Number};
use crate::{
    ids::{Text, is_number},
    register::{Doubt, Register, Registers},
};

/// Members and open join requests as shown, and whether each of the two is in doubt.
#[derive(Debug, Default)]
pub(super) struct Persons {
    pub(super) participants: Vec<Participant>,
    pub(super) join_requests: Vec<JoinRequest>,
    pub(super) participants_doubt: bool,
    pub(super) join_requests_doubt: bool,
}

/// The registers of one person, joined of all identifiers.
#[derive(Debug)]
struct Person<'a> {
    id: &'a str,
    member: Option<Register<Presence>>,
    ask: Option<Register<Ask>>,
    detail: Option<&'a Register<AskDetail>>,
    label: Option<&'a Register<Text>>,
    parent: Option<&'a Register<Text>>,
    number: Option<Number<'a>>,
}

/// Tells who is in the group and who waits.
pub(super) fn persons(core: &Core) -> Persons {
    let links = Links::new(&core.is);
    let all = joined(core, links);
    let mut shown = Persons {
        participants: Vec::with_capacity(all.len()),
        ..Persons::default()
    };
    for person in &all {
        if person.member.as_ref().is_some_and(|member| member.doubt) {
            shown.participants_doubt = true;
        }
        if person.is_member() {
            shown.participants.push(person.show());
        } else {
            wait(&mut shown, person, &all);
        }
    }
    shown.participants_doubt |= core.is.iter().any(|(_, link)| link.doubt)
        || may_be_one_person(core, links, &shown.participants);
    shown
}

/// Shows the open ask of a non-member, once per join request: its id is of one person and one group (reference §6.1).
fn wait(shown: &mut Persons, person: &Person<'_>, all: &[Person<'_>]) {
    let Some(mut ask) = person.ask.clone() else {
        return;
    };
    let detail = person.detail.map(|detail| &detail.value);
    if let Some(detail) = detail.filter(|_| ask.value == Ask::Open || ask.doubt) {
        let id = &detail.join_request_id;
        for other in all.iter().filter(|other| other.asked_by(id)) {
            if other.is_member() {
                return;
            }
            if let Some(other) = &other.ask {
                ask.merge(other.clone(), Doubt::Kept);
            }
        }
    }
    shown.join_requests_doubt |= ask.doubt;
    if ask.value == Ask::Closed {
        return;
    }
    let is_nobody = detail.is_some_and(|detail| detail.join_request_id == person.id);
    let asking = if is_nobody {
        Participant::default()
    } else {
        person.show()
    };
    let join_request_id = detail.map(|detail| &detail.join_request_id);
    let same = shown
        .join_requests
        .iter_mut()
        .find(|held| join_request_id.is_some() && held.join_request_id.as_ref() == join_request_id);
    match same {
        Some(held) => fill(&mut held.person, asking),
        None => shown.join_requests.push(JoinRequest {
            join_request_id: join_request_id.cloned(),
            person: asking,
            requested_at: detail.map(|detail| detail.created),
        }),
    }
}

/// Adds what is said of a person under another identifier and was not known.
fn fill(held: &mut Participant, other: Participant) {
    let Participant {
        wa_id,
        user_id,
        parent_user_id,
        username,
    } = other;
    for (held, other) in [
        (&mut held.wa_id, wa_id),
        (&mut held.user_id, user_id),
        (&mut held.parent_user_id, parent_user_id),
        (&mut held.username, username),
    ] {
        if held.is_none() {
            *held = other;
        }
    }
}

/// Could a number without a known user id, and a member without a known number, be one person?
fn may_be_one_person(core: &Core, links: Links<'_>, participants: &[Participant]) -> bool {
    participants.iter().any(|member| member.wa_id.is_none())
        && core
            .member
            .iter()
            .any(|(id, r)| r.stamp.at > core.roster && is_number(links.resolve(id)))
}

impl<'a> Person<'a> {
    fn new(id: &'a str) -> Self {
        Self {
            id,
            member: None,
            ask: None,
            detail: None,
            label: None,
            parent: None,
            number: None,
        }
    }

    fn is_member(&self) -> bool {
        let member = self.member.as_ref();
        member.is_some_and(|member| member.value == Presence::Present)
    }

    /// Is this who made the join request, or what was said of it without naming anybody?
    fn asked_by(&self, join_request_id: &str) -> bool {
        let detail = self.detail;
        self.id == join_request_id
            || detail.is_some_and(|detail| detail.value.join_request_id == join_request_id)
    }

    fn show(&self) -> Participant {
        let value = |register: Option<&Register<Text>>| register.map(|r| r.value.clone());
        let number = self.number.map(|(_, number)| number);
        let is_number = is_number(self.id);
        let asked = self
            .detail
            .filter(|_| !self.is_member())
            .map(|detail| &detail.value);
        Participant {
            wa_id: if is_number { Some(self.id) } else { number }.map(Text::new),
            user_id: (!is_number).then(|| Text::new(self.id)),
            parent_user_id: value(self.parent)
                .or_else(|| asked.and_then(|d| d.parent_user_id.clone())),
            username: value(self.label).or_else(|| asked.and_then(|d| d.username.clone())),
        }
    }
}

/// Everybody who may be shown, in order of the identifier that stands for each.
fn joined<'a>(core: &'a Core, links: Links<'a>) -> Vec<Person<'a>> {
    let mut all = Vec::with_capacity(core.member.len());
    each(&mut all, links, &core.member, |person, register| {
        join(&mut person.member, register);
    });
    // Those that are closed beyond doubt show nothing, alone or joined.
    if core
        .ask
        .iter()
        .any(|(_, r)| r.value == Ask::Open || r.doubt)
    {
        each(&mut all, links, &core.ask, |person, register| {
            join(&mut person.ask, register);
        });
        each(&mut all, links, &core.ask_detail, |person, register| {
            keep(&mut person.detail, register);
        });
    }
    each(&mut all, links, &core.label, |person, register| {
        keep(&mut person.label, register);
    });
    each(&mut all, links, &core.parent, |person, register| {
        keep(&mut person.parent, register);
    });
    let mut next = 0;
    for (person, number) in links.numbers() {
        if let Ok(place) = find(&all, next, person)
            && let Some(person) = all.get_mut(place)
        {
            person.number = person.number.max(Some(number));
            next = place + 1;
        }
    }
    all
}

/// Calls `take` for each register with the person it is about, who may be new.
fn each<'a, V: Ord>(
    all: &mut Vec<Person<'a>>,
    links: Links<'a>,
    registers: &'a Registers<V>,
    mut take: impl FnMut(&mut Person<'a>, &'a Register<V>),
) {
    // Mostly links lead from numbers, and all is kept under user ids.
    let stand_for_themselves = links.none_from(registers);
    let mut next = 0;
    for (id, register) in registers.iter() {
        let resolved = if stand_for_themselves {
            id
        } else {
            links.resolve(id)
        };
        let place = find(all, next, resolved).unwrap_or_else(|place| {
            all.insert(place, Person::new(resolved));
            place
        });
        if let Some(person) = all.get_mut(place) {
            take(person, register);
        }
        next = place + 1;
    }
}

/// Where a person is, or belongs; `next` is looked at first, for registers are in order of identifier, and mostly of the same ones.
fn find(all: &[Person<'_>], next: usize, id: &str) -> Result<usize, usize> {
    match all.get(next) {
        Some(person) if person.id == id => Ok(next),
        None if all.last().is_none_or(|last| last.id < id) => Err(all.len()),
        Some(_) | None => all.binary_search_by(|person| person.id.cmp(id)),
    }
}

fn join<V: Ord + Clone>(held: &mut Option<Register<V>>, other: &Register<V>) {
    match held {
        Some(held) => {
            held.merge(other.clone(), Doubt::Kept);
        }
        None => *held = Some(other.clone()),
    }
}

/// As [`join`], of registers that are never in doubt.
fn keep<'a, V: Ord>(held: &mut Option<&'a Register<V>>, other: &'a Register<V>) {
    if held.is_none_or(|held| other.stands_over(held)) {
        *held = Some(other);
    }
}
