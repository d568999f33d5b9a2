use crate::service::Service;

const ASKED: &str = "?hub.mode=subscribe&hub.verify_token=sample-verify-token&hub.challenge=";

#[tokio::test]
async fn the_challenge_is_echoed_as_plain_text_to_who_knows_the_token() {
    let service = Service::start().await;
    let answer = service.get(&format!("{ASKED}1158201444")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "1158201444"));
    // In any order, with other parameters, and percent-encoded.
    let other =
        "?x=1&hub.challenge=%3Cb%3E&hub%2Everify_token=sample%2Dverify-token&hub.mode=subscribe";
    let response = reqwest::get(format!("{}{other}", service.url()))
        .await
        .unwrap();
    assert_eq!(
        response.headers()["content-type"],
        "text/plain; charset=utf-8"
    );
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    assert_eq!(response.text().await.unwrap(), "<b>");
}

#[tokio::test]
async fn a_wrong_token_is_403() {
    let service = Service::start().await;
    for token in [
        "",
        "sample-verify-toke",
        "sample-verify-token2",
        "SAMPLE-VERIFY-TOKEN",
    ] {
        let query = format!("?hub.mode=subscribe&hub.verify_token={token}&hub.challenge=1");
        assert_eq!(service.get(&query).await.status, 403, "{token}");
    }
}

#[tokio::test]
async fn anything_else_is_400() {
    let service = Service::start().await;
    let long = "9".repeat(1025);
    for query in [
        "",
        "?hub.mode=subscribe",
        "?hub.mode=subscribe&hub.verify_token=sample-verify-token",
        "?hub.mode=unsubscribe&hub.verify_token=sample-verify-token&hub.challenge=1",
        "?hub_mode=subscribe&hub_verify_token=sample-verify-token&hub_challenge=1",
        "?hub.mode=subscribe&hub.verify_token=sample-verify-token&hub.challenge=1&hub.challenge=2",
        "?hub.mode=subscribe&hub.verify_token=sample-verify-token&hub.challenge=",
        &format!("{ASKED}{long}"),
    ] {
        assert_eq!(service.get(query).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn other_methods_are_405_and_other_paths_404() {
    let service = Service::start().await;
    for method in ["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"] {
        assert_eq!(service.with_method(method).await.status, 405, "{method}");
    }
    let elsewhere = format!("http://{}/", service.address);
    assert_eq!(reqwest::get(elsewhere).await.unwrap().status(), 404);
    assert!(
        service
            .metrics()
            .contains(r#"ingest_webhooks_total{method="other",code="405"} 5"#)
    );
}
