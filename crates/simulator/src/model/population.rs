//! Who is there at the start.

use std::sync::Arc;

use rand::RngExt;

use super::{
    Shape, World,
    group::{Ask, Group, View},
    ids,
};
use crate::limits::PARTICIPANTS_MAX;

/// The first phone number of the population; numbers below are left to callers.
const FIRST_WA_ID: u64 = 15_552_000_000;

/// People per group at the start, and some who are in none.
const PEOPLE_PER_GROUP: u32 = 6;
const PEOPLE_MORE: u32 = 24;

impl World {
    /// Fills the world: people first, then groups with members and a few who wait.
    pub(super) fn populate(&mut self, shape: &Shape) {
        let total = u64::from(shape.groups) * u64::from(shape.numbers);
        let people = (total * u64::from(PEOPLE_PER_GROUP) + u64::from(PEOPLE_MORE)).min(200_000);
        for n in 0..people {
            self.people
                .add_anybody(&mut self.ids, &(FIRST_WA_ID + n).to_string());
        }
        let start = self.now_ms().div_euclid(1000)
            - i64::try_from(shape.api_past_seconds).unwrap_or(i64::MAX / 2);
        for number in 0..self.numbers.len() {
            for n in 0..shape.groups {
                // Distinct seconds, so that "newest first" is one order.
                let created_at = start - i64::from(shape.groups - n);
                let group = self.grown_group(number, n, created_at);
                self.insert_group(group);
            }
        }
    }

    fn grown_group(&mut self, number: usize, n: u32, created_at: i64) -> Group {
        let display = self
            .numbers
            .get(number)
            .map(|number| number.display.clone())
            .unwrap_or_default();
        let group_number = self.ids.group_number();
        let group_id: Arc<str> = ids::group_id(&display, &group_number).into();
        let approval_required = self.ids.rng().random_bool(0.4);
        let described = self.ids.rng().random_bool(0.6);
        let mut view = View {
            group_id,
            number,
            subject: format!("Repair {}", 1000 + n),
            description: if described {
                format!("Café, floor {}", n % 7)
            } else {
                String::new()
            },
            approval_required,
            invite_link: Some(self.ids.invite_link()),
            suspended: false,
            created_at,
            participants: Vec::new(),
            asks: Vec::new(),
            deleted: false,
        };
        let members = self.ids.rng().random_range(0..=PARTICIPANTS_MAX);
        let waiting = if approval_required {
            self.ids.rng().random_range(0..=2)
        } else {
            0
        };
        for place in 0..members + waiting {
            let index = self.ids.rng().random_range(0..self.people.len());
            let Some(person) = self.people.at(index).map(Arc::clone) else {
                continue;
            };
            if view.member(person.key).is_some() || view.ask(person.key).is_some() {
                continue;
            }
            if place < members {
                view.participants.push(person);
            } else {
                let join_request_id = ids::join_request_id(&person.wa_id, &group_number);
                view.asks.push(Ask {
                    person,
                    join_request_id,
                    created_at,
                });
            }
        }
        Group::new(view, group_number, created_at * 1000)
    }
}
