//! The classical objective: render the CT, compare with the X-rays.

use std::sync::Arc;

use nalgebra::{Matrix6, Vector3, Vector6};
use rayon::prelude::*;

use super::level_xray::LevelXray;
use crate::geometry::{Camera, RigidTransform};
use crate::optimize::{Evaluation, Objective, ObjectiveError};
use crate::project::{Exposure, MarchAxis, ProjectError};
use crate::similarity::Similarity;
use crate::volume::AttenuationVolume;

/// What compares X-ray and radiograph.
pub(super) enum Measure {
    /// The same at every pose: which pixels count is held.
    Held(Arc<dyn Similarity>),
    /// Of the pixels that count at each pose.
    OfEachPose,
}

/// How well a pose fits, and by how much of the X-ray.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// The similarity; negative infinity where there is none.
    pub similarity: f64,
    /// The part of the pixels whose rays are complete.
    pub complete_share: f64,
}

/// A similarity over radiographs of one volume from one camera.
pub(super) struct RadiographObjective<'a> {
    xray: &'a LevelXray,
    measure: Measure,
    /// The marching axis that is held; none is each pose's own.
    axis: Option<MarchAxis>,
    pivot_world_mm: Vector3<f64>,
}

impl<'a> RadiographObjective<'a> {
    pub(super) fn new(
        xray: &'a LevelXray,
        measure: Measure,
        axis: Option<MarchAxis>,
        pivot_world_mm: Vector3<f64>,
    ) -> Self {
        Self { xray, measure, axis, pivot_world_mm }
    }

    fn expose(
        &self,
        camera_from_world: &RigidTransform,
    ) -> Result<Exposure<'_, AttenuationVolume>, ProjectError> {
        let LevelXray { projector, camera, .. } = self.xray;
        match self.axis {
            Some(axis) => projector.expose_along(axis, camera, camera_from_world),
            None => projector.expose(camera, camera_from_world),
        }
    }

    /// The measure at a pose of its camera, and the part of the rays that are complete there.
    fn measure(
        &self,
        camera_from_world: &RigidTransform,
    ) -> Result<(Arc<dyn Similarity>, f64), ObjectiveError> {
        match &self.measure {
            Measure::Held(similarity) => Ok((Arc::clone(similarity), 1.0)),
            Measure::OfEachPose => self.xray.similarity_at(camera_from_world),
        }
    }

    fn score(&self, reference_from_world: &RigidTransform) -> Result<Score, ObjectiveError> {
        let pose = self.xray.camera.camera_from_world(reference_from_world);
        let (similarity, complete_share) = self.measure(&pose)?;
        let similarity = similarity.value(&self.expose(&pose)?.forward())?;
        Ok(Score { similarity, complete_share })
    }

    /// For motions of the reference camera.
    fn evaluate(
        &self,
        reference_from_world: &RigidTransform,
    ) -> Result<Evaluation, ObjectiveError> {
        let pose = self.xray.camera.camera_from_world(reference_from_world);
        let jet = self.expose(&pose)?.jet(self.pivot_world_mm);
        let model = self.measure(&pose)?.0.gauss_newton(&jet)?;
        Ok(for_reference_camera(&self.xray.camera, model.into()))
    }
}

/// An evaluation for motions of a camera as one for those of the reference camera: a motion
/// (omega, tau) in the axes of the latter is one by (R omega, R tau) in those of the former.
#[must_use]
pub fn for_reference_camera(camera: &Camera, evaluation: Evaluation) -> Evaluation {
    let Some(camera_from_reference) = camera.camera_from_reference_camera() else {
        return evaluation;
    };
    let rotation = camera_from_reference.rotation();
    let mut turn = Matrix6::zeros();
    turn.fixed_view_mut::<3, 3>(0, 0).copy_from(rotation);
    turn.fixed_view_mut::<3, 3>(3, 3).copy_from(rotation);
    Evaluation {
        gradient: turn.transpose() * evaluation.gradient,
        curvature: evaluation.curvature.map(|curvature| turn.transpose() * curvature * turn),
        ..evaluation
    }
}

/// The mean over the X-rays of a case, at one level.
pub struct LevelObjective<'a> {
    parts: Vec<RadiographObjective<'a>>,
    pivot_world_mm: Vector3<f64>,
}

impl<'a> LevelObjective<'a> {
    pub(super) fn new(parts: Vec<RadiographObjective<'a>>, pivot_world_mm: Vector3<f64>) -> Self {
        Self { parts, pivot_world_mm }
    }

    fn share(&self) -> f64 {
        1.0 / self.parts.len() as f64
    }

    fn score(&self, pose: &RigidTransform) -> Result<Score, ObjectiveError> {
        let mut mean = Score { similarity: 0.0, complete_share: 0.0 };
        for part in &self.parts {
            let one = part.score(pose)?;
            mean.similarity += self.share() * one.similarity;
            mean.complete_share += self.share() * one.complete_share;
        }
        Ok(mean)
    }

    /// How well each of many poses fits, in their order.
    #[must_use]
    pub fn scores(&self, cameras_from_world: &[RigidTransform]) -> Vec<Score> {
        const NONE: Score = Score { similarity: f64::NEG_INFINITY, complete_share: 0.0 };
        cameras_from_world.par_iter().map(|pose| self.score(pose).unwrap_or(NONE)).collect()
    }
}

impl Objective for LevelObjective<'_> {
    fn pivot_world_mm(&self) -> Vector3<f64> {
        self.pivot_world_mm
    }

    fn evaluate(&self, camera_from_world: &RigidTransform) -> Result<Evaluation, ObjectiveError> {
        let (mut similarity, mut gradient, mut curvature) =
            (0.0, Vector6::zeros(), Matrix6::zeros());
        for part in &self.parts {
            let one = part.evaluate(camera_from_world)?;
            similarity += self.share() * one.similarity;
            gradient += self.share() * one.gradient;
            curvature += self.share() * one.curvature.unwrap_or_else(Matrix6::zeros);
        }
        Ok(Evaluation { similarity, gradient, curvature: Some(curvature) })
    }

    fn similarities(&self, cameras_from_world: &[RigidTransform]) -> Vec<f64> {
        self.scores(cameras_from_world).iter().map(|score| score.similarity).collect()
    }
}
