//! Golden: every payload of `tests/data` as it is understood.

use std::{fmt::Write as _, fs, path::Path};

use graph::webhook::{Parsed, Piece, Post, split};

fn understood(body: &[u8]) -> String {
    let mut out = String::new();
    let Post::Envelope(envelope) = split(body).unwrap() else {
        return "foreign".to_owned();
    };
    for piece in envelope.pieces() {
        match piece {
            Piece::Item(item) => {
                let (waba, number) = (
                    item.waba_id.as_deref(),
                    item.metadata.phone_number_id.as_deref(),
                );
                writeln!(
                    out,
                    "{} of {waba:?} {number:?} {:?}",
                    item.field.as_str(),
                    item.shape
                )
                .unwrap();
                match item.parse() {
                    Ok(parsed) => {
                        if let Parsed::Group(group) = &parsed {
                            let (agrees, outcome) = (group.agrees(&item.field), group.outcome());
                            writeln!(out, "agrees {agrees}, outcome {outcome:?}").unwrap();
                        }
                        writeln!(out, "{}", given(&format!("{parsed:#?}"))).unwrap();
                    }
                    Err(refusal) => writeln!(
                        out,
                        "refused: {refusal}; names {:?} {:?}; kept {}",
                        item.group_id(),
                        item.message_id(),
                        item.for_quarantine()
                    )
                    .unwrap(),
                }
            }
            Piece::Unintelligible(part) => writeln!(
                out,
                "unintelligible {part} of {:?} {:?}; kept {}",
                part.waba_id,
                part.field,
                part.for_quarantine()
            )
            .unwrap(),
        }
    }
    out
}

/// What is there, without what is not: a golden file should show what was read.
fn given(debug: &str) -> String {
    debug
        .lines()
        .filter(|line| !line.ends_with(": None,") && !line.ends_with(": [],"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn every_payload_is_understood_as_recorded() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut names: Vec<_> = fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    assert!(names.len() >= 39, "payloads are missing");
    for path in names {
        let body = fs::read(&path).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        insta::assert_snapshot!(name, understood(&body));
    }
}

#[test]
fn nothing_that_somebody_wrote_is_in_a_type_or_in_quarantine() {
    for (name, personal) in [
        ("group_message", &["hello all", "Rosa K"][..]),
        ("group_message_hidden_number", &["look", "Rosa K", "Mo\""]),
        ("one_to_one", &["just you", "Rosa K"]),
        ("status_read", &["Rosa K"]),
        ("system_changed_number", &["changed from", "Rosa"]),
        ("system_changed_user_id", &["changed from", "Rosa"]),
        ("system_from_is_new", &["changed from", "Rosa"]),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/{name}.json"));
        let body = fs::read(path).unwrap();
        let Post::Envelope(envelope) = split(&body).unwrap() else {
            panic!("{name} is an envelope")
        };
        for piece in envelope.pieces() {
            let Piece::Item(item) = piece else {
                panic!("{name} has items only")
            };
            let shown = format!("{:?} {}", item.parse().unwrap(), item.for_quarantine());
            for text in personal {
                assert!(!shown.contains(text), "{name} shows {text}");
            }
        }
    }
}
