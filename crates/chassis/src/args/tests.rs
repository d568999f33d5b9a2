use std::{net::SocketAddr, time::Duration};

use clap::Subcommand;

use super::*;
use crate::{SecretFile, admin::AdminArgs, auth::AccessArgs, telemetry::TelemetryArgs};

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    telemetry: TelemetryArgs,
    #[command(subcommand)]
    command: Sub,
}

#[derive(Debug, Subcommand)]
enum Sub {
    Serve(Box<Serve>),
}

#[derive(Debug, clap::Args)]
#[command(mut_arg("admin_listen", |arg| arg.default_value("127.0.0.1:9092")))]
struct Serve {
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    access: AccessArgs,
    #[arg(long, value_parser = crate::duration::parse, default_value = "5m")]
    list_every: Duration,
    #[arg(long)]
    api_lag: Option<humble::Seconds>,
    #[arg(long)]
    app_secret_file: Vec<SecretFile>,
    #[arg(long)]
    phone_number_id: String,
}

/// A value type of some service.
mod humble {
    #[derive(Clone, Debug)]
    pub(super) struct Seconds;
    impl std::str::FromStr for Seconds {
        type Err = &'static str;
        fn from_str(_text: &str) -> Result<Self, &'static str> {
            Err("never good")
        }
    }
}

fn parse(line: &str) -> Result<Cli, Refusal> {
    parse_from(line.split_whitespace())
}

#[test]
fn a_good_line_is_parsed_with_the_defaults_of_its_command() {
    let Sub::Serve(serve) = parse("x serve --phone-number-id 1 --log info,graph=debug")
        .unwrap()
        .command;
    let Serve {
        admin,
        access,
        list_every,
        api_lag,
        app_secret_file,
        phone_number_id,
    } = *serve;
    let listen: SocketAddr = "127.0.0.1:9092".parse().unwrap();
    assert_eq!(admin.admin_listen, listen);
    assert!(!admin.metrics_open && !access.insecure_open && access.accept_tokens_file.is_none());
    assert_eq!(list_every, Duration::from_secs(300));
    assert!(api_lag.is_none() && app_secret_file.is_empty());
    assert_eq!(phone_number_id, "1");
}

#[test]
fn every_wrong_option_is_named_at_once() {
    let line = "x serve --list-every soon --admin-listen here --log a=b=c --log-format yaml \
                --api-lag 3 --app-secret-file /no/such --accept-tokens-file /no/tokens";
    let Err(Refusal::Problems(problems)) = parse(line) else {
        panic!("several problems");
    };
    let all = problems.to_string();
    for expected in [
        "invalid value 'soon' for '--list-every <LIST_EVERY>': a duration needs a number with a unit",
        "invalid value 'here' for '--admin-listen <ADDRESS>'",
        "invalid value 'a=b=c' for '--log <FILTER>'",
        "invalid value 'yaml' for '--log-format <FORMAT>' [possible values: text, json]",
        "invalid value '3' for '--api-lag <API_LAG>': never good",
        "invalid value '/no/such' for '--app-secret-file <APP_SECRET_FILE>': /no/such cannot be read",
        "invalid value '/no/tokens' for '--accept-tokens-file <FILE>': /no/tokens cannot be read",
        "the following required arguments were not provided: --phone-number-id",
    ] {
        assert!(all.contains(expected), "{expected} not in\n{all}");
    }
    assert_eq!(problems.0.len(), 8, "{all}");
}

#[test]
fn one_wrong_option_is_explained_by_clap() {
    let Err(Refusal::Clap(error)) = parse("x serve --phone-number-id 1 --list-every soon") else {
        panic!("one problem");
    };
    assert_eq!(error.kind(), ErrorKind::ValueValidation);
    let Err(Refusal::Clap(help)) = parse("x --help") else {
        panic!("help");
    };
    assert_eq!(help.kind(), ErrorKind::DisplayHelp);
}
