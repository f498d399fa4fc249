//! What is known before the images are compared: where the patient may be.
//!
//! A prior is a pose and how far the truth may lie from it, as a motion about the pivot in camera
//! axes ([`PivotMotion`]): normal in each component, or with any rotation at all. The search draws
//! from it, a start or a view narrows it.
//!
//! Poses are drawn from Halton's sequence in six dimensions, shifted by a random vector from the
//! seed: it fills the prior more evenly than random draws do, so that fewer samples leave no hole,
//! and it goes on without end. Each of its components becomes a normal one, or three of them a
//! uniform rotation (Shoemake).
//!
//! # References
//! - J. H. Halton, Numer. Math. 2, 84 (1960), doi:10.1007/BF01386213
//! - R. Cranley, T. N. L. Patterson, SIAM J. Numer. Anal. 13(6), 904 (1976), doi:10.1137/0713071
//! - K. Shoemake, *Uniform random rotations*, Graphics Gems III, 124 (1992),
//!   doi:10.1016/B978-0-08-050755-2.50036-1

use std::f64::consts::TAU;

use nalgebra::{Matrix3, Matrix6, Quaternion, UnitQuaternion, Vector3, Vector6};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::error::RegisterError;
use crate::geometry::rotation::left_jacobian_inverse;
use crate::geometry::{PivotMotion, RigidTransform};
use crate::statistics::normal_quantile;

/// The first six primes: bases of Halton's sequence.
const BASES: [u32; 6] = [2, 3, 5, 7, 11, 13];

/// Samples are spread a little wider than the truth is expected: what is rare needs them most.
/// For a normal truth in `d` dimensions the mean distance to the nearest of many samples is
/// smallest when they are spread by `sqrt((d + 2) / d)`.
const WIDENING: f64 = 1.1547;

/// A spread below this (rad, mm) is taken for this: a prior without any room has no deviations.
const SMALLEST: f64 = 1e-6;

/// How far the rotation may be from the center.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number of degrees, or \"any\"")]
pub enum RotationSpread {
    /// Standard deviation of each component of the rotation vector (degrees).
    StandardDeviationDeg(f64),
    /// Every rotation is as likely as any other: `"any"`.
    Any(AnyRotation),
}

/// The word for every rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnyRotation {
    /// `"any"`
    Any,
}

/// How far the truth may lie from the center of a prior: standard deviations of the motion between
/// them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PoseSpread {
    /// Each component of the rotation vector (degrees), or `"any"`.
    pub rotation_deg: RotationSpread,
    /// Along the image's columns and rows (mm).
    pub in_plane_mm: f64,
    /// In depth (mm).
    pub depth_mm: f64,
}

impl Default for PoseSpread {
    /// What is known of a patient before a C-arm that stands about as it was told to.
    fn default() -> Self {
        Self {
            rotation_deg: RotationSpread::StandardDeviationDeg(20.0),
            in_plane_mm: 30.0,
            depth_mm: 60.0,
        }
    }
}

impl PoseSpread {
    /// About a start that is within some 10 degrees, 20 mm in the image plane and 40 mm in depth.
    pub const ABOUT_A_START: Self = Self {
        rotation_deg: RotationSpread::StandardDeviationDeg(6.0),
        in_plane_mm: 12.0,
        depth_mm: 25.0,
    };

    /// Nothing is known of the rotation; the patient is somewhere before the detector.
    pub const ANY: Self = Self {
        rotation_deg: RotationSpread::Any(AnyRotation::Any),
        in_plane_mm: 30.0,
        depth_mm: 60.0,
    };

    /// Checks that the numbers make sense.
    ///
    /// # Errors
    /// The first that does not, by its name.
    pub fn check(&self) -> Result<(), RegisterError> {
        let rotation = match self.rotation_deg {
            RotationSpread::StandardDeviationDeg(deg) => ("prior.rotation_deg", deg, 180.0),
            RotationSpread::Any(_) => ("prior.rotation_deg", 0.0, 180.0),
        };
        let numbers = [
            rotation,
            ("prior.in_plane_mm", self.in_plane_mm, 1e4),
            ("prior.depth_mm", self.depth_mm, 1e4),
        ];
        for (name, found, most) in numbers {
            if !(0.0..=most).contains(&found) {
                return Err(RegisterError::Setting {
                    name,
                    found: found.to_string(),
                    expected: if most < 1e3 {
                        "a standard deviation from 0 to 180, or \"any\""
                    } else {
                        "a standard deviation from 0 to 10000"
                    },
                });
            }
        }
        Ok(())
    }

    /// The motion that six numbers from 0 to below 1 stand for; uniform numbers give this spread,
    /// widened by a factor.
    fn motion(&self, unit: [f64; 6], widening: f64) -> PivotMotion {
        let [a, b, c, ..] = unit;
        let normal = unit.map(normal_quantile);
        let omega_rad = match self.rotation_deg {
            RotationSpread::StandardDeviationDeg(deg) => {
                Vector3::new(normal[0], normal[1], normal[2]) * (widening * deg).to_radians()
            }
            RotationSpread::Any(_) => uniform_rotation([a, b, c]),
        };
        let scales = Vector3::new(self.in_plane_mm, self.in_plane_mm, self.depth_mm);
        let tau_mm = Vector3::new(normal[3], normal[4], normal[5]).component_mul(&scales);
        PivotMotion { omega_rad, tau_mm: tau_mm * widening }
    }
}

/// The rotation vector of a rotation that is uniform if the numbers are.
fn uniform_rotation([a, b, c]: [f64; 3]) -> Vector3<f64> {
    let ((s1, c1), (s2, c2)) = ((TAU * b).sin_cos(), (TAU * c).sin_cos());
    let (low, high) = ((1.0 - a).sqrt(), a.sqrt());
    let quaternion = Quaternion::new(high * c2, low * s1, low * c1, high * s2);
    UnitQuaternion::from_quaternion(quaternion).scaled_axis()
}

/// Where the patient may be.
///
/// # Examples
/// ```
/// use isocenter::geometry::View;
/// use isocenter::register::{PoseSpread, Prior};
/// use nalgebra::Vector3;
/// let pivot_world_mm = Vector3::zeros();
/// let ap = View::AP.camera_from_world(pivot_world_mm, 700.0);
/// let prior = Prior { center_camera_from_world: ap, spread: PoseSpread::default() };
/// let poses = prior.samples(pivot_world_mm, 0, 0..1000);
/// let depth_mm = |n: usize| poses[n].point(pivot_world_mm).z - 700.0;
/// let close = (0..1000).filter(|&n| depth_mm(n).abs() < 69.0).count();
/// // Two thirds within one standard deviation, 60 mm, widened by 1.15.
/// assert!((660..700).contains(&close));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prior {
    /// The most likely pose.
    pub center_camera_from_world: RigidTransform,
    /// How far from it the truth may lie.
    pub spread: PoseSpread,
}

impl Prior {
    /// A start: the truth is near.
    #[must_use]
    pub fn about_a_start(camera_from_world: RigidTransform) -> Self {
        Self { center_camera_from_world: camera_from_world, spread: PoseSpread::ABOUT_A_START }
    }

    /// Poses of the sequence that fills the prior, by their numbers.
    ///
    /// # Units
    /// The pivot about which poses turn, in the world frame (mm).
    #[must_use]
    pub fn samples(
        &self,
        pivot_world_mm: Vector3<f64>,
        seed: u64,
        numbers: std::ops::Range<u32>,
    ) -> Vec<RigidTransform> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let shift: [f64; 6] = std::array::from_fn(|_| rng.random());
        let sample = |n: u32| {
            // The sequence's first point is a corner.
            let unit = std::array::from_fn(|c| {
                (radical_inverse(n.wrapping_add(1), BASES[c]) + shift[c]).fract()
            });
            let motion = self.spread.motion(unit, WIDENING);
            motion.apply(&self.center_camera_from_world, pivot_world_mm)
        };
        numbers.map(sample).collect()
    }

    /// A pose drawn at random: where the truth may be.
    ///
    /// # Units
    /// The pivot about which poses turn, in the world frame (mm).
    #[must_use]
    pub fn draw(&self, pivot_world_mm: Vector3<f64>, rng: &mut ChaCha8Rng) -> RigidTransform {
        let unit: [f64; 6] = std::array::from_fn(|_| rng.random());
        self.spread.motion(unit, 1.0).apply(&self.center_camera_from_world, pivot_world_mm)
    }

    /// How many standard deviations each component of a pose is from the center, and the derivative
    /// of that for a motion of the pose; zero for the rotation where any will do.
    pub(super) fn deviations(
        &self,
        camera_from_world: &RigidTransform,
        pivot_world_mm: Vector3<f64>,
    ) -> (Vector6<f64>, Matrix6<f64>) {
        let motion =
            PivotMotion::between(&self.center_camera_from_world, camera_from_world, pivot_world_mm);
        let per_radian = match self.spread.rotation_deg {
            RotationSpread::StandardDeviationDeg(deg) => 1.0 / deg.to_radians().max(SMALLEST),
            RotationSpread::Any(_) => 0.0,
        };
        let PoseSpread { in_plane_mm, depth_mm, .. } = self.spread;
        let per_mm = [in_plane_mm, in_plane_mm, depth_mm].map(|mm| 1.0 / mm.max(SMALLEST));
        let turn = left_jacobian_inverse(motion.omega_rad) * per_radian;
        let mut jacobian = Matrix6::zeros();
        jacobian.fixed_view_mut::<3, 3>(0, 0).copy_from(&turn);
        jacobian
            .fixed_view_mut::<3, 3>(3, 3)
            .copy_from(&Matrix3::from_diagonal(&Vector3::from(per_mm)));
        let [x, y, z] = per_mm;
        let scales = Vector6::new(per_radian, per_radian, per_radian, x, y, z);
        (motion.to_vector().component_mul(&scales), jacobian)
    }
}

/// The digits of a number in a base, mirrored at the point: in [0, 1).
fn radical_inverse(mut number: u32, base: u32) -> f64 {
    let (mut value, mut place) = (0.0, 1.0);
    while number > 0 {
        place /= f64::from(base);
        value += place * f64::from(number % base);
        number /= base;
    }
    value
}

#[cfg(test)]
mod tests {
    //! Proves: samples have the spread that was asked for, fill it evenly, go on where they left
    //! off and depend on the seed alone; any rotation is as likely as any other.
    use super::*;

    fn prior(spread: PoseSpread) -> Prior {
        let center = RigidTransform::from_translation(Vector3::new(0.0, 0.0, 700.0));
        Prior { center_camera_from_world: center, spread }
    }

    #[test]
    fn samples_have_the_spread() {
        let pivot = Vector3::new(1.0, 2.0, 3.0);
        let prior = prior(PoseSpread { in_plane_mm: 25.0, ..PoseSpread::default() });
        let poses = prior.samples(pivot, 0, 0..2000);
        assert_eq!(poses[700..], prior.samples(pivot, 0, 700..2000));
        assert_ne!(poses, prior.samples(pivot, 1, 0..2000));
        let mut squares = Vector6::zeros();
        // Fifths of the normal distribution, by its quantiles.
        let fifths = [-0.8416, -0.2533, 0.2533, 0.8416].map(|q| q * WIDENING);
        let mut counts = [[0; 5]; 6];
        for pose in &poses {
            let xi = prior.deviations(pose, pivot).0;
            squares += xi.component_mul(&xi) / 2000.0;
            for c in 0..6 {
                counts[c][fifths.iter().filter(|&&edge| xi[c] > edge).count()] += 1;
            }
        }
        // Rotation vectors beyond half a turn come back shorter; there are next to none.
        assert!(squares.iter().all(|s| (s / WIDENING.powi(2) - 1.0).abs() < 0.03), "{squares}");
        // Random draws would scatter by 18.
        assert!(counts.iter().flatten().all(|n| (388..=412).contains(n)), "{counts:?}");
    }

    #[test]
    fn any_rotation_is_any() {
        let prior = prior(PoseSpread::ANY);
        let mut mean = nalgebra::Matrix3::zeros();
        let mut upright = 0;
        for pose in prior.samples(Vector3::zeros(), 3, 0..4000) {
            mean += pose.rotation() / 4000.0;
            upright += i32::from(pose.rotation().column(2).z > 0.5);
        }
        assert!(mean.amax() < 0.02, "{mean}");
        // A quarter of the sphere is that close to a pole.
        assert!((960..=1040).contains(&upright), "{upright}");
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        let spread = PoseSpread { depth_mm: -1.0, ..PoseSpread::default() };
        assert!(spread.check().unwrap_err().to_string().contains("prior.depth_mm is -1"));
        let rotation_deg = RotationSpread::StandardDeviationDeg(f64::NAN);
        let spread = PoseSpread { rotation_deg, ..PoseSpread::default() };
        assert!(spread.check().unwrap_err().to_string().contains("prior.rotation_deg is NaN"));
        assert!(PoseSpread::ANY.check().is_ok() && PoseSpread::default().check().is_ok());
    }
}
