use clap::Parser;

use super::Args;
use crate::error::Error;

#[derive(Debug, Parser)]
struct Command {
    #[command(flatten)]
    args: Args,
}

fn parsed(options: &[&str]) -> Args {
    Command::try_parse_from([&["simulator"], options].concat())
        .unwrap()
        .args
}

#[test]
fn every_wrong_option_is_named_at_once() {
    let options = [
        "--numbers",
        "0",
        "--groups",
        "10001",
        "--webhook-concurrency",
        "0",
    ];
    let files = [
        "--app-secret-file",
        "/nowhere/secret",
        "--access-token-file",
        "/dev/null",
    ];
    let error = parsed(&[&options[..], &files].concat())
        .config()
        .unwrap_err();
    let Error::Configuration { problems } = &error else {
        panic!("{error:?}")
    };
    for (problem, option) in problems.iter().zip([
        "--numbers",
        "--groups",
        "--webhook-concurrency",
        "--app-secret-file",
        "--access-token-file",
    ]) {
        assert!(problem.starts_with(option), "{problem}");
    }
    assert_eq!(problems.len(), 5);
}

#[test]
fn the_defaults_are_those_of_the_command_line_reference() {
    let config = parsed(&[]).config().unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:9000");
    assert_eq!((config.seed, config.numbers, config.groups), (1, 1, 100));
    assert!(config.webhook_url.is_none() && config.access_token.is_none());
}
