//! One HTTP exchange, bounded in size and time.

use std::{net::IpAddr, time::Duration};

use http::{HeaderValue, Method, header::AUTHORIZATION};
use reqwest::{
    RequestBuilder,
    multipart::{Form, Part},
};
use secrecy::ExposeSecret as _;
use tokio::time::Instant;
use url::{Host, Url};

use super::{
    Answer, Body, Client, ClientConfig, Code, Command, ConfigError, Error, Invalid, Read, Refused,
    Rendered, Reply, Sent,
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
            offers_add: false,
        })
    }

    /// The same client, which also sends [`Command::AddParticipants`]: Meta's OpenAPI has it, its guide
    /// says that participants cannot be added.
    #[must_use]
    pub fn offering_add(mut self) -> Self {
        self.offers_add = true;
        self
    }

    /// Sends a command and reads its answer. It is sent once; [`Command::may_repeat`] says whether
    /// it may be sent again after an error.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if nothing was sent; else as Meta answers. [`Error::executed`] says whether
    /// it may have been done all the same.
    pub async fn execute(&self, command: &Command) -> Result<Answer<Reply>, Error> {
        if matches!(command, Command::AddParticipants { .. }) && !self.offers_add {
            return Err(Invalid::AddNotOffered.into());
        }
        let rendered = command.render()?;
        let request = self.request(&rendered)?;
        let read = |status, root: Option<Value<'_>>| match root {
            Some(root) => Reply::read(command, status, root),
            None => Reply::empty(command).ok_or(Refusal::Missing { path: "the answer" }),
        };
        self.send(command.as_str(), request, Partial::Read, read)
            .await
    }

    /// Sends a read and reads its answer.
    pub(super) async fn read<T>(
        &self,
        call: Read<'_>,
        read: impl FnOnce(Value<'_>) -> Result<T, Refusal>,
    ) -> Result<Answer<T>, Error> {
        let rendered = call.render().map_err(|_| BadId)?;
        let request = self.request(&rendered)?;
        self.send(call.as_str(), request, Partial::Refuse, whole(read))
            .await
    }

    /// Sends a call and reads its answer.
    pub(super) async fn call<T>(
        &self,
        call: Call<'_>,
        read: impl FnOnce(Value<'_>) -> Result<T, Refusal>,
    ) -> Result<Answer<T>, Error> {
        let url = self.url(call.path, call.query)?;
        let request = self.http.request(call.method.clone(), url);
        self.send(call.name, request, Partial::Refuse, whole(read))
            .await
    }

    /// The URL of a call, for people: what a dry run shows beside [`Rendered`].
    ///
    /// # Errors
    ///
    /// [`BadId`] for an id that no path can be made with.
    pub fn url_of(&self, rendered: &Rendered) -> Result<Url, BadId> {
        self.url(&rendered.path, &rendered.query)
    }

    fn request(&self, rendered: &Rendered) -> Result<RequestBuilder, Error> {
        let url = self.url_of(rendered)?;
        let request = self.http.request(rendered.method.clone(), url);
        Ok(match &rendered.body {
            Body::None => request,
            Body::Json(body) => request.json(body),
            Body::Multipart { fields, picture } => {
                let bytes = picture.bytes();
                let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                let part = Part::stream_with_length(bytes.clone(), length)
                    .file_name("picture.jpg")
                    .mime_str("image/jpeg")
                    .map_err(Error::Connect)?;
                let mut form = Form::new();
                for (name, value) in fields {
                    form = form.text(*name, value.clone());
                }
                request.multipart(form.part("profile_picture_file", part))
            }
        })
    }

    /// One exchange, timed and logged. All calls go through here.
    async fn send<T>(
        &self,
        name: &'static str,
        request: RequestBuilder,
        partial: Partial,
        read: impl FnOnce(u16, Option<Value<'_>>) -> Result<T, Refusal>,
    ) -> Result<Answer<T>, Error> {
        let begun = Instant::now();
        let answer = self.exchange(request, begun, partial, read).await;
        let duration_ms = begun.elapsed().as_millis();
        match &answer {
            Ok(_) => tracing::debug!(call = name, duration_ms, "Graph call answered"),
            Err(error) => {
                tracing::debug!(
                    call = name,
                    duration_ms,
                    outcome = error.as_str(),
                    code = error.code(),
                    "Graph call failed"
                );
            }
        }
        answer
    }

    fn url(
        &self,
        path: &[impl AsRef<str>],
        query: &[(&str, impl AsRef<str>)],
    ) -> Result<Url, BadId> {
        let mut url = self.base.clone();
        {
            let mut segments = url.path_segments_mut().map_err(|()| BadId)?;
            for segment in path {
                let segment = segment.as_ref();
                // An empty id or a step upwards would make this another call.
                if matches!(segment, "" | "." | "..") {
                    return Err(BadId);
                }
                segments.push(segment);
            }
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    async fn exchange<T>(
        &self,
        request: RequestBuilder,
        begun: Instant,
        partial: Partial,
        read: impl FnOnce(u16, Option<Value<'_>>) -> Result<T, Refusal>,
    ) -> Result<Answer<T>, Error> {
        let mut response = request
            .header(AUTHORIZATION, self.authorization.clone())
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
        answer(status, sent, &body, partial, read)
    }
}

/// What to do with code 131201, partial success.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Partial {
    /// It is an answer: something was done.
    Read,
    /// It is an error: a list of which a part is missing is no list.
    Refuse,
}

/// A reader of calls that are never answered with nothing.
fn whole<T>(
    read: impl FnOnce(Value<'_>) -> Result<T, Refusal>,
) -> impl FnOnce(u16, Option<Value<'_>>) -> Result<T, Refusal> {
    |_, root| read(root.ok_or(Refusal::Missing { path: "the answer" })?)
}

/// Reads a complete body.
fn answer<T>(
    status: u16,
    sent: Sent,
    body: &[u8],
    partial: Partial,
    read: impl FnOnce(u16, Option<Value<'_>>) -> Result<T, Refusal>,
) -> Result<Answer<T>, Error> {
    let is_success = (200..300).contains(&status);
    let document = match Document::parse(body) {
        Ok(document) => Some(document),
        // The guide documents no answer for half of the commands; a read without one is cut off.
        Err(NotJson::Empty) if is_success && partial == Partial::Read => None,
        Err(NotJson::Syntax { at }) if at >= body.len() => {
            return Err(Error::Truncated { status, sent });
        }
        Err(NotJson::Empty | NotJson::NotUtf8 | NotJson::TooLarge | NotJson::Syntax { .. }) => {
            return Err(Error::NotJson { status, sent });
        }
    };
    let root = document.as_ref().map(Document::root);
    // Whatever the status says: partial success is 206, and throttling mostly 400.
    let error = root.and_then(|root| root.get("error").filter(|error| !error.is_null()));
    if let Some(error) = error {
        let refused = Refused::read(status, sent.clone(), error);
        let is_partial = refused.known() == Some(Code::PartialSuccess);
        if partial == Partial::Refuse || !is_partial {
            return Err(Error::Refused(Box::new(refused)));
        }
    } else if !is_success {
        return Err(Error::NotJson { status, sent });
    }
    match read(status, root) {
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
