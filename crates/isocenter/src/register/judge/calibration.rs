//! From evidence to a probability, and from a probability to a verdict.
//!
//! The probability is a logistic function of features of the evidence. Its weights were fitted
//! (`tools/calibration`) on registrations of simulated X-rays of known truth, among them CTs of which
//! only a narrow slab is left, and hopeless ones: another patient's CT, blank images, anatomy out of
//! view. None of the CTs, seeds and protocols of the evaluation was among them.

use serde::{Deserialize, Serialize};

use super::Verdict;
use super::evidence::Evidence;

/// The number of features.
const FEATURES: usize = 10;

/// The features of evidence that the probability depends on. Coverage is none: where the CT is seen and
/// where it ends, the fine measures know.
fn features(evidence: &Evidence) -> [f64; FEATURES] {
    // How far a correlation is from 1, on a scale on which the last percents count.
    let logit = |rho: f64| {
        let rho = rho.clamp(0.0, 0.9995);
        (0.5 * ((1.0 + rho) / (1.0 - rho)).ln()).min(3.5)
    };
    let [noise_mm, disagreement_mm] =
        [evidence.expected_tre_mm, evidence.disagreement_mm].map(|mm| mm.clamp(0.05, 200.0));
    [
        logit(evidence.ncc),
        logit(evidence.gradient_ncc),
        logit(evidence.fine_gradient_ncc),
        logit(evidence.patch_ncc),
        (evidence.lead.max(1e-3)).ln().min(-1.0),
        noise_mm.ln(),
        (disagreement_mm / noise_mm).clamp(0.1, 10.0).ln(),
        evidence.prior_deviation.min(4.0),
        logit(evidence.all_gradient_ncc),
        evidence.complete_share.clamp(0.01, 1.0).ln(),
    ]
}

/// A fitted logistic function.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The probability's logarithmic odds where all features are zero.
    pub intercept: f64,
    /// The weight of each feature.
    pub weights: [f64; FEATURES],
    /// From this probability on a registration is good. The default is a promise: at the limit itself
    /// nine of ten are within 2 mm, and by how the calibrated probabilities are spread nearly all above.
    pub good: f64,
    /// Below this probability it has failed.
    pub failed: f64,
}

impl Default for Calibration {
    fn default() -> Self {
        Self {
            intercept: -2.302,
            weights: [0.333, 1.372, 1.242, 1.601, 1.408, -1.518, -3.131, -1.535, 0.0, 0.0],
            good: 0.9,
            failed: 0.05,
        }
    }
}

impl Calibration {
    /// Where only complete rays are compared: fitted on cut CTs whose X-rays show all of the patient.
    #[must_use]
    pub fn of_complete_rays() -> Self {
        Self {
            intercept: 1.082,
            weights: [-0.263, 1.088, 1.336, 0.713, 1.107, -0.669, -0.908, -1.519, 0.317, -0.198],
            good: 0.95,
            failed: 0.05,
        }
    }

    /// The probability that a pose with this evidence is within 2 mm.
    #[must_use]
    pub fn probability(&self, evidence: &Evidence) -> f64 {
        let features = features(evidence);
        let weighted: f64 = features.iter().zip(&self.weights).map(|(f, w)| f * w).sum();
        let odds = self.intercept + weighted;
        1.0 / (1.0 + (-odds).exp())
    }

    /// The verdict of a probability.
    #[must_use]
    pub fn verdict(&self, probability: f64) -> Verdict {
        if probability >= self.good {
            Verdict::Good
        } else if probability >= self.failed {
            Verdict::Doubtful
        } else {
            Verdict::Failed
        }
    }
}

#[cfg(test)]
mod tests {
    //! Proves: more agreement, a larger lead and a sharper optimum make a pose more probable, and the
    //! verdicts follow.
    use super::*;

    const FAIR: Evidence = Evidence {
        ncc: 0.97,
        gradient_ncc: 0.8,
        fine_gradient_ncc: 0.6,
        patch_ncc: 0.8,
        lead: 0.05,
        expected_tre_mm: 1.0,
        disagreement_mm: 1.0,
        all_gradient_ncc: 0.8,
        complete_share: 1.0,
        coverage: 0.9,
        prior_deviation: 1.0,
    };

    #[test]
    fn evidence_counts_the_right_way() {
        let calibration = Calibration::default();
        let fair = calibration.probability(&FAIR);
        let better = [
            Evidence { gradient_ncc: 0.95, ..FAIR },
            Evidence { fine_gradient_ncc: 0.9, ..FAIR },
            Evidence { lead: 0.2, ..FAIR },
            Evidence { disagreement_mm: 0.3, ..FAIR },
        ];
        for evidence in better {
            assert!(calibration.probability(&evidence) > fair, "{evidence:?}");
        }
    }

    #[test]
    fn a_pose_that_shows_nothing_is_not_good() {
        // Another optimum was not looked for, and no field has anything to say.
        let nothing = Evidence {
            ncc: 0.0,
            gradient_ncc: 0.0,
            fine_gradient_ncc: 0.0,
            patch_ncc: 0.0,
            lead: 0.02,
            expected_tre_mm: 176.0,
            disagreement_mm: 176.0,
            all_gradient_ncc: 0.0,
            complete_share: 1.0,
            coverage: 0.0,
            prior_deviation: 1.0,
        };
        assert!(Calibration::default().probability(&nothing) < 1e-3);
    }

    #[test]
    fn verdicts_follow() {
        let calibration = Calibration::default();
        let sure = Evidence {
            ncc: 0.998,
            gradient_ncc: 0.98,
            fine_gradient_ncc: 0.93,
            patch_ncc: 0.97,
            lead: 0.2,
            expected_tre_mm: 0.3,
            disagreement_mm: 0.2,
            ..FAIR
        };
        let nothing = Evidence {
            ncc: 0.1,
            gradient_ncc: 0.05,
            fine_gradient_ncc: 0.02,
            patch_ncc: 0.05,
            lead: 0.001,
            expected_tre_mm: 20.0,
            disagreement_mm: 20.0,
            ..FAIR
        };
        let verdict = |evidence| calibration.verdict(calibration.probability(evidence));
        assert_eq!((verdict(&sure), verdict(&nothing)), (Verdict::Good, Verdict::Failed));
        // Odd numbers give a probability nevertheless.
        let odd = Evidence { ncc: 1.0, lead: 0.0, expected_tre_mm: 0.0, ..FAIR };
        assert!((0.0..=1.0).contains(&calibration.probability(&odd)));
    }
}
