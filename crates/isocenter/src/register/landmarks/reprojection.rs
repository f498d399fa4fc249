//! The sum of squared reprojection errors as an objective of the pose.
//!
//! With `q = R (X - pivot)` the point's place about the pivot and `(x, y, z)` its place in the
//! camera, a motion `xi = (omega, tau)` moves it by `-hat(q) omega + tau`, and its image by
//! `fx (dx/z - x dz/z^2)`, the same for rows.

use nalgebra::{Matrix2x3, Matrix2x6, Matrix6, Vector2, Vector3, Vector6};

use super::Landmark;
use crate::geometry::rotation::hat;
use crate::geometry::{Camera, RigidTransform};
use crate::optimize::{Evaluation, Objective, ObjectiveError};

/// The mean of the points (mm, world frame).
pub(super) fn centroid_mm(landmarks: &[Landmark]) -> Vector3<f64> {
    landmarks.iter().map(|l| l.world_mm).sum::<Vector3<f64>>() / landmarks.len() as f64
}

/// Landmarks, all of which count. Motions turn about their centroid.
pub(super) struct Reprojection<'a> {
    camera: &'a Camera,
    landmarks: &'a [Landmark],
    centroid_world_mm: Vector3<f64>,
}

impl<'a> Reprojection<'a> {
    pub(super) fn new(camera: &'a Camera, landmarks: &'a [Landmark]) -> Self {
        Self { camera, landmarks, centroid_world_mm: centroid_mm(landmarks) }
    }

    pub(super) fn centroid_world_mm(&self) -> Vector3<f64> {
        self.centroid_world_mm
    }

    /// The root mean square distance (px); infinite if a landmark is not in front of the source.
    pub(super) fn rms_px(&self, pose: &RigidTransform) -> f64 {
        let squares = self.landmarks.iter().map(|l| squared_px(self.camera, l, pose));
        (squares.sum::<f64>() / self.landmarks.len() as f64).sqrt()
    }

    /// The sum of `J^T J` over the landmarks, (px per motion) squared.
    pub(super) fn curvature(&self, pose: &RigidTransform) -> Matrix6<f64> {
        let jacobians = self.landmarks.iter().map(|l| self.jacobian(l, pose));
        jacobians.map(|j| j.transpose() * j).sum()
    }

    /// The derivative of a landmark's image by a motion (px).
    fn jacobian(&self, landmark: &Landmark, pose: &RigidTransform) -> Matrix2x6<f64> {
        let [fx, fy] = self.camera.focal_length_px();
        let p = pose.point(landmark.world_mm);
        let image_by_point = Matrix2x3::new(
            fx / p.z,
            0.0,
            -fx * p.x / p.z.powi(2),
            0.0,
            fy / p.z,
            -fy * p.y / p.z.powi(2),
        );
        let about_pivot = pose.direction(landmark.world_mm - self.centroid_world_mm);
        let mut jacobian = Matrix2x6::zeros();
        jacobian.fixed_view_mut::<2, 3>(0, 0).copy_from(&(-image_by_point * hat(about_pivot)));
        jacobian.fixed_view_mut::<2, 3>(0, 3).copy_from(&image_by_point);
        jacobian
    }
}

/// The squared distance between where a landmark should be seen and where it is seen (px^2).
pub(super) fn squared_px(camera: &Camera, landmark: &Landmark, pose: &RigidTransform) -> f64 {
    match camera.project(pose.point(landmark.world_mm)) {
        Some([u, v]) => (u - landmark.image_px[0]).powi(2) + (v - landmark.image_px[1]).powi(2),
        None => f64::INFINITY,
    }
}

impl Objective for Reprojection<'_> {
    fn pivot_world_mm(&self) -> Vector3<f64> {
        self.centroid_world_mm
    }

    fn evaluate(&self, pose: &RigidTransform) -> Result<Evaluation, ObjectiveError> {
        let mut similarity = 0.0;
        let mut gradient = Vector6::zeros();
        let mut curvature = Matrix6::zeros();
        for landmark in self.landmarks {
            let [u, v] = self
                .camera
                .project(pose.point(landmark.world_mm))
                .ok_or(ObjectiveError::BehindSource)?;
            let off = Vector2::new(u - landmark.image_px[0], v - landmark.image_px[1]);
            let jacobian = self.jacobian(landmark, pose);
            similarity -= 0.5 * off.norm_squared();
            gradient -= jacobian.transpose() * off;
            curvature += jacobian.transpose() * jacobian;
        }
        Ok(Evaluation { similarity, gradient, curvature: Some(curvature) })
    }

    fn similarities(&self, poses: &[RigidTransform]) -> Vec<f64> {
        let count = self.landmarks.len() as f64;
        poses.iter().map(|pose| -0.5 * count * self.rms_px(pose).powi(2)).collect()
    }
}
