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
    /// axes, as far as noise is concerned: it knows nothing of other optima.
    pub covariance: Matrix6<f64>,
    /// The expected error (mm, root mean square) about 50 mm from the pivot, by the covariance.
    pub expected_tre_mm: f64,
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
        let Evidence { gradient_ncc, patch_ncc, lead, coverage, prior_deviation, .. } =
            self.evidence;
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
        if self.expected_tre_mm > 1.5 {
            reasons.push(format!(
                "the images leave an error of about {:.1} mm open",
                self.expected_tre_mm
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
    let calibration = Calibration::default();
    Ok(calibration.verdict(calibration.probability(&evidence)) == Verdict::Failed)
}

/// Judges a candidate of a run.
pub(super) fn judge(
    run: &mut Run<'_, '_>,
    candidate: &Candidate,
    rivals: Option<Rivals>,
) -> Result<Judgement, RegisterError> {
    let pose = &candidate.camera_from_world;
    let (evidence, covariance) = evidence::gather(run, pose, rivals.as_ref())?;
    let calibration = Calibration::default();
    let probability_within_2mm = calibration.probability(&evidence);
    let verdict = match run.case().compares() {
        Compares::Everywhere => calibration.verdict(probability_within_2mm),
        // Nothing was calibrated on structures alone, whose surroundings the CT does not show.
        Compares::NearShadow => Verdict::Doubtful,
    };
    Ok(Judgement {
        verdict,
        probability_within_2mm,
        covariance,
        expected_tre_mm: evidence.expected_tre_mm,
        evidence,
        rivals,
        mistake: None,
    })
}
