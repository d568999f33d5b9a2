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

/// How long an answer may take that waits for a pass over the list.
const ACTION: Duration = Duration::from_secs(90);

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

/// Where the command API is, and how its answers are shown.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct CommandArgs {
    /// Address of the command API: of a reconciler, which listens on port 8082, or of standalone or demo, which have both APIs
    /// in one place.
    #[arg(
        long,
        env = "ROLLCALL_COMMAND_URL",
        default_value = "http://127.0.0.1:8081"
    )]
    command_url: Url,

    /// File with the token to present, or env:NAME; what changes something needs one of role operate.
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
    api: Api,
}

/// Which API a client speaks to, for what it says when that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Api {
    Query,
    Command,
}

impl CommandArgs {
    /// A client of the query API at an address of its own, with the same token.
    pub(crate) fn query(&self, url: Url) -> anyhow::Result<Client> {
        Client::with_token(url, self.api_token_file.clone())
    }
}

impl Api {
    fn name(self) -> &'static str {
        match self {
            Self::Query => "query API",
            Self::Command => "command API",
        }
    }

    fn option(self) -> &'static str {
        match self {
            Self::Query => "--url",
            Self::Command => "--command-url",
        }
    }

    fn service(self) -> &'static str {
        match self {
            Self::Query => "projector",
            Self::Command => "reconciler",
        }
    }

    fn not_json(self) -> String {
        let (name, option) = (self.name(), self.option());
        format!("the answer is not the JSON expected; is {option} a Rollcall {name}?")
    }
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
            api: Api::Query,
        })
    }

    /// A client of the command API.
    pub(crate) fn of_commands(args: &CommandArgs) -> anyhow::Result<Self> {
        let CommandArgs {
            command_url,
            api_token_file,
            output: _,
        } = args;
        let mut client = Self::with_token(command_url.clone(), api_token_file.clone())?;
        client.api = Api::Command;
        Ok(client)
    }

    /// Sends JSON, or nothing, at a path made of `segments`; says whether it is over, for what is only on its way is answered 202.
    pub(crate) async fn send<T: DeserializeOwned>(
        &self,
        method: reqwest::Method,
        segments: &[&str],
        query: &[(&str, &str)],
        body: Option<&serde_json::Value>,
    ) -> anyhow::Result<(bool, T)> {
        let mut request = self.build(method, segments, query)?.timeout(ACTION);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.with_context(|| self.unreachable())?;
        let answer = self.check(answer).await?;
        let is_over = answer.status().as_u16() != 202;
        Ok((is_over, answer.json().await.context(self.api.not_json())?))
    }

    /// Sends a body as it is and gives the answer whatever its status, unless it is about the token.
    pub(crate) async fn exchange(
        &self,
        method: reqwest::Method,
        segments: &[&str],
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> anyhow::Result<(u16, serde_json::Value)> {
        let mut request = self.build(method, segments, query)?.timeout(ACTION);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let answer = request.send().await.with_context(|| self.unreachable())?;
        let status = answer.status().as_u16();
        if matches!(status, 401 | 403) {
            self.check(answer).await?;
            bail!("the {} refused", self.api.name());
        }
        Ok((status, answer.json().await.context(self.api.not_json())?))
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
        self.build(reqwest::Method::GET, segments, query)
    }

    fn build(
        &self,
        method: reqwest::Method,
        segments: &[&str],
        query: &[(&str, &str)],
    ) -> anyhow::Result<reqwest::RequestBuilder> {
        let mut url = self.url.clone();
        let Ok(mut path) = url.path_segments_mut() else {
            bail!("{} {} has no path to add to", self.api.option(), self.url)
        };
        path.pop_if_empty().extend(segments);
        drop(path);
        let request = self.http.request(method, url).query(query);
        Ok(match &self.token {
            Some(token) => request.bearer_auth(token.secret().expose_secret()),
            None => request,
        })
    }

    fn unreachable(&self) -> String {
        format!(
            "no answer from {}; is a {}, standalone or demo running there ({})?",
            self.url,
            self.api.service(),
            self.api.option(),
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
            401 => bail!(
                "the {} wants a token: name its file with --api-token-file",
                self.api.name()
            ),
            status => bail!(
                "{} ({status})",
                said.unwrap_or_else(|| format!("the {} refused", self.api.name()))
            ),
        }
    }
}
