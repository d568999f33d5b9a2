//! Is the app still sent the webhooks that Rollcall lives on? A field that nobody subscribed to is never sent, and nothing else tells.

use std::collections::BTreeSet;

use chassis::{
    CancellationToken, Clock, ExposeSecret as _, SecretFile, SecretString, health::Alarm,
};
use graph::api::{self, Client, Subscription};
use prometheus_client::metrics::gauge::Gauge;

use crate::{
    limits::{SUBSCRIPTION_EVERY, SUBSCRIPTION_RETRY},
    snapshots::Snapshots,
    upstream::Meta,
};

/// The object that all of WhatsApp's fields belong to (reference §1.7).
const OBJECT: &str = "whatsapp_business_account";

/// Fields that are needed, each with the names that Meta gives it (reference §2.1: both readings are accepted).
const FIELDS: [(&str, &[&str]); 5] = [
    ("group_lifecycle_update", &["group_lifecycle_update"]),
    (
        "group_participants_update",
        &["group_participants_update", "group_participant_update"],
    ),
    ("group_settings_update", &["group_settings_update"]),
    ("group_status_update", &["group_status_update"]),
    ("messages", &["messages"]),
];

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Everything is subscribed to.
    Subscribed,
    /// The app is not subscribed to these fields.
    Missing(Vec<&'static str>),
    /// An account sends its webhooks to other apps only.
    Unsent,
    /// Meta did not say.
    Unknown(&'static str),
}

/// What the check is made of.
#[derive(Debug)]
pub(crate) struct Check {
    /// Where the app's token is; read again for each look, for it changes with the app secret.
    pub(crate) app_token: SecretFile,
    /// Presents the access token, for what accounts say.
    pub(crate) meta: Meta,
    pub(crate) snapshots: Snapshots,
    pub(crate) alarm: Alarm,
    pub(crate) missing: Gauge,
}

impl Check {
    /// Looks every hour, sooner while something is wrong, until shutdown.
    pub(crate) async fn run(
        self,
        clock: Clock,
        shutdown: CancellationToken,
    ) -> Result<(), eventlog::Error> {
        let mut before = None;
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = self.snapshots.caught_up() => {}
        }
        loop {
            let finding = tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                finding = self.look() => finding,
            };
            if before.as_ref() != Some(&finding) {
                self.tell(&finding);
            }
            let pause = match &finding {
                Finding::Subscribed => SUBSCRIPTION_EVERY,
                Finding::Missing(_) | Finding::Unsent | Finding::Unknown(_) => SUBSCRIPTION_RETRY,
            };
            before = Some(finding);
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = clock.sleep(pause) => {}
            }
        }
    }

    async fn look(&self) -> Finding {
        let file = self.app_token.clone();
        // Reading a file may block.
        let Ok(Ok(token)) = tokio::task::spawn_blocking(move || file.reread()).await else {
            return Finding::Unknown("the app token's file cannot be read");
        };
        let Ok(app) = self.meta.with_token(&token) else {
            return Finding::Unknown("the app token cannot be sent");
        };
        let app_id = match app_id(&app, &token).await {
            Ok(app_id) => app_id,
            Err(finding) => return finding,
        };
        let subscriptions = match app.subscriptions(&app_id).await {
            Ok(answer) => answer.value,
            Err(error) => return unknown(&error),
        };
        let missing = missing(&subscriptions);
        if !missing.is_empty() {
            return Finding::Missing(missing);
        }
        for waba in self.accounts() {
            match self.meta.client().subscribed_apps(&waba).await {
                Ok(answer) if !answer.value.contains(&app_id) => return Finding::Unsent,
                Ok(_) => {}
                Err(error) => return unknown(&error),
            }
        }
        Finding::Subscribed
    }

    /// Accounts that are known of the numbers.
    fn accounts(&self) -> BTreeSet<String> {
        let numbers = self.snapshots.held().numbers();
        let accounts = numbers.iter().filter_map(|(_, number)| {
            let waba = number.core.waba.as_ref()?;
            Some(waba.value.to_string())
        });
        accounts.collect()
    }

    fn tell(&self, finding: &Finding) {
        let (count, reason) = match finding {
            Finding::Subscribed => {
                self.missing.set(0);
                self.alarm.clear();
                tracing::info!("the app is subscribed to every field that is needed");
                return;
            }
            Finding::Missing(fields) => (
                i64::try_from(fields.len()).unwrap_or(i64::MAX),
                format!("the app is not subscribed to {}", fields.join(", ")),
            ),
            Finding::Unsent => (
                1,
                "an account is not subscribed to the app: POST /{waba-id}/subscribed_apps"
                    .to_owned(),
            ),
            Finding::Unknown(why) => (-1, format!("subscriptions could not be read: {why}")),
        };
        self.missing.set(count);
        tracing::error!("{reason}: webhooks that are not sent are noticed by the next reads only");
        self.alarm.raise(reason);
    }
}

/// The app's id stands before the bar of its token; a token of another form is asked whose it is.
async fn app_id(app: &Client, token: &SecretString) -> Result<String, Finding> {
    if let Some((id, _)) = token.expose_secret().split_once('|')
        && !id.is_empty()
        && id.bytes().all(|byte| byte.is_ascii_digit())
    {
        return Ok(id.to_owned());
    }
    match app.app().await {
        Ok(answer) => answer
            .value
            .ok_or(Finding::Unknown("Meta does not say whose token it is")),
        Err(error) => Err(unknown(&error)),
    }
}

/// Fields that no active subscription has, by the first of their names.
fn missing(subscriptions: &[Subscription]) -> Vec<&'static str> {
    let ours = subscriptions
        .iter()
        .filter(|subscription| subscription.object == OBJECT && subscription.is_active);
    let fields: BTreeSet<&str> = ours
        .flat_map(|subscription| subscription.fields.iter().map(String::as_str))
        .collect();
    let needed = FIELDS
        .iter()
        .filter(|(_, names)| !names.iter().any(|name| fields.contains(name)));
    needed.map(|(name, _)| *name).collect()
}

fn unknown(error: &api::Error) -> Finding {
    tracing::debug!(%error, "subscriptions could not be read");
    Finding::Unknown(match error.meaning() {
        Some(api::Meaning::Auth) => "Meta refuses the token",
        Some(_) => "Meta refused",
        None => "Meta did not answer as it should",
    })
}

#[cfg(test)]
mod tests;
