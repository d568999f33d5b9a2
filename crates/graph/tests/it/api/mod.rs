//! The client against a server on a real socket.

mod commands;
mod simulated;
mod transport;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::Request,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use graph::api::{
    Answer, Class, Client, ClientConfig, Error, GroupInfo, ListedGroup, Meaning, Page, Person,
    Usage,
};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::net::TcpListener;

const TOKEN: &str = "EAAB-secret-token";
const DATE: &str = "Thu, 28 May 2026 20:26:40 GMT";
const DATE_SECOND: i64 = 1_780_000_000;

/// What a server was asked.
type Seen = Arc<Mutex<Vec<String>>>;

/// A server that answers everything alike, and remembers what it was asked.
async fn serve(answer: impl Fn() -> Response + Clone + Send + Sync + 'static) -> (Client, Seen) {
    let seen = Seen::default();
    let remember = Arc::clone(&seen);
    let app = Router::new().fallback(move |request: Request| {
        let token = request
            .headers()
            .get(header::AUTHORIZATION)
            .map(|value| value.to_str().unwrap().to_owned());
        let line = format!(
            "{} {} {}",
            request.method(),
            request.uri(),
            token.unwrap_or_default()
        );
        remember.lock().unwrap().push(line);
        let answer = answer.clone();
        async move { answer() }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (client(&url, Duration::from_secs(20)), seen)
}

fn client(url: &str, request_timeout: Duration) -> Client {
    let config = ClientConfig::new(
        url.parse().unwrap(),
        "v25.0".to_owned(),
        SecretString::from(TOKEN),
    );
    Client::new(ClientConfig {
        request_timeout,
        ..config
    })
    .unwrap()
}

fn body(status: u16, body: &str) -> Response {
    (
        StatusCode::from_u16(status).unwrap(),
        [(header::DATE, DATE)],
        body.to_owned(),
    )
        .into_response()
}

/// A server whose answer can be changed, for tests of many: a client reads the machine's certificates when made.
struct Server {
    client: Client,
    answer: Arc<Mutex<(u16, String)>>,
}

impl Server {
    async fn new() -> Self {
        let answer = Arc::new(Mutex::new((200, String::new())));
        let given = Arc::clone(&answer);
        let (client, _) = serve(move || {
            let (status, text) = given.lock().unwrap().clone();
            body(status, &text)
        })
        .await;
        Self { client, answer }
    }

    fn answers(&self, status: u16, answer: &Value) {
        *self.answer.lock().unwrap() = (status, answer.to_string());
    }

    async fn list(&self, answer: Value) -> Result<Answer<Page<ListedGroup>>, Error> {
        self.answers(200, &answer);
        self.client.list_groups("300000000000001", 1024, None).await
    }

    async fn info(&self, answer: Value) -> Result<Answer<GroupInfo>, Error> {
        self.answers(200, &answer);
        self.client.group("G1").await
    }

    /// The error that an error envelope becomes.
    async fn with(&self, status: u16, error: Value) -> Error {
        self.answers(status, &json!({ "error": error }));
        self.client.group("G1").await.unwrap_err()
    }
}

#[tokio::test]
async fn both_shapes_of_the_list_and_all_spellings_of_its_scalars_are_read() {
    let server = Server::new().await;
    let groups = json!([
        {"id": "G1", "subject": "Repair 4711", "created_at": "1780000000"},
        {"id": 120_363_400_000_000_001_u64, "subject": 4711, "creation_timestamp": 1_780_000_001},
        {"id": "G3"},
    ]);
    let paging =
        json!({"cursors": {"before": "b", "after": "c"}, "next": "https://example.com/?after=c"});
    let group = |id: &str, subject: Option<&str>, created_at| ListedGroup {
        id: id.to_owned(),
        subject: subject.map(str::to_owned),
        created_at,
    };
    for data in [json!({ "groups": groups }), groups] {
        let page = server
            .list(json!({"data": data, "paging": paging}))
            .await
            .unwrap()
            .value;
        assert_eq!(
            page,
            Page {
                items: vec![
                    group("G1", Some("Repair 4711"), Some(1_780_000_000)),
                    group("120363400000000001", Some("4711"), Some(1_780_000_001)),
                    group("G3", None, None),
                ],
                next: Some("c".to_owned()),
            }
        );
    }
}

#[tokio::test]
async fn there_is_a_next_page_only_where_meta_says_next() {
    let server = Server::new().await;
    let next = async |paging| {
        server
            .list(json!({"data": [], "paging": paging}))
            .await
            .map(|answer| answer.value.next)
    };
    assert_eq!(
        next(json!({"cursors": {"after": "c"}})).await.unwrap(),
        None
    );
    assert_eq!(next(json!(null)).await.unwrap(), None);
    assert_eq!(
        next(json!({"next": "https://x.test/g?after=a%3Db&limit=1"}))
            .await
            .unwrap()
            .as_deref(),
        Some("a=b")
    );
    assert!(matches!(
        next(json!({"next": "https://x.test/g"})).await,
        Err(Error::Unexpected { .. })
    ));
    assert_eq!(
        server
            .list(json!({"data": {"groups": []}}))
            .await
            .unwrap()
            .value
            .next,
        None
    );
}

#[tokio::test]
async fn a_list_with_an_entry_that_cannot_be_read_is_no_list() {
    let server = Server::new().await;
    for data in [
        json!([{"id": "G1"}, {"subject": "no id"}]),
        json!([{"id": "G1"}, null]),
        json!([{"id": ""}]),
        json!([{"id": "G1", "created_at": "yesterday"}]),
        json!({}),
        json!(null),
        json!("none"),
    ] {
        let error = server.list(json!({ "data": data })).await.unwrap_err();
        assert!(
            matches!(error, Error::Unexpected { .. }),
            "{data} is {error:?}"
        );
        assert_eq!(error.class(), Class::Permanent);
    }
    assert!(matches!(
        server.list(json!({})).await,
        Err(Error::Unexpected { .. })
    ));
}

#[tokio::test]
async fn group_info_is_read_with_every_scalar_in_quotes_or_not() {
    let server = Server::new().await;
    let participants = json!([
        {"wa_id": "15550100042", "user_id": "US.10000000000000000042", "username": "@rosa.k"},
        {"user_id": "US.10000000000000000077", "wa_id": ""},
    ]);
    let plain = json!({"messaging_product": "whatsapp", "id": "G1", "subject": "Repair 4711", "description": "",
        "creation_timestamp": 1_780_000_000, "suspended": false, "total_participant_count": 2,
        "join_approval_mode": "approval_required", "participants": participants});
    let quoted = json!({"messaging_product": "whatsapp", "id": "G1", "subject": "Repair 4711", "description": "",
        "creation_timestamp": "1780000000", "suspended": "false", "total_participant_count": "2",
        "join_approval_mode": "approval_required", "participants": {"data": participants}});
    let text = |text: &'static str| Some(text.into());
    let expected = GroupInfo {
        id: text("G1").map(String::from),
        subject: Some("Repair 4711".to_owned()),
        description: Some(String::new()),
        join_approval_mode: Some("approval_required".to_owned()),
        creation_timestamp: Some(1_780_000_000),
        suspended: Some(false),
        total_participant_count: Some(2),
        participants: Some(vec![
            Person {
                wa_id: text("15550100042"),
                user_id: text("US.10000000000000000042"),
                username: text("rosa.k"),
                ..Person::default()
            },
            Person {
                user_id: text("US.10000000000000000077"),
                ..Person::default()
            },
        ]),
    };
    assert_eq!(server.info(plain).await.unwrap().value, expected);
    assert_eq!(server.info(quoted).await.unwrap().value, expected);
    let nothing = server.info(json!({"id": "G1"})).await.unwrap().value;
    assert_eq!(
        nothing,
        GroupInfo {
            id: Some("G1".to_owned()),
            ..GroupInfo::default()
        }
    );
}

#[tokio::test]
async fn group_info_that_is_wrong_or_about_another_group_is_no_answer() {
    let server = Server::new().await;
    for (answer, says) in [
        (
            json!({"id": "G2", "subject": "x"}),
            "id is not the group that was asked for",
        ),
        (
            json!({"id": "G1", "suspended": "perhaps"}),
            "suspended is not true or false",
        ),
        (
            json!({"id": "G1", "total_participant_count": -1}),
            "total_participant_count is not a count",
        ),
        (
            json!({"id": "G1", "participants": [{"wa_id": "Rosa"}]}),
            "participants[0].wa_id is not a phone number",
        ),
        (json!([]), "the item is not an object"),
    ] {
        let Err(Error::Unexpected { source, .. }) = server.info(answer).await else {
            panic!("{says}")
        };
        assert_eq!(source.to_string(), says);
    }
}

#[tokio::test]
async fn join_requests_and_invite_link_are_read() {
    let (client, seen) = serve(|| {
        body(
            200,
            r#"{"data":[{"join_request_id":"J1","wa_id":"15550100042","creation_timestamp":"1780000000"},{"user_id":"US.1"}],"paging":{}}"#,
        )
    })
    .await;
    let page = client.join_requests("G1", Some("c=/")).await.unwrap().value;
    assert_eq!(page.items[0].join_request_id.as_deref(), Some("J1"));
    assert_eq!(page.items[0].creation_timestamp, Some(1_780_000_000));
    assert_eq!(page.items[1].person.user_id.as_deref(), Some("US.1"));
    assert_eq!(
        *seen.lock().unwrap(),
        [format!(
            "GET /v25.0/G1/join_requests?after=c%3D%2F Bearer {TOKEN}"
        )]
    );
    let (client, _) = serve(|| {
        body(
            200,
            r#"{"messaging_product":"whatsapp","invite_link":"https://chat.whatsapp.com/A"}"#,
        )
    })
    .await;
    assert_eq!(
        client.invite_link("G1").await.unwrap().value.as_deref(),
        Some("https://chat.whatsapp.com/A")
    );
    let (client, _) = serve(|| body(200, r#"{"messaging_product":"whatsapp"}"#)).await;
    assert_eq!(client.invite_link("G1").await.unwrap().value, None);
}

#[tokio::test]
async fn ids_are_encoded_and_the_token_is_in_its_header_alone() {
    let (client, seen) = serve(|| body(200, r#"{"data":[]}"#)).await;
    client.list_groups("3/../x?y=1", 5000, None).await.unwrap();
    assert_eq!(
        *seen.lock().unwrap(),
        [format!(
            "GET /v25.0/3%2F..%2Fx%3Fy=1/groups?limit=1024 Bearer {TOKEN}"
        )]
    );
    for id in ["", ".", ".."] {
        let error = client.group(id).await.unwrap_err();
        assert_eq!(error.class(), Class::Bug);
    }
    assert_eq!(seen.lock().unwrap().len(), 1);
    assert!(!format!("{client:?}").contains(TOKEN));
}

/// Codes of the reference, what they mean, and whether trying again can help.
const CODES: &[(&[i64], Meaning, Class)] = &[
    (
        &[0, 3, 10, 190, 200, 299, 131_005],
        Meaning::Auth,
        Class::Permanent,
    ),
    (
        &[368, 130_497, 131_031, 131_214, 131_215],
        Meaning::Policy,
        Class::Permanent,
    ),
    (
        &[
            4, 80_007, 80_008, 130_429, 131_048, 131_056, 131_208, 133_016,
        ],
        Meaning::Throttled,
        Class::Transient,
    ),
    (
        &[1, 2, 131_000, 131_016, 131_057, 133_004],
        Meaning::Transient,
        Class::Transient,
    ),
    (
        &[
            33, 100, 131_008, 131_009, 131_020, 131_202, 131_212, 131_213,
        ],
        Meaning::BadInput,
        Class::Permanent,
    ),
    (&[131_041], Meaning::GroupUnknown, Class::Permanent),
    (&[131_207], Meaning::GroupSuspended, Class::Permanent),
    (&[131_059], Meaning::CursorExpired, Class::Permanent),
    (&[131_201], Meaning::Partly, Class::Permanent),
    (&[-7, 300, 999_999], Meaning::Unknown, Class::Permanent),
];

#[tokio::test]
async fn errors_are_classed_by_metas_code_and_not_by_the_status() {
    let server = Server::new().await;
    for (codes, meaning, class) in CODES {
        for code in *codes {
            for given in [json!(code), json!(code.to_string())] {
                let error = server.with(400, json!({ "code": given })).await;
                assert_eq!(
                    (error.code(), error.meaning(), error.class()),
                    (Some(*code), Some(*meaning), *class)
                );
            }
        }
    }
    // A status decides only where nobody knows the code.
    for (status, meaning) in [
        (401, Meaning::Auth),
        (429, Meaning::Throttled),
        (503, Meaning::Transient),
    ] {
        assert_eq!(
            server
                .with(status, json!({"code": 999_999}))
                .await
                .meaning(),
            Some(meaning)
        );
        assert_eq!(
            server
                .with(status, json!({"code": 131_041}))
                .await
                .meaning(),
            Some(Meaning::GroupUnknown)
        );
    }
    assert_eq!(
        server
            .with(400, json!({"code": 7, "is_transient": true}))
            .await
            .meaning(),
        Some(Meaning::Transient)
    );
    assert_eq!(
        server.with(206, json!({"code": 131_201})).await.meaning(),
        Some(Meaning::Partly)
    );
    assert_eq!(
        server.with(400, json!("what")).await.meaning(),
        Some(Meaning::Unknown)
    );
}

#[tokio::test]
async fn an_error_shows_codes_and_hides_sentences() {
    let server = Server::new().await;
    let error = server.with(400,
        json!({"message": "(#131041) Group unknown for 15550100042", "type": "OAuthException", "code": 131_041,
            "error_data": {"messaging_product": "whatsapp", "details": "15550100042 is not in it"},
            "error_subcode": 2_494_055, "fbtrace_id": "Axyz_1-2"}),
    )
    .await;
    assert_eq!(
        error.to_string(),
        "code 131041 of the Graph API (group_unknown, HTTP 400, subcode 2494055, trace Axyz_1-2)"
    );
    assert!(!format!("{error:?}").contains("15550100042"));
    let refused = error.refused().unwrap();
    assert_eq!(refused.details.reveal(), Some("15550100042 is not in it"));
    assert_eq!(
        refused.message.reveal(),
        Some("(#131041) Group unknown for 15550100042")
    );
    assert!(error.sent().unwrap().t0.is_some_and(|t0| t0 < DATE_SECOND));
}

#[tokio::test]
async fn an_answer_knows_metas_second_and_our_use() {
    let (client, _) = serve(|| {
        let headers = [
            ("date", DATE),
            ("x-app-usage", r#"{"call_count":28,"total_time":25,"total_cputime":"25.2"}"#),
            (
                "x-business-use-case-usage",
                r#"{"200000000000001":[{"type":"whatsapp","call_count":3,"total_cputime":1,"total_time":100,"estimated_time_to_regain_access":19},{"type":"x","call_count":70}]}"#,
            ),
            ("retry-after", "Thu, 28 May 2026 20:27:10 GMT"),
        ];
        (headers, r#"{"data":[]}"#).into_response()
    })
    .await;
    let sent = client.list_groups("3", 1, None).await.unwrap().sent;
    // Begun surely not after the second of the date less the time it took, however long that was.
    let took = i64::try_from(sent.elapsed.as_secs()).unwrap() + 1;
    assert!((DATE_SECOND - took..DATE_SECOND).contains(&sent.t0.unwrap()));
    assert!(sent.elapsed > Duration::ZERO);
    let usage = Usage {
        app_percent: Some(28),
        business_percent: Some(100),
        regain_access: Some(Duration::from_secs(19 * 60)),
    };
    assert_eq!(sent.usage, Some(usage));
    assert_eq!(usage.percent(), 100);
    assert_eq!(sent.retry_after, Some(Duration::from_secs(30)));

    let (client, _) = serve(|| {
        (
            [("date", "soon"), ("x-app-usage", "<"), ("retry-after", "7")],
            r#"{"data":[]}"#,
        )
            .into_response()
    })
    .await;
    let sent = client.list_groups("3", 1, None).await.unwrap().sent;
    assert_eq!(
        (sent.t0, sent.usage, sent.retry_after),
        (None, None, Some(Duration::from_secs(7)))
    );
}
