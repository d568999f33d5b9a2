//! What ingest knows Meta by, which can be replaced while it serves.

use std::sync::{Arc, PoisonError, RwLock};

use chassis::{ExposeSecret, SecretString};

use crate::signature::{self, Keys};

/// The app secrets and the verify token.
#[derive(Debug)]
pub(crate) struct Secrets(RwLock<Held>);

#[derive(Debug)]
struct Held {
    /// Kept to see whether they changed.
    app_secrets: Vec<SecretString>,
    keys: Arc<Keys>,
    verify_token: Option<SecretString>,
}

impl Held {
    fn new(app_secrets: &[SecretString], verify_token: Option<&SecretString>) -> Self {
        Self {
            app_secrets: app_secrets.to_vec(),
            keys: Arc::new(Keys::new(app_secrets)),
            verify_token: verify_token.cloned(),
        }
    }

    fn holds(&self, app_secrets: &[SecretString], verify_token: Option<&SecretString>) -> bool {
        let texts = |secrets: &[SecretString], token: Option<&SecretString>| {
            let secrets: Vec<_> = secrets
                .iter()
                .map(|s| s.expose_secret().to_owned())
                .collect();
            (secrets, token.map(|token| token.expose_secret().to_owned()))
        };
        texts(&self.app_secrets, self.verify_token.as_ref()) == texts(app_secrets, verify_token)
    }
}

impl Secrets {
    pub(crate) fn new(app_secrets: &[SecretString], verify_token: Option<&SecretString>) -> Self {
        Self(RwLock::new(Held::new(app_secrets, verify_token)))
    }

    /// Says whether they are others than before.
    pub(crate) fn replace(
        &self,
        app_secrets: &[SecretString],
        verify_token: Option<&SecretString>,
    ) -> bool {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let is_new = !held.holds(app_secrets, verify_token);
        if is_new {
            *held = Held::new(app_secrets, verify_token);
        }
        is_new
    }

    pub(crate) fn keys(&self) -> Arc<Keys> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&held.keys)
    }

    /// In a time that does not depend on the token's content; without a token none is right.
    pub(crate) fn is_verify_token(&self, given: &str) -> bool {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let token = held.verify_token.as_ref();
        token.is_some_and(|token| signature::same(token.expose_secret(), given))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    #[test]
    fn what_is_replaced_counts_at_once_and_what_is_the_same_is_no_news() {
        let (old, new) = ([secret("old")], [secret("old"), secret("new")]);
        let (token, other) = (secret("t"), secret("u"));
        let secrets = Secrets::new(&old, Some(&token));
        assert!(secrets.is_verify_token("t"));
        assert!(!secrets.replace(&old, Some(&token)));
        assert!(secrets.replace(&new, Some(&token)));
        assert!(secrets.replace(&new, Some(&other)));
        assert!(secrets.is_verify_token("u") && !secrets.is_verify_token("t"));
        assert!(secrets.replace(&new, None));
        assert!(!secrets.is_verify_token("u") && !secrets.is_verify_token(""));
        assert_eq!(format!("{:?}", secrets.keys()), "2 keys");
    }
}
