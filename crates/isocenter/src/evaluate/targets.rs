//! Target points, and how far a registration is off at them.
//!
//! A rotation error of one degree matters at the vertebra being drilled, not at the corner of the
//! CT: errors are measured in millimetres at targets inside the patient.
//!
//! # References
//! J. M. Fitzpatrick, J. B. West, C. R. Maurer, *Predicting error in rigid-body point-based
//! registration*, IEEE TMI 17(5), 694 (1998), doi:10.1109/42.736021 (target registration error).

use nalgebra::Vector3;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::geometry::{Camera, RigidTransform};
use crate::volume::{Region, Volume};

/// Where bone begins for seeded targets (HU).
pub const BONE_HU: f32 = 250.0;

/// How many targets are drawn when nobody names any.
pub const SEEDED_TARGETS: usize = 500;

/// Why there are no targets.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The list is empty.
    #[error("no target points: give at least one")]
    Empty,
    /// A coordinate is NaN or infinite.
    #[error(
        "target {number} is {point:?}: every coordinate must be a finite number of millimetres"
    )]
    NotFinite {
        /// Its number in the list, from 1.
        number: usize,
        /// Its coordinates.
        point: [f64; 3],
    },
    /// No voxel is dense enough.
    #[error(
        "no voxel above {threshold_hu} HU in the region of interest to place targets on: give a file of targets"
    )]
    NoBone {
        /// What counts as bone.
        threshold_hu: f32,
    },
}

/// Points in the patient at which errors are measured (mm, world frame).
#[derive(Debug, Clone, PartialEq)]
pub struct Targets {
    points_world_mm: Vec<Vector3<f64>>,
}

/// How far a pose is from the truth, mean over the targets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TargetErrors {
    /// Mean target registration error: 3D distance (mm).
    pub mtre_mm: f64,
    /// The same without the component along the target's own ray (mm).
    pub mtre_across_ray_mm: f64,
    /// Mean distance of the projections (px); infinite if a target is behind the source.
    pub projection_px: f64,
    /// Mean distance of the projections at the detector (mm).
    pub projection_mm: f64,
}

impl Targets {
    /// Given points (mm, world frame).
    ///
    /// # Errors
    /// If there are none or one is not finite.
    pub fn from_points(points_world_mm: Vec<Vector3<f64>>) -> Result<Self, TargetError> {
        if points_world_mm.is_empty() {
            return Err(TargetError::Empty);
        }
        if let Some(at) = points_world_mm.iter().position(|p| p.iter().any(|c| !c.is_finite())) {
            let p = points_world_mm[at];
            return Err(TargetError::NotFinite { number: at + 1, point: [p.x, p.y, p.z] });
        }
        Ok(Self { points_world_mm })
    }

    /// The centroid of each label of a label volume but 0, in the labels' order.
    ///
    /// # Errors
    /// If there is no label.
    pub fn from_label_centroids(labels: &Volume<u16>) -> Result<Self, TargetError> {
        let mut sums: Vec<(Vector3<f64>, f64)> = Vec::new();
        for (at, &label) in labels.voxels().iter().enumerate().filter(|(_, l)| **l != 0) {
            let label = usize::from(label);
            if sums.len() <= label {
                sums.resize(label + 1, (Vector3::zeros(), 0.0));
            }
            sums[label].0 += Vector3::from(labels.index_of(at).map(|i| i as f64));
            sums[label].1 += 1.0;
        }
        let present = sums.into_iter().filter(|(_, count)| *count > 0.0);
        Self::from_points(
            present.map(|(sum, count)| labels.world_from_index().point(sum / count)).collect(),
        )
    }

    /// [`SEEDED_TARGETS`] voxel centers above [`BONE_HU`] within a region of a CT, drawn with a seed.
    ///
    /// # Errors
    /// If no voxel of the region is that dense.
    pub fn from_bone(ct_hu: &Volume<f32>, region: &Region, seed: u64) -> Result<Self, TargetError> {
        let inside = |at: usize| {
            let index = ct_hu.index_of(at);
            (0..3).all(|a| (region.lower[a]..region.upper[a]).contains(&index[a]))
        };
        let mut bone = ct_hu
            .voxels()
            .iter()
            .enumerate()
            .filter(|&(at, &hu)| hu > BONE_HU && inside(at))
            .map(|(at, _)| at);
        // Counted first, then walked through again: a list of all bone could outgrow the CT.
        let count = bone.clone().count();
        if count == 0 {
            return Err(TargetError::NoBone { threshold_hu: BONE_HU });
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut draws: Vec<(usize, usize)> =
            (0..SEEDED_TARGETS).map(|draw| (rng.random_range(0..count), draw)).collect();
        draws.sort_unstable();
        let mut points = vec![Vector3::zeros(); SEEDED_TARGETS];
        let (mut passed, mut point) = (0, Vector3::zeros());
        for (rank, draw) in draws {
            // Ranks ascend and are below the count: the iterator does not run dry.
            if let Some(at) = (passed <= rank).then(|| bone.nth(rank - passed)).flatten() {
                let index = Vector3::from(ct_hu.index_of(at).map(|i| i as f64));
                point = ct_hu.world_from_index().point(index);
                passed = rank + 1;
            }
            points[draw] = point;
        }
        Self::from_points(points)
    }

    /// The points (mm, world frame).
    #[must_use]
    pub fn points_world_mm(&self) -> &[Vector3<f64>] {
        &self.points_world_mm
    }

    /// How far an estimated pose is from the true one.
    ///
    /// # Examples
    /// ```
    /// use isocenter::evaluate::Targets;
    /// use isocenter::geometry::{Camera, RigidTransform};
    /// use nalgebra::Vector3;
    /// let camera = Camera::new(1000.0, [1.0, 1.0], [256, 256]).unwrap();
    /// let targets = Targets::from_points(vec![Vector3::zeros()]).unwrap();
    /// let truth = RigidTransform::from_translation(Vector3::new(0.0, 0.0, 500.0));
    /// let shifted = RigidTransform::from_translation(Vector3::new(3.0, 0.0, 500.0));
    /// let errors = targets.errors(&camera, &truth, &shifted);
    /// assert_eq!((errors.mtre_mm, errors.projection_mm), (3.0, 6.0));
    /// ```
    #[must_use]
    pub fn errors(
        &self,
        camera: &Camera,
        true_camera_from_world: &RigidTransform,
        camera_from_world: &RigidTransform,
    ) -> TargetErrors {
        let mut errors = TargetErrors {
            mtre_mm: 0.0,
            mtre_across_ray_mm: 0.0,
            projection_px: 0.0,
            projection_mm: 0.0,
        };
        let share = 1.0 / self.points_world_mm.len() as f64;
        let [column_mm, row_mm] = camera.pixel_spacing_mm();
        for &point in &self.points_world_mm {
            let truth = true_camera_from_world.point(point);
            let estimate = camera_from_world.point(point);
            let offset = estimate - truth;
            let ray = truth.normalize();
            errors.mtre_mm += share * offset.norm();
            errors.mtre_across_ray_mm += share * (offset - ray * offset.dot(&ray)).norm();
            let (px, mm) = match (camera.project(truth), camera.project(estimate)) {
                (Some([u, v]), Some([u2, v2])) => {
                    let (du, dv) = (u2 - u, v2 - v);
                    (du.hypot(dv), (du * column_mm).hypot(dv * row_mm))
                }
                _ => (f64::INFINITY, f64::INFINITY),
            };
            errors.projection_px += share * px;
            errors.projection_mm += share * mm;
        }
        errors
    }

    /// The mean target registration error alone (mm); needs no camera.
    #[must_use]
    pub fn mtre_mm(
        &self,
        true_camera_from_world: &RigidTransform,
        camera_from_world: &RigidTransform,
    ) -> f64 {
        let distance = |&p: &Vector3<f64>| {
            (camera_from_world.point(p) - true_camera_from_world.point(p)).norm()
        };
        self.points_world_mm.iter().map(distance).sum::<f64>() / self.points_world_mm.len() as f64
    }
}

#[cfg(test)]
mod tests {
    //! Proves: errors along and across the ray are told apart, targets lie where they should, and
    //! an empty list is refused.
    use super::*;
    use crate::geometry::PivotMotion;
    use crate::volume::Affine;

    #[test]
    fn depth_errors_hardly_move_the_projection() {
        let camera = Camera::new(1000.0, [0.5, 0.5], [256, 256]).unwrap();
        let points = vec![Vector3::new(0.0, 0.0, 0.0), Vector3::new(1.0, 2.0, -3.0)];
        let targets = Targets::from_points(points).unwrap();
        let truth = RigidTransform::from_translation(Vector3::new(0.0, 0.0, 700.0));
        let deeper = RigidTransform::from_translation(Vector3::new(0.0, 0.0, 707.0));
        let errors = targets.errors(&camera, &truth, &deeper);
        assert!((errors.mtre_mm - 7.0).abs() < 1e-12);
        assert!(errors.mtre_across_ray_mm < 0.02 && errors.projection_mm < 0.05);
        assert!((targets.mtre_mm(&truth, &deeper) - errors.mtre_mm).abs() < 1e-12);
    }

    #[test]
    fn a_turn_about_a_target_leaves_it() {
        let point = Vector3::new(5.0, 6.0, 7.0);
        let targets = Targets::from_points(vec![point]).unwrap();
        let truth = RigidTransform::from_translation(Vector3::new(0.0, 0.0, 700.0));
        let turn = PivotMotion { omega_rad: Vector3::new(0.1, 0.2, 0.3), tau_mm: Vector3::zeros() };
        assert!(targets.mtre_mm(&truth, &turn.apply(&truth, point)) < 1e-10);
    }

    #[test]
    fn centroids_and_bone_lie_where_they_should() {
        let affine = Affine::from_spacing([2.0, 1.0, 1.0], [10.0, 0.0, 0.0]).unwrap();
        let mut labels = Volume::new([8, 8, 8], vec![0_u16; 512], affine).unwrap();
        let mut ct = Volume::new([8, 8, 8], vec![0.0_f32; 512], affine).unwrap();
        for (at, label) in [(9, 4), (11, 4), (511, 2)] {
            labels.voxels_mut()[at] = label;
            ct.voxels_mut()[at] = 300.0;
        }
        let centroids = Targets::from_label_centroids(&labels).unwrap();
        let expected = [Vector3::new(24.0, 7.0, 7.0), Vector3::new(14.0, 1.0, 0.0)];
        assert_eq!(centroids.points_world_mm(), &expected);
        let region = Region { lower: [0; 3], upper: [8, 8, 4] };
        let bone = Targets::from_bone(&ct, &region, 1).unwrap();
        assert_eq!(bone.points_world_mm().len(), SEEDED_TARGETS);
        assert!(bone.points_world_mm().iter().all(|p| p.z == 0.0 && p.y == 1.0));
        assert_eq!(bone, Targets::from_bone(&ct, &region, 1).unwrap());
        assert_ne!(bone, Targets::from_bone(&ct, &region, 2).unwrap());
    }

    #[test]
    fn no_targets_are_an_error() {
        assert_eq!(Targets::from_points(vec![]), Err(TargetError::Empty));
        let affine = Affine::from_spacing([1.0; 3], [0.0; 3]).unwrap();
        let air = Volume::new([2; 3], vec![-1000.0; 8], affine).unwrap();
        assert!(Targets::from_bone(&air, &Region::whole(&air), 1).is_err());
    }
}
