//! People: who they are, and how their identity changes.

use std::{collections::BTreeMap, sync::Arc};

use rand::RngExt;

use super::ids::Ids;
use crate::limits::PEOPLE_MAX;

const FIRST_NAMES: &[&str] = &[
    "Rosa", "Mo", "Chloé", "Jürgen", "Ана", "Zoë", "Liam", "Aïcha", "Noor", "Kenji", "Siân",
    "Tomás", "Ines", "Émile",
];
const LAST_NAMES: &[&str] = &[
    "Kahn",
    "Okafor",
    "Müller",
    "Silva",
    "Novák",
    "Haddad",
    "Lindström",
    "Petit",
    "Rossi",
    "Tanaka",
];

/// A person for as long as the simulator runs, whatever identifiers they have now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PersonKey(u32);

/// A person with the identifiers of one moment.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) key: PersonKey,
    /// The phone number's digits.
    pub(crate) wa_id: String,
    /// The business-scoped user id; regenerated when the number changes.
    pub(crate) user_id: String,
    /// The same for a parent business; few have one.
    pub(crate) parent_user_id: Option<String>,
    /// Only those with one can have their number withheld.
    pub(crate) username: Option<String>,
    /// The profile name.
    pub(crate) name: String,
}

/// Everybody, by key and by present phone number.
#[derive(Debug, Default)]
pub(crate) struct People {
    by_key: BTreeMap<PersonKey, Arc<Person>>,
    by_wa_id: BTreeMap<String, PersonKey>,
}

impl People {
    /// Who has this phone number now.
    pub(crate) fn find(&self, wa_id: &str) -> Option<&Arc<Person>> {
        self.by_key.get(self.by_wa_id.get(wa_id)?)
    }

    /// Who has this BSUID, or parent BSUID, now.
    pub(crate) fn find_by_user_id(&self, user_id: &str) -> Option<&Arc<Person>> {
        self.by_key.values().find(|person| {
            person.user_id == user_id || person.parent_user_id.as_deref() == Some(user_id)
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// The person at a place in the order of arrival.
    pub(crate) fn at(&self, index: usize) -> Option<&Arc<Person>> {
        self.by_key.get(&PersonKey(u32::try_from(index).ok()?))
    }

    /// A new person with a number nobody has, or `None` when there are too many.
    pub(crate) fn add(
        &mut self,
        ids: &mut Ids,
        wa_id: &str,
        name: String,
        username: Option<String>,
    ) -> Option<Arc<Person>> {
        if self.by_key.len() >= PEOPLE_MAX || self.by_wa_id.contains_key(wa_id) {
            return None;
        }
        let key = PersonKey(u32::try_from(self.by_key.len()).ok()?);
        let person = Arc::new(Person {
            key,
            wa_id: wa_id.to_owned(),
            user_id: ids.user_id(),
            parent_user_id: None,
            username,
            name,
        });
        self.by_wa_id.insert(wa_id.to_owned(), key);
        self.by_key.insert(key, Arc::clone(&person));
        Some(person)
    }

    /// A new person with a name, in two of five cases with a username.
    pub(crate) fn add_anybody(&mut self, ids: &mut Ids, wa_id: &str) -> Option<Arc<Person>> {
        let pick =
            |list: &'static [&'static str], at: usize| list.get(at).copied().unwrap_or("Sam");
        let first = pick(FIRST_NAMES, ids.rng().random_range(0..FIRST_NAMES.len()));
        let last = pick(LAST_NAMES, ids.rng().random_range(0..LAST_NAMES.len()));
        let handle = ids.rng().random_bool(0.4);
        let initial = last
            .chars()
            .next()
            .map_or('x', |letter| letter.to_ascii_lowercase());
        let ascii: String = first
            .chars()
            .filter(char::is_ascii)
            .collect::<String>()
            .to_ascii_lowercase();
        let username = handle.then(|| format!("{ascii}.{initial}{}", self.by_key.len()));
        self.add(ids, wa_id, format!("{first} {last}"), username)
    }

    /// Puts changed identifiers in place of the person's former ones; the former number is free again.
    pub(crate) fn replace(&mut self, person: Person) -> Arc<Person> {
        if let Some(former) = self.by_key.get(&person.key) {
            self.by_wa_id.remove(&former.wa_id);
        }
        self.by_wa_id.insert(person.wa_id.clone(), person.key);
        let person = Arc::new(person);
        self.by_key.insert(person.key, Arc::clone(&person));
        person
    }
}
