//! Who may call: bearer tokens with a role, read from a file.
//!
//! On loopback a listener may be open; beyond it, tokens are needed unless someone says
//! `--insecure-open` out loud. Tokens are kept and compared as hashes.

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
    sync::{Arc, PoisonError, RwLock},
};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use clap::Args;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::{
    CancellationToken, Clock,
    config::ConfigProblems,
    problem::{ErrorCode, Problem},
    reload::Reload,
    secret,
    tls::TlsArgs,
};

/// What a token allows. The greater includes the lesser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Query and watch.
    Read,
    /// All that changes something, and all that reads.
    Operate,
}

/// The tokens that callers may present: the value of `--accept-tokens-file`.
#[derive(Clone)]
pub struct Tokens {
    path: PathBuf,
    /// All clones hold the same, so that all know when the file changes.
    entries: Arc<RwLock<Entries>>,
}

/// SHA-256 of each token with its role; never the token.
type Entries = Vec<(Role, [u8; 32])>;

/// Why a file of tokens is refused. Shows line numbers, never a token.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] secret::Error),
    /// Lines that are neither empty, nor a comment, nor `role token`.
    #[error("{path}: {}", problems.join("; "), path = path.display())]
    Lines {
        /// The file.
        path: PathBuf,
        /// One sentence for each wrong line.
        problems: Vec<String>,
    },
    /// There is no token in it.
    #[error("{path} holds no token", path = path.display())]
    None {
        /// The file.
        path: PathBuf,
    },
}

/// Options about who may call.
#[derive(Args, Clone, Debug)]
pub struct AccessArgs {
    /// Tokens that callers may present: a file with a line `role token` each, role `read` or `operate`, `#` for comments
    #[arg(long, env = "ROLLCALL_ACCEPT_TOKENS_FILE", value_name = "FILE")]
    pub accept_tokens_file: Option<Tokens>,

    /// Listen beyond loopback without tokens: everyone who reaches the port may read and operate
    #[arg(long, env = "ROLLCALL_INSECURE_OPEN")]
    pub insecure_open: bool,

    /// What callers see of us.
    #[command(flatten)]
    pub tls: TlsArgs,
}

/// Who may call a router.
#[derive(Clone, Debug)]
pub enum Access {
    /// Everyone.
    Open,
    /// Who presents one of these.
    Tokens(Tokens),
}

impl AccessArgs {
    /// Notes a problem if `listen`, given by `option`, is beyond loopback and nothing guards it.
    pub fn check(&self, option: &str, listen: SocketAddr, problems: &mut ConfigProblems) {
        let guarded = self.accept_tokens_file.is_some() || self.insecure_open;
        if !guarded && !is_loopback(listen) {
            problems.push(format!(
                "{option} {listen} is beyond loopback: give --accept-tokens-file, \
                 or --insecure-open to let everyone in"
            ));
        }
    }

    /// Who may call: with a file of tokens, who presents one of them; else everyone.
    pub fn access(&self) -> Access {
        match &self.accept_tokens_file {
            Some(tokens) => Access::Tokens(tokens.clone()),
            None => Access::Open,
        }
    }
}

impl Access {
    /// Whether a request with these headers may do what needs `role`.
    ///
    /// # Errors
    /// 401 without a known token, 403 with one of too small a role.
    pub fn check(&self, headers: &HeaderMap, role: Role) -> Result<(), Problem> {
        let tokens = match self {
            Self::Open => return Ok(()),
            Self::Tokens(tokens) => tokens,
        };
        match bearer(headers).and_then(|token| tokens.role(token)) {
            Some(held) if held >= role => Ok(()),
            Some(_) => Err(Problem::new(ErrorCode::Forbidden)
                .detail(format!("a token of role {role} is needed"))),
            None => Err(Problem::new(ErrorCode::Unauthenticated)
                .detail("send Authorization: Bearer with a token this server accepts")
                .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
        }
    }
}

/// Lets only requests with `role` reach the routes that `router` has so far.
/// Paths it does not have stay 404 for everyone. It must have a route.
pub fn protect<S: Clone + Send + Sync + 'static>(
    router: Router<S>,
    access: &Access,
    role: Role,
) -> Router<S> {
    let state = (access.clone(), role);
    router.route_layer(middleware::from_fn_with_state(state, guard))
}

async fn guard(
    State((access, role)): State<(Access, Role)>,
    request: Request,
    next: Next,
) -> Response {
    let audited = (role == Role::Operate).then(|| Audited::of(&access, &request));
    let response = match access.check(request.headers(), role) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    if let Some(audited) = audited {
        audited.tell(response.status());
    }
    response
}

/// Who asked for something that changes something, and what: one line of the log for each, whatever became of it.
///
/// What a command said is in its intent in `events.v1`; this tells whose token it was.
struct Audited {
    /// The first digits of the token's SHA-256, which nobody can present; `anyone` where no token is needed.
    caller: String,
    method: Method,
    /// The path as it was asked for: told where it was carried out, for then its ids are ids.
    path: String,
    /// The path as the router has it.
    route: Option<MatchedPath>,
}

impl Audited {
    fn of(access: &Access, request: &Request) -> Self {
        let caller = match access {
            Access::Open => "anyone".to_owned(),
            Access::Tokens(_) => {
                let token = bearer(request.headers());
                token.map_or_else(|| "nobody".to_owned(), fingerprint)
            }
        };
        Self {
            caller,
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            route: request.extensions().get().cloned(),
        }
    }

    fn tell(&self, status: StatusCode) {
        let Self {
            caller,
            method,
            path,
            route,
        } = self;
        if status == StatusCode::UNAUTHORIZED {
            // Anybody can have as many of these as they like.
            tracing::debug!(target: "audit", %method, status = status.as_u16(), "a command was refused: no known token");
            return;
        }
        let path = if status.is_success() {
            path.as_str()
        } else {
            route.as_ref().map_or("", MatchedPath::as_str)
        };
        tracing::info!(
            target: "audit",
            caller,
            %method,
            path,
            status = status.as_u16(),
            "a command was asked for"
        );
    }
}

/// Names a token without giving it away: `printf %s "$TOKEN" | sha256sum | head -c 8`.
fn fingerprint(token: &str) -> String {
    let [a, b, c, d, ..] = hash(token);
    format!("{a:02x}{b:02x}{c:02x}{d:02x}")
}

impl Tokens {
    /// The role of a token; `None` if it is not one of these. Takes the same time
    /// whatever is presented: both sides are hashed, and all are compared.
    pub fn role(&self, presented: &str) -> Option<Role> {
        let presented = hash(presented);
        let mut found = 0_u8;
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        for (role, token) in &*entries {
            let same: Choice = token.ct_eq(&presented);
            found.conditional_assign(&role.number(), same);
        }
        Role::from_number(found)
    }

    /// Reads the file again and again, until shutdown: a token that is taken out is no longer accepted.
    pub(crate) async fn reload(&self, clock: Clock, shutdown: CancellationToken) {
        let path = self.path.clone();
        let read = move || {
            let text = secret::read_text(&path)?;
            parse(&path, &text)
        };
        let reload = Reload {
            what: "the file of accepted tokens",
            clock,
            shutdown,
        };
        reload.run(read, |entries| self.replace(entries)).await;
    }

    fn replace(&self, entries: Entries) -> bool {
        let mut held = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let is_new = *held != entries;
        *held = entries;
        is_new
    }
}

fn parse(path: &Path, text: &str) -> Result<Entries, Error> {
    let mut entries = Entries::new();
    let mut problems = Vec::new();
    for (line, number) in text.lines().zip(1_usize..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match parse_line(line) {
            Ok((_, token)) if entries.iter().any(|(_, known)| *known == token) => {
                problems.push(format!("line {number}: the same token stands above"));
            }
            Ok(entry) => entries.push(entry),
            Err(problem) => problems.push(format!("line {number}: {problem}")),
        }
    }
    if !problems.is_empty() {
        return Err(Error::Lines {
            path: path.to_owned(),
            problems,
        });
    }
    if entries.is_empty() {
        return Err(Error::None {
            path: path.to_owned(),
        });
    }
    Ok(entries)
}

fn parse_line(line: &str) -> Result<(Role, [u8; 32]), &'static str> {
    let mut words = line.split_whitespace();
    let (Some(role), Some(token), None) = (words.next(), words.next(), words.next()) else {
        return Err("needs a role and a token, and nothing else");
    };
    let role = match role {
        "read" => Role::Read,
        "operate" => Role::Operate,
        _ => return Err("the role is neither read nor operate"),
    };
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("the token has characters that no header can carry");
    }
    Ok((role, hash(token)))
}

impl FromStr for Tokens {
    type Err = Error;

    fn from_str(path: &str) -> Result<Self, Error> {
        let path = PathBuf::from(path);
        let text = secret::read_text(&path)?;
        let entries = parse(&path, &text)?;
        Ok(Self {
            path,
            entries: Arc::new(RwLock::new(entries)),
        })
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        write!(f, "{} ({} tokens)", self.path.display(), entries.len())
    }
}

impl Role {
    fn number(self) -> u8 {
        match self {
            Self::Read => 1,
            Self::Operate => 2,
        }
    }

    fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Read),
            2 => Some(Self::Operate),
            _ => None,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Operate => "operate",
        })
    }
}

/// Whether only this machine reaches an address; `::ffff:127.0.0.1` is loopback too.
pub fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim_matches(' '))
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests;
