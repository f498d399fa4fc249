//! Rays in index space, and how they move with the pose.
//!
//! With `M` the linear part of `index_from_camera` and `s` its translation, the source lies at `s`
//! and the ray through a pixel is `s + t d`, `d = M q`, where `q` is the ray's direction in the
//! camera ([`Camera::ray_direction`]). Along the marching axis `a`, counted from a slice `k0`,
//!
//! ```text
//! x(k) = x0 + (k - k0) dx,   dx = d_x / d_a,   x0 = s_x + (k0 - s_a) dx        (y alike)
//! ds = |q| / |d_a|                                     length of the ray per slice (mm)
//! ```
//!
//! **Derivative.** A motion (omega, tau) about the pivot `p` (camera frame) moves, as seen from the
//! patient, the source by `M (omega x p - tau)` and the direction by `M (q x omega)`. The sums
//! `Mx = sum V_x`, `Mkx = sum (k - k0) V_x` (y alike) and the integral `I` give the derivatives with
//! respect to source and direction,
//!
//! ```text
//! g_s = (Gx, Gy, -(dx Gx + dy Gy))                     Gx = ds Mx
//! g_d = (Px, Py, -(dx Px + dy Py) - I / d_a)           Px = ((k0 - s_a) Gx + ds Mkx) / d_a
//! ```
//!
//! in the order (x, y, a), the last term from the length factor, and with `S = M^T g_s`,
//! `D = M^T g_d` the six components are `dI/domega = p x S + D x q`, `dI/dtau = -S`.

use nalgebra::{Matrix3, Vector3};

use super::axis::MarchAxis;
use super::error::ProjectError;
use super::slices::Slices;
use crate::geometry::{Camera, RigidTransform};
use crate::volume::Affine;

/// Beyond this slope (voxels per slice) a ray marches along its own axis instead of the image's.
const STEEPEST_SLOPE: f64 = 2.0;

/// The camera as the voxels see it: everything about a pose that all rays share.
pub(crate) struct IndexCamera<'a> {
    camera: &'a Camera,
    /// `M`, the linear part of `index_from_camera`.
    linear: Matrix3<f64>,
    /// `s`, the source in index space.
    source: Vector3<f64>,
}

/// A ray as the inner loop needs it, in the coordinates of [`Slices`] without frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SlopedRay {
    /// Position at the middle slice, and advance per slice.
    pub(crate) x0: f64,
    pub(crate) y0: f64,
    pub(crate) dx: f64,
    pub(crate) dy: f64,
    /// First slice and one past the last where the ray may meet the volume.
    pub(crate) begin: i32,
    pub(crate) end: i32,
    /// Length per slice (mm).
    pub(crate) ds: f64,
    /// Whether the ray runs towards higher slices.
    pub(crate) ascends: bool,
}

/// What the inner loop sums up along a ray.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Moments {
    /// `sum V`
    pub(crate) value: f64,
    /// `sum V_x`, `sum (k - k0) V_x`
    pub(crate) mx: f64,
    pub(crate) mkx: f64,
    /// `sum V_y`, `sum (k - k0) V_y`
    pub(crate) my: f64,
    pub(crate) mky: f64,
}

impl<'a> IndexCamera<'a> {
    pub(crate) fn new(
        camera: &'a Camera,
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
        Ok(Self { camera, linear, source })
    }

    /// The source in index space.
    pub(crate) fn source(&self) -> &Vector3<f64> {
        &self.source
    }

    /// The direction of a camera ray in index space.
    pub(crate) fn direction(&self, ray_camera: &Vector3<f64>) -> Vector3<f64> {
        self.linear * ray_camera
    }

    /// The direction, in index space, of the ray through a pixel.
    pub(crate) fn pixel_direction(&self, column: usize, row: usize) -> Vector3<f64> {
        self.direction(&self.camera.ray_direction(column as f64, row as f64))
    }

    /// `k0 - s_a`: how many slices the middle one is beyond the source.
    fn to_middle(&self, slices: &Slices) -> f64 {
        let source_k = self.source[slices.axis.number()] - slices.lower[2] as f64;
        f64::from(slices.middle()) - source_k
    }

    /// The axis a ray marches along when the image's axis is given.
    pub(crate) fn axis_of(direction: &Vector3<f64>, image_axis: MarchAxis) -> MarchAxis {
        let along = direction[image_axis.number()].abs();
        let [x, y] = image_axis.in_slice().map(|a| direction[a].abs());
        if x.max(y) <= STEEPEST_SLOPE * along { image_axis } else { MarchAxis::dominant(direction) }
    }

    /// The ray through a pixel, marching along the slices' axis; `None` if it misses the volume.
    pub(crate) fn ray(
        &self,
        slices: &Slices,
        direction: &Vector3<f64>,
        direction_length_mm: f64,
    ) -> Option<SlopedRay> {
        let axis = slices.axis.number();
        let [x_axis, y_axis] = slices.axis.in_slice();
        let along = direction[axis];
        let (dx, dy) = (direction[x_axis] / along, direction[y_axis] / along);
        let middle = slices.middle();
        let to_middle = self.to_middle(slices);
        let x0 = self.source[x_axis] - slices.lower[0] as f64 + to_middle * dx;
        let y0 = self.source[y_axis] - slices.lower[1] as f64 + to_middle * dy;
        // Of a ray within a slice, or from beyond all numbers, no position is known.
        if ![x0, y0, dx, dy].iter().all(|c| c.is_finite()) {
            return None;
        }

        let count = slices.dims[2] as f64;
        // Slices relative to the middle one: those of the volume, in front of the source, ...
        let (mut low, mut high) = (-f64::from(middle), count - 1.0 - f64::from(middle));
        if along > 0.0 {
            low = low.max(-to_middle);
        } else {
            high = high.min(-to_middle);
        }
        // ... where the ray is within one voxel of the slice's content.
        for (start, slope, size) in [(x0, dx, slices.dims[0]), (y0, dy, slices.dims[1])] {
            let (enter, leave) = (-1.0 - start, size as f64 - start);
            if slope.abs() < 1e-12 {
                if enter > 0.0 || leave < 0.0 {
                    return None;
                }
            } else {
                let (a, b) = (enter / slope, leave / slope);
                low = low.max(a.min(b));
                high = high.min(a.max(b));
            }
        }
        if low > high {
            return None;
        }
        let begin = low.ceil() as i32 + middle;
        let end = high.floor() as i32 + middle + 1;
        (begin < end).then(|| SlopedRay {
            x0,
            y0,
            dx,
            dy,
            begin,
            end,
            ds: direction_length_mm / along.abs(),
            ascends: along > 0.0,
        })
    }

    /// The six components of the pose derivative of a ray's line integral.
    pub(crate) fn pose_gradient(
        &self,
        slices: &Slices,
        ray: &SlopedRay,
        moments: &Moments,
        ray_camera: &Vector3<f64>,
        pivot_camera_mm: &Vector3<f64>,
    ) -> [f32; 6] {
        let direction = self.direction(ray_camera);
        let axis = slices.axis.number();
        let [x_axis, y_axis] = slices.axis.in_slice();
        let along = direction[axis];
        let to_middle = self.to_middle(slices);
        let (gx, gy) = (ray.ds * moments.mx, ray.ds * moments.my);
        let px = (to_middle * gx + ray.ds * moments.mkx) / along;
        let py = (to_middle * gy + ray.ds * moments.mky) / along;
        let integral = ray.ds * moments.value;
        let (mut by_source, mut by_direction) = (Vector3::zeros(), Vector3::zeros());
        by_source[x_axis] = gx;
        by_source[y_axis] = gy;
        by_source[axis] = -(ray.dx * gx + ray.dy * gy);
        by_direction[x_axis] = px;
        by_direction[y_axis] = py;
        by_direction[axis] = -(ray.dx * px + ray.dy * py) - integral / along;
        let s = self.linear.tr_mul(&by_source);
        let d = self.linear.tr_mul(&by_direction);
        let omega = pivot_camera_mm.cross(&s) + d.cross(ray_camera);
        [omega.x, omega.y, omega.z, -s.x, -s.y, -s.z].map(|c| c as f32)
    }
}
