//! The progress line: on a terminal only, gone when the work is done.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use isocenter::register::Event;

/// A line on standard error that says what is going on; silent in a pipe.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn new(doing: &str) -> Self {
        // The bar draws itself only where standard error is a terminal.
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} [{elapsed}]") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        let progress = Self(bar);
        progress.doing(doing);
        progress
    }

    pub(crate) fn doing(&self, what: &str) {
        self.0.set_message(what.to_owned());
    }

    /// Follows a registration.
    pub(crate) fn follow(&self, event: &Event<'_>) {
        match event {
            Event::StageStarted { stage, longest_side_px, candidates } => {
                self.doing(&format!("{stage}: {candidates} candidate(s) at {longest_side_px} px"))
            }
            Event::Iteration(row) => self.doing(&format!(
                "{}: {} px, similarity {:.5}",
                row.stage, row.longest_side_px, row.iteration.similarity
            )),
            _ => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
