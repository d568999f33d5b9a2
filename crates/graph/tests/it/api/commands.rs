//! Commands: what is sent, what is refused before, and how answers are read.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::to_bytes,
    extract::Request,
    http::{StatusCode, header},
};
use graph::api::{
    Accepted, Body, Cause, Client, Code, Command, Completion, Content, Error, Executed, Invalid,
    JoinApprovalMode, LibraryQuery, MediaKind, MediaSource, Picture, Read, Recipient, Repeat,
    Reply, Template,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{TOKEN, client};

const NUMBER: &str = "300000000000001";
const GROUP: &str = "Y2FwaV9ncm91cDoxZD";

/// A call as it arrived.
#[derive(Clone, Debug, Default)]
struct Arrived {
    line: String,
    content_type: String,
    body: Vec<u8>,
}

/// A server with one answer, which remembers the last call.
async fn answering(status: u16, body: &'static str) -> (Client, Arc<Mutex<Arrived>>) {
    let seen = Arc::<Mutex<Arrived>>::default();
    let remember = Arc::clone(&seen);
    let app = Router::new().fallback(move |request: Request| {
        let remember = Arc::clone(&remember);
        async move {
            let (parts, incoming) = request.into_parts();
            assert_eq!(parts.headers["authorization"], format!("Bearer {TOKEN}"));
            *remember.lock().unwrap() = Arrived {
                line: format!("{} {}", parts.method, parts.uri),
                content_type: parts
                    .headers
                    .get(header::CONTENT_TYPE)
                    .map(|value| value.to_str().unwrap().to_owned())
                    .unwrap_or_default(),
                body: to_bytes(incoming, usize::MAX).await.unwrap().to_vec(),
            };
            (StatusCode::from_u16(status).unwrap(), body)
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (client(&url, std::time::Duration::from_secs(20)), seen)
}

/// The reply to a command.
async fn reply(command: &Command, status: u16, body: &'static str) -> Result<Reply, Error> {
    let (client, _) = answering(status, body).await;
    client.execute(command).await.map(|answer| answer.value)
}

fn create(subject: &str) -> Command {
    Command::Create {
        phone_number_id: NUMBER.to_owned(),
        subject: subject.to_owned(),
        description: Some("Café".to_owned()),
        join_approval_mode: Some(JoinApprovalMode::ApprovalRequired),
    }
}

fn delete() -> Command {
    Command::Delete {
        group_id: GROUP.to_owned(),
    }
}

fn remove(participants: &[&str]) -> Command {
    Command::RemoveParticipants {
        group_id: GROUP.to_owned(),
        participants: participants
            .iter()
            .map(|text| Recipient::parse(text).unwrap())
            .collect(),
    }
}

fn approve(ids: &[&str]) -> Command {
    Command::ApproveJoinRequests {
        group_id: GROUP.to_owned(),
        join_requests: ids.iter().map(|id| (*id).to_owned()).collect(),
    }
}

fn write(content: Content) -> Command {
    Command::SendMessage {
        phone_number_id: NUMBER.to_owned(),
        group_id: GROUP.to_owned(),
        content,
        reply_to: None,
    }
}

fn text(body: &str) -> Content {
    Content::Text {
        body: body.to_owned(),
        preview_url: false,
    }
}

fn media(kind: MediaKind, caption: Option<&str>, filename: Option<&str>) -> Content {
    Content::Media {
        kind,
        source: MediaSource::Link("https://example.com/a".to_owned()),
        caption: caption.map(str::to_owned),
        filename: filename.map(str::to_owned),
    }
}

fn pin(days: u8) -> Command {
    Command::Pin {
        phone_number_id: NUMBER.to_owned(),
        group_id: GROUP.to_owned(),
        message_id: "wamid.A".to_owned(),
        expiration_days: days,
    }
}

fn invite(to: &str) -> Command {
    Command::SendInvite {
        phone_number_id: NUMBER.to_owned(),
        to: Recipient::parse(to).unwrap(),
        group_id: GROUP.to_owned(),
        template: "group_invite".to_owned(),
        language: "en".to_owned(),
        parameters: vec!["Rosa".to_owned()],
    }
}

/// A JPEG of that size as far as headers go, with a comment before its frame and fill bytes.
pub(crate) fn jpeg(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = vec![
        0xff, 0xd8, 0xff, 0xfe, 0, 4, 1, 2, 0xff, 0xff, 0xff, 0xc2, 0, 11, 8,
    ];
    bytes.extend(height.to_be_bytes());
    bytes.extend(width.to_be_bytes());
    bytes.extend([1, 1, 0x11, 0, 0xff, 0xd9]);
    bytes
}

fn update(picture: Option<Picture>) -> Command {
    Command::Update {
        group_id: GROUP.to_owned(),
        subject: Some(" Repair ".to_owned()),
        description: Some(String::new()),
        picture,
    }
}

/// Every command with its request line and JSON body.
#[expect(clippy::too_many_lines, reason = "a table")]
fn table() -> Vec<(Command, &'static str, Option<Value>)> {
    let group = || GROUP.to_owned();
    let to_group = |mut fields: Value| {
        fields["messaging_product"] = json!("whatsapp");
        fields["recipient_type"] = json!("group");
        fields["to"] = json!(GROUP);
        Some(fields)
    };
    let components = vec![json!({"type": "body", "parameters": [{"type": "text", "text": "x"}]})];
    let product = json!({"messaging_product": "whatsapp"});
    vec![
        (
            create("  Repair 4711 "),
            "POST /v25.0/300000000000001/groups",
            Some(
                json!({"messaging_product": "whatsapp", "subject": "Repair 4711", "description": "Café",
                "join_approval_mode": "approval_required"}),
            ),
        ),
        (delete(), "DELETE /v25.0/Y2FwaV9ncm91cDoxZD", None),
        (
            update(None),
            "POST /v25.0/Y2FwaV9ncm91cDoxZD",
            Some(json!({"messaging_product": "whatsapp", "subject": "Repair", "description": ""})),
        ),
        (
            Command::ResetInviteLink { group_id: group() },
            "POST /v25.0/Y2FwaV9ncm91cDoxZD/invite_link",
            Some(product.clone()),
        ),
        (
            Command::RevokeInviteLink { group_id: group() },
            "DELETE /v25.0/Y2FwaV9ncm91cDoxZD/invite_link",
            Some(product),
        ),
        (
            remove(&["+1 (555) 010-0042", "US.10000000000000000042"]),
            "DELETE /v25.0/Y2FwaV9ncm91cDoxZD/participants",
            Some(json!({"messaging_product": "whatsapp",
                "participants": [{"user": "15550100042"}, {"user_id": "US.10000000000000000042"}]})),
        ),
        (
            approve(&["a", "b"]),
            "POST /v25.0/Y2FwaV9ncm91cDoxZD/join_requests",
            Some(json!({"messaging_product": "whatsapp", "join_requests": ["a", "b"]})),
        ),
        (
            Command::RejectJoinRequests {
                group_id: group(),
                join_requests: vec!["a".to_owned()],
            },
            "DELETE /v25.0/Y2FwaV9ncm91cDoxZD/join_requests",
            Some(json!({"messaging_product": "whatsapp", "join_requests": ["a"]})),
        ),
        (
            Command::SendMessage {
                phone_number_id: NUMBER.to_owned(),
                group_id: group(),
                content: text("hello"),
                reply_to: Some("wamid.B".to_owned()),
            },
            "POST /v25.0/300000000000001/messages",
            to_group(
                json!({"type": "text", "text": {"body": "hello", "preview_url": false},
                "context": {"message_id": "wamid.B"}}),
            ),
        ),
        (
            write(media(MediaKind::Document, Some("c"), Some("a.pdf"))),
            "POST /v25.0/300000000000001/messages",
            to_group(json!({"type": "document",
                "document": {"link": "https://example.com/a", "caption": "c", "filename": "a.pdf"}})),
        ),
        (
            write(Content::Template(Template {
                name: "repair_done".to_owned(),
                language: "en_US".to_owned(),
                components: components.clone(),
            })),
            "POST /v25.0/300000000000001/messages",
            to_group(json!({"type": "template",
                "template": {"name": "repair_done", "language": {"code": "en_US"}, "components": components}})),
        ),
        (
            pin(30),
            "POST /v25.0/300000000000001/messages",
            to_group(json!({"type": "pin",
                "pin": {"type": "pin", "message_id": "wamid.A", "expiration_days": 30}})),
        ),
        (
            Command::Unpin {
                phone_number_id: NUMBER.to_owned(),
                group_id: group(),
                message_id: "wamid.A".to_owned(),
            },
            "POST /v25.0/300000000000001/messages",
            to_group(json!({"type": "pin", "pin": {"type": "unpin", "message_id": "wamid.A"}})),
        ),
        (
            invite("15550100042"),
            "POST /v25.0/300000000000001/messages",
            Some(
                json!({"messaging_product": "whatsapp", "recipient_type": "individual", "to": "15550100042",
                "type": "template", "template": {"name": "group_invite", "language": {"code": "en"},
                "components": [{"type": "body", "parameters": [{"type": "group_id", "group_id": GROUP},
                    {"type": "text", "text": "Rosa"}]}]}}),
            ),
        ),
    ]
}

#[tokio::test]
async fn each_command_is_sent_as_meta_documents_it_and_as_a_dry_run_shows_it() {
    for (command, line, body) in table() {
        let (client, seen) = answering(200, r#"{"error":{"code":1}}"#).await;
        let rendered = command.render().unwrap();
        let shown = format!("{} /v25.0{}", rendered.method, rendered.path_and_query());
        client.execute(&command).await.unwrap_err();
        let arrived = seen.lock().unwrap().clone();
        assert_eq!((arrived.line.as_str(), shown.as_str()), (line, line));
        match body {
            Some(body) => {
                assert_eq!(rendered.body, Body::Json(body.clone()), "{command:?}");
                assert_eq!(
                    serde_json::from_slice::<Value>(&arrived.body).unwrap(),
                    body
                );
                assert_eq!(arrived.content_type, "application/json");
            }
            None => {
                assert_eq!(rendered.body, Body::None);
                assert_eq!(arrived.body, b"");
            }
        }
    }
}

#[tokio::test]
async fn a_bsuid_is_sent_as_recipient_because_in_to_it_is_dropped_without_a_word() {
    let Body::Json(body) = invite("US.10000000000000000042").render().unwrap().body else {
        panic!("JSON");
    };
    assert_eq!(body["recipient"], "US.10000000000000000042");
    assert_eq!(body.get("to"), None);
}

#[tokio::test]
async fn a_picture_is_sent_as_a_part_of_a_multipart_body() {
    let file = jpeg(192, 192);
    let command = update(Some(Picture::new(file.clone()).unwrap()));
    let (client, seen) = answering(200, r#"{"request_id":"R"}"#).await;
    client.execute(&command).await.unwrap();
    let arrived = seen.lock().unwrap().clone();
    assert_eq!(arrived.line, "POST /v25.0/Y2FwaV9ncm91cDoxZD");
    assert!(
        arrived
            .content_type
            .starts_with("multipart/form-data; boundary=")
    );
    let body = String::from_utf8_lossy(&arrived.body);
    assert!(body.contains(
        "name=\"profile_picture_file\"; filename=\"picture.jpg\"\r\nContent-Type: image/jpeg"
    ));
    for field in [
        "name=\"messaging_product\"\r\n\r\nwhatsapp\r\n",
        "name=\"subject\"\r\n\r\nRepair\r\n",
    ] {
        assert!(body.contains(field), "{body}");
    }
    assert!(
        arrived
            .body
            .windows(file.len())
            .any(|window| window == file)
    );
    let shown = command.render().unwrap().to_string();
    assert!(
        shown.ends_with("profile_picture_file: image/jpeg, 25 bytes, 192 by 192 pixels"),
        "{shown}"
    );
}

#[test]
fn a_picture_that_meta_would_refuse_is_not_sent() {
    let refused = |bytes: Vec<u8>| Picture::new(bytes).unwrap_err();
    assert_eq!(
        refused(jpeg(200, 192)),
        Invalid::PictureNotSquare {
            width: 200,
            height: 192
        }
    );
    assert_eq!(refused(jpeg(191, 191)), Invalid::PictureSmall { side: 191 });
    for bytes in [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        vec![],
        vec![0xff, 0xd8],
        jpeg(300, 300)[..14].to_vec(),
        vec![0xff, 0xd8, 0xff, 0xe0, 0, 1, 0, 0],
    ] {
        assert_eq!(refused(bytes), Invalid::PictureNotJpeg);
    }
    let mut large = jpeg(500, 500);
    large.resize(5 * 1024 * 1024, 0);
    assert_eq!(Picture::new(large.clone()).unwrap().side(), 500);
    large.push(0);
    assert_eq!(
        refused(large),
        Invalid::PictureLarge {
            bytes: 5 * 1024 * 1024 + 1
        }
    );
    assert_eq!(
        Invalid::PictureSmall { side: 1 }.code(),
        Code::PictureTooSmall
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn limits_are_checked_before_a_call_in_metas_terms() {
    let long = |count: usize| "ä".repeat(count);
    let nine: Vec<String> = (0..9).map(|n| format!("1555010000{n}")).collect();
    let nine: Vec<&str> = nine.iter().map(String::as_str).collect();
    let many: Vec<String> = (0..101).map(|n| n.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let described = |description: String| Command::Create {
        phone_number_id: NUMBER.to_owned(),
        subject: "s".to_owned(),
        description: Some(description),
        join_approval_mode: None,
    };
    let nothing = Command::Update {
        group_id: GROUP.to_owned(),
        subject: None,
        description: None,
        picture: None,
    };
    let unnamed = Content::Template(Template {
        name: String::new(),
        language: "en".to_owned(),
        components: Vec::new(),
    });
    let raw = Command::RemoveParticipants {
        group_id: GROUP.to_owned(),
        participants: vec![Recipient::Number("+1555".to_owned())],
    };
    for (command, invalid) in [
        (create(" \n"), Invalid::SubjectEmpty),
        (create(&long(129)), Invalid::SubjectLong { chars: 129 }),
        (
            described(long(2049)),
            Invalid::DescriptionLong { chars: 2049 },
        ),
        (nothing, Invalid::NothingToUpdate),
        (remove(&[]), Invalid::Participants { count: 0 }),
        (remove(&nine), Invalid::Participants { count: 9 }),
        (
            remove(&["15550100042", "+1 5550100042"]),
            Invalid::ParticipantTwice { index: 1 },
        ),
        (raw, Invalid::Participant),
        (approve(&[]), Invalid::JoinRequests { count: 0 }),
        (approve(&many), Invalid::JoinRequests { count: 101 }),
        (approve(&["a", "a"]), Invalid::JoinRequest { index: 1 }),
        (write(text(" ")), Invalid::TextEmpty),
        (write(text(&long(4097))), Invalid::TextLong { chars: 4097 }),
        (
            write(media(MediaKind::Image, Some(&long(1025)), None)),
            Invalid::CaptionLong { chars: 1025 },
        ),
        (
            write(media(MediaKind::Audio, Some("c"), None)),
            Invalid::CaptionUnsupported,
        ),
        (
            write(media(MediaKind::Image, None, Some("f"))),
            Invalid::FilenameUnsupported,
        ),
        (write(unnamed), Invalid::Template),
        (pin(0), Invalid::PinDays { days: 0 }),
        (pin(31), Invalid::PinDays { days: 31 }),
        (
            Command::Delete {
                group_id: String::new(),
            },
            Invalid::Id,
        ),
        (
            Command::Delete {
                group_id: "..".to_owned(),
            },
            Invalid::Id,
        ),
    ] {
        assert_eq!(command.render().unwrap_err(), invalid);
        assert!(!invalid.parameter().is_empty() && invalid.code().cause() == Cause::BadInput);
    }
    for command in [
        create(&long(128)),
        described(long(2048)),
        write(text(&long(4096))),
        pin(1),
    ] {
        command.render().unwrap();
    }
    assert_eq!(Recipient::parse("rosa"), Err(Invalid::Participant));
}

#[tokio::test]
async fn adding_participants_is_sent_only_by_a_client_that_offers_it() {
    let add = Command::AddParticipants {
        group_id: GROUP.to_owned(),
        participants: vec![Recipient::parse("15550100042").unwrap()],
    };
    let (client, seen) = answering(200, "{}").await;
    let refused = client.execute(&add).await.unwrap_err();
    assert!(matches!(refused, Error::Invalid(Invalid::AddNotOffered)));
    assert_eq!(seen.lock().unwrap().line, "");
    client.offering_add().execute(&add).await.unwrap();
    assert_eq!(
        seen.lock().unwrap().line,
        "POST /v25.0/Y2FwaV9ncm91cDoxZD/participants"
    );
}

#[tokio::test]
async fn what_completes_by_webhook_is_accepted_however_meta_says_so() {
    let accepted = |request_id: Option<&str>| {
        Reply::Accepted(Accepted {
            request_id: request_id.map(str::to_owned),
            ..Accepted::default()
        })
    };
    for (body, id) in [
        (
            r#"{"messaging_product":"whatsapp","request_id":"R1"}"#,
            Some("R1"),
        ),
        (r#"{"success":true}"#, None),
        (r#"{"success":"true","request_id":"R2"}"#, Some("R2")),
        ("true", None),
        ("", None),
        ("{}", None),
    ] {
        assert_eq!(
            reply(&delete(), 200, body).await.unwrap(),
            accepted(id),
            "{body}"
        );
    }
    let no = reply(&delete(), 200, r#"{"success":"false"}"#)
        .await
        .unwrap_err();
    assert!(matches!(no, Error::Unexpected { .. }));
}

#[tokio::test]
async fn a_partial_removal_is_an_answer_whether_meta_puts_it_in_errors_or_in_an_envelope() {
    let command = remove(&["15550100042"]);
    for body in [
        r#"{"request_id":"R","errors":[{"code":131201,"title":"t"}]}"#,
        r#"{"request_id":"R","errors":[{"code":"131201"}]}"#,
        r#"{"request_id":"R","error":{"code":131201,"message":"(#131201) t"}}"#,
    ] {
        let Reply::Accepted(accepted) = reply(&command, 206, body).await.unwrap() else {
            panic!("accepted");
        };
        assert!(accepted.is_partial && accepted.request_id.as_deref() == Some("R"));
        assert_eq!(accepted.errors[0].code, Some(131_201));
    }
}

#[tokio::test]
async fn of_join_requests_each_is_done_failed_or_untold_and_failure_wins() {
    let command = approve(&["a", "b", "c", "d"]);
    let body = r#"{"approved_join_requests":["a",{"join_request_id":"b"},"c"],
        "failed_join_requests":[{"join_request_id":"c","errors":[{"code":131213,"title":"Join request does not exist",
        "message":"m","error_data":{"details":"x"}}]}]}"#;
    let Reply::Decided(decided) = reply(&command, 206, body).await.unwrap() else {
        panic!("decided");
    };
    assert_eq!(
        (decided.done, decided.untold),
        (vec!["a".to_owned(), "b".to_owned()], vec!["d".to_owned()])
    );
    assert_eq!(decided.failed.len(), 1);
    assert_eq!(decided.failed[0].join_request_id, "c");
    assert_eq!(decided.failed[0].errors[0].details.as_deref(), Some("x"));
    let shown = format!("{:?}", decided.failed);
    assert_eq!(shown, "[FailedJoinRequest { codes: [Some(131213)], .. }]");
}

#[tokio::test]
async fn links_revocations_and_messages_are_read() {
    let group_id = || GROUP.to_owned();
    let reset = Command::ResetInviteLink {
        group_id: group_id(),
    };
    let link = r#"{"messaging_product":"whatsapp","invite_link":"https://chat.whatsapp.com/A"}"#;
    let Reply::InviteLink(link) = reply(&reset, 200, link).await.unwrap() else {
        panic!("link");
    };
    assert_eq!(
        (link.0.as_str(), format!("{link:?}")),
        ("https://chat.whatsapp.com/A", "[hidden]".to_owned())
    );
    assert!(matches!(
        reply(&reset, 200, "").await,
        Err(Error::Unexpected { .. })
    ));
    let revoke = Command::RevokeInviteLink {
        group_id: group_id(),
    };
    assert_eq!(
        reply(&revoke, 200, r#"{"success":"true"}"#).await.unwrap(),
        Reply::Done
    );
    let sent = r#"{"contacts":[{"input":"15550100042","wa_id":"15550100043","user_id":"US.1"}],
        "messages":[{"id":"wamid.X","message_status":"accepted"}]}"#;
    let Reply::Sent(message) = reply(&invite("15550100042"), 200, sent).await.unwrap() else {
        panic!("sent");
    };
    assert_eq!(message.message_id, "wamid.X");
    assert_eq!(message.recipient.wa_id.as_deref(), Some("15550100043"));
    let Reply::Sent(message) = reply(&write(text("x")), 200, sent).await.unwrap() else {
        panic!("sent");
    };
    assert!(
        message.recipient.is_empty(),
        "of a group nobody is the recipient"
    );
    assert!(reply(&pin(1), 200, r#"{"messages":[]}"#).await.is_err());
}

#[tokio::test]
async fn the_template_library_is_read_by_page() {
    let (client, seen) = answering(
        200,
        r#"{"data":[{"name":"group_invite_1","language":"en","category":"UTILITY",
        "topic":"GROUP_INVITE_LINK","body":"Join {{1}}","body_params":["the group"],"id":"7"}],
        "paging":{"cursors":{"after":"C"},"next":"https://elsewhere.example/x?after=C"}}"#,
    )
    .await;
    let query = LibraryQuery::group_invite_link("en");
    let page = client
        .template_library(&query, Some("B&c"))
        .await
        .unwrap()
        .value;
    assert_eq!(
        seen.lock().unwrap().line,
        "GET /v25.0/message_template_library?category=utility&topic=group_invite_link&language=en&after=B%26c"
    );
    assert_eq!(
        (page.items[0].name.as_str(), page.next.as_deref()),
        ("group_invite_1", Some("C"))
    );
    assert_eq!(page.items[0].body_params, ["the group"]);
    let read = Read::TemplateLibrary {
        query: &query,
        after: None,
    };
    assert_eq!(
        read.render().unwrap().to_string(),
        "GET /message_template_library?category=utility&topic=group_invite_link&language=en"
    );
}

#[tokio::test]
async fn what_may_be_done_twice_is_repeated_only_if_it_was_surely_not_done() {
    let throttled = r#"{"error":{"code":131208,"message":"(#131208) Group Rate Limit Hit"}}"#;
    let vague = r#"{"error":{"code":131000}}"#;
    let refused = r#"{"error":{"code":131041}}"#;
    for (status, body, executed, again, again_delete) in [
        (429, throttled, Executed::No, true, true),
        (500, vague, Executed::Unknown, false, true),
        (502, "<html>", Executed::Unknown, false, true),
        (200, r#"{"messages"#, Executed::Unknown, false, true),
        (400, refused, Executed::No, false, false),
    ] {
        let error = reply(&create("s"), status, body).await.unwrap_err();
        assert_eq!(error.executed(), executed, "{body}");
        assert_eq!(create("s").may_repeat(&error), again, "{body}");
        assert_eq!(delete().may_repeat(&error), again_delete, "{body}");
        assert_eq!(error.back_off(1).is_some(), again_delete, "{body}");
    }
    // Nobody listens: it was surely not done.
    let nobody = client("http://127.0.0.1:1/", std::time::Duration::from_secs(20));
    let error = nobody.execute(&create("s")).await.unwrap_err();
    assert_eq!(error.executed(), Executed::No);
    assert!(create("s").may_repeat(&error));
}

#[test]
fn each_command_says_what_a_second_call_does_and_where_its_outcome_is_told() {
    let say = |command: &Command| (command.as_str(), command.repeat(), command.completion());
    let all: Vec<_> = table().iter().map(|(command, ..)| say(command)).collect();
    use Completion::{Answer, Statuses, Webhook};
    use Repeat::{Idempotent, SameEnd, Twice};
    assert_eq!(
        all,
        [
            ("create", Twice, Webhook),
            ("delete", SameEnd, Webhook),
            ("update", Idempotent, Webhook),
            ("invite_link_reset", Twice, Answer),
            ("invite_link_revoke", Idempotent, Answer),
            ("participants_remove", SameEnd, Webhook),
            ("join_requests_approve", SameEnd, Answer),
            ("join_requests_reject", SameEnd, Answer),
            ("message", Twice, Statuses),
            ("message", Twice, Statuses),
            ("message", Twice, Statuses),
            ("pin", Twice, Statuses),
            ("unpin", Twice, Statuses),
            ("invite", Twice, Statuses),
        ]
    );
}

#[tokio::test]
async fn nothing_of_a_call_is_in_what_is_logged_about_it() {
    let secret = "secret words";
    let content = text(secret);
    for shown in [
        format!("{:?}", write(content.clone())),
        format!("{content:?}"),
        format!("{:?}", write(content.clone()).render().unwrap()),
        format!("{:?}", Recipient::parse("15550100042").unwrap()),
    ] {
        assert!(
            !shown.contains(secret) && !shown.contains("1555"),
            "{shown}"
        );
    }
}
