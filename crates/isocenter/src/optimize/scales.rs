//! How far the six components of a motion reach: what makes radians and millimetres comparable.

use serde::{Deserialize, Serialize};

/// The reach of each kind of motion: standard deviations of the first candidates of
/// [`CmaEs`](super::CmaEs), the first step of [`GradientDescent`](super::GradientDescent).
///
/// # Examples
/// ```
/// use isocenter::optimize::MotionScales;
/// let scales = MotionScales { rotation_deg: 20.0, in_plane_mm: 30.0, depth_mm: 60.0 };
/// let [turn, .., in_plane, depth] = scales.components();
/// assert!((turn - 0.349).abs() < 1e-3 && (in_plane, depth) == (30.0, 60.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MotionScales {
    /// Each component of the rotation vector.
    pub rotation_deg: f64,
    /// Along the image's columns and rows.
    pub in_plane_mm: f64,
    /// In depth.
    pub depth_mm: f64,
}

impl MotionScales {
    /// The scales of (omega (rad), tau (mm)), as [`PivotMotion`](crate::geometry::PivotMotion)
    /// orders them.
    #[must_use]
    pub fn components(&self) -> [f64; 6] {
        let turn = self.rotation_deg.to_radians();
        [turn, turn, turn, self.in_plane_mm, self.in_plane_mm, self.depth_mm]
    }
}
