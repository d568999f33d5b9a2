//! People acting by themselves: a seeded, plausible mix of everything that happens to groups.

use std::sync::{Arc, Mutex};

use rand::RngExt;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::{
    limits::{TRAFFIC_ACTS_PER_TICK_MAX, TRAFFIC_TICK},
    model::{
        World,
        acts::Door,
        business::{Named, NewGroup, Update},
        group::View,
        ids::Origin,
        messages::Price,
    },
    run::lock,
};

/// What can happen, with how often of a thousand acts.
const MIX: &[(Act, u32)] = &[
    (Act::Join, 220),
    (Act::Leave, 140),
    (Act::Ask, 90),
    (Act::Cancel, 30),
    (Act::Approve, 50),
    (Act::Reject, 15),
    (Act::Write, 160),
    (Act::Send, 70),
    (Act::Read, 90),
    (Act::Rename, 40),
    (Act::Describe, 20),
    (Act::Remove, 30),
    (Act::Create, 12),
    (Act::Delete, 8),
    (Act::Suspend, 3),
    (Act::Unsuspend, 5),
    (Act::Move, 4),
    (Act::ResetLink, 4),
    (Act::WriteDirectly, 9),
];

/// Tries of an act that turned out impossible, such as leaving an empty group, before another is drawn.
const TRIES: usize = 4;

#[derive(Clone, Copy, Debug)]
enum Act {
    Join,
    Leave,
    Ask,
    Cancel,
    Approve,
    Reject,
    Write,
    Send,
    Read,
    Rename,
    Describe,
    Remove,
    Create,
    Delete,
    Suspend,
    Unsuspend,
    Move,
    ResetLink,
    WriteDirectly,
}

/// Lets people act at the rate asked for, until `stop`. Skips what the machine cannot keep up with.
pub(crate) async fn run(world: Arc<Mutex<World>>, rate: Arc<Mutex<f64>>, stop: CancellationToken) {
    let mut ticks = interval(TRAFFIC_TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = Instant::now();
    let mut owed = 0.0_f64;
    let mut crowd = Crowd::default();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let now = Instant::now();
        let rate = *lock(&rate);
        // At most one second is caught up with: a stalled machine must not answer with a flood.
        owed = (owed + rate * (now - last).as_secs_f64()).min(rate.max(1.0));
        last = now;
        let mut world = lock(&world);
        world.complete_due();
        if rate <= 0.0 {
            owed = 0.0;
            continue;
        }
        for _ in 0..TRAFFIC_ACTS_PER_TICK_MAX {
            if owed < 1.0 {
                break;
            }
            owed -= crowd.act(&mut world) as f64;
        }
    }
}

/// People, and the group something happened in last.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    last: Option<Arc<str>>,
}

impl Crowd {
    /// Does one thing, and says how many webhook events came of it, at least 1.
    pub(crate) fn act(&mut self, world: &mut World) -> u64 {
        let before = world.emitted();
        world.ids.origin = Origin::Traffic;
        let total: u32 = MIX.iter().map(|(_, weight)| weight).sum();
        for _ in 0..TRIES {
            let mut roll = world.traffic.random_range(0..total);
            let act = MIX.iter().find(|(_, weight)| {
                let hit = roll < *weight;
                roll = roll.saturating_sub(*weight);
                hit
            });
            let Some((act, _)) = act else { break };
            let group_id = self.pick(world);
            if done(world, *act, group_id.as_ref()) {
                self.last = group_id;
                break;
            }
        }
        world.ids.origin = Origin::Caller;
        (world.emitted() - before).max(1)
    }

    /// A group: usually any, under the fault `same_second` often that of the act before.
    fn pick(&self, world: &mut World) -> Option<Arc<str>> {
        let again = world.traffic.random::<f64>() < world.faults.webhooks.same_second;
        let count = world.alive().len();
        let index = world.traffic.random_range(0..count.max(1));
        let drawn = world.alive().get(index).map(Arc::clone);
        match &self.last {
            Some(last) if again && world.group(last).is_some() => Some(Arc::clone(last)),
            _ => drawn,
        }
    }
}

/// Does `act` in the group, if it is possible there.
fn done(world: &mut World, act: Act, group_id: Option<&Arc<str>>) -> bool {
    if matches!(act, Act::Create) {
        return create(world);
    }
    let Some(group_id) = group_id else {
        return false;
    };
    let Some(view) = world.group(group_id).map(|group| Arc::clone(group.view())) else {
        return false;
    };
    match act {
        Act::Create => false,
        Act::Join | Act::Ask => enter(world, &view, matches!(act, Act::Join)),
        Act::Leave => {
            member(world, &view).is_some_and(|wa_id| world.leave(&wa_id, group_id).is_ok())
        }
        Act::Cancel => waiting(world, &view)
            .is_some_and(|(wa_id, _)| world.cancel_request(&wa_id, group_id).is_ok()),
        Act::Approve => waiting(world, &view).is_some_and(|(_, id)| {
            world
                .approve(group_id, &[id])
                .is_ok_and(|decided| !decided.done.is_empty())
        }),
        Act::Reject => {
            waiting(world, &view).is_some_and(|(_, id)| world.reject(group_id, &[id]).is_ok())
        }
        Act::Write => member(world, &view)
            .is_some_and(|wa_id| world.write(&wa_id, group_id, "Où est la pièce ?").is_ok()),
        Act::Send => {
            let price = *pick(
                world,
                &[
                    Price::Service,
                    Price::Service,
                    Price::Utility,
                    Price::Marketing,
                ],
            )
            .unwrap_or(&Price::Service);
            world.send(view.number, group_id, price).is_ok()
        }
        Act::Read => {
            let index = world.traffic.random_range(0..64);
            world
                .messages
                .unread(index)
                .is_some_and(|(id, wa_id)| world.read(&wa_id, &id).is_ok())
        }
        Act::Rename | Act::Describe => change(world, group_id, matches!(act, Act::Rename)),
        Act::Remove => member(world, &view)
            .is_some_and(|wa_id| world.remove(group_id, &[Named::Number(wa_id)]).is_ok()),
        Act::Delete => world.delete(group_id).is_ok(),
        Act::Suspend => world.set_suspended(group_id, true).is_ok(),
        Act::Unsuspend => unsuspend(world),
        Act::Move => member(world, &view).is_some_and(|wa_id| moves(world, &wa_id)),
        Act::ResetLink => world.reset_link(group_id).is_ok(),
        Act::WriteDirectly => {
            let index = world.traffic.random_range(0..world.people.len().max(1));
            let Some(person) = world.people.at(index).map(Arc::clone) else {
                return false;
            };
            world.write_directly(&person, view.number, "Guten Tag, schöne Grüße");
            true
        }
    }
}

fn create(world: &mut World) -> bool {
    let n = world.traffic.random_range(0..9_000);
    let approval_required = world.traffic.random_bool(0.4);
    let number = world.traffic.random_range(0..world.numbers.len().max(1));
    let new = NewGroup {
        subject: format!("Visite n° {n}"),
        description: String::new(),
        approval_required,
    };
    world.create(number, new).is_ok()
}

fn enter(world: &mut World, view: &View, at_once: bool) -> bool {
    let index = world.traffic.random_range(0..world.people.len().max(1));
    let Some(wa_id) = world.people.at(index).map(|person| person.wa_id.clone()) else {
        return false;
    };
    let door = Door::Group(view.group_id.to_string());
    if at_once {
        world.join(&wa_id, &door).is_ok()
    } else {
        world.request_join(&wa_id, &door).is_ok()
    }
}

fn change(world: &mut World, group_id: &str, subject: bool) -> bool {
    let n = world.traffic.random_range(0..9_000);
    let update = if subject {
        Update {
            subject: Some(format!("Réparation {n}")),
            ..Update::default()
        }
    } else {
        Update {
            description: Some(format!("Étage {n}")),
            ..Update::default()
        }
    };
    world.update(group_id, update).is_ok()
}

fn unsuspend(world: &mut World) -> bool {
    let suspended = world
        .alive()
        .iter()
        .find(|id| world.group(id).is_some_and(|group| group.view().suspended))
        .map(Arc::clone);
    suspended.is_some_and(|id| world.set_suspended(&id, false).is_ok())
}

fn moves(world: &mut World, wa_id: &str) -> bool {
    let new = world
        .traffic
        .random_range(15_560_000_000..15_569_999_999_u64)
        .to_string();
    world.change_number(wa_id, &new).is_ok()
}

fn member(world: &mut World, view: &View) -> Option<String> {
    pick(world, &view.participants).map(|person| person.wa_id.clone())
}

fn waiting(world: &mut World, view: &View) -> Option<(String, String)> {
    pick(world, &view.asks).map(|ask| (ask.person.wa_id.clone(), ask.join_request_id.clone()))
}

fn pick<'a, T>(world: &mut World, from: &'a [T]) -> Option<&'a T> {
    let index = world.traffic.random_range(0..from.len().max(1));
    from.get(index)
}
