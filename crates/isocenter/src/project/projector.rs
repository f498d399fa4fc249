//! The projector: [`Projector`], of a volume of one or several channels.

use std::sync::{Arc, OnceLock};

use nalgebra::Vector3;
use rayon::prelude::*;

use super::axis::MarchAxis;
use super::bundle::BundleMemory;
use super::dispatch::InstructionSet;
use super::error::ProjectError;
use super::exposure::Exposure;
use super::jet::JetImage;
use super::pool::Pool;
use super::scatter::Pair;
use super::slices::{Slices, Storage};
use crate::geometry::{Camera, RigidTransform};
use crate::radiograph::Image;
use crate::volume::{AttenuationVolume, Channels};

/// Renders radiographs of one volume.
///
/// [`expose`](Self::expose) binds it to a camera and a pose; what can be had there is listed at
/// [`Exposure`]. For a volume of one channel the commonest are here as well.
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
#[derive(Debug)]
pub struct Projector<V = AttenuationVolume> {
    shared: Arc<Shared<V>>,
}

impl<V> Clone for Projector<V> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

#[derive(Debug)]
struct Shared<V> {
    volume: V,
    storage: Storage,
    slices: [OnceLock<Slices>; 3],
    /// Rays in the making.
    bundles: Pool<BundleMemory>,
    /// Blocks of slices in the making, all zero when they are given back.
    blocks: Pool<Vec<Pair>>,
}

impl<V: Channels> Projector<V> {
    /// A projector of a volume. Copies for marching are made when first needed, one per axis.
    #[must_use]
    pub fn new(volume: V) -> Self {
        Self::with_storage(volume, Storage::default())
    }

    /// A projector that keeps its copies of the volume in the given way.
    #[must_use]
    pub fn with_storage(volume: V, storage: Storage) -> Self {
        let shared = Shared {
            volume,
            storage,
            slices: Default::default(),
            bundles: Pool::default(),
            blocks: Pool::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The volume it renders.
    #[must_use]
    pub fn volume(&self) -> &V {
        &self.shared.volume
    }

    /// The memory of the copies made so far (bytes), the volume itself not counted.
    #[must_use]
    pub fn copies_bytes(&self) -> usize {
        self.shared.slices.iter().filter_map(OnceLock::get).map(Slices::bytes).sum()
    }

    /// A camera at a pose before the volume. The axis that the rays march along is the one along
    /// which the central ray crosses most voxels.
    ///
    /// Radiographs of one pose along two axes differ by up to 1e-3 (relative RMS, half way between
    /// the axes, on a noisy phantom); an optimiser holds the axis
    /// ([`expose_along`](Self::expose_along)) so that its objective is continuous.
    ///
    /// # Errors
    /// If the source lies inside the volume or the pose is not finite.
    pub fn expose(
        &self,
        camera: &Camera,
        camera_from_world: &RigidTransform,
    ) -> Result<Exposure<'_, V>, ProjectError> {
        Exposure::new(self, camera, camera_from_world, None, InstructionSet::best())
    }

    /// [`expose`](Self::expose) with the marching axis held.
    ///
    /// # Errors
    /// As [`expose`](Self::expose).
    pub fn expose_along(
        &self,
        axis: MarchAxis,
        camera: &Camera,
        camera_from_world: &RigidTransform,
    ) -> Result<Exposure<'_, V>, ProjectError> {
        Exposure::new(self, camera, camera_from_world, Some(axis), InstructionSet::best())
    }

    /// Renders many poses, on all cores, and hands each radiograph to a function: its number and its
    /// line integrals, as [`Exposure::forward_into`] lays them out, or why there is none.
    /// Returns what the function made of each, in the order of the poses.
    ///
    /// This is the way to render thousands of small images: nothing is allocated per pose, and an
    /// image is looked at while it is in the cache.
    ///
    /// # Examples
    /// ```
    /// use isocenter::geometry::{Camera, View};
    /// use isocenter::project::Projector;
    /// use isocenter::volume::{Affine, AttenuationVolume, Volume};
    /// use nalgebra::Vector3;
    /// let affine = Affine::from_spacing([1.0; 3], [-19.5; 3]).unwrap();
    /// let cube = Volume::new([40; 3], vec![0.02_f32; 64_000], affine).unwrap();
    /// let projector = Projector::new(AttenuationVolume::from_per_mm(cube).unwrap());
    /// let camera = Camera::new(1000.0, [4.0, 4.0], [32, 32]).unwrap();
    /// let poses = [400.0, 700.0, 0.0].map(|mm| View::AP.camera_from_world(Vector3::zeros(), mm));
    /// let covered = projector.forward_each(&camera, &poses, |_, image| {
    ///     image.map(|pixels| pixels.iter().filter(|&&pixel| pixel > 0.0).count())
    /// });
    /// assert!(covered[0].as_ref().unwrap() > covered[1].as_ref().unwrap());
    /// // The last source is in the middle of the cube.
    /// assert!(covered[2].is_err());
    /// ```
    pub fn forward_each<R: Send>(
        &self,
        camera: &Camera,
        camera_from_world: &[RigidTransform],
        task: impl Fn(usize, Result<&[f32], ProjectError>) -> R + Sync,
    ) -> Vec<R> {
        let render = |image: &mut Vec<f32>, (n, pose): (usize, &RigidTransform)| {
            let rendered = self.expose(camera, pose).and_then(|exposure| {
                image.resize(exposure.image_len(), 0.0);
                exposure.forward_into(image)
            });
            task(n, rendered.map(|()| &image[..]))
        };
        camera_from_world.par_iter().enumerate().map_init(Vec::new, render).collect()
    }

    pub(crate) fn bundles(&self) -> &Pool<BundleMemory> {
        &self.shared.bundles
    }

    pub(crate) fn blocks(&self) -> &Pool<Vec<Pair>> {
        &self.shared.blocks
    }

    pub(crate) fn slices(&self, axis: MarchAxis) -> &Slices {
        let shared = &*self.shared;
        shared.slices[axis.number()]
            .get_or_init(|| Slices::new(&shared.volume, axis, shared.storage))
    }
}

impl Projector<AttenuationVolume> {
    /// The axis that suits a pose: see [`expose`](Self::expose).
    ///
    /// # Errors
    /// As [`expose`](Self::expose).
    pub fn march_axis(
        &self,
        camera: &Camera,
        camera_from_world: &RigidTransform,
    ) -> Result<MarchAxis, ProjectError> {
        Ok(self.expose(camera, camera_from_world)?.march_axis())
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
        Ok(self.expose(camera, camera_from_world)?.forward())
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
        Ok(self.expose_along(axis, camera, camera_from_world)?.forward())
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
        Ok(self.expose(camera, camera_from_world)?.jet(pivot_world_mm))
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
        Ok(self.expose_along(axis, camera, camera_from_world)?.jet(pivot_world_mm))
    }
}

#[cfg(test)]
mod tests {
    //! Proves: the loops compiled for other instruction sets compute the same bits, and 16-bit
    //! storage changes the image by less than 1e-4.
    use nalgebra::{Matrix3, Vector6};

    use super::*;
    use crate::geometry::{PivotMotion, View};
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

    fn same_bits_on_all(projector: &Projector, camera: &Camera, pose: &RigidTransform) {
        let pivot = Vector3::new(1.0, 2.0, 600.0);
        let all_of = |set| {
            let exposure = Exposure::new(projector, camera, pose, None, set).unwrap();
            let jet = exposure.jet(pivot);
            let motion = PivotMotion::from_vector(&Vector6::repeat(1.0));
            let tangent = exposure.tangent(pivot, &motion);
            let adjoint = exposure.tangent_adjoint(pivot, &motion, &tangent).unwrap();
            let gradient = exposure.pose_gradient(pivot, &jet.image).unwrap();
            (exposure.forward(), jet, tangent, adjoint, gradient)
        };
        let portable = all_of(InstructionSet::Portable);
        assert!(portable.0.pixels().iter().any(|&pixel| pixel > 0.0));
        for set in InstructionSet::available() {
            let same = all_of(set) == portable;
            assert!(same, "{set:?} {:?} {pose:?}", projector.shared.storage);
        }
    }

    #[test]
    fn every_instruction_set_computes_the_same_bits() {
        // Rays half a voxel, one and several voxels apart, packs cut off at the image's edges.
        let cameras = [(2.0, [75, 61]), (5.0, [32, 28]), (16.0, [11, 9])]
            .map(|(spacing, size)| Camera::new(1000.0, [spacing; 2], size).unwrap());
        for storage in [Storage::F32, Storage::U16] {
            let projector = Projector::with_storage(volume(), storage);
            for (view, roll) in ["ap", "40/20", "10/70"].into_iter().zip([30.0_f64, 0.0, 80.0]) {
                let view: View = view.parse().unwrap();
                let roll = Vector3::new(0.0, 0.0, roll.to_radians());
                let roll = RigidTransform::from_rotation_vector(roll, Vector3::zeros());
                let pose = roll * view.camera_from_world(Vector3::zeros(), 600.0);
                for camera in &cameras {
                    same_bits_on_all(&projector, camera, &pose);
                }
            }
        }
    }

    #[test]
    fn every_instruction_set_reads_small_volumes_alike() {
        // Packs are wider than the slices.
        let camera = Camera::new(1000.0, [0.5, 0.5], [30, 30]).unwrap();
        let affine = Affine::from_spacing([2.0; 3], [-2.0, -1.0, -3.0]).unwrap();
        let voxels = (1..25).map(|n| n as f32).collect();
        let volume = Volume::new([3, 2, 4], voxels, affine).unwrap();
        let volume = AttenuationVolume::from_per_mm(volume).unwrap();
        for storage in [Storage::F32, Storage::U16] {
            let projector = Projector::with_storage(volume.clone(), storage);
            for view in ["ap", "40/20", "90/0", "0/80"] {
                let view: View = view.parse().unwrap();
                let pose = view.camera_from_world(Vector3::zeros(), 600.0);
                same_bits_on_all(&projector, &camera, &pose);
            }
        }
    }

    #[test]
    fn every_machine_computes_the_same_bits() {
        // The pose in numbers, so that no function of the system's library takes part.
        let (cos, sin) = (0.8, 0.6);
        let rotation = Matrix3::new(cos, sin, 0.0, 0.0, 0.0, -1.0, -sin, cos, 0.0);
        let pose = RigidTransform::from_parts(rotation, Vector3::new(3.0, -4.0, 650.0));
        let camera = Camera::new(1000.0, [2.0, 2.0], [75, 61]).unwrap();
        let projector = Projector::new(volume());
        let exposure = projector.expose(&camera, &pose).unwrap();
        let jet = exposure.jet(Vector3::new(1.0, 2.0, 600.0));
        let back = exposure.adjoint(&jet.image).unwrap();
        let numbers = jet.image.pixels().iter().chain(jet.jacobian.iter().flatten());
        // FNV-1a over the bits.
        let hash = numbers.chain(back.voxels()).fold(0xcbf2_9ce4_8422_2325_u64, |hash, number| {
            (hash ^ u64::from(number.to_bits())).wrapping_mul(0x0100_0000_01b3)
        });
        assert_eq!(hash, 0x9a55_6b8f_a0d5_2991, "{hash:#x}");
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
