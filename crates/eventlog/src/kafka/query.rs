//! A client that asks for metadata and watermarks, and is renewed when it may be lost.
//!
//! librdkafka 2.12 forgets every broker when one answers that there are none (as Kafka does while all are fenced),
//! and may then never connect again: <https://github.com/confluentinc/librdkafka/issues/5301>.
//! Mostly it says that all brokers are down, and not always; so a client of ours that has said so, or that gets no answer,
//! is not trusted to come back by itself.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use rdkafka::{
    ClientConfig, ClientContext,
    client::Client,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
};

use super::context::{Context, Told};
use crate::{limits, metrics::ClientKind};

pub(super) struct Query {
    config: ClientConfig,
    told: Told,
    current: Mutex<Current>,
}

struct Current {
    client: Arc<BaseConsumer<Context>>,
    since: Instant,
    /// Whether it left a question without a good answer.
    doubtful: bool,
}

impl Query {
    pub(super) fn start(config: ClientConfig, told: &Told) -> Result<Self, KafkaError> {
        let client = create(&config, told)?;
        Ok(Self {
            config,
            told: told.clone(),
            current: Mutex::new(Current {
                client,
                since: Instant::now(),
                doubtful: false,
            }),
        })
    }

    /// A client that has not lost its brokers, as far as is known.
    pub(super) fn client(&self) -> Arc<BaseConsumer<Context>> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = current.doubtful || current.client.context().is_without_brokers();
        // While there really are none, every new client loses them too.
        if lost && current.since.elapsed() >= limits::PROBE_TIMEOUT {
            current.since = Instant::now();
            match create(&self.config, &self.told) {
                Ok(fresh) => {
                    current.client = fresh;
                    current.doubtful = false;
                }
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "start a client");
                }
            }
        }
        Arc::clone(&current.client)
    }

    /// What was told to all clients of the log.
    pub(super) fn told(&self) -> &Told {
        &self.told
    }

    /// Notes that a question was left without a good answer, which may be the client's fault.
    pub(super) fn doubt(&self) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.doubtful = true;
    }

    /// Whether a broker answers.
    pub(super) fn answers(&self) -> bool {
        let answers = answers(self.client().client(), None);
        if !answers {
            self.doubt();
        }
        answers
    }

    /// Serves log lines and errors; without a group there is nothing else to poll for.
    pub(super) fn serve(&self) {
        let client = {
            let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(&current.client)
        };
        let _ = client.poll(std::time::Duration::ZERO);
    }
}

/// Whether a broker answers this client (about one topic, which is cheaper, or all) and knows of brokers.
pub(super) fn answers<C: ClientContext>(client: &Client<C>, topic: Option<&str>) -> bool {
    let answer = client.fetch_metadata(topic, limits::PROBE_TIMEOUT);
    answer.is_ok_and(|metadata| !metadata.brokers().is_empty())
}

fn create(config: &ClientConfig, told: &Told) -> Result<Arc<BaseConsumer<Context>>, KafkaError> {
    let context = Context::new(ClientKind::Reader, told);
    Ok(Arc::new(config.create_with_context(context)?))
}
