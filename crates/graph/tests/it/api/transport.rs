//! What can go wrong between the client and the API.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    body::Body,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use graph::api::{Class, Client, ClientConfig, Error};
use secrecy::SecretString;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::{body, client, serve};

#[tokio::test]
async fn what_is_not_of_the_api_is_told_apart() {
    for (status, text, word, class) in [
        (
            502,
            "<html>Sorry, something went wrong</html>",
            "not_json",
            Class::Transient,
        ),
        (200, "<html></html>", "not_json", Class::Transient),
        (200, "", "not_json", Class::Transient),
        (
            404,
            r#"{"message":"no route"}"#,
            "not_json",
            Class::Transient,
        ),
        (
            200,
            r#"{"data":[{"id":"G1"},{"id""#,
            "truncated",
            Class::Transient,
        ),
        (
            200,
            r#"{"data":{"groups":7}}"#,
            "unexpected",
            Class::Permanent,
        ),
    ] {
        let (client, _) = serve(move || body(status, text)).await;
        let error = client.list_groups("3", 1, None).await.unwrap_err();
        assert_eq!((error.as_str(), error.class()), (word, class), "{text}");
        assert!(error.sent().is_some_and(|sent| sent.t0.is_some()));
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (elsewhere, asked) = serve(|| body(200, r#"{"data":[]}"#)).await;
    let (client, _) = serve(|| {
        (
            StatusCode::TEMPORARY_REDIRECT,
            [(header::LOCATION, "/elsewhere")],
        )
            .into_response()
    })
    .await;
    let error = client.list_groups("3", 1, None).await.unwrap_err();
    assert!(matches!(error, Error::NotJson { status: 307, .. }));
    assert_eq!(error.class(), Class::Permanent);
    drop(elsewhere);
    assert!(asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_answer_without_end_is_refused_at_the_limit() {
    let (client, _) = serve(|| {
        let blank = axum::body::Bytes::from(vec![b' '; 1024 * 1024]);
        let endless = std::iter::repeat_n(blank, 64).map(Ok::<_, std::io::Error>);
        Response::new(Body::from_stream(futures::stream::iter(endless)))
    })
    .await;
    let error = client.group("G1").await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { status: 200, .. }));
}

/// A server that answers every connection with these bytes, and then closes it or keeps it open.
async fn raw(answer: &'static [u8], close: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = socket.read(&mut request).await;
            let _ = socket.write_all(answer).await;
            if !close {
                open.push(socket);
            }
        }
    });
    url
}

#[tokio::test]
async fn a_broken_connection_is_told_from_an_answer_cut_off() {
    let cut = raw(
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"data\":[",
        true,
    )
    .await;
    let error = client(&cut, Duration::from_secs(20))
        .list_groups("3", 1, None)
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Truncated { status: 200, .. }),
        "{error:?}"
    );
    assert_eq!(error.class(), Class::Transient);

    let nothing = raw(b"", true).await;
    let error = client(&nothing, Duration::from_secs(20))
        .group("secret-id")
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Connect(_)), "{error:?}");
    assert!(!format!("{error:?}").contains("secret-id"));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = client(&closed, Duration::from_secs(20))
        .group("G1")
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Connect(_)), "{error:?}");
    assert_eq!(error.class(), Class::Transient);
}

#[tokio::test]
async fn a_slow_answer_is_given_up() {
    for answer in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"] {
        let url = raw(answer, false).await;
        let error = client(&url, Duration::from_millis(100))
            .group("G1")
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Timeout), "{error:?}");
        assert_eq!(error.class(), Class::Transient);
    }
}

#[tokio::test]
async fn connections_are_used_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let accepted = Arc::new(Mutex::new(0));
    let count = Arc::clone(&accepted);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            *count.lock().unwrap() += 1;
            tokio::spawn(async move {
                let mut request = [0; 4096];
                while socket.read(&mut request).await.is_ok_and(|read| read > 0) {
                    let _ = socket
                        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"data\":[]}")
                        .await;
                }
            });
        }
    });
    let client = client(&url, Duration::from_secs(20));
    for _ in 0..5 {
        client.list_groups("3", 1, None).await.unwrap();
    }
    assert_eq!(*accepted.lock().unwrap(), 1);
}

#[test]
fn a_configuration_that_cannot_work_is_refused() {
    let config = |url: &str, token: &str| {
        Client::new(ClientConfig::new(
            url.parse().unwrap(),
            String::new(),
            SecretString::from(token),
        ))
    };
    assert_eq!(
        config("ftp://x.test", "t").unwrap_err().to_string(),
        "the Graph URL is not an http or https URL"
    );
    assert_eq!(
        config("https://x.test", "two\nlines")
            .unwrap_err()
            .to_string(),
        "the access token is not one line of visible ASCII"
    );
    assert!(config("https://x.test/base/", "t").is_ok());
}
