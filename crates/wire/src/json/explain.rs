//! Why a group is shown as it is: every register with the event that set it.

use domain::{
    event::HintReason,
    group::{Ask, AskDetail, Core, Field, Group, Presence},
    ids::{GroupId, Second, Text},
    register::{Rank, Register, Registers, Stamp},
};
use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::{Hex, Time, floor, group::existence_word, serialize_envelope};

/// What `GET /v1/groups/{group_id}/explain` answers.
///
/// `fields` are the registers of the group itself, `people` those by identifier; which identifiers are one person follows from `is`.
#[derive(Debug, Clone, Copy)]
pub struct Explain<'a> {
    /// Which.
    pub group_id: &'a GroupId,
    /// What is known of it.
    pub group: &'a Group,
}

impl Serialize for Explain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { group_id, group } = *self;
        let core = &group.core;
        let mut out = serializer.serialize_struct("Explain", 7)?;
        out.serialize_field("group_id", group_id.as_str())?;
        out.serialize_field("fields", &fields(core))?;
        out.serialize_field("people", &people(core))?;
        out.serialize_field("floors", &Floors(core))?;
        out.serialize_field("overflow", &core.overflow)?;
        serialize_envelope(&mut out, &group.envelope)?;
        out.end()
    }
}

/// One register: of a field, or of an identifier.
#[derive(Debug)]
struct Line<'a> {
    name: &'static str,
    id: Option<&'a str>,
    value: Value<'a>,
    stamp: Stamp,
    in_doubt: bool,
}

/// What a register holds.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
enum Value<'a> {
    Text(&'a str),
    Flag(bool),
    Time(Time),
    Request {
        join_request_id: &'a str,
        requested_at: Time,
        #[serde(skip_serializing_if = "Option::is_none")]
        username: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        parent_user_id: Option<&'a str>,
    },
}

impl<'a> Line<'a> {
    fn new<V>(
        name: &'static str,
        id: Option<&'a Text>,
        register: &'a Register<V>,
        value: impl FnOnce(&'a V) -> Value<'a>,
    ) -> Self {
        let Register {
            stamp,
            value: held,
            doubt,
        } = register;
        Self {
            name,
            id: id.map(Text::as_str),
            value: value(held),
            stamp: *stamp,
            in_doubt: *doubt,
        }
    }
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            name,
            id,
            value,
            stamp,
            in_doubt,
        } = self;
        let Stamp { at, rank, tie } = stamp;
        let mut out = serializer.serialize_struct("Register", 6 + usize::from(id.is_some()))?;
        match id {
            Some(id) => {
                out.serialize_field("id", id)?;
                out.serialize_field("register", name)?;
            }
            None => out.serialize_field("field", name)?,
        }
        out.serialize_field("value", value)?;
        out.serialize_field("in_doubt", in_doubt)?;
        out.serialize_field("at", &Time(*at))?;
        out.serialize_field("rank", rank_word(*rank))?;
        out.serialize_field("event_id", &Hex(tie))?;
        out.end()
    }
}

fn fields(core: &Core) -> Vec<Line<'_>> {
    fn text(field: Field, register: &Option<Register<Text>>) -> Option<Line<'_>> {
        register
            .as_ref()
            .map(|register| Line::new(field.name(), None, register, |text| Value::Text(text)))
    }
    let existence = core.exists.as_ref().map(|register| {
        Line::new(Field::Existence.name(), None, register, |existence| {
            Value::Text(existence_word(Some(*existence)))
        })
    });
    let suspended = core.suspended.as_ref();
    let created = core.created.as_ref();
    let hint = core.hint.as_ref();
    let unlisted = core.unlisted.as_ref();
    let deleted = core.deleted.as_ref();
    [
        text(Field::PhoneNumberId, &core.number),
        text(Field::WabaId, &core.waba),
        existence,
        suspended.map(|register| {
            Line::new(Field::Suspended.name(), None, register, |flag| {
                Value::Flag(*flag)
            })
        }),
        text(Field::Subject, &core.subject),
        text(Field::Description, &core.description),
        text(Field::JoinApprovalMode, &core.approval),
        text(Field::InviteLink, &core.invite),
        text(Field::PictureSha256, &core.picture),
        created.map(|register| {
            Line::new(Field::CreatedAt.name(), None, register, |second| {
                Value::Time(Time(*second))
            })
        }),
        hint.map(|register| {
            Line::new("hint", None, register, |reason| {
                Value::Text(reason_word(*reason))
            })
        }),
        unlisted.map(|register| Line::new("unlisted", None, register, |()| Value::Flag(true))),
        deleted.map(|register| Line::new("deleted", None, register, |()| Value::Flag(true))),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn people(core: &Core) -> Vec<Line<'_>> {
    fn each<'a, V: Ord>(
        into: &mut Vec<Line<'a>>,
        name: &'static str,
        registers: &'a Registers<V>,
        value: impl Fn(&'a V) -> Value<'a>,
    ) {
        into.extend(
            registers
                .iter()
                .map(|(id, register)| Line::new(name, Some(id), register, &value)),
        );
    }
    let mut lines = Vec::new();
    each(&mut lines, "member", &core.member, |presence| {
        Value::Text(match presence {
            Presence::Absent => "absent",
            Presence::Present => "present",
        })
    });
    each(&mut lines, "ask", &core.ask, |ask| {
        Value::Text(match ask {
            Ask::Closed => "closed",
            Ask::Open => "open",
        })
    });
    each(
        &mut lines,
        "ask_detail",
        &core.ask_detail,
        |AskDetail {
             join_request_id,
             created,
             username,
             parent_user_id,
         }| Value::Request {
            join_request_id,
            requested_at: Time(*created),
            username: username.as_deref(),
            parent_user_id: parent_user_id.as_deref(),
        },
    );
    each(&mut lines, "is", &core.is, |id| Value::Text(id));
    each(&mut lines, "label", &core.label, |label| Value::Text(label));
    each(&mut lines, "parent", &core.parent, |parent| {
        Value::Text(parent)
    });
    // All of one identifier together; the sort is stable, so registers keep their order.
    lines.sort_by_key(|line| line.id);
    lines
}

#[derive(Debug, Clone, Copy)]
struct Floors<'a>(&'a Core);

impl Serialize for Floors<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let each: [(&'static str, Second); 4] = [
            ("roster_at", self.0.roster),
            ("asks_at", self.0.asks),
            ("verified_at", self.0.verified),
            ("changed_at", self.0.changed),
        ];
        let mut out = serializer.serialize_struct("Floors", each.len())?;
        for (name, second) in each {
            out.serialize_field(name, &floor(second))?;
        }
        out.end()
    }
}

fn rank_word(rank: Rank) -> &'static str {
    match rank {
        Rank::Read => "read",
        Rank::Circumstance => "circumstance",
        Rank::Statement => "statement",
    }
}

fn reason_word(reason: HintReason) -> &'static str {
    match reason {
        HintReason::Quarantined => "quarantined",
        HintReason::RemovedByInput => "removed_by_input",
        HintReason::IdentityChanged => "identity_changed",
        HintReason::Asked => "asked",
    }
}
