//! Listeners of a node beside the plain one: TLS, and who is let in.

use std::path::PathBuf;

/// A listener that speaks TLS.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Its name, in capitals.
    pub name: String,
    /// PEM: the private key (PKCS 8) and the certificate that it presents.
    pub identity: PathBuf,
    /// Who is let in.
    pub lets_in: LetsIn,
}

/// Whom a listener lets in.
#[derive(Clone, Debug)]
pub enum LetsIn {
    /// Users with a SCRAM-SHA-512 password.
    Users,
    /// Whoever presents a certificate of this authority, a PEM file.
    CertificatesOf(PathBuf),
}

impl Listener {
    pub(super) fn protocol(&self) -> &'static str {
        match self.lets_in {
            LetsIn::Users => "SASL_SSL",
            LetsIn::CertificatesOf(_) => "SSL",
        }
    }

    /// Lines of `server.properties`.
    pub(super) fn properties(&self) -> String {
        let of_it = format!("listener.name.{}.", self.name.to_lowercase());
        let mut text = format!(
            "{of_it}ssl.keystore.type=PEM\n{of_it}ssl.keystore.location={}\n",
            self.identity.display()
        );
        text += &match &self.lets_in {
            LetsIn::Users => format!(
                "{of_it}sasl.enabled.mechanisms=SCRAM-SHA-512\n\
                 {of_it}scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;\n"
            ),
            LetsIn::CertificatesOf(authority) => format!(
                "{of_it}ssl.client.auth=required\n{of_it}ssl.truststore.type=PEM\n{of_it}ssl.truststore.location={}\n",
                authority.display()
            ),
        };
        text
    }
}

/// Options of `kafka.tools.StorageTool format` for users and their passwords.
pub(super) fn scram(users: &[(&str, &str)]) -> Vec<String> {
    let option = |(name, password): &(&str, &str)| {
        [
            "--add-scram".to_owned(),
            format!("SCRAM-SHA-512=[name={name},password={password}]"),
        ]
    };
    users.iter().flat_map(option).collect()
}
