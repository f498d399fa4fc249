//! The slow, obviously right projector: trilinear samples at fine steps, all in f64.
//!
//! The fast projector is tested against it, and X-rays are simulated with it, so that a
//! registration is never judged by images of its own making.
//!
//! The ray through a pixel is sampled at the depths `(n + 1/2) h` along it, `n = 0, 1, ..`, which do
//! not move with the pose. A sample's derivative is the gradient of the trilinear interpolant, so
//! the derivative returned is that of the sum returned.

use nalgebra::Vector3;
use rayon::prelude::*;

use super::error::ProjectError;
use crate::geometry::{Camera, RigidTransform};
use crate::radiograph::Image;
use crate::volume::{Affine, AttenuationVolume};

/// Samples a volume along rays.
#[derive(Debug, Clone)]
pub struct ReferenceProjector<'a> {
    volume: &'a AttenuationVolume,
    index_from_world: Affine,
    step_mm: f64,
}

/// A line integral and its derivative for (omega x, y, z (rad), tau x, y, z (mm)).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReferenceJet {
    /// The line integral, dimensionless.
    pub line_integral: f64,
    /// Its derivative with respect to a motion about the pivot.
    pub gradient: [f64; 6],
}

/// A pose, prepared.
struct View {
    world_from_camera: RigidTransform,
    /// Content of the volume with its fading border, in index space.
    lower: Vector3<f64>,
    upper: Vector3<f64>,
}

impl<'a> ReferenceProjector<'a> {
    /// Samples every half of the smallest voxel edge.
    #[must_use]
    pub fn new(volume: &'a AttenuationVolume) -> Self {
        let spacing = volume.volume().world_from_index().spacing_mm();
        let smallest = spacing.into_iter().fold(f64::INFINITY, f64::min);
        // An affine's spacings are above zero, and so is half of one.
        Self { step_mm: smallest / 2.0, ..Self::of(volume) }
    }

    fn of(volume: &'a AttenuationVolume) -> Self {
        let index_from_world = volume.volume().world_from_index().inverse();
        Self { volume, index_from_world, step_mm: f64::INFINITY }
    }

    /// Samples at the given distance (mm) along the ray.
    ///
    /// # Errors
    /// If the step is not above zero.
    pub fn with_step_mm(volume: &'a AttenuationVolume, step_mm: f64) -> Result<Self, ProjectError> {
        if step_mm.is_nan() || step_mm <= 0.0 {
            return Err(ProjectError::Step { found: step_mm });
        }
        Ok(Self { step_mm, ..Self::of(volume) })
    }

    /// The radiograph at a pose: line integrals, dimensionless.
    ///
    /// # Errors
    /// If the source lies inside the volume or the pose is not finite.
    pub fn forward(
        &self,
        camera: &Camera,
        camera_from_world: &RigidTransform,
    ) -> Result<Image, ProjectError> {
        let view = self.view(camera_from_world)?;
        let mut image = Image::zeros(camera.size_px());
        let columns = camera.size_px()[0];
        image.pixels_mut().par_chunks_mut(columns).enumerate().for_each(|(row, pixels)| {
            for (column, pixel) in pixels.iter_mut().enumerate() {
                let ray_camera = camera.ray_direction(column as f64, row as f64);
                let mut sum = 0.0;
                self.march(&view, ray_camera, |index, _| sum += self.sample(index));
                *pixel = (sum * self.step_mm) as f32;
            }
        });
        Ok(image)
    }

    /// The line integral along one ray, and its derivative.
    ///
    /// # Units
    /// `u`, `v` in pixels; the pivot in the world frame (mm).
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn jet_at(
        &self,
        camera: &Camera,
        camera_from_world: &RigidTransform,
        pivot_world_mm: Vector3<f64>,
        [u, v]: [f64; 2],
    ) -> Result<ReferenceJet, ProjectError> {
        let view = self.view(camera_from_world)?;
        let pivot_camera = camera_from_world.point(pivot_world_mm);
        let index_from_camera = self.index_from_world.linear() * view.world_from_camera.rotation();
        let (mut value, mut omega, mut tau) = (0.0, Vector3::zeros(), Vector3::zeros());
        self.march(&view, camera.ray_direction(u, v), |index, point_camera| {
            let (sample, gradient_index) = self.sample_with_gradient(index);
            value += sample;
            // A motion takes the patient's point under the sample away: the sample sees the
            // volume moved by -(omega x (X - p) + tau).
            let gradient_camera = index_from_camera.tr_mul(&gradient_index);
            omega -= (point_camera - pivot_camera).cross(&gradient_camera);
            tau -= gradient_camera;
        });
        let gradient = [omega.x, omega.y, omega.z, tau.x, tau.y, tau.z];
        Ok(ReferenceJet {
            line_integral: value * self.step_mm,
            gradient: gradient.map(|g| g * self.step_mm),
        })
    }

    pub(super) fn volume(&self) -> &'a AttenuationVolume {
        self.volume
    }

    pub(super) fn index_from_world(&self) -> &Affine {
        &self.index_from_world
    }

    pub(super) fn step_mm(&self) -> f64 {
        self.step_mm
    }

    /// The pose's inverse; the pose is finite and its source outside of the volume.
    pub(super) fn world_from_camera(
        &self,
        camera_from_world: &RigidTransform,
    ) -> Result<RigidTransform, ProjectError> {
        let world_from_camera = camera_from_world.inverse();
        let source_world_mm = *world_from_camera.translation_mm();
        let source = self.index_from_world.point(source_world_mm);
        if !world_from_camera.to_matrix().iter().all(|c| c.is_finite()) {
            return Err(ProjectError::PoseNotFinite);
        }
        if self.volume.content().reaches(&source) {
            return Err(ProjectError::SourceInsideVolume { source_world_mm });
        }
        Ok(world_from_camera)
    }

    fn view(&self, camera_from_world: &RigidTransform) -> Result<View, ProjectError> {
        let world_from_camera = self.world_from_camera(camera_from_world)?;
        let [lower, upper] = self.volume.content().with_border();
        Ok(View { world_from_camera, lower, upper })
    }

    /// Calls `visit(index, point_camera)` for every sample of a ray within the volume.
    fn march(
        &self,
        view: &View,
        ray_camera: Vector3<f64>,
        mut visit: impl FnMut(Vector3<f64>, Vector3<f64>),
    ) {
        let unit_camera = ray_camera.normalize();
        let start = self.index_from_world.point(*view.world_from_camera.translation_mm());
        let slope = self.index_from_world.linear() * view.world_from_camera.direction(unit_camera);
        let (mut near, mut far) = (0.0_f64, f64::INFINITY);
        for a in 0..3 {
            let (p, q) =
                ((view.lower[a] - start[a]) / slope[a], (view.upper[a] - start[a]) / slope[a]);
            if p.is_nan() || q.is_nan() {
                // Parallel to the face and exactly on it: nothing but the fading border's end.
                return;
            }
            near = near.max(p.min(q));
            far = far.min(p.max(q));
        }
        if near >= far {
            return;
        }
        let first = (near / self.step_mm).floor() as u64;
        let last = (far / self.step_mm).ceil() as u64;
        for n in first..last {
            let depth = (n as f64 + 0.5) * self.step_mm;
            visit(start + slope * depth, unit_camera * depth);
        }
    }

    /// The eight voxels around a point (zero outside the volume) and the place between them.
    fn corners(&self, index: Vector3<f64>) -> ([f64; 8], Vector3<f64>) {
        let base = index.map(f64::floor);
        let volume = self.volume.volume();
        let dims = volume.dims();
        let corners = std::array::from_fn(|corner| {
            let mut at = [0_usize; 3];
            for (a, at) in at.iter_mut().enumerate() {
                let coordinate = base[a] as i64 + (corner >> a & 1) as i64;
                match usize::try_from(coordinate) {
                    Ok(inside) if inside < dims[a] => *at = inside,
                    _ => return 0.0,
                }
            }
            volume.get(at).map_or(0.0, f64::from)
        });
        (corners, index - base)
    }

    pub(super) fn sample(&self, index: Vector3<f64>) -> f64 {
        let (c, f) = self.corners(index);
        let x: [f64; 4] = std::array::from_fn(|n| c[2 * n] + f.x * (c[2 * n + 1] - c[2 * n]));
        let (low, high) = (x[0] + f.y * (x[1] - x[0]), x[2] + f.y * (x[3] - x[2]));
        low + f.z * (high - low)
    }

    fn sample_with_gradient(&self, index: Vector3<f64>) -> (f64, Vector3<f64>) {
        let (c, f) = self.corners(index);
        let weight = |corner: usize, a: usize| if corner >> a & 1 == 1 { f[a] } else { 1.0 - f[a] };
        let sign = |corner: usize, a: usize| if corner >> a & 1 == 1 { 1.0 } else { -1.0 };
        let (mut value, mut gradient) = (0.0, Vector3::zeros());
        for (n, voxel) in c.into_iter().enumerate() {
            let [x, y, z] = [weight(n, 0), weight(n, 1), weight(n, 2)];
            value += voxel * x * y * z;
            gradient +=
                Vector3::new(sign(n, 0) * y * z, x * sign(n, 1) * z, x * y * sign(n, 2)) * voxel;
        }
        (value, gradient)
    }
}
