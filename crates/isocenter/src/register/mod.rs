//! Registration: from a CT, X-rays, their cameras and what is known before to a pose.
//!
//! - [`case`] - [`Case`], what is to be registered
//! - [`prior`] - [`Prior`], where the patient may be
//! - [`config`] - [`RegisterConfig`], all settings
//! - [`registration`] - [`register()`] and its result
//! - [`stage`] - [`Stage`], a part of a registration, and [`StageRegistry`], all of them by name
//! - [`search`] - thousands of poses of the prior, scored on small images
//! - [`refine`] - Levenberg-Marquardt from coarse to fine
//! - [`from_start`] - CMA-ES and gradient descent, as others register
//! - [`judge`] - how sure the result is
//! - [`run`] - [`Run`], what stages work with
//! - [`candidate`] - [`Candidate`], a pose in the running
//! - [`level`] - [`Level`], a case at one resolution
//! - [`mod@landscape`] - the similarity about a pose, along the six axes
//! - [`landmarks`] - a start from points that are known in the CT and seen in the X-ray
//! - [`event`] - what it tells while it runs, and the trace
//! - [`error`] - [`RegisterError`]

pub mod candidate;
pub mod case;
mod coarse;
mod complete_rays;
pub mod config;
mod display_curve;
pub mod error;
pub mod event;
pub mod from_start;
mod interior;
pub mod judge;
pub mod landmarks;
pub mod landscape;
pub mod level;
mod level_xray;
mod objective;
pub mod prior;
pub mod refine;
pub mod registration;
pub mod run;
pub mod search;
pub mod stage;
mod structure_region;
mod within_prior;

pub use candidate::Candidate;
pub use case::{Case, Compares, Xray};
pub use config::{
    BeyondConfig, OptimizerStageConfig, PartialConfig, RefineConfig, RegisterConfig, SearchConfig,
    SimilarityConfig,
};
pub use error::RegisterError;
pub use event::{BranchScores, Event, FeatureMaps, StageTime, TraceRow};
pub use judge::{Judgement, Verdict};
pub use landmarks::{LandmarkConfig, LandmarkError};
pub use landscape::{AxisLandscape, landscape};
pub use level::Level;
pub use objective::{Score, for_reference_camera};
pub use prior::{AnyRotation, PoseSpread, Prior, RotationSpread};
pub use registration::{Registration, register, register_by};
pub use run::{Purpose, Rivals, Run, Shows};
pub use stage::{Stage, StageRegistry};
