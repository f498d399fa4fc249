//! From the sums along a ray to the derivative of its line integral, and back.
//!
//! A motion (omega, tau) about the pivot `p` (camera frame) moves, as seen from the patient, the
//! source by `ds_ = M (omega x p - tau)` and the direction by `dd_ = M (q x omega)`. With the sums
//! `Mx = sum V_x`, `Mkx = sum (k - k0) V_x` (y alike) and the integral `I`, the derivatives with
//! respect to source and direction are
//!
//! ```text
//! g_s = (Gx, Gy, -(dx Gx + dy Gy))                     Gx = ds Mx
//! g_d = (Px, Py, -(dx Px + dy Py) - I / d_a)           Px = ((k0 - s_a) Gx + ds Mkx) / d_a
//! ```
//!
//! in the order (x, y, a), the last term from the length factor. With `S = M^T g_s`, `D = M^T g_d`
//! **the six components** are `dI/domega = p x S + D x q`, `dI/dtau = -S` ([`pose_gradient`]).
//!
//! **Along one motion** the derivative is a weighted sum of the sums ([`Direction::weights`]),
//!
//! ```text
//! I' = w0 sum V + wx Mx + wkx Mkx + wy My + wky Mky
//! w0 = -ds dd_a / d_a      wkx = ds (dd_x - dx dd_a) / d_a      wx = ds (ds_x - dx ds_a) + (k0 - s_a) wkx
//! ```
//!
//! and the same weights carry what I' counts back to the sums, for the adjoint.

use nalgebra::Vector3;

use super::pack::{LANES, Lanes, Sums};
use super::slice_camera::{Rays, SliceCamera};
use crate::geometry::PivotMotion;

/// The pose derivatives of a pack's line integrals, component by component.
///
/// `unit_per_mm` is what the sums count.
#[inline(always)]
pub(crate) fn pose_gradient(
    camera: &SliceCamera,
    rays: &Rays,
    sums: &Sums,
    unit_per_mm: f64,
    pivot_camera_mm: &Vector3<f64>,
) -> [Lanes<f64>; 6] {
    let (m, p) = (&camera.linear, pivot_camera_mm);
    let mut gradient = [[0.0; LANES]; 6];
    #[allow(clippy::needless_range_loop, reason = "a lane of many arrays, one of them an output")]
    for lane in 0..LANES {
        let (dx, dy) = (rays.dx[lane], rays.dy[lane]);
        let per_along = 1.0 / rays.along[lane];
        let ds = rays.ds[lane] * unit_per_mm;
        let (gx, gy) = (ds * f64::from(sums.mx[lane]), ds * f64::from(sums.my[lane]));
        let px = (camera.to_middle * gx + ds * f64::from(sums.mkx[lane])) * per_along;
        let py = (camera.to_middle * gy + ds * f64::from(sums.mky[lane])) * per_along;
        let integral = ds * f64::from(sums.value[lane]);
        let by_source = [gx, gy, -(dx * gx + dy * gy)];
        let by_direction = [px, py, -(dx * px + dy * py) - integral * per_along];
        let transposed =
            |g: &[f64; 3], n: usize| m[(0, n)] * g[0] + m[(1, n)] * g[1] + m[(2, n)] * g[2];
        let [s_x, s_y, s_z] = std::array::from_fn(|n| transposed(&by_source, n));
        let [d_x, d_y, d_z] = std::array::from_fn(|n| transposed(&by_direction, n));
        let (q_x, q_y) = (rays.q_x[lane], rays.q_y[lane]);
        gradient[0][lane] = p.y * s_z - p.z * s_y + (d_y - d_z * q_y);
        gradient[1][lane] = p.z * s_x - p.x * s_z + (d_z * q_x - d_x);
        gradient[2][lane] = p.x * s_y - p.y * s_x + (d_x * q_y - d_y * q_x);
        gradient[3][lane] = -s_x;
        gradient[4][lane] = -s_y;
        gradient[5][lane] = -s_z;
    }
    gradient
}

/// A direction in pose space, as the rays see it.
pub(crate) struct Direction {
    omega: Vector3<f64>,
    /// `ds_`, in slice coordinates.
    source_shift: Vector3<f64>,
}

impl Direction {
    /// Of a motion about a pivot that lies at `pivot_camera_mm`.
    pub(crate) fn new(
        camera: &SliceCamera,
        motion: &PivotMotion,
        pivot_camera_mm: &Vector3<f64>,
    ) -> Self {
        let shift = motion.omega_rad.cross(pivot_camera_mm) - motion.tau_mm;
        Self { omega: motion.omega_rad, source_shift: camera.linear * shift }
    }

    /// What each of the sums counts in I'.
    #[inline(always)]
    pub(crate) fn weights(&self, camera: &SliceCamera, rays: &Rays) -> Sums {
        let (m, omega, shift) = (&camera.linear, &self.omega, &self.source_shift);
        let mut weights = Sums::ZERO;
        for lane in 0..LANES {
            let (dx, dy, ds) = (rays.dx[lane], rays.dy[lane], rays.ds[lane]);
            let (q_x, q_y) = (rays.q_x[lane], rays.q_y[lane]);
            let turn =
                [q_y * omega.z - omega.y, omega.x - q_x * omega.z, q_x * omega.y - q_y * omega.x];
            let [turn_x, turn_y, turn_a] = std::array::from_fn(|n| {
                m[(n, 0)] * turn[0] + m[(n, 1)] * turn[1] + m[(n, 2)] * turn[2]
            });
            let ds_per_along = ds / rays.along[lane];
            let wkx = ds_per_along * (turn_x - dx * turn_a);
            let wky = ds_per_along * (turn_y - dy * turn_a);
            weights.value[lane] = (-ds_per_along * turn_a) as f32;
            weights.mkx[lane] = wkx as f32;
            weights.mky[lane] = wky as f32;
            weights.mx[lane] = (ds * (shift.x - dx * shift.z) + camera.to_middle * wkx) as f32;
            weights.my[lane] = (ds * (shift.y - dy * shift.z) + camera.to_middle * wky) as f32;
        }
        weights
    }
}
