//! What training minimises.
//!
//! - [`geodesic`] - L_geo, the distance whose gradient the network's shall resemble
//! - [`approximation`] - L_appro, how far the two gradients are apart
//! - [`mod@decomposition`] - L_decomp, global features correlate with nothing, local ones do
//! - [`balance`] - how the two losses are weighed, learned
//!
//! Poses change by theta = (omega, tau / h): the
//! [`PivotMotion`](isocenter::geometry::PivotMotion) at the current pose, translations in units of h,
//! half the longest edge of the region of interest.
//!
//! # References
//! arXiv:2402.02498, sections 2.3 and 2.4

pub mod approximation;
pub mod balance;
pub mod decomposition;
pub mod geodesic;

pub use approximation::{Approximation, PoseLoss};
pub use balance::{Balance, Weighing};
pub use decomposition::{DecompositionForm, decomposition};
pub use geodesic::geodesic_gradient;
