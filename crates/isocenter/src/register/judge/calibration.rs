//! From evidence to a probability, and from a probability to a verdict.
//!
//! The probability is a logistic function of features of the evidence. Its weights were fitted
//! (`tools/calibration`) on registrations of simulated X-rays of known truth, among them hopeless
//! ones: another patient's CT, blank images, anatomy out of view. None of the CTs, seeds and
//! protocols of the evaluation was among them.

use serde::{Deserialize, Serialize};

use super::Verdict;
use super::evidence::Evidence;

/// The number of features.
const FEATURES: usize = 8;

/// The features of evidence that the probability depends on.
fn features(evidence: &Evidence) -> [f64; FEATURES] {
    // How far a correlation is from 1, on a scale on which the last percents count.
    let logit = |rho: f64| {
        let rho = rho.clamp(0.0, 0.9995);
        (0.5 * ((1.0 + rho) / (1.0 - rho)).ln()).min(3.5)
    };
    [
        logit(evidence.ncc),
        logit(evidence.gradient_ncc),
        logit(evidence.fine_gradient_ncc),
        logit(evidence.patch_ncc),
        (evidence.lead.max(1e-3)).ln().min(-1.0),
        evidence.expected_tre_mm.max(1e-2).ln(),
        evidence.coverage,
        evidence.prior_deviation.min(4.0),
    ]
}

/// A fitted logistic function.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The probability's logarithmic odds where all features are zero.
    pub intercept: f64,
    /// The weight of each feature.
    pub weights: [f64; FEATURES],
    /// From this probability on a registration is good.
    pub good: f64,
    /// Below this probability it has failed.
    pub failed: f64,
}

impl Default for Calibration {
    fn default() -> Self {
        Self {
            intercept: -6.0,
            weights: [1.0, 2.0, 2.0, 1.0, 1.0, -1.0, 0.0, 0.0],
            good: 0.9,
            failed: 0.1,
        }
    }
}

impl Calibration {
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
