//! From outputs between 0 and 1 to motions from the nominal pose.

use isocenter::geometry::PivotMotion;
use nalgebra::Vector6;
use serde::{Deserialize, Serialize};

use crate::error::NetError;

/// How far a pose may be from the nominal one, to either side: each component of the rotation vector and of
/// the pivot's shift, camera axes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoseRange {
    /// Each component of the rotation vector (degrees).
    pub rotation_deg: f64,
    /// Along the image's columns and rows (mm).
    pub in_plane_mm: f64,
    /// In depth (mm).
    pub depth_mm: f64,
}

impl PoseRange {
    /// Checks that the numbers make sense.
    ///
    /// # Errors
    /// The first that does not, by its name.
    pub fn check(&self) -> Result<(), NetError> {
        let numbers = [
            ("network.range.rotation_deg", self.rotation_deg, 90.0, "above 0, at most 90"),
            ("network.range.in_plane_mm", self.in_plane_mm, 1000.0, "above 0, at most 1000"),
            ("network.range.depth_mm", self.depth_mm, 1000.0, "above 0, at most 1000"),
        ];
        match numbers.into_iter().find(|(_, found, most, _)| !(*found > 0.0 && found <= most)) {
            None => Ok(()),
            Some((name, found, _, expected)) => {
                Err(NetError::Setting { name, found: found.to_string(), expected })
            }
        }
    }

    /// How far (rad, mm).
    fn reach(&self) -> Vector6<f64> {
        let turn = self.rotation_deg.to_radians();
        let Self { in_plane_mm, depth_mm, .. } = *self;
        Vector6::new(turn, turn, turn, in_plane_mm, in_plane_mm, depth_mm)
    }

    /// The motion from the nominal pose that outputs stand for.
    ///
    /// # Examples
    /// ```
    /// use isocenter_net::regressor::PoseRange;
    /// use nalgebra::Vector6;
    /// let range = PoseRange { rotation_deg: 20.0, in_plane_mm: 30.0, depth_mm: 75.0 };
    /// let motion = range.motion(&Vector6::new(0.5, 0.5, 0.5, 0.0, 1.0, 0.5));
    /// assert_eq!(motion.tau_mm.as_slice(), [-30.0, 30.0, 0.0]);
    /// ```
    #[must_use]
    pub fn motion(&self, outputs: &Vector6<f64>) -> PivotMotion {
        let centered = outputs.map(|output| 2.0 * output - 1.0);
        PivotMotion::from_vector(&self.reach().component_mul(&centered))
    }

    /// The derivative for outputs of what has a derivative for the motion's components (rad, mm).
    #[must_use]
    pub fn for_outputs(&self, by_motion: &Vector6<f64>) -> Vector6<f64> {
        2.0 * self.reach().component_mul(by_motion)
    }
}
