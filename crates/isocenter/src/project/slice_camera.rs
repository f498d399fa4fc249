//! Rays as they cross slices.
//!
//! In the coordinates (x, y, a) of slices along the marching axis `a`, counted from a slice `k0`,
//! a ray from the source `s` in direction `d` is
//!
//! ```text
//! x(k) = x0 + (k - k0) dx,   dx = d_x / d_a,   x0 = s_x + (k0 - s_a) dx        (y alike)
//! ds = |q| / |d_a|                                     length of the ray per slice (mm)
//! ```

use nalgebra::{Matrix3, Vector3};

use super::axis::MarchAxis;
use super::index_camera::{IndexCamera, direction};
use super::pack::{LANES, Lanes};
use super::slice_grid::SliceGrid;
use super::tiling::PackPlace;

/// The camera in the coordinates (x, y, marching axis) of framed slices, the frame not counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SliceCamera {
    pub(crate) grid: SliceGrid,
    /// The rows of `M` in the order (x, y, marching axis).
    pub(crate) linear: Matrix3<f64>,
    /// The source.
    pub(crate) source: Vector3<f64>,
    /// `k0 - s_a`: how many slices the middle one is beyond the source.
    pub(crate) to_middle: f64,
    first_ray: [f64; 2],
    ray_step: [f64; 2],
    /// The image's axis where not all rays march along it.
    mixed: Option<MarchAxis>,
}

/// The rays of a pack.
pub(crate) struct Rays {
    /// `q` in the camera frame; its z is 1.
    pub(crate) q_x: Lanes<f64>,
    pub(crate) q_y: Lanes<f64>,
    /// `d_a`: slices per unit of `q`.
    pub(crate) along: Lanes<f64>,
    /// Advance per slice.
    pub(crate) dx: Lanes<f64>,
    pub(crate) dy: Lanes<f64>,
    /// Length per slice (mm).
    pub(crate) ds: Lanes<f64>,
}

impl SliceCamera {
    /// `mixed`: the image's axis, where not all rays march along it.
    pub(crate) fn new(camera: &IndexCamera, grid: SliceGrid, mixed: Option<MarchAxis>) -> Self {
        let [x_axis, y_axis] = grid.axis.in_slice();
        let order = [x_axis, y_axis, grid.axis.number()];
        let linear = Matrix3::from_rows(&order.map(|a| camera.linear.row(a).into_owned()));
        let lower = grid.lower.map(|n| n as f64);
        let source = Vector3::from(order.map(|a| camera.source[a])) - Vector3::from(lower);
        Self {
            grid,
            linear,
            source,
            to_middle: f64::from(grid.middle()) - source.z,
            first_ray: camera.first_ray,
            ray_step: camera.ray_step,
            mixed,
        }
    }

    /// The rays of a pack; lanes beyond the detector continue it.
    #[inline(always)]
    pub(crate) fn rays(&self, place: &PackPlace) -> Rays {
        let zero = [0.0; LANES];
        let mut rays = Rays { q_x: zero, q_y: zero, along: zero, dx: zero, dy: zero, ds: zero };
        for lane in 0..LANES {
            let [row, column] = PackPlace::within(lane);
            let column = place.first_column as f64 + column as f64;
            let row = place.first_row as f64 + row as f64;
            let q_x = self.first_ray[0] + column * self.ray_step[0];
            let q_y = self.first_ray[1] + row * self.ray_step[1];
            let [d_x, d_y, along] = direction(&self.linear, q_x, q_y);
            let inverse = 1.0 / along;
            rays.q_x[lane] = q_x;
            rays.q_y[lane] = q_y;
            rays.along[lane] = along;
            rays.dx[lane] = d_x * inverse;
            rays.dy[lane] = d_y * inverse;
            rays.ds[lane] = (q_x * q_x + (q_y * q_y + 1.0)).sqrt() * inverse.abs();
        }
        rays
    }

    /// Whether a ray marches along these slices.
    #[inline(always)]
    pub(crate) fn marches_here(&self, rays: &Rays, lane: usize) -> bool {
        let Some(image_axis) = self.mixed else { return true };
        let [x_axis, y_axis] = self.grid.axis.in_slice();
        let mut d = Vector3::zeros();
        [d[x_axis], d[y_axis], d[self.grid.axis.number()]] =
            direction(&self.linear, rays.q_x[lane], rays.q_y[lane]);
        IndexCamera::axis_of(&d, image_axis) == self.grid.axis
    }
}
