//! Watching: changes as they happen, by Server-Sent Events.
//!
//! Every watcher reads history from its own place, so that resuming and being slow are the same thing,
//! and nothing is skipped or given twice on any instance.

use std::{convert::Infallible, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::State,
    response::{IntoResponse, Response},
};
use chassis::{
    extract::Query,
    problem::{Code, ErrorCode, Problem},
};
use domain::{
    ids::Entity,
    position::{Position, Stream},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_stream::{StreamExt, wrappers::ReceiverStream};
use wire::{Change, Decoded};

use super::{Api, bad, freshness::Scope, read};
use crate::{
    limits::{WATCH_BUFFER, WATCH_KEEP_ALIVE, WATCH_STALL},
    place::{self, Place},
    projection::{Positions, Projection},
    store::After,
};

/// What is watched.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filters {
    phone_number_id: Option<String>,
    group_id: Option<String>,
}

#[derive(Debug)]
struct TooOld;

impl Code for TooOld {
    fn slug(&self) -> &'static str {
        "too-old"
    }

    fn status(&self) -> StatusCode {
        StatusCode::GONE
    }

    fn title(&self) -> &'static str {
        "History does not reach back so far"
    }
}

/// `GET /v1/watch`
pub(super) async fn watch(
    State(api): State<Api>,
    headers: HeaderMap,
    Query(filters): Query<Filters>,
) -> Result<Response, Problem> {
    let fresh = api
        .fresh(&headers, |_| Scope::Stream(Stream::Events))
        .await?;
    let permit = Arc::clone(&api.0.watchers)
        .try_acquire_owned()
        .map_err(|_| {
            Problem::new(ErrorCode::Unavailable)
                .detail("too many watchers at once")
                .retry_after(10)
        })?;
    let projection = fresh.projection.clone();
    let place = match headers.get("last-event-id") {
        None => here(&projection.positions().borrow()),
        Some(id) => parse(id, projection.partitions())?,
    };
    let wanted = place.clone();
    let is_held = read(&projection, move |projection| {
        for position in wanted.values() {
            if projection.store().changes_after(position)? == After::TooOld {
                return Ok(false);
            }
        }
        Ok(true)
    });
    if !is_held.await? {
        return Err(Problem::new(TooOld).detail("read the state anew, and watch from there"));
    }
    let (tx, rx) = mpsc::channel(WATCH_BUFFER);
    let watcher = Watcher {
        api: api.clone(),
        projection,
        filters,
        place,
        tx,
        _permit: permit,
    };
    api.0.metrics.watchers.inc();
    // Ends when its reader does, when the projection does, and at shutdown; the channel's end is the stream's.
    tokio::spawn(watcher.run());
    let body = Body::from_stream(ReceiverStream::new(rx).map(Ok::<Bytes, Infallible>));
    let mut response = body.into_response();
    let fields = response.headers_mut();
    fields.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(fresh.mark(response))
}

/// Where a projection is now.
fn here(positions: &Positions) -> Place {
    positions
        .iter()
        .filter(|((stream, _), _)| *stream == Stream::Events)
        .map(|((_, partition), reached)| (*partition, reached.position))
        .collect()
}

/// The place that an event id names.
fn parse(id: &HeaderValue, partitions: u32) -> Result<Place, Problem> {
    let place = id.to_str().ok().and_then(place::place);
    let place = place.ok_or_else(|| bad("Last-Event-ID is not one that was given"))?;
    // Another number of partitions is another generation, which history does not reach back to.
    let is_whole = place.keys().copied().eq(0..partitions);
    if is_whole {
        Ok(place)
    } else {
        Err(Problem::new(TooOld))
    }
}

/// One watcher.
#[derive(Debug)]
struct Watcher {
    api: Api,
    projection: Projection,
    filters: Filters,
    place: Place,
    tx: mpsc::Sender<Bytes>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.api.0.metrics.watchers.dec();
    }
}

/// Where to go on from a place after which its generation holds no more changes.
///
/// History is read a generation at a time, so a newer one is entered at its beginning: what it held before
/// `reached` is still to be seen.
fn past_quiet(place: Position, reached: Position) -> Position {
    if place.generation < reached.generation {
        Position {
            generation: place.generation.saturating_add(1),
            offset: -1,
            ..place
        }
    } else {
        reached
    }
}

/// The stream is over: the reader went, or must come again.
#[derive(Debug)]
struct Over;

impl Watcher {
    async fn run(mut self) {
        let (ended, shutdown) = (self.projection.ended(), self.api.0.ctx.shutdown.clone());
        let closed = self.tx.clone();
        tokio::select! {
            biased;
            () = ended.cancelled() => {}
            () = shutdown.cancelled() => {}
            () = closed.closed() => {}
            _over = self.follow() => {}
        }
    }

    async fn follow(&mut self) -> Result<Infallible, Over> {
        let mut positions = self.projection.positions();
        // A place to resume from, also before anything happens.
        self.send(format!("id: {}\n\n", place::event_id(&self.place)))
            .await?;
        loop {
            let reached = here(&positions.borrow_and_update());
            for (partition, reached) in reached {
                self.catch_up(partition, reached).await?;
            }
            let clock = self.api.0.ctx.clock.clone();
            match clock.timeout(WATCH_KEEP_ALIVE, positions.changed()).await {
                Ok(changed) => changed.map_err(|_| Over)?,
                // With the place, so that one who watches little can still resume after a long quiet.
                Err(_) => {
                    let id = place::event_id(&self.place);
                    self.send(format!(": still here\nid: {id}\n\n")).await?;
                }
            }
        }
    }

    /// Sends what happened in a partition up to `reached`.
    async fn catch_up(&mut self, partition: u32, reached: Position) -> Result<(), Over> {
        while let Some(place) = self
            .place
            .get(&partition)
            .copied()
            .filter(|place| reached.is_after(place))
        {
            let next = read(&self.projection, move |projection| {
                projection.store().changes_after(&place)
            });
            let changes = match next.await {
                Ok(After::Changes(changes)) => changes,
                Ok(After::TooOld) | Err(_) => return Err(Over),
            };
            if changes.is_empty() {
                self.place.insert(partition, past_quiet(place, reached));
                continue;
            }
            for change in changes {
                // Of the generation that was read, which may be older than that of what is reached.
                let position = Position {
                    offset: change.offset,
                    ..place
                };
                self.place.insert(partition, position);
                if let Ok(Decoded::Known(change)) = wire::decode_change(&change.record)
                    && self.is_wanted(&change)
                {
                    let data =
                        serde_json::to_string(&wire::json::Change(&change)).map_err(|_| Over)?;
                    let id = place::event_id(&self.place);
                    self.send(format!("event: change\nid: {id}\ndata: {data}\n\n"))
                        .await?;
                }
            }
        }
        Ok(())
    }

    fn is_wanted(&self, change: &Change) -> bool {
        let Filters {
            phone_number_id,
            group_id,
        } = &self.filters;
        let number = change.phone_number_id.as_ref().map(|id| id.as_str());
        phone_number_id
            .as_deref()
            .is_none_or(|wanted| number == Some(wanted))
            && group_id
                .as_deref()
                .is_none_or(|wanted| match change.entity() {
                    Entity::Group(id) => id.as_str() == wanted,
                    Entity::Message(_) | Entity::Number(_) | Entity::Request(_) => false,
                })
    }

    /// Hands a piece over; a reader who does not take it is let go.
    async fn send(&self, text: String) -> Result<(), Over> {
        let sending = self.tx.send(Bytes::from(text));
        match self.api.0.ctx.clock.timeout(WATCH_STALL, sending).await {
            Ok(sent) => sent.map_err(|_| Over),
            Err(_) => {
                self.api.0.metrics.watchers_ended.inc();
                Err(Over)
            }
        }
    }
}
