//! What is shown of a group: a pure function of its core.

use std::collections::BTreeMap;

use super::{Ask, AskDetail, Core, Existence, Links, Presence};
use crate::{
    ids::{PersonId, Second, Text, is_number},
    register::{Doubt, Rank, Register, Registers},
};

/// A field of the view, named as in the JSON of the query API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// `phone_number_id`
    PhoneNumberId,
    /// `waba_id`
    WabaId,
    /// `existence`
    Existence,
    /// `suspended`
    Suspended,
    /// `subject`
    Subject,
    /// `description`
    Description,
    /// `join_approval_mode`
    JoinApprovalMode,
    /// `invite_link`
    InviteLink,
    /// `picture_sha256`
    PictureSha256,
    /// `created_at`
    CreatedAt,
    /// `participants`
    Participants,
    /// `join_requests`
    JoinRequests,
    /// `in_doubt`
    InDoubt,
    /// `overflow`
    Overflow,
}

impl Field {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::PhoneNumberId => "phone_number_id",
            Self::WabaId => "waba_id",
            Self::Existence => "existence",
            Self::Suspended => "suspended",
            Self::Subject => "subject",
            Self::Description => "description",
            Self::JoinApprovalMode => "join_approval_mode",
            Self::InviteLink => "invite_link",
            Self::PictureSha256 => "picture_sha256",
            Self::CreatedAt => "created_at",
            Self::Participants => "participants",
            Self::JoinRequests => "join_requests",
            Self::InDoubt => "in_doubt",
            Self::Overflow => "overflow",
        }
    }
}

/// What is shown of a group. Unknown is `None`, and is not empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct View {
    /// Business number that runs it.
    pub phone_number_id: Option<Text>,
    /// WhatsApp Business Account.
    pub waba_id: Option<Text>,
    /// `None` is unconfirmed: seen in an event, never confirmed.
    pub existence: Option<Existence>,
    /// Suspended by Meta?
    pub suspended: Option<bool>,
    /// Subject.
    pub subject: Option<Text>,
    /// Description; `""` is none.
    pub description: Option<Text>,
    /// Join approval mode as Meta wrote it.
    pub join_approval_mode: Option<Text>,
    /// Invite link; `""` is revoked.
    pub invite_link: Option<Text>,
    /// Hash of the picture as Meta wrote it.
    pub picture_sha256: Option<Text>,
    /// Creation second.
    pub created_at: Option<Second>,
    /// Members, in order of the identifier that stands for each.
    pub participants: Vec<Participant>,
    /// Open join requests of those who are not members, in the same order.
    pub join_requests: Vec<JoinRequest>,
    /// Fields whose evidence contradicts itself, in order of [`Field`].
    pub in_doubt: Vec<Field>,
    /// Too many registers to keep all.
    pub overflow: bool,
}

/// A member as shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Participant {
    /// Phone number.
    pub wa_id: Option<Text>,
    /// Business-scoped user id.
    pub user_id: Option<Text>,
    /// Parent user id.
    pub parent_user_id: Option<Text>,
    /// Username without `@`.
    pub username: Option<Text>,
}

/// A join request as shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct JoinRequest {
    /// Meta's id, if known.
    pub join_request_id: Option<Text>,
    /// Who waits; all `None` if Meta named nobody.
    pub person: Participant,
    /// When it was made.
    pub requested_at: Option<Second>,
}

/// The registers of one person, of all identifiers, merged.
#[derive(Debug, Default)]
struct Merged {
    member: Option<Register<Presence>>,
    ask: Option<Register<Ask>>,
    detail: Option<Register<AskDetail>>,
    label: Option<Register<Text>>,
    parent: Option<Register<Text>>,
}

/// Computes the view; `None` where nothing is known but that somebody should look.
pub(super) fn view(core: &Core) -> Option<View> {
    if !is_shown(core) {
        return None;
    }
    let value = |register: &Option<Register<Text>>| register.as_ref().map(|r| r.value.clone());
    let existence = core.exists.as_ref().map(|r| r.value);
    let mut view = View {
        phone_number_id: value(&core.number),
        waba_id: value(&core.waba),
        existence,
        suspended: core.suspended.as_ref().map(|r| r.value),
        subject: value(&core.subject),
        description: value(&core.description),
        join_approval_mode: value(&core.approval),
        invite_link: value(&core.invite),
        picture_sha256: value(&core.picture),
        created_at: core.created.as_ref().map(|r| r.value),
        overflow: core.overflow,
        ..View::default()
    };
    let doubtful = |register: &Option<Register<Text>>| register.as_ref().is_some_and(|r| r.doubt);
    let mut doubts = [
        (
            Field::Existence,
            core.exists.as_ref().is_some_and(|r| r.doubt) || outlived(core),
        ),
        (
            Field::Suspended,
            core.suspended.as_ref().is_some_and(|r| r.doubt),
        ),
        (Field::Subject, doubtful(&core.subject)),
        (Field::Description, doubtful(&core.description)),
        (Field::JoinApprovalMode, doubtful(&core.approval)),
        (Field::InviteLink, doubtful(&core.invite)),
        (Field::PictureSha256, doubtful(&core.picture)),
        (Field::Participants, false),
        (Field::JoinRequests, false),
    ];
    if existence != Some(Existence::Gone) {
        let (participants, join_requests) = persons(core, &mut view);
        for (field, doubt) in &mut doubts {
            match field {
                Field::Participants => *doubt = participants,
                Field::JoinRequests => *doubt = join_requests,
                _ => {}
            }
        }
    }
    view.in_doubt = doubts
        .iter()
        .filter(|(_, doubt)| *doubt)
        .map(|(field, _)| *field)
        .collect();
    Some(view)
}

/// A hint alone, with the number it came by, makes no group that is shown.
fn is_shown(core: &Core) -> bool {
    core.exists.is_some()
        || [
            &core.subject,
            &core.description,
            &core.picture,
            &core.invite,
            &core.approval,
        ]
        .iter()
        .any(|r| r.is_some())
        || core.suspended.is_some()
        || core.created.is_some()
        || !core.member.is_empty()
        || !core.ask.is_empty()
        || core.roster > 0
        || core.asks > 0
}

/// Is there evidence of more than a read that is newer than the group's going?
fn outlived(core: &Core) -> bool {
    let Some(exists) = core.exists.as_ref().filter(|r| r.value == Existence::Gone) else {
        return false;
    };
    fn newer<V>(register: &Register<V>, than: Second) -> bool {
        register.stamp.rank >= Rank::Circumstance && register.stamp.at > than
    }
    let gone = exists.stamp.at;
    let texts = [
        &core.number,
        &core.waba,
        &core.subject,
        &core.description,
        &core.picture,
        &core.invite,
        &core.approval,
    ];
    texts
        .iter()
        .any(|r| r.as_ref().is_some_and(|r| newer(r, gone)))
        || core.suspended.as_ref().is_some_and(|r| newer(r, gone))
        || core.created.as_ref().is_some_and(|r| newer(r, gone))
        || core.member.iter().any(|(_, r)| newer(r, gone))
        || core.ask.iter().any(|(_, r)| newer(r, gone))
        || core.ask_detail.iter().any(|(_, r)| newer(r, gone))
        || [&core.is, &core.label, &core.parent]
            .iter()
            .any(|all| all.iter().any(|(_, r)| newer(r, gone)))
}

/// Fills in members and join requests; tells whether each of the two is in doubt.
fn persons(core: &Core, view: &mut View) -> (bool, bool) {
    let links = Links::new(&core.is);
    let merged = merge(core, links);
    let mut participants_doubt = core.is.iter().any(|(_, link)| link.doubt);
    let mut join_requests_doubt = false;
    for (person, registers) in &merged {
        let is_member = registers
            .member
            .as_ref()
            .is_some_and(|r| r.value == Presence::Present);
        participants_doubt |= registers.member.as_ref().is_some_and(|r| r.doubt);
        let shown = || show(person, registers, core, links);
        if is_member {
            view.participants.push(shown());
            continue;
        }
        let Some(ask) = answered(core, registers) else {
            continue;
        };
        join_requests_doubt |= ask.doubt;
        if ask.value == Ask::Open {
            let detail = registers.detail.as_ref().map(|r| &r.value);
            let is_nobody = detail.is_some_and(|detail| detail.join_request_id == *person);
            view.join_requests.push(JoinRequest {
                join_request_id: detail.map(|detail| detail.join_request_id.clone()),
                person: if is_nobody {
                    Participant::default()
                } else {
                    shown()
                },
                requested_at: detail.map(|detail| detail.created),
            });
        }
    }
    participants_doubt |= may_be_one_person(core, links, view);
    (participants_doubt, join_requests_doubt)
}

/// The ask of a person, joined with what was said of its join request by id alone.
fn answered(core: &Core, registers: &Merged) -> Option<Register<Ask>> {
    let mut ask = registers.ask.clone()?;
    let by_id = registers
        .detail
        .as_ref()
        .and_then(|detail| core.ask.get(&detail.value.join_request_id));
    if let Some(by_id) = by_id {
        ask.merge(by_id.clone(), Doubt::Kept);
    }
    Some(ask)
}

fn merge<'a>(core: &'a Core, links: Links<'a>) -> BTreeMap<&'a str, Merged> {
    fn each<'a, V: Ord + Clone>(
        from: &'a Registers<V>,
        links: Links<'a>,
        into: &mut BTreeMap<&'a str, Merged>,
        doubt: Doubt,
        field: impl Fn(&mut Merged) -> &mut Option<Register<V>>,
    ) {
        for (id, register) in from.iter() {
            let held = field(into.entry(links.resolve(id)).or_default());
            match held {
                Some(held) => {
                    held.merge(register.clone(), doubt);
                }
                None => *held = Some(register.clone()),
            }
        }
    }
    let mut merged = BTreeMap::new();
    each(&core.member, links, &mut merged, Doubt::Kept, |m| {
        &mut m.member
    });
    each(&core.ask, links, &mut merged, Doubt::Kept, |m| &mut m.ask);
    each(&core.ask_detail, links, &mut merged, Doubt::Never, |m| {
        &mut m.detail
    });
    each(&core.label, links, &mut merged, Doubt::Never, |m| {
        &mut m.label
    });
    each(&core.parent, links, &mut merged, Doubt::Never, |m| {
        &mut m.parent
    });
    merged
}

fn show<'a>(person: &'a str, registers: &Merged, core: &'a Core, links: Links<'a>) -> Participant {
    let value = |register: &Option<Register<Text>>| register.as_ref().map(|r| r.value.clone());
    let ids = core
        .member
        .iter()
        .map(|(id, _)| id.as_str())
        .chain(core.ask.iter().map(|(id, _)| id.as_str()));
    Participant {
        wa_id: links.number_of(person, ids).map(Text::new),
        user_id: (!is_number(person)).then(|| Text::new(person)),
        parent_user_id: value(&registers.parent),
        username: value(&registers.label),
    }
}

/// Could a number without a known user id, and a member without a known number, be one person?
fn may_be_one_person(core: &Core, links: Links<'_>, view: &View) -> bool {
    let hidden = |other: &str| {
        view.participants.iter().any(|p| {
            p.wa_id.is_none() && p.user_id.as_ref().is_some_and(|user_id| user_id != other)
        })
    };
    core.member.iter().any(|(id, register)| {
        let person: PersonId = Text::new(links.resolve(id));
        register.stamp.at > core.roster && is_number(&person) && hidden(&person)
    })
}
