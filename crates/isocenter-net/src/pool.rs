//! The pool of threads that all cores work in.

use std::sync::{Mutex, PoisonError};

/// Runs a function on a thread of the pool: what its many small operations share with other threads is
/// not handed over to the pool each time, which would take longer than the work.
///
/// One at a time: a thread of the pool that waits takes up other work, and must not find there what waits
/// for the graph whose lock it holds.
pub(crate) fn within_pool<R: Send>(function: impl FnOnce() -> R + Send) -> R {
    static ONE: Mutex<()> = Mutex::new(());
    if rayon::current_thread_index().is_some() {
        return function();
    }
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    rayon::scope(|_| function())
}
