//! What is shown of a message: a pure function of its core.

use super::{Core, Failure, Pricing, Recipient as Held};
use crate::{
    group::{Links, Number},
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

/// A recipient, joined of all identifiers.
struct Person<'a> {
    id: &'a str,
    number: Option<Number<'a>>,
    held: Held,
}

pub(super) fn view(core: &Core) -> View {
    let sent_to = core
        .recipients
        .iter()
        .filter_map(|(_, recipient)| recipient.sent);
    View {
        group_id: core.group.as_ref().map(|r| r.value.clone()),
        phone_number_id: core.number.as_ref().map(|r| r.value.clone()),
        // What was sent to one was accepted.
        sent_at: sent_to.chain(core.sent).min(),
        failed: core.failed.clone(),
        pricing: price(&core.pricing),
        recipients: persons(core).into_iter().map(show).collect(),
    }
}

/// The recipients, in order of the identifier that stands for each.
fn persons(core: &Core) -> Vec<Person<'_>> {
    let links = Links::new(&core.is);
    let mut persons: Vec<Person<'_>> = Vec::with_capacity(core.recipients.len());
    for (id, recipient) in &core.recipients {
        let resolved = links.resolve(id);
        match persons.binary_search_by(|person| person.id.cmp(resolved)) {
            Ok(place) => {
                if let Some(person) = persons.get_mut(place) {
                    person.held.merge(recipient);
                }
            }
            Err(place) => {
                let person = Person {
                    id: resolved,
                    number: None,
                    held: recipient.clone(),
                };
                persons.insert(place, person);
            }
        }
    }
    for (id, number) in links.numbers() {
        if let Ok(place) = persons.binary_search_by(|person| person.id.cmp(id))
            && let Some(person) = persons.get_mut(place)
        {
            person.number = person.number.max(Some(number));
        }
    }
    persons
}

fn show(person: Person<'_>) -> Recipient {
    let Person { id, number, held } = person;
    let Held {
        sent: _,
        delivered,
        read,
        played,
        failed,
        pricing,
    } = held;
    let number = number.map(|(_, number)| number);
    Recipient {
        wa_id: number
            .or_else(|| is_number(id).then_some(id))
            .map(Text::new),
        user_id: (!is_number(id)).then(|| Text::new(id)),
        delivered_at: delivered,
        read_at: read,
        played_at: played,
        failed,
        pricing: price(&pricing),
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
