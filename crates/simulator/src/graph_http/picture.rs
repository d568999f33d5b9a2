//! What Meta demands of a group's picture: JPEG, square, at least 192 pixels, at most 5 MB.

use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

use super::{
    body::File,
    refusal::{self, Refusal},
};
use crate::{
    limits::{PICTURE_BYTES_MAX, PICTURE_SIDE_MIN},
    model::business::Picture,
};

/// Judges a picture. What is no JPEG is refused at once, a wrong size later, by webhook.
pub(super) fn judge(file: &File) -> Result<Picture, Refusal> {
    if file.bytes.len() > PICTURE_BYTES_MAX {
        return Err(Refusal::parameter("The picture must have at most 5 MB"));
    }
    let sides = if file.content_type.is_empty() || file.content_type == "image/jpeg" {
        sides(&file.bytes)
    } else {
        None
    };
    let Some((width, height)) = sides else {
        return Err(Refusal::parameter("The picture must be a JPEG"));
    };
    let refused = if width != height {
        Some(Refusal::new(
            refusal::NOT_SQUARE,
            "The picture must be square",
        ))
    } else if width < PICTURE_SIDE_MIN {
        Some(Refusal::new(
            refusal::TOO_SMALL,
            "The picture must have at least 192 pixels a side",
        ))
    } else {
        None
    };
    Ok(Picture {
        sha256: STANDARD.encode(Sha256::digest(&file.bytes)),
        refused,
    })
}

/// Width and height from the frame header of a JPEG.
fn sides(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut rest = bytes.strip_prefix(&[0xff, 0xd8])?;
    loop {
        // Any number of fill bytes may stand before a marker.
        while let [0xff, 0xff, ..] = rest {
            rest = rest.get(1..)?;
        }
        let [0xff, marker, high, low, ..] = rest else {
            return None;
        };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        // Start-of-frame markers, without the tables that share their range.
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            let [_, _, _, _, _, h1, h2, w1, w2, ..] = rest else {
                return None;
            };
            let side = |high: u8, low: u8| u32::from(u16::from_be_bytes([high, low]));
            return Some((side(*w1, *w2), side(*h1, *h2)));
        }
        rest = rest.get(2 + length..)?;
    }
}
