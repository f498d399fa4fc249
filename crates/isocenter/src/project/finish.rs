//! From sums to pixels, and from pixels back to what the sums carry.
//!
//! Buffers are those of some rows of the detector, channels of a pixel side by side.

use nalgebra::Vector3;

use super::bundle::Bundle;
use super::derivative::{Direction, pose_gradient};
use super::dispatch::Task;
use super::pack::Sums;
use super::slice_camera::Rays;
use super::tiling::PackPlace;
use crate::geometry::PivotMotion;

/// Which pixels a buffer holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows {
    pub(crate) first_row: usize,
    pub(crate) columns: usize,
    pub(crate) channels: usize,
}

impl Rows {
    /// Where the pixel of a lane lies.
    #[inline(always)]
    fn at(&self, place: &PackPlace, lane: usize, channel: usize) -> usize {
        let [row, column] = PackPlace::within(lane);
        let row = place.first_row - self.first_row + row;
        let pixel = row * self.columns + place.first_column + column;
        pixel * self.channels + channel
    }
}

/// The line integral of a lane; `unit_per_mm` is what the sums count.
#[inline(always)]
fn line_integral(rays: &Rays, sums: &Sums, lane: usize, unit_per_mm: f64) -> f32 {
    let ds = rays.ds[lane] * unit_per_mm;
    (ds * f64::from(sums.value[lane])) as f32
}

/// Writes line integrals.
pub(crate) struct Values<'a, 'b> {
    pub(crate) bundle: &'a mut Bundle<'b>,
    pub(crate) unit_per_mm: f64,
    pub(crate) rows: Rows,
    pub(crate) image: &'a mut [f32],
}

impl Task for Values<'_, '_> {
    #[inline(always)]
    fn run(self) {
        for (place, pack, rays, sums) in self.bundle.results() {
            for (channel, sums) in sums.iter().enumerate() {
                for lane in pack.lanes() {
                    self.image[self.rows.at(&place, lane, channel)] =
                        line_integral(&rays, sums, lane, self.unit_per_mm);
                }
            }
        }
    }
}

/// Writes line integrals and their pose derivatives.
pub(crate) struct Jets<'a, 'b> {
    pub(crate) values: Values<'a, 'b>,
    pub(crate) pivot_camera_mm: Vector3<f64>,
    pub(crate) jacobian: &'a mut [[f32; 6]],
}

impl Task for Jets<'_, '_> {
    #[inline(always)]
    fn run(self) {
        let Values { bundle, unit_per_mm, rows, image } = self.values;
        let camera = bundle.camera;
        for (place, pack, rays, sums) in bundle.results() {
            for (channel, sums) in sums.iter().enumerate() {
                let gradient =
                    pose_gradient(camera, &rays, sums, unit_per_mm, &self.pivot_camera_mm);
                for lane in pack.lanes() {
                    let at = rows.at(&place, lane, channel);
                    image[at] = line_integral(&rays, sums, lane, unit_per_mm);
                    self.jacobian[at] = gradient.map(|component| component[lane] as f32);
                }
            }
        }
    }
}

/// Writes line integrals and their derivatives along one motion.
pub(crate) struct Tangents<'a, 'b> {
    pub(crate) values: Values<'a, 'b>,
    pub(crate) pivot_camera_mm: Vector3<f64>,
    pub(crate) motion: PivotMotion,
    pub(crate) tangent: &'a mut [f32],
}

impl Task for Tangents<'_, '_> {
    #[inline(always)]
    fn run(self) {
        let Values { bundle, unit_per_mm, rows, image } = self.values;
        let camera = bundle.camera;
        let direction = Direction::new(camera, &self.motion, &self.pivot_camera_mm);
        let unit = unit_per_mm as f32;
        for (place, pack, rays, sums) in bundle.results() {
            let weights = direction.weights(camera, &rays);
            for (channel, sums) in sums.iter().enumerate() {
                let tangent = weights.dot(sums);
                for lane in pack.lanes() {
                    let at = rows.at(&place, lane, channel);
                    image[at] = line_integral(&rays, sums, lane, unit_per_mm);
                    self.tangent[at] = unit * tangent[lane];
                }
            }
        }
    }
}

/// Adds the pose gradient of a scalar whose derivative with respect to the pixels is given.
pub(crate) struct Contraction<'a, 'b> {
    pub(crate) bundle: &'a mut Bundle<'b>,
    pub(crate) unit_per_mm: f64,
    pub(crate) rows: Rows,
    pub(crate) pivot_camera_mm: Vector3<f64>,
    pub(crate) image_gradient: &'a [f32],
    pub(crate) pose_gradient: &'a mut [f64; 6],
}

impl Task for Contraction<'_, '_> {
    #[inline(always)]
    fn run(self) {
        let camera = self.bundle.camera;
        for (place, pack, rays, sums) in self.bundle.results() {
            for (channel, sums) in sums.iter().enumerate() {
                let gradient =
                    pose_gradient(camera, &rays, sums, self.unit_per_mm, &self.pivot_camera_mm);
                for lane in pack.lanes() {
                    let by_pixel =
                        f64::from(self.image_gradient[self.rows.at(&place, lane, channel)]);
                    for (total, component) in self.pose_gradient.iter_mut().zip(&gradient) {
                        *total += by_pixel * component[lane];
                    }
                }
            }
        }
    }
}

/// Lays down what the sums carry when the line integrals count `image`.
pub(crate) struct CarryValues<'a, 'b> {
    pub(crate) bundle: &'a mut Bundle<'b>,
    pub(crate) rows: Rows,
    pub(crate) image: &'a [f32],
}

impl Task for CarryValues<'_, '_> {
    #[inline(always)]
    fn run(self) {
        for (place, pack, rays, sums) in self.bundle.results() {
            for (channel, sums) in sums.iter_mut().enumerate() {
                for lane in pack.lanes() {
                    let counted = self.image[self.rows.at(&place, lane, channel)];
                    sums.value[lane] = (rays.ds[lane] * f64::from(counted)) as f32;
                }
            }
        }
    }
}

/// Lays down what the sums carry when the line integrals count `image` and their derivatives along
/// a motion count `tangent`.
pub(crate) struct CarryTangents<'a, 'b> {
    pub(crate) values: CarryValues<'a, 'b>,
    pub(crate) pivot_camera_mm: Vector3<f64>,
    pub(crate) motion: PivotMotion,
    pub(crate) tangent: &'a [f32],
}

impl Task for CarryTangents<'_, '_> {
    #[inline(always)]
    fn run(self) {
        let CarryValues { bundle, rows, image } = self.values;
        let camera = bundle.camera;
        let direction = Direction::new(camera, &self.motion, &self.pivot_camera_mm);
        for (place, pack, rays, sums) in bundle.results() {
            let weights = direction.weights(camera, &rays);
            for (channel, sums) in sums.iter_mut().enumerate() {
                for lane in pack.lanes() {
                    let at = rows.at(&place, lane, channel);
                    let (value, tangent) = (image[at], self.tangent[at]);
                    sums.value[lane] = rays.ds[lane] as f32 * value + weights.value[lane] * tangent;
                    sums.mx[lane] = weights.mx[lane] * tangent;
                    sums.mkx[lane] = weights.mkx[lane] * tangent;
                    sums.my[lane] = weights.my[lane] * tangent;
                    sums.mky[lane] = weights.mky[lane] * tangent;
                }
            }
        }
    }
}
