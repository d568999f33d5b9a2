//! Answers that are about many entities, and the one that is about none.

use domain::{ids::Text, position::Position};
use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::{At, text, text_opt};
use crate::digest::{Digest, RecordHash};

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    /// In order of id.
    pub items: Vec<T>,
    /// Opaque; `None` on the last page.
    pub next_cursor: Option<String>,
}

/// What `GET /v1/digests` answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digests {
    /// By partition.
    pub partitions: Vec<PartitionDigest>,
    /// By entity, if one partition was asked for.
    pub entities: Option<Vec<EntityDigest>>,
}

impl Serialize for Digests {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            partitions,
            entities,
        } = self;
        let mut out =
            serializer.serialize_struct("Digests", 1 + usize::from(entities.is_some()))?;
        out.serialize_field("partitions", partitions)?;
        if let Some(entities) = entities {
            out.serialize_field("entities", entities)?;
        }
        out.end()
    }
}

/// Digests of one partition's state, as of a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionDigest {
    /// Which.
    pub partition: u32,
    /// The last event folded.
    pub position: Position,
    /// Of `groups.v1`.
    pub groups: TopicDigest,
    /// Of `numbers.v1`.
    pub numbers: TopicDigest,
}

impl Serialize for PartitionDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            partition,
            position,
            groups,
            numbers,
        } = self;
        let mut out = serializer.serialize_struct("PartitionDigest", 4)?;
        out.serialize_field("partition", partition)?;
        out.serialize_field("position", &At(position))?;
        out.serialize_field("groups", groups)?;
        out.serialize_field("numbers", numbers)?;
        out.end()
    }
}

/// Digest of a partition of one topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TopicDigest {
    /// Sum over the live records.
    pub digest: Digest,
    /// How many there are.
    pub records: u64,
}

impl Serialize for TopicDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { digest, records } = self;
        let mut out = serializer.serialize_struct("TopicDigest", 2)?;
        out.serialize_field("digest", &digest.to_string())?;
        out.serialize_field("records", records)?;
        out.end()
    }
}

/// Hash of one entity's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityDigest {
    /// Key of the record, as `g/<group_id>`.
    pub key: String,
    /// Hash of the record.
    pub digest: RecordHash,
}

impl Serialize for EntityDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { key, digest } = self;
        let mut out = serializer.serialize_struct("EntityDigest", 2)?;
        out.serialize_field("key", key)?;
        out.serialize_field("digest", &digest.to_string())?;
        out.end()
    }
}

/// What `GET /v1/usage` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// In order of day, number, group and price.
    pub items: Vec<UsageItem>,
}

/// Messages of one day, number, group and price.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct UsageItem {
    /// Day of sending, in UTC, as `2026-05-28`.
    #[serde(serialize_with = "text")]
    pub day: Text,
    /// Business number.
    #[serde(serialize_with = "text_opt")]
    pub phone_number_id: Option<Text>,
    /// Group.
    #[serde(serialize_with = "text_opt")]
    pub group_id: Option<Text>,
    /// Category of the price, as Meta gives it.
    #[serde(serialize_with = "text_opt")]
    pub category: Option<Text>,
    /// Meta's `type`.
    #[serde(rename = "type", serialize_with = "text_opt")]
    pub kind: Option<Text>,
    /// Meta's `pricing_model`.
    #[serde(rename = "pricing_model", serialize_with = "text_opt")]
    pub model: Option<Text>,
    /// Meta's `billable`.
    pub billable: Option<bool>,
    /// Messages that had such a price, for at least one recipient.
    pub messages: u64,
    /// Recipients for whom they had it.
    pub recipients: u64,
}

/// A problem, as RFC 9457 asks: the body of every error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The service's word for it, which callers may act on: lower case, with dashes.
    pub code: &'static str,
    /// What it is, in a few words.
    pub title: &'static str,
    /// HTTP status.
    pub status: u16,
    /// What about this request; never internal text, never personal data.
    pub detail: Option<String>,
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            code,
            title,
            status,
            detail,
        } = self;
        let mut out = serializer.serialize_struct("Problem", 4 + usize::from(detail.is_some()))?;
        out.serialize_field("type", &format!("urn:rollcall:error:{code}"))?;
        out.serialize_field("title", title)?;
        out.serialize_field("status", status)?;
        out.serialize_field("code", code)?;
        if let Some(detail) = detail {
            out.serialize_field("detail", detail)?;
        }
        out.end()
    }
}
