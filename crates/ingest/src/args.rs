//! The options of ingest, and what they come to.

use std::{net::SocketAddr, time::Duration};

use chassis::{SecretFile, SecretString, secret};

use crate::judge::Window;

/// Options of the service that takes Meta's webhooks.
///
/// ```text
/// rollcall ingest --app-secret-file secret --verify-token-file token
/// ```
#[derive(clap::Args, Clone, Debug)]
#[group(skip)]
pub struct Args {
    /// Address that takes Meta's webhooks, at /webhooks; port 0 takes a free one
    #[arg(
        long,
        env = "ROLLCALL_WEBHOOK_LISTEN",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8080"
    )]
    pub webhook_listen: SocketAddr,

    /// File with the app secret that Meta signs with, or env:NAME; several while it is being changed
    #[arg(
        long,
        env = "ROLLCALL_APP_SECRET_FILE",
        value_name = "FILE",
        value_delimiter = ',',
        required = true
    )]
    pub app_secret_file: Vec<SecretFile>,

    /// File with the token that Meta names when it verifies the address, or env:NAME [default: none verifies]
    #[arg(long, env = "ROLLCALL_VERIFY_TOKEN_FILE", value_name = "FILE")]
    pub verify_token_file: Option<SecretFile>,

    /// How far behind our clock a webhook's timestamp may be before it goes to quarantine; 0 is any time
    #[arg(
        long,
        env = "ROLLCALL_TIMESTAMP_PAST",
        value_name = "DURATION",
        default_value = "30d",
        value_parser = chassis::duration::parse
    )]
    pub timestamp_past: Duration,

    /// How far ahead of our clock a webhook's timestamp may be before it goes to quarantine
    #[arg(
        long,
        env = "ROLLCALL_TIMESTAMP_FUTURE",
        value_name = "DURATION",
        default_value = "10m",
        value_parser = chassis::duration::parse
    )]
    pub timestamp_future: Duration,
}

/// What ingest works by, however it was come by: a command line, or a program that runs it in its own process.
#[derive(Clone, Debug)]
pub struct Settings {
    /// App secrets; a webhook signed with any of them is taken.
    pub app_secrets: Vec<SecretString>,
    /// Token of the handshake; without one every handshake is refused.
    pub verify_token: Option<SecretString>,
    /// Where both come from, to be read again while it serves.
    pub files: Option<Files>,
    /// Seconds that items may be stamped with.
    pub window: Window,
}

/// The files that secrets come from.
#[derive(Clone, Debug)]
pub struct Files {
    app_secrets: Vec<SecretFile>,
    verify_token: Option<SecretFile>,
}

impl Files {
    /// What they hold now: all of it, or nothing.
    pub(crate) fn read(&self) -> Result<(Vec<SecretString>, Option<SecretString>), secret::Error> {
        let app_secrets = self.app_secrets.iter().map(SecretFile::reread);
        let verify_token = self.verify_token.as_ref().map(SecretFile::reread);
        Ok((
            app_secrets.collect::<Result<_, _>>()?,
            verify_token.transpose()?,
        ))
    }
}

impl Args {
    /// The settings that these options come to.
    pub fn settings(&self) -> Settings {
        let Self {
            webhook_listen: _,
            app_secret_file,
            verify_token_file,
            timestamp_past,
            timestamp_future,
        } = self;
        let secret = |file: &SecretFile| file.secret().clone();
        Settings {
            app_secrets: app_secret_file.iter().map(secret).collect(),
            verify_token: verify_token_file.as_ref().map(secret),
            files: Some(Files {
                app_secrets: app_secret_file.clone(),
                verify_token: verify_token_file.clone(),
            }),
            window: Window {
                past: Some(seconds(*timestamp_past)).filter(|past| *past > 0),
                future: seconds(*timestamp_future),
            },
        }
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
