//! Why the reconciler ends.

/// Ends the process.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log refused for good, or for longer than is worth waiting.
    #[error("append to or read from the log")]
    Log(#[source] eventlog::Error),
    /// The client for Meta's API could not be made.
    #[error("set up the client for Meta's API")]
    Client(#[source] graph::api::ConfigError),
    /// A dry run could not read the list.
    #[error("list of active groups was not read to its end: {reason}")]
    List {
        /// Why.
        reason: &'static str,
    },
}
