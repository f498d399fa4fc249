//! The classical objective: render the CT, compare with the X-rays.

use std::sync::Arc;

use nalgebra::{Matrix6, Vector3, Vector6};
use rayon::prelude::*;

use crate::geometry::{Camera, RigidTransform};
use crate::optimize::{Evaluation, Objective, ObjectiveError};
use crate::project::{Exposure, MarchAxis, ProjectError, Projector};
use crate::similarity::Similarity;
use crate::volume::AttenuationVolume;

/// A similarity over radiographs of one volume from one camera.
pub(super) struct RadiographObjective<'a> {
    projector: &'a Projector,
    camera: &'a Camera,
    similarity: Arc<dyn Similarity>,
    /// The marching axis that is held; none is each pose's own.
    axis: Option<MarchAxis>,
    pivot_world_mm: Vector3<f64>,
}

impl<'a> RadiographObjective<'a> {
    pub(super) fn new(
        projector: &'a Projector,
        camera: &'a Camera,
        similarity: Arc<dyn Similarity>,
        axis: Option<MarchAxis>,
        pivot_world_mm: Vector3<f64>,
    ) -> Self {
        Self { projector, camera, similarity, axis, pivot_world_mm }
    }

    fn expose(
        &self,
        reference_from_world: &RigidTransform,
    ) -> Result<Exposure<'_, AttenuationVolume>, ProjectError> {
        let pose = self.camera.camera_from_world(reference_from_world);
        match self.axis {
            Some(axis) => self.projector.expose_along(axis, self.camera, &pose),
            None => self.projector.expose(self.camera, &pose),
        }
    }

    fn similarity_at(&self, pose: &RigidTransform) -> Result<f64, ObjectiveError> {
        Ok(self.similarity.value(&self.expose(pose)?.forward())?)
    }

    /// For motions of the reference camera.
    fn evaluate(&self, pose: &RigidTransform) -> Result<Evaluation, ObjectiveError> {
        let jet = self.expose(pose)?.jet(self.pivot_world_mm);
        let model = self.similarity.gauss_newton(&jet)?;
        Ok(for_reference_camera(self.camera, model.into()))
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

    fn similarity_at(&self, pose: &RigidTransform) -> Result<f64, ObjectiveError> {
        self.parts.iter().map(|part| Ok(self.share() * part.similarity_at(pose)?)).sum()
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
        let score = |pose: &RigidTransform| self.similarity_at(pose).unwrap_or(f64::NEG_INFINITY);
        cameras_from_world.par_iter().map(score).collect()
    }
}
