//! TLS on every listener of a process, with one certificate that can be renewed while it runs.
//!
//! It is OpenSSL's, as the log's and the calls' is: librdkafka needs it, and one TLS library is one to keep safe.
//! Versions and ciphers are Mozilla's intermediate ones: TLS 1.2 and 1.3.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use clap::Args;
use openssl::{
    asn1::{Asn1Time, Asn1TimeRef},
    error::ErrorStack,
    pkey::PKey,
    ssl::{self, Ssl, SslAcceptor, SslMethod},
    x509::X509,
};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

use crate::{CancellationToken, Clock, ConfigProblems, reload::Reload, secret};

/// Options about what clients see of the process.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsArgs {
    /// Certificate that every listener of the process presents, as PEM, followed by those that lead to its authority; read again when it is renewed [default: no TLS]
    #[arg(
        long,
        env = "ROLLCALL_TLS_CERT_FILE",
        value_name = "FILE",
        requires = "tls_key_file"
    )]
    pub tls_cert_file: Option<PathBuf>,

    /// Private key of --tls-cert-file, as PEM
    #[arg(
        long,
        env = "ROLLCALL_TLS_KEY_FILE",
        value_name = "FILE",
        requires = "tls_cert_file"
    )]
    pub tls_key_file: Option<PathBuf>,
}

/// Why a certificate cannot be presented. Shows nothing of a key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] secret::Error),
    /// The file holds no certificate.
    #[error("{path} holds no certificate in PEM", path = path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The file holds no private key, or one with a passphrase.
    #[error("{path} holds no private key in PEM without a passphrase", path = path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// OpenSSL does not take them.
    #[error("{certificate} and {key} do not belong together: {source}", certificate = certificate.display(), key = key.display())]
    Mismatch {
        /// The file with the certificate.
        certificate: PathBuf,
        /// The file with the key.
        key: PathBuf,
        /// What OpenSSL said. (Shown in the message, for a usage error is one line.)
        source: ErrorStack,
    },
}

impl TlsArgs {
    /// The certificate to present, or none if none is named; what is wrong with it goes to `problems`.
    pub fn open(&self, problems: &mut ConfigProblems) -> Option<Tls> {
        let (Some(certificate), Some(key)) = (&self.tls_cert_file, &self.tls_key_file) else {
            return None;
        };
        let files = Files {
            certificate: certificate.clone(),
            key: key.clone(),
        };
        let identity = problems.take("--tls-cert-file", files.read())?;
        Some(Tls {
            files,
            identity: Arc::new(RwLock::new(identity)),
        })
    }
}

/// The certificate of all listeners; all clones present the same.
#[derive(Clone, Debug)]
pub struct Tls {
    files: Files,
    identity: Arc<RwLock<Identity>>,
}

#[derive(Clone, Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

struct Identity {
    acceptor: SslAcceptor,
    /// SHA-256 of what was read, to see whether it changed.
    fingerprint: [u8; 32],
    /// Seconds since 1970.
    not_after: i64,
}

impl Tls {
    /// When the certificate ends, in seconds since 1970.
    pub fn not_after(&self) -> i64 {
        self.identity().not_after
    }

    /// Shakes hands with a client that has connected.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
    ) -> Result<SslStream<TcpStream>, ssl::Error> {
        let ssl = Ssl::new(self.identity().acceptor.context())?;
        let mut stream = SslStream::new(ssl, stream)?;
        std::pin::Pin::new(&mut stream).accept().await?;
        Ok(stream)
    }

    /// Reads the files again and again, until shutdown; `renewed` is called when they hold something else.
    pub(crate) async fn reload(
        &self,
        clock: Clock,
        shutdown: CancellationToken,
        renewed: impl Fn(&Self),
    ) {
        let reload = Reload {
            what: "the TLS certificate",
            clock,
            shutdown,
        };
        let files = self.files.clone();
        let take = |identity: Identity| {
            let is_new = identity.fingerprint != self.identity().fingerprint;
            if is_new {
                let mut held = self
                    .identity
                    .write()
                    .unwrap_or_else(PoisonError::into_inner);
                *held = identity;
                drop(held);
                renewed(self);
            }
            is_new
        };
        reload.run(move || files.read(), take).await;
    }

    fn identity(&self) -> std::sync::RwLockReadGuard<'_, Identity> {
        self.identity.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Files {
    fn read(&self) -> Result<Identity, Error> {
        let certificate = secret::read_text(&self.certificate)?;
        let key = secret::read_text(&self.key)?;
        let chain = chain(&self.certificate, &certificate)?;
        let fingerprint = Sha256::new()
            .chain_update(certificate.as_bytes())
            .chain_update([0])
            .chain_update(key.as_bytes())
            .finalize();
        let (acceptor, not_after) = self.build(&chain, &key)?;
        Ok(Identity {
            acceptor,
            fingerprint: fingerprint.into(),
            not_after,
        })
    }

    fn build(&self, chain: &[X509], key: &str) -> Result<(SslAcceptor, i64), Error> {
        let key = PKey::private_key_from_pem_callback(key.as_bytes(), |_| Ok(0)).map_err(|_| {
            Error::NoKey {
                path: self.key.clone(),
            }
        })?;
        let no_certificate = || Error::NoCertificate {
            path: self.certificate.clone(),
        };
        let (own, authorities) = chain.split_first().ok_or_else(no_certificate)?;
        let build = || {
            let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
            builder.set_certificate(own)?;
            for authority in authorities {
                builder.add_extra_chain_cert(authority.clone())?;
            }
            builder.set_private_key(&key)?;
            builder.check_private_key()?;
            Ok((builder.build(), seconds(own.not_after())?))
        };
        build().map_err(|source| Error::Mismatch {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            source,
        })
    }
}

fn chain(path: &Path, text: &str) -> Result<Vec<X509>, Error> {
    match X509::stack_from_pem(text.as_bytes()) {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) | Err(_) => Err(Error::NoCertificate {
            path: path.to_owned(),
        }),
    }
}

fn seconds(time: &Asn1TimeRef) -> Result<i64, ErrorStack> {
    let since = Asn1Time::from_unix(0)?.diff(time)?;
    Ok(i64::from(since.days) * 86_400 + i64::from(since.secs))
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a certificate until {}", self.not_after)
    }
}
