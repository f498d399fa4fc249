//! Label masks: keep some structures of a CT and take all else as air.
//!
//! The mask may lie on any grid: each voxel of the CT looks up the label nearest to its center.

use nalgebra::Vector3;
use rayon::prelude::*;

use super::grid::Volume;

/// Why a mask cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MaskError {
    /// A label that is wanted does not occur.
    #[error("the mask has no voxel with label {missing}; labels present: {present}: name some of these", missing = list(missing, "other than 0"), present = list(present, "none"))]
    NoSuchLabel {
        /// Those of the labels asked for that do not occur; empty if any but 0 would have done.
        missing: Vec<u16>,
        /// The labels that occur.
        present: Vec<u16>,
    },
    /// Mask and volume lie apart.
    #[error(
        "the mask and the CT do not overlap in the world: check that both come from the same patient and frame"
    )]
    NoOverlap,
}

fn list(labels: &[u16], empty: &str) -> String {
    if labels.is_empty() {
        return empty.to_owned();
    }
    labels.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")
}

/// Labels of a volume, and which of them count.
#[derive(Debug, Clone)]
pub struct LabelMask {
    labels: Volume<u16>,
    /// `kept[label]`: whether voxels with this label belong to the mask.
    kept: Vec<bool>,
    centroid_world_mm: Vector3<f64>,
}

impl LabelMask {
    /// The structures with the given labels; with none given, all that have a label but 0.
    ///
    /// # Errors
    /// If one of the labels does not occur, or with none given there is only 0.
    pub fn new(labels: Volume<u16>, ids: &[u16]) -> Result<Self, MaskError> {
        let mut counts = vec![0_usize; usize::from(u16::MAX) + 1];
        for &label in labels.voxels() {
            counts[usize::from(label)] += 1;
        }
        let wanted = |label: u16| if ids.is_empty() { label != 0 } else { ids.contains(&label) };
        let kept: Vec<bool> = (0..=u16::MAX).map(wanted).collect();
        let occurs = |label: &u16| counts[usize::from(*label)] > 0;
        let present: Vec<u16> = (1..=u16::MAX).filter(occurs).collect();
        let missing: Vec<u16> = ids.iter().copied().filter(|id| !occurs(id)).collect();
        if !missing.is_empty() || (ids.is_empty() && present.is_empty()) {
            return Err(MaskError::NoSuchLabel { missing, present });
        }
        let centroid_index = centroid(&labels, |label| kept[usize::from(label)]);
        let centroid_world_mm = labels.world_from_index().point(centroid_index);
        Ok(Self { labels, kept, centroid_world_mm })
    }

    /// The center of the mask's voxels (mm), world frame.
    #[must_use]
    pub fn centroid_world_mm(&self) -> Vector3<f64> {
        self.centroid_world_mm
    }

    /// Sets every voxel of a volume outside the mask to the given value.
    ///
    /// # Errors
    /// If nothing is left.
    pub fn apply(&self, volume: &mut Volume<f32>, outside: f32) -> Result<(), MaskError> {
        let mask_from_index = self.labels.world_from_index().inverse() * *volume.world_from_index();
        let [ni, nj, _] = volume.dims();
        let step = mask_from_index.linear().column(0).into_owned();
        let kept: usize = volume
            .voxels_mut()
            .par_chunks_mut(ni * nj)
            .enumerate()
            .map(|(k, slice)| {
                let mut kept = 0;
                for (j, row) in slice.chunks_exact_mut(ni).enumerate() {
                    let start = mask_from_index.point(Vector3::new(0.0, j as f64, k as f64));
                    for (i, voxel) in row.iter_mut().enumerate() {
                        if self.contains_index(start + step * i as f64) {
                            kept += 1;
                        } else {
                            *voxel = outside;
                        }
                    }
                }
                kept
            })
            .sum();
        if kept == 0 { Err(MaskError::NoOverlap) } else { Ok(()) }
    }

    /// Whether the voxel nearest to an index of the mask's grid belongs to the mask.
    fn contains_index(&self, index: Vector3<f64>) -> bool {
        let nearest = index.map(f64::round);
        // A cast of a negative number would saturate to 0, inside the grid.
        if nearest.iter().any(|&n| n < 0.0) {
            return false;
        }
        self.labels
            .get([nearest.x as usize, nearest.y as usize, nearest.z as usize])
            .is_some_and(|label| self.kept[usize::from(label)])
    }
}

/// The mean index of the voxels whose label counts.
pub(crate) fn centroid(labels: &Volume<u16>, counts: impl Fn(u16) -> bool) -> Vector3<f64> {
    let (mut sum, mut number) = (Vector3::zeros(), 0.0);
    for (at, &label) in labels.voxels().iter().enumerate() {
        if counts(label) {
            sum += Vector3::from(labels.index_of(at).map(|n| n as f64));
            number += 1.0;
        }
    }
    sum / f64::max(number, 1.0)
}

#[cfg(test)]
mod tests {
    //! Proves: a mask on a permuted, flipped, finer grid keeps exactly the voxels at its place in
    //! the world; labels that do not occur are named with those that do.
    use super::*;
    use crate::volume::Affine;
    use nalgebra::Matrix3;

    #[test]
    fn a_mask_on_another_grid_keeps_its_place() {
        let affine = Affine::from_spacing([2.0; 3], [0.0; 3]).unwrap();
        let mut ct = Volume::new([10, 10, 10], vec![7.0_f32; 1000], affine).unwrap();
        // The mask's axes are (z, -x, y) with 1 mm voxels; it marks the world box [4, 9] x [2, 5] x [6, 7].
        let linear = Matrix3::new(0.0, -1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0);
        let mask_affine = Affine::new(linear, Vector3::new(19.0, 0.0, 0.0)).unwrap();
        let mut labels = Volume::new([20, 20, 20], vec![0_u16; 8000], mask_affine).unwrap();
        for at in 0..8000 {
            let index = Vector3::new((at % 20) as f64, (at / 20 % 20) as f64, (at / 400) as f64);
            let w = mask_affine.point(index);
            let inside = (4.0..=9.0).contains(&w.x)
                && (2.0..=5.0).contains(&w.y)
                && (6.0..=7.0).contains(&w.z);
            labels.voxels_mut()[at] = if inside { 22 } else { 3 };
        }
        let mask = LabelMask::new(labels.clone(), &[22]).unwrap();
        assert!((mask.centroid_world_mm() - Vector3::new(6.5, 3.5, 6.5)).norm() < 1e-9);
        mask.apply(&mut ct, 0.0).unwrap();
        for k in 0..10 {
            for j in 0..10 {
                for i in 0..10 {
                    let inside = (2..=4).contains(&i) && (1..=2).contains(&j) && k == 3;
                    assert_eq!(ct.get([i, j, k]).unwrap() == 7.0, inside, "{i} {j} {k}");
                }
            }
        }
        let error = LabelMask::new(labels.clone(), &[5, 6]).unwrap_err();
        assert!(error.to_string().contains("label 5, 6; labels present: 3, 22"), "{error}");
        let error = LabelMask::new(labels, &[22, 6]).unwrap_err();
        assert_eq!(error, MaskError::NoSuchLabel { missing: vec![6], present: vec![3, 22] });
    }

    #[test]
    fn a_mask_elsewhere_is_refused() {
        let here = Affine::from_spacing([1.0; 3], [0.0; 3]).unwrap();
        let far = Affine::from_spacing([1.0; 3], [500.0, 0.0, 0.0]).unwrap();
        let mut ct = Volume::new([4, 4, 4], vec![1.0_f32; 64], here).unwrap();
        let mask =
            LabelMask::new(Volume::new([4, 4, 4], vec![1_u16; 64], far).unwrap(), &[]).unwrap();
        assert_eq!(mask.apply(&mut ct, 0.0), Err(MaskError::NoOverlap));
    }
}
