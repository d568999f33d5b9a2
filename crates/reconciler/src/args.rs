//! Settings.

use std::{num::NonZeroU32, time::Duration};

use chassis::SecretFile;
use clap::Args as ClapArgs;
use domain::ids::{PhoneNumberId, Second};
use url::Url;

use crate::limits::{LAG_MAX, LAG_MIN, SESSION_TIMEOUT};

/// Settings of the reconciler.
#[derive(Debug, Clone, ClapArgs)]
#[group(skip)]
pub struct Args {
    /// Address of Meta's Graph API.
    #[arg(
        long,
        env = "ROLLCALL_GRAPH_URL",
        default_value = "https://graph.facebook.com"
    )]
    pub graph_url: Url,

    /// Version of the Graph API.
    #[arg(long, env = "ROLLCALL_GRAPH_VERSION", default_value = "v25.0")]
    pub graph_version: String,

    /// File with the system user's access token, or env:NAME.
    #[arg(long, env = "ROLLCALL_ACCESS_TOKEN_FILE")]
    pub access_token_file: SecretFile,

    /// File with the app's token, or env:NAME, as Meta writes it: the app's id, a bar, its secret. With it the app's
    /// subscriptions are checked, for a field that is not subscribed to is never sent.
    #[arg(long, env = "ROLLCALL_APP_TOKEN_FILE")]
    pub app_token_file: Option<SecretFile>,

    /// Business phone number whose groups are kept, as Meta names it; repeat for several.
    #[arg(long, env = "ROLLCALL_PHONE_NUMBER_ID", value_delimiter = ',', required = true, value_parser = number)]
    pub phone_number_id: Vec<PhoneNumberId>,

    /// L: how far Meta's API may lag behind what happened, clocks included; a read asserts at its second less this.
    #[arg(long, env = "ROLLCALL_API_LAG", default_value = "300s", value_parser = lag)]
    pub api_lag: Duration,

    /// How often the list of active groups is compared; 0 switches the reconciler off.
    #[arg(long, env = "ROLLCALL_LIST_EVERY", default_value = "5m", value_parser = chassis::duration::parse)]
    pub list_every: Duration,

    /// Calls to Meta's API an hour and number, list and reads together.
    #[arg(long, env = "ROLLCALL_READS_PER_HOUR", default_value = "600")]
    pub reads_per_hour: NonZeroU32,

    /// Compare once, print the plan, change nothing, and end.
    #[arg(long)]
    pub dry_run: bool,
}

/// What an instance is in the consumer group that decides which instance owns which number.
#[derive(Debug, Clone, PartialEq, Eq, ClapArgs)]
pub struct Member {
    /// Name of this instance, the same after a restart and no other's, such as the pod's: with it a restart within
    /// the session time-out moves no number (group.instance.id of Kafka). Without it numbers move at each stop and start.
    #[arg(long, env = "ROLLCALL_INSTANCE_ID", value_name = "NAME")]
    pub instance_id: Option<String>,

    /// How long the group waits for an instance that is silent before another owns its numbers; at least the broker's
    /// group.min.session.timeout.ms, which is 6s.
    #[arg(
        long,
        env = "ROLLCALL_SESSION_TIMEOUT",
        value_name = "DURATION",
        value_parser = chassis::duration::parse,
        default_value = "15s"
    )]
    pub session_timeout: Duration,
}

impl Default for Member {
    fn default() -> Self {
        Self {
            instance_id: None,
            session_timeout: SESSION_TIMEOUT,
        }
    }
}

/// `L` in whole seconds, never less than what was asked for.
pub(crate) fn lag_seconds(api_lag: Duration) -> Second {
    let seconds = api_lag.as_millis().div_ceil(1_000);
    Second::try_from(seconds).unwrap_or(Second::MAX)
}

fn lag(text: &str) -> Result<Duration, String> {
    let lag = chassis::duration::parse(text).map_err(|error| error.to_string())?;
    if (LAG_MIN..=LAG_MAX).contains(&lag) {
        Ok(lag)
    } else {
        let format = chassis::duration::format;
        Err(format!(
            "must be from {} to {}",
            format(LAG_MIN),
            format(LAG_MAX)
        ))
    }
}

fn number(text: &str) -> Result<PhoneNumberId, String> {
    PhoneNumberId::parse(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
