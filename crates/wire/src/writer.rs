//! Writes Protocol Buffers from borrowed values.
//!
//! Fields must be written in order of their numbers, once each: then the bytes are those that prost writes.
//! Names tell presence: a plain method leaves a field out when it holds its type's default, as `proto3` does;
//! `…_opt` writes whatever is `Some`, for `optional` fields; `…_each` writes a repeated field.

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const LENGTH_DELIMITED: u64 = 2;

/// Appends fields of one message to bytes.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    /// Appends to `out`.
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    /// `uint32`, `uint64` or an enum's number.
    pub(crate) fn uint(&mut self, field: u64, value: u64) {
        if value != 0 {
            self.uint_opt(field, Some(value));
        }
    }

    /// `repeated uint64`, packed.
    pub(crate) fn counts(&mut self, field: u64, values: &[u64]) {
        self.message(field, |w| values.iter().for_each(|value| w.varint(*value)));
    }

    /// `optional uint64` and its like.
    pub(crate) fn uint_opt(&mut self, field: u64, value: Option<u64>) {
        if let Some(value) = value {
            self.tag(field, VARINT);
            self.varint(value);
        }
    }

    /// `int64`.
    pub(crate) fn int(&mut self, field: u64, value: i64) {
        self.uint(field, value.cast_unsigned());
    }

    /// `optional int64`.
    pub(crate) fn int_opt(&mut self, field: u64, value: Option<i64>) {
        self.uint_opt(field, value.map(i64::cast_unsigned));
    }

    /// `bool`.
    pub(crate) fn flag(&mut self, field: u64, value: bool) {
        self.uint(field, value.into());
    }

    /// `optional bool`.
    pub(crate) fn flag_opt(&mut self, field: u64, value: Option<bool>) {
        self.uint_opt(field, value.map(u64::from));
    }

    /// `fixed64`.
    pub(crate) fn fixed64(&mut self, field: u64, value: u64) {
        if value != 0 {
            self.fixed64_opt(field, Some(value));
        }
    }

    /// `optional fixed64`.
    pub(crate) fn fixed64_opt(&mut self, field: u64, value: Option<u64>) {
        if let Some(value) = value {
            self.tag(field, FIXED64);
            self.out.extend_from_slice(&value.to_le_bytes());
        }
    }

    /// `string`.
    pub(crate) fn text(&mut self, field: u64, value: &str) {
        self.bytes(field, value.as_bytes());
    }

    /// `optional string`.
    pub(crate) fn text_opt(&mut self, field: u64, value: Option<&str>) {
        self.bytes_opt(field, value.map(str::as_bytes));
    }

    /// `repeated string`.
    pub(crate) fn text_each<T: AsRef<str>>(&mut self, field: u64, values: &[T]) {
        for value in values {
            self.text_opt(field, Some(value.as_ref()));
        }
    }

    /// `bytes`.
    pub(crate) fn bytes(&mut self, field: u64, value: &[u8]) {
        if !value.is_empty() {
            self.bytes_opt(field, Some(value));
        }
    }

    /// `optional bytes`.
    pub(crate) fn bytes_opt(&mut self, field: u64, value: Option<&[u8]>) {
        if let Some(value) = value {
            self.tag(field, LENGTH_DELIMITED);
            self.varint(value.len() as u64);
            self.out.extend_from_slice(value);
        }
    }

    /// `string`, of two parts.
    pub(crate) fn joined(&mut self, field: u64, head: &str, tail: &str) {
        self.tag(field, LENGTH_DELIMITED);
        self.varint((head.len() + tail.len()) as u64);
        self.out.extend_from_slice(head.as_bytes());
        self.out.extend_from_slice(tail.as_bytes());
    }

    /// A repeated enum's numbers, packed.
    pub(crate) fn packed_each(&mut self, field: u64, values: impl ExactSizeIterator<Item = u64>) {
        if values.len() > 0 {
            self.message(field, |w| values.for_each(|value| w.varint(value)));
        }
    }

    /// A message, also where it comes out empty.
    ///
    /// Its length is known only afterwards: room for one byte is left, and what was written moves up where that was too little.
    pub(crate) fn message(&mut self, field: u64, write: impl FnOnce(&mut Writer<'_>)) {
        self.tag(field, LENGTH_DELIMITED);
        let start = self.out.len();
        self.out.push(0);
        write(&mut Writer { out: self.out });
        let length = self.out.len() - start - 1;
        if length < 0x80 {
            self.out[start] = length as u8;
            return;
        }
        let end = self.out.len();
        self.varint(length as u64);
        // The varint stands at the end now: bring it to the front, over the byte that was left.
        let varint = self.out.len() - end;
        self.out[start + 1..].rotate_right(varint);
        self.out.remove(start);
    }

    /// `message`, if there is one.
    pub(crate) fn message_opt<T>(
        &mut self,
        field: u64,
        value: Option<T>,
        write: impl FnOnce(&mut Writer<'_>, T),
    ) {
        if let Some(value) = value {
            self.message(field, |w| write(w, value));
        }
    }

    /// `repeated message`.
    pub(crate) fn message_each<T>(
        &mut self,
        field: u64,
        values: impl IntoIterator<Item = T>,
        write: impl Fn(&mut Writer<'_>, T),
    ) {
        for value in values {
            self.message(field, |w| write(w, value));
        }
    }

    fn tag(&mut self, field: u64, kind: u64) {
        self.varint(field << 3 | kind);
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.out.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }
}
