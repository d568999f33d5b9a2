//! An ingest to post to, and what it has put into the log.

use std::{
    fmt::{self, Write as _},
    net::SocketAddr,
    time::Duration,
};

use chassis::{Clock, Ctx, ManualClock, SecretString, http};
use domain::event::Event;
use eventlog::{At, Cleanup, Log, Start, TopicSpec};
use hmac::{Hmac, KeyInit, Mac};
use ingest::{Server, Settings, Window};
use sha2::Sha256;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use wire::Decoded;

/// The key of the vectors of reference §1.2.
pub(crate) const SECRET: &str = "sample-app-secret";
pub(crate) const TOKEN: &str = "sample-verify-token";
/// Our clock's second: the samples' are up to some hours before it.
pub(crate) const NOW: i64 = 1_780_010_000;
pub(crate) const GROUP: &str = "Y2FwaV9ncm91cDoxNTU1MDEwMDAwMToxMjAzNjM0MDAwMDAwMDAwMDEZD";
const TOPICS: [&str; 3] = ["events.v1", "receipts.v1", "quarantine.v1"];

pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    pub(crate) ctx: Ctx,
    pub(crate) clock: ManualClock,
    pub(crate) log: Log,
    pub(crate) running: JoinHandle<Result<(), ingest::Error>>,
    pub(crate) dir: TempDir,
    pub(crate) partitions: u32,
    client: reqwest::Client,
}

/// An answer, as far as it is of interest.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<String>,
    pub(crate) body: String,
}

/// A record in the log.
#[derive(Clone, PartialEq)]
pub(crate) struct Seen {
    pub(crate) topic: &'static str,
    pub(crate) partition: u32,
    pub(crate) key: String,
    pub(crate) value: Vec<u8>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) timestamp_ms: i64,
}

impl Service {
    /// On the local log in a directory of its own.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[SECRET]).await
    }

    pub(crate) async fn start_with(secrets: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = open(dir.path());
        Self::on(log, secrets, dir, 1).await
    }

    pub(crate) async fn on(log: Log, secrets: &[&str], dir: TempDir, partitions: u32) -> Self {
        let (clock, hand) = Clock::manual(u64::try_from(NOW).unwrap() * 1000);
        let ctx = Ctx::new(clock);
        let settings = Settings {
            app_secrets: secrets
                .iter()
                .map(|secret| SecretString::from(*secret))
                .collect(),
            verify_token: Some(SecretString::from(TOKEN)),
            files: None,
            window: Window {
                past: Some(30 * 86_400),
                future: 600,
            },
        };
        let listener = http::bind("--webhook-listen", ([127, 0, 0, 1], 0).into());
        let listener = listener.await.unwrap();
        let server = Server::start(listener, &settings, &ctx, log.clone())
            .await
            .unwrap();
        Self {
            address: server.address(),
            running: tokio::spawn(server.run()),
            ctx,
            clock: hand,
            log,
            dir,
            partitions,
            client: reqwest::Client::builder()
                .timeout(Duration::from_secs(30))
                .build()
                .unwrap(),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/webhooks", self.address)
    }

    pub(crate) fn request(&self, body: impl Into<reqwest::Body>) -> reqwest::RequestBuilder {
        self.client
            .post(self.url())
            .header("content-type", "application/json")
            .body(body)
    }

    pub(crate) async fn get(&self, query: &str) -> Answer {
        let url = format!("{}{query}", self.url());
        answer(self.client.get(url)).await
    }

    pub(crate) async fn with_method(&self, method: &str) -> Answer {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        answer(self.client.request(method, self.url())).await
    }

    /// Posts as Meta does.
    pub(crate) async fn post(&self, body: &[u8]) -> Answer {
        let request = self
            .request(body.to_vec())
            .header("x-hub-signature-256", sign(SECRET, body));
        answer(request).await
    }

    /// Posts, expects 200, and gives what is new in the log.
    pub(crate) async fn take(&self, body: &str) -> Vec<Seen> {
        let mut before = self.seen().await;
        let answer = self.post(body.as_bytes()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.body, "");
        let mut new = self.seen().await;
        new.retain(|seen| match before.iter().position(|old| old == seen) {
            Some(place) => {
                before.swap_remove(place);
                false
            }
            None => true,
        });
        new
    }

    /// All records of the three topics.
    pub(crate) async fn seen(&self) -> Vec<Seen> {
        seen(&self.log, self.partitions).await
    }

    pub(crate) fn metrics(&self) -> String {
        self.ctx.metrics.encode()
    }

    /// Ends it as SIGTERM does.
    pub(crate) async fn stop(self) -> TempDir {
        self.ctx.shutdown.cancel();
        self.running.await.unwrap().unwrap();
        self.dir
    }
}

pub(crate) async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let retry_after = response.headers().get("retry-after");
    Answer {
        status: response.status().as_u16(),
        retry_after: retry_after.map(|value| value.to_str().unwrap().to_owned()),
        body: response.text().await.unwrap(),
    }
}

pub(crate) fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

pub(crate) fn specs(partitions: u32) -> Vec<TopicSpec> {
    TOPICS
        .iter()
        .map(|name| TopicSpec {
            name: (*name).to_owned(),
            partitions,
            cleanup: Cleanup::Delete {
                retention_ms: 30 * 86_400_000,
            },
            segment_ms: 86_400_000,
            delete_retention_ms: 86_400_000,
            min_compaction_lag_ms: 21_600_000,
        })
        .collect()
}

pub(crate) fn open(dir: &std::path::Path) -> Log {
    let mut registry = prometheus_client::registry::Registry::default();
    Log::local(dir, &specs(1), || NOW * 1000, &mut registry).unwrap()
}

pub(crate) async fn seen(log: &Log, partitions: u32) -> Vec<Seen> {
    let places: Vec<(&'static str, u32)> = TOPICS
        .into_iter()
        .flat_map(|topic| (0..partitions).map(move |partition| (topic, partition)))
        .collect();
    let starts = places
        .iter()
        .map(|(topic, partition)| Start::new(*topic, *partition, At::Beginning))
        .collect();
    let mut reader = log.reader(starts).await.unwrap();
    let mut seen = Vec::new();
    while !reader.reached_all_ends() {
        let batch = reader
            .next(10_000, 64 << 20, Duration::from_secs(10))
            .await
            .unwrap();
        assert!(!batch.is_empty(), "the log's end did not come");
        for record in batch.iter() {
            let (topic, partition) = places[record.source];
            seen.push(Seen {
                topic,
                partition,
                key: String::from_utf8(record.key.to_vec()).unwrap(),
                value: record.value.unwrap().to_vec(),
                headers: record
                    .headers()
                    .map(|(name, value)| {
                        (name.to_owned(), String::from_utf8(value.to_vec()).unwrap())
                    })
                    .collect(),
                timestamp_ms: record.timestamp_ms,
            });
        }
    }
    // Topic by topic, whatever the order in which a reader gave them.
    seen.sort_by_key(|seen| TOPICS.iter().position(|topic| *topic == seen.topic));
    seen
}

impl Seen {
    pub(crate) fn event(&self) -> Event {
        match wire::decode_event(&self.value).unwrap() {
            Decoded::Known(event) => event,
            Decoded::Unknown => panic!("an event of an unknown kind"),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn reason(&self) -> Option<&str> {
        self.header("reason")
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.value).unwrap()
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&show(std::slice::from_ref(self)))
    }
}

/// Records as text, whole.
pub(crate) fn show(seen: &[Seen]) -> String {
    let mut text = String::new();
    for record in seen {
        writeln!(text, "{} {:?}", record.topic, record.key).unwrap();
        for (name, value) in &record.headers {
            writeln!(text, "  {name}: {value}").unwrap();
        }
        if record.topic == "quarantine.v1" {
            writeln!(text, "{}", record.text()).unwrap();
        } else {
            writeln!(text, "{:#?}", record.event()).unwrap();
        }
    }
    text
}

/// An envelope around one value.
pub(crate) fn envelope(field: &str, value: &str) -> String {
    format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"200000000000001","changes":[{{"field":"{field}","value":{value}}}]}}]}}"#
    )
}

const METADATA: &str = r#""messaging_product":"whatsapp","metadata":{"display_phone_number":"15550100001","phone_number_id":"300000000000001"}"#;

/// An envelope around items of a group field.
pub(crate) fn groups(field: &str, items: &[&str]) -> String {
    envelope(
        field,
        &format!(r#"{{{METADATA},"groups":[{}]}}"#, items.join(",")),
    )
}

/// An envelope around a value of the `messages` field, whose members are given.
pub(crate) fn messages(members: &str) -> String {
    envelope("messages", &format!("{{{METADATA},{members}}}"))
}

/// Somebody joined; `n` tells one such item from another.
pub(crate) fn joined(n: usize) -> String {
    format!(
        r#"{{"timestamp":"{}","group_id":"{GROUP}","type":"group_participants_add","reason":"invite_link","added_participants":[{{"wa_id":"1555010{n:04}"}}]}}"#,
        1_780_000_000 + n
    )
}
