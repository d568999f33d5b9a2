//! What was counted is appended to the number, so that whoever asks sees it, and whoever keeps the number next goes on with it.

use domain::{
    event::{About, Event, Figures, NumberEvent, Source},
    ids::Second,
};

use super::{Keeper, Sight};
use crate::{append::event, upstream::Read};

impl<R: Read> Keeper<R> {
    /// How well the number agrees with Meta, as metrics.
    pub(super) fn tell_agreement(&self, sight: &Sight) {
        let groups = sight.held.values().map(|group| &**group);
        let agreement = self.book.lock().report(self.now(), groups, None);
        self.metrics.agrees(self.number.as_str(), &agreement);
    }

    /// The figures as they stand, for the number.
    pub(super) fn counted(&self, at: Second) -> Event {
        let now_ms = self.clock.monotonic_ms();
        let figures = Figures {
            counts: self.book.lock().counts().clone(),
            budget_left: u32::try_from(self.budget.available(now_ms)).unwrap_or(u32::MAX),
        };
        let about = About::Number(self.number.clone(), NumberEvent::Counted(figures));
        event(&self.number, at, Source::Rollcall, about)
    }
}
