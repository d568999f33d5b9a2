//! stub
use crate::{
    args::KafkaArgs,
    batch::Batch,
    budget::Budget,
    error::Error,
    health::Health,
    log::Bounds,
    reader::Start,
    record::RecordBatch,
    topic::{TopicPlan, TopicState},
};
use prometheus_client::registry::Registry;
use std::{sync::Arc, time::Duration};

#[derive(Debug)]
pub(crate) struct Engine {
    budget: Arc<Budget>,
}
fn not() -> Error {
    Error::Config {
        problems: vec!["the Kafka engine is not built yet".into()],
    }
}
impl Engine {
    pub(crate) fn start(_: &KafkaArgs, _: &str, _: &mut Registry) -> Result<Self, Error> {
        Err(not())
    }
    pub(crate) async fn append(&self, _: Batch) -> Result<Vec<i64>, Error> {
        Err(not())
    }
    pub(crate) async fn reader(&self, _: Vec<Start>) -> Result<Reader, Error> {
        Err(not())
    }
    pub(crate) async fn bounds(&self, _: &str, _: u32) -> Result<Bounds, Error> {
        Err(not())
    }
    pub(crate) async fn partitions(&self, _: &str) -> Result<u32, Error> {
        Err(not())
    }
    pub(crate) async fn commit(&self, _: &str, _: &str, _: u32, _: i64) -> Result<(), Error> {
        Err(not())
    }
    pub(crate) async fn describe(&self, _: &[&str]) -> Result<Vec<Option<TopicState>>, Error> {
        Err(not())
    }
    pub(crate) async fn apply(&self, _: &TopicPlan) -> Result<(), Error> {
        Err(not())
    }
    pub(crate) fn allow_unreplicated(&self) -> bool {
        false
    }
    pub(crate) fn health(&self) -> Health {
        Health::Ready
    }
    pub(crate) fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }
}
#[derive(Debug)]
pub(crate) struct Reader;
impl Reader {
    pub(crate) async fn next(
        &mut self,
        _: usize,
        _: usize,
        _: Duration,
    ) -> Result<RecordBatch, Error> {
        Err(not())
    }
    pub(crate) fn position(&self, _: usize) -> i64 {
        0
    }
    pub(crate) fn end_at_open(&self, _: usize) -> i64 {
        0
    }
    pub(crate) fn sources(&self) -> usize {
        0
    }
}
