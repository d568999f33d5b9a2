//! Protocol Buffers as the [`Writer`](crate::writer::Writer) of this crate makes them, read where they lie.
//!
//! A restore reads every state of every group, and prost makes several allocations for each register. So what this crate wrote
//! itself is read by this: fields in the order of their numbers, none twice, none unknown. Anything else is left unread (`None`),
//! and its caller leaves it to prost, which decides whether it is another way to write the same, something newer, or malformed.

const VARINT: u64 = 0;
const LENGTH_DELIMITED: u64 = 2;

/// Reads the fields of one message, in order. A field that is not there has its default, as in proto3.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads from `bytes`.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// `uint32`, or an enum's number as [`Word`](crate::enums::Word) takes it.
    pub(crate) fn uint<T: TryFrom<u64> + Default>(&mut self, field: u64) -> Option<T> {
        if self.takes(field, VARINT) {
            self.varint()?.try_into().ok()
        } else {
            Some(T::default())
        }
    }

    /// `int64`.
    pub(crate) fn int(&mut self, field: u64) -> Option<i64> {
        self.uint(field).map(u64::cast_signed)
    }

    /// `bool`.
    pub(crate) fn flag(&mut self, field: u64) -> Option<bool> {
        match self.uint(field)? {
            0_u64 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    /// `bytes`.
    pub(crate) fn bytes(&mut self, field: u64) -> Option<&'a [u8]> {
        self.bytes_opt(field).map(Option::unwrap_or_default)
    }

    /// `string`.
    pub(crate) fn text(&mut self, field: u64) -> Option<&'a str> {
        str::from_utf8(self.bytes(field)?).ok()
    }

    /// `optional string`.
    pub(crate) fn text_opt(&mut self, field: u64) -> Option<Option<&'a str>> {
        match self.bytes_opt(field)? {
            Some(bytes) => str::from_utf8(bytes).ok().map(Some),
            None => Some(None),
        }
    }

    /// `message`, if it is there, all of which `read` has to read.
    pub(crate) fn message_opt<T>(
        &mut self,
        field: u64,
        read: impl FnOnce(&mut Reader<'a>) -> Option<T>,
    ) -> Option<Option<T>> {
        match self.bytes_opt(field)? {
            Some(bytes) => whole(bytes, read).map(Some),
            None => Some(None),
        }
    }

    /// `repeated message`.
    pub(crate) fn message_each<T>(
        &mut self,
        field: u64,
        read: impl Fn(&mut Reader<'a>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let mut all = Vec::new();
        while let Some(bytes) = self.bytes_opt(field)? {
            all.push(whole(bytes, &read)?);
        }
        Some(all)
    }

    /// `optional bytes`.
    fn bytes_opt(&mut self, field: u64) -> Option<Option<&'a [u8]>> {
        if !self.takes(field, LENGTH_DELIMITED) {
            return Some(None);
        }
        let length = usize::try_from(self.varint()?).ok()?;
        let (bytes, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(Some(bytes))
    }

    /// Takes the tag of a field if it comes next. A tag takes two bytes at most: no message here has 2,048 fields.
    fn takes(&mut self, field: u64, kind: u64) -> bool {
        let tag = field << 3 | kind;
        let rest = match self.rest {
            [first, rest @ ..] if tag < 0x80 && u64::from(*first) == tag => rest,
            [first, second, rest @ ..]
                if tag >= 0x80
                    && u64::from(*first) == (tag & 0x7f | 0x80)
                    && u64::from(*second) == tag >> 7 =>
            {
                rest
            }
            _ => return false,
        };
        self.rest = rest;
        true
    }

    fn varint(&mut self) -> Option<u64> {
        let (first, rest) = self.rest.split_first()?;
        if *first < 0x80 {
            self.rest = rest;
            return Some(u64::from(*first));
        }
        prost::encoding::decode_varint(&mut self.rest).ok()
    }
}

/// Reads a message, if `read` reads all of it.
pub(crate) fn whole<'a, T>(
    bytes: &'a [u8],
    read: impl FnOnce(&mut Reader<'a>) -> Option<T>,
) -> Option<T> {
    let mut reader = Reader::new(bytes);
    let value = read(&mut reader)?;
    reader.rest.is_empty().then_some(value)
}
