//! What is refused before it is read, in the order of interfaces §2.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::service::{SECRET, Service, answer, groups, joined, sign};

/// Reference §1.2.
const VECTORS: [(&str, &str); 3] = [
    (
        r#"{"object":"whatsapp_business_account","entry":[]}"#,
        "4345305ed97f01246987e15cca2024ef5b01055892ae2b906ec4d8c5b6c89aa1",
    ),
    (
        r#"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"group_settings_update","value":{"s":"Café"}}]}]}"#,
        "fa23eb4ec7cafa8aa6a1b88a677ba8923275875b8453caa6b119e3a89cecc265",
    ),
    (
        r#"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"group_settings_update","value":{"s":"Caf\u00e9"}}]}]}"#,
        "3ad360667c3baa5bc0c36fe898daebc2cb3d388e2e187f0d856f8d2e8fc8b299",
    ),
];

#[tokio::test]
async fn the_vectors_of_the_reference_are_taken() {
    let service = Service::start().await;
    for (body, hex) in VECTORS {
        let request = service
            .request(body)
            .header("x-hub-signature-256", format!("sha256={hex}"));
        assert_eq!(answer(request).await.status, 200);
    }
}

#[tokio::test]
async fn a_one_bit_change_anywhere_is_401() {
    let service = Service::start().await;
    for (body, hex) in VECTORS {
        let header = format!("sha256={hex}");
        for bit in 0..body.len() * 8 {
            let request = service
                .request(flip(body.as_bytes(), bit))
                .header("x-hub-signature-256", &header);
            assert_eq!(answer(request).await.status, 401, "bit {bit} of the body");
        }
        for bit in 0..header.len() * 8 {
            let changed = flip(header.as_bytes(), bit);
            // Control characters cannot stand in a header.
            let Ok(value) = reqwest::header::HeaderValue::from_bytes(&changed) else {
                continue;
            };
            let request = service.request(body).header("x-hub-signature-256", value);
            assert_eq!(answer(request).await.status, 401, "bit {bit} of the header");
        }
    }
    assert_eq!(service.seen().await, vec![]);
}

#[tokio::test]
async fn a_signature_that_is_missing_or_given_twice_is_401() {
    let service = Service::start().await;
    let (body, hex) = VECTORS[0];
    let header = format!("sha256={hex}");
    let twice = service
        .request(body)
        .header("x-hub-signature-256", &header)
        .header("x-hub-signature-256", &header);
    for request in [
        service.request(body),
        service.request(body).header("x-hub-signature", &header),
        twice,
    ] {
        assert_eq!(answer(request).await.status, 401);
    }
}

#[tokio::test]
async fn a_webhook_signed_with_any_of_several_secrets_is_taken() {
    let service = Service::start_with(&["the-old-one", "the-new-one"]).await;
    let body = groups("group_participants_update", &[&joined(1)]);
    for (secret, status) in [("the-old-one", 200), ("the-new-one", 200), (SECRET, 401)] {
        let request = service
            .request(body.clone())
            .header("x-hub-signature-256", sign(secret, body.as_bytes()));
        assert_eq!(answer(request).await.status, status, "{secret}");
    }
    assert_eq!(service.seen().await.len(), 2);
}

#[tokio::test]
async fn what_is_not_json_content_is_415_and_what_is_not_json_400() {
    let service = Service::start().await;
    let body = groups("group_participants_update", &[&joined(1)]);
    let signed = |content_type: Option<&str>, body: Vec<u8>| {
        let client = reqwest::Client::new();
        let request = client
            .post(service.url())
            .header("x-hub-signature-256", sign(SECRET, &body))
            .body(body);
        match content_type {
            Some(content_type) => request.header("content-type", content_type),
            None => request,
        }
    };
    for content_type in [
        None,
        Some("text/plain"),
        Some("application/jsonp"),
        Some(""),
    ] {
        let request = signed(content_type, body.clone().into_bytes());
        assert_eq!(answer(request).await.status, 415, "{content_type:?}");
    }
    for content_type in ["application/json", "Application/JSON; charset=utf-8"] {
        let request = signed(Some(content_type), body.clone().into_bytes());
        assert_eq!(answer(request).await.status, 200, "{content_type}");
    }
    for body in [
        &b""[..],
        b"  ",
        b"{",
        b"{}}",
        b"\"\xff\"",
        b"{\"object\":\"whatsapp_business_account\",\"entry\":[\xc3\x28]}",
        b"\xef\xbb\xbf{}",
    ] {
        let request = signed(Some("application/json"), body.to_vec());
        assert_eq!(answer(request).await.status, 400, "{body:?}");
    }
}

#[tokio::test]
async fn the_checks_come_in_their_order() {
    let service = Service::start().await;
    // Too large before all else; then the signature, whatever the content is.
    assert_eq!(head(&service, "content-length: 4194304").await, "413");
    let client = reqwest::Client::new();
    assert_eq!(
        answer(client.post(service.url()).body("x")).await.status,
        401
    );
    let request = client
        .post(service.url())
        .header("x-hub-signature-256", sign(SECRET, b"x"))
        .body("x");
    assert_eq!(answer(request).await.status, 415);
}

#[tokio::test]
async fn a_body_of_three_mebibytes_is_taken_and_one_over_the_slack_is_413() {
    let service = Service::start().await;
    let mut body = groups("group_participants_update", &[&joined(1)]);
    body.push_str(&" ".repeat((3 << 20) - body.len()));
    assert_eq!(service.post(body.as_bytes()).await.status, 200);
    body.push_str(&" ".repeat(ingest::limits::BODY_BYTES_MAX - body.len()));
    assert_eq!(service.post(body.as_bytes()).await.status, 200);
    let over = format!("content-length: {}", body.len() + 1);
    assert_eq!(head(&service, &over).await, "413");
}

#[tokio::test]
async fn a_length_that_is_too_large_is_413_before_the_body_comes() {
    let service = Service::start().await;
    assert_eq!(head(&service, "content-length: 3211265").await, "413");
}

#[tokio::test]
async fn a_stream_of_chunks_is_cut_with_413_at_the_limit() {
    let service = Service::start().await;
    let mut stream = TcpStream::connect(service.address).await.unwrap();
    let head = "POST /webhooks HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    // One chunk more than the limit holds, and no end.
    for _ in 0..=(ingest::limits::BODY_BYTES_MAX / 0x10000) {
        stream.write_all(chunk.as_bytes()).await.unwrap();
    }
    assert_eq!(status(&mut stream).await, "413");
}

#[tokio::test]
async fn a_chunked_body_within_the_limit_is_taken() {
    let service = Service::start().await;
    let body = groups("group_participants_update", &[&joined(1)]);
    let (first, second) = body.split_at(100);
    let mut stream = TcpStream::connect(service.address).await.unwrap();
    let request = format!(
        "POST /webhooks HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nx-hub-signature-256: {}\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
        sign(SECRET, body.as_bytes()),
        first.len(),
        second.len(),
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    assert_eq!(status(&mut stream).await, "200");
    assert_eq!(service.seen().await.len(), 1);
}

#[tokio::test]
async fn more_bytes_in_flight_than_may_be_are_503_and_room_comes_back() {
    let service = Service::start().await;
    let small = groups("group_participants_update", &[&joined(1)]);
    let piece = vec![b' '; 1 << 20];
    let mut held = Vec::new();
    for _ in 0..ingest::limits::BYTES_IN_FLIGHT_MAX / piece.len() {
        let mut stream = TcpStream::connect(service.address).await.unwrap();
        let head = format!(
            "POST /webhooks HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
            piece.len() + 1
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&piece).await.unwrap();
        held.push(stream);
    }
    let full = format!(
        "ingest_in_flight_bytes {}",
        ingest::limits::BYTES_IN_FLIGHT_MAX
    );
    let reached = harness::eventually(std::time::Duration::from_secs(7), &full, async || {
        service.metrics().contains(&full).then_some(())
    });
    reached.await.unwrap();
    let refused = service.post(small.as_bytes()).await;
    assert_eq!(
        (refused.status, refused.retry_after.as_deref()),
        (503, Some("2"))
    );
    drop(held);
    let taken = harness::eventually(std::time::Duration::from_secs(7), "a 200", async || {
        (service.post(small.as_bytes()).await.status == 200).then_some(())
    });
    taken.await.unwrap();
    let metrics = service.metrics();
    assert!(metrics.contains("ingest_in_flight_requests 0"), "{metrics}");
    assert!(metrics.contains("ingest_in_flight_bytes 0"), "{metrics}");
}

#[tokio::test]
async fn a_body_that_drips_is_408() {
    let service = Service::start().await;
    let mut stream = TcpStream::connect(service.address).await.unwrap();
    let head = "POST /webhooks HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(status(&mut stream).await, "408");
}

/// The status of the answer to a POST of which nothing but the head is sent.
async fn head(service: &Service, headers: &str) -> String {
    let mut stream = TcpStream::connect(service.address).await.unwrap();
    let head = format!("POST /webhooks HTTP/1.1\r\nhost: x\r\n{headers}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    status(&mut stream).await
}

async fn status(stream: &mut TcpStream) -> String {
    let mut line = [0; 12];
    stream.read_exact(&mut line).await.unwrap();
    let line = String::from_utf8(line.to_vec()).unwrap();
    line.strip_prefix("HTTP/1.1 ").unwrap().to_owned()
}

fn flip(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    flipped[bit / 8] ^= 1 << (bit % 8);
    flipped
}
