//! A client of the query API, for the subcommands that read.

use std::time::Duration;

use anyhow::{Context as _, bail};
use chassis::{ExposeSecret as _, SecretFile};
use clap::{Args as ClapArgs, ValueEnum};
use serde::{Deserialize, de::DeserializeOwned};
use url::Url;

/// How long an answer may take to begin.
const CONNECT: Duration = Duration::from_secs(5);

/// How long a whole answer may take.
const ANSWER: Duration = Duration::from_secs(30);

/// What is wrong when an answer is something else.
const NOT_JSON: &str = "the answer is not the JSON expected; is --url a Rollcall query API?";

/// Where the query API is, and how its answers are shown.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct ClientArgs {
    /// Address of the query API.
    #[arg(long, env = "ROLLCALL_URL", default_value = "http://127.0.0.1:8081")]
    url: Url,

    /// File with the token to present, or env:NAME.
    #[arg(long, env = "ROLLCALL_API_TOKEN_FILE")]
    api_token_file: Option<SecretFile>,

    /// How answers are shown.
    #[arg(long, env = "ROLLCALL_OUTPUT", value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
}

/// How answers are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Text,
    /// For programs: the API's JSON, one document a line.
    Json,
}

/// Asks the query API.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: Url,
    token: Option<SecretFile>,
}

#[derive(Debug, Deserialize)]
struct Problem {
    title: Option<String>,
    detail: Option<String>,
}

impl Client {
    pub(crate) fn new(args: &ClientArgs) -> anyhow::Result<Self> {
        let ClientArgs {
            url,
            api_token_file,
            output: _,
        } = args;
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::none());
        let http = http.build().context("set up the HTTP client")?;
        Ok(Self {
            http,
            url: url.clone(),
            token: api_token_file.clone(),
        })
    }

    /// A client of a query API that wants no token.
    pub(crate) fn at(url: Url) -> anyhow::Result<Self> {
        Self::with_token(url, None)
    }

    /// A client of a query API at an address of its own.
    pub(crate) fn with_token(url: Url, api_token_file: Option<SecretFile>) -> anyhow::Result<Self> {
        Self::new(&ClientArgs {
            url,
            api_token_file,
            output: Output::Json,
        })
    }

    /// Asks for JSON that is no older than some positions; none if they are not reached in time.
    pub(crate) async fn get_at<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
        positions: &str,
    ) -> anyhow::Result<Option<T>> {
        let mut request = self.request(segments, query)?.timeout(ANSWER);
        if !positions.is_empty() {
            request = request.header("Rollcall-At-Least", positions);
        }
        let answer = request.send().await.with_context(|| self.unreachable())?;
        if answer.status().as_u16() == 504 {
            return Ok(None);
        }
        let answer = self.check(answer).await?;
        answer.json().await.map(Some).context(NOT_JSON)
    }

    /// Asks for JSON at a path made of `segments`, each escaped as needed.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> anyhow::Result<T> {
        let answer = self.request(segments, query)?.timeout(ANSWER).send();
        let answer = self
            .check(answer.await.with_context(|| self.unreachable())?)
            .await?;
        answer.json().await.context(NOT_JSON)
    }

    /// Asks for a stream that goes on for ever.
    pub(crate) async fn stream(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
        last_event_id: Option<&str>,
    ) -> anyhow::Result<reqwest::Response> {
        let mut request = self.request(segments, query)?;
        if let Some(id) = last_event_id {
            request = request.header("Last-Event-ID", id);
        }
        self.check(request.send().await.with_context(|| self.unreachable())?)
            .await
    }

    fn request(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> anyhow::Result<reqwest::RequestBuilder> {
        let mut url = self.url.clone();
        let Ok(mut path) = url.path_segments_mut() else {
            bail!("--url {} has no path to add to", self.url)
        };
        path.pop_if_empty().extend(segments);
        drop(path);
        let request = self.http.get(url).query(query);
        Ok(match &self.token {
            Some(token) => request.bearer_auth(token.secret().expose_secret()),
            None => request,
        })
    }

    fn unreachable(&self) -> String {
        format!(
            "no answer from {}; is a projector, standalone or demo running there (--url)?",
            self.url
        )
    }

    async fn check(&self, answer: reqwest::Response) -> anyhow::Result<reqwest::Response> {
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let problem: Option<Problem> = answer.json().await.ok();
        let said = problem.and_then(|problem| problem.detail.or(problem.title));
        match status.as_u16() {
            401 => bail!("the query API wants a token: name its file with --api-token-file"),
            status => bail!(
                "{} ({status})",
                said.unwrap_or_else(|| "the query API refused".to_owned())
            ),
        }
    }
}
