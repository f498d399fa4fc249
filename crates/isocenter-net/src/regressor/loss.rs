//! How wrong a pose is that a regressor says: by its numbers, and by what its radiograph looks like.
//!
//! ```text
//! L = ( 3.6 |omega - omega_t| + |tau - tau_t| / h ) / 6  +  1 - NCC(X-ray, radiograph at the pose)
//! ```
//!
//! (omega, tau) being the motion from the nominal pose to the one that is said, (omega_t, tau_t) to the
//! true one, and h half the side of the CT's cube. The derivative of a radiograph is that for a motion
//! *at* its pose; for the rotation vector *to* it the left Jacobian lies in between,
//! `exp(omega + d) = exp(J_l(omega) d) exp(omega)`.
//!
//! # References
//! arXiv:2305.06252, and the authors' `src/train_RTPI_v3.py`, for the weights

use isocenter::geometry::rotation::left_jacobian;
use isocenter::geometry::{Camera, PivotMotion, RigidTransform};
use isocenter::project::{JetImage, ProjectError, Projector};
use isocenter::radiograph::Image;
use isocenter::similarity::{GaussNewtonModel, Ncc, Similarity, SimilarityError};
use isocenter::volume::ChannelVolume;
use nalgebra::{Vector3, Vector6};

use crate::error::NetError;
use crate::moving_projector::jet;

/// What a rotation by a radian counts, against a shift by h.
const ROTATION_WEIGHT: f64 = 3.6;

/// The components of a pose.
const SHARE: f64 = 1.0 / 6.0;

/// What a pose is compared with.
#[derive(Debug, Clone, Copy)]
pub struct Truth<'a> {
    /// Of the X-ray, with as many pixels as it is seen with.
    pub camera: &'a Camera,
    /// The CT.
    pub projector: &'a Projector<ChannelVolume>,
    /// The X-ray, row by row.
    pub xray: &'a Image,
    /// About which motions turn (mm), world frame.
    pub pivot_world_mm: Vector3<f64>,
    /// The pose that motions go out from.
    pub nominal_camera_from_world: RigidTransform,
    /// The true one.
    pub true_camera_from_world: RigidTransform,
    /// h (mm).
    pub half_extent_mm: f64,
}

/// How wrong a pose is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RegressionLoss {
    /// L.
    pub value: f64,
    /// Its derivative for the motion from the nominal pose (rad, mm).
    pub slope: Vector6<f64>,
    /// The angle between the rotations (rad).
    pub rotation_rad: f64,
    /// The distance between the pivot's places (mm).
    pub shift_mm: f64,
    /// NCC of X-ray and radiograph; 0 where nothing can be seen.
    pub ncc: f64,
}

impl Truth<'_> {
    /// How wrong the pose is to which a motion leads from the nominal one.
    ///
    /// # Errors
    /// If a number is not finite.
    pub fn compare(&self, motion: &PivotMotion) -> Result<RegressionLoss, NetError> {
        let pose = motion.apply(&self.nominal_camera_from_world, self.pivot_world_mm);
        let wanted = PivotMotion::between(
            &self.nominal_camera_from_world,
            &self.true_camera_from_world,
            self.pivot_world_mm,
        );
        let (turn, shift) = (motion.omega_rad - wanted.omega_rad, motion.tau_mm - wanted.tau_mm);
        let by_turn = SHARE * ROTATION_WEIGHT * direction(turn);
        let by_shift = SHARE / self.half_extent_mm * direction(shift);
        let distance = SHARE * (ROTATION_WEIGHT * turn.norm() + shift.norm() / self.half_extent_mm);
        let likeness =
            likeness(self.projector, self.camera, &pose, self.xray, self.pivot_world_mm)?;
        let (ncc, by_motion) = likeness.map_or((0.0, Vector6::zeros()), |l| (l.value, l.gradient));
        let likeness_by_turn =
            left_jacobian(motion.omega_rad).transpose() * by_motion.fixed_rows::<3>(0);
        let mut slope = Vector6::zeros();
        slope.fixed_rows_mut::<3>(0).copy_from(&(by_turn - likeness_by_turn));
        slope.fixed_rows_mut::<3>(3).copy_from(&(by_shift - by_motion.fixed_rows::<3>(3)));
        let off = PivotMotion::between(&pose, &self.true_camera_from_world, self.pivot_world_mm);
        Ok(RegressionLoss {
            value: distance + 1.0 - ncc,
            slope,
            rotation_rad: off.omega_rad.norm(),
            shift_mm: off.tau_mm.norm(),
            ncc,
        })
    }
}

/// NCC of X-ray and radiograph at a pose, and its derivative for a motion there. None where nothing can be
/// compared: from a source within the CT, or with an X-ray that shows nothing.
pub(super) fn likeness(
    projector: &Projector<ChannelVolume>,
    camera: &Camera,
    camera_from_world: &RigidTransform,
    xray: &Image,
    pivot_world_mm: Vector3<f64>,
) -> Result<Option<GaussNewtonModel>, NetError> {
    let ncc = match Ncc::new(xray, None) {
        Err(SimilarityError::ConstantFixed) => return Ok(None),
        prepared => prepared?,
    };
    let (image, jacobian) = match jet(projector, camera, camera_from_world, pivot_world_mm) {
        Err(ProjectError::SourceInsideVolume { .. }) => return Ok(None),
        rendered => rendered?,
    };
    let jet = JetImage { image: Image::new(camera.size_px(), image)?, jacobian };
    Ok(Some(ncc.gauss_newton(&jet)?))
}

/// The derivative of a length; none where it is 0.
fn direction(v: Vector3<f64>) -> Vector3<f64> {
    v.try_normalize(0.0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    //! Proves: the slope is the derivative of the value, by finite differences; at the true pose there is
    //! nothing left but noise; a pose from which nothing can be seen is no error.
    use isocenter::geometry::View;
    use isocenter::volume::{AttenuationMap, AttenuationVolume, Phantom, PhantomConfig};

    use super::*;
    use crate::moving::MovingVolume;

    fn with_truth(check: impl FnOnce(&Truth<'_>, &PivotMotion)) {
        let config = PhantomConfig { spacing_mm: 6.0, ..PhantomConfig::default() };
        let ct = Phantom::generate(&config).unwrap().ct;
        let ct = AttenuationVolume::from_hounsfield(ct, &AttenuationMap::default()).unwrap();
        let pivot = ct.volume().center_world_mm();
        let moving = MovingVolume::new(&ct, 8.0).unwrap();
        let projector =
            Projector::new(ChannelVolume::new(vec![moving.relative_attenuation]).unwrap());
        let camera = Camera::new(1020.0, [9.6, 9.6], [32, 32]).unwrap();
        let nominal = View::AP.camera_from_world(pivot, 700.0);
        let wanted = PivotMotion::from_vector(&Vector6::new(0.2, -0.1, 0.3, 12.0, -9.0, 30.0));
        let truth = wanted.apply(&nominal, pivot);
        let exposure = projector.expose(&camera, &truth).unwrap();
        let mut xray = vec![0.0; exposure.image_len()];
        exposure.forward_into(&mut xray).unwrap();
        let truth = Truth {
            camera: &camera,
            projector: &projector,
            xray: &Image::new([32, 32], xray).unwrap(),
            pivot_world_mm: pivot,
            nominal_camera_from_world: nominal,
            true_camera_from_world: truth,
            half_extent_mm: 128.0,
        };
        check(&truth, &wanted);
    }

    #[test]
    fn the_slope_is_the_derivative() {
        with_truth(|truth, _| {
            let at = Vector6::new(0.35, 0.25, -0.2, -8.0, 6.0, -20.0);
            let loss = |at: &Vector6<f64>| truth.compare(&PivotMotion::from_vector(at)).unwrap();
            let found = loss(&at).slope;
            for component in 0..6 {
                let step = if component < 3 { 2e-4 } else { 0.03 };
                let mut apart = Vector6::zeros();
                apart[component] = step;
                let difference = loss(&(at + apart)).value - loss(&(at - apart)).value;
                let expected = difference / (2.0 * step);
                // Of the largest: a thousand rays, some of which meet other voxels within the step.
                let largest = found.fixed_rows::<3>(component / 3 * 3).amax();
                assert!(
                    (found[component] - expected).abs() < 0.02 * largest,
                    "component {component}: {} found, {expected} expected, {largest} the largest",
                    found[component]
                );
            }
        });
    }

    #[test]
    fn nothing_is_wrong_with_the_truth() {
        with_truth(|truth, wanted| {
            let found = truth.compare(wanted).unwrap();
            assert!(found.value.abs() < 1e-5 && found.ncc > 1.0 - 1e-5, "{found:?}");
            assert!(found.rotation_rad < 1e-6 && found.shift_mm < 1e-6, "{found:?}");
        });
    }

    #[test]
    fn what_cannot_be_seen_is_no_error() {
        with_truth(|truth, _| {
            // The source within the patient.
            let inside = PivotMotion::from_vector(&Vector6::new(0.0, 0.0, 0.0, 0.0, 0.0, -700.0));
            let found = truth.compare(&inside).unwrap();
            assert_eq!(found.ncc, 0.0);
            assert!(found.slope[5] < 0.0);
            let blank = Image::new([32, 32], vec![0.5; 1024]).unwrap();
            let blank = Truth { xray: &blank, ..*truth };
            assert_eq!(blank.compare(&PivotMotion::zero()).unwrap().ncc, 0.0);
        });
    }
}
