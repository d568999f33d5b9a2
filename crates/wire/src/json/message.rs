//! A message.

use domain::{
    ids::MessageId,
    message::{Failure, PricingView, RecipientView, View},
    position::Envelope,
};
use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::{Each, Time, refusals, serialize_envelope};

/// One message, as `GET /v1/messages/{wamid}` answers it.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// Which.
    pub message_id: &'a MessageId,
    /// What is shown of it.
    pub view: &'a View,
    /// How its state stands to the log.
    pub envelope: &'a Envelope,
}

impl Serialize for Message<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            message_id,
            view,
            envelope,
        } = *self;
        let View {
            group_id,
            phone_number_id,
            sent_at,
            failed,
            pricing,
            recipients,
        } = view;
        let mut out = serializer.serialize_struct("Message", 10)?;
        out.serialize_field("message_id", message_id.as_str())?;
        out.serialize_field("group_id", &group_id.as_deref())?;
        out.serialize_field("phone_number_id", &phone_number_id.as_deref())?;
        out.serialize_field("sent_at", &sent_at.map(Time))?;
        serialize_failure(&mut out, failed.as_ref())?;
        out.serialize_field("pricing", &pricing.as_ref().map(Pricing))?;
        out.serialize_field("recipients", &Each(recipients.iter().map(Recipient)))?;
        serialize_envelope(&mut out, envelope)?;
        out.end()
    }
}

fn serialize_failure<S: SerializeStruct>(
    out: &mut S,
    failed: Option<&Failure>,
) -> Result<(), S::Error> {
    let (at, errors) = match failed {
        Some(Failure { at, errors }) => (Some(Time(*at)), errors.as_slice()),
        None => (None, [].as_slice()),
    };
    out.serialize_field("failed_at", &at)?;
    out.serialize_field("errors", &refusals(errors))
}

#[derive(Debug, Clone, Copy)]
struct Recipient<'a>(&'a RecipientView);

impl Serialize for Recipient<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let RecipientView {
            wa_id,
            user_id,
            delivered_at,
            read_at,
            played_at,
            failed,
            pricing,
        } = self.0;
        let mut out = serializer.serialize_struct("Recipient", 8)?;
        out.serialize_field("wa_id", &wa_id.as_deref())?;
        out.serialize_field("user_id", &user_id.as_deref())?;
        out.serialize_field("delivered_at", &delivered_at.map(Time))?;
        out.serialize_field("read_at", &read_at.map(Time))?;
        out.serialize_field("played_at", &played_at.map(Time))?;
        serialize_failure(&mut out, failed.as_ref())?;
        out.serialize_field("pricing", &pricing.as_ref().map(Pricing))?;
        out.end()
    }
}

#[derive(Debug, Clone, Copy)]
struct Pricing<'a>(&'a PricingView);

impl Serialize for Pricing<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let PricingView {
            category,
            kind,
            model,
            billable,
            origin,
        } = self.0;
        let mut out = serializer.serialize_struct("Pricing", 4 + usize::from(origin.is_some()))?;
        out.serialize_field("category", &category.as_deref())?;
        out.serialize_field("type", &kind.as_deref())?;
        out.serialize_field("pricing_model", &model.as_deref())?;
        out.serialize_field("billable", billable)?;
        // Only the older form of pricing has an origin.
        if let Some(origin) = origin {
            out.serialize_field("origin_type", origin.as_str())?;
        }
        out.end()
    }
}
