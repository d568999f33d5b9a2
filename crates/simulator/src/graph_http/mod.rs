//! The Graph API: paths with and without a version, tokens, throttling, and one function per call.

mod body;
mod groups;
mod join_requests;
mod list;
mod messages;
mod names;
mod picture;
pub(crate) mod refusal;
mod subscriptions;
mod templates;

use std::{collections::BTreeMap, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::stream;
use rand::RngExt;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use self::{
    body::Parameters,
    refusal::{Code, Refusal},
};
use crate::{
    faults::{FailNext, script},
    model::{APP_ID, WABA_ID, World, ids},
};

/// Versions of the API that know groups and are still served.
const VERSIONS: &[&str] = &["/v23.0", "/v24.0", "/v25.0"];

/// Transient errors the fault `error_rate` draws from.
const TRANSIENT: &[Code] = &[
    refusal::UNKNOWN_ERROR,
    refusal::SERVICE,
    refusal::SOMETHING_WENT_WRONG,
];

/// Throttling the fault `throttle` draws from.
const THROTTLED: &[Code] = &[
    refusal::APP_CALLS,
    refusal::WABA_CALLS,
    refusal::WABA_CALLS_MANAGEMENT,
    refusal::THROUGHPUT,
    refusal::GROUP_CALLS,
];

/// One call, taken apart.
#[derive(Debug)]
pub(crate) struct Call {
    method: Method,
    /// Without the version.
    path: Vec<String>,
    /// `/v25.0`, or empty.
    version: String,
    query: BTreeMap<String, String>,
    headers: HeaderMap,
    body: Bytes,
    /// `http://host:port`, for `paging.next`.
    base: String,
}

/// An answer that is not a refusal.
#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    body: Value,
}

impl Answer {
    pub(crate) fn ok(body: Value) -> Self {
        Self {
            status: StatusCode::OK,
            body,
        }
    }

    /// HTTP 206, for what succeeded in part.
    pub(crate) fn partial(body: Value) -> Self {
        Self {
            status: StatusCode::PARTIAL_CONTENT,
            body,
        }
    }
}

type Outcome = Result<Answer, Refusal>;

impl Call {
    pub(crate) fn new(
        method: Method,
        uri: &Uri,
        headers: HeaderMap,
        body: Bytes,
        own: &str,
    ) -> Self {
        let mut path: Vec<String> = uri
            .path()
            .split('/')
            .filter(|part| !part.is_empty())
            .map(decoded)
            .collect();
        let version = match path.first() {
            Some(first) if is_version(first) => format!("/{}", path.remove(0)),
            _ => String::new(),
        };
        let query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        let base = host.map_or_else(|| own.to_owned(), |host| format!("http://{host}"));
        Self {
            method,
            path,
            version,
            query,
            headers,
            body,
            base,
        }
    }

    fn token(&self) -> Option<&str> {
        let header = self
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let bearer = header.and_then(|value| {
            value
                .strip_prefix("Bearer ")
                .or_else(|| value.strip_prefix("bearer "))
        });
        bearer
            .or_else(|| self.query.get("access_token").map(String::as_str))
            .filter(|token| !token.is_empty())
    }

    /// The `fields` parameter.
    fn fields(&self) -> &str {
        self.query.get("fields").map_or("", String::as_str)
    }

    /// The body of a call that is not about groups or messages.
    fn any_parameters(&self) -> Result<Parameters, Refusal> {
        Parameters::any(&self.headers, &self.body)
    }

    fn parameters(&self) -> Result<Parameters, Refusal> {
        Parameters::read(&self.headers, &self.body)
    }
}

fn decoded(part: &str) -> String {
    // A query parser decodes percent signs; a literal plus must survive it.
    let pair = format!("p={}", part.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(pair.as_bytes())
        .next()
        .map_or_else(String::new, |(_, value)| value.into_owned())
}

fn is_version(part: &str) -> bool {
    part.strip_prefix('v')
        .and_then(|rest| rest.split_once('.'))
        .is_some_and(|(major, minor)| {
            let digits =
                |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits(major) && digits(minor)
        })
}

/// How full the budget is, in percent, for the usage headers; none while nothing limits.
struct Usage {
    percent: u64,
    minutes: u64,
}

/// What the server does with a call: answers it, and if need be late, or cuts the connection.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) response: Response,
    /// How long the caller waits for either.
    pub(crate) wait: Duration,
    /// Is the connection cut?
    pub(crate) is_cut: bool,
}

/// Tokens that are accepted.
#[derive(Debug)]
pub(crate) struct Tokens {
    /// The only access token; absent is any.
    pub(crate) access: Option<SecretString>,
    /// The app's, for what is asked about the app.
    pub(crate) app: SecretString,
}

impl Tokens {
    /// The app's token is its id, a bar, and its secret.
    pub(crate) fn new(access: Option<SecretString>, app_secret: &SecretString) -> Self {
        let app = format!("{APP_ID}|{}", app_secret.expose_secret());
        Self {
            access,
            app: SecretString::from(app),
        }
    }

    fn accept(&self, call: &Call) -> bool {
        let expected = if subscriptions::is_of_app(call) {
            Some(&self.app)
        } else {
            self.access.as_ref()
        };
        call.token()
            .is_some_and(|given| expected.is_none_or(|expected| expected.expose_secret() == given))
    }
}

/// Answers a call.
pub(crate) fn answer(world: &mut World, call: &Call, tokens: &Tokens) -> Reply {
    world.complete_due();
    let replied = |response| Reply {
        response,
        wait: Duration::ZERO,
        is_cut: false,
    };
    if world.faults.api.down {
        return replied(down(world));
    }
    let name = names::name(world, call);
    let lost = script::take(&mut world.faults.api.lose_next, name);
    if let Some(lost) = &lost
        && !lost.done
    {
        return Reply {
            response: StatusCode::OK.into_response(),
            wait: Duration::from_secs_f64(lost.seconds),
            is_cut: true,
        };
    }
    let (outcome, usage) = limited(world, call, name, tokens);
    let fbtrace_id = ids::trace_id(&mut world.trace);
    let mut retry_after = None;
    let (status, body) = match outcome {
        Ok(answer) => (answer.status, answer.body),
        Err(refusal) => {
            retry_after = refusal.retry_after;
            let status =
                StatusCode::from_u16(refusal.code.status).unwrap_or(StatusCode::BAD_REQUEST);
            (status, refusal.envelope(&fbtrace_id))
        }
    };
    let mut response = (status, axum::Json(body)).into_response();
    if let Some(usage) = usage {
        set_usage(response.headers_mut(), &usage);
    }
    if let Some(seconds) = retry_after {
        let value = header::HeaderValue::from(seconds);
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    let share = world.faults.api.lose_answers;
    let by_chance = share > 0.0 && world.api_faults.random::<f64>() < share;
    let (wait, is_cut) = lost.map_or((0.0, by_chance), |lost| (lost.seconds, !lost.answered));
    Reply {
        response,
        wait: Duration::from_secs_f64(wait),
        is_cut,
    }
}

/// An answer that is broken off before it says anything.
pub(crate) fn cut() -> Response {
    let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    let body = Body::from_stream(stream::iter([Err::<Bytes, _>(broken)]));
    ([(header::CONTENT_LENGTH, "100")], body).into_response()
}

/// The call behind its limits: token, throttling, transient errors.
fn limited(
    world: &mut World,
    call: &Call,
    name: &str,
    tokens: &Tokens,
) -> (Outcome, Option<Usage>) {
    if !tokens.accept(call) || world.faults.api.token_expired {
        return (
            Err(Refusal::new(
                refusal::TOKEN,
                "The access token is missing, wrong or expired",
            )),
            None,
        );
    }
    if let Some(fault) = script::take(&mut world.faults.api.fail_next, name) {
        return scripted(world, call, &fault);
    }
    let [throttle, error]: [f64; 2] = world.api_faults.random();
    let pick: usize = world.api_faults.random_range(0..60);
    let api = world.faults.api.clone();
    let counted = counted(world);
    let draw = |codes: &[Code]| {
        codes
            .get(pick % codes.len().max(1))
            .copied()
            .unwrap_or(refusal::SERVICE)
    };
    if throttle < api.throttle || counted.is_some_and(|percent| percent > 100) {
        let usage = Usage {
            percent: 100,
            minutes: api.regain_minutes,
        };
        return (
            Err(Refusal::new(
                draw(THROTTLED),
                "Too many calls, try again later",
            )),
            Some(usage),
        );
    }
    let steady = (api.throttle > 0.0).then_some((api.throttle * 100.0) as u64);
    let usage = counted.or(steady).map(|percent| Usage {
        percent: percent.min(99),
        minutes: 0,
    });
    if error < api.error_rate {
        return (Err(Refusal::new(draw(TRANSIENT), "Try again")), usage);
    }
    let outcome = operation(world, call, name).and_then(|()| route(world, call));
    let throttled = matches!(&outcome, Err(refusal) if refusal.code.is_throttling());
    let usage = if throttled { Some(full(world)) } else { usage };
    (outcome, usage)
}

/// A refusal on demand, perhaps after the call was done.
fn scripted(world: &mut World, call: &Call, fault: &FailNext) -> (Outcome, Option<Usage>) {
    if fault.done {
        // What it would have answered is lost: that is the fault.
        let _ = route(world, call);
    }
    let details = fault.details.as_deref();
    let mut refusal = Refusal::new(Code::of(fault.code), details.unwrap_or("Refused on demand"));
    refusal.retry_after = fault.retry_after_seconds;
    let usage = refusal.code.is_throttling().then(|| full(world));
    (Err(refusal), usage)
}

/// Headers of a call that was one too many.
fn full(world: &World) -> Usage {
    Usage {
        percent: 100,
        minutes: world.faults.api.regain_minutes,
    }
}

/// Counts a call that changes a group.
fn operation(world: &mut World, call: &Call, name: &str) -> Result<(), Refusal> {
    if !names::is_operation(name) {
        return Ok(());
    }
    let id = call.path.first().map(String::as_str).unwrap_or_default();
    let group = world.group(id).map(|group| group.view().number);
    match world.number_index(id).or(group) {
        Some(number) => world.count_operation(number),
        None => Ok(()),
    }
}

/// Counts the call, and says what share of the hour's calls is used, in percent; above 100 it is one too many.
fn counted(world: &mut World) -> Option<u64> {
    let limit = world.faults.api.calls_per_hour;
    let hour = world.now_ms().div_euclid(3_600_000);
    if world.calls.0 != hour {
        world.calls = (hour, 0);
    }
    world.calls.1 += 1;
    (limit > 0).then(|| {
        if world.calls.1 > limit {
            101
        } else {
            world.calls.1 * 100 / limit
        }
    })
}

fn set_usage(headers: &mut HeaderMap, usage: &Usage) {
    let Usage { percent, minutes } = usage;
    let app =
        json!({"call_count": percent, "total_time": percent / 2, "total_cputime": percent / 2});
    let business = json!({WABA_ID: [{"type": "whatsapp", "call_count": percent, "total_cputime": percent / 2,
        "total_time": percent / 2, "estimated_time_to_regain_access": minutes}]});
    for (name, value) in [
        ("x-app-usage", app),
        ("x-business-use-case-usage", business),
    ] {
        if let Ok(value) = value.to_string().parse() {
            headers.insert(name, value);
        }
    }
}

/// Half of the answers are 503 from something that is not Graph, half break off.
fn down(world: &mut World) -> Response {
    if world.api_faults.random_bool(0.5) {
        let page = "<html><body>Service Unavailable</body></html>";
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            [(header::CONTENT_TYPE, "text/html")],
            page,
        )
            .into_response();
    }
    let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    let body = Body::from_stream(stream::iter([Err::<Bytes, _>(broken)]));
    (
        StatusCode::SERVICE_UNAVAILABLE,
        [(header::CONTENT_LENGTH, "100")],
        body,
    )
        .into_response()
}

fn route(world: &mut World, call: &Call) -> Outcome {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    let method = call.method.as_str();
    if !call.version.is_empty() && !VERSIONS.contains(&call.version.as_str()) {
        return Err(Refusal::parameter(
            "Groups need a version of the API from v23.0 to v25.0",
        ));
    }
    let (id, edge) = match path.as_slice() {
        ["message_template_library"] if method == "GET" => return templates::library(world, call),
        ["app"] if method == "GET" => return Ok(subscriptions::app()),
        [APP_ID, "subscriptions"] if method == "GET" => return Ok(subscriptions::list(world)),
        [WABA_ID, "subscribed_apps"] if method == "GET" => return Ok(subscriptions::apps()),
        [id] => (*id, ""),
        [id, edge] => (*id, *edge),
        _ => return Err(Refusal::no_object()),
    };
    if let Some(number) = world.number_index(id) {
        return match (method, edge) {
            ("GET", "") => Ok(groups::number(world, number)),
            ("GET", "groups") => list::groups(world, call, number),
            ("POST", "groups") => groups::create(world, call, number),
            ("POST", "messages") => messages::send(world, call, number),
            _ => Err(Refusal::no_object()),
        };
    }
    if id == WABA_ID && edge == "message_templates" {
        return match method {
            "GET" => templates::list(world, call),
            "POST" => templates::make(world, call),
            _ => Err(Refusal::no_object()),
        };
    }
    // What is all digits is a node of another kind, and certainly no group.
    if id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal::no_object());
    }
    match (method, edge) {
        ("GET", "") => groups::info(world, call, id),
        ("POST", "") => groups::update(world, call, id),
        ("DELETE", "") => groups::delete(world, id),
        ("GET", "invite_link") => groups::invite_link(world, id),
        ("POST", "invite_link") => groups::reset_link(world, call, id),
        ("DELETE", "invite_link") => groups::revoke_link(world, call, id),
        ("POST", "participants") => groups::add(world, call, id),
        ("DELETE", "participants") => groups::remove(world, call, id),
        ("GET", "join_requests") => join_requests::list(world, call, id),
        ("POST", "join_requests") => join_requests::approve(world, call, id),
        ("DELETE", "join_requests") => join_requests::reject(world, call, id),
        _ => Err(Refusal::no_object()),
    }
}
