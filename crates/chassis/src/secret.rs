//! Secrets that an option names: a file, or an environment variable.
//!
//! The value is read when the command line is parsed, so that a wrong path is a usage error
//! like any other, and it is never printed: `Debug` shows where it came from.

use std::{
    env,
    ffi::OsString,
    fmt, fs,
    io::{self, Read},
    path::{Path, PathBuf},
    str::FromStr,
};

use secrecy::{ExposeSecret, SecretString};

use crate::limits;

/// Why a secret cannot be had. Never shows any of its content.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("{path} cannot be read: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not. (Shown in the message, for a usage error is one line.)
        source: io::Error,
    },
    /// The file is larger than [`limits::SECRET_BYTES_MAX`].
    #[error("{path} is too large for a secret", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// There is no such environment variable, or it is not UTF-8.
    #[error("environment variable {name} is not set, or not text")]
    Variable {
        /// Its name.
        name: String,
    },
    /// It is not UTF-8.
    #[error("{origin} is not text")]
    NotText {
        /// Where it was read from.
        origin: String,
    },
    /// Nothing is left after its last line end was cut off.
    #[error("{origin} is empty")]
    Empty {
        /// Where it was read from.
        origin: String,
    },
    /// It has several lines; a secret is one.
    #[error("{origin} has more than one line")]
    Lines {
        /// Where it was read from.
        origin: String,
    },
}

/// The value of an option such as `--app-secret-file`: a path, or `env:NAME`.
///
/// Take it as `#[arg(long)] app_secret_file: Vec<SecretFile>` to allow several.
#[derive(Clone)]
pub struct SecretFile {
    origin: Origin,
    secret: SecretString,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin {
    File(PathBuf),
    Variable(String),
}

impl SecretFile {
    /// The secret as it was when the command line was parsed.
    pub fn secret(&self) -> &SecretString {
        &self.secret
    }

    /// Reads it anew, for a secret that was replaced while the process runs.
    ///
    /// # Errors
    /// As when it was parsed.
    pub fn reread(&self) -> Result<SecretString, Error> {
        read(&self.origin)
    }

    /// Whether two are the same secret; for tests and for duplicates on a command line.
    pub fn same_as(&self, other: &Self) -> bool {
        self.secret.expose_secret() == other.secret.expose_secret()
    }
}

impl FromStr for SecretFile {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let origin = match text.strip_prefix("env:") {
            Some(name) => Origin::Variable(name.to_owned()),
            None => Origin::File(PathBuf::from(text)),
        };
        let secret = read(&origin)?;
        Ok(Self { origin, secret })
    }
}

impl fmt::Debug for SecretFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.origin)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(name) => write!(f, "env:{name}"),
        }
    }
}

fn read(origin: &Origin) -> Result<SecretString, Error> {
    let text = match origin {
        Origin::File(path) => read_text(path)?,
        Origin::Variable(name) => variable(name)?,
    };
    let shown = origin.to_string();
    // Editors and `echo` end a file with a line end that is no part of the secret.
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    let secret = secret.strip_suffix('\r').unwrap_or(secret);
    if secret.trim().is_empty() {
        return Err(Error::Empty { origin: shown });
    }
    if secret.contains(['\n', '\r']) {
        return Err(Error::Lines { origin: shown });
    }
    Ok(SecretString::from(secret))
}

/// A file of bounded size as text.
pub(crate) fn read_text(path: &Path) -> Result<String, Error> {
    let owned = || path.to_owned();
    let failed = |source| Error::Read {
        path: owned(),
        source,
    };
    let file = fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(limits::SECRET_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if u64::try_from(bytes.len()).is_ok_and(|len| len > limits::SECRET_BYTES_MAX) {
        return Err(Error::TooLarge { path: owned() });
    }
    String::from_utf8(bytes).map_err(|_| Error::NotText {
        origin: path.display().to_string(),
    })
}

fn variable(name: &str) -> Result<String, Error> {
    env::var_os(name)
        .map(OsString::into_string)
        .and_then(Result::ok)
        .ok_or_else(|| Error::Variable {
            name: name.to_owned(),
        })
}

#[cfg(test)]
mod tests;
