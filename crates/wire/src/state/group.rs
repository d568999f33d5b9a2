//! Records of `groups.v1`.

use domain::{
    event::HintReason,
    group::{Ask, AskDetail, Core, Existence, Group, Presence},
    ids::{GroupId, Text},
    register::{Doubt, Register, Registers},
};
use prost::Message as _;

use super::{Record, Stored, write_state};
use crate::{
    enums::Word,
    error::{Error, Stop},
    person::id,
    position::{envelope, read_envelope},
    progress::progress,
    proto::{self, group_record::Content},
    reader::{Reader, whole},
    register::{
        Leniency, flag, read_register, register, second, text, text_entry, write_flag,
        write_second, write_stamp, write_text, write_text_entry,
    },
    writer::Writer,
};

/// Appends a record with the state of a group.
pub fn encode_group(id: &GroupId, group: &Group, into: &mut Vec<u8>) {
    write_state(into, id.as_str(), &group.envelope, |w| {
        write_core(w, &group.core)
    });
}

fn write_core(w: &mut Writer<'_>, core: &Core) {
    let Core {
        exists,
        number,
        waba,
        subject,
        description,
        picture,
        invite,
        approval,
        suspended,
        created,
        member,
        ask,
        ask_detail,
        is,
        label,
        parent,
        hint,
        unlisted,
        deleted,
        roster,
        asks,
        verified,
        changed,
        overflow,
    } = core;
    w.message_opt(5, exists.as_ref(), write_exists);
    w.message_opt(6, number.as_ref(), write_text);
    w.message_opt(7, waba.as_ref(), write_text);
    w.message_opt(8, subject.as_ref(), write_text);
    w.message_opt(9, description.as_ref(), write_text);
    w.message_opt(10, picture.as_ref(), write_text);
    w.message_opt(11, invite.as_ref(), write_text);
    w.message_opt(12, approval.as_ref(), write_text);
    w.message_opt(13, suspended.as_ref(), write_flag);
    w.message_opt(14, created.as_ref(), write_second);
    w.message_each(15, member.iter(), write_presence);
    w.message_each(16, ask.iter(), write_ask);
    w.message_each(17, ask_detail.iter(), write_ask_detail);
    w.message_each(18, is.iter(), write_text_entry);
    w.message_each(19, label.iter(), write_text_entry);
    w.message_each(20, parent.iter(), write_text_entry);
    w.message_opt(21, hint.as_ref(), write_hint);
    w.message_opt(22, unlisted.as_ref(), |w, register| {
        write_stamp(w, 1, register)
    });
    w.int(23, *roster);
    w.int(24, *asks);
    w.int(25, *verified);
    w.int(26, *changed);
    w.flag(27, *overflow);
    w.message_opt(28, deleted.as_ref(), |w, register| {
        write_stamp(w, 1, register)
    });
}

fn write_exists(w: &mut Writer<'_>, register: &Register<Existence>) {
    write_stamp(w, 1, register);
    w.uint(2, register.value.number());
}

fn write_hint(w: &mut Writer<'_>, register: &Register<HintReason>) {
    write_stamp(w, 1, register);
    w.uint(2, register.value.number());
}

fn write_presence(w: &mut Writer<'_>, (id, register): (&Text, &Register<Presence>)) {
    w.text(1, id);
    write_stamp(w, 2, register);
    w.uint(3, register.value.number());
}

fn write_ask(w: &mut Writer<'_>, (id, register): (&Text, &Register<Ask>)) {
    w.text(1, id);
    write_stamp(w, 2, register);
    w.uint(3, register.value.number());
}

fn write_ask_detail(w: &mut Writer<'_>, (id, register): (&Text, &Register<AskDetail>)) {
    let AskDetail {
        join_request_id,
        created,
        username,
        parent_user_id,
    } = &register.value;
    w.text(1, id);
    write_stamp(w, 2, register);
    w.text(3, join_request_id);
    w.int(4, *created);
    w.text_opt(5, username.as_deref());
    w.text_opt(6, parent_user_id.as_deref());
}

/// Reads a record of `groups.v1`.
pub fn decode_group(bytes: &[u8]) -> Result<Record<GroupId, Group>, Error> {
    read_ours(bytes).map_or_else(|| decode_any(bytes), |stored| Ok(Record::State(stored)))
}

/// Reads a state as [`encode_group`] of this fold writes it; see [`Reader`].
pub(crate) fn read_ours(bytes: &[u8]) -> Option<Stored<GroupId, Group>> {
    whole(bytes, |r| r.message_opt(1, ours))?
}

/// Reads a record in whatever way it is written.
pub(crate) fn decode_any(bytes: &[u8]) -> Result<Record<GroupId, Group>, Error> {
    let proto::GroupRecord { content } = proto::GroupRecord::decode(bytes)?;
    Ok(match content {
        Some(Content::State(content)) => Record::State(state(content)?),
        Some(Content::Progress(content)) => Record::Progress(progress(content)?),
        None => Record::Unknown,
    })
}

fn ours(r: &mut Reader<'_>) -> Option<Stored<GroupId, Group>> {
    let fold = r.uint(1)?;
    if fold > domain::limits::FOLD {
        return None;
    }
    let id = id(r.text(2)?, "GroupState.group_id").ok()?;
    let envelope = read_envelope(r)?;
    let core = Core {
        exists: r.message_opt(5, word)?,
        number: r.message_opt(6, our_text)?,
        waba: r.message_opt(7, our_text)?,
        subject: r.message_opt(8, our_text)?,
        description: r.message_opt(9, our_text)?,
        picture: r.message_opt(10, our_text)?,
        invite: r.message_opt(11, our_text)?,
        approval: r.message_opt(12, our_text)?,
        suspended: r.message_opt(13, |r| read_register(r, 1, |r| r.flag(2)))?,
        created: r.message_opt(14, |r| read_register(r, 1, |r| r.int(2)))?,
        member: Registers::from_unsorted(r.message_each(15, word_entry)?, Doubt::Kept),
        ask: Registers::from_unsorted(r.message_each(16, word_entry)?, Doubt::Kept),
        ask_detail: Registers::from_unsorted(r.message_each(17, our_ask_detail)?, Doubt::Never),
        is: Registers::from_unsorted(r.message_each(18, our_text_entry)?, Doubt::Kept),
        label: Registers::from_unsorted(r.message_each(19, our_text_entry)?, Doubt::Never),
        parent: Registers::from_unsorted(r.message_each(20, our_text_entry)?, Doubt::Never),
        hint: r.message_opt(21, word)?,
        unlisted: r.message_opt(22, |r| read_register(r, 1, |_| Some(())))?,
        roster: r.int(23)?,
        asks: r.int(24)?,
        verified: r.int(25)?,
        changed: r.int(26)?,
        overflow: r.flag(27)?,
        deleted: r.message_opt(28, |r| read_register(r, 1, |_| Some(())))?,
    };
    Some(Stored {
        fold,
        id,
        state: Group::restore(core, envelope),
    })
}

/// A register of a word.
fn word<V: Word>(r: &mut Reader<'_>) -> Option<Register<V>> {
    read_register(r, 1, |r| V::read(r.uint(2)?, "").ok())
}

/// A register of a word, by identifier.
fn word_entry<V: Word>(r: &mut Reader<'_>) -> Option<(Text, Register<V>)> {
    let id = r.text(1)?.into();
    Some((id, read_register(r, 2, |r| V::read(r.uint(3)?, "").ok())?))
}

fn our_text(r: &mut Reader<'_>) -> Option<Register<Text>> {
    read_register(r, 1, |r| r.text(2).map(Text::new))
}

fn our_text_entry(r: &mut Reader<'_>) -> Option<(Text, Register<Text>)> {
    let id = r.text(1)?.into();
    Some((id, read_register(r, 2, |r| r.text(3).map(Text::new))?))
}

fn our_ask_detail(r: &mut Reader<'_>) -> Option<(Text, Register<AskDetail>)> {
    let id = r.text(1)?.into();
    let detail = |r: &mut Reader<'_>| {
        Some(AskDetail {
            join_request_id: r.text(3)?.into(),
            created: r.int(4)?,
            username: r.text_opt(5)?.map(Text::new),
            parent_user_id: r.text_opt(6)?.map(Text::new),
        })
    };
    Some((id, read_register(r, 2, detail)?))
}

fn state(state: proto::GroupState) -> Result<Stored<GroupId, Group>, Error> {
    let proto::GroupState {
        fold,
        group_id,
        position,
        version,
        exists,
        number,
        waba,
        subject,
        description,
        picture,
        invite,
        approval,
        suspended,
        created,
        member,
        ask,
        ask_detail,
        is,
        label,
        parent,
        hint,
        unlisted,
        deleted,
        roster,
        asks,
        verified,
        changed,
        overflow,
    } = state;
    let read = Leniency { fold };
    let core = Core {
        exists: read.register(exists, read_exists)?,
        number: read.register(number, text)?,
        waba: read.register(waba, text)?,
        subject: read.register(subject, text)?,
        description: read.register(description, text)?,
        picture: read.register(picture, text)?,
        invite: read.register(invite, text)?,
        approval: read.register(approval, text)?,
        suspended: read.register(suspended, flag)?,
        created: read.register(created, second)?,
        member: read.registers(member, Doubt::Kept, read_presence)?,
        ask: read.registers(ask, Doubt::Kept, read_ask)?,
        ask_detail: read.registers(ask_detail, Doubt::Never, read_ask_detail)?,
        is: read.registers(is, Doubt::Kept, text_entry)?,
        label: read.registers(label, Doubt::Never, text_entry)?,
        parent: read.registers(parent, Doubt::Never, text_entry)?,
        hint: read.register(hint, read_hint)?,
        unlisted: read.register(unlisted, |proto::UnlistedRegister { stamp }| {
            register(stamp, ())
        })?,
        deleted: read.register(deleted, |proto::DeletedRegister { stamp }| {
            register(stamp, ())
        })?,
        roster,
        asks,
        verified,
        changed,
        overflow,
    };
    let id = id(&group_id, "GroupState.group_id")?;
    Ok(Stored {
        fold,
        id,
        state: Group::restore(core, envelope(position, version)?),
    })
}

fn read_exists(read: proto::ExistenceRegister) -> Result<Register<Existence>, Stop> {
    let proto::ExistenceRegister { stamp, value } = read;
    register(stamp, Word::read(value, "ExistenceRegister.value")?)
}

fn read_hint(read: proto::HintRegister) -> Result<Register<HintReason>, Stop> {
    let proto::HintRegister { stamp, value } = read;
    register(stamp, Word::read(value, "HintRegister.value")?)
}

fn read_presence(read: proto::PresenceEntry) -> Result<(Text, Register<Presence>), Stop> {
    let proto::PresenceEntry { id, stamp, value } = read;
    Ok((
        id.into(),
        register(stamp, Word::read(value, "PresenceEntry.value")?)?,
    ))
}

fn read_ask(read: proto::AskEntry) -> Result<(Text, Register<Ask>), Stop> {
    let proto::AskEntry { id, stamp, value } = read;
    Ok((
        id.into(),
        register(stamp, Word::read(value, "AskEntry.value")?)?,
    ))
}

fn read_ask_detail(read: proto::AskDetailEntry) -> Result<(Text, Register<AskDetail>), Stop> {
    let proto::AskDetailEntry {
        id,
        stamp,
        join_request_id,
        created,
        username,
        parent_user_id,
    } = read;
    Ok((
        id.into(),
        register(
            stamp,
            AskDetail {
                join_request_id: join_request_id.into(),
                created,
                username: username.map(Into::into),
                parent_user_id: parent_user_id.map(Into::into),
            },
        )?,
    ))
}
