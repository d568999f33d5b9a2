//! A group's picture, checked before it is sent: Meta says what is wrong with one only later, by webhook.

use std::fmt;

use bytes::Bytes;

use super::Invalid;
use crate::limits::{PICTURE_BYTES_MAX, PICTURE_SIDE_MIN};

/// A JPEG that Meta takes: square, at least 192 pixels a side, at most 5 MB. Clones share the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    bytes: Bytes,
    side: u32,
}

impl Picture {
    /// Checks a file.
    ///
    /// # Errors
    ///
    /// [`Invalid`], by size first, then form, then shape.
    pub fn new(bytes: impl Into<Bytes>) -> Result<Self, Invalid> {
        let bytes = bytes.into();
        if bytes.len() > PICTURE_BYTES_MAX {
            return Err(Invalid::PictureLarge { bytes: bytes.len() });
        }
        let (width, height) = sides(&bytes).ok_or(Invalid::PictureNotJpeg)?;
        if width != height {
            return Err(Invalid::PictureNotSquare { width, height });
        }
        if width < PICTURE_SIDE_MIN {
            return Err(Invalid::PictureSmall { side: width });
        }
        Ok(Self { bytes, side: width })
    }

    /// The file.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Pixels a side.
    #[must_use]
    pub const fn side(&self) -> u32 {
        self.side
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JPEG of {} bytes", self.bytes.len())
    }
}

/// Width and height in pixels, from the frame header (ITU-T T.81, B.2.2).
fn sides(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut rest = bytes.strip_prefix(&[0xff, 0xd8])?;
    loop {
        // Any number of fill bytes may stand before a marker.
        while let [0xff, 0xff, ..] = rest {
            rest = rest.get(1..)?;
        }
        let [0xff, marker, after @ ..] = rest else {
            return None;
        };
        // Markers without a segment: temporary and restart.
        if matches!(marker, 0x01 | 0xd0..=0xd7) {
            rest = after;
            continue;
        }
        let [high, low, segment @ ..] = after else {
            return None;
        };
        // Start-of-frame markers, without the tables and the extension that share their range.
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            let [_, h1, h2, w1, w2, ..] = segment else {
                return None;
            };
            let side = |high: u8, low: u8| u32::from(u16::from_be_bytes([high, low]));
            return Some((side(*w1, *w2), side(*h1, *h2)));
        }
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        rest = segment.get(length.checked_sub(2)?..)?;
    }
}
