//! One HTTP exchange, bounded in size and time.

use std::{net::IpAddr, time::Duration};

use http::{HeaderValue, Method, header::AUTHORIZATION};
use secrecy::ExposeSecret as _;
use tokio::time::Instant;
use url::{Host, Url};

use super::{
    Answer, Client, ClientConfig, ConfigError, Error, Refused, Sent,
    error::{BadId, classify_transport},
};
use crate::{
    json::{Document, NotJson, Value},
    limits::{CONNECTION_IDLE_MAX, CONNECTIONS_IDLE_MAX, RESPONSE_BYTES_MAX},
    webhook::Refusal,
};

/// One call of the API.
pub(super) struct Call<'a> {
    /// What it is called in logs.
    pub(super) name: &'static str,
    pub(super) method: Method,
    /// Path below the version; ids are encoded.
    pub(super) path: &'a [&'a str],
    pub(super) query: &'a [(&'a str, &'a str)],
}

impl Client {
    /// Makes a client; nothing is sent.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if URL or token cannot be used, or the machine's TLS cannot be set up.
    pub fn new(config: ClientConfig) -> Result<Self, ConfigError> {
        let ClientConfig {
            graph_url,
            graph_version,
            access_token,
            connect_timeout,
            request_timeout,
        } = config;
        if !matches!(graph_url.scheme(), "http" | "https") || graph_url.host().is_none() {
            return Err(ConfigError::GraphUrl);
        }
        let mut authorization =
            HeaderValue::try_from(format!("Bearer {}", access_token.expose_secret()))
                .map_err(|_| ConfigError::AccessToken)?;
        authorization.set_sensitive(true);
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("rollcall/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(connect_timeout)
            .timeout(request_timeout)
            .pool_idle_timeout(CONNECTION_IDLE_MAX)
            .pool_max_idle_per_host(CONNECTIONS_IDLE_MAX)
            // A redirect would take the token to wherever it points.
            .redirect(reqwest::redirect::Policy::none())
            // Whoever calls decides about trying again; nothing below may.
            .retry(reqwest::retry::never());
        if is_loopback(&graph_url) {
            // A simulator on this machine is not behind the machine's proxy.
            http = http.no_proxy();
        }
        let http = http.build().map_err(ConfigError::Http)?;
        let mut base = graph_url;
        base.set_query(None);
        base.set_fragment(None);
        if let Ok(mut segments) = base.path_segments_mut() {
            segments.pop_if_empty();
            if !graph_version.is_empty() {
                segments.push(&graph_version);
            }
        }
        Ok(Self {
            http,
            base,
            authorization,
        })
    }

    /// Sends a call and reads its answer. All calls go through here.
    pub(super) async fn call<T>(
        &self,
        call: Call<'_>,
        read: impl FnOnce(Value<'_>) -> Result<T, Refusal>,
    ) -> Result<Answer<T>, Error> {
        let url = self.url(&call)?;
        let begun = Instant::now();
        let answer = self.exchange(&call, url, begun, read).await;
        let duration_ms = begun.elapsed().as_millis();
        match &answer {
            Ok(_) => tracing::debug!(call = call.name, duration_ms, "Graph call answered"),
            Err(error) => {
                tracing::debug!(
                    call = call.name,
                    duration_ms,
                    outcome = error.as_str(),
                    code = error.code(),
                    "Graph call failed"
                );
            }
        }
        answer
    }

    fn url(&self, call: &Call<'_>) -> Result<Url, Error> {
        let mut url = self.base.clone();
        {
            let mut segments = url.path_segments_mut().map_err(|()| BadId)?;
            for segment in call.path {
                // An empty id or a step upwards would make this another call.
                if matches!(*segment, "" | "." | "..") {
                    return Err(BadId.into());
                }
                segments.push(segment);
            }
        }
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        Ok(url)
    }

    async fn exchange<T>(
        &self,
        call: &Call<'_>,
        url: Url,
        begun: Instant,
        read: impl FnOnce(Value<'_>) -> Result<T, Refusal>,
    ) -> Result<Answer<T>, Error> {
        let request = self
            .http
            .request(call.method.clone(), url)
            .header(AUTHORIZATION, self.authorization.clone());
        let mut response = request
            .send()
            .await
            .map_err(|source| classify_transport(source, None))?;
        let status = response.status().as_u16();
        let mut sent = Sent::read(response.headers(), begun.elapsed());
        let mut body = Vec::new();
        let complete = loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > RESPONSE_BYTES_MAX => {
                    return Err(Error::TooLarge { status, sent });
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break Ok(()),
                Err(source) => break Err(source),
            }
        };
        sent.elapsed = begun.elapsed();
        complete.map_err(|source| classify_transport(source, Some((status, sent.clone()))))?;
        answer(status, sent, &body, read)
    }
}

/// Reads a complete body.
fn answer<T>(
    status: u16,
    sent: Sent,
    body: &[u8],
    read: impl FnOnce(Value<'_>) -> Result<T, Refusal>,
) -> Result<Answer<T>, Error> {
    let document = match Document::parse(body) {
        Ok(document) => document,
        Err(NotJson::Syntax { at }) if at >= body.len() => {
            return Err(Error::Truncated { status, sent });
        }
        Err(NotJson::Empty | NotJson::NotUtf8 | NotJson::TooLarge | NotJson::Syntax { .. }) => {
            return Err(Error::NotJson { status, sent });
        }
    };
    let root = document.root();
    // Whatever the status says: partial success is 206, and throttling mostly 400.
    if let Some(error) = root.get("error").filter(|error| !error.is_null()) {
        return Err(Error::Refused(Box::new(Refused::read(status, sent, error))));
    }
    if !(200..300).contains(&status) {
        return Err(Error::NotJson { status, sent });
    }
    match read(root) {
        Ok(value) => Ok(Answer { value, sent }),
        Err(source) => Err(Error::Unexpected {
            status,
            sent,
            source,
        }),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// A wait that a header names, in seconds.
pub(super) fn seconds(text: &str) -> Option<Duration> {
    text.trim().parse().ok().map(Duration::from_secs)
}
