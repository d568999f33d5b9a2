//! The options of `rollcall simulator`.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::Args as ClapArgs;
use secrecy::SecretString;
use url::Url;

use crate::{
    clock::Clock,
    error::Error,
    limits::{GROUPS_PER_NUMBER_MAX, NUMBERS_MAX},
    run::Config,
};

/// Plays WhatsApp: the Graph API's group calls, signed webhooks, and faults on demand.
#[derive(Clone, Debug, ClapArgs)]
pub struct Args {
    /// Where the Graph API and the control API (/sim/…) listen; port 0 picks a free one.
    #[arg(long, env = "ROLLCALL_LISTEN", default_value = "127.0.0.1:9000")]
    pub listen: SocketAddr,
    /// Decides every id and what people do.
    #[arg(long, env = "ROLLCALL_SEED", default_value_t = 1)]
    pub seed: u64,
    /// Business numbers, 1 to 100: 300000000000001, 300000000000002, …
    #[arg(long, env = "ROLLCALL_NUMBERS", default_value_t = 1)]
    pub numbers: u32,
    /// Groups of each number at the start, at most 10000.
    #[arg(long, env = "ROLLCALL_GROUPS", default_value_t = 100)]
    pub groups: u32,
    /// Where webhooks are sent; without it they wait until PUT /sim/webhook names one.
    #[arg(long, env = "ROLLCALL_WEBHOOK_URL")]
    pub webhook_url: Option<Url>,
    /// File with the app secret that signs webhooks [default: the reference's `sample-app-secret`].
    #[arg(long, env = "ROLLCALL_APP_SECRET_FILE")]
    pub app_secret_file: Option<PathBuf>,
    /// File with the only access token accepted [default: any token].
    #[arg(long, env = "ROLLCALL_ACCESS_TOKEN_FILE")]
    pub access_token_file: Option<PathBuf>,
    /// Webhooks in flight at once, 1 to 1024.
    #[arg(long, env = "ROLLCALL_WEBHOOK_CONCURRENCY", default_value_t = 16)]
    pub webhook_concurrency: usize,
    /// Seconds ago that the groups of the start were created.
    #[arg(long, env = "ROLLCALL_API_PAST", default_value_t = 3600)]
    pub api_past: u64,
}

impl Args {
    /// Checks everything and reads the secrets.
    ///
    /// # Errors
    /// [`Error::Configuration`] with all problems at once.
    pub fn config(self) -> Result<Config, Error> {
        let Self {
            listen,
            seed,
            numbers,
            groups,
            webhook_url,
            app_secret_file,
            access_token_file,
            webhook_concurrency,
            api_past,
        } = self;
        let mut problems = Vec::new();
        if !(1..=NUMBERS_MAX).contains(&numbers) {
            problems.push(format!("--numbers must be from 1 to {NUMBERS_MAX}"));
        }
        if !usize::try_from(groups).is_ok_and(|groups| groups <= GROUPS_PER_NUMBER_MAX) {
            problems.push(format!("--groups must be at most {GROUPS_PER_NUMBER_MAX}"));
        }
        if !(1..=1024).contains(&webhook_concurrency) {
            problems.push("--webhook-concurrency must be from 1 to 1024".to_owned());
        }
        let mut secret = |option: &str, file: Option<&Path>| match file.map(std::fs::read_to_string)
        {
            None => None,
            Some(Ok(text)) if !text.trim().is_empty() => Some(SecretString::from(text.trim())),
            Some(Ok(_)) => {
                problems.push(format!("{option} names an empty file"));
                None
            }
            Some(Err(error)) => {
                problems.push(format!("{option}: {error}"));
                None
            }
        };
        let app_secret = secret("--app-secret-file", app_secret_file.as_deref());
        let access_token = secret("--access-token-file", access_token_file.as_deref());
        if !problems.is_empty() {
            return Err(Error::Configuration { problems });
        }
        let defaults = Config::default();
        Ok(Config {
            listen,
            seed,
            numbers,
            groups,
            webhook_url,
            app_secret: app_secret.unwrap_or(defaults.app_secret),
            access_token,
            webhook_concurrency,
            api_past_seconds: api_past,
            clock: Clock::System,
        })
    }
}

#[cfg(test)]
mod tests;
