//! TLS on every listener, with a certificate that is renewed while the process runs.

use std::{fs, path::Path, time::Duration};

use harness::{Process, await_until};
use openssl::{
    pkey::{PKey, Private},
    ssl::{SslConnector, SslMethod},
    x509::X509,
};
use reqwest::Url;

use crate::{
    certificates::certificate,
    services::{self, READY_WITHIN, Secrets},
};

/// A few times as long as files are left alone.
const SEEN_WITHIN: Duration = Duration::from_secs(60);

fn write(dir: &Path, certificate: &X509, key: &PKey<Private>) {
    fs::write(dir.join("tls.key"), key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    fs::write(dir.join("tls.crt"), certificate.to_pem().unwrap()).unwrap();
}

/// What a listener presents to a client that believes in `trusted`.
fn presented(url: &Url, trusted: &X509) -> Result<Vec<u8>, String> {
    let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
    connector
        .cert_store_mut()
        .add_cert(trusted.clone())
        .unwrap();
    let address = url.socket_addrs(|| None).unwrap()[0];
    let stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(READY_WITHIN)).unwrap();
    let stream = connector.build().connect("127.0.0.1", stream);
    let stream = stream.map_err(|error| error.to_string())?;
    let certificate = stream.ssl().peer_certificate().unwrap();
    Ok(certificate.to_der().unwrap())
}

/// A command trusts by the system's own way, and refuses what that does not tell it to trust.
fn check_command(query: &Url, secrets: &Secrets) {
    let list = |trust: &Path| {
        let mut command = std::process::Command::new(harness::binary().unwrap());
        command
            .args(["groups", "list", &format!("--url={query}")])
            .env("SSL_CERT_FILE", trust);
        command.output().unwrap()
    };
    await_until(READY_WITHIN, "an answer over TLS", || {
        list(&secrets.dir().join("tls.crt"))
            .status
            .success()
            .then_some(())
    })
    .unwrap();
    let distrusted = list(Path::new("/dev/null"));
    assert!(!distrusted.status.success());
    let said = String::from_utf8_lossy(&distrusted.stderr).into_owned();
    assert!(said.contains("certificate"), "{said}");
}

#[test]
fn every_listener_speaks_tls_and_presents_a_renewed_certificate_without_a_restart() {
    let secrets = Secrets::new();
    let data = tempfile::tempdir().unwrap();
    let (first, key) = certificate(1, 30);
    write(secrets.dir(), &first, &key);
    let arguments = [
        "standalone".to_owned(),
        format!("--data-dir={}", data.path().display()),
        "--webhook-listen=127.0.0.1:0".into(),
        "--listen=127.0.0.1:0".into(),
        "--admin-listen=127.0.0.1:0".into(),
        format!("--app-secret-file={}", secrets.app_secret.display()),
        format!("--access-token-file={}", secrets.access_token.display()),
        format!("--phone-number-id={}", services::NUMBER),
        // Nobody is there, and nobody is asked.
        "--graph-url=http://127.0.0.1:9".into(),
        "--list-every=0s".into(),
        format!(
            "--tls-cert-file={}",
            secrets.dir().join("tls.crt").display()
        ),
        format!("--tls-key-file={}", secrets.dir().join("tls.key").display()),
    ];
    let mut service = Process::spawn(&arguments).unwrap();
    let listeners = ["admin", "webhooks", "query API"].map(|what| {
        let url = service.await_listening(what).unwrap();
        assert_eq!(url.scheme(), "https", "{what}");
        url
    });
    let der = first.to_der().unwrap();
    for url in &listeners {
        assert_eq!(presented(url, &first).as_ref(), Ok(&der), "{url}");
    }

    let query = &listeners[2];
    check_command(query, &secrets);

    // A key of another certificate is no renewal.
    let (second, other) = certificate(2, 60);
    fs::write(
        secrets.dir().join("tls.key"),
        other.private_key_to_pem_pkcs8().unwrap(),
    )
    .unwrap();
    await_until(SEEN_WITHIN, "the pair to be refused", || {
        service
            .stderr()
            .contains("do not belong together")
            .then_some(())
    })
    .unwrap();
    assert_eq!(presented(query, &first).as_ref(), Ok(&der));
    write(secrets.dir(), &second, &other);
    let der = second.to_der().unwrap();
    await_until(SEEN_WITHIN, "the renewed certificate", || {
        (presented(query, &second).as_ref() == Ok(&der)).then_some(())
    })
    .unwrap();
    for url in &listeners {
        assert_eq!(presented(url, &second).as_ref(), Ok(&der), "{url}");
        assert!(presented(url, &first).is_err(), "{url}");
    }
    service.sigterm().unwrap();
    assert_eq!(service.wait(READY_WITHIN).unwrap().code(), Some(0));
}

#[test]
fn files_that_are_no_certificate_and_key_are_named_at_start() {
    let secrets = Secrets::new();
    let data = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate(1, 1);
    write(secrets.dir(), &certificate, &key);
    let (crt, pem) = (secrets.dir().join("tls.crt"), secrets.dir().join("tls.key"));
    for (crt, pem, why) in [
        (&pem, &pem, "tls.key holds no certificate in PEM"),
        (&crt, &crt, "tls.crt holds no private key in PEM"),
        (&secrets.dir().join("none"), &pem, "none cannot be read"),
    ] {
        let arguments = [
            "standalone".to_owned(),
            format!("--data-dir={}", data.path().display()),
            format!("--app-secret-file={}", secrets.app_secret.display()),
            format!("--access-token-file={}", secrets.access_token.display()),
            format!("--phone-number-id={}", services::NUMBER),
            format!("--tls-cert-file={}", crt.display()),
            format!("--tls-key-file={}", pem.display()),
        ];
        let mut process = Process::spawn(&arguments).unwrap();
        let status = process.wait(READY_WITHIN).unwrap();
        assert_eq!(status.code(), Some(2), "{}", process.stderr());
        let said = process.stderr();
        assert!(
            said.contains(why) && said.contains("--tls-cert-file"),
            "{said}"
        );
    }
}
