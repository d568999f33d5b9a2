//! `rollcall export`: everything that the topics hold of a person, as JSON lines.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use chassis::{Ctx, time};
use clap::Args as ClapArgs;
use eventlog::RecordRef;
use serde_json::{Value, json};
use wire::{Decoded, Record, json as shown, topics::Topic};

use super::{Person, complete, mentions};
use crate::{print::line, scan};

/// Settings of `rollcall export`.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    person: Person,
}

/// A record that names the person.
#[derive(Debug)]
struct Found {
    partition: u32,
    offset: i64,
    line: Value,
}

/// Runs the command.
pub(crate) async fn run(args: Args, ctx: Ctx) -> anyhow::Result<()> {
    let Args { person } = args;
    let mut ids = person.identifiers()?;
    let log = person.open(&Topic::ALL, &ctx).await?;
    if !complete(&mut ids, &log, &ctx).await? {
        return Ok(());
    }
    for topic in Topic::ALL {
        // Of a key of a state topic the last counts.
        let is_state = matches!(
            topic,
            Topic::Groups | Topic::Messages | Topic::Requests | Topic::Numbers
        );
        let mut found: BTreeMap<Vec<u8>, Found> = BTreeMap::new();
        let read = scan::whole(&log, topic, &ctx, |partition, record| {
            let key = if is_state {
                record.key.to_vec()
            } else {
                format!("{partition}:{:020}", record.offset).into_bytes()
            };
            let value = record
                .value
                .filter(|value| mentions(value, &ids) || mentions(record.key, &ids));
            let Some(value) = value else {
                found.remove(&key);
                return Ok(());
            };
            let line = told(topic, record, value, &ids);
            let offset = record.offset;
            found.insert(
                key,
                Found {
                    partition,
                    offset,
                    line,
                },
            );
            Ok(())
        });
        if !read
            .await
            .with_context(|| format!("read {}", topic.name()))?
        {
            return Ok(());
        }
        for Found {
            partition,
            offset,
            line: said,
        } in found.into_values()
        {
            let mut said = said;
            said["topic"] = topic.name().into();
            said["partition"] = partition.into();
            said["offset"] = offset.into();
            line(said)?;
        }
    }
    Ok(())
}

/// What a record says of the person, and of nobody else.
fn told(topic: Topic, record: &RecordRef<'_>, value: &[u8], ids: &BTreeSet<String>) -> Value {
    let at = time::rfc3339(record.timestamp_ms.div_euclid(1000));
    let key = String::from_utf8_lossy(record.key);
    let mut said = json!({"at": at, "key": key});
    let holds = match topic {
        Topic::Groups => match wire::decode_group(value) {
            Ok(Record::State(stored)) => serde_json::to_value(shown::Explain {
                group_id: &stored.id,
                group: &stored.state,
            })
            .ok(),
            Ok(Record::Progress(_) | Record::Unknown) | Err(_) => None,
        },
        Topic::Messages => match wire::decode_message(value) {
            Ok(Record::State(stored)) => serde_json::to_value(shown::Message {
                message_id: &stored.id,
                view: &stored.state.view(),
                envelope: &stored.state.envelope,
            })
            .ok(),
            Ok(Record::Progress(_) | Record::Unknown) | Err(_) => None,
        },
        Topic::Changes => match wire::decode_change(value) {
            Ok(Decoded::Known(change)) => serde_json::to_value(shown::Change(&change)).ok(),
            Ok(Decoded::Unknown) | Err(_) => None,
        },
        // A copy of what a webhook or a read said, of which the states above were made; it goes after days.
        Topic::Events | Topic::Receipts | Topic::Requests | Topic::Numbers => None,
        Topic::Quarantine => serde_json::from_slice(value).ok(),
    };
    match holds {
        Some(mut holds) => {
            only(&mut holds, ids);
            said["holds"] = holds;
        }
        None => said["bytes"] = value.len().into(),
    }
    said
}

/// Leaves out of every list what does not name the person: others have a right to theirs.
fn only(value: &mut Value, ids: &BTreeSet<String>) {
    match value {
        Value::Array(items) => {
            items.retain(|item| mentions(item.to_string().as_bytes(), ids));
            items.iter_mut().for_each(|item| only(item, ids));
        }
        Value::Object(members) => members.values_mut().for_each(|member| only(member, ids)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::{mentions, only};

    #[test]
    fn an_identifier_is_found_where_it_stands_whole() {
        let ids = BTreeSet::from(["15550100042".to_owned(), "US.17".to_owned()]);
        for named in [
            &b"15550100042"[..],
            b"\x0a\x0b15550100042\x12",
            b"x US.17 y",
            b"US.17",
        ] {
            assert!(mentions(named, &ids), "{named:?}");
        }
        for other in [
            &b"155501000421"[..],
            b"915550100042",
            b"US.171",
            b"",
            b"1555010004",
        ] {
            assert!(!mentions(other, &ids), "{other:?}");
        }
    }

    #[test]
    fn what_is_of_others_is_left_out() {
        let ids = BTreeSet::from(["15550100042".to_owned()]);
        let mut held = json!({"group_id": "g", "people": [
            {"id": "15550100042", "register": "member"}, {"id": "15550100043", "register": "member"},
        ], "deep": {"list": [["15550100043"], ["15550100042", "15550100043"]]}});
        only(&mut held, &ids);
        assert_eq!(
            held,
            json!({"group_id": "g", "people": [{"id": "15550100042", "register": "member"}],
            "deep": {"list": [["15550100042"]]}})
        );
    }
}
