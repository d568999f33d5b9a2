//! Groups managed from the command line: by the reconciler to Meta, and back by webhook, log and fold to the query API.

use std::{
    process::{Command, Output},
    time::Duration,
};

use harness::await_until;
use reqwest::Url;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    http,
    services::{NUMBER, Secrets, Standalone},
    sim::Sim,
};

const WITHIN: Duration = Duration::from_secs(120);

/// Rollcall on one machine, and whoever types commands at it.
#[derive(Debug)]
pub struct Stage {
    pub sim: Sim,
    pub rollcall: Standalone,
    _secrets: Secrets,
    dir: TempDir,
}

/// What a command said.
struct Said {
    status: Option<i32>,
    answer: Value,
    error: String,
}

impl Stage {
    pub fn new(seed: u64) -> Self {
        let secrets = Secrets::new();
        let sim = Sim::start(seed, 3, &secrets);
        let dir = tempfile::tempdir().unwrap();
        let rollcall = Standalone::start(&dir.path().join("data"), &sim, &secrets, "5s");
        Self {
            sim,
            rollcall,
            _secrets: secrets,
            dir,
        }
    }

    fn types(&self, arguments: &[&str]) -> Output {
        let url = self.rollcall.queries.as_str();
        Command::new(harness::binary().unwrap())
            .args(arguments)
            .env("ROLLCALL_URL", url)
            .env("ROLLCALL_COMMAND_URL", url)
            .env("ROLLCALL_PHONE_NUMBER_ID", NUMBER)
            .output()
            .unwrap()
    }

    /// A command with its answer in JSON, whatever its exit status.
    fn tries(&self, arguments: &[&str]) -> Said {
        let done = self.types(&[arguments, &["--output=json"]].concat());
        let text = String::from_utf8(done.stdout).unwrap();
        let last = text.lines().last().unwrap_or("null");
        Said {
            status: done.status.code(),
            answer: serde_json::from_str(last).unwrap_or_else(|_| panic!("{arguments:?}: {text}")),
            error: String::from_utf8(done.stderr).unwrap(),
        }
    }

    /// A command that must do its work, to its end.
    pub fn does(&self, arguments: &[&str]) -> Value {
        let said = self.tries(arguments);
        assert_eq!(
            said.status,
            Some(0),
            "{arguments:?}: {} {}",
            said.error,
            said.answer
        );
        said.answer
    }

    /// A command about a group, followed to its end.
    fn ends(&self, arguments: &[&str]) -> Value {
        let answer = self.does(&[arguments, &["--wait"]].concat());
        assert_eq!(answer["status"], "done", "{arguments:?}: {answer}");
        answer
    }

    pub fn creates(&self, subject: &str, mode: &str) -> String {
        let mode = format!("--join-approval-mode={mode}");
        let subject = format!("--subject={subject}");
        let answer = self.ends(&["group", "create", &subject, &mode]);
        answer["group_id"].as_str().unwrap().to_owned()
    }

    pub fn queries(&self, path: &[&str]) -> Url {
        let mut url = self.rollcall.queries.clone();
        url.path_segments_mut().unwrap().pop_if_empty().extend(path);
        url
    }

    /// Waits until the query API shows something of a group.
    pub fn shows<T>(&self, group_id: &str, what: &str, find: impl Fn(&Value) -> Option<T>) -> T {
        let url = self.queries(&["v1", "groups", group_id]);
        await_until(WITHIN, what, || {
            let answer = http::get(url.clone());
            (answer.status == 200).then(|| find(&answer.json()))?
        })
        .unwrap()
    }

    /// A new person joins, or asks to.
    pub fn person(&self, n: usize, act: &str, group_id: &str) -> (String, Value) {
        let wa_id = format!("1555020{n:04}");
        let url = self.sim.url.join(&format!("/sim/users/{wa_id}")).unwrap();
        http::put(url, &json!({"name": "Somebody"})).json();
        let told = self.sim.act(&wa_id, act, &json!({"group_id": group_id}));
        (wa_id, told)
    }

    pub fn faults(&self, faults: &Value) {
        self.sim.faults(&json!({"api": faults}));
    }
}

fn jpeg(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xd8, 0xff, 0xc2, 0, 11, 8];
    bytes.extend(height.to_be_bytes());
    bytes.extend(width.to_be_bytes());
    bytes.extend([1, 1, 0x11, 0, 0xff, 0xd9]);
    bytes
}

fn is(value: &Value, text: &str) -> Option<()> {
    (value == text).then_some(())
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in its order")]
fn every_call_goes_from_the_command_line_to_meta_and_comes_back_in_the_projection() {
    let stage = Stage::new(601);
    let group = stage.creates("Repair 4711", "auto_approve");
    let group = group.as_str();
    stage.shows(group, "the group", |shown| {
        is(&shown["existence"], "active")?;
        is(&shown["subject"], "Repair 4711")
    });

    stage.ends(&[
        "group",
        "update",
        group,
        "--subject=Repair 4712",
        "--description=New",
    ]);
    stage.shows(group, "its settings", |shown| {
        is(&shown["subject"], "Repair 4712")?;
        is(&shown["description"], "New")
    });
    let picture = stage.dir.path().join("picture.jpg");
    std::fs::write(&picture, jpeg(192, 192)).unwrap();
    let file = format!("--picture={}", picture.display());
    stage.ends(&["group", "update", group, &file]);
    stage.shows(group, "its picture", |shown| {
        (!shown["picture_sha256"].is_null()).then_some(())
    });
    std::fs::write(&picture, jpeg(100, 192)).unwrap();
    let refused = stage.tries(&["group", "update", group, &file]);
    assert_eq!(refused.status, Some(1));
    assert!(refused.error.contains("not square"), "{}", refused.error);

    let link = stage.does(&["group", "invite-link", "get", group]);
    let link = link["invite_link"].as_str().unwrap().to_owned();
    let reset = stage.does(&["group", "invite-link", "reset", group]);
    let reset = reset["invite_link"].as_str().unwrap().to_owned();
    assert_ne!(link, reset);
    stage.shows(group, "the new link", |shown| {
        is(&shown["invite_link"], &reset)
    });

    let (rosa, _) = stage.person(1, "join", group);
    let (leo, _) = stage.person(2, "join", group);
    stage.shows(group, "both members", |shown| {
        (shown["participant_count"] == 2).then_some(())
    });
    let sent = stage.does(&["group", "send", group, "--text=The part has come"]);
    let message = sent["message_id"].as_str().unwrap();
    let url = stage.queries(&["v1", "messages", message]);
    await_until(WITHIN, "receipts of both", || {
        let answer = http::get(url.clone());
        let shown = (answer.status == 200).then(|| answer.json())?;
        (shown["recipients"].as_array()?.len() == 2).then_some(())
    })
    .unwrap();
    for arguments in [
        &["group", "pin", group, message][..],
        &["group", "unpin", group, message],
        &[
            "group",
            "send",
            group,
            "--media=image",
            "--media-link=https://example.org/a.jpg",
        ],
        &[
            "group",
            "send",
            group,
            "--template=part_arrived",
            "--language=en",
        ],
        &[
            "group",
            "send-invite",
            group,
            "--to=15550209999",
            "--template=group_invite",
        ],
    ] {
        let sent = stage.does(arguments);
        assert!(
            sent["message_id"].as_str().is_some(),
            "{arguments:?}: {sent}"
        );
    }

    stage.ends(&["group", "participants", "remove", group, &leo]);
    stage.shows(group, "who is left", |shown| {
        let [only] = shown["participants"].as_array()?.as_slice() else {
            return None;
        };
        is(&only["wa_id"], &rosa)
    });
    stage.does(&["group", "invite-link", "revoke", group]);
    stage.shows(group, "no link", |shown| is(&shown["invite_link"], ""));
    stage.ends(&["group", "delete", group]);
    stage.shows(group, "the end", |shown| is(&shown["existence"], "gone"));
    let refused = stage.tries(&["group", "delete", group]);
    assert_eq!(
        (refused.status, &refused.answer["code"]),
        (Some(1), &json!(131_041))
    );

    // What would be called is shown, and nothing is called.
    let calls = stage.sim.groups().len();
    let shown = stage.does(&["group", "create", "--subject=Dry", "--dry-run"]);
    assert_eq!(
        (&shown["dry_run"], &shown["body"]["subject"]),
        (&json!(true), &json!("Dry"))
    );
    assert!(
        shown["url"]
            .as_str()
            .unwrap()
            .ends_with(&format!("/v25.0/{NUMBER}/groups"))
    );
    assert_eq!(stage.sim.groups().len(), calls);
}

#[test]
fn of_50_join_requests_exactly_the_7_that_failed_are_named_by_answer_exit_status_and_projection() {
    let stage = Stage::new(602);
    stage.faults(&json!({"participants_max": 200}));
    for (verb, from) in [("approve", 100), ("reject", 200)] {
        let group = stage.creates(&format!("To {verb}"), "approval_required");
        let asked: Vec<String> = (from..from + 50)
            .map(|n| {
                let (_, told) = stage.person(n, "request-join", &group);
                told["join_request_id"].as_str().unwrap().to_owned()
            })
            .collect();
        stage.shows(&group, "50 join requests", |shown| {
            (shown["join_requests"].as_array()?.len() == 50).then_some(())
        });
        let listed = stage.types(&["group", "join-requests", "list", &group]);
        let listed = String::from_utf8(listed.stdout).unwrap();
        assert_eq!(listed.lines().count(), 50, "{listed}");
        let call = format!("join_requests_{verb}");
        stage.faults(&json!({"fail_items": [{"call": call, "code": 131_203, "times": 7}]}));
        let mut arguments = vec!["group", "join-requests", verb, group.as_str()];
        arguments.extend(asked.iter().map(String::as_str));
        let said = stage.tries(&arguments);
        assert_eq!(said.status, Some(1), "{}", said.error);
        assert_eq!(said.answer["status"], "partly", "{}", said.answer);
        let failed = said.answer["failed"].as_array().unwrap();
        assert_eq!(failed.len(), 7);
        assert_eq!(said.answer["done"].as_array().unwrap().len(), 43);
        let names = |failed: &[Value]| -> Vec<String> {
            let inputs = failed.iter().map(|failed| failed["input"].as_str());
            inputs.map(|input| input.unwrap().to_owned()).collect()
        };
        for failed in failed {
            let error = &failed["errors"][0];
            assert_eq!(error["code"], 131_203, "{failed}");
            assert!(!error["title"].as_str().unwrap().is_empty(), "{failed}");
            assert!(!error["details"].as_str().unwrap().is_empty(), "{failed}");
        }
        // The group still waits for exactly those, and the request names them.
        let left = stage.shows(&group, "7 join requests", |shown| {
            let left = shown["join_requests"].as_array()?;
            (left.len() == 7).then(|| left.clone())
        });
        let mut left: Vec<&str> = left
            .iter()
            .map(|left| left["join_request_id"].as_str().unwrap())
            .collect();
        let mut named = names(failed);
        left.sort_unstable();
        named.sort_unstable();
        assert_eq!(left, named);
        let id = said.answer["request_id"].as_str().unwrap();
        let shown = stage.tries(&["request", "show", id]);
        assert_eq!(shown.status, Some(1));
        assert_eq!(shown.answer["failed"], said.answer["failed"]);
    }
}

/// Codes with which Meta may refuse any call about groups, and their classes (reference 5.3).
const OF_ANY: [(u32, &str); 4] = [
    (100, "bad_input"),
    (131_041, "bad_input"),
    (131_207, "policy"),
    (131_215, "policy"),
];

/// Those of some calls.
const OF_CALLS: [(&str, &[(u32, &str)]); 7] = [
    ("create", &[(131_211, "policy"), (131_214, "policy")]),
    ("update", &[(131_209, "bad_input"), (131_210, "bad_input")]),
    (
        "participants_remove",
        &[(131_202, "bad_input"), (131_212, "bad_input")],
    ),
    ("join_requests", &[(131_059, "bad_input")]),
    (
        "join_requests_approve",
        &[
            (131_203, "bad_input"),
            (131_204, "bad_input"),
            (131_213, "bad_input"),
        ],
    ),
    ("join_requests_reject", &[(131_213, "bad_input")]),
    ("message", &[(131_020, "bad_input"), (130_501, "bad_input")]),
];

#[test]
#[expect(clippy::too_many_lines, reason = "a table and what it says")]
fn what_fails_says_why_and_what_to_do_by_words_and_by_exit_status() {
    let stage = Stage::new(603);
    let group = stage.creates("Kept", "auto_approve");
    let group = group.as_str();
    let (rosa, _) = stage.person(1, "join", group);
    stage.shows(group, "the member", |shown| {
        (shown["participant_count"] == 1).then_some(())
    });
    // Reads in between would be refused in the commands' stead.
    let paused = stage.types(&["pause", NUMBER]);
    assert!(paused.status.success(), "{paused:?}");
    let of_group = [
        ("update", &["group", "update", group, "--subject=New"][..]),
        ("delete", &["group", "delete", group]),
        ("invite_link", &["group", "invite-link", "get", group]),
        (
            "invite_link_reset",
            &["group", "invite-link", "reset", group],
        ),
        (
            "invite_link_revoke",
            &["group", "invite-link", "revoke", group],
        ),
        (
            "participants_remove",
            &["group", "participants", "remove", group, &rosa],
        ),
        ("join_requests", &["group", "join-requests", "list", group]),
        (
            "join_requests_approve",
            &["group", "join-requests", "approve", group, "x"],
        ),
        (
            "join_requests_reject",
            &["group", "join-requests", "reject", group, "x"],
        ),
        ("message", &["group", "send", group, "--text=Hello"]),
        ("pin", &["group", "pin", group, "wamid.1"]),
        ("unpin", &["group", "unpin", group, "wamid.1"]),
        (
            "invite",
            &[
                "group",
                "send-invite",
                group,
                "--to=15550209999",
                "--template=t",
            ],
        ),
        ("create", &["group", "create", "--subject=Another"]),
    ];
    for (call, arguments) in of_group {
        let of_call = OF_CALLS.into_iter().filter(|(of, _)| *of == call);
        let of_call = of_call.flat_map(|(_, codes)| codes.iter().copied());
        for (code, class) in OF_ANY.into_iter().chain(of_call) {
            stage.faults(&json!({"fail_next": [
                {"call": call, "code": code, "details": "Because it is so.", "times": 1_000}
            ]}));
            let said = stage.tries(arguments);
            stage.faults(&json!({"fail_next": []}));
            assert_eq!(said.status, Some(1), "{call} {code}: {}", said.answer);
            assert_eq!(
                (
                    &said.answer["code"],
                    &said.answer["class"],
                    &said.answer["details"]
                ),
                (&json!(code), &json!(class), &json!("Because it is so.")),
                "{call}: {}",
                said.answer
            );
            let words = ["Meta refused", &code.to_string(), "Because it is so."];
            assert!(
                words.iter().all(|word| said.error.contains(word)),
                "{call}: {}",
                said.error
            );
        }
    }
    // What Meta takes and then fails is told by its webhook.
    for (call, arguments) in of_group {
        if !["update", "delete", "participants_remove", "create"].contains(&call) {
            continue;
        }
        stage.faults(&json!({"fail_later": [{"call": call, "code": 131_000}]}));
        let said = stage.tries(&[arguments, &["--wait"]].concat());
        assert_eq!(said.status, Some(1), "{call}: {}", said.answer);
        assert_eq!(said.answer["status"], "failed", "{call}: {}", said.answer);
        let code = &said.answer["errors"][0]["code"];
        assert_eq!(code, 131_000, "{call}: {}", said.answer);
    }
    // Bad usage is another exit status.
    for arguments in [
        &["group", "send", group][..],
        &["group", "create"],
        &["group", "participants", "remove", group],
        &["request", "show"],
    ] {
        assert_eq!(
            stage.types(arguments).status.code(),
            Some(2),
            "{arguments:?}"
        );
    }
    let absent = stage.types(&["request", "show", "rq-none"]);
    assert_eq!(absent.status.code(), Some(1));
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "a table, in the order of a group's life"
)]
fn what_meta_documents_as_failures_comes_of_itself_and_is_told_as_it_is() {
    let stage = Stage::new(604);
    let fails = |arguments: &[&str], code: i64| {
        let said = stage.tries(arguments);
        assert_eq!(said.status, Some(1), "{arguments:?}: {}", said.answer);
        let answer = &said.answer;
        let told = [
            &answer["code"],
            &answer["errors"][0]["code"],
            &answer["failed"][0]["errors"][0]["code"],
        ];
        assert!(told.contains(&&json!(code)), "{arguments:?}: {answer}");
        assert!(!said.error.is_empty(), "{arguments:?}");
    };
    let group = stage.creates("Kept", "approval_required");
    let group = group.as_str();
    let (rosa, told) = stage.person(1, "request-join", group);
    let asked = told["join_request_id"].as_str().unwrap();

    // What Meta would refuse for its form is not even called.
    let long = format!("--subject={}", "x".repeat(129));
    fails(&["group", "create", &long], 100);
    fails(&["group", "create", "--subject= "], 100);
    let described = format!("--description={}", "x".repeat(2_049));
    fails(&["group", "create", "--subject=S", &described], 100);
    fails(&["group", "update", group], 100);
    fails(&["group", "update", group, &long], 100);
    let nine: Vec<String> = (0..9).map(|n| format!("1555030000{n}")).collect();
    let mut remove = vec!["group", "participants", "remove", group];
    remove.extend(nine.iter().map(String::as_str));
    fails(&remove, 100);
    fails(
        &["group", "participants", "remove", group, &rosa, &rosa],
        131_202,
    );
    fails(&["group", "pin", group, "wamid.1", "--days=31"], 100);
    let picture = stage.dir.path().join("picture.jpg");
    for (width, height, code) in [(100, 192, 131_209), (191, 191, 131_210)] {
        std::fs::write(&picture, jpeg(width, height)).unwrap();
        let file = format!("--picture={}", picture.display());
        fails(&["group", "update", group, &file], code);
    }
    std::fs::write(&picture, "no picture").unwrap();
    let file = format!("--picture={}", picture.display());
    fails(&["group", "update", group, &file], 100);

    // A group with one member cannot be written to, nor one that nobody knows.
    fails(&["group", "send", group, "--text=Nobody hears"], 131_020);
    let unknown = "Y2FwaV9ncm91cDpub25l";
    for arguments in [
        &["group", "update", unknown, "--subject=S"][..],
        &["group", "delete", unknown],
        &["group", "invite-link", "get", unknown],
        &["group", "invite-link", "reset", unknown],
        &["group", "invite-link", "revoke", unknown],
        &["group", "participants", "remove", unknown, &rosa],
        &["group", "join-requests", "list", unknown],
        &["group", "join-requests", "approve", unknown, asked],
        &["group", "join-requests", "reject", unknown, asked],
        &["group", "send", unknown, "--text=Hello"],
    ] {
        fails(arguments, 131_041);
    }

    // Who did not ask cannot be let in, nor who was; who is not in cannot be removed.
    for verb in ["approve", "reject"] {
        fails(
            &["group", "join-requests", verb, group, "MTU1NTAzMDAwMDA="],
            131_213,
        );
    }
    stage.does(&["group", "join-requests", "approve", group, asked]);
    fails(&["group", "join-requests", "reject", group, asked], 131_213);
    stage.shows(group, "the member", |shown| {
        (shown["participant_count"] == 1).then_some(())
    });
    fails(
        &[
            "group",
            "participants",
            "remove",
            group,
            "15550309999",
            "--wait",
        ],
        131_212,
    );
    let part = [
        "group",
        "participants",
        "remove",
        group,
        &rosa,
        "15550309999",
        "--wait",
    ];
    let said = stage.tries(&part);
    assert_eq!(said.status, Some(1), "{}", said.answer);
    assert_eq!(said.answer["status"], "partly", "{}", said.answer);
    stage.shows(group, "nobody", |shown| {
        (shown["participant_count"] == 0).then_some(())
    });

    // A template that is not approved, a group too many, a suspended group.
    stage.faults(&json!({"known_templates_only": true, "groups_max": 1}));
    stage.person(2, "request-join", group);
    let listed = stage.does(&["group", "join-requests", "list", group]);
    let asked = listed["join_request_id"].as_str().unwrap();
    stage.does(&["group", "join-requests", "approve", group, asked]);
    fails(
        &[
            "group",
            "send",
            group,
            "--template=unknown",
            "--language=en",
        ],
        132_001,
    );
    fails(
        &[
            "group",
            "send-invite",
            group,
            "--to=15550309999",
            "--template=unknown",
        ],
        132_001,
    );
    fails(&["group", "create", "--subject=Another"], 131_211);
    let suspend = stage.sim.url.join(&format!("/sim/groups/{group}/suspend"));
    http::post(suspend.unwrap(), &json!({})).json();
    stage.shows(group, "the suspension", |shown| {
        (shown["suspended"] == true).then_some(())
    });
    fails(&["group", "send", group, "--text=Hello"], 131_207);
    fails(&["group", "update", group, "--subject=S"], 131_207);
}

#[test]
fn of_a_removal_that_fails_for_one_exactly_that_one_is_named_by_exit_status_and_request() {
    let stage = Stage::new(605);
    let group = stage.creates("Kept in part", "auto_approve");
    let (rosa, _) = stage.person(1, "join", &group);
    let (leo, _) = stage.person(2, "join", &group);
    stage.shows(&group, "both members", |shown| {
        (shown["participant_count"] == 2).then_some(())
    });
    stage.faults(&json!({"fail_items": [
        {"call": "participants_remove", "code": 131_204, "times": 1}
    ]}));
    let said = stage.tries(&[
        "group",
        "participants",
        "remove",
        &group,
        &rosa,
        &leo,
        "--wait",
    ]);
    assert_eq!(said.status, Some(1), "{}", said.error);
    assert_eq!(said.answer["status"], "partly", "{}", said.answer);
    let failed = said.answer["failed"].as_array().unwrap();
    let [only] = failed.as_slice() else {
        panic!("{}", said.answer);
    };
    // Whoever is still in is the one who is named.
    let left = stage.shows(&group, "who is left", |shown| {
        let [only] = shown["participants"].as_array()?.as_slice() else {
            return None;
        };
        Some(only["wa_id"].clone())
    });
    assert_eq!(only["input"], left);
    assert!([&rosa, &leo].iter().any(|wa_id| left == ***wa_id));
    assert_eq!(only["errors"][0]["code"], 131_204, "{only}");
    let id = said.answer["request_id"].as_str().unwrap();
    let shown = stage.tries(&["request", "show", id]);
    assert_eq!(shown.status, Some(1));
    assert_eq!(shown.answer["failed"], said.answer["failed"]);
}
