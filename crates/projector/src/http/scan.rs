//! Looking through all entities of a kind, in steps, so that nobody else waits long.

use std::ops::ControlFlow;

use bytes::Bytes;
use chassis::problem::{ErrorCode, Problem};

use super::{Api, read};
use crate::{
    limits::SCAN_STEP,
    projection::Projection,
    store::{keys::Entities, values::State},
};

impl Api {
    /// Gives each state of a kind after `after` to `each`, with its record key, until it breaks or none is left.
    ///
    /// What is written meanwhile may or may not be seen; what is there all the time is seen once.
    pub(super) async fn scan<T: Send + 'static>(
        &self,
        projection: &Projection,
        entities: Entities,
        after: Option<Bytes>,
        mut found: T,
        each: impl Fn(&mut T, &Projection, &Bytes, &State) -> ControlFlow<()> + Clone + Send + 'static,
    ) -> Result<T, Problem> {
        let place = self.0.scans.acquire().await;
        let _place = place.map_err(|_| Problem::new(ErrorCode::Internal))?;
        let mut after = after;
        loop {
            let (from, each) = (after.clone(), each.clone());
            let step = move |projection: &Projection| {
                let states =
                    projection
                        .store()
                        .states(entities.prefix(), from.as_deref(), SCAN_STEP)?;
                let mut last = None;
                for (key, state) in &states {
                    if each(&mut found, projection, key, state).is_break() {
                        return Ok((found, None));
                    }
                    last = Some(key.clone());
                }
                Ok((found, last.filter(|_| states.len() == SCAN_STEP)))
            };
            let (now, last) = read(projection, step).await?;
            found = now;
            let Some(last) = last else {
                return Ok(found);
            };
            after = Some(last);
        }
    }
}
