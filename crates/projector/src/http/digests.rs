//! Digests: whether two instances hold the same, and if not, where they differ.

use std::ops::ControlFlow;

use axum::{extract::State, response::Response};
use chassis::{extract::Query, problem::Problem};
use domain::position::Stream;
use http::HeaderMap;
use serde::Deserialize;
use wire::{
    digest::record_hash,
    json::{Digests, EntityDigest, PartitionDigest, TopicDigest},
};

use super::{Api, bad, freshness::Scope, json};
use crate::{outbox::Counted, store::keys::Entities};

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    partition: Option<u32>,
}

/// `GET /v1/digests`
pub(super) async fn digests(
    State(api): State<Api>,
    headers: HeaderMap,
    Query(filter): Query<Filter>,
) -> Result<Response, Problem> {
    let fresh = api
        .fresh(&headers, |_| Scope::Stream(Stream::Events))
        .await?;
    if filter
        .partition
        .is_some_and(|partition| partition >= fresh.projection.partitions())
    {
        return Err(bad("there is no such partition"));
    }
    let topic = |counted: Counted| TopicDigest {
        digest: counted.digest,
        records: counted.records,
    };
    let positions = fresh.projection.positions();
    let partitions: Vec<PartitionDigest> = positions
        .borrow()
        .iter()
        .filter(|((stream, partition), _)| {
            *stream == Stream::Events && filter.partition.is_none_or(|wanted| wanted == *partition)
        })
        .map(|((_, partition), reached)| PartitionDigest {
            partition: *partition,
            position: reached.digests_at,
            groups: topic(reached.digests.groups),
            numbers: topic(reached.digests.numbers),
        })
        .collect();
    let mut entities = None;
    if let Some(partition) = filter.partition {
        let mut found: Vec<EntityDigest> = Vec::new();
        for kind in [Entities::Groups, Entities::Numbers] {
            found = api
                .scan(
                    &fresh.projection,
                    kind,
                    None,
                    found,
                    move |found, projection, key, state| {
                        if projection.partition_of(key) == partition {
                            found.push(EntityDigest {
                                key: String::from_utf8_lossy(key).into_owned(),
                                digest: record_hash(key, &state.record),
                            });
                        }
                        ControlFlow::Continue(())
                    },
                )
                .await?;
        }
        entities = Some(found);
    }
    let answer = Digests {
        partitions,
        entities,
    };
    Ok(fresh.mark(json(&answer)?))
}
