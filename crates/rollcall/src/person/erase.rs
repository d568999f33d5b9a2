//! `rollcall erase`: drops what groups hold of a person who is in none of them any more.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail};
use chassis::Ctx;
use clap::Args as ClapArgs;
use domain::{
    event::{About, Event, GroupEvent, Source},
    group::Group,
    ids::{Entity, EventId, GroupId, PhoneNumberId, Text},
};
use eventlog::{Batch, Log, partition_of};
use wire::{
    Record,
    headers::{self, Origin},
    topics::{self, Topic},
};

use super::{Person, complete, mentions};
use crate::{print::line, scan};

/// Events appended at once.
const BATCH_EVENTS: usize = 1_000;

/// Settings of `rollcall erase`.
#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    person: Person,

    /// Say what would be done, and append nothing.
    #[arg(long, env = "ROLLCALL_DRY_RUN")]
    dry_run: bool,
}

/// A group that holds something of the person.
#[derive(Debug)]
struct Holder {
    group_id: GroupId,
    phone_number_id: Option<PhoneNumberId>,
    is_member: bool,
}

/// Runs the command.
pub(crate) async fn run(args: Args, ctx: Ctx) -> anyhow::Result<()> {
    let Args { person, dry_run } = args;
    let mut ids = person.identifiers()?;
    let log = person.open(&[Topic::Groups, Topic::Events], &ctx).await?;
    if !complete(&mut ids, &log, &ctx).await? {
        return Ok(());
    }
    let mut holders: BTreeMap<Vec<u8>, Holder> = BTreeMap::new();
    let read = scan::whole(&log, Topic::Groups, &ctx, |_, record| {
        // Of a group the last state counts.
        let value = record.value.filter(|value| mentions(value, &ids));
        let holder = value.and_then(|value| match wire::decode_group(value) {
            Ok(Record::State(stored)) => Some(holder(stored.id, &stored.state, &ids)),
            Ok(Record::Progress(_) | Record::Unknown) | Err(_) => None,
        });
        match holder {
            Some(holder) => drop(holders.insert(record.key.to_vec(), holder)),
            None => drop(holders.remove(record.key)),
        }
        Ok(())
    });
    if !read.await.context("read groups.v1")? {
        return Ok(());
    }
    let (members, left): (Vec<Holder>, Vec<Holder>) =
        holders.into_values().partition(|holder| holder.is_member);
    if !dry_run {
        append(&log, &left, &ids, &ctx).await?;
    }
    let verb = if dry_run {
        "would be erased"
    } else {
        "is erased"
    };
    for holder in &left {
        line(format_args!("group {}: {verb}", holder.group_id.as_str()))?;
    }
    for holder in &members {
        line(format_args!(
            "group {}: a member or asking to join; nothing is erased",
            holder.group_id.as_str()
        ))?;
    }
    line(format_args!(
        "the person {verb} from {} groups; messages and the log of events hold them for 30 days at the most, see docs/privacy.md",
        left.len()
    ))?;
    if !members.is_empty() {
        bail!(
            "the person is in {} groups: remove them first (rollcall group participants remove), and erase again",
            members.len()
        );
    }
    Ok(())
}

fn holder(group_id: GroupId, group: &Group, ids: &BTreeSet<String>) -> Holder {
    let view = group.view();
    let is_ours = |id: &Option<Text>| id.as_ref().is_some_and(|id| ids.contains(id.as_str()));
    let is_member = view.as_ref().is_some_and(|view| {
        let people = view.participants.iter();
        let mut people = people.chain(view.join_requests.iter().map(|request| &request.person));
        people.any(|person| is_ours(&person.wa_id) || is_ours(&person.user_id))
    });
    let number = view.and_then(|view| PhoneNumberId::parse(&view.phone_number_id?).ok());
    Holder {
        group_id,
        phone_number_id: number,
        is_member,
    }
}

/// Appends an event for each group.
async fn append(
    log: &Log,
    groups: &[Holder],
    ids: &BTreeSet<String>,
    ctx: &Ctx,
) -> anyhow::Result<()> {
    let partitions = log.partitions(Topic::Events.name()).await;
    let partitions = partitions.context("ask for events.v1")?;
    let now_ms = i64::try_from(ctx.clock.now_ms()).unwrap_or(i64::MAX);
    let ids: Vec<Text> = ids.iter().map(Text::new).collect();
    for groups in groups.chunks(BATCH_EVENTS) {
        let mut batch = Batch::new();
        let mut value = Vec::new();
        for group in groups {
            let erased = GroupEvent::Erased { ids: ids.clone() };
            let mut event = Event {
                id: EventId::default(),
                at: now_ms.div_euclid(1000),
                source: Source::Rollcall,
                phone_number_id: group.phone_number_id.clone(),
                waba_id: None,
                about: About::Group(group.group_id.clone(), erased),
            };
            wire::id::identify(&mut event);
            value.clear();
            wire::encode_event(&event, &mut value);
            let key = topics::key(&Entity::Group(group.group_id.clone()));
            let cloud = headers::event(Origin::Operator, &event);
            let cloud: Vec<(&str, &[u8])> = cloud
                .iter()
                .map(|(name, value)| (*name, value.as_ref()))
                .collect();
            batch.push(
                Topic::Events.name(),
                partition_of(&key, partitions),
                &key,
                Some(&value),
                &cloud,
                now_ms,
            );
        }
        log.append(batch).await.context("append to events.v1")?;
    }
    Ok(())
}
