//! Beyond the end of a scan: the patient goes on where the voxels do not.
//!
//! Where a scan ends in tissue, more tissue follows. [`AttenuationVolume::continued`] continues a volume from its scanned part
//! ([`Scanned`]): every place outside has the attenuation of the nearest scanned voxel, times a factor
//! that falls with the distance. Two uses:
//!
//! - without fading, only what attenuates like tissue: the **missing tissue**, whose line integral says
//!   how much of a ray was not scanned;
//! - with a short fade, added to the volume: a radiograph without the sharp edge at which a scan ends and
//!   a patient does not.

use rayon::prelude::*;

use super::attenuation::AttenuationVolume;
use super::grid::{Volume, VolumeError};
use super::scanned::Scanned;

/// What tissue attenuates at least (1/mm): inflated lung is near it, air far below.
const TISSUE_PER_MM: f32 = 0.004;

/// A face at which at least this part of the outermost voxels is tissue cuts the patient.
const CUT_SHARE: f64 = 0.01;

/// What continues a volume, and where.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Continuation {
    /// How far it reaches beyond the scan along each index axis (mm).
    pub reach_mm: [f64; 3],
    /// The distance (mm) over which it fades to nothing; infinite where it does not fade.
    pub fade_mm: f64,
    /// Whether the scanned part itself is kept, or only what continues it.
    pub with_scanned: bool,
}

impl AttenuationVolume {
    /// Whether the patient goes on where the scan ends: at the low and the high face of each index axis,
    /// and around a round field.
    #[must_use]
    pub fn cut_faces(&self) -> [[bool; 2]; 3] {
        let volume = self.volume();
        let dims = volume.dims();
        let scanned = self.scanned();
        let is_cut = |axis: usize, index: usize| {
            let [a, b] = [(axis + 1) % 3, (axis + 2) % 3];
            let mut tissue = 0_usize;
            for (i, j) in (0..dims[a]).flat_map(|i| (0..dims[b]).map(move |j| (i, j))) {
                let mut at = [index; 3];
                (at[a], at[b]) = (i, j);
                tissue += usize::from(volume.get(at).is_some_and(|mu| mu > TISSUE_PER_MM));
            }
            tissue as f64 > CUT_SHARE * (dims[a] * dims[b]) as f64
        };
        std::array::from_fn(|axis| {
            scanned.whole_voxels(axis).map(|index| is_cut(axis, index.max(0.0) as usize))
        })
    }

    /// Whether nothing of the patient is cut off.
    #[must_use]
    pub fn shows_all_of_the_patient(&self) -> bool {
        !self.scanned().has_round_field() && self.cut_faces() == [[false; 2]; 3]
    }

    /// The volume continued beyond its scan, or what continues it alone; on a grid that is larger by
    /// whole voxels on the sides that are cut.
    ///
    /// # Errors
    /// If nothing continues it, or the larger grid is too large.
    pub fn continued(&self, continuation: &Continuation) -> Result<Self, VolumeError> {
        let volume = self.volume();
        let spacing = volume.world_from_index().spacing_mm();
        let cut = self.cut_faces();
        let pad = |face: usize| -> [usize; 3] {
            std::array::from_fn(|a| {
                let voxels = (continuation.reach_mm[a] / spacing[a]).ceil() as usize;
                if cut[a][face] { voxels } else { 0 }
            })
        };
        let (before, after) = (pad(0), pad(1));
        let dims: [usize; 3] = std::array::from_fn(|a| before[a] + volume.dims()[a] + after[a]);
        let along: [Vec<Place>; 3] = std::array::from_fn(|a| {
            places_along(self.scanned(), a, before[a], dims[a], spacing[a])
        });
        let [ni, nj, _] = volume.dims();
        let mut voxels = vec![0.0_f32; dims.iter().product()];
        voxels.par_chunks_mut(dims[0]).enumerate().for_each(|(row, voxels)| {
            let [j, k] = [row % dims[1], row / dims[1]];
            if let (true, Some(j), Some(k)) =
                (continuation.with_scanned, j.checked_sub(before[1]), k.checked_sub(before[2]))
                && j < nj
                && let Some(source) = volume.voxels().get(ni * (j + nj * k)..ni * (j + nj * k + 1))
            {
                voxels[before[0]..before[0] + ni].copy_from_slice(source);
            }
            self.continue_row(continuation, &along, [j, k], voxels);
        });
        let offset = before.map(|n| -(n as f64));
        let affine = volume.world_from_index().reindexed([1.0; 3], offset);
        Self::from_per_mm(Volume::new(dims, voxels, affine)?)
    }

    /// Adds what continues the scan to a row of the larger grid.
    fn continue_row(
        &self,
        continuation: &Continuation,
        along: &[Vec<Place>; 3],
        [j, k]: [usize; 2],
        voxels: &mut [f32],
    ) {
        let scanned = self.scanned();
        let (row_j, row_k) = (along[1][j], along[2][k]);
        let share_of_row = row_j.share * row_k.share;
        let off_row_mm = row_j.off_mm.hypot(row_k.off_mm);
        if off_row_mm >= continuation.fade_mm {
            return;
        }
        for (place, voxel) in along[0].iter().zip(voxels) {
            let index = [place.index, row_j.index, row_k.index];
            let in_field = scanned.in_field(index);
            let share = share_of_row * place.share;
            if share >= 1.0 && in_field {
                continue;
            }
            let (nearest, share, off_mm) = if in_field {
                let nearest = [place.nearest, row_j.nearest, row_k.nearest];
                (nearest, share, off_row_mm.hypot(place.off_mm))
            } else {
                let nearest = scanned.nearest(index);
                (nearest, 0.0, Scanned::distance_mm(self.volume(), index, nearest))
            };
            let fade = match continuation.fade_mm.is_finite() {
                true => (1.0 - off_mm / continuation.fade_mm).max(0.0),
                false => 1.0,
            };
            if fade > 0.0 {
                let value = value_at(self.volume(), nearest);
                *voxel +=
                    if value < TISSUE_PER_MM { 0.0 } else { ((1.0 - share) * fade) as f32 * value };
            }
        }
    }
}

/// A place along an axis of the larger grid.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// In the volume that is continued.
    index: f64,
    /// The part of it that was scanned.
    share: f64,
    /// The nearest voxel that was scanned altogether, and how far that is (mm).
    nearest: f64,
    off_mm: f64,
}

/// The places along an axis of the larger grid.
fn places_along(
    scanned: &Scanned,
    axis: usize,
    before: usize,
    length: usize,
    spacing_mm: f64,
) -> Vec<Place> {
    let [first, last] = scanned.whole_voxels(axis);
    let place = |n: usize| {
        let index = n as f64 - before as f64;
        let nearest = index.clamp(first, last);
        let share = scanned.share_along(axis, index);
        Place { index, share, nearest, off_mm: (index - nearest).abs() * spacing_mm }
    };
    (0..length).map(place).collect()
}

fn value_at(volume: &Volume<f32>, index: [f64; 3]) -> f32 {
    if index.iter().any(|&n| n < 0.0) {
        return 0.0;
    }
    volume.get(index.map(|n| n as usize)).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    //! Proves: a patient goes on beyond cut faces only, without a seam at the scan's end also where
    //! blocks of voxels reach beyond it, and what continues a volume has nothing where it was scanned.
    use super::*;
    use crate::volume::{Affine, AttenuationMap};

    /// A column of water along k that ends in air along i and j.
    fn column(slices: usize) -> AttenuationVolume {
        let affine = Affine::from_spacing([2.0; 3], [0.0; 3]).unwrap();
        let dims = [20, 20, slices];
        let empty = Volume::new(dims, vec![0.0_f32; 400 * slices], affine).unwrap();
        let hu = |at: usize| {
            let [i, j, _] = empty.index_of(at);
            if (5..15).contains(&i) && (5..15).contains(&j) { 0.0 } else { -1000.0 }
        };
        let ct = Volume::new(dims, (0..400 * slices).map(hu).collect(), affine).unwrap();
        AttenuationVolume::from_hounsfield(ct, &AttenuationMap::default()).unwrap()
    }

    #[test]
    fn only_cut_faces_are_continued() {
        let column = column(11);
        assert_eq!(column.cut_faces(), [[false; 2], [false; 2], [true; 2]]);
        let continuation =
            Continuation { reach_mm: [20.0; 3], fade_mm: f64::INFINITY, with_scanned: false };
        let missing = column.continued(&continuation).unwrap();
        assert_eq!(missing.volume().dims(), [20, 20, 31]);
        let at = |k: usize| missing.volume().get([10, 10, k]).unwrap();
        assert_eq!((at(0), at(9), at(10), at(20), at(21)), (0.02, 0.02, 0.0, 0.0, 0.02));
        assert_eq!(missing.volume().get([2, 10, 3]), Some(0.0));
    }

    #[test]
    fn a_faded_continuation_has_no_seam() {
        // Eleven slices in blocks of two: the last block is half empty.
        let coarse = column(11).binned([1, 1, 2]).unwrap();
        let continuation = Continuation { reach_mm: [40.0; 3], fade_mm: 40.0, with_scanned: true };
        let continued = coarse.continued(&continuation).unwrap();
        let dims = continued.volume().dims();
        let along: Vec<f32> =
            (0..dims[2]).map(|k| continued.volume().get([10, 10, k]).unwrap()).collect();
        for pair in along.windows(2) {
            // 4 mm of 40 in a voxel, and half as much again where a half block goes before.
            assert!((pair[1] - pair[0]).abs() < 0.0031, "{along:?}");
        }
        assert!(along[0] < 0.0021 && along[12] == 0.02);
    }
}
