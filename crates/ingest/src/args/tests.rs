use std::io::Write as _;

use chassis::{ExposeSecret, args::parse_from};
use clap::Parser;

use super::*;

#[derive(Parser, Debug)]
struct Cli {
    #[command(flatten)]
    args: Args,
}

fn file(secret: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "{secret}").unwrap();
    file
}

#[test]
fn secrets_come_from_files_and_the_rest_has_defaults() {
    let (old, new) = (file("old"), file("new"));
    let path = |file: &tempfile::NamedTempFile| file.path().to_str().unwrap().to_owned();
    let line = [
        "ingest".to_owned(),
        "--app-secret-file".to_owned(),
        path(&old),
        "--app-secret-file".to_owned(),
        path(&new),
    ];
    let args = parse_from::<Cli>(line).unwrap().args;
    assert_eq!(args.webhook_listen.to_string(), "127.0.0.1:8080");
    let settings = args.settings();
    let secrets: Vec<&str> = settings
        .app_secrets
        .iter()
        .map(SecretString::expose_secret)
        .collect();
    assert_eq!(secrets, ["old", "new"]);
    assert!(settings.verify_token.is_none());
    let window = Window {
        past: Some(30 * 86_400),
        future: 600,
    };
    assert_eq!(settings.window, window);
    let shown = format!("{args:?} {settings:?}");
    assert!(
        !shown.contains("\"old\"") && !shown.contains("\"new\""),
        "{shown}"
    );
}

#[test]
fn a_past_of_0_is_any_time() {
    let secret = file("secret");
    let secret = format!("--app-secret-file={}", secret.path().display());
    let line = ["ingest", &secret, "--timestamp-past", "0"];
    let settings = parse_from::<Cli>(line).unwrap().args.settings();
    assert_eq!(settings.window.past, None);
    assert_eq!(settings.window.check(Some(0), i64::MAX), Ok(0));
}

#[test]
fn a_command_line_without_a_secret_is_refused_and_every_wrong_value_named() {
    assert!(parse_from::<Cli>(["ingest"]).is_err());
    let line = [
        "ingest",
        "--app-secret-file=/nowhere/at/all",
        "--webhook-listen=here",
        "--timestamp-past=long",
    ];
    let Err(chassis::args::Refusal::Problems(problems)) = parse_from::<Cli>(line) else {
        panic!("a wrong line was taken");
    };
    assert_eq!(problems.0.len(), 3, "{problems}");
}
