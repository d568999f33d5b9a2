//! Vectors for readers in other languages.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod vectors;
