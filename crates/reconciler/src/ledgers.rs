//! The books of agreement, one for each number that this instance owns: told by the follower of every state, by the keeper of every read.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::{
    agreement::{Counts, Ledger},
    group::Group,
    ids::{GroupId, PhoneNumberId},
};

/// The book of one number; clones share.
#[derive(Debug, Clone)]
pub(crate) struct Book(Arc<Mutex<Ledger>>);

/// The books of all numbers that are owned; clones share.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledgers(Arc<Mutex<BTreeMap<PhoneNumberId, Book>>>);

/// Takes a book off when its number is owned no more: another instance goes on with it.
#[derive(Debug)]
pub(crate) struct Open {
    ledgers: Ledgers,
    number: PhoneNumberId,
}

impl Book {
    /// Locked for what is said of one group or, once a pass, counted of all; never over a wait.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledgers {
    fn all(&self) -> MutexGuard<'_, BTreeMap<PhoneNumberId, Book>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the book of a number, with what was counted before.
    pub(crate) fn open(&self, number: &PhoneNumberId, counts: Counts) -> (Book, Open) {
        let book = Book(Arc::new(Mutex::new(Ledger::resume(counts))));
        self.all().insert(number.clone(), book.clone());
        let open = Open {
            ledgers: self.clone(),
            number: number.clone(),
        };
        (book, open)
    }

    /// A group's state was replaced.
    pub(crate) fn followed(&self, group_id: &GroupId, before: Option<&Group>, after: &Group) {
        let number = after.core.number.as_ref();
        let Some(Ok(number)) = number.map(|number| PhoneNumberId::parse(&number.value)) else {
            return;
        };
        let book = self.all().get(&number).cloned();
        if let Some(book) = book {
            book.lock().followed(group_id, before, after);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.ledgers.all().remove(&self.number);
    }
}
