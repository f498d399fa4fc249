//! Coarser copies of a volume, anti-aliased.
//!
//! A level's voxel is the mean of a block of `fi x fj x fk` voxels, the factors chosen per axis so
//! that the spacing comes closest to the wanted one; a CT with thick slices becomes nearly
//! isotropic on its first level. The mean (a box filter of the new voxel's size) removes what the
//! coarse grid could not carry. Blocks that reach beyond the volume count the outside as air, which
//! is what the projector does too.

use rayon::prelude::*;

use super::attenuation::AttenuationVolume;
use super::grid::{Volume, VolumeError};

impl Volume<f32> {
    /// The volume whose voxels are the means of blocks of `factors` voxels, with zeros outside.
    ///
    /// # Errors
    /// If fewer than two voxels would be left along an axis.
    ///
    /// # Examples
    /// ```
    /// use isocenter::volume::{Affine, Volume};
    /// let world_from_index = Affine::from_spacing([1.0; 3], [0.0; 3]).unwrap();
    /// let volume = Volume::new([4, 4, 4], vec![1.0_f32; 64], world_from_index).unwrap();
    /// let coarse = volume.binned([2, 2, 1]).unwrap();
    /// assert_eq!(coarse.dims(), [2, 2, 4]);
    /// assert_eq!(coarse.world_from_index().translation().as_slice(), &[0.5, 0.5, 0.0]);
    /// ```
    pub fn binned(&self, factors: [usize; 3]) -> Result<Self, VolumeError> {
        let factors = factors.map(|f| f.max(1));
        let fine = self.dims();
        let dims: [usize; 3] = std::array::from_fn(|a| fine[a].div_ceil(factors[a]));
        let scale = 1.0 / factors.iter().product::<usize>() as f32;
        let mut voxels = vec![0.0_f32; dims.iter().product()];
        voxels.par_chunks_mut(dims[0] * dims[1]).enumerate().for_each(|(k, slice)| {
            for fine_k in k * factors[2]..((k + 1) * factors[2]).min(fine[2]) {
                for fine_j in 0..fine[1] {
                    let start = fine[0] * (fine_j + fine[1] * fine_k);
                    let source = &self.voxels()[start..start + fine[0]];
                    let row = &mut slice[dims[0] * (fine_j / factors[1])..][..dims[0]];
                    for (sum, block) in row.iter_mut().zip(source.chunks(factors[0])) {
                        *sum += block.iter().sum::<f32>();
                    }
                }
            }
            slice.iter_mut().for_each(|sum| *sum *= scale);
        });
        let world_from_index = self
            .world_from_index()
            .reindexed(factors.map(|f| f as f64), factors.map(|f| (f as f64 - 1.0) / 2.0));
        Self::new(dims, voxels, world_from_index)
    }
}

impl AttenuationVolume {
    /// The blocks, in voxels along each axis, whose means have a spacing close to the wanted one;
    /// 1 where the voxels are that large already.
    ///
    /// # Units
    /// Millimetres.
    #[must_use]
    pub fn binning_factors(&self, spacing_mm: f64) -> [usize; 3] {
        let spacing = self.volume().world_from_index().spacing_mm();
        let dims = self.volume().dims();
        std::array::from_fn(|a| {
            // A block never spans more than half the volume.
            let most = (dims[a] / 2).max(1) as f64;
            (spacing_mm / spacing[a]).round().clamp(1.0, most) as usize
        })
    }

    /// A copy whose voxels are means of blocks.
    ///
    /// # Errors
    /// If fewer than two voxels would be left along an axis.
    pub fn binned(&self, factors: [usize; 3]) -> Result<Self, VolumeError> {
        let scanned = self.scanned().binned(factors);
        Ok(Self::from_per_mm(self.volume().binned(factors)?)?.with_scanned(scanned))
    }
}

#[cfg(test)]
mod tests {
    //! Proves: binning keeps the total, also where blocks reach beyond the volume, and the place in
    //! the world.
    use super::*;
    use crate::volume::Affine;
    use nalgebra::{Matrix3, Vector3};

    fn moments(volume: &Volume<f32>) -> (f64, Vector3<f64>) {
        let [ni, nj, nk] = volume.dims();
        let cell = volume.world_from_index().linear().determinant().abs();
        let (mut total, mut first) = (0.0, Vector3::zeros());
        for k in 0..nk {
            for j in 0..nj {
                for i in 0..ni {
                    let mass = f64::from(volume.get([i, j, k]).unwrap()) * cell;
                    let at = Vector3::new(i as f64, j as f64, k as f64);
                    total += mass;
                    first += volume.world_from_index().point(at) * mass;
                }
            }
        }
        (total, first / total)
    }

    #[test]
    fn binning_keeps_mass_and_place() {
        let affine = Affine::new(
            Matrix3::new(0.1, -0.7, 0.1, 0.9, 0.1, 0.2, 0.0, 0.1, 2.5),
            Vector3::new(10.0, 2.0, -3.0),
        )
        .unwrap();
        let voxels = (0..7 * 9 * 11).map(|n| ((n * 37) % 101) as f32).collect();
        let volume = Volume::new([7, 9, 11], voxels, affine).unwrap();
        let coarse = volume.binned([2, 3, 4]).unwrap();
        assert_eq!(coarse.dims(), [4, 3, 3]);
        // f32 sums of 693 integers below 101.
        assert!((moments(&volume).0 / moments(&coarse).0 - 1.0).abs() < 1e-6);
        // With whole blocks of equal voxels, every block's mass stays at the block's center.
        let even = Volume::new([4, 6, 8], vec![3.0; 192], affine).unwrap();
        let (_, c1) = moments(&even);
        let (_, c2) = moments(&even.binned([2, 3, 4]).unwrap());
        assert!((c1 - c2).norm() < 1e-9);
    }

    #[test]
    fn thick_slices_become_isotropic() {
        let affine = Affine::from_spacing([0.7, 0.7, 2.5], [0.0; 3]).unwrap();
        let volume = Volume::new([64, 64, 16], vec![1.0; 65536], affine).unwrap();
        let volume = AttenuationVolume::from_per_mm(volume).unwrap();
        let coarse = volume.binned(volume.binning_factors(2.5)).unwrap();
        assert_eq!(coarse.volume().dims(), [16, 16, 16]);
        assert_eq!(volume.binning_factors(0.5), [1; 3]);
        let coarsest = volume.binned(volume.binning_factors(1e9)).unwrap();
        assert_eq!(coarsest.volume().dims(), [2, 2, 2]);
    }
}
