//! An objective that stays within what is known before.
//!
//! Far outside of the prior a similarity has maxima that mean nothing: the patient at the detector,
//! or half out of the image. With `d` the deviations of a pose from the prior's center in standard
//! deviations, the objective is lowered by
//!
//! ```text
//! weight * sum_c max(0, |d_c| - 3)^2
//! ```
//!
//! Within three standard deviations nothing is changed: the optimum is that of the images alone.

use nalgebra::{Matrix6, Vector3, Vector6};

use super::prior::Prior;
use crate::geometry::RigidTransform;
use crate::optimize::{Evaluation, Objective, ObjectiveError};

/// Standard deviations within which the prior says nothing.
const FREE: f64 = 3.0;

/// What one standard deviation too much costs, of a correlation that is 1 at most: more than a false
/// maximum gains.
const WEIGHT: f64 = 0.05;

/// See the [module](self).
pub(super) struct WithinPrior<'a, O> {
    objective: O,
    prior: &'a Prior,
}

impl<'a, O: Objective> WithinPrior<'a, O> {
    pub(super) fn new(objective: O, prior: &'a Prior) -> Self {
        Self { objective, prior }
    }

    /// The penalty, and its derivatives for a motion of the pose.
    fn penalty(&self, pose: &RigidTransform) -> (f64, Vector6<f64>, Matrix6<f64>) {
        let (deviations, jacobian) = self.prior.deviations(pose, self.objective.pivot_world_mm());
        let excess = deviations.map(|d| (d.abs() - FREE).max(0.0).copysign(d));
        let mut beyond = jacobian;
        for c in 0..6 {
            if excess[c] == 0.0 {
                beyond.row_mut(c).fill(0.0);
            }
        }
        let gradient = 2.0 * WEIGHT * beyond.transpose() * excess;
        (WEIGHT * excess.norm_squared(), gradient, 2.0 * WEIGHT * beyond.transpose() * beyond)
    }
}

impl<O: Objective> Objective for WithinPrior<'_, O> {
    fn pivot_world_mm(&self) -> Vector3<f64> {
        self.objective.pivot_world_mm()
    }

    fn evaluate(&self, camera_from_world: &RigidTransform) -> Result<Evaluation, ObjectiveError> {
        let mut evaluation = self.objective.evaluate(camera_from_world)?;
        let (penalty, gradient, curvature) = self.penalty(camera_from_world);
        evaluation.similarity -= penalty;
        evaluation.gradient -= gradient;
        if let Some(of_images) = &mut evaluation.curvature {
            *of_images += curvature;
        }
        Ok(evaluation)
    }

    fn similarities(&self, cameras_from_world: &[RigidTransform]) -> Vec<f64> {
        let mut similarities = self.objective.similarities(cameras_from_world);
        for (similarity, pose) in similarities.iter_mut().zip(cameras_from_world) {
            *similarity -= self.penalty(pose).0;
        }
        similarities
    }
}

#[cfg(test)]
mod tests {
    //! Proves: within the prior nothing changes, beyond it gradient and values agree.
    use super::*;
    use crate::geometry::PivotMotion;
    use crate::register::PoseSpread;

    struct Flat;

    impl Objective for Flat {
        fn pivot_world_mm(&self) -> Vector3<f64> {
            Vector3::new(1.0, 2.0, 3.0)
        }

        fn evaluate(&self, _: &RigidTransform) -> Result<Evaluation, ObjectiveError> {
            let curvature = Some(Matrix6::zeros());
            Ok(Evaluation { similarity: 0.5, gradient: Vector6::zeros(), curvature })
        }

        fn similarities(&self, poses: &[RigidTransform]) -> Vec<f64> {
            vec![0.5; poses.len()]
        }
    }

    #[test]
    fn beyond_the_prior_it_falls_by_its_gradient() {
        let center = RigidTransform::from_translation(Vector3::new(5.0, 0.0, 700.0));
        let prior = Prior { center_camera_from_world: center, spread: PoseSpread::default() };
        let objective = WithinPrior::new(Flat, &prior);
        let moved = |xi: [f64; 6], from: &RigidTransform| {
            PivotMotion::from_vector(&Vector6::from(xi)).apply(from, Flat.pivot_world_mm())
        };
        let inside = moved([0.9, -0.8, 0.3, 80.0, -70.0, 150.0], &center);
        assert_eq!(objective.evaluate(&inside).unwrap().similarity, 0.5);
        assert_eq!(objective.similarities(&[inside]), [0.5]);
        let outside = moved([1.3, -0.5, 1.2, 100.0, -20.0, -230.0], &center);
        let found = objective.evaluate(&outside).unwrap();
        assert!(found.similarity < 0.45 && found.curvature.unwrap().trace() > 0.0);
        for c in 0..6 {
            let h = if c < 3 { 1e-5 } else { 1e-3 };
            let at = |h: f64| {
                let mut xi = [0.0; 6];
                xi[c] = h;
                objective.evaluate(&moved(xi, &outside)).unwrap().similarity
            };
            let slope = (at(h) - at(-h)) / (2.0 * h);
            // Central differences of a smooth function in f64.
            assert!((slope - found.gradient[c]).abs() < 1e-6 * (1.0 + slope.abs()), "{c}");
        }
    }
}
