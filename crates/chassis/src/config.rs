//! Configuration problems, collected so that a person sees all of them at once.

use std::fmt;

/// Everything that is wrong with a configuration, one sentence each; exit status 2.
///
/// Each sentence names the option it is about, and never a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigProblems(pub Vec<String>);

impl ConfigProblems {
    /// Nothing wrong so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes one problem.
    pub fn push(&mut self, problem: impl Into<String>) {
        self.0.push(problem.into());
    }

    /// The value, or its error noted with the name of the option it came from.
    pub fn take<T>(&mut self, option: &str, value: Result<T, impl fmt::Display>) -> Option<T> {
        match value {
            Ok(value) => Some(value),
            Err(error) => {
                self.push(format!("{option}: {error}"));
                None
            }
        }
    }

    /// Fails with all problems noted, if there are any.
    ///
    /// # Errors
    /// Itself, when anything was noted.
    pub fn finish(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for ConfigProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for ConfigProblems {}
