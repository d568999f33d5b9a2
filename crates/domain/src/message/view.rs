//! What is shown of a message: a pure function of its core.

use std::collections::BTreeMap;

use super::{Core, Failure, Pricing, Recipient as Held};
use crate::{
    group::Links,
    ids::{Second, Text, is_number},
    register::Latest,
};

/// What is shown of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct View {
    /// Group it was sent to.
    pub group_id: Option<Text>,
    /// Business number that sent it.
    pub phone_number_id: Option<Text>,
    /// When WhatsApp accepted it.
    pub sent_at: Option<Second>,
    /// When it failed as a whole, and why.
    pub failed: Option<Failure>,
    /// Price of the message as a whole.
    pub pricing: Option<PricingView>,
    /// Recipients, in order of the identifier that stands for each.
    pub recipients: Vec<Recipient>,
}

/// A recipient as shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recipient {
    /// Phone number.
    pub wa_id: Option<Text>,
    /// Business-scoped user id.
    pub user_id: Option<Text>,
    /// When it was delivered.
    pub delivered_at: Option<Second>,
    /// When it was read.
    pub read_at: Option<Second>,
    /// When it was played.
    pub played_at: Option<Second>,
    /// When it failed, and why.
    pub failed: Option<Failure>,
    /// Price.
    pub pricing: Option<PricingView>,
}

/// A price as shown: at least one field is there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PricingView {
    /// Category as given.
    pub category: Option<Text>,
    /// `regular`, free, …
    pub kind: Option<Text>,
    /// `PMP`.
    pub model: Option<Text>,
    /// Billable?
    pub billable: Option<bool>,
    /// Origin's type as given.
    pub origin: Option<Text>,
}

pub(super) fn view(core: &Core) -> View {
    let links = Links::new(&core.is);
    let mut persons: BTreeMap<&str, Held> = BTreeMap::new();
    for (id, recipient) in &core.recipients {
        persons
            .entry(links.resolve(id))
            .or_default()
            .merge(recipient);
    }
    let ids = || core.recipients.iter().map(|(id, _)| id.as_str());
    let recipients = persons.into_iter().map(|(person, held)| {
        let Held {
            delivered,
            read,
            played,
            failed,
            pricing,
        } = held;
        Recipient {
            wa_id: links.number_of(person, ids()).map(Text::new),
            user_id: (!is_number(person)).then(|| Text::new(person)),
            delivered_at: delivered,
            read_at: read,
            played_at: played,
            failed,
            pricing: price(&pricing),
        }
    });
    View {
        group_id: core.group.as_ref().map(|r| r.value.clone()),
        phone_number_id: core.number.as_ref().map(|r| r.value.clone()),
        sent_at: core.sent,
        failed: core.failed.clone(),
        pricing: price(&core.pricing),
        recipients: recipients.collect(),
    }
}

fn price(pricing: &Pricing) -> Option<PricingView> {
    fn value<V: Clone>(latest: &Option<Latest<V>>) -> Option<V> {
        latest.as_ref().map(|latest| latest.value.clone())
    }
    let Pricing {
        category,
        kind,
        model,
        billable,
        origin,
    } = pricing;
    let view = PricingView {
        category: value(category),
        kind: value(kind),
        model: value(model),
        billable: value(billable),
        origin: value(origin),
    };
    (view != PricingView::default()).then_some(view)
}
