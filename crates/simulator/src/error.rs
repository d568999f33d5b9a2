//! What can end a simulator.

use std::{fmt, io, net::SocketAddr};

/// Why a simulator could not start, or stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The options contradict the limits or name files that cannot be read; all of it at once.
    #[error("configuration: {}", Lines(.problems))]
    Configuration {
        /// A sentence each, naming the option.
        problems: Vec<String>,
    },
    /// The address could not be listened on.
    #[error("listen on {address}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The HTTP server stopped.
    #[error("HTTP server stopped")]
    Serve(#[source] io::Error),
    /// The HTTP client for webhooks could not be built.
    #[error("HTTP client for webhooks")]
    Client(#[source] reqwest::Error),
    /// A task panicked: a bug of the simulator.
    #[error("the {task} task ended by a panic")]
    Task {
        /// Which task.
        task: &'static str,
    },
    /// The start line could not be written to standard output.
    #[error("standard output")]
    Stdout(#[source] io::Error),
}

/// Problems, separated by semicolons.
struct Lines<'a>(&'a [String]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}
