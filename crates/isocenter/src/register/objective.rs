//! The classical objective: render the CT, compare with the X-ray.

use nalgebra::Vector3;
use rayon::prelude::*;

use crate::geometry::{Camera, RigidTransform};
use crate::optimize::{Evaluation, Objective, ObjectiveError};
use crate::project::{MarchAxis, Projector};
use crate::similarity::Similarity;

/// A similarity over radiographs of one volume. The marching axis is held, so that the objective is
/// continuous in the pose.
pub(crate) struct RadiographObjective<'a> {
    projector: &'a Projector,
    camera: &'a Camera,
    similarity: &'a dyn Similarity,
    axis: MarchAxis,
    pivot_world_mm: Vector3<f64>,
}

impl<'a> RadiographObjective<'a> {
    pub(crate) fn new(
        projector: &'a Projector,
        camera: &'a Camera,
        similarity: &'a dyn Similarity,
        axis: MarchAxis,
        pivot_world_mm: Vector3<f64>,
    ) -> Self {
        Self { projector, camera, similarity, axis, pivot_world_mm }
    }

    fn similarity_at(&self, pose: &RigidTransform) -> Result<f64, ObjectiveError> {
        let moving = self.projector.forward_along(self.axis, self.camera, pose)?;
        Ok(self.similarity.value(&moving)?)
    }
}

impl Objective for RadiographObjective<'_> {
    fn pivot_world_mm(&self) -> Vector3<f64> {
        self.pivot_world_mm
    }

    fn evaluate(&self, camera_from_world: &RigidTransform) -> Result<Evaluation, ObjectiveError> {
        let jet = self.projector.jet_along(
            self.axis,
            self.camera,
            camera_from_world,
            self.pivot_world_mm,
        )?;
        let model = self.similarity.gauss_newton(&jet)?;
        Ok(Evaluation {
            similarity: model.value,
            gradient: model.gradient,
            curvature: Some(model.curvature),
        })
    }

    fn similarities(&self, cameras_from_world: &[RigidTransform]) -> Vec<f64> {
        cameras_from_world
            .par_iter()
            .map(|pose| self.similarity_at(pose).unwrap_or(f64::NEG_INFINITY))
            .collect()
    }
}
