//! An error one can believe: what to expect of a pose, and a bound that holds in 95 of 100.
//!
//! The covariance knows noise and nothing else: it is several times too small where a CT is cut, where a
//! renderer ends a scan otherwise, or where the optimum is another one. What the error really is was
//! measured on registrations of known truth ([`super::calibration`]). The expected error is a power law of the
//! evidence,
//!
//! ```text
//! ln e = c + sum_n w_n x_n
//! ```
//!
//! with `x` the logarithms of the errors by noise and by disagreement, Fisher's z of the correlations, the
//! logarithm of the share of complete rays and the logarithmic odds of the verdict. The bound is `e` times
//! the 95 % quantile of the ratio of true to expected error on patients that were left out of the fit
//! (conformal prediction), taken for four classes of the probability apart (Mondrian); poses that are
//! probably right have a power law of their own.
//!
//! # References
//! - V. Vovk, A. Gammerman, G. Shafer, *Algorithmic Learning in a Random World* (2005),
//!   doi:10.1007/b106715 (conformal and Mondrian prediction)

use super::evidence::Evidence;

/// The number of features.
const FEATURES: usize = 7;

/// The probabilities that divide the classes of a bound; at the middle one the power law changes.
const CLASSES: [f64; 3] = [0.05, 0.7, 0.95];

/// No error is expected below this (mm), and none above: a pose is nowhere then.
const RANGE_MM: [f64; 2] = [0.01, 300.0];

/// The features of evidence, and of the probability that the verdict rests on.
fn features(evidence: &Evidence, probability: f64) -> [f64; FEATURES] {
    let fisher = |rho: f64| rho.clamp(0.0, 0.9995).atanh();
    let ln_mm = |mm: f64| mm.clamp(0.02, 200.0).ln();
    let probability = probability.clamp(1e-4, 1.0 - 1e-4);
    [
        ln_mm(evidence.expected_tre_mm),
        ln_mm(evidence.disagreement_mm),
        fisher(evidence.gradient_ncc),
        fisher(evidence.fine_gradient_ncc),
        fisher(evidence.patch_ncc),
        evidence.complete_share.clamp(0.01, 1.0).ln(),
        (probability / (1.0 - probability)).ln(),
    ]
}

/// A fitted power law and its quantiles.
#[derive(Debug, Clone, Copy, PartialEq)]
struct PowerLaw {
    intercept: f64,
    weights: [f64; FEATURES],
    /// The 95 % quantile of true over expected error, in the lower and the upper class of the probability.
    factors: [f64; 2],
}

/// What errors to expect: of poses that are probable, and of the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ErrorModel {
    improbable: PowerLaw,
    probable: PowerLaw,
}

/// An expected error and its bound (mm).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ErrorEstimate {
    /// What to expect: as many are larger as are smaller.
    pub expected_mm: f64,
    /// Of 100, 95 are smaller.
    pub bound_95_mm: f64,
}

impl ErrorModel {
    /// Of the mean target registration error.
    pub(super) const TOTAL: Self = Self {
        improbable: PowerLaw {
            intercept: 2.373,
            weights: [0.681, -0.125, -0.488, -0.527, 0.115, -0.030, -0.278],
            factors: [6.29, 14.46],
        },
        probable: PowerLaw {
            intercept: -0.519,
            weights: [0.882, 0.094, 0.199, 0.582, -0.504, -0.013, -0.055],
            factors: [27.34, 4.13],
        },
    };
    /// Of its part across the ray: depth is left out.
    pub(super) const ACROSS_RAY: Self = Self {
        improbable: PowerLaw {
            intercept: 1.549,
            weights: [0.646, -0.169, -0.904, -0.430, 0.293, -0.089, -0.304],
            factors: [6.47, 17.82],
        },
        probable: PowerLaw {
            intercept: -1.672,
            weights: [0.825, 0.015, 0.404, 0.343, -0.660, -0.250, -0.048],
            factors: [26.41, 3.13],
        },
    };

    /// The error to expect of a pose with this evidence.
    pub(super) fn estimate(&self, evidence: &Evidence, probability: f64) -> ErrorEstimate {
        let [failed, probable, sure] = CLASSES;
        let (law, upper) = match probability >= probable {
            true => (&self.probable, probability >= sure),
            false => (&self.improbable, probability >= failed),
        };
        let features = features(evidence, probability);
        let weighted: f64 = features.iter().zip(&law.weights).map(|(f, w)| f * w).sum();
        let [least_mm, most_mm] = RANGE_MM;
        let expected_mm = (law.intercept + weighted).exp().clamp(least_mm, most_mm);
        ErrorEstimate { expected_mm, bound_95_mm: expected_mm * law.factors[usize::from(upper)] }
    }
}

#[cfg(test)]
mod tests {
    //! Proves: a bound is above what is expected, both rise with what speaks for an error, and odd evidence
    //! gives finite ones.
    use super::*;

    fn evidence(noise_mm: f64, disagreement_mm: f64) -> Evidence {
        Evidence {
            ncc: 0.9,
            gradient_ncc: 0.8,
            fine_gradient_ncc: 0.6,
            patch_ncc: 0.7,
            lead: 0.05,
            expected_tre_mm: noise_mm,
            disagreement_mm,
            all_gradient_ncc: 0.5,
            complete_share: 0.5,
            coverage: 0.9,
            prior_deviation: 1.0,
        }
    }

    #[test]
    fn bounds_follow_the_evidence() {
        for model in [ErrorModel::TOTAL, ErrorModel::ACROSS_RAY] {
            let good = model.estimate(&evidence(0.2, 0.2), 0.99);
            let poor = model.estimate(&evidence(5.0, 9.0), 0.02);
            assert!(good.bound_95_mm > good.expected_mm && poor.bound_95_mm > poor.expected_mm);
            assert!(poor.expected_mm > 5.0 * good.expected_mm, "{poor:?} {good:?}");
            let odd =
                model.estimate(&Evidence { complete_share: 0.0, ..evidence(0.0, f64::MAX) }, 0.0);
            assert!(odd.expected_mm.is_finite() && odd.bound_95_mm > 0.0);
        }
        let (total, across) = (ErrorModel::TOTAL, ErrorModel::ACROSS_RAY);
        let fair = evidence(0.5, 0.5);
        assert!(across.estimate(&fair, 0.95).expected_mm < total.estimate(&fair, 0.95).expected_mm);
    }
}
