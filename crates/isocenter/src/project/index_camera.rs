//! The camera as the voxels see it: everything about a pose that all rays share.
//!
//! With `M` the linear part of `index_from_camera` and `s` its translation, the source lies at `s`
//! and the ray through a pixel is `s + t d`, `d = M q`, where `q` is the ray's direction in the
//! camera ([`Camera::ray_direction`]), linear in column and row.

use nalgebra::{Matrix3, Vector3};

use super::axis::MarchAxis;
use super::error::ProjectError;
use crate::geometry::{Camera, RigidTransform};
use crate::volume::Affine;

/// Beyond this slope (voxels per slice) a ray marches along its own axis instead of the image's.
const STEEPEST_SLOPE: f64 = 2.0;

/// `M q` for `q = (q_x, q_y, 1)`; the same bits for each component whatever the order of the rows, so
/// that a ray which is on the border between two axes belongs to one of them.
#[inline(always)]
pub(crate) fn direction(linear: &Matrix3<f64>, q_x: f64, q_y: f64) -> [f64; 3] {
    std::array::from_fn(|n| q_x * linear[(n, 0)] + (linear[(n, 1)] * q_y + linear[(n, 2)]))
}

/// The camera in the index space of a volume.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IndexCamera {
    /// `M`.
    pub(crate) linear: Matrix3<f64>,
    /// `s`.
    pub(crate) source: Vector3<f64>,
    /// `q` of the first pixel, and its change from one column or row to the next (x, y).
    pub(crate) first_ray: [f64; 2],
    pub(crate) ray_step: [f64; 2],
    pub(crate) size_px: [usize; 2],
}

impl IndexCamera {
    pub(crate) fn new(
        camera: &Camera,
        camera_from_world: &RigidTransform,
        world_from_index: &Affine,
    ) -> Result<Self, ProjectError> {
        let world_from_camera = camera_from_world.inverse();
        let index_from_world = world_from_index.inverse();
        let linear = index_from_world.linear() * world_from_camera.rotation();
        let source = index_from_world.point(*world_from_camera.translation_mm());
        if linear.iter().chain(source.iter()).any(|c| !c.is_finite()) {
            return Err(ProjectError::PoseNotFinite);
        }
        let first_ray = camera.ray_direction(0.0, 0.0);
        Ok(Self {
            linear,
            source,
            first_ray: [first_ray.x, first_ray.y],
            ray_step: camera.focal_length_px().map(f64::recip),
            size_px: camera.size_px(),
        })
    }

    /// `d`, the direction in index space of the ray through a pixel.
    pub(crate) fn direction(&self, [u, v]: [f64; 2]) -> Vector3<f64> {
        let q_x = self.first_ray[0] + u * self.ray_step[0];
        let q_y = self.first_ray[1] + v * self.ray_step[1];
        Vector3::from(direction(&self.linear, q_x, q_y))
    }

    /// The axis along which the ray through the detector's centre crosses most voxels.
    pub(crate) fn dominant_axis(&self) -> MarchAxis {
        MarchAxis::dominant(&self.direction(self.size_px.map(|n| (n as f64 - 1.0) / 2.0)))
    }

    /// The axis that a ray marches along when the image's axis is given.
    pub(crate) fn axis_of(direction: &Vector3<f64>, image_axis: MarchAxis) -> MarchAxis {
        let along = direction[image_axis.number()].abs();
        let [x, y] = image_axis.in_slice().map(|a| direction[a].abs());
        if x.max(y) <= STEEPEST_SLOPE * along { image_axis } else { MarchAxis::dominant(direction) }
    }

    /// The axes that rays march along: the image's, and those that steep rays take for themselves.
    pub(crate) fn axes_in_use(&self, image_axis: MarchAxis) -> [bool; 3] {
        let [columns, rows] = self.size_px;
        let direction = |column: usize, row: usize| self.direction([column as f64, row as f64]);
        let mut used = [false; 3];
        // Directions that are not steep form a convex cone: if the corners are within, all are.
        let corners = [(0, 0), (columns - 1, 0), (0, rows - 1), (columns - 1, rows - 1)]
            .map(|(column, row)| direction(column, row));
        let ascends = |d: &Vector3<f64>| d[image_axis.number()] > 0.0;
        let one_side = corners.iter().all(|d| ascends(d) == ascends(&corners[0]));
        if one_side && corners.iter().all(|d| Self::axis_of(d, image_axis) == image_axis) {
            used[image_axis.number()] = true;
        } else {
            for (row, column) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))) {
                used[Self::axis_of(&direction(column, row), image_axis).number()] = true;
            }
        }
        used
    }
}
