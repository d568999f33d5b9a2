//! Requests that wait for their answer, from any thread.

use std::{sync::LazyLock, time::Duration};

use reqwest::{Client, Method, Url, header::HeaderMap};
use serde_json::Value;
use tokio::runtime::Runtime;

/// Longer than any answer that these tests ask for, `/sim/flush` included.
const ANSWER_WITHIN: Duration = Duration::from_secs(300);

static CLIENT: LazyLock<(Runtime, Client)> = LazyLock::new(|| {
    let runtime = Runtime::new().unwrap();
    let client = Client::builder()
        .timeout(ANSWER_WITHIN)
        .no_proxy()
        // A service closes what is idle, which can cross with the next request.
        .pool_max_idle_per_host(0)
        .build()
        .unwrap();
    (runtime, client)
});

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Runs a future from a thread of no runtime.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    CLIENT.0.block_on(future)
}

/// An answer, or none where nobody answers.
pub fn try_get(url: Url) -> Option<Answer> {
    send(Method::GET, url, &[], None).ok()
}

pub fn get(url: Url) -> Answer {
    send(Method::GET, url, &[], None).unwrap()
}

/// An answer, or why there is none after a time.
pub fn ask(url: Url, headers: &[(&str, &str)], within: Duration) -> reqwest::Result<Answer> {
    send_within(Method::GET, url, headers, None, within)
}

pub fn put(url: Url, body: &Value) -> Answer {
    json(Method::PUT, url, body)
}

pub fn post(url: Url, body: &Value) -> Answer {
    json(Method::POST, url, body)
}

/// Posts a body as it is; none where nobody answers.
pub fn post_bytes(url: Url, headers: &[(&str, &str)], body: Vec<u8>) -> Option<Answer> {
    send(Method::POST, url, headers, Some(body)).ok()
}

fn json(method: Method, url: Url, body: &Value) -> Answer {
    let headers = [("content-type", "application/json")];
    send(method, url, &headers, Some(body.to_string().into_bytes())).unwrap()
}

pub fn send(
    method: Method,
    url: Url,
    headers: &[(&str, &str)],
    body: Option<Vec<u8>>,
) -> reqwest::Result<Answer> {
    send_within(method, url, headers, body, ANSWER_WITHIN)
}

fn send_within(
    method: Method,
    url: Url,
    headers: &[(&str, &str)],
    body: Option<Vec<u8>>,
    within: Duration,
) -> reqwest::Result<Answer> {
    let (runtime, client) = &*CLIENT;
    let mut request = client.request(method, url).timeout(within);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(body) = body {
        request = request.body(body);
    }
    runtime.block_on(async {
        let answer = request.send().await?;
        Ok(Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: answer.bytes().await?.to_vec(),
        })
    })
}
