//! How fresh an answer is, and waiting until it is fresh enough.

use axum::response::Response;
use chassis::problem::{Code, ErrorCode, Problem};
use domain::position::{Position, Stream};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::{Api, bad};
use crate::{
    place,
    projection::{Positions, Projection},
};

/// A request's header: answer no earlier than from this position.
pub(super) const AT_LEAST: HeaderName = HeaderName::from_static("rollcall-at-least");
const POSITION: HeaderName = HeaderName::from_static("rollcall-position");
const LAG_RECORDS: HeaderName = HeaderName::from_static("rollcall-lag-records");

/// What an answer is about, and so whose position it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// One entity.
    Partition(Stream, u32),
    /// Many of one input.
    Stream(Stream),
    /// Anything.
    All,
}

/// A projection at positions that it has reached; what is read from it now is at least as new.
#[derive(Debug)]
pub(super) struct Fresh {
    pub(super) projection: Projection,
    positions: Positions,
    scope: Scope,
}

#[derive(Debug)]
struct NotYet;

impl Code for NotYet {
    fn slug(&self) -> &'static str {
        "not-yet"
    }

    fn status(&self) -> StatusCode {
        StatusCode::GATEWAY_TIMEOUT
    }

    fn title(&self) -> &'static str {
        "The position was not reached in time"
    }
}

impl Api {
    /// What there is to see, once it is as new as the request asks.
    pub(super) async fn fresh(
        &self,
        headers: &HeaderMap,
        scope: impl Fn(&Projection) -> Scope,
    ) -> Result<Fresh, Problem> {
        let projection = self.projection()?;
        let scope = scope(&projection);
        let wanted = at_least(headers, projection.partitions())?;
        let mut receiver = projection.positions();
        if !wanted.is_empty() {
            let reached = receiver.wait_for(|positions| {
                wanted
                    .iter()
                    .all(|position| is_reached(positions, position))
            });
            let clock = &self.0.ctx.clock;
            let in_time = clock
                .timeout(self.0.read_wait, async { reached.await.is_ok() })
                .await;
            match in_time {
                Ok(true) => {}
                Ok(false) => return Err(Problem::new(ErrorCode::Unavailable).retry_after(1)),
                Err(_) => return Err(Problem::new(NotYet).retry_after(1)),
            }
        }
        let positions = receiver.borrow().clone();
        Ok(Fresh {
            projection,
            positions,
            scope,
        })
    }
}

impl Fresh {
    /// Puts position and lag on an answer.
    pub(super) fn mark(&self, mut response: Response) -> Response {
        let (mut text, mut lag) = (String::new(), 0_u64);
        for (key, reached) in &self.positions {
            let is_asked = match self.scope {
                Scope::Partition(stream, partition) => *key == (stream, partition),
                Scope::Stream(stream) => key.0 == stream,
                Scope::All => true,
            };
            if !is_asked {
                continue;
            }
            if !text.is_empty() {
                text.push(',');
            }
            text.push_str(&reached.position.to_string());
            lag = lag.saturating_add(self.projection.lag(&reached.position));
        }
        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(POSITION, value);
        }
        headers.insert(LAG_RECORDS, HeaderValue::from(lag));
        response
    }
}

fn is_reached(positions: &Positions, wanted: &Position) -> bool {
    let reached = positions.get(&(wanted.stream, wanted.partition));
    reached.is_some_and(|reached| !wanted.is_after(&reached.position))
}

/// The positions that a request waits for: one, or several separated by commas.
fn at_least(headers: &HeaderMap, partitions: u32) -> Result<Vec<Position>, Problem> {
    let wrong =
        || bad("Rollcall-At-Least is a position such as 1:3:812, or several separated by commas");
    let mut positions = Vec::new();
    for value in headers.get_all(AT_LEAST) {
        let given = value.to_str().ok().and_then(place::positions);
        for position in given.ok_or_else(wrong)? {
            if position.partition >= partitions {
                return Err(bad("Rollcall-At-Least names a partition that there is not"));
            }
            positions.push(position);
        }
    }
    Ok(positions)
}
