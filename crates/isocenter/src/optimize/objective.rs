//! The narrow waist: what optimisers know of a registration.

use nalgebra::{Matrix6, Vector3, Vector6};

use crate::geometry::RigidTransform;
use crate::project::ProjectError;
use crate::similarity::{GaussNewtonModel, SimilarityError};

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
    /// The optimiser needs a gradient.
    #[error(
        "the objective has no gradient of {expected} components: gradient methods need one; use CMA-ES for it"
    )]
    NoGradient {
        /// The number of components that the optimiser needs.
        expected: usize,
    },
    /// A value is no number.
    #[error(
        "the objective is {found} at candidate {candidate}: it must be a finite number, or negative infinity where it has no value"
    )]
    NotANumber {
        /// The number of the candidate within the batch.
        candidate: usize,
        /// The value.
        found: f64,
    },
    /// Values and candidates do not match.
    #[error("the objective gave {found} values for {expected} candidates: give one for each")]
    Count {
        /// Values told.
        found: usize,
        /// Candidates asked for.
        expected: usize,
    },
    /// The optimiser was made for something else than a pose.
    #[error("the optimiser has {found} coordinates, a pose {expected}: give it six scales")]
    Dimension {
        /// The optimiser's coordinates.
        found: usize,
        /// A pose's.
        expected: usize,
    },
    /// What is seen cannot be where the pose puts it.
    #[error("a landmark lies behind the X-ray source: move the pose")]
    BehindSource,
    /// The images cannot be compared.
    #[error(transparent)]
    Similarity(#[from] SimilarityError),
    /// An objective of another library has no value there.
    #[error("{message}")]
    Other {
        /// Why.
        message: String,
    },
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

impl From<GaussNewtonModel> for Evaluation {
    fn from(model: GaussNewtonModel) -> Self {
        let GaussNewtonModel { value, gradient, curvature } = model;
        Self { similarity: value, gradient, curvature: Some(curvature) }
    }
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
    /// negative infinity; none is NaN.
    fn similarities(&self, cameras_from_world: &[RigidTransform]) -> Vec<f64>;
}
