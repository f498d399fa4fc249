//! The network as an objective of a registration: how alike it finds CT and X-ray at a pose.

use std::sync::{Mutex, PoisonError};

use burn::tensor::Tensor;
use isocenter::geometry::RigidTransform;
use isocenter::optimize::{Evaluation, Objective, ObjectiveError};
use isocenter::register::BranchScores;
use nalgebra::{Vector3, Vector6};

use crate::error::NetError;
use crate::layer::Context;
use crate::moving_projector::MovingProjector;
use crate::network::{BranchOutputs, Features, Network, Outputs};
use crate::scene::{Descent, PoseGradients, Scene};

/// Minus L_net: higher is better. What it tells as its gradient is the derivative in the metric of poses, and in
/// that of the radiograph a direction, which
/// [`DirectionDescent`](isocenter::optimize::DirectionDescent) follows.
pub struct NetworkObjective<'a> {
    network: &'a Network,
    descent: Descent,
    scene: Scene<'a>,
    projector: &'a MovingProjector,
    xray: &'a Features,
    last_scores: Mutex<Option<BranchScores>>,
}

impl<'a> NetworkObjective<'a> {
    /// Of an X-ray's features, which do not depend on the pose, and the projector of a CT's.
    #[must_use]
    pub fn new(
        network: &'a Network,
        descent: Descent,
        scene: Scene<'a>,
        projector: &'a MovingProjector,
        xray: &'a Features,
    ) -> Self {
        Self { network, descent, scene, projector, xray, last_scores: Mutex::new(None) }
    }

    /// What the branches said when the objective was evaluated last.
    #[must_use]
    pub fn last_scores(&self) -> Option<BranchScores> {
        *self.last_scores.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// L_net at a pose with all that it is made of.
    ///
    /// # Errors
    /// If the pose cannot be rendered.
    pub fn at(&self, camera_from_world: &RigidTransform) -> Result<PoseGradients, NetError> {
        let (poses, mut context) = ([*camera_from_world], Context::inference());
        let Self { scene, network, descent, projector, xray, .. } = *self;
        let mut found =
            || scene.pose_gradients(network, descent, projector, xray, &poses, &mut context);
        if network.device().is_autodiff() {
            // A thread of the pool that waits takes up other work: it must not hold the lock of the graph
            // that all users of these weights have in common.
            return found();
        }
        // On a thread of the pool, to which the many small operations would be handed over one by one.
        rayon::scope(|_| found())
    }

    fn evaluated(&self, camera_from_world: &RigidTransform) -> Result<Evaluation, NetError> {
        let found = self.at(camera_from_world)?;
        let scores = scores_of(&found)?;
        *self.last_scores.lock().unwrap_or_else(PoisonError::into_inner) = scores;
        let value = found.values.first().copied().unwrap_or(f64::INFINITY);
        let by_theta = found.gradients.first().copied().unwrap_or_else(Vector6::zeros);
        Ok(Evaluation {
            similarity: -value,
            gradient: -self.scene.for_motion(&by_theta),
            curvature: None,
        })
    }
}

/// What the branches said of the first pose, if the network has some.
fn scores_of(found: &PoseGradients) -> Result<Option<BranchScores>, NetError> {
    let read = |tensor: &Tensor<2>| -> Result<f64, NetError> {
        let values = tensor.clone().without_autodiff().try_into_vec_as::<f32>()?;
        Ok(values.first().copied().map_or(f64::NAN, f64::from))
    };
    let Outputs::Branches(BranchOutputs { global, local }) = &found.outputs else {
        return Ok(None);
    };
    Ok(Some(BranchScores {
        global_score: read(global.score.value())?,
        global_gate: read(global.gate.value())?,
        local_score: read(local.score.value())?,
        local_gate: read(local.gate.value())?,
    }))
}

impl Objective for NetworkObjective<'_> {
    fn pivot_world_mm(&self) -> Vector3<f64> {
        self.scene.pivot_world_mm
    }

    fn evaluate(&self, camera_from_world: &RigidTransform) -> Result<Evaluation, ObjectiveError> {
        Ok(self.evaluated(camera_from_world)?)
    }

    fn similarities(&self, cameras_from_world: &[RigidTransform]) -> Vec<f64> {
        let value = |pose| match self.at(pose) {
            Ok(found) => found.values.first().map_or(f64::NEG_INFINITY, |value| -value),
            Err(_) => f64::NEG_INFINITY,
        };
        let finite = |value: f64| if value.is_nan() { f64::NEG_INFINITY } else { value };
        cameras_from_world.iter().map(|pose| finite(value(pose))).collect()
    }
}
