//! The judge: how sure a registration is.
//!
//! A wrong registration that looks right is the worst outcome in theatre. The judge looks at a pose
//! with fresh eyes, at fixed resolutions, whatever way led to it, and measures ([`evidence`])
//!
//! - how alike X-ray and radiograph are: as a whole, in their edges, and patch by patch; finely only
//!   where the CT is seen and does not end, since a border fits elsewhere too;
//! - how far the next distinct optimum is behind;
//! - how sharp the optimum is: the covariance of the pose from curvature and residual
//!   ([`uncertainty`]), and from it the expected error in the patient;
//! - how much parts of the image, asked one by one, disagree about the pose: what is systematically
//!   wrong shows there;
//! - how much of the image shows the CT, and how far from what was known before the pose is.
//!
//! From these a logistic function, fitted on registrations of known outcome ([`calibration`]), gives
//! the probability that the pose is within 2 mm, and with it a plain verdict. A poor one is followed
//! by a look at the usual mistakes: an image that is mirrored, upside down, or taken from the other
//! side ([`mistakes`]).

pub mod bound;
pub mod calibration;
pub mod evidence;
pub mod mistakes;
pub mod uncertainty;

use std::fmt;

use nalgebra::{Matrix6, Vector3};
use serde::{Deserialize, Serialize};

use super::candidate::Candidate;
use super::case::Compares;
use super::error::RegisterError;
use super::run::{Rivals, Run};
use crate::geometry::RigidTransform;
use bound::ErrorModel;
pub use calibration::Calibration;
pub use evidence::Evidence;
pub use mistakes::Mistake;

/// What a registration is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It can be relied on.
    Good,
    /// Look at it before you do.
    Doubtful,
    /// It is wrong.
    Failed,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Good => "good",
            Self::Doubtful => "doubtful",
            Self::Failed => "failed",
        })
    }
}

/// Settings of the judge.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JudgeConfig {
    /// Whether there is a judgement at all.
    pub enabled: bool,
    /// Whether a poor verdict is followed by a look for usual mistakes.
    pub mistakes: bool,
}

impl Default for JudgeConfig {
    fn default() -> Self {
        Self { enabled: true, mistakes: true }
    }
}

/// How sure a registration is.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// In a word.
    pub verdict: Verdict,
    /// The probability that the mean error in the patient is below 2 mm.
    pub probability_within_2mm: f64,
    /// The covariance of a motion (omega (rad), tau (mm)) about the pivot from the true pose, camera
    /// axes: its shape is that of noise, its size agrees with the expected error.
    pub covariance: Matrix6<f64>,
    /// The expected mean error in the patient (mm), calibrated on registrations of known truth.
    pub expected_tre_mm: f64,
    /// The mean error in the patient (mm) that 95 of 100 such registrations stay below.
    pub error_bound_95_mm: f64,
    /// The same of the error across the rays, depth left out (mm).
    pub error_bound_95_across_ray_mm: f64,
    /// What the verdict rests on.
    pub evidence: Evidence,
    /// The distinct optima that were found.
    pub rivals: Option<Rivals>,
    /// A usual mistake that would explain a poor result.
    pub mistake: Option<Mistake>,
}

impl Judgement {
    /// What speaks against the pose, in words; empty where nothing does.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        let Evidence { gradient_ncc, patch_ncc, lead, coverage, .. } = self.evidence;
        let Evidence { prior_deviation, complete_share, .. } = self.evidence;
        let mut reasons = Vec::new();
        if let Some(mistake) = self.mistake {
            reasons.push(mistake.to_string());
        }
        if gradient_ncc < 0.5 {
            reasons.push(format!(
                "the edges of X-ray and CT agree little (correlation {gradient_ncc:.2})"
            ));
        }
        if patch_ncc < 0.5 {
            reasons.push(format!(
                "patch by patch the images agree little (correlation {patch_ncc:.2})"
            ));
        }
        if lead < 0.02 {
            reasons.push(format!("another pose fits almost as well ({lead:.3} behind)"));
        }
        if self.error_bound_95_mm > 3.0 {
            reasons.push(format!(
                "an error of up to {:.1} mm remains possible",
                self.error_bound_95_mm
            ));
        }
        if complete_share < 0.1 {
            reasons.push(format!(
                "the CT holds all of what only {:.0} % of the X-ray's pixels show",
                100.0 * complete_share
            ));
        }
        if coverage < 0.3 {
            reasons.push(format!("only {:.0} % of the X-ray shows the CT", 100.0 * coverage));
        }
        if prior_deviation > 2.0 {
            reasons.push(format!(
                "the pose is far from what was known before ({prior_deviation:.1} standard deviations)"
            ));
        }
        reasons
    }

    /// The expected error (mm, root mean square) at a point of the patient, by the covariance.
    ///
    /// # Units
    /// Points in the world frame (mm).
    #[must_use]
    pub fn expected_tre_mm_at(
        &self,
        point_world_mm: Vector3<f64>,
        camera_from_world: &RigidTransform,
        pivot_world_mm: Vector3<f64>,
    ) -> f64 {
        let arm = camera_from_world.rotation() * (point_world_mm - pivot_world_mm);
        uncertainty::expected_error_mm(&self.covariance, arm)
    }

    /// The errors (mm) at points of the patient that 95 of 100 such registrations stay below. Their mean is
    /// [`error_bound_95_mm`](Self::error_bound_95_mm); the covariance says where the error is larger.
    ///
    /// # Units
    /// Points in the world frame (mm).
    #[must_use]
    pub fn error_bounds_95_mm_at(
        &self,
        points_world_mm: &[Vector3<f64>],
        camera_from_world: &RigidTransform,
        pivot_world_mm: Vector3<f64>,
    ) -> Vec<f64> {
        let expected_mm = |&point: &Vector3<f64>| {
            self.expected_tre_mm_at(point, camera_from_world, pivot_world_mm)
        };
        let expected: Vec<f64> = points_world_mm.iter().map(expected_mm).collect();
        let mean = expected.iter().sum::<f64>() / expected.len().max(1) as f64;
        let scale = if mean > 0.0 { self.error_bound_95_mm / mean } else { 0.0 };
        expected.into_iter().map(|error| error * scale).collect()
    }
}

/// Whether a candidate is so far from right before the finest level that refining it there would
/// only make a failure precise.
pub(super) fn is_hopeless(
    run: &mut Run<'_, '_>,
    candidate: &Candidate,
) -> Result<bool, RegisterError> {
    if !run.config().judge.enabled || run.case().compares() != Compares::Everywhere {
        return Ok(false);
    }
    let rivals = run.rivals().cloned();
    let (evidence, _) = evidence::gather(run, &candidate.camera_from_world, rivals.as_ref())?;
    let calibration = calibration(run);
    Ok(calibration.verdict(calibration.probability(&evidence)) == Verdict::Failed)
}

/// The calibration for what a run compares.
fn calibration(run: &Run<'_, '_>) -> Calibration {
    if run.compares_complete_rays() {
        Calibration::of_complete_rays()
    } else {
        Calibration::default()
    }
}

/// Judges a candidate of a run.
pub(super) fn judge(
    run: &mut Run<'_, '_>,
    candidate: &Candidate,
    rivals: Option<Rivals>,
) -> Result<Judgement, RegisterError> {
    let pose = &candidate.camera_from_world;
    let (evidence, covariance) = evidence::gather(run, pose, rivals.as_ref())?;
    let calibration = calibration(run);
    let probability_within_2mm = calibration.probability(&evidence);
    let verdict = match run.case().compares() {
        Compares::Everywhere => calibration.verdict(probability_within_2mm),
        // Nothing was calibrated on structures alone, whose surroundings the CT does not show.
        Compares::NearShadow => Verdict::Doubtful,
    };
    let total = ErrorModel::TOTAL.estimate(&evidence, probability_within_2mm);
    let across_ray = ErrorModel::ACROSS_RAY.estimate(&evidence, probability_within_2mm);
    let scale = total.expected_mm / evidence.expected_tre_mm.max(1e-6);
    Ok(Judgement {
        verdict,
        probability_within_2mm,
        covariance: covariance * scale.powi(2),
        expected_tre_mm: total.expected_mm,
        error_bound_95_mm: total.bound_95_mm,
        error_bound_95_across_ray_mm: across_ray.bound_95_mm.min(total.bound_95_mm),
        evidence,
        rivals,
        mistake: None,
    })
}
