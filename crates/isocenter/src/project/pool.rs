//! Memory that is used again.

use std::sync::{Mutex, PoisonError};
use std::thread::ThreadId;

/// Scratch memory that tasks borrow and give back, so that calls after the first allocate nothing.
#[derive(Debug, Default)]
pub(crate) struct Pool<T>(Mutex<Vec<(ThreadId, T)>>);

impl<T: Default> Pool<T> {
    /// Lends an item, as the last borrower left it, to a task: the one that this thread has had
    /// before where there is one, as its memory is in this core's cache.
    pub(crate) fn with<R>(&self, task: impl FnOnce(&mut T) -> R) -> R {
        let me = std::thread::current().id();
        let mut item = self.take(me).unwrap_or_default();
        let result = task(&mut item);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((me, item));
        result
    }

    fn take(&self, thread: ThreadId) -> Option<T> {
        let mut items = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = items.iter().rposition(|(last, _)| *last == thread);
        // Another thread's item is only taken where there are more than threads at work.
        let at = mine.or_else(|| items.len().checked_sub(rayon::current_num_threads() + 1))?;
        Some(items.swap_remove(at).1)
    }
}
