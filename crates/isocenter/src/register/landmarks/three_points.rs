//! The poses from which three points are seen along three given rays.
//!
//! With `a`, `b`, `c` the sides opposite to the points and `alpha`, `beta`, `gamma` the angles
//! between the rays opposite to them, the distances `s1`, `s2 = u s1`, `s3 = v s1` from the source
//! obey the law of cosines in three triangles:
//!
//! ```text
//! s1^2 (u^2 + v^2 - 2 u v cos alpha) = a^2
//! s1^2 (1 + v^2 - 2 v cos beta)      = b^2
//! s1^2 (1 + u^2 - 2 u cos gamma)     = c^2
//! ```
//!
//! Eliminating `s1` and `u` leaves a quartic in `v` (Grunert's), of which each positive root gives
//! a pose. Noise makes a double root, as it occurs about where the patient is seen from the front,
//! complex: its real part then is the closest that there is.
//!
//! # References
//! R. M. Haralick, C.-N. Lee, K. Ottenberg, M. Noelle, *Review and analysis of solutions of the
//! three point perspective pose estimation problem*, IJCV 13(3), 331 (1994),
//! doi:10.1007/BF02028352, equation 9

use nalgebra::{Complex, Matrix3, Matrix4, Schur, Vector3};

use crate::geometry::RigidTransform;

/// Triangles whose height is a smaller part of their longest side than this are passed over.
const FLAT_TRIANGLE: f64 = 1e-3;

/// The poses, at most four, for unit rays in the camera frame.
pub(super) fn poses_of_three_points(
    world_mm: &[Vector3<f64>; 3],
    rays: &[Vector3<f64>; 3],
) -> Vec<RigidTransform> {
    let [p1, p2, p3] = world_mm;
    let [a2, b2, c2] = [p3 - p2, p3 - p1, p2 - p1].map(|side| side.norm_squared());
    let area = (p2 - p1).cross(&(p3 - p1)).norm();
    if area <= FLAT_TRIANGLE * a2.max(b2).max(c2) {
        return Vec::new();
    }
    let [r1, r2, r3] = rays;
    let [cos_alpha, cos_beta, cos_gamma] = [r2.dot(r3), r1.dot(r3), r1.dot(r2)];
    let quartic = grunert_quartic([a2 / b2, c2 / b2], [cos_alpha, cos_beta, cos_gamma]);
    let distances = |v: f64| {
        let s1_squared = b2 / (1.0 + v * v - 2.0 * v * cos_beta);
        let root = (cos_gamma * cos_gamma - 1.0 + c2 / s1_squared).max(0.0).sqrt();
        // Which of the two meets the side that has not been used yet?
        let miss = |u: f64| (u * u + v * v - 2.0 * u * v * cos_alpha - a2 / s1_squared).abs();
        let (near, far) = (cos_gamma - root, cos_gamma + root);
        let u = if miss(near) < miss(far) { near } else { far };
        let s1 = s1_squared.sqrt();
        [s1, u * s1, v * s1]
    };
    roots(quartic)
        .into_iter()
        // Of a complex pair, one.
        .filter(|root| root.im >= 0.0)
        .map(|root| distances(root.re))
        .filter(|s| s.iter().all(|s| s.is_finite() && *s > 0.0))
        .filter_map(|[s1, s2, s3]| aligned(world_mm, &[r1 * s1, r2 * s2, r3 * s3]))
        .collect()
}

/// The coefficients of `v^0` to `v^4`, from the squared sides `a^2 / b^2` and `c^2 / b^2`.
fn grunert_quartic([a2, c2]: [f64; 2], [cos_alpha, cos_beta, cos_gamma]: [f64; 3]) -> [f64; 5] {
    let (minus, plus) = (a2 - c2, a2 + c2);
    let (alpha2, beta2, gamma2) = (cos_alpha.powi(2), cos_beta.powi(2), cos_gamma.powi(2));
    [
        (1.0 + minus).powi(2) - 4.0 * a2 * gamma2,
        4.0 * (-minus * (1.0 + minus) * cos_beta + 2.0 * a2 * gamma2 * cos_beta
            - (1.0 - plus) * cos_alpha * cos_gamma),
        2.0 * (minus.powi(2) - 1.0 + 2.0 * minus.powi(2) * beta2 + 2.0 * (1.0 - c2) * alpha2
            - 4.0 * plus * cos_alpha * cos_beta * cos_gamma
            + 2.0 * (1.0 - a2) * gamma2),
        4.0 * (minus * (1.0 - minus) * cos_beta - (1.0 - plus) * cos_alpha * cos_gamma
            + 2.0 * c2 * alpha2 * cos_beta),
        (minus - 1.0).powi(2) - 4.0 * c2 * alpha2,
    ]
}

/// More steps of the eigenvalue iteration than any matrix of this size takes.
const MOST_STEPS: usize = 1000;

/// The roots of a quartic, as eigenvalues of its companion matrix; none if it is not a quartic.
fn roots([c0, c1, c2, c3, c4]: [f64; 5]) -> Vec<Complex<f64>> {
    let [c0, c1, c2, c3] = [c0, c1, c2, c3].map(|c| -c / c4);
    if ![c0, c1, c2, c3].iter().all(|c| c.is_finite()) {
        return Vec::new();
    }
    #[rustfmt::skip]
    let companion = Matrix4::new(
        0.0, 0.0, 0.0, c0,
        1.0, 0.0, 0.0, c1,
        0.0, 1.0, 0.0, c2,
        0.0, 0.0, 1.0, c3,
    );
    Schur::try_new(companion, f64::EPSILON, MOST_STEPS)
        .map(|schur| schur.complex_eigenvalues().iter().copied().collect())
        .unwrap_or_default()
}

/// The pose that lays one triangle on another: the centroids meet, then the planes, then one side's
/// directions.
fn aligned(world_mm: &[Vector3<f64>; 3], camera_mm: &[Vector3<f64>; 3]) -> Option<RigidTransform> {
    let axes = |[p1, p2, p3]: &[Vector3<f64>; 3]| {
        let first = (p2 - p1).try_normalize(f64::MIN_POSITIVE)?;
        let normal = first.cross(&(p3 - p1)).try_normalize(f64::MIN_POSITIVE)?;
        Some(Matrix3::from_columns(&[first, normal.cross(&first), normal]))
    };
    let mean = |points: &[Vector3<f64>; 3]| points.iter().sum::<Vector3<f64>>() / 3.0;
    let rotation = axes(camera_mm)? * axes(world_mm)?.transpose();
    RigidTransform::new(rotation, mean(camera_mm) - rotation * mean(world_mm)).ok()
}

#[cfg(test)]
mod tests {
    //! Proves: the true pose is among those that three points allow, and all of them, when the rays
    //! are exact, show the points along the rays.
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_true_pose_is_among_them(
            points in prop::array::uniform9(-80.0..80.0f64),
            turn in prop::array::uniform3(-3.0..3.0f64),
            shift in prop::array::uniform3(-60.0..60.0f64),
        ) {
            let point = |n: usize| Vector3::new(points[3 * n], points[3 * n + 1], points[3 * n + 2]);
            let world = [point(0), point(1), point(2)];
            let area = (world[1] - world[0]).cross(&(world[2] - world[0])).norm();
            prop_assume!(area > 400.0);
            let truth = RigidTransform::from_rotation_vector(
                Vector3::from(turn), Vector3::new(shift[0], shift[1], 700.0 + shift[2]),
            );
            let rays = world.map(|p| truth.point(p).normalize());
            let poses = poses_of_three_points(&world, &rays);
            prop_assert!((1..=4).contains(&poses.len()));
            let distance = |pose: &RigidTransform| {
                world.iter().map(|&p| (pose.point(p) - truth.point(p)).norm()).fold(0.0, f64::max)
            };
            let closest = poses.iter().map(distance).fold(f64::INFINITY, f64::min);
            // A double root keeps half of the digits: 1e-8 of 700 mm, times the depth's condition.
            prop_assert!(closest < 0.1, "{closest}");
        }
    }

    #[test]
    fn what_is_no_triangle_has_no_pose() {
        let line = [0.0, 1.0, 2.0].map(|t| Vector3::new(t * 30.0, t * 10.0, 5.0));
        let rays = line.map(|p| (p + Vector3::z() * 700.0).normalize());
        assert!(poses_of_three_points(&line, &rays).is_empty());
        let triangle = [Vector3::zeros(), Vector3::x() * 50.0, Vector3::y() * 50.0];
        for ray in [Vector3::z(), Vector3::repeat(f64::NAN)] {
            for pose in poses_of_three_points(&triangle, &[ray; 3]) {
                assert!(pose.to_matrix().iter().all(|c| c.is_finite()));
            }
        }
        assert_eq!(roots([0.0; 5]).len(), 0);
    }
}
