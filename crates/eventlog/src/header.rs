//! The headers of a record, encoded one after another.
//!
//! Layout of one header: length of the name (u32, little endian), name, length of the value (u32), value.

/// Bytes that one header takes beyond its name and value.
pub(crate) const FRAME: usize = 8;

/// Appends one header to an arena.
pub(crate) fn encode(arena: &mut Vec<u8>, name: &str, value: &[u8]) {
    for part in [name.as_bytes(), value] {
        // A record's size is checked before it is encoded, so the length fits.
        let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
        arena.extend_from_slice(&length.to_le_bytes());
        arena.extend_from_slice(part);
    }
}

/// The headers of a record in their order, as pairs of name and value.
///
/// A header that Kafka holds without a value is given with an empty one.
#[derive(Clone, Debug)]
pub struct Headers<'a> {
    rest: &'a [u8],
}

impl<'a> Headers<'a> {
    pub(crate) fn new(encoded: &'a [u8]) -> Self {
        Self { rest: encoded }
    }

    /// The value of the first header of this name.
    #[must_use]
    pub fn find(mut self, name: &str) -> Option<&'a [u8]> {
        self.find_map(|(found, value)| (found == name).then_some(value))
    }

    fn part(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (part, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some(part)
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a str, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let name = self.part()?;
        let value = self.part()?;
        // Names are text in Kafka's protocol; one that is not comes from no client.
        Some((str::from_utf8(name).unwrap_or(""), value))
    }
}
