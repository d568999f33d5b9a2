//! Vectors for readers in other languages.

mod vectors;
