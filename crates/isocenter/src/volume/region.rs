//! A box of voxels: the region of interest.

use nalgebra::Vector3;
use rayon::prelude::*;

use super::grid::Volume;

/// A box of voxel indices, `lower` included and `upper` not.
///
/// # Examples
/// ```
/// use isocenter::volume::{Affine, Region, Volume};
/// let world_from_index = Affine::from_spacing([1.0; 3], [0.0; 3]).unwrap();
/// let mut volume = Volume::new([8, 8, 8], vec![0.0_f32; 512], world_from_index).unwrap();
/// volume.voxels_mut()[3 + 8 * (4 + 8 * 5)] = 1.0;
/// let region = Region::of_nonzero(&volume).unwrap();
/// assert_eq!(region, Region { lower: [3, 4, 5], upper: [4, 5, 6] });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// First index along each axis.
    pub lower: [usize; 3],
    /// One past the last index along each axis.
    pub upper: [usize; 3],
}

impl Region {
    /// All of a volume.
    #[must_use]
    pub fn whole<T: Copy>(volume: &Volume<T>) -> Self {
        Self { lower: [0; 3], upper: volume.dims() }
    }

    /// The smallest box that holds every voxel that is not zero; `None` if all are zero.
    #[must_use]
    pub fn of_nonzero<T: Copy + Default + PartialEq + Sync>(volume: &Volume<T>) -> Option<Self> {
        let zero = T::default();
        let [ni, nj, _] = volume.dims();
        volume
            .voxels()
            .par_chunks(ni * nj)
            .enumerate()
            .filter_map(|(k, slice)| {
                let mut found: Option<Self> = None;
                for (j, row) in slice.chunks_exact(ni).enumerate() {
                    let Some(first) = row.iter().position(|&v| v != zero) else { continue };
                    let last = row.iter().rposition(|&v| v != zero).unwrap_or(first);
                    let row = Self { lower: [first, j, k], upper: [last + 1, j + 1, k + 1] };
                    found = Some(found.map_or(row, |f| f.union(&row)));
                }
                found
            })
            .reduce_with(|a, b| a.union(&b))
    }

    /// The box with the border over which samples fade to zero, one voxel wide: its lowest and its
    /// highest corner in index space.
    pub(crate) fn with_border(&self) -> [Vector3<f64>; 2] {
        let lower = Vector3::from(self.lower.map(|n| n as f64 - 1.0));
        let upper = Vector3::from(self.upper.map(|n| n as f64));
        [lower, upper]
    }

    /// Whether a point in index space is within the box or its border.
    pub(crate) fn reaches(&self, index: &Vector3<f64>) -> bool {
        let [lower, upper] = self.with_border();
        (0..3).all(|a| index[a] > lower[a] && index[a] < upper[a])
    }

    /// The smallest box that holds both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self {
            lower: std::array::from_fn(|a| self.lower[a].min(other.lower[a])),
            upper: std::array::from_fn(|a| self.upper[a].max(other.upper[a])),
        }
    }

    /// The middle of the box in the world (mm), of a volume with this affine.
    #[must_use]
    pub fn center_world_mm(&self, world_from_index: &super::Affine) -> Vector3<f64> {
        let middle: [f64; 3] =
            std::array::from_fn(|a| (self.lower[a] as f64 + self.upper[a] as f64) / 2.0 - 0.5);
        world_from_index.point(Vector3::from(middle))
    }
}

impl<T: Copy + Sync + Send> Volume<T> {
    /// The voxels of a region as a volume of their own, at the same place in the world. The region
    /// is cut to the volume.
    ///
    /// # Errors
    /// If fewer than two voxels are left along an axis.
    pub fn cropped(&self, region: &Region) -> Result<Self, super::VolumeError> {
        let upper: [usize; 3] = std::array::from_fn(|a| region.upper[a].min(self.dims()[a]));
        let lower: [usize; 3] = std::array::from_fn(|a| region.lower[a].min(upper[a]));
        let dims: [usize; 3] = std::array::from_fn(|a| upper[a] - lower[a]);
        let [ni, nj, _] = self.dims();
        let mut voxels = Vec::with_capacity(dims.iter().product());
        for k in lower[2]..upper[2] {
            for j in lower[1]..upper[1] {
                let row = ni * (j + nj * k);
                voxels.extend_from_slice(&self.voxels()[row + lower[0]..row + upper[0]]);
            }
        }
        let offset = lower.map(|n| n as f64);
        Self::new(dims, voxels, self.world_from_index().reindexed([1.0; 3], offset))
    }
}

#[cfg(test)]
mod tests {
    //! Proves: a crop keeps every voxel at its place in the world.
    use super::*;
    use crate::volume::Affine;
    use nalgebra::Matrix3;

    #[test]
    fn a_crop_stays_where_it_was() {
        let affine = Affine::new(
            Matrix3::new(0.0, -0.7, 0.1, 0.9, 0.0, 0.2, 0.0, 0.1, 2.5),
            Vector3::new(1.0, 2.0, 3.0),
        )
        .unwrap();
        let volume = Volume::new([4, 5, 6], (0..120).collect::<Vec<i32>>(), affine).unwrap();
        let crop = volume.cropped(&Region { lower: [1, 2, 3], upper: [3, 5, 99] }).unwrap();
        assert_eq!(crop.dims(), [2, 3, 3]);
        assert_eq!(crop.get([1, 2, 2]), volume.get([2, 4, 5]));
        let (a, b) = (
            crop.world_from_index().point(Vector3::new(1.0, 2.0, 2.0)),
            affine.point(Vector3::new(2.0, 4.0, 5.0)),
        );
        assert!((a - b).norm() < 1e-12);
        assert!(volume.cropped(&Region { lower: [9, 9, 9], upper: [3, 5, 99] }).is_err());
    }
}
