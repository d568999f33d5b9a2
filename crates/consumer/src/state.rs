//! The four kinds of states, so that one reader reads all.

use std::fmt::Debug;

use domain::{
    group::Group,
    ids::{Entity, GroupId, MessageId, PhoneNumberId, RequestId},
    message::Message,
    number::Number,
    position::{Envelope, Stream},
    request::Request,
};
use wire::{Error, Record, topics::Topic};

/// A state that has a topic: [`Group`], [`Message`], [`Number`] or [`Request`], and nothing else.
pub trait State: Clone + Debug + PartialEq + sealed::Sealed {
    /// What names one.
    type Id: Clone + Debug + Ord;

    /// The topic that such states stand in.
    const TOPIC: Topic;

    /// The input that their positions are of.
    const STREAM: Stream;

    /// Reads a record of the topic; as [`wire::decode_group`] and its like.
    fn decode(value: &[u8]) -> Result<Record<Self::Id, Self>, Error>;

    /// How it stands to the log.
    fn envelope(&self) -> &Envelope;

    /// The entity that an id names, and with it the key of its records.
    fn entity(id: &Self::Id) -> Entity;

    /// The id, if the entity is of this kind.
    fn id(entity: &Entity) -> Option<&Self::Id>;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! state {
    ($state:ident, $id:ident, $topic:ident, $stream:ident, $decode:ident) => {
        impl sealed::Sealed for $state {}

        impl State for $state {
            type Id = $id;

            const TOPIC: Topic = Topic::$topic;

            const STREAM: Stream = Stream::$stream;

            fn decode(value: &[u8]) -> Result<Record<$id, Self>, Error> {
                wire::$decode(value)
            }

            fn envelope(&self) -> &Envelope {
                &self.envelope
            }

            fn entity(id: &$id) -> Entity {
                Entity::$state(id.clone())
            }

            fn id(entity: &Entity) -> Option<&$id> {
                if let Entity::$state(id) = entity {
                    Some(id)
                } else {
                    None
                }
            }
        }
    };
}

state!(Group, GroupId, Groups, Events, decode_group);
state!(Message, MessageId, Messages, Receipts, decode_message);
state!(Number, PhoneNumberId, Numbers, Events, decode_number);
state!(Request, RequestId, Requests, Events, decode_request);
