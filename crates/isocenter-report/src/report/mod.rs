//! Reports: one HTML file each, with everything in it.
//!
//! A page loads nothing: pictures are `data:` URLs, charts inline SVG, and a content security policy
//! has the browser refuse the rest. It is complete without JavaScript, which adds a viewer where it
//! runs; it follows the reader's choice of light or dark and can be printed. A page says nothing that
//! it was not given: no file names, no patient, no date.

mod capture;
mod convergence;
mod cumulative;
mod error;
mod evaluation;
mod evaluation_page;
mod from_registration;
mod landscape;
mod page;
mod quantile_bars;
mod registration;
mod registration_page;
mod reliability;
mod statistics;
mod training;
mod training_page;
mod verdict;
mod verdict_table;

pub use error::ReportError;
pub use evaluation::{CaseRow, EvaluationReport, MethodCases, Table, WorstCase};
pub use evaluation_page::evaluation_report;
pub use from_registration::trace_points;
pub use registration::{
    LandscapeAxis, NetworkFeatures, OptimumRow, RegistrationReport, Setting, StageSeconds,
    TracePoint, TrueErrors, ViewImages,
};
pub use registration_page::registration_report;
pub use training::{Curve, TrainingLandscape, TrainingReport};
pub use training_page::training_report;
pub use verdict::Verdict;
