//! The narrow waist: what optimisers know of a registration.

use nalgebra::{Matrix6, Vector3, Vector6};

use crate::geometry::RigidTransform;
use crate::project::ProjectError;
use crate::similarity::SimilarityError;

/// Why an objective has no value at a pose.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectiveError {
    /// The radiograph cannot be rendered there.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// The optimiser needs a curvature.
    #[error(
        "the objective has no curvature: Levenberg-Marquardt needs one; use another optimiser for it"
    )]
    NoCurvature,
    /// What is seen cannot be where the pose puts it.
    #[error("a landmark lies behind the X-ray source: move the pose")]
    BehindSource,
    /// The images cannot be compared.
    #[error(transparent)]
    Similarity(#[from] SimilarityError),
}

/// An objective near a pose, as a function of a motion `xi` about the pivot:
/// `similarity + gradient . xi - 1/2 xi . curvature xi`.
///
/// # Units
/// `xi` = (omega (rad), tau (mm)) in camera axes: [`PivotMotion`](crate::geometry::PivotMotion).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// How well CT and X-ray agree; higher is better.
    pub similarity: f64,
    /// Its derivative.
    pub gradient: Vector6<f64>,
    /// An approximation of its negative Hessian, positive semidefinite, where there is one.
    pub curvature: Option<Matrix6<f64>>,
}

/// A similarity as a function of the pose, to be maximized.
///
/// A classical similarity over jets is one; a trained network is another; two X-rays are a sum.
pub trait Objective: Sync {
    /// The point about which motions turn (mm), world frame.
    fn pivot_world_mm(&self) -> Vector3<f64>;

    /// The similarity and its derivatives at a pose.
    ///
    /// # Errors
    /// If the pose cannot be rendered or compared.
    fn evaluate(&self, camera_from_world: &RigidTransform) -> Result<Evaluation, ObjectiveError>;

    /// The similarity alone at many poses, in their order. A pose that cannot be rendered is worth
    /// negative infinity.
    fn similarities(&self, cameras_from_world: &[RigidTransform]) -> Vec<f64>;
}
