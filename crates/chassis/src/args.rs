//! Parsing a command line so that every wrong value is named at once.
//!
//! clap stops at the first. Here a wrong value is noted, its option made to take any text,
//! and the line parsed again, until nothing more is wrong.

use std::{ffi::OsString, process::ExitCode};

use clap::{
    Arg, Command, Parser,
    builder::ValueParser,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::{config::ConfigProblems, limits, process};

/// Why a command line gives no arguments.
#[derive(Debug)]
pub enum Refusal {
    /// Help or version was asked for, or clap explains the one thing that is wrong.
    Clap(Box<clap::Error>),
    /// Several things are wrong.
    Problems(ConfigProblems),
}

/// Parses this process's command line and environment.
///
/// # Errors
/// What to exit with, after help, version or all problems were printed: 0 or 2.
pub fn parse<C: Parser>() -> Result<C, ExitCode> {
    parse_from(std::env::args_os()).map_err(|refusal| match refusal {
        Refusal::Clap(error) => {
            let _closed = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(process::USAGE))
        }
        Refusal::Problems(problems) => process::print_problems(&problems),
    })
}

/// Parses a command line; the first item is the name of the program.
///
/// # Errors
/// [`Refusal`], with nothing printed.
pub fn parse_from<C: Parser>(
    line: impl IntoIterator<Item = impl Into<OsString>>,
) -> Result<C, Refusal> {
    let line: Vec<OsString> = line.into_iter().map(Into::into).collect();
    let first = match C::try_parse_from(&line) {
        Ok(args) => return Ok(args),
        Err(error) => error,
    };
    let mut problems = further_problems(C::command(), &line);
    if problems.0.len() < 2 {
        return Err(Refusal::Clap(Box::new(first)));
    }
    problems.0.dedup();
    Err(Refusal::Problems(problems))
}

fn further_problems(mut command: Command, line: &[OsString]) -> ConfigProblems {
    let mut problems = ConfigProblems::new();
    for _ in 0..limits::USAGE_PROBLEMS_MAX {
        let Err(error) = command.clone().try_get_matches_from(line) else {
            break;
        };
        problems.push(one_line(&error));
        let wrong_value = matches!(
            error.kind(),
            ErrorKind::ValueValidation | ErrorKind::InvalidValue
        );
        let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg) else {
            break;
        };
        if !wrong_value || !take_any_text(&mut command, option) {
            break;
        }
    }
    problems
}

/// Makes `option`, as clap shows it (`--listen <ADDRESS>`), take any text, wherever it is.
fn take_any_text(command: &mut Command, option: &str) -> bool {
    let Some(name) = option.strip_prefix("--") else {
        return false;
    };
    let long = name.split_whitespace().next().unwrap_or(name);
    let ids: Vec<_> = command
        .get_arguments()
        .filter(|arg| arg.get_long() == Some(long))
        .map(|arg| arg.get_id().clone())
        .collect();
    let mut found = !ids.is_empty();
    for id in ids {
        let any_text = |arg: Arg| arg.value_parser(ValueParser::os_string());
        *command = std::mem::take(command).mut_arg(id, any_text);
    }
    for subcommand in command.get_subcommands_mut() {
        found |= take_any_text(subcommand, option);
    }
    found
}

/// What clap says, without its prefix, its advice and its line ends.
fn one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let end = ["\n\nUsage:", "\n\nFor more information", "\n\n  tip:"]
        .into_iter()
        .filter_map(|mark| text.find(mark))
        .min()
        .unwrap_or(text.len());
    let said = text.get(..end).unwrap_or(text);
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
