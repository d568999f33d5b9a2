//! What the fuzzer has found interesting once is tried by every run of the tests, and much beside it.

#[cfg(test)]
mod corpus;
