//! The content of an item as bytes that do not depend on how Meta wrote it down.
//!
//! An event id is hashed from them. They hold exactly what the types hold, so that two items have the
//! same bytes if and only if they say the same to us: order of keys, numbers in quotes, both
//! spellings, unknown fields and the other items of the POST leave no trace.
//! Fields stand in the order of their tags. A tag is never used for something else, and a field that
//! is absent writes nothing, so that new fields do not change the bytes of items without them.

use super::{
    GroupItem, Input, ItemError, Message, Part, Participant, Person, Pricing, Status, System, Text,
};

/// Writes fields as tag, length and bytes.
struct Writer<'o>(&'o mut Vec<u8>);

impl Writer<'_> {
    fn bytes(&mut self, tag: u8, bytes: &[u8]) {
        self.count(tag, bytes.len());
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, tag: u8, text: Option<&Text<'_>>) {
        if let Some(text) = text {
            self.bytes(tag, text.as_bytes());
        }
    }

    fn word(&mut self, tag: u8, word: Option<&str>) {
        if let Some(word) = word {
            self.bytes(tag, word.as_bytes());
        }
    }

    fn number(&mut self, tag: u8, number: Option<i64>) {
        if let Some(number) = number {
            self.bytes(tag, &number.to_le_bytes());
        }
    }

    fn flag(&mut self, tag: u8, flag: Option<bool>) {
        if let Some(flag) = flag {
            self.bytes(tag, &[u8::from(flag)]);
        }
    }

    /// A tag with a number of things that follow. Lengths are below 2³², for documents are.
    fn count(&mut self, tag: u8, count: usize) {
        self.0.push(tag);
        self.0
            .extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
    }

    fn all<T>(&mut self, tag: u8, all: &[T], mut write: impl FnMut(&mut Self, &T)) {
        if all.is_empty() {
            return;
        }
        self.count(tag, all.len());
        for one in all {
            write(self, one);
            self.end();
        }
    }

    fn one<T>(&mut self, tag: u8, one: Option<&T>, write: impl FnOnce(&mut Self, &T)) {
        if let Some(one) = one {
            self.0.push(tag);
            write(self, one);
            self.end();
        }
    }

    /// Ends a nested thing: 0 is no tag.
    fn end(&mut self) {
        self.0.push(0);
    }

    fn person(&mut self, tag: u8, person: &Person<'_>) {
        self.one(
            tag,
            Some(person).filter(|person| !person.is_empty()),
            |out, person| {
                let Person {
                    wa_id,
                    user_id,
                    parent_user_id,
                    username,
                } = person;
                out.text(1, wa_id.as_ref());
                out.text(2, user_id.as_ref());
                out.text(3, parent_user_id.as_ref());
                out.text(4, username.as_ref());
            },
        );
    }

    fn errors(&mut self, tag: u8, errors: &[ItemError<'_>]) {
        self.all(tag, errors, |out, error| {
            let ItemError {
                code,
                title,
                message,
                details,
            } = error;
            out.number(1, *code);
            out.text(2, title.as_ref());
            out.text(3, message.as_ref());
            out.text(4, details.as_ref());
        });
    }

    fn participants(&mut self, tag: u8, participants: &[Participant<'_>]) {
        self.all(tag, participants, |out, participant| {
            let Participant {
                input,
                person,
                errors,
            } = participant;
            match input {
                Some(Input::Phone(number)) => out.text(1, Some(number)),
                Some(Input::UserId(id) | Input::ParentUserId(id)) => out.text(2, Some(id)),
                Some(Input::Unreadable) => out.flag(3, Some(true)),
                None => {}
            }
            out.person(4, person);
            out.errors(5, errors);
        });
    }

    fn part(&mut self, tag: u8, part: Option<&Part<'_>>) {
        self.one(tag, part, |out, part| {
            let Part {
                update_successful,
                text,
                mime_type,
                sha256,
                errors,
            } = part;
            out.flag(1, *update_successful);
            out.text(2, text.as_ref());
            out.text(3, mime_type.as_ref());
            out.text(4, sha256.as_ref());
            out.errors(5, errors);
        });
    }
}

impl GroupItem<'_> {
    /// Appends the canonical content. Field, WABA, number and entity are not in it.
    pub fn canonical(&self, out: &mut Vec<u8>) {
        // Whether the fields stood in `groups[]` is how it was written down, not what it says.
        let Self {
            direct: _,
            timestamp,
            group_id,
            kind,
            request_id,
            reason,
            subject,
            description,
            invite_link,
            join_approval_mode,
            added_participants,
            removed_participants,
            failed_participants,
            initiated_by,
            join_request_id,
            person,
            group_subject,
            group_description,
            profile_picture,
            errors,
        } = self;
        out.extend_from_slice(b"g1");
        let mut out = Writer(out);
        out.number(1, *timestamp);
        out.text(2, group_id.as_ref());
        out.word(3, kind.as_ref().map(|kind| kind.as_str()));
        out.text(4, request_id.as_ref());
        out.text(5, reason.as_ref());
        out.text(6, subject.as_ref());
        out.text(7, description.as_ref());
        out.text(8, invite_link.as_ref());
        out.text(9, join_approval_mode.as_ref());
        out.participants(10, added_participants);
        out.participants(11, removed_participants);
        out.participants(12, failed_participants);
        out.word(13, initiated_by.as_ref().map(|by| by.as_str()));
        out.text(14, join_request_id.as_ref());
        out.person(15, person);
        out.part(16, group_subject.as_ref());
        out.part(17, group_description.as_ref());
        out.part(18, profile_picture.as_ref());
        out.errors(19, errors);
    }
}

impl Message<'_> {
    /// Appends the canonical content. Field, WABA, number and entity are not in it.
    pub fn canonical(&self, out: &mut Vec<u8>) {
        let Self {
            id,
            group_id,
            timestamp,
            kind,
            sender,
            error_codes,
        } = self;
        out.extend_from_slice(b"m1");
        let mut out = Writer(out);
        out.text(1, id.as_ref());
        out.text(2, Some(group_id));
        out.number(3, *timestamp);
        out.text(4, kind.as_ref());
        out.person(5, sender);
        out.all(6, error_codes, |out, code| out.number(1, *code));
    }
}

impl Status<'_> {
    /// Appends the canonical content. Field, WABA, number and entity are not in it.
    pub fn canonical(&self, out: &mut Vec<u8>) {
        let Self {
            id,
            status,
            timestamp,
            group_id,
            recipient,
            errors,
            pricing,
            origin,
        } = self;
        out.extend_from_slice(b"s1");
        let mut out = Writer(out);
        out.text(1, Some(id));
        out.word(2, Some(status.as_str()));
        out.number(3, *timestamp);
        out.text(4, group_id.as_ref());
        out.person(5, recipient);
        out.errors(6, errors);
        out.one(7, pricing.as_ref(), |out, pricing| {
            let Pricing {
                billable,
                pricing_model,
                kind,
                category,
                subtype,
            } = pricing;
            out.flag(1, *billable);
            out.text(2, pricing_model.as_ref());
            out.text(3, kind.as_ref());
            out.text(4, category.as_ref());
            out.text(5, subtype.as_ref());
        });
        out.text(8, origin.as_ref());
    }
}

impl System<'_> {
    /// Appends the canonical content. Field, WABA, number and entity are not in it.
    pub fn canonical(&self, out: &mut Vec<u8>) {
        let Self {
            id,
            kind,
            timestamp,
            new,
            previous_user_id,
            previous_parent_user_id,
            from,
        } = self;
        out.extend_from_slice(b"y1");
        let mut out = Writer(out);
        out.text(1, id.as_ref());
        out.word(2, Some(kind.as_str()));
        out.number(3, *timestamp);
        out.person(4, new);
        out.text(5, previous_user_id.as_ref());
        out.text(6, previous_parent_user_id.as_ref());
        out.person(7, from);
    }
}
