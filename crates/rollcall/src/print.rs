//! Output for people and programs: standard output, where a closed pipe is an ordinary end.

use std::{
    fmt::Display,
    io::{self, Write as _},
};

/// Prints a line.
pub(crate) fn line(text: impl Display) -> anyhow::Result<()> {
    lines(format_args!("{text}\n"))
}

/// Prints text that ends its own lines.
pub(crate) fn lines(text: impl Display) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        // Whoever read has read enough: `rollcall groups list | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        written => Ok(written?),
    }
}
