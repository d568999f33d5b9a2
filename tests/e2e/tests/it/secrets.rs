//! Secrets are replaced by replacing their files; no process is started again.

use std::{fs, time::Duration};

use harness::await_until;
use reqwest::Url;

use crate::{
    http, posts,
    services::{self, Secrets, Service},
};

/// A few times as long as files are left alone.
const SEEN_WITHIN: Duration = Duration::from_secs(60);

/// The status of a webhook signed with a secret.
fn posted(webhooks: &Url, secret: &str) -> u16 {
    let body = br#"{"object":"whatsapp_business_account","entry":[]}"#;
    let signature = posts::signature(secret, body);
    let headers = [
        ("content-type", "application/json"),
        ("x-hub-signature-256", signature.as_str()),
    ];
    let answer = http::post_bytes(webhooks.clone(), &headers, body.to_vec());
    answer.unwrap().status
}

/// The status of a question asked with a token.
fn asked(url: &Url, token: &str) -> u16 {
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str())];
    http::ask(url.clone(), &headers, SEEN_WITHIN)
        .unwrap()
        .status
}

fn handshake(webhooks: &Url, token: &str) -> u16 {
    let mut url = webhooks.clone();
    url.query_pairs_mut()
        .append_pair("hub.mode", "subscribe")
        .append_pair("hub.verify_token", token)
        .append_pair("hub.challenge", "1158201444");
    http::get(url).status
}

#[test]
fn secrets_and_tokens_that_are_replaced_in_their_files_count_without_a_restart() {
    let secrets = Secrets::new();
    let tokens = secrets.dir().join("tokens");
    fs::write(&tokens, "read an-old-token\n").unwrap();
    let data = tempfile::tempdir().unwrap();
    let arguments = [
        "standalone".to_owned(),
        format!("--data-dir={}", data.path().display()),
        "--webhook-listen=127.0.0.1:0".into(),
        "--listen=127.0.0.1:0".into(),
        "--admin-listen=127.0.0.1:0".into(),
        format!("--app-secret-file={}", secrets.app_secret.display()),
        format!("--verify-token-file={}", secrets.verify_token.display()),
        format!("--access-token-file={}", secrets.access_token.display()),
        format!("--accept-tokens-file={}", tokens.display()),
        format!("--phone-number-id={}", services::NUMBER),
        // Nobody is there, and nobody is asked.
        "--graph-url=http://127.0.0.1:9".into(),
        "--list-every=0s".into(),
    ];
    let mut service = Service::start(&arguments);
    let webhooks = service.listening("webhooks").join("/webhooks").unwrap();
    let groups = service.listening("query API").join("/v1/groups").unwrap();
    service.await_ready();
    let old = services::APP_SECRET;
    assert_eq!(
        [posted(&webhooks, old), posted(&webhooks, "new")],
        [200, 401]
    );
    let old_verify = fs::read_to_string(&secrets.verify_token).unwrap();
    assert_eq!(handshake(&webhooks, &old_verify), 200);
    assert_eq!(asked(&groups, "an-old-token"), 200);
    assert_eq!(asked(&groups, "a-new-token"), 401);

    // What is no file of tokens leaves everybody who was let in.
    fs::write(&tokens, "reed a-new-token\n").unwrap();
    await_until(SEEN_WITHIN, "the file to be refused", || {
        let said = service.process.stderr();
        said.contains("line 1: the role is neither").then_some(())
    })
    .unwrap_or_else(|error| panic!("{error:#}: {}", service.process.stderr()));
    assert_eq!(asked(&groups, "an-old-token"), 200);

    fs::write(&secrets.app_secret, "new\n").unwrap();
    fs::write(&secrets.verify_token, "a new verify token").unwrap();
    fs::write(&tokens, "read a-new-token\n").unwrap();
    await_until(SEEN_WITHIN, "what is new to count", || {
        let statuses = [
            posted(&webhooks, "new"),
            handshake(&webhooks, "a new verify token"),
            asked(&groups, "a-new-token"),
        ];
        (statuses == [200; 3]).then_some(())
    })
    .unwrap();
    assert_eq!(posted(&webhooks, old), 401);
    assert_eq!(handshake(&webhooks, &old_verify), 403);
    assert_eq!(asked(&groups, "an-old-token"), 401);
    let said = service.process.stderr();
    assert!(
        !said.contains("a-new-token") && !said.contains("a new verify"),
        "{said}"
    );
    assert_eq!(service.stop(), Some(0));
}
