//! A simulator, an endpoint that takes its webhooks, and a client.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use axum::{
    Router,
    body::Bytes,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use simulator::{Clock, Config, Simulator};
use tokio::net::TcpListener;

/// The moment the manual clock starts at.
pub(crate) const START: i64 = 1_780_000_000;

/// A POST as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) signature: String,
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
}

impl Delivery {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Default)]
struct Inbox {
    deliveries: Vec<Delivery>,
    /// Statuses of the next answers; then 200.
    answers: VecDeque<u16>,
}

/// Takes webhooks.
#[derive(Clone, Default)]
pub(crate) struct Endpoint {
    inbox: Arc<Mutex<Inbox>>,
    url: Arc<Mutex<String>>,
}

impl Endpoint {
    async fn start() -> Self {
        let endpoint = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        *endpoint.url.lock().unwrap() =
            format!("http://{}/webhooks", listener.local_addr().unwrap());
        let app = Router::new()
            .route("/webhooks", post(take).get(challenge))
            .with_state(endpoint.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        endpoint
    }

    pub(crate) fn url(&self) -> String {
        self.url.lock().unwrap().clone()
    }

    /// The next answers are these, then 200.
    pub(crate) fn answer(&self, statuses: &[u16]) {
        self.inbox.lock().unwrap().answers.extend(statuses);
    }

    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        self.inbox.lock().unwrap().deliveries.clone()
    }

    /// Every item that arrived, with its field: an item of `groups[]`, or a whole `value` of messages.
    pub(crate) fn items(&self) -> Vec<(String, Value)> {
        let mut items = Vec::new();
        for delivery in self.deliveries() {
            let body = delivery.json();
            assert_eq!(body["object"], "whatsapp_business_account");
            for entry in body["entry"].as_array().unwrap() {
                assert_eq!(entry["id"], "200000000000001");
                for change in entry["changes"].as_array().unwrap() {
                    let field = change["field"].as_str().unwrap().to_owned();
                    let value = &change["value"];
                    assert_eq!(value["messaging_product"], "whatsapp");
                    assert_eq!(value["metadata"]["phone_number_id"], "300000000000001");
                    assert_eq!(value["metadata"]["display_phone_number"], "15550100001");
                    match value["groups"].as_array() {
                        Some(groups) => {
                            items.extend(groups.iter().map(|group| (field.clone(), group.clone())))
                        }
                        None => items.push((field, value.clone())),
                    }
                }
            }
        }
        items
    }
}

async fn take(State(endpoint): State<Endpoint>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let text = |name: &str| {
        headers
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
            .unwrap_or_default()
    };
    let mut inbox = endpoint.inbox.lock().unwrap();
    inbox.deliveries.push(Delivery {
        signature: text("x-hub-signature-256"),
        content_type: text("content-type"),
        body,
    });
    inbox.answers.pop_front().map_or(StatusCode::OK, |status| {
        StatusCode::from_u16(status).unwrap()
    })
}

async fn challenge(
    Query(query): Query<std::collections::BTreeMap<String, String>>,
) -> (StatusCode, String) {
    if query["hub.mode"] == "subscribe" && query["hub.verify_token"] == "right" {
        (StatusCode::OK, query["hub.challenge"].clone())
    } else {
        (StatusCode::FORBIDDEN, String::new())
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// Meta's code, of a refusal.
    pub(crate) fn code(&self) -> u64 {
        self.body["error"]["code"]
            .as_u64()
            .unwrap_or_else(|| panic!("no refusal: {self:?}"))
    }
}

/// Everything a test needs.
pub(crate) struct Rig {
    pub(crate) simulator: Simulator,
    pub(crate) endpoint: Endpoint,
    pub(crate) client: Client,
    pub(crate) now: Arc<AtomicI64>,
}

impl Rig {
    /// A simulator with `groups` at a clock that stands still, delivering at once.
    pub(crate) async fn new(groups: u32) -> Self {
        Self::with(Config {
            groups,
            ..Config::default()
        })
        .await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let endpoint = Endpoint::start().await;
        let (clock, now) = Clock::manual(START * 1000);
        let webhook_url = Some(endpoint.url().parse().unwrap());
        let simulator = Simulator::start(Config {
            webhook_url,
            clock,
            ..config
        })
        .await
        .unwrap();
        let client = Client::builder().no_proxy().build().unwrap();
        Self {
            simulator,
            endpoint,
            client,
            now,
        }
    }

    /// Moves Meta's clock.
    pub(crate) fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.call_as("token", method, path, body).await
    }

    pub(crate) async fn call_as(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.simulator.url()))
            .bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        Answer {
            status,
            headers,
            body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    /// A call that must succeed.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.call(Method::POST, path, Some(body)).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.body
    }

    pub(crate) async fn faults(&self, faults: Value) {
        let answer = self.call(Method::PUT, "/sim/faults", Some(faults)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// A person acts, and it is possible.
    pub(crate) async fn act(&self, wa_id: &str, act: &str, body: Value) -> Value {
        self.post(&format!("/sim/users/{wa_id}/{act}"), body).await
    }

    /// A person tries, and it is not possible: the reason.
    pub(crate) async fn refused(&self, wa_id: &str, act: &str, body: Value) -> String {
        let answer = self
            .call(
                Method::POST,
                &format!("/sim/users/{wa_id}/{act}"),
                Some(body),
            )
            .await;
        assert!((400..500).contains(&answer.status), "{answer:?}");
        answer.body["error"].as_str().unwrap().to_owned()
    }

    /// Delivers all; the counts.
    pub(crate) async fn flush(&self) -> Value {
        self.post("/sim/flush", json!({})).await
    }

    /// A new group; its id, as the webhook of its creation tells.
    pub(crate) async fn group(&self, mode: &str) -> String {
        let before = self.endpoint.items().len();
        let body = json!({"messaging_product": "whatsapp", "subject": "Repair 4711", "description": "Café",
            "join_approval_mode": mode});
        self.post("/v25.0/300000000000001/groups", body).await;
        self.flush().await;
        let (_, item) = self.endpoint.items().swap_remove(before);
        item["group_id"].as_str().unwrap().to_owned()
    }

    /// The webhook items of what `act` brings about.
    pub(crate) async fn told<T>(&self, act: impl Future<Output = T>) -> (T, Vec<(String, Value)>) {
        self.flush().await;
        let before = self.endpoint.items().len();
        let answer = act.await;
        self.flush().await;
        (answer, self.endpoint.items().split_off(before))
    }

    /// The truth about one group.
    pub(crate) async fn truth(&self, group_id: &str) -> Value {
        let state = self.get("/sim/state").await.body;
        let groups = state["numbers"][0]["groups"].as_array().unwrap().clone();
        groups
            .into_iter()
            .find(|group| group["group_id"] == group_id)
            .unwrap_or(Value::Null)
    }
}
