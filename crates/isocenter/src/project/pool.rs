//! Memory that is used again.

use std::sync::{Mutex, PoisonError};

/// Scratch memory that tasks borrow and give back, so that calls after the first allocate nothing.
#[derive(Debug, Default)]
pub(crate) struct Pool<T>(Mutex<Vec<T>>);

impl<T: Default> Pool<T> {
    /// Lends an item, as the last borrower left it, to a task.
    pub(crate) fn with<R>(&self, task: impl FnOnce(&mut T) -> R) -> R {
        let items = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut item = items().pop().unwrap_or_default();
        let result = task(&mut item);
        items().push(item);
        result
    }
}
