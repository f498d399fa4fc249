//! The metric in which a pose gradient is taken.
//!
//! Which way is steepest depends on what counts as one step. With [`PoseMetric::Pose`] it is a unit of theta,
//! whatever that changes in the image. An X-ray hardly shows depth. With pixels of 4.8 mm, 64 in a row, the
//! detector 1020 mm and the patient 700 mm from the source: 30 mm nearer, the picture grows by 4 %, one pixel
//! at its border; 30 mm sideways move it by nine. So whatever compares images is some hundred times as
//! curved in the image plane as in depth, its gradient lies in the plane and hardly ever in depth, and a
//! network would have to learn to undo that.
//!
//! With [`PoseMetric::Radiograph`] a step is as long as what it changes in the radiograph of the CT: the
//! natural gradient,
//!
//! ```text
//! M = covariance over the pixels of dI / dtheta,   m = trace M / 6
//! P = c (M / m + lambda)^-1,   lambda = 0.3,   c such that trace P = 6
//! g = P dL_net / dtheta
//! ```
//!
//! The mean over the pixels is left out, as brightness tells nothing. lambda bounds by how much a motion is
//! lengthened that the image hardly shows, and c keeps g about as long as dL_net / dtheta. I is the
//! radiograph of the CT as it is, not of the network's features, so that P depends on the pose alone: to the
//! weights it is a constant, and the derivative of g for them is exact ([`step`](crate::step)).
//!
//! # References
//! S. Amari, *Natural gradient works efficiently in learning*, Neural Computation 10 (1998),
//! doi:10.1162/089976698300017746 (its G is M, of white noise and an unknown brightness); K. Levenberg,
//! Q. Appl. Math. 2 (1944), doi:10.1090/qam/10666 (lambda)

use nalgebra::{Matrix6, Vector6};
use serde::{Deserialize, Serialize};

/// The metric in which a pose gradient is taken: see the [module](self).
///
/// # Examples
/// ```
/// use isocenter_net::metric::PoseMetric;
/// let metric: PoseMetric = serde_json::from_str("\"radiograph\"").unwrap();
/// assert_eq!(metric, PoseMetric::Radiograph);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PoseMetric {
    /// That of theta = (omega, tau / h), as published.
    Pose,
    /// That of the radiograph. The length of such a gradient is known up to a factor only, so that it goes
    /// with [`Approximation::Direction`](crate::loss::Approximation::Direction) and is followed by
    /// [`DirectionDescent`](isocenter::optimize::DirectionDescent).
    Radiograph,
}

/// lambda
const DAMPING: f64 = 0.3;

/// P, given dI / dtheta of each pixel: symmetric, positive definite. Where nothing is in view, the identity.
pub(crate) fn preconditioner(derivatives: impl Iterator<Item = Vector6<f64>>) -> Matrix6<f64> {
    let (mut squares, mut sum, mut count) = (Matrix6::zeros(), Vector6::zeros(), 0.0);
    for derivative in derivatives {
        squares += derivative * derivative.transpose();
        sum += derivative;
        count += 1.0;
    }
    let covariance = squares - sum * sum.transpose() / f64::max(count, 1.0);
    let mean = covariance.trace() / 6.0;
    if !(mean.is_finite() && mean > 0.0) {
        return Matrix6::identity();
    }
    let damped = covariance / mean + Matrix6::identity() * DAMPING;
    // Positive definite: no eigenvalue is below the damping.
    let inverse = damped.try_inverse().unwrap_or_else(Matrix6::identity);
    inverse * (6.0 / inverse.trace())
}

#[cfg(test)]
mod tests {
    //! Proves, with radiographs of a phantom: a squared difference of images hardly has a gradient in depth,
    //! and in the metric much more of it; a brightness that changes all over does not count; nothing in view
    //! is no metric.
    use isocenter::geometry::{Camera, PivotMotion, View};
    use isocenter::project::{JetImage, Projector};
    use isocenter::volume::{AttenuationMap, AttenuationVolume, Phantom, PhantomConfig};
    use nalgebra::Vector3;

    use super::*;

    /// h
    const HALF_EXTENT_MM: f64 = 150.0;

    /// Off by so much in the plane and in depth: (omega, tau in mm).
    const OFF: [f64; 6] = [0.02, -0.02, 0.02, 4.0, -5.0, 40.0];

    /// The radiograph of a phantom from a pose that is off, and the true one.
    fn radiographs() -> [JetImage; 2] {
        let config = PhantomConfig { spacing_mm: 6.0, ..PhantomConfig::default() };
        let ct = Phantom::generate(&config).unwrap().ct;
        let volume = AttenuationVolume::from_hounsfield(ct, &AttenuationMap::default()).unwrap();
        let pivot = volume.volume().center_world_mm();
        let projector = Projector::new(volume);
        let camera = Camera::new(1020.0, [4.8, 4.8], [64, 64]).unwrap();
        let truth = View::AP.camera_from_world(pivot, 700.0);
        let off = PivotMotion::from_vector(&Vector6::from(OFF)).apply(&truth, pivot);
        [off, truth].map(|pose| projector.jet(&camera, &pose, pivot).unwrap())
    }

    fn by_theta(jet: &JetImage) -> Vec<Vector6<f64>> {
        let h = HALF_EXTENT_MM;
        let unit = Vector6::new(1.0, 1.0, 1.0, h, h, h);
        jet.jacobian
            .iter()
            .map(|row| Vector6::from(row.map(f64::from)).component_mul(&unit))
            .collect()
    }

    #[test]
    fn depth_is_told() {
        let [off, truth] = radiographs();
        let difference = |n: usize| f64::from(off.image.pixels()[n] - truth.image.pixels()[n]);
        let rows = by_theta(&off);
        let plain: Vector6<f64> = rows.iter().enumerate().map(|(n, row)| row * difference(n)).sum();
        let gradient = preconditioner(rows.into_iter()) * plain;
        let wanted = Vector3::new(OFF[3], OFF[4], OFF[5]).normalize();
        let cosine = |v: &Vector6<f64>| v.fixed_rows::<3>(3).normalize().dot(&wanted);
        let [plain, gradient] = [&plain, &gradient].map(cosine);
        // 40 mm of depth and 6 mm across are wanted; lambda leaves some of what is too short too short.
        assert!(plain < 0.4, "{plain}");
        assert!(gradient > 0.5 && gradient > 1.5 * plain, "{gradient}, plain {plain}");
    }

    #[test]
    fn brightness_does_not_count() {
        let rows = by_theta(&radiographs()[0]);
        let brighter = rows.iter().map(|row| row + Vector6::repeat(3.0));
        let [p, q] = [preconditioner(rows.iter().copied()), preconditioner(brighter)];
        assert!((p - p.transpose()).amax() < 1e-12 && p.cholesky().is_some());
        assert!((p.trace() - 6.0).abs() < 1e-9);
        // Of 4096 sums in f64.
        assert!((p - q).amax() < 1e-6, "{}", (p - q).amax());
    }

    #[test]
    fn nothing_in_view_is_no_metric() {
        let nothing = std::iter::repeat_n(Vector6::zeros(), 5);
        assert_eq!(preconditioner(nothing), Matrix6::identity());
        assert_eq!(preconditioner(std::iter::empty()), Matrix6::identity());
    }
}
