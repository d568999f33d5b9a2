//! What is true, and what Meta tells and answers of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use domain::{
    event::{
        About, Event, GroupCreated, GroupEvent, GroupRead, JoinRequest, NumberEvent, Person, Source,
    },
    ids::{EventId, GroupId, PersonId, PhoneNumberId, Second, Text},
    plan::Listed,
};

use crate::random::Random;

/// Seconds for which former states are kept: the API lags by less.
const KEPT: Second = 3_600;

/// A group as it is, from a second on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    /// The first second of which it holds.
    pub at: Second,
    /// Deleted?
    pub is_gone: bool,
    /// Counts renames.
    pub subject: u32,
    /// Counts descriptions.
    pub description: u32,
    /// Suspended?
    pub suspended: bool,
    /// Must one ask to join?
    pub by_approval: bool,
    /// Who is in.
    pub members: BTreeSet<u32>,
    /// Who waits, since when.
    pub waiting: BTreeMap<u32, Second>,
}

/// One group's history.
#[derive(Debug, Clone)]
pub struct Chronicle {
    /// Its id.
    pub group_id: GroupId,
    /// When it was created.
    pub created: Second,
    states: VecDeque<State>,
}

impl Chronicle {
    /// As it is now.
    pub fn now(&self) -> State {
        self.states.back().cloned().unwrap_or_default()
    }

    /// As it is now, to look at.
    pub fn last(&self) -> Option<&State> {
        self.states.back()
    }

    /// As it was at the end of a second; `None` before it was created.
    pub fn at(&self, second: Second) -> Option<&State> {
        if second < self.created {
            return None;
        }
        let states = self.states.iter().rev();
        let mut states = states.skip_while(|state| state.at > second);
        states.next().or(self.states.front())
    }

    fn become_(&mut self, state: State) {
        let at = state.at;
        self.states.push_back(state);
        while self.states.len() > 2 && self.states.get(1).is_some_and(|next| next.at < at - KEPT) {
            self.states.pop_front();
        }
    }
}

/// What somebody or Meta does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// A group is created.
    Create,
    /// It is deleted.
    Delete(usize),
    /// Its subject changes.
    Rename(usize),
    /// Its description changes.
    Describe(usize),
    /// Meta suspends it, or lifts that.
    Suspend(usize),
    /// Its approval mode changes, which no webhook tells.
    Approval(usize),
    /// Somebody joins, or asks to.
    Come(usize, u32),
    /// Somebody leaves, is removed, or no longer waits.
    Go(usize, u32),
    /// A member writes.
    Write(usize, u32),
    /// Somebody gets another number and user id.
    Move(u32),
}

/// What Meta tells of an act.
#[derive(Debug, Clone, Default)]
pub struct Telling {
    /// Webhooks, if any tells it.
    pub webhooks: Vec<Event>,
    /// Answers to calls of ours, which are never lost.
    pub answers: Vec<Event>,
}

/// WhatsApp.
#[derive(Debug, Clone)]
pub struct Meta {
    /// All groups there ever were.
    pub groups: Vec<Chronicle>,
    /// Where each stands in `groups`.
    pub index: BTreeMap<GroupId, usize>,
    /// Seconds at which each person's identity changed.
    moves: BTreeMap<u32, Vec<Second>>,
    /// Does the odd half of all people hide their numbers?
    pub hides: bool,
}

/// The number that all worlds are about.
pub fn number() -> PhoneNumberId {
    #[expect(
        clippy::expect_used,
        reason = "digits are the form of a phone number id"
    )]
    PhoneNumberId::parse("300000000000001").expect("digits")
}

/// A person's phone number.
pub fn phone(person: u32, identity: usize) -> String {
    format!("1555{person:07}{identity:02}")
}

/// A person's user id.
pub fn user_id(person: u32, identity: usize) -> String {
    format!("US.{person}.{identity:02}")
}

/// Meta gives the same id to the same person's asks.
fn join_request_id(person: u32) -> String {
    format!("J{person}")
}

/// An event of Meta's or ours, with an id of what it says.
pub fn event(at: Second, source: Source, about: About) -> Event {
    let mut event = Event {
        id: EventId::default(),
        at,
        source,
        phone_number_id: Some(number()),
        waba_id: None,
        about,
    };
    // FNV-1a over the debug text: no more is needed than that different contents differ.
    let text = format!("{:?}", (&event.at, &event.source, &event.about));
    let fnv = |basis: u64| {
        text.bytes().fold(basis, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    };
    let (high, low) = (fnv(0xcbf2_9ce4_8422_2325), fnv(0x9e37_79b9_7f4a_7c15));
    event.id = EventId((u128::from(high) << 64 | u128::from(low)).to_be_bytes());
    event
}

impl Meta {
    /// Nothing yet.
    pub fn new(hides: bool) -> Self {
        Self {
            groups: Vec::new(),
            index: BTreeMap::new(),
            moves: BTreeMap::new(),
            hides,
        }
    }

    /// How often a person's identity had changed at a second.
    pub fn identity(&self, person: u32, at: Second) -> usize {
        let moves = self.moves.get(&person);
        moves.map_or(0, |moves| {
            moves.iter().filter(|moved| **moved <= at).count()
        })
    }

    fn hides(&self, person: u32) -> bool {
        self.hides && person % 2 == 1
    }

    /// A webhook may name either identifier or both; who hides their number is named by the user id.
    fn named(&self, person: u32, at: Second, random: &mut Random) -> Person {
        let identity = self.identity(person, at);
        let mut named = Person::default();
        let choice = if self.hides(person) {
            1
        } else {
            random.below(6)
        };
        if choice != 0 {
            named.user_id = Some(Text::from(user_id(person, identity)));
        }
        if choice != 1 {
            named.wa_id = Some(Text::from(phone(person, identity)));
        }
        named
    }

    /// The API gives the user id always, and the number of whoever does not hide it every other time.
    fn api(&self, person: u32, at: Second, random: &mut Random) -> Person {
        let identity = self.identity(person, at);
        let shows = !self.hides(person) && random.below(2) == 0;
        Person {
            user_id: Some(Text::from(user_id(person, identity))),
            wa_id: shows.then(|| Text::from(phone(person, identity))),
            ..Person::default()
        }
    }

    /// Creates a group without telling anybody.
    pub fn create(&mut self, at: Second, state: State) -> usize {
        let place = self.groups.len();
        #[expect(clippy::expect_used, reason = "letters and digits are an id")]
        let group_id = GroupId::parse(&format!("g{place:07}")).expect("an id");
        self.index.insert(group_id.clone(), place);
        self.groups.push(Chronicle {
            group_id,
            created: at,
            states: VecDeque::from([State { at, ..state }]),
        });
        place
    }

    /// Does something, if it can be done; says what is told of it.
    pub fn act(&mut self, at: Second, act: Act, random: &mut Random) -> Option<Telling> {
        match act {
            Act::Create => {
                let state = State {
                    by_approval: random.below(5) == 0,
                    ..State::default()
                };
                let by_approval = state.by_approval;
                let place = self.create(at, state);
                let created = GroupCreated {
                    subject: Some(subject(place, 0)),
                    join_approval_mode: Some(approval(by_approval)),
                    ..GroupCreated::default()
                };
                Some(self.tell(place, at, GroupEvent::Created(created)))
            }
            Act::Move(person) => Some(self.change_number(person, at, random)),
            Act::Delete(place)
            | Act::Rename(place)
            | Act::Describe(place)
            | Act::Suspend(place)
            | Act::Approval(place)
            | Act::Come(place, _)
            | Act::Go(place, _)
            | Act::Write(place, _) => {
                let mut state = self.groups.get(place)?.now();
                if state.is_gone {
                    return None;
                }
                state.at = at;
                let telling = self.change(place, at, act, &mut state, random)?;
                self.groups.get_mut(place)?.become_(state);
                Some(telling)
            }
        }
    }

    fn change(
        &self,
        place: usize,
        at: Second,
        act: Act,
        state: &mut State,
        random: &mut Random,
    ) -> Option<Telling> {
        let what = match act {
            Act::Delete(_) => {
                state.is_gone = true;
                state.members.clear();
                state.waiting.clear();
                GroupEvent::Deleted
            }
            Act::Rename(_) => {
                state.subject += 1;
                GroupEvent::SettingsUpdated {
                    subject: Some(subject(place, state.subject)),
                    description: None,
                    picture_sha256: None,
                }
            }
            Act::Describe(_) => {
                state.description += 1;
                GroupEvent::SettingsUpdated {
                    subject: None,
                    description: Some(description(state.description)),
                    picture_sha256: None,
                }
            }
            Act::Suspend(_) => {
                state.suspended = !state.suspended;
                GroupEvent::Suspended(state.suspended)
            }
            // What becomes of those who wait nobody says, so it changes when nobody does.
            Act::Approval(_) if !state.waiting.is_empty() => return None,
            Act::Approval(_) => {
                state.by_approval = !state.by_approval;
                return Some(Telling::default());
            }
            Act::Write(_, person) => {
                if !state.members.contains(&person) {
                    return None;
                }
                let sender = self.named(person, at, random);
                GroupEvent::MessageReceived { sender }
            }
            Act::Come(_, person) => self.come(at, person, state, random)?,
            Act::Go(_, person) => return self.go(place, at, person, state, random),
            Act::Create | Act::Move(_) => return None,
        };
        Some(self.tell(place, at, what))
    }

    fn come(
        &self,
        at: Second,
        person: u32,
        state: &mut State,
        random: &mut Random,
    ) -> Option<GroupEvent> {
        if state.members.contains(&person) || state.members.len() >= 8 {
            return None;
        }
        let named = self.named(person, at, random);
        if state.by_approval && !state.waiting.contains_key(&person) {
            state.waiting.insert(person, at);
            return Some(GroupEvent::JoinRequestCreated {
                person: named,
                join_request_id: Some(Text::from(join_request_id(person))),
            });
        }
        state.waiting.remove(&person);
        state.members.insert(person);
        Some(GroupEvent::ParticipantsAdded {
            participants: vec![named],
        })
    }

    fn go(
        &self,
        place: usize,
        at: Second,
        person: u32,
        state: &mut State,
        random: &mut Random,
    ) -> Option<Telling> {
        let mut named = self.named(person, at, random);
        if state.members.remove(&person) {
            // Removed by us: the webhook echoes the number that was dialled.
            if named.wa_id.is_some() && random.below(4) == 0 {
                named.input = named.wa_id.take();
            }
            let participants = vec![named];
            return Some(self.tell(place, at, GroupEvent::ParticipantsRemoved { participants }));
        }
        state.waiting.remove(&person)?;
        let id = Text::from(join_request_id(person));
        if random.below(3) == 0 {
            // Rejected by us: no webhook tells, and the answer is in the log at once.
            let what = GroupEvent::JoinRequestsAnswered {
                join_request_ids: vec![id],
            };
            let about = About::Group(self.groups.get(place)?.group_id.clone(), what);
            return Some(Telling {
                webhooks: Vec::new(),
                answers: vec![event(at, Source::Command, about)],
            });
        }
        let what = GroupEvent::JoinRequestClosed {
            person: named,
            join_request_id: Some(id),
        };
        Some(self.tell(place, at, what))
    }

    /// New number, and with it a new user id; the webhook names the old ones or one of them.
    fn change_number(&mut self, person: u32, at: Second, random: &mut Random) -> Telling {
        let before = self.identity(person, at);
        self.moves.entry(person).or_default().push(at);
        let (old_phone, old_user) = (phone(person, before), user_id(person, before));
        let hides = self.hides(person);
        let old = match random.below(3) {
            0 if !hides => vec![old_phone],
            1 if !hides => vec![old_phone, old_user],
            _ => vec![old_user],
        };
        let new = Person {
            wa_id: (!hides).then(|| Text::from(phone(person, before + 1))),
            user_id: Some(Text::from(user_id(person, before + 1))),
            ..Person::default()
        };
        let what = NumberEvent::IdentityChanged {
            old: old.iter().map(|id| PersonId::new(id)).collect(),
            new,
        };
        Telling {
            webhooks: vec![event(at, Source::Webhook, About::Number(number(), what))],
            answers: Vec::new(),
        }
    }

    fn tell(&self, place: usize, at: Second, what: GroupEvent) -> Telling {
        let groups = self.groups.get(place).into_iter();
        let webhooks = groups.map(|group| {
            let about = About::Group(group.group_id.clone(), what.clone());
            event(at, Source::Webhook, about)
        });
        Telling {
            webhooks: webhooks.collect(),
            answers: Vec::new(),
        }
    }

    /// What the list says of a group as it was.
    pub fn listed(&self, place: usize, state: &State) -> Listed {
        Listed {
            subject: Some(subject(place, state.subject)),
            created: self.groups.get(place).map(|group| group.created),
        }
    }

    /// A group's info as it was, with how many participants it counts.
    pub fn info(
        &self,
        place: usize,
        seen: Second,
        random: &mut Random,
    ) -> Option<(GroupRead, u32)> {
        let group = self.groups.get(place)?;
        let state = group.at(seen)?;
        if state.is_gone {
            return None;
        }
        let members = state.members.iter();
        let participants: Vec<Person> = members
            .map(|person| self.api(*person, seen, random))
            .collect();
        let counted = u32::try_from(participants.len()).unwrap_or(u32::MAX);
        let read = GroupRead {
            subject: Some(subject(place, state.subject)),
            description: (state.description > 0).then(|| description(state.description)),
            join_approval_mode: Some(approval(state.by_approval)),
            suspended: Some(state.suspended),
            created: Some(group.created),
            participants,
            is_complete: false,
        };
        Some((read, counted))
    }

    /// Who waited.
    pub fn join_requests(
        &self,
        place: usize,
        seen: Second,
        random: &mut Random,
    ) -> Vec<JoinRequest> {
        let state = self.groups.get(place).and_then(|group| group.at(seen));
        let waiting = state.into_iter().flat_map(|state| &state.waiting);
        waiting
            .map(|(person, since)| JoinRequest {
                person: self.api(*person, seen, random),
                join_request_id: Text::from(join_request_id(*person)),
                created: Some(*since),
            })
            .collect()
    }
}

/// A subject by which a rename is told from every other.
pub fn subject(place: usize, renames: u32) -> Text {
    Text::from(format!("subject {place} {renames}"))
}

/// A description; `""` before the first.
pub fn description(changes: u32) -> Text {
    if changes == 0 {
        Text::default()
    } else {
        Text::from(format!("description {changes}"))
    }
}

/// The approval mode in Meta's word.
pub fn approval(by_approval: bool) -> Text {
    Text::new(if by_approval {
        "approval_required"
    } else {
        "auto_approve"
    })
}
