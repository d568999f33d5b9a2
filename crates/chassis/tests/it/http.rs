use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    routing::{get, post},
};
use chassis::{
    CancellationToken,
    auth::{Access, AccessArgs, Role},
    extract,
    http::{self, Limits},
    problem::{ErrorCode, Problem},
    tls::TlsArgs,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
    task::JoinHandle,
};

struct Server {
    address: SocketAddr,
    shutdown: CancellationToken,
    serving: JoinHandle<()>,
}

async fn start(router: Router, limits: Limits) -> Server {
    let listener = http::bind("--listen", "127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let address = listener.address();
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(http::serve(listener, router, limits, shutdown.clone()));
    Server {
        address,
        shutdown,
        serving,
    }
}

impl Server {
    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.serving.await.unwrap();
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

async fn get_text(url: String) -> (u16, String) {
    let response = reqwest::get(url).await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// Sends a request on an open connection and reads the answer as far as the body `ok`.
async fn ask(stream: &mut TcpStream, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nok") {
        let mut byte = [0];
        assert_eq!(stream.read(&mut byte).await.unwrap(), 1, "closed early");
        answer.extend(byte);
    }
    String::from_utf8(answer).unwrap()
}

fn ok_router() -> Router {
    Router::new().route("/ok", get(|| async { "ok" }))
}

#[tokio::test]
async fn several_requests_go_over_one_connection() {
    let server = start(ok_router(), Limits::STANDARD).await;
    let mut stream = server.connect().await;
    for _ in 0..3 {
        assert!(
            ask(&mut stream, "/ok")
                .await
                .starts_with("HTTP/1.1 200 OK\r\n")
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_never_ends_its_head_is_cut() {
    let limits = Limits {
        header_read: Duration::from_millis(50),
        ..Limits::STANDARD
    };
    let server = start(ok_router(), limits).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET /ok HTTP/1.1\r\nhost: ")
        .await
        .unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    server.stop().await;
}

/// One place, and handlers that wait: for the whole body at `/body`, to be let go at `/held`.
async fn start_with_one_place(held: &Arc<Notify>, arrived: &Arc<Notify>) -> Server {
    let (held, arrived) = (Arc::clone(held), Arc::clone(arrived));
    let router = ok_router()
        .route("/body", post(|_body: String| async { "ok" }))
        .route(
            "/held",
            get(|| async move {
                arrived.notify_one();
                held.notified().await;
                "ok"
            }),
        );
    let limits = Limits {
        connections_max: 1,
        ..Limits::STANDARD
    };
    start(router, limits).await
}

#[tokio::test]
async fn a_client_that_is_waited_for_gives_its_place_to_one_that_comes() {
    let server = start_with_one_place(&Arc::default(), &Arc::default()).await;
    let slow = [
        "",
        "GET /ok HTTP/1.1\r\nhost: ",
        "POST /body HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf",
        "GET /ok HTTP/1.1\r\nhost: x\r\n\r\n",
    ];
    for sent in slow {
        let mut first = server.connect().await;
        first.write_all(sent.as_bytes()).await.unwrap();
        let mut second = server.connect().await;
        ask(&mut second, "/ok").await;
        let mut rest = Vec::new();
        // Cut, with or without an answer before; a reset is an end too.
        let _reset = first.read_to_end(&mut rest).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_client_whose_request_is_worked_on_keeps_its_place() {
    let (held, arrived) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let server = start_with_one_place(&held, &arrived).await;
    let mut first = server.connect().await;
    let first = tokio::spawn(async move { ask(&mut first, "/held").await });
    arrived.notified().await;
    let mut second = server.connect().await;
    let mut second = tokio::spawn(async move { ask(&mut second, "/ok").await });
    // Long enough for many looks at who could be cut.
    let looks = 10 * chassis::limits::ROOM_LOOK;
    assert!(tokio::time::timeout(looks, &mut second).await.is_err());
    assert!(!first.is_finished());
    held.notify_one();
    first.await.unwrap();
    second.await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_reads_nothing_loses_its_place() {
    let limits = Limits {
        connections_max: 1,
        write_stall: Duration::from_millis(50),
        ..Limits::STANDARD
    };
    let large = vec![b'x'; 64 << 20];
    let router = ok_router().route("/large", get(|| async { large }));
    let server = start(router, limits).await;
    let mut idle = server.connect().await;
    idle.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(get_text(server.url("/ok")).await, (200, "ok".to_owned()));
    server.stop().await;
}

#[tokio::test]
async fn a_request_in_flight_ends_after_shutdown_began_and_no_new_one_starts() {
    let (entered, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handler = {
        let (entered, go) = (Arc::clone(&entered), Arc::clone(&go));
        move || async move {
            entered.notify_one();
            go.notified().await;
            "done"
        }
    };
    let server = start(Router::new().route("/slow", get(handler)), Limits::STANDARD).await;
    let slow = tokio::spawn(get_text(server.url("/slow")));
    entered.notified().await;
    server.shutdown.cancel();
    // The listener closes before the drain; until then a connection may still be queued.
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!server.serving.is_finished());
    go.notify_one();
    assert_eq!(slow.await.unwrap(), (200, "done".to_owned()));
    server.serving.await.unwrap();
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut_when_the_time_to_drain_is_up() {
    let entered = Arc::new(Notify::new());
    let handler = {
        let entered = Arc::clone(&entered);
        move || async move {
            entered.notify_one();
            std::future::pending::<&'static str>().await
        }
    };
    let limits = Limits {
        drain: Duration::from_millis(50),
        ..Limits::STANDARD
    };
    let server = start(Router::new().route("/never", get(handler)), limits).await;
    let never = tokio::spawn(reqwest::get(server.url("/never")));
    entered.notified().await;
    server.stop().await;
    assert!(never.await.unwrap().is_err());
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_the_end() {
    let server = start(ok_router(), Limits::STANDARD).await;
    let mut idle = server.connect().await;
    ask(&mut idle, "/ok").await;
    server.stop().await;
    assert_eq!(idle.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_handler_that_panics_is_a_500_and_the_server_goes_on() {
    async fn panics() -> &'static str {
        panic!("on purpose")
    }
    let server = start(ok_router().route("/panic", get(panics)), Limits::STANDARD).await;
    let (status, body) = get_text(server.url("/panic")).await;
    assert_eq!(status, 500);
    let expected = r#"{"type":"/problems/internal","title":"A fault of the server","status":500}"#;
    assert_eq!(body, expected);
    assert_eq!(get_text(server.url("/ok")).await.0, 200);
    server.stop().await;
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_a_503() {
    let router = Router::new().route("/never", get(std::future::pending::<&'static str>));
    let router = http::with_timeout(router, Duration::from_millis(20));
    let server = start(router, Limits::STANDARD).await;
    let response = reqwest::get(server.url("/never")).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "1");
    assert!(
        response
            .text()
            .await
            .unwrap()
            .contains("/problems/timed-out")
    );
    server.stop().await;
}

#[tokio::test]
async fn refusals_of_router_and_extractors_are_problem_documents() {
    #[derive(serde::Deserialize)]
    struct Page {
        limit: u8,
    }
    async fn page(extract::Query(page): extract::Query<Page>) -> String {
        page.limit.to_string()
    }
    async fn body(extract::Json(page): extract::Json<Page>) -> String {
        page.limit.to_string()
    }
    async fn part(extract::Path(number): extract::Path<u8>) -> Result<String, Problem> {
        let teapot = Problem::new(ErrorCode::NotFound)
            .with("number", number)
            .with("title", "x");
        if number == 7 {
            Err(teapot)
        } else {
            Ok(number.to_string())
        }
    }
    let router = Router::new()
        .route("/page", get(page))
        .route("/body", post(body))
        .route("/part/{number}", get(part));
    let server = start(http::with_fallbacks(router), Limits::STANDARD).await;
    let client = reqwest::Client::new();
    let request =
        |method: &str, path: &str| client.request(method.parse().unwrap(), server.url(path));
    for (request, status, kind) in [
        (request("GET", "/nowhere"), 404, "not-found"),
        (request("DELETE", "/page"), 405, "method-not-allowed"),
        (request("GET", "/page?limit=x"), 400, "bad-request"),
        (request("GET", "/part/x"), 400, "bad-request"),
        (request("GET", "/part/7"), 404, "not-found"),
        (
            request("POST", "/body").body("{}"),
            415,
            "unsupported-media-type",
        ),
        (request("POST", "/body").json("x"), 400, "bad-request"),
        (
            request("POST", "/body").json(&vec![0; 2 << 20]),
            413,
            "too-large",
        ),
    ] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status, "{kind}");
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
        assert_eq!(response.headers().contains_key("allow"), status == 405);
        let problem: serde_json::Value = response.json().await.unwrap();
        assert_eq!(problem["type"], format!("/problems/{kind}"));
        assert_eq!(problem["status"], status);
        assert_ne!(problem["title"], "x");
    }
    assert_eq!(
        get_text(server.url("/page?limit=3")).await,
        (200, "3".to_owned())
    );
    assert_eq!(get_text(server.url("/part/3")).await, (200, "3".to_owned()));
    let seven = get_text(server.url("/part/7")).await.1;
    assert!(seven.contains(r#""number":7"#), "{seven}");
    server.stop().await;
}

#[tokio::test]
async fn routes_are_guarded_by_role() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tokens");
    std::fs::write(&path, "read r\noperate o\n").unwrap();
    let accept_tokens_file = Some(path.to_str().unwrap().parse().unwrap());
    let access = AccessArgs {
        accept_tokens_file,
        insecure_open: false,
        tls: TlsArgs::default(),
    }
    .access();
    let read = chassis::auth::protect(ok_router(), &access, Role::Read);
    let operate = Router::new().route("/do", post(|| async { "done" }));
    let operate = chassis::auth::protect(operate, &access, Role::Operate);
    let server = start(http::with_fallbacks(read.merge(operate)), Limits::STANDARD).await;
    let client = reqwest::Client::new();
    for (method, path, token, status) in [
        ("GET", "/ok", "r", 200),
        ("GET", "/ok", "o", 200),
        ("GET", "/ok", "x", 401),
        ("POST", "/do", "r", 403),
        ("POST", "/do", "o", 200),
        ("POST", "/do", "", 401),
        ("GET", "/nowhere", "", 404),
    ] {
        let request = client.request(method.parse().unwrap(), server.url(path));
        let response = request.bearer_auth(token).send().await.unwrap();
        assert_eq!(response.status(), status, "{method} {path} {token}");
    }
    server.stop().await;
    let open = chassis::auth::protect(ok_router(), &Access::Open, Role::Operate);
    let server = start(open, Limits::STANDARD).await;
    assert_eq!(get_text(server.url("/ok")).await.0, 200);
    server.stop().await;
}

#[tokio::test]
async fn an_address_that_cannot_be_had_is_an_error_that_names_the_option() {
    let taken = http::bind("--listen", "127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let address = taken.address();
    let error = http::bind("--webhook-listen", address).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("--webhook-listen {address} cannot be bound")
    );
}
