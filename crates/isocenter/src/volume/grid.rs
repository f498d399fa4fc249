//! Voxels on a grid in the world: [`Volume`].

use nalgebra::Vector3;
use rayon::prelude::*;

use crate::geometry::Affine;

/// Voxels whose sum is looked at together.
const BLOCK: usize = 4096;

/// Why a volume cannot exist.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum VolumeError {
    /// The number of voxels does not fit the dimensions.
    #[error("{dims:?} voxels need {expected} values, found {found}", expected = dims.iter().map(|&n| n as f64).product::<f64>())]
    Length {
        /// Voxels along i, j, k.
        dims: [usize; 3],
        /// Number of values given.
        found: usize,
    },
    /// A side is too short to interpolate between voxels.
    #[error(
        "the volume has {dims:?} voxels: at least 2 are needed along every axis; one slice is not a CT volume"
    )]
    TooThin {
        /// Voxels along i, j, k.
        dims: [usize; 3],
    },
    /// A side is longer than [`Volume::MAX_SIDE`].
    #[error(
        "the volume has {dims:?} voxels: at most {max} are allowed along every axis; crop or bin it",
        max = Volume::<f32>::MAX_SIDE
    )]
    TooLong {
        /// Voxels along i, j, k.
        dims: [usize; 3],
    },
    /// A voxel is NaN or infinite, or so large that sums of a few thousand are.
    #[error("voxel ({i}, {j}, {k}) is {value} and {count} voxels in all are not finite or beyond 1e20: replace them, for example with -1000 HU (air)", i = index[0], j = index[1], k = index[2])]
    NotFinite {
        /// Index of the first such voxel.
        index: [usize; 3],
        /// Its value.
        value: f32,
        /// How many there are.
        count: usize,
    },
    /// No voxel attenuates.
    #[error(
        "no voxel attenuates X-rays: the volume holds only air; check its unit (HU expected), the attenuation map and the mask"
    )]
    OnlyAir,
    /// A volume of channels needs one.
    #[error("a volume of channels needs at least one channel, found none")]
    NoChannel,
    /// A channel lies on another grid than the first.
    #[error(
        "channel {channel} has {found:?} voxels, the first has {expected:?}: all need the same grid at the same place"
    )]
    ChannelGrid {
        /// The channel, from 0.
        channel: usize,
        /// Its voxels along i, j, k.
        found: [usize; 3],
        /// Those of the first channel.
        expected: [usize; 3],
    },
}

/// Voxels on a grid: `voxels[i + ni * (j + nj * k)]` lies at `world_from_index (i, j, k)`.
///
/// `Volume<f32>` holds Hounsfield units unless the type around it says otherwise
/// ([`AttenuationVolume`](super::AttenuationVolume)); `Volume<u16>` holds labels.
///
/// # Examples
/// ```
/// use isocenter::volume::{Affine, Volume};
/// let world_from_index = Affine::from_spacing([1.0, 1.0, 2.5], [-10.0, 0.0, 40.0]).unwrap();
/// let volume = Volume::new([4, 4, 2], vec![0.0_f32; 32], world_from_index).unwrap();
/// assert_eq!(volume.center_world_mm().as_slice(), &[-8.5, 1.5, 41.25]);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Volume<T> {
    dims: [usize; 3],
    voxels: Vec<T>,
    world_from_index: Affine,
}

impl<T: Copy> Volume<T> {
    /// The longest side that is accepted, that of NIfTI-1. The projector's 32-bit offsets within a
    /// slice rely on it.
    pub const MAX_SIDE: usize = 32_767;

    /// From voxels with i running fastest.
    ///
    /// # Shapes
    /// `dims` = [ni, nj, nk]; `voxels` has their product.
    ///
    /// # Errors
    /// If the number of voxels differs, or a side has fewer than two or more than
    /// [`MAX_SIDE`](Self::MAX_SIDE).
    pub fn new(
        dims: [usize; 3],
        voxels: Vec<T>,
        world_from_index: Affine,
    ) -> Result<Self, VolumeError> {
        let product = dims[0].checked_mul(dims[1]).and_then(|n| n.checked_mul(dims[2]));
        if product != Some(voxels.len()) {
            return Err(VolumeError::Length { dims, found: voxels.len() });
        }
        if dims.iter().any(|&n| n < 2) {
            return Err(VolumeError::TooThin { dims });
        }
        if dims.iter().any(|&n| n > Self::MAX_SIDE) {
            return Err(VolumeError::TooLong { dims });
        }
        Ok(Self { dims, voxels, world_from_index })
    }

    /// Voxels along i, j, k.
    #[must_use]
    pub fn dims(&self) -> [usize; 3] {
        self.dims
    }

    /// All voxels, i fastest.
    #[must_use]
    pub fn voxels(&self) -> &[T] {
        &self.voxels
    }

    /// All voxels, i fastest.
    pub fn voxels_mut(&mut self) -> &mut [T] {
        &mut self.voxels
    }

    /// Where voxel indices lie in the world.
    #[must_use]
    pub fn world_from_index(&self) -> &Affine {
        &self.world_from_index
    }

    /// A voxel; `None` outside.
    #[must_use]
    pub fn get(&self, [i, j, k]: [usize; 3]) -> Option<T> {
        let [ni, nj, nk] = self.dims;
        (i < ni && j < nj && k < nk).then(|| self.voxels.get(i + ni * (j + nj * k)).copied())?
    }

    /// The index (i, j, k) of the voxel at a place in [`voxels`](Self::voxels).
    #[must_use]
    pub fn index_of(&self, at: usize) -> [usize; 3] {
        let [ni, nj, _] = self.dims;
        [at % ni, at / ni % nj, at / (ni * nj)]
    }

    /// The middle of the grid (mm), world frame.
    #[must_use]
    pub fn center_world_mm(&self) -> Vector3<f64> {
        let middle = Vector3::from(self.dims.map(|n| (n as f64 - 1.0) / 2.0));
        self.world_from_index.point(middle)
    }

    /// The eight corners of the grid's outer voxel centres (mm), world frame.
    #[must_use]
    pub fn corners_world_mm(&self) -> [Vector3<f64>; 8] {
        std::array::from_fn(|corner| {
            let index: [f64; 3] = std::array::from_fn(|axis| {
                if corner >> axis & 1 == 1 { self.dims[axis] as f64 - 1.0 } else { 0.0 }
            });
            self.world_from_index.point(Vector3::from(index))
        })
    }

    /// The same grid with other voxels, each made from the old one.
    #[must_use]
    pub fn map<U: Copy>(&self, f: impl Fn(T) -> U) -> Volume<U> {
        Volume {
            dims: self.dims,
            voxels: self.voxels.iter().map(|&v| f(v)).collect(),
            world_from_index: self.world_from_index,
        }
    }
}

impl Volume<f32> {
    /// The largest magnitude that is accepted: a sum of voxels over a ray, weighted by its slices,
    /// stays a finite f32.
    const LARGEST: f32 = 1e20;

    /// Checks that every voxel is a finite number, and none is beyond 1e20: sums along a ray would
    /// overflow.
    ///
    /// # Errors
    /// The first voxel that is not, and how many there are.
    pub fn check_finite(&self) -> Result<(), VolumeError> {
        // The sum over a block is small if its voxels are (HU and 1/mm are far from the limit); only
        // if it is not, the voxels are looked at one by one. A NaN makes any sum a NaN.
        let magnitude = |block: &[f32]| block.iter().map(|voxel| voxel.abs()).sum::<f32>();
        if self.voxels.par_chunks(BLOCK).all(|block| magnitude(block) <= Self::LARGEST) {
            return Ok(());
        }
        let is_bad = |voxel: f32| voxel.is_nan() || voxel.abs() > Self::LARGEST;
        let mut bad = self.voxels.iter().enumerate().filter(|&(_, &voxel)| is_bad(voxel));
        let Some((at, &value)) = bad.next() else { return Ok(()) };
        let index = self.index_of(at);
        Err(VolumeError::NotFinite { index, value, count: 1 + bad.count() })
    }
}

#[cfg(test)]
mod tests {
    //! Proves: indexing order, corners, and that thin, endless, mis-sized or NaN volumes are refused.
    use super::*;

    fn affine() -> Affine {
        Affine::from_spacing([1.0, 2.0, 3.0], [0.0; 3]).unwrap()
    }

    #[test]
    fn i_runs_fastest() {
        let volume = Volume::new([2, 3, 4], (0..24).collect(), affine()).unwrap();
        assert_eq!(volume.get([1, 2, 3]), Some(23));
        assert_eq!(volume.get([0, 1, 0]), Some(2));
        assert_eq!(volume.get([2, 0, 0]), None);
        assert_eq!(volume.corners_world_mm()[7].as_slice(), &[1.0, 4.0, 9.0]);
    }

    #[test]
    fn bad_volumes_are_refused() {
        assert!(matches!(
            Volume::new([2, 2, 1], vec![0; 4], affine()),
            Err(VolumeError::TooThin { .. })
        ));
        assert!(matches!(
            Volume::new([2, 2, 2], vec![0; 7], affine()),
            Err(VolumeError::Length { .. })
        ));
        let endless = Volume::new([usize::MAX, 2, 2], vec![0; 7], affine()).unwrap_err();
        assert!(endless.to_string().contains("found 7"), "the message does not overflow");
        let long = Volume::new([2, 32_768, 2], vec![0_u8; 4 * 32_768], affine()).unwrap_err();
        assert_eq!(long, VolumeError::TooLong { dims: [2, 32_768, 2] });
        assert!(long.to_string().contains("at most 32767"), "{long}");
        assert!(Volume::new([2, 32_767, 2], vec![0_u8; 4 * 32_767], affine()).is_ok());
    }

    #[test]
    fn voxels_that_are_not_numbers_are_found() {
        // The sum of a block is beyond the limit, its voxels are not.
        let mut volume = Volume::new([20, 30, 40], vec![1e20_f32; 24000], affine()).unwrap();
        assert_eq!(volume.check_finite(), Ok(()));
        volume.voxels_mut()[20 * 30 * 7 + 20 * 3 + 5] = f32::INFINITY;
        volume.voxels_mut()[23999] = f32::NAN;
        assert_eq!(
            volume.check_finite(),
            Err(VolumeError::NotFinite { index: [5, 3, 7], value: f32::INFINITY, count: 2 })
        );
    }
}
