//! How far noise may have moved a pose: its covariance, from curvature and residual.
//!
//! The misfit of a correlation is half the squared length of a vector of residuals,
//! `1 - rho = |r|^2 / 2`, and its Gauss-Newton curvature is `H = dr^T dr`. With independent residuals
//! of variance `s^2 = |r|^2 / n = 2 (1 - rho) / n`, least squares has the covariance
//!
//! ```text
//! cov = s^2 H^-1
//! ```
//!
//! Residuals are not independent: blur, scatter and whatever the CT does not show join neighbors. As
//! many pixels as lie within the correlation of the residuals count as one; the calibration of the
//! verdict takes care of what is left.
//!
//! What is systematically wrong, a CT that has changed or a display that is not understood, shows
//! where the image is divided into fields: each wants the pose to move by a gradient `g_b` of its
//! own. Were the fields drawn independently, the pose would have the covariance (with `H` the sum
//! of their curvatures; the "sandwich" of robust statistics, clusters being fields)
//!
//! ```text
//! cov = H^-1 (sum_b g_b g_b^T) H^-1 * n / (n - 6)
//! ```
//!
//! whatever the pixels within a field have in common.
//!
//! # References
//! K.-Y. Liang, S. L. Zeger, Biometrika 73(1), 13 (1986), doi:10.1093/biomet/73.1.13 (clusters)
//!
//! J. M. Fitzpatrick, J. B. West, C. R. Maurer, IEEE TMI 17(5), 694 (1998), doi:10.1109/42.736021
//! (errors at targets from those of the pose)

use nalgebra::{Matrix3, Matrix6, Vector3, Vector6};

use crate::geometry::rotation::hat;
use crate::register::level::Field;

/// Pixels that count as one.
const PIXELS_PER_RESIDUAL: f64 = 9.0;

/// How far from the pivot errors are expected at, where no targets are named (mm).
const ARM_MM: f64 = 50.0;

/// The covariance of a motion about the pivot; where the images say nothing of a direction, its
/// variance is as large as that of a pose that is nowhere.
#[must_use]
pub(super) fn covariance(similarity: f64, curvature: &Matrix6<f64>, pixels: usize) -> Matrix6<f64> {
    let independent = (pixels as f64 / PIXELS_PER_RESIDUAL - 6.0).max(1.0);
    let variance = 2.0 * (1.0 - similarity).max(1e-6) / independent;
    let nowhere = nowhere();
    let least = Matrix6::from_diagonal(&nowhere.map_diagonal(|variance| 1.0 / variance));
    (curvature / variance + least).try_inverse().unwrap_or(nowhere)
}

/// The covariance by which fields disagree about a pose that is the best for all of them; a field
/// counts by its number of pixels.
#[must_use]
pub(super) fn disagreement(fields: &[Field]) -> Matrix6<f64> {
    let pixels: usize = fields.iter().map(|field| field.pixels).sum();
    let (mut curvature, mut squares) = (Matrix6::zeros(), Matrix6::zeros());
    for Field { pixels: own, evaluation } in fields {
        let share = *own as f64 / pixels as f64;
        let wanted = share * evaluation.gradient;
        squares += wanted * wanted.transpose();
        curvature += share * evaluation.curvature.unwrap_or_else(Matrix6::zeros);
    }
    let count = fields.len() as f64;
    // Too few fields disagree about nothing; the images tell nothing then.
    if count <= 6.0 {
        return nowhere();
    }
    let nowhere = nowhere();
    // Where there is next to no curvature, the pose is nowhere.
    let least = nowhere.map_diagonal(|variance| LEAST_CURVATURE / variance);
    let inverse = (curvature + Matrix6::from_diagonal(&least)).try_inverse().unwrap_or(nowhere);
    let spread = squares * (count / (count - 6.0));
    let unseen =
        Matrix6::from_diagonal(&least.component_mul(&least).component_mul(&nowhere.diagonal()));
    inverse * (spread + unseen) * inverse
}

/// Below this curvature, of a motion by as much as a pose is uncertain that is nowhere, images tell
/// nothing.
const LEAST_CURVATURE: f64 = 1e-3;

/// The covariance of a pose that is nowhere: half a radian, 100 mm.
fn nowhere() -> Matrix6<f64> {
    let deviations = Vector6::new(0.5, 0.5, 0.5, 100.0, 100.0, 100.0);
    Matrix6::from_diagonal(&deviations.component_mul(&deviations))
}

/// The expected error (mm, root mean square) at the end of an arm from the pivot, camera axes.
#[must_use]
pub(super) fn expected_error_mm(covariance: &Matrix6<f64>, arm_mm: Vector3<f64>) -> f64 {
    // A motion moves the point by omega x arm + tau.
    let turn = -hat(arm_mm);
    let part = |r: usize, c: usize| -> Matrix3<f64> { covariance.fixed_view::<3, 3>(r, c).into() };
    let moved = turn * part(0, 0) * turn.transpose()
        + turn * part(0, 3)
        + part(3, 0) * turn.transpose()
        + part(3, 3);
    moved.trace().max(0.0).sqrt()
}

/// The expected error (mm, root mean square) about the pivot.
#[must_use]
pub(super) fn expected_error_about_mm(covariance: &Matrix6<f64>) -> f64 {
    let axes = [Vector3::x(), Vector3::y(), Vector3::z()];
    let arms = axes.iter().flat_map(|axis| [axis * ARM_MM, axis * -ARM_MM]);
    let squares: f64 = arms.map(|arm| expected_error_mm(covariance, arm).powi(2)).sum();
    (squares / 6.0).sqrt()
}

#[cfg(test)]
mod tests {
    //! Proves: errors add up as they do for drawn motions, and a direction of which nothing is known
    //! has a large variance and no infinite one.
    use super::*;
    use crate::optimize::Evaluation;
    use nalgebra::Cholesky;
    use rand::{RngExt, SeedableRng};
    use rand_distr::StandardNormal;

    #[test]
    fn errors_are_those_of_drawn_motions() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let scales = [0.01, 0.02, 0.005, 0.3, 0.2, 2.0];
        let mixed = Matrix6::from_fn(|r, c| {
            scales[r] * if r == c { 1.0 } else { 0.2 * ((r * 6 + c) as f64).sin() }
        });
        let covariance = mixed * mixed.transpose();
        let root = Cholesky::new(covariance).unwrap().l();
        let arm = Vector3::new(30.0, -40.0, 20.0);
        let square = |_| {
            let xi = root * Vector6::from_fn(|_, _| rng.sample::<f64, _>(StandardNormal));
            let (omega, tau) = (xi.fixed_rows::<3>(0), xi.fixed_rows::<3>(3));
            (omega.cross(&arm) + tau).norm_squared()
        };
        let drawn = ((0..20_000).map(square).sum::<f64>() / 20_000.0).sqrt();
        let expected = expected_error_mm(&covariance, arm);
        // 20,000 draws: within a percent or so.
        assert!((drawn / expected - 1.0).abs() < 0.02, "{drawn} {expected}");
    }

    #[test]
    fn fields_that_pull_apart_leave_the_pose_uncertain() {
        // Eight fields of equal curvature k and gradients of +-g along one translation: each alone
        // would be off by g / k, the mean of eight by that over the root of eight.
        let (k, g) = (4.0, 0.02);
        let field = |n: usize| {
            let mut gradient = Vector6::zeros();
            gradient[3] = if n < 4 { g } else { -g };
            let curvature = Some(Matrix6::identity() * k);
            Field { pixels: 100, evaluation: Evaluation { similarity: 0.9, gradient, curvature } }
        };
        let fields: Vec<Field> = (0..8).map(field).collect();
        let covariance = disagreement(&fields);
        let expected = (g / k).powi(2) / 8.0 * (8.0 / 2.0);
        // The least curvature changes a few parts in a hundred thousand.
        assert!((covariance[(3, 3)] / expected - 1.0).abs() < 1e-3, "{covariance}");
        assert!(covariance[(4, 4)].sqrt() < 1e-3);
        // Fields that show nothing agree, but tell nothing.
        let blank = Evaluation { curvature: None, gradient: Vector6::zeros(), similarity: 0.0 };
        let blank = [Field { pixels: 100, evaluation: blank }; 16];
        assert!((disagreement(&blank)[(5, 5)].sqrt() - 100.0).abs() < 1e-6);
        // Six fields cannot disagree about six numbers.
        assert!(disagreement(&fields[..6])[(3, 3)] > 50.0_f64.powi(2));
    }

    #[test]
    fn what_is_not_seen_is_uncertain() {
        let mut curvature = Matrix6::identity() * 10.0;
        curvature[(5, 5)] = 0.0;
        let covariance = covariance(0.9, &curvature, 4096);
        assert!((covariance[(5, 5)].sqrt() - 100.0).abs() < 1e-9);
        assert!(covariance[(3, 3)].sqrt() < 1.0);
    }
}
