//! A plan is carried out: what it says is appended, its reads begin, and where it refuses a person is called.

use domain::{
    event::{About, Event, NumberEvent, Source},
    ids::{Second, Text},
    plan::{Budget, Clock, Limits, Listing, Plan, Reason, Step, plan},
};

use super::{Asked, Keeper, Sight, gauge};
use crate::{append::event, limits::READS_IN_FLIGHT_MAX, upstream::Read};

impl<R: Read> Keeper<R> {
    pub(super) fn sight(&self, listing: Option<&Listing>) -> Sight {
        Sight::new(&self.snapshots, &self.number, listing)
    }

    pub(super) fn plan(&self, sight: &Sight, listing: Option<&Listing>, budget: Budget) -> Plan {
        let rest = Second::try_from(self.list_every.as_secs()).unwrap_or(Second::MAX);
        let limits = Limits {
            lag: self.lag,
            again_after: rest.max(self.lag),
        };
        let clock = Clock {
            // What is asked now may be stamped a second earlier, for all clocks are cut to seconds: then it would settle nothing.
            now: self.now() - 1,
            monotonic_ms: self.clock.monotonic_ms(),
        };
        let projection = sight.projection(&self.memory.judged, &self.memory.signals);
        plan(&projection, listing, clock, budget, &limits)
    }

    /// Looks at what is held, and does what is to be done between two passes.
    pub(super) async fn look(&mut self) -> Result<(), eventlog::Error> {
        let available = self.budget.available(self.clock.monotonic_ms());
        self.gauges.budget.set(gauge(available));
        let reads = READS_IN_FLIGHT_MAX
            .saturating_sub(self.memory.in_flight.len())
            .min(available);
        self.heed();
        let sight = self.sight(None);
        let budget = Budget {
            reads,
            gathers: self.budget.gathers(),
        };
        let plan = self.plan(&sight, None, budget);
        let suspects = self.memory.judged.suspects().len();
        self.gauges.suspects.set(gauge(suspects));
        self.tell_of_holds();
        let now = self.now();
        let events = self.events_of(&plan, now, false);
        self.append(&events).await?;
        self.memory.judged.took(&plan);
        self.hold(&plan).await?;
        self.send_out(&plan);
        Ok(())
    }

    /// What a plan appends; what it repairs is entered in the book.
    pub(super) fn events_of(&self, plan: &Plan, t0: Second, is_first: bool) -> Vec<Event> {
        let mut all = Vec::new();
        for step in &plan.steps {
            let group_id = step.group_id();
            let said = step.events().into_iter();
            let events: Vec<Event> = said
                .map(|(at, source, what)| {
                    event(
                        &self.number,
                        at,
                        source,
                        About::Group(group_id.clone(), what),
                    )
                })
                .collect();
            let (reason, t0) = match step {
                Step::Read { .. } => continue,
                Step::Gone { last, .. } => (Reason::Unlisted, *last),
                Step::Assert { .. }
                | Step::Suspect { .. }
                | Step::Forget { .. }
                | Step::Link { .. } => (Reason::Listed, t0),
            };
            self.metrics.steps.add(step.as_str(), 1);
            if step.is_repair() {
                let asked = Asked {
                    reason,
                    t0,
                    is_first,
                };
                self.count_drift(group_id, &events, asked);
            }
            all.extend(events);
        }
        all
    }

    /// Nothing is asserted gone until a person has looked, where a plan is refused.
    pub(super) async fn hold(&mut self, plan: &Plan) -> Result<(), eventlog::Error> {
        let Some(refused) = &plan.refused else {
            return Ok(());
        };
        tracing::error!(
            phone_number_id = %self.number, groups = refused.vanishing,
            "too many groups seem gone at once: none is asserted gone until somebody looks at the number and its token"
        );
        self.metrics.steps.add("hold", 1);
        let now = self.now();
        let hold_id = Text::from(format!("hold-{}-{now}", self.number));
        self.memory.judged.held(hold_id.clone());
        let what = NumberEvent::Held {
            hold_id,
            groups: u32::try_from(refused.vanishing).unwrap_or(u32::MAX),
            suspects: refused.groups.clone(),
        };
        let what = About::Number(self.number.clone(), what);
        self.append(&[event(&self.number, now, Source::Rollcall, what)])
            .await
    }

    /// Says how many holds stand, and calls a person while any does.
    fn tell_of_holds(&mut self) {
        let held = self.snapshots.held().number(&self.number);
        let standing = held.map_or(0, |number| {
            let holds = number.core.holds.iter();
            holds.filter(|(_, hold)| !hold.value.is_released).count()
        });
        self.gauges.holds.set(gauge(standing));
        if standing > 0 {
            self.alarms.hold.raise("too many groups seem gone at once: look at the number and its token, then release the hold");
        } else {
            self.alarms.hold.clear();
        }
    }
}
