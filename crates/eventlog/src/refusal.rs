//! Why brokers do not let us in.

use std::fmt;

/// Why brokers do not let us in, as far as they or TLS say; nothing but the configuration can change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// SASL: the user or the password.
    Password,
    /// SASL: the mechanism, or how it went.
    Sasl,
    /// TLS: we do not believe the broker's certificate.
    BrokerCertificate,
    /// TLS: the broker does not believe ours.
    OurCertificate,
    /// TLS: the port does not speak it.
    Plain,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password => {
                "the broker refuses the user or the password: see sasl.username and sasl.password in the file of --kafka-config"
            }
            Self::Sasl => {
                "the broker refuses how we authenticate: see sasl.mechanism in the file of --kafka-config"
            }
            Self::BrokerCertificate => {
                "the broker's certificate has expired, is of another host, or is of an authority that ssl.ca.location in the file of --kafka-config does not name"
            }
            Self::OurCertificate => {
                "the broker refuses our certificate: see ssl.certificate.location in the file of --kafka-config, whether it has expired, and whether the broker trusts its authority"
            }
            Self::Plain => {
                "the broker speaks no TLS on this port: see security.protocol in the file of --kafka-config"
            }
        })
    }
}
