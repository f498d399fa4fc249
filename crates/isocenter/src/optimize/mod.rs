//! Optimisers of poses. They speak to an [`Objective`] and to nothing else.
//!
//! Every optimiser is an [`Optimizer`]: it asks for candidates and is told what they are worth.
//! [`maximize()`] carries that between an optimiser and an objective, and reports every exchange as
//! an [`Iteration`], the same for all of them.
//!
//! - [`objective`] - [`Objective`] and its [`Evaluation`] at a pose
//! - [`optimizer`] - [`Optimizer`], the interface of ask and tell
//! - [`mod@maximize`] - [`maximize()`], an optimiser at work on an objective
//! - [`levenberg_marquardt`] - [`LevenbergMarquardt`], damped Gauss-Newton steps
//! - [`gradient_descent`] - [`GradientDescent`], with momentum and a step that adapts
//! - [`direction_descent`] - [`DirectionDescent`], along directions of which only the way is known
//! - [`cma_es`] - [`CmaEs`], which needs no derivatives
//! - [`scales`] - [`MotionScales`], how far the six components of a motion reach
//! - [`setting`] - [`SettingError`], settings that make no sense
//! - [`termination`] - [`Termination`], why an optimiser stopped

pub mod cma_es;
pub mod direction_descent;
pub mod gradient_descent;
pub mod levenberg_marquardt;
pub mod maximize;
pub mod objective;
pub mod optimizer;
pub mod scales;
pub mod setting;
pub mod termination;

pub use cma_es::{Bounds, CmaEs, CmaEsConfig};
pub use direction_descent::{DirectionDescent, DirectionDescentConfig};
pub use gradient_descent::{GradientDescent, GradientDescentConfig};
pub use levenberg_marquardt::{LevenbergMarquardt, LevenbergMarquardtConfig};
pub use maximize::{Iteration, Optimum, maximize};
pub use objective::{Evaluation, Objective, ObjectiveError};
pub use optimizer::{Optimizer, Sample};
pub use scales::MotionScales;
pub use setting::SettingError;
pub use termination::Termination;
