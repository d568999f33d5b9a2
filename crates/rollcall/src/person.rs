//! `rollcall export` and `rollcall erase`: what the topics hold of a person.
//!
//! Both read the topics themselves, from their beginnings: an index that forgot somebody would be believed.

pub(crate) mod erase;
pub(crate) mod export;

use std::{collections::BTreeSet, fmt, str::FromStr};

use anyhow::Context as _;
use chassis::Ctx;
use clap::Args as ClapArgs;
use domain::ids::Text;
use eventlog::{KafkaArgs, Log};
use wire::{Record, topics::Topic};

use crate::{kafka, scan};

/// Times that the groups are read to find identifiers that belong to identifiers.
const ROUNDS_MAX: usize = 8;

/// One identifier of a person. It is never printed with the settings.
#[derive(Clone, PartialEq, Eq)]
struct Identifier(String);

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(a person)")
    }
}

impl FromStr for Identifier {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let text = text.strip_prefix('+').unwrap_or(text);
        let is_one = (5..=256).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte));
        if is_one {
            Ok(Self(text.to_owned()))
        } else {
            Err(
                "an identifier is a phone number in digits (wa_id), or a user id such as US.13491208655302741918",
            )
        }
    }
}

/// Who is meant, and where.
#[derive(Debug, Clone, ClapArgs)]
struct Person {
    /// An identifier of the person: phone number in digits (`wa_id`) or user id; repeat for several, or give a file, for what is
    /// typed stays in the shell's history.
    #[arg(
        long = "person",
        env = "ROLLCALL_PERSON",
        hide_env_values = true,
        value_name = "ID",
        value_delimiter = ','
    )]
    identifiers: Vec<Identifier>,

    /// File with identifiers of the person, one a line.
    #[arg(
        long,
        env = "ROLLCALL_PERSON_FILE",
        value_name = "FILE",
        required_unless_present = "identifiers"
    )]
    person_file: Option<std::path::PathBuf>,

    #[command(flatten)]
    kafka: KafkaArgs,
}

impl Person {
    fn identifiers(&self) -> anyhow::Result<BTreeSet<String>> {
        let mut all: BTreeSet<String> = self.identifiers.iter().map(|id| id.0.clone()).collect();
        if let Some(path) = &self.person_file {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("read {}", path.display()))?;
            for (number, line) in text.lines().enumerate() {
                let line = line.trim();
                if line.is_empty() {
                    continue;
                }
                let id: Identifier = line.parse().map_err(|why| {
                    anyhow::anyhow!("{}, line {}: {why}", path.display(), number + 1)
                })?;
                all.insert(id.0);
            }
        }
        anyhow::ensure!(
            !all.is_empty(),
            "nobody is named: give --person or --person-file"
        );
        Ok(all)
    }

    async fn open(&self, topics: &[Topic], ctx: &Ctx) -> anyhow::Result<Log> {
        kafka::open(&self.kafka, "rollcall-person", topics, ctx).await
    }
}

/// Does a text name one of these, and not something longer that has it within?
fn mentions(bytes: &[u8], ids: &BTreeSet<String>) -> bool {
    let is_part = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    ids.iter().any(|id| {
        let id = id.as_bytes();
        let mut places = bytes.windows(id.len()).enumerate();
        places.any(|(place, window)| {
            window == id
                && !is_part(place.checked_sub(1).and_then(|before| bytes.get(before)))
                && !is_part(bytes.get(place + id.len()))
        })
    })
}

/// Adds the identifiers that groups know to be the same person's: somebody who changed a number, or whose user id came later.
/// `false` where shutdown began first.
async fn complete(ids: &mut BTreeSet<String>, log: &Log, ctx: &Ctx) -> anyhow::Result<bool> {
    for _ in 0..ROUNDS_MAX {
        let before = ids.len();
        let read = scan::whole(log, Topic::Groups, ctx, |_, record| {
            let Some(value) = record.value.filter(|value| mentions(value, ids)) else {
                return Ok(());
            };
            if let Ok(Record::State(stored)) = wire::decode_group(value) {
                for (id, link) in stored.state.core.is.iter() {
                    let (one, other): (&Text, &Text) = (id, &link.value);
                    let is_known = |id: &Text| ids.contains(id.as_str());
                    if is_known(one) || is_known(other) {
                        let linked = [one, other].map(|id| id.as_str().to_owned());
                        ids.extend(linked);
                    }
                }
            }
            Ok(())
        });
        if !read.await.context("read groups.v1")? {
            return Ok(false);
        }
        if ids.len() == before {
            break;
        }
    }
    Ok(true)
}
