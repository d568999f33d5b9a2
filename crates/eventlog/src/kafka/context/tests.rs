use rdkafka::error::RDKafkaErrorCode as Code;

use super::refusal;
use crate::refusal::Refusal;

/// The words of librdkafka 2.12 about a broker of Kafka 4.1, without addresses and times; of the mechanism only their gist.
#[test]
fn what_librdkafka_says_of_being_let_in_is_understood() {
    for (code, reason, expected) in [
        (
            Code::Authentication,
            "SASL authentication error: Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512",
            Some(Refusal::Password),
        ),
        (
            Code::Authentication,
            "SASL SCRAM-SHA-512 mechanism handshake failed: Broker: Unsupported SASL mechanism: broker's supported mechanisms: PLAIN",
            Some(Refusal::Sasl),
        ),
        (
            Code::SSL,
            "SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate could not be verified",
            Some(Refusal::BrokerCertificate),
        ),
        (
            Code::BrokerTransportFailure,
            "error:0A000086:SSL routines::certificate verify failed",
            Some(Refusal::BrokerCertificate),
        ),
        (
            Code::BrokerTransportFailure,
            "Receive failed: error:0A000416:SSL routines::sslv3 alert certificate unknown: SSL alert number 46",
            Some(Refusal::OurCertificate),
        ),
        (
            Code::BrokerTransportFailure,
            "Receive failed: error:0A000412:SSL routines::sslv3 alert bad certificate: SSL alert number 42",
            Some(Refusal::OurCertificate),
        ),
        (
            Code::BrokerTransportFailure,
            "SSL handshake failed: Disconnected: SSL connection closed by peer: connecting to a PLAINTEXT broker listener?",
            Some(Refusal::Plain),
        ),
        (
            Code::BrokerTransportFailure,
            "Connect to ipv4#127.0.0.1:9 failed: Connection refused",
            None,
        ),
    ] {
        assert_eq!(refusal(code, reason), expected, "{reason}");
    }
}
