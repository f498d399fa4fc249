//! The CT that a cut leaves: [`DrawnCut::apply`].
//!
//! A box along the world's axes is cut along the index axes that run most nearly along them, in
//! whole voxels. A box that would leave the CT is moved back into it.

use nalgebra::Vector3;
use rayon::prelude::*;

use super::cut::{CutError, DrawnCut, LEAST_MM};
use super::targets::Targets;
use crate::geometry::Affine;
use crate::volume::{LabelMask, Region, Volume};

/// What scanners write outside of the field of view (HU).
pub const PADDING_HU: f32 = -2048.0;

/// What is outside of a structure (HU).
const AIR_HU: f32 = -1000.0;

/// What is body (HU).
const BODY_HU: f32 = -300.0;

/// The share of the body's voxels beyond each end of its extent: single voxels are no body.
const BODY_ENDS: f64 = 0.005;

/// Fewer label centroids are no targets: they would not see how a CT is turned.
const FEWEST_CENTROIDS: usize = 3;

/// The ways to assign index axes to the world's axes x, y, z.
const ASSIGNMENTS: [[usize; 3]; 6] =
    [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

/// What a cut leaves of a CT.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptCt {
    /// The CT that is left (HU).
    pub ct_hu: Volume<f32>,
    /// The point about which motions turn (mm), world frame: the middle of the grid, or with labels
    /// the centroid of the voxels that are kept.
    pub pivot_world_mm: Vector3<f64>,
    /// The cut as it was made, in whole voxels and within the CT.
    pub cut: DrawnCut,
}

impl DrawnCut {
    /// Cuts a CT (HU), with its labels on any grid.
    ///
    /// # Errors
    /// If labels are to be kept of which there are none in what is left.
    pub fn apply(
        &self,
        ct_hu: &Volume<f32>,
        labels: Option<&Volume<u16>>,
    ) -> Result<KeptCt, CutError> {
        let (region, cut) = self.region(ct_hu);
        let mut kept = ct_hu.cropped(&region)?;
        if let Some(diameter_mm) = cut.field_mm {
            pad_outside(&mut kept, Vector3::from(cut.middle_world_mm), diameter_mm / 2.0);
        }
        let mut pivot_world_mm = kept.center_world_mm();
        if !self.labels.is_empty() {
            let labels = labels.ok_or(CutError::NoLabels)?;
            LabelMask::new(labels.clone(), &self.labels)?.apply(&mut kept, f32::NAN)?;
            pivot_world_mm = centroid_world_mm(&kept);
            let fill = |hu: &mut f32| *hu = if hu.is_nan() { AIR_HU } else { *hu };
            kept.voxels_mut().par_iter_mut().for_each(fill);
        }
        Ok(KeptCt { ct_hu: kept, pivot_world_mm, cut })
    }

    /// The voxels that are kept, and the cut that they make.
    fn region(&self, ct: &Volume<f32>) -> (Region, DrawnCut) {
        let affine = ct.world_from_index();
        let across = [self.width_mm, self.field_mm].into_iter().flatten().reduce(f64::min);
        let lengths_mm = [across, self.field_mm, self.z_mm];
        let middle = affine.inverse().point(Vector3::from(self.middle_world_mm));
        let mut region = Region::whole(ct);
        let mut made_mm = [None; 3];
        for (world, axis) in index_axes(affine).into_iter().enumerate() {
            let Some(length_mm) = lengths_mm[world] else { continue };
            let (voxels, spacing_mm) = (ct.dims()[axis], affine.spacing_mm()[axis]);
            let least = ((LEAST_MM / spacing_mm).ceil() as usize).max(2).min(voxels);
            let count = ((length_mm / spacing_mm).round() as usize).clamp(least, voxels);
            let first = (middle[axis] - (count as f64 - 1.0) / 2.0).round();
            // A negative number becomes 0.
            let first = (first.max(0.0) as usize).min(voxels - count);
            region.lower[axis] = first;
            region.upper[axis] = first + count;
            made_mm[world] = Some(count as f64 * spacing_mm);
        }
        let cut = DrawnCut {
            middle_world_mm: region.center_world_mm(affine).into(),
            z_mm: made_mm[2],
            width_mm: self.width_mm.and(made_mm[0]),
            field_mm: self.field_mm,
            labels: self.labels.clone(),
        };
        (region, cut)
    }
}

impl KeptCt {
    /// Where errors are measured: those of the given label centroids that lie inside, where there
    /// are three at least and no structure is alone; else points in bone, drawn with a seed.
    ///
    /// # Units
    /// The centroids in the world frame (mm).
    ///
    /// # Errors
    /// If there is no bone either.
    pub fn targets(
        &self,
        centroids_world_mm: &[Vector3<f64>],
        seed: u64,
    ) -> Result<Targets, CutError> {
        let inside: Vec<_> =
            centroids_world_mm.iter().copied().filter(|&point| self.contains(point)).collect();
        if self.cut.labels.is_empty() && inside.len() >= FEWEST_CENTROIDS {
            return Ok(Targets::from_points(inside)?);
        }
        Ok(Targets::from_bone(&self.ct_hu, &Region::whole(&self.ct_hu), seed)?)
    }

    /// Whether a point (mm, world frame) lies in the box and the field of view.
    fn contains(&self, point: Vector3<f64>) -> bool {
        let index = self.ct_hu.world_from_index().inverse().point(point);
        let dims = self.ct_hu.dims();
        let in_box = (0..3).all(|a| (-0.5..dims[a] as f64 - 0.5).contains(&index[a]));
        let middle = Vector3::from(self.cut.middle_world_mm);
        in_box
            && self
                .cut
                .field_mm
                .is_none_or(|diameter| (point - middle).xy().norm() <= diameter / 2.0)
    }
}

/// The index axis that runs most nearly along each world axis.
fn index_axes(affine: &Affine) -> [usize; 3] {
    let (linear, spacing) = (affine.linear(), affine.spacing_mm());
    let along = |axes: &[usize; 3]| -> f64 {
        (0..3).map(|world| linear[(world, axes[world])].abs() / spacing[axes[world]]).sum()
    };
    ASSIGNMENTS.into_iter().max_by(|a, b| along(a).total_cmp(&along(b))).unwrap_or([0, 1, 2])
}

fn pad_outside(ct: &mut Volume<f32>, middle: Vector3<f64>, radius_mm: f64) {
    let affine = *ct.world_from_index();
    let [ni, nj, _] = ct.dims();
    ct.voxels_mut().par_chunks_mut(ni * nj).enumerate().for_each(|(k, slice)| {
        for (at, voxel) in slice.iter_mut().enumerate() {
            let index = Vector3::new((at % ni) as f64, (at / ni) as f64, k as f64);
            if (affine.point(index) - middle).xy().norm() > radius_mm {
                *voxel = PADDING_HU;
            }
        }
    });
}

/// The centroid (mm) of the voxels that are numbers.
fn centroid_world_mm(ct: &Volume<f32>) -> Vector3<f64> {
    let [ni, nj, _] = ct.dims();
    let of_slice = |(k, slice): (usize, &[f32])| {
        let inside = slice.iter().enumerate().filter(|(_, hu)| !hu.is_nan());
        inside.fold((Vector3::zeros(), 0.0), |(sum, count), (at, _)| {
            let index = Vector3::new((at % ni) as f64, (at / ni) as f64, k as f64);
            (sum + index, count + 1.0)
        })
    };
    // Slice by slice, then in order: the sum does not depend on threads.
    let slices: Vec<_> = ct.voxels().par_chunks(ni * nj).enumerate().map(of_slice).collect();
    let (sum, count) =
        slices.into_iter().fold((Vector3::zeros(), 0.0), |(s, n), (ds, dn)| (s + ds, n + dn));
    ct.world_from_index().point(sum / f64::max(count, 1.0))
}

/// The middle of the body's extent (mm), world frame; that of the CT where there is no body.
pub(super) fn body_middle_world_mm(ct: &Volume<f32>) -> Vector3<f64> {
    let [ni, nj, nk] = ct.dims();
    let of_slice = |slice: &[f32]| {
        let (mut columns, mut rows) = (vec![0_u64; ni], vec![0_u64; nj]);
        for (at, _) in slice.iter().enumerate().filter(|(_, hu)| **hu > BODY_HU) {
            columns[at % ni] += 1;
            rows[at / ni] += 1;
        }
        [columns, rows]
    };
    let slices: Vec<_> = ct.voxels().par_chunks(ni * nj).map(of_slice).collect();
    let mut counts = [vec![0_u64; ni], vec![0_u64; nj], Vec::with_capacity(nk)];
    for of_slice in &slices {
        for (all, found) in counts.iter_mut().zip(of_slice) {
            all.iter_mut().zip(found).for_each(|(all, found)| *all += found);
        }
        counts[2].push(of_slice[0].iter().sum());
    }
    let middles = counts.map(|counts| {
        let ends = (counts.iter().sum::<u64>() as f64 * BODY_ENDS) as u64;
        let beyond = |counts: &mut dyn Iterator<Item = &u64>| {
            let mut passed = 0;
            counts
                .take_while(|&&n| {
                    passed += n;
                    passed <= ends
                })
                .count()
        };
        let (low, high) = (beyond(&mut counts.iter()), beyond(&mut counts.iter().rev()));
        (low as f64 + (counts.len() as f64 - 1.0 - high as f64)) / 2.0
    });
    ct.world_from_index().point(Vector3::from(middles))
}

/// The labels that occur but 0, in order.
pub(super) fn labels_of(labels: &Volume<u16>) -> Vec<u16> {
    let mut occurs = vec![false; usize::from(u16::MAX) + 1];
    labels.voxels().iter().for_each(|&label| occurs[usize::from(label)] = true);
    (1..=u16::MAX).filter(|&label| occurs[usize::from(label)]).collect()
}

#[cfg(test)]
mod tests {
    //! Proves: a cut keeps the right part of the world on permuted, flipped and tilted grids, stays
    //! within the CT and never below 20 mm; the field is round and padded; a structure is alone
    //! about its own centroid; targets lie inside.
    use super::*;
    use crate::evaluate::TargetError;
    use nalgebra::Matrix3;

    /// 100 x 90 x 120 mm of water with bone in the middle, whichever way the axes run.
    fn ct(linear: Matrix3<f64>, dims: [usize; 3]) -> Volume<f32> {
        let middle = Vector3::from(dims.map(|n| (n as f64 - 1.0) / 2.0));
        let affine = Affine::new(linear, Vector3::new(5.0, 6.0, 7.0) - linear * middle).unwrap();
        let count = dims.iter().product();
        let empty = Volume::new(dims, vec![0.0_f32; count], affine).unwrap();
        let hu = |at: usize| {
            let p = affine.point(Vector3::from(empty.index_of(at).map(|n| n as f64)));
            if (p - Vector3::new(5.0, 6.0, 7.0)).norm() < 12.0 { 800.0 } else { 0.0 }
        };
        Volume::new(dims, (0..count).map(hu).collect(), affine).unwrap()
    }

    fn grids() -> [Volume<f32>; 3] {
        let tilt = nalgebra::Rotation3::from_euler_angles(0.08, -0.05, 0.06);
        let permuted = Matrix3::new(0.0, -2.0, 0.0, 0.0, 0.0, 3.0, -2.5, 0.0, 0.0);
        [
            ct(Matrix3::from_diagonal(&Vector3::new(2.0, 3.0, 2.5)), [50, 30, 48]),
            ct(permuted, [48, 50, 30]),
            ct(tilt.matrix() * permuted, [48, 50, 30]),
        ]
    }

    fn cut(middle_world_mm: [f64; 3], z_mm: Option<f64>, width_mm: Option<f64>) -> DrawnCut {
        DrawnCut { middle_world_mm, z_mm, width_mm, field_mm: None, labels: Vec::new() }
    }

    #[test]
    fn a_box_lies_where_it_should() {
        for ct in grids() {
            assert!((body_middle_world_mm(&ct) - Vector3::new(5.0, 6.0, 7.0)).norm() < 1e-9);
            let kept = cut([15.0, 0.0, 17.0], Some(60.0), Some(40.0)).apply(&ct, None).unwrap();
            assert_eq!((kept.cut.z_mm, kept.cut.width_mm), (Some(60.0), Some(40.0)));
            assert_eq!(kept.ct_hu.voxels().len(), 24 * 20 * 30);
            let off = kept.pivot_world_mm - Vector3::new(15.0, 6.0, 17.0);
            // Half a voxel, and what the tilt takes the uncut axis.
            assert!(off.x.abs() < 2.0 && off.y.abs() < 2.0 && off.z.abs() < 2.0, "{off}");
        }
    }

    #[test]
    fn a_box_stays_within_the_ct() {
        for ct in grids() {
            let kept = cut([0.0, 0.0, 900.0], Some(30.0), None).apply(&ct, None).unwrap();
            assert_eq!(kept.cut.z_mm, Some(30.0));
            assert!((kept.pivot_world_mm.z - 52.0).abs() < 3.0, "{}", kept.pivot_world_mm);
            let whole = cut([-900.0; 3], Some(1000.0), Some(999.0)).apply(&ct, None).unwrap();
            assert_eq!((&whole.ct_hu, whole.cut.z_mm), (&ct, Some(120.0)));
            let little = cut([0.0; 3], Some(1.0), None).apply(&ct, None).unwrap();
            assert_eq!(little.cut.z_mm, Some(20.0));
        }
    }

    #[test]
    fn a_field_is_round_and_padded() {
        for ct in grids() {
            let round = DrawnCut { field_mm: Some(60.0), ..cut([5.0, 6.0, 7.0], None, None) };
            let kept = round.apply(&ct, None).unwrap();
            let (mut padded, mut all) = (0.0, 0.0);
            for (at, &hu) in kept.ct_hu.voxels().iter().enumerate() {
                let index = Vector3::from(kept.ct_hu.index_of(at).map(|n| n as f64));
                let p = kept.ct_hu.world_from_index().point(index);
                let middle = Vector3::from(kept.cut.middle_world_mm);
                assert_eq!(hu == PADDING_HU, (p - middle).xy().norm() > 30.0);
                padded += f64::from(u8::from(hu == PADDING_HU));
                all += 1.0;
            }
            assert!((padded / all - (1.0 - std::f64::consts::PI / 4.0)).abs() < 0.06);
        }
    }

    #[test]
    fn a_structure_is_alone() {
        for ct in grids() {
            let labels = ct.map(|hu| if hu > 0.0 { 31_u16 } else { 4 });
            let one = DrawnCut { labels: vec![31], ..cut([0.0; 3], None, None) };
            let kept = one.apply(&ct, Some(&labels)).unwrap();
            let bone = ct.map(|hu| if hu > 0.0 { hu } else { AIR_HU });
            assert_eq!(kept.ct_hu, bone);
            assert!((kept.pivot_world_mm - Vector3::new(5.0, 6.0, 7.0)).norm() < 0.5);
            let targets = kept.targets(&[Vector3::new(5.0, 6.0, 7.0); 9], 1).unwrap();
            assert_eq!(targets.points_world_mm().len(), crate::evaluate::targets::SEEDED_TARGETS);
            assert_eq!(one.apply(&ct, None), Err(CutError::NoLabels));
            let absent = DrawnCut { labels: vec![5], ..one };
            assert!(matches!(absent.apply(&ct, Some(&labels)), Err(CutError::Labels(_))));
        }
    }

    #[test]
    fn targets_lie_inside() {
        for ct in grids() {
            let at = |z: f64| Vector3::new(5.0, 6.0, 7.0 + z);
            let kept = cut([0.0, 0.0, 7.0], Some(60.0), None).apply(&ct, None).unwrap();
            let points = [at(-50.0), at(-20.0), at(0.0), at(20.0), at(50.0)];
            let targets = kept.targets(&points, 1).unwrap();
            assert_eq!(targets.points_world_mm(), &points[1..4]);
            let few = kept.targets(&points[..3], 1).unwrap();
            assert!(few.points_world_mm().iter().all(|p| (p - at(0.0)).norm() < 12.0));
            let above = cut([0.0, 0.0, 900.0], Some(30.0), None).apply(&ct, None).unwrap();
            let error = above.targets(&points, 1);
            assert!(matches!(error, Err(CutError::Targets(TargetError::NoBone { .. }))));
        }
    }
}
