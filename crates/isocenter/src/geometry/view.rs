//! Views: where the C-arm stands, in DICOM's positioner angles.
//!
//! The primary angle p is positive towards LAO, the secondary angle q towards cranial; both place
//! the **detector** about the isocenter. The direction from the isocenter to the detector in the
//! patient's LPS frame is `d = (sin p cos q, -cos p cos q, sin q)`, and the camera axes are
//!
//! ```text
//! z = d,   y = (sin p sin q, -cos p sin q, -cos q),   x = y x z
//! ```
//!
//! So (0, 0) has the detector in front of the patient, which is `pa`; `ap` = (180, 0) has the
//! source in front: x = +L, y = -S, z = +P, the image as one faces the patient.
//!
//! # References
//! DICOM PS3.3 C.8.7.5.1.2, Positioner Primary and Secondary Angle (0018,1510), (0018,1511).

use std::fmt;
use std::str::FromStr;

use nalgebra::{Matrix3, Vector3};

use super::rigid::RigidTransform;

/// Where the detector stands about the patient.
///
/// # Examples
/// ```
/// use isocenter::geometry::View;
/// use nalgebra::Vector3;
/// let view: View = "ap".parse().unwrap();
/// let camera_from_world = view.camera_from_world(Vector3::zeros(), 700.0);
/// // The source is 700 mm in front of the patient (anterior is -y in LPS).
/// let source_world = camera_from_world.inverse().point(Vector3::zeros());
/// assert!((source_world - Vector3::new(0.0, -700.0, 0.0)).norm() < 1e-9);
/// // Angles work too: 30 degrees LAO, 10 degrees caudal.
/// assert_eq!("30/-10".parse::<View>().unwrap(), View { primary_deg: 30.0, secondary_deg: -10.0 });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct View {
    /// Positioner primary angle (degrees), + towards LAO.
    pub primary_deg: f64,
    /// Positioner secondary angle (degrees), + towards cranial.
    pub secondary_deg: f64,
}

/// The named views, for parsing and for messages.
const NAMED: [(&str, View); 4] = [
    ("ap", View::AP),
    ("pa", View::PA),
    ("lateral-left", View::LATERAL_LEFT),
    ("lateral-right", View::LATERAL_RIGHT),
];

/// A text that is not a view.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "'{found}' is not a view: write ap, pa, lateral-left, lateral-right, or PRIMARY/SECONDARY in degrees such as 30/-10"
)]
pub struct ParseViewError {
    /// The text.
    pub found: String,
}

impl View {
    /// Source in front of the patient, detector behind.
    pub const AP: Self = Self { primary_deg: 180.0, secondary_deg: 0.0 };
    /// Source behind the patient, detector in front.
    pub const PA: Self = Self { primary_deg: 0.0, secondary_deg: 0.0 };
    /// Detector on the patient's left.
    pub const LATERAL_LEFT: Self = Self { primary_deg: 90.0, secondary_deg: 0.0 };
    /// Detector on the patient's right.
    pub const LATERAL_RIGHT: Self = Self { primary_deg: -90.0, secondary_deg: 0.0 };

    /// The pose of a camera that looks at the isocenter along this view.
    ///
    /// # Units
    /// Millimetres; the isocenter in the world frame (LPS).
    #[must_use]
    pub fn camera_from_world(
        &self,
        isocenter_world_mm: Vector3<f64>,
        source_to_isocenter_mm: f64,
    ) -> RigidTransform {
        let (sin_p, cos_p) = sin_cos_degrees(self.primary_deg);
        let (sin_q, cos_q) = sin_cos_degrees(self.secondary_deg);
        let z = Vector3::new(sin_p * cos_q, -cos_p * cos_q, sin_q);
        let y = Vector3::new(sin_p * sin_q, -cos_p * sin_q, -cos_q);
        let x = y.cross(&z);
        let rotation = Matrix3::from_rows(&[x.transpose(), y.transpose(), z.transpose()]);
        RigidTransform::from_parts(
            rotation,
            Vector3::new(0.0, 0.0, source_to_isocenter_mm) - rotation * isocenter_world_mm,
        )
    }
}

/// Sine and cosine, exact at the quarter turns, so that `ap` is written with zeros and ones.
fn sin_cos_degrees(degrees: f64) -> (f64, f64) {
    match degrees.rem_euclid(360.0) {
        0.0 => (0.0, 1.0),
        90.0 => (1.0, 0.0),
        180.0 => (0.0, -1.0),
        270.0 => (-1.0, 0.0),
        other => other.to_radians().sin_cos(),
    }
}

impl TryFrom<String> for View {
    type Error = ParseViewError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for View {
    type Err = ParseViewError;

    fn from_str(text: &str) -> Result<Self, ParseViewError> {
        let named = NAMED.iter().find(|(name, _)| *name == text).map(|(_, view)| *view);
        let angles = || {
            let (primary, secondary) = text.split_once('/')?;
            let primary_deg: f64 = primary.trim().parse().ok()?;
            let secondary_deg: f64 = secondary.trim().parse().ok()?;
            (primary_deg.is_finite() && secondary_deg.is_finite())
                .then_some(Self { primary_deg, secondary_deg })
        };
        named.or_else(angles).ok_or_else(|| ParseViewError { found: text.to_owned() })
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMED.iter().find(|(_, view)| view == self) {
            Some((name, _)) => f.write_str(name),
            None => write!(f, "{}/{}", self.primary_deg, self.secondary_deg),
        }
    }
}

#[cfg(test)]
mod tests {
    //! Proves: the axes of the named views, the senses of the two angles, and parsing.
    use super::*;

    /// Rows of the rotation: the camera's axes in LPS.
    fn axes(text: &str) -> Matrix3<f64> {
        *text.parse::<View>().unwrap().camera_from_world(Vector3::zeros(), 700.0).rotation()
    }

    #[test]
    fn named_views_have_the_axes_of_the_conventions() {
        let (l, p, s) = (Vector3::x(), Vector3::y(), Vector3::z());
        let rows = |x: Vector3<f64>, y: Vector3<f64>, z: Vector3<f64>| {
            Matrix3::from_rows(&[x.transpose(), y.transpose(), z.transpose()])
        };
        assert_eq!(axes("ap"), rows(l, -s, p));
        assert_eq!(axes("pa"), rows(-l, -s, -p));
        assert_eq!(axes("lateral-left"), rows(-p, -s, l));
        assert_eq!(axes("lateral-right"), rows(p, -s, -l));
    }

    #[test]
    fn lao_and_cranial_move_the_detector_to_the_left_and_up() {
        let detector = |text: &str| axes(text).row(2).transpose();
        assert!(detector("30/0").x > 0.49, "LAO: the detector goes to the patient's left");
        assert!(detector("0/20").z > 0.34, "cranial: the detector goes towards the head");
        for text in ["30/0", "0/20", "-47.5/33", "200/-80"] {
            let r = axes(text);
            assert!((r * r.transpose() - Matrix3::identity()).amax() < 1e-15);
            assert!((r.determinant() - 1.0).abs() < 1e-15);
        }
    }

    #[test]
    fn the_isocenter_is_seen_on_the_axis() {
        let isocenter = Vector3::new(12.0, -34.0, 56.0);
        let pose =
            View { primary_deg: 33.0, secondary_deg: -12.0 }.camera_from_world(isocenter, 612.0);
        assert!((pose.point(isocenter) - Vector3::new(0.0, 0.0, 612.0)).norm() < 1e-12);
    }

    #[test]
    fn text_round_trips_and_nonsense_is_refused() {
        for text in ["ap", "pa", "lateral-left", "lateral-right", "30/-10"] {
            assert_eq!(text.parse::<View>().unwrap().to_string(), text);
        }
        for text in ["", "AP ", "front", "1/2/3", "nan/0", "30"] {
            assert!(text.parse::<View>().unwrap_err().to_string().contains("lateral-left"));
        }
    }
}
