//! Webhooks posted at a pace whatever the answers are, as Meta posts them, and how they were answered.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Client, Url};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::task::JoinSet;

use crate::{http, services};

/// Longer than any answer of ingest takes.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Groups that the webhooks are about.
const GROUPS: u64 = 50;

/// How one webhook fared.
#[derive(Debug, Clone, Copy)]
pub struct Fate {
    pub number: u64,
    pub sent: Instant,
    /// None where there was no answer.
    pub status: Option<u16>,
    pub took: Duration,
}

/// A thread that posts until it is stopped.
#[derive(Debug)]
pub struct Posts {
    stop: Arc<AtomicBool>,
    fates: Arc<Mutex<Vec<Fate>>>,
    thread: JoinHandle<()>,
}

/// The body of a webhook: somebody joined, each time somebody else.
pub fn body(number: u64, at: i64) -> Value {
    json!({"object": "whatsapp_business_account", "entry": [{"id": "200000000000001", "changes": [{
        "field": "group_participants_update",
        "value": {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "15550100001", "phone_number_id": services::NUMBER},
            "groups": [{
                "timestamp": at.to_string(),
                "group_id": format!("group-{}", number % GROUPS),
                "type": "group_participants_add",
                "reason": "invite_link",
                "added_participants": [{"wa_id": (15_550_200_000_u64 + number).to_string()}],
            }],
        },
    }]}]})
}

/// What Meta signs a body with.
pub fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

impl Posts {
    /// Posts so many a second, each on its own time; `at` is the second that all of them tell.
    pub fn start(webhooks: Url, per_second: f64, at: i64) -> Self {
        let (stop, fates) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let thread = {
            let (stop, fates) = (Arc::clone(&stop), Arc::clone(&fates));
            thread::spawn(move || http::block_on(post(webhooks, per_second, at, &stop, &fates)))
        };
        Self {
            stop,
            fates,
            thread,
        }
    }

    /// How those fared that are answered by now.
    pub fn so_far(&self) -> Vec<Fate> {
        self.fates.lock().unwrap().clone()
    }

    /// Stops, and waits for the last answers.
    pub fn stop(self) -> Vec<Fate> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        self.fates.lock().unwrap().clone()
    }
}

async fn post(
    webhooks: Url,
    per_second: f64,
    at: i64,
    stop: &AtomicBool,
    fates: &Arc<Mutex<Vec<Fate>>>,
) {
    let client = Client::builder()
        .timeout(ANSWER_WITHIN)
        .no_proxy()
        .build()
        .unwrap();
    let mut pace = tokio::time::interval(Duration::from_secs_f64(1.0 / per_second));
    let mut posts = JoinSet::new();
    for number in 0.. {
        pace.tick().await;
        if stop.load(Ordering::Relaxed) {
            break;
        }
        while posts.try_join_next().is_some() {}
        let body = body(number, at).to_string();
        let request = client
            .post(webhooks.clone())
            .header("content-type", "application/json")
            .header(
                "x-hub-signature-256",
                signature(services::APP_SECRET, body.as_bytes()),
            )
            .body(body);
        let fates = Arc::clone(fates);
        posts.spawn(async move {
            let sent = Instant::now();
            let answer = request.send().await;
            let fate = Fate {
                number,
                sent,
                status: answer.ok().map(|answer| answer.status().as_u16()),
                took: sent.elapsed(),
            };
            fates.lock().unwrap().push(fate);
        });
    }
    while posts.join_next().await.is_some() {}
}

/// How often each status came, and how long those answers took.
#[derive(Debug)]
pub struct Summary(BTreeMap<Option<u16>, Vec<Duration>>);

impl Summary {
    pub fn of<'a>(fates: impl IntoIterator<Item = &'a Fate>) -> Self {
        let mut times: BTreeMap<Option<u16>, Vec<Duration>> = BTreeMap::new();
        for fate in fates {
            times.entry(fate.status).or_default().push(fate.took);
        }
        times.values_mut().for_each(|times| times.sort());
        Self(times)
    }

    pub fn statuses(&self) -> Vec<Option<u16>> {
        self.0.keys().copied().collect()
    }

    pub fn count(&self, status: u16) -> usize {
        self.0.get(&Some(status)).map_or(0, Vec::len)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (status, times)) in self.0.iter().enumerate() {
            let status = status.map_or_else(|| "no answer".to_owned(), |code| code.to_string());
            let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
            let comma = if place == 0 { "" } else { ", " };
            write!(
                f,
                "{comma}{} x {status} (p50 {:.1?}, p99 {:.1?}, most {:.1?})",
                times.len(),
                at(0.5),
                at(0.99),
                at(1.0),
            )?;
        }
        Ok(())
    }
}
