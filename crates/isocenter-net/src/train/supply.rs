//! Samples in order, made in background threads while steps are computed.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

use super::sample::{Sample, Source};
use crate::error::NetError;

/// Samples that each thread makes ahead.
const AHEAD: usize = 2;

/// The samples of each step, from one on.
#[derive(Debug)]
pub struct Supply {
    /// Each thread makes every so many-th sample.
    lanes: Vec<Lane>,
    /// The lane of the next sample.
    next: usize,
}

#[derive(Debug)]
struct Lane {
    samples: Option<Receiver<Result<Vec<Sample>, NetError>>>,
    thread: Option<JoinHandle<()>>,
}

impl Supply {
    /// Threads that begin to work at once; they stop when this is dropped.
    #[must_use]
    pub fn new(source: &Arc<Source>, first_step: u64, threads: usize) -> Self {
        let threads = threads.max(1) as u64;
        let lane = |number: u64| {
            let (send, samples) = sync_channel(AHEAD);
            let source = Arc::clone(source);
            let work = move || {
                let steps = (first_step + number..source.config.steps).step_by(threads as usize);
                for step in steps {
                    if send.send(source.training(step)).is_err() {
                        break;
                    }
                }
            };
            Lane { samples: Some(samples), thread: Some(std::thread::spawn(work)) }
        };
        Self { lanes: (0..threads).map(lane).collect(), next: 0 }
    }
}

/// None after the last step.
impl Iterator for Supply {
    type Item = Result<Vec<Sample>, NetError>;

    fn next(&mut self) -> Option<Self::Item> {
        let number = self.next % self.lanes.len();
        self.next += 1;
        self.lanes.get(number)?.samples.as_ref()?.recv().ok()
    }
}

impl Drop for Supply {
    fn drop(&mut self) {
        for lane in &mut self.lanes {
            // Whoever waits to send is refused.
            lane.samples = None;
            if let Some(thread) = lane.thread.take() {
                // A panic of the thread has nothing to add.
                drop(thread.join());
            }
        }
    }
}
