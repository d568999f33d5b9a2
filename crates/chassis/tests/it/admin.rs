use std::{fs, net::SocketAddr, time::Duration};

use chassis::{
    Clock, Ctx, Tasks,
    admin::{self, AdminArgs},
    auth::AccessArgs,
    tls::TlsArgs,
};
use reqwest::{Response, StatusCode};

struct Server {
    ctx: Ctx,
    address: SocketAddr,
    tasks: tokio::task::JoinHandle<Result<(), chassis::supervise::Error>>,
}

async fn start(ctx: Ctx, tokens: Option<&str>, metrics_open: bool) -> Server {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tokens");
    let accept_tokens_file = tokens.map(|text| {
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().parse().unwrap()
    });
    let access = AccessArgs {
        accept_tokens_file,
        insecure_open: false,
        tls: TlsArgs::default(),
    };
    let admin_listen = "127.0.0.1:0".parse().unwrap();
    let args = AdminArgs {
        admin_listen,
        metrics_open,
    };
    let server = admin::bind(&args, &access, &ctx).await.unwrap();
    let address = server.address();
    let mut tasks = Tasks::new(&ctx.shutdown);
    tasks.spawn("admin", server.run());
    Server {
        ctx,
        address,
        tasks: tokio::spawn(tasks.join()),
    }
}

impl Server {
    async fn get(&self, path: &str, token: &str) -> Response {
        let request = reqwest::Client::new().get(format!("http://{}{path}", self.address));
        let request = if token.is_empty() {
            request
        } else {
            request.bearer_auth(token)
        };
        request.send().await.unwrap()
    }

    async fn stop(self) {
        self.ctx.shutdown.cancel();
        self.tasks.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn readyz_and_livez_name_what_is_wrong_with_a_503() {
    let (clock, hand) = Clock::manual(0);
    let server = start(Ctx::new(clock), None, false).await;
    let check = server.ctx.health.check("kafka");
    check.failing("no broker answers");
    let ready = server.get("/readyz", "").await;
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready.headers()["content-type"], "application/json");
    assert_eq!(
        ready.text().await.unwrap(),
        r#"{"ok":false,"checks":[{"name":"kafka","ok":false,"reason":"no broker answers"}]}"#
    );
    check.ok();
    assert_eq!(server.get("/readyz", "").await.status(), StatusCode::OK);

    let _beat = server
        .ctx
        .health
        .heartbeat("leader 0", Duration::from_secs(5));
    assert_eq!(server.get("/livez", "").await.status(), StatusCode::OK);
    hand.advance(Duration::from_secs(6));
    assert_eq!(
        server.get("/livez", "").await.status(),
        StatusCode::SERVICE_UNAVAILABLE
    );
    server.stop().await;
}

#[tokio::test]
async fn metrics_are_openmetrics_text_and_open_where_no_tokens_are_configured() {
    let server = start(Ctx::new(Clock::system()), None, false).await;
    let metrics = server.get("/metrics", "").await;
    assert_eq!(metrics.status(), StatusCode::OK);
    assert_eq!(
        metrics.headers()["content-type"],
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    assert!(metrics.text().await.unwrap().ends_with("# EOF\n"));
    server.stop().await;
}

#[tokio::test]
async fn metrics_need_a_token_where_tokens_are_configured_and_probes_do_not() {
    let server = start(Ctx::new(Clock::system()), Some("read r-token"), false).await;
    let refused = server.get("/metrics", "").await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(refused.headers()["www-authenticate"], "Bearer");
    assert_eq!(
        refused.headers()["content-type"],
        "application/problem+json"
    );
    assert_eq!(
        refused.text().await.unwrap(),
        r#"{"type":"/problems/unauthenticated","title":"A valid token is needed","status":401,"detail":"send Authorization: Bearer with a token this server accepts"}"#
    );
    assert_eq!(
        server.get("/metrics", "r-tokem").await.status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        server.get("/metrics", "r-token").await.status(),
        StatusCode::OK
    );
    assert_eq!(server.get("/livez", "").await.status(), StatusCode::OK);
    assert_eq!(server.get("/readyz", "").await.status(), StatusCode::OK);
    assert_eq!(
        server.get("/nowhere", "").await.status(),
        StatusCode::NOT_FOUND
    );
    server.stop().await;

    let open = start(Ctx::new(Clock::system()), Some("read r-token"), true).await;
    assert_eq!(open.get("/metrics", "").await.status(), StatusCode::OK);
    open.stop().await;
}
