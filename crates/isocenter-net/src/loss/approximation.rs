//! How far the network's pose gradient is from the geodesic one.
//!
//! [`Approximation::Geodesic`] takes both 6-vectors as motions, and the geodesic distance between
//! these; the target is scaled, since L_net lives in (0, 1) and so cannot be as steep as L_geo:
//!
//! ```text
//! |log(exp(c a) exp(b)^T)|^2 + |c s - t|^2        target (a, s), found (b, t)
//! ```
//!
//! [`Approximation::Direction`] compares directions alone:
//!
//! ```text
//! |a/|a| - b/|b||^2 + |s/|s| - t/|t||^2
//! ```
//!
//! # References
//! arXiv:2402.02498 (geodesic); C. Gao et al., arXiv:2003.12098 (direction)

use isocenter::geometry::rotation;
use nalgebra::{Vector3, Vector6};
use serde::{Deserialize, Serialize};

/// What the target is multiplied with.
const TARGET_SCALE: f64 = 0.25;

/// Added to squared lengths.
const EPSILON: f64 = 1e-10;

/// How two pose gradients are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Approximation {
    /// As motions, by the geodesic distance.
    Geodesic,
    /// By their directions, rotation and translation apart.
    Direction,
}

/// A loss of a pose gradient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PoseLoss {
    /// L_appro.
    pub value: f64,
    /// Its derivative for the gradient that was found: v.
    pub slope: Vector6<f64>,
}

impl Approximation {
    /// The loss of a pose gradient, and its derivative for that.
    ///
    /// # Examples
    /// ```
    /// use isocenter_net::loss::Approximation;
    /// use nalgebra::Vector6;
    /// let target = Vector6::new(0.4, 0.0, 0.0, 0.0, 0.8, 0.0);
    /// let same = Approximation::Direction.compare(&(0.01 * target), &target);
    /// assert!(same.value < 1e-6);
    /// let scaled = Approximation::Geodesic.compare(&(0.25 * target), &target);
    /// assert!(scaled.value < 1e-20);
    /// ```
    #[must_use]
    pub fn compare(self, found: &Vector6<f64>, target: &Vector6<f64>) -> PoseLoss {
        let halves =
            |v: &Vector6<f64>| (Vector3::new(v[0], v[1], v[2]), Vector3::new(v[3], v[4], v[5]));
        let ((b, t), (a, s)) = (halves(found), halves(target));
        let (of_rotation, of_translation) = match self {
            Self::Geodesic => (turn(b, TARGET_SCALE * a), shift(t, TARGET_SCALE * s)),
            Self::Direction => (direction(b, a), direction(t, s)),
        };
        let (r, t) = (of_rotation.1, of_translation.1);
        PoseLoss {
            value: of_rotation.0 + of_translation.0,
            slope: Vector6::new(r.x, r.y, r.z, t.x, t.y, t.z),
        }
    }
}

/// `|log(exp(a) exp(b)^T)|^2` and its derivative for b.
fn turn(b: Vector3<f64>, a: Vector3<f64>) -> (f64, Vector3<f64>) {
    let between = rotation::log(&(rotation::exp(a) * rotation::exp(b).transpose()));
    // exp(-(b + d)) = exp(-b) exp(-J_l(b) d), and the logarithm's own Jacobian leaves its own
    // direction alone.
    let slope = -2.0 * rotation::left_jacobian(b).transpose() * between;
    (between.norm_squared(), slope)
}

/// `|s - t|^2` and its derivative for t.
fn shift(t: Vector3<f64>, s: Vector3<f64>) -> (f64, Vector3<f64>) {
    ((s - t).norm_squared(), 2.0 * (t - s))
}

/// `|b/|b| - a/|a||^2` and its derivative for b.
fn direction(b: Vector3<f64>, a: Vector3<f64>) -> (f64, Vector3<f64>) {
    let length = |v: Vector3<f64>| (v.norm_squared() + EPSILON).sqrt();
    let n = length(b);
    let unit = b / n;
    let difference = unit - a / length(a);
    (difference.norm_squared(), 2.0 * (difference - unit * unit.dot(&difference)) / n)
}

#[cfg(test)]
mod tests {
    //! Proves: slopes are the derivatives of the values, also for large rotations and tiny gradients.
    use super::*;

    #[test]
    fn slopes_are_derivatives() {
        let targets = [
            Vector6::new(0.9, -1.4, 0.3, 0.5, 0.2, -0.8),
            Vector6::new(-0.02, 0.01, 0.0, 1e-3, 0.0, 2e-3),
        ];
        let found = [
            Vector6::new(0.3, 0.5, -0.7, 0.1, -0.4, 0.6),
            Vector6::new(1e-4, -3e-4, 2e-4, 1e-4, 1e-4, -1e-4),
        ];
        for approximation in [Approximation::Geodesic, Approximation::Direction] {
            for (target, found) in targets.iter().flat_map(|t| found.iter().map(move |f| (t, f))) {
                let loss = approximation.compare(found, target);
                for n in 0..6 {
                    let step = 1e-6 * found.norm();
                    let at = |step: f64| {
                        let mut moved = *found;
                        moved[n] += step;
                        approximation.compare(&moved, target).value
                    };
                    let slope = (at(step) - at(-step)) / (2.0 * step);
                    // Central differences in f64, relative to the largest component.
                    let tolerance = 1e-5 * (1.0 + loss.slope.amax());
                    assert!((slope - loss.slope[n]).abs() < tolerance, "{approximation:?} {n}");
                }
            }
        }
    }
}
