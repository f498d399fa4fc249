//! The projector: [`Projector::forward`] and [`Projector::jet`], on all cores.

use std::sync::{Arc, OnceLock};

use nalgebra::Vector3;

use super::axis::MarchAxis;
use super::dispatch::InstructionSet;
use super::error::ProjectError;
use super::jet::JetImage;
use super::ray::IndexCamera;
use super::rendering::Rendering;
use super::slices::{Slices, Storage};
use crate::geometry::{Camera, RigidTransform};
use crate::radiograph::Image;
use crate::volume::AttenuationVolume;

/// Renders radiographs of one volume.
///
/// Cheap to clone; clones share the volume and its copies for marching.
///
/// # Examples
/// ```
/// use isocenter::geometry::{Camera, View};
/// use isocenter::project::Projector;
/// use isocenter::volume::{Affine, AttenuationVolume, Volume};
/// use nalgebra::Vector3;
/// // A cube of water, 40 mm wide, seen from in front: the line integral in its middle is 0.8.
/// let affine = Affine::from_spacing([1.0; 3], [-19.5; 3]).unwrap();
/// let cube = Volume::new([40; 3], vec![0.02_f32; 64_000], affine).unwrap();
/// let projector = Projector::new(AttenuationVolume::from_per_mm(cube).unwrap());
/// let camera = Camera::new(1000.0, [1.0, 1.0], [65, 65]).unwrap();
/// let pose = View::AP.camera_from_world(Vector3::zeros(), 700.0);
/// let image = projector.forward(&camera, &pose).unwrap();
/// assert!((image.get(32, 32).unwrap() - 0.8).abs() < 1e-3);
/// assert_eq!(image.get(0, 0), Some(0.0));
/// ```
#[derive(Debug, Clone)]
pub struct Projector {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    volume: AttenuationVolume,
    storage: Storage,
    slices: [OnceLock<Slices>; 3],
}

impl Projector {
    /// A projector of a volume. Copies for marching are made when first needed, one per axis.
    #[must_use]
    pub fn new(volume: AttenuationVolume) -> Self {
        Self::with_storage(volume, Storage::default())
    }

    /// A projector that keeps its copies of the volume in the given way.
    #[must_use]
    pub fn with_storage(volume: AttenuationVolume, storage: Storage) -> Self {
        Self { shared: Arc::new(Shared { volume, storage, slices: Default::default() }) }
    }

    /// The volume it renders.
    #[must_use]
    pub fn volume(&self) -> &AttenuationVolume {
        &self.shared.volume
    }

    /// The axis that suits a pose: the one along which the central ray crosses most voxels.
    ///
    /// Radiographs of one pose along two axes differ by up to 1e-3 (relative RMS, half way between
    /// the axes, on a noisy phantom); an optimiser holds the axis so that its objective is continuous.
    ///
    /// # Errors
    /// If the pose is not finite.
    pub fn march_axis(
        &self,
        camera: &Camera,
        camera_from_world: &RigidTransform,
    ) -> Result<MarchAxis, ProjectError> {
        let view = self.index_camera(camera, camera_from_world)?;
        Ok(MarchAxis::dominant(&view.direction(&camera.central_ray_direction())))
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
        let axis = self.march_axis(camera, camera_from_world)?;
        self.forward_along(axis, camera, camera_from_world)
    }

    /// [`forward`](Self::forward) with the marching axis held.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn forward_along(
        &self,
        axis: MarchAxis,
        camera: &Camera,
        camera_from_world: &RigidTransform,
    ) -> Result<Image, ProjectError> {
        let render = self.rendering(axis, camera, camera_from_world, InstructionSet::best())?;
        Ok(render.forward())
    }

    /// The radiograph at a pose with its derivative for the six components of a
    /// [`PivotMotion`](crate::geometry::PivotMotion) about the pivot.
    ///
    /// # Units
    /// `pivot_world_mm` in the world frame; see [`JetImage`].
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn jet(
        &self,
        camera: &Camera,
        camera_from_world: &RigidTransform,
        pivot_world_mm: Vector3<f64>,
    ) -> Result<JetImage, ProjectError> {
        let axis = self.march_axis(camera, camera_from_world)?;
        self.jet_along(axis, camera, camera_from_world, pivot_world_mm)
    }

    /// [`jet`](Self::jet) with the marching axis held.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn jet_along(
        &self,
        axis: MarchAxis,
        camera: &Camera,
        camera_from_world: &RigidTransform,
        pivot_world_mm: Vector3<f64>,
    ) -> Result<JetImage, ProjectError> {
        let render = self.rendering(axis, camera, camera_from_world, InstructionSet::best())?;
        Ok(render.jet(&camera_from_world.point(pivot_world_mm)))
    }

    fn index_camera<'a>(
        &self,
        camera: &'a Camera,
        camera_from_world: &RigidTransform,
    ) -> Result<IndexCamera<'a>, ProjectError> {
        let world_from_index = self.shared.volume.volume().world_from_index();
        IndexCamera::new(camera, camera_from_world, world_from_index)
    }

    /// Everything the tasks of one image share.
    fn rendering<'a>(
        &'a self,
        axis: MarchAxis,
        camera: &'a Camera,
        camera_from_world: &RigidTransform,
        instructions: InstructionSet,
    ) -> Result<Rendering<'a>, ProjectError> {
        let view = self.index_camera(camera, camera_from_world)?;
        let content = self.shared.volume.content();
        let inside = (0..3).all(|a| {
            let s = view.source()[a];
            s > content.lower[a] as f64 - 1.0 && s < content.upper[a] as f64
        });
        if inside {
            let source_world_mm = *camera_from_world.inverse().translation_mm();
            return Err(ProjectError::SourceInsideVolume { source_world_mm });
        }
        Ok(Rendering::new(view, camera, axis, instructions, |axis| self.slices(axis)))
    }

    fn slices(&self, axis: MarchAxis) -> &Slices {
        let volume = &self.shared.volume;
        self.shared.slices[axis.number()].get_or_init(|| {
            Slices::new(volume.volume(), volume.content(), axis, self.shared.storage)
        })
    }
}

#[cfg(test)]
mod tests {
    //! Proves: the loops compiled for other instruction sets compute the same bits, and 16-bit
    //! storage changes the image by less than 1e-4.
    use super::*;
    use crate::geometry::View;
    use crate::volume::{Affine, Volume};

    fn volume() -> AttenuationVolume {
        let affine = Affine::from_spacing([2.0, 3.0, 2.5], [-60.0; 3]).unwrap();
        let voxel = |n: usize| {
            let [i, j, k] = [n % 40, n / 40 % 40, n / 1600];
            // Some air inside, some air around.
            let body = (3..37).contains(&i) && (8..30).contains(&j) && (k % 20) > 4;
            if body { ((n * 7919) % 997) as f32 * 3e-5 } else { 0.0 }
        };
        let volume = Volume::new([40; 3], (0..64_000).map(voxel).collect(), affine).unwrap();
        AttenuationVolume::from_per_mm(volume).unwrap()
    }

    #[test]
    fn every_instruction_set_computes_the_same_bits() {
        let camera = Camera::new(1000.0, [2.0, 2.0], [75, 61]).unwrap();
        let pivot = Vector3::new(1.0, 2.0, 600.0);
        for storage in [Storage::F32, Storage::U16] {
            let projector = Projector::with_storage(volume(), storage);
            for view in ["ap", "40/20", "10/70"] {
                let view: View = view.parse().unwrap();
                let pose = view.camera_from_world(Vector3::zeros(), 600.0);
                let axis = projector.march_axis(&camera, &pose).unwrap();
                let [best, portable] =
                    [InstructionSet::best(), InstructionSet::Portable].map(|set| {
                        let rendering = projector.rendering(axis, &camera, &pose, set).unwrap();
                        (rendering.forward(), rendering.jet(&pivot))
                    });
                assert!(best == portable, "{storage:?} {view}");
            }
        }
    }

    #[test]
    fn sixteen_bits_are_enough() {
        let camera = Camera::new(1000.0, [2.0, 2.0], [75, 61]).unwrap();
        let [exact, rounded] =
            [Storage::F32, Storage::U16].map(|storage| Projector::with_storage(volume(), storage));
        for view in ["ap", "40/20", "10/70"] {
            let pose = view.parse::<View>().unwrap().camera_from_world(Vector3::zeros(), 600.0);
            let [exact, rounded] = [&exact, &rounded].map(|p| p.forward(&camera, &pose).unwrap());
            let square = |x: f32| f64::from(x) * f64::from(x);
            let pairs = exact.pixels().iter().zip(rounded.pixels());
            let difference: f64 = pairs.map(|(a, b)| square(a - b)).sum();
            let size: f64 = exact.pixels().iter().map(|&a| square(a)).sum();
            // Rounding errors of 1/131070 of the largest voxel average out along the ray.
            assert!(difference > 0.0 && (difference / size).sqrt() < 1e-5, "{view}");
        }
    }
}
