//! The options about Kafka that all services share.

use std::path::PathBuf;

/// Which Kafka, and how to speak to it.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Kafka")]
pub struct KafkaArgs {
    /// Brokers to find the cluster by, as host:port, separated by commas.
    #[arg(
        long,
        env = "ROLLCALL_KAFKA_BROKERS",
        value_name = "HOST:PORT",
        value_delimiter = ',',
        required = true
    )]
    pub kafka_brokers: Vec<String>,

    /// File of librdkafka properties, `name=value` a line: TLS, SASL, tuning.
    ///
    /// Properties that Rollcall's guarantees rest on are refused.
    #[arg(long, env = "ROLLCALL_KAFKA_CONFIG", value_name = "FILE")]
    pub kafka_config: Option<PathBuf>,

    /// What the names of all topics and consumer groups begin with.
    #[arg(
        long,
        env = "ROLLCALL_TOPIC_PREFIX",
        value_name = "TEXT",
        default_value = "rollcall."
    )]
    pub topic_prefix: String,

    /// Run on topics with fewer than 3 replicas, of which an acknowledged record may be lost with one broker.
    #[arg(long, env = "ROLLCALL_ALLOW_UNREPLICATED")]
    pub allow_unreplicated: bool,
}

#[cfg(test)]
mod tests;
