//! How the stored image lies before the source: mirrored or not, and turned by how many quarters.
//!
//! PatientOrientation says to which sides of the patient the rows and columns run, which with the view
//! tells both. Without it FieldOfViewHorizontalFlip tells whether the detector's own image, which is the
//! one that is seen looking towards the source, was mirrored. How far it was turned (FieldOfViewRotation)
//! is told against the detector and not against the patient: the head is taken to be up, as it is in XA
//! (PS3.17 FFF.2.1.3.1.2).

use isocenter::geometry::{ImageFlip, RigidTransform, View};
use nalgebra::{Matrix3, Vector3};

/// The directions of the stored image's columns and rows in the view's camera axes (x along the
/// columns of an image that is seen from the source with the head up, y down its rows).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageSide {
    /// Where increasing columns lead.
    columns: [i8; 2],
    /// Where increasing rows lead.
    rows: [i8; 2],
}

impl ImageSide {
    /// As seen from the source, the head up.
    pub const SOURCE: Self = Self { columns: [1, 0], rows: [0, 1] };
    /// As seen from the detector, the head up.
    pub const DETECTOR: Self = Self { columns: [-1, 0], rows: [0, 1] };

    /// After a flip of the image.
    #[must_use]
    pub fn flipped(self, flip: ImageFlip) -> Self {
        let Self { columns, rows } = self;
        let reversed = |direction: [i8; 2]| direction.map(|c| -c);
        match flip {
            ImageFlip::None => self,
            ImageFlip::Columns => Self { columns: reversed(columns), rows },
            ImageFlip::Rows => Self { columns, rows: reversed(rows) },
            ImageFlip::Both => Self { columns: reversed(columns), rows: reversed(rows) },
        }
    }

    /// Whether the image is mirrored against what is seen from the source.
    #[must_use]
    pub fn is_mirrored(self) -> bool {
        let ([a, b], [c, d]) = (self.columns, self.rows);
        a * d - b * c < 0
    }

    /// The flip that makes it an image as seen from the source, up to a turn.
    ///
    /// # Examples
    /// ```
    /// use isocenter::geometry::ImageFlip;
    /// use isocenter_io::xray::ImageSide;
    /// assert_eq!(ImageSide::DETECTOR.flip(), ImageFlip::Columns);
    /// assert_eq!(ImageSide::SOURCE.flip(), ImageFlip::None);
    /// ```
    #[must_use]
    pub fn flip(self) -> ImageFlip {
        if self.is_mirrored() { ImageFlip::Columns } else { ImageFlip::None }
    }

    /// The turn from the camera of the view to the camera of the image after a flip. Where the flip
    /// leaves the image mirrored, whoever chose it knows better, and the columns are reversed.
    #[must_use]
    pub fn camera_from_view(self, flip: ImageFlip) -> RigidTransform {
        let mut side = self.flipped(flip);
        if side.is_mirrored() {
            side = side.flipped(ImageFlip::Columns);
        }
        let row = |[x, y]: [i8; 2]| Vector3::new(f64::from(x), f64::from(y), 0.0).transpose();
        let turn =
            Matrix3::from_rows(&[row(side.columns), row(side.rows), Vector3::z().transpose()]);
        // A turn by quarters is rigid.
        RigidTransform::new(turn, Vector3::zeros()).unwrap_or_else(|_| RigidTransform::identity())
    }

    /// From the sides of the patient to which columns and rows run, such as `L` and `F`; `None`
    /// where these are no sides, or do not lie in the image of the view.
    #[must_use]
    pub fn of_patient(columns_to: &str, rows_to: &str, view: &View) -> Option<Self> {
        let axes = *view.camera_from_world(Vector3::zeros(), 1.0).rotation();
        let in_image = |text: &str| {
            let seen = axes * patient_direction(text)?;
            let quarter = if seen.x.abs() > seen.y.abs() {
                [seen.x.signum() as i8, 0]
            } else {
                [0, seen.y.signum() as i8]
            };
            // Along the beam it says nothing.
            (seen.x.hypot(seen.y) > 0.5).then_some(quarter)
        };
        let (columns, rows) = (in_image(columns_to)?, in_image(rows_to)?);
        // Not both along one axis.
        (columns[0] * rows[0] + columns[1] * rows[1] == 0).then_some(Self { columns, rows })
    }
}

/// The direction (LPS) of a side of the patient: letters, the most important first.
fn patient_direction(text: &str) -> Option<Vector3<f64>> {
    let mut weight = 1.0;
    let mut direction = Vector3::zeros();
    for letter in text.chars() {
        let side = match letter {
            'L' => Vector3::x(),
            'R' => -Vector3::x(),
            'P' => Vector3::y(),
            'A' => -Vector3::y(),
            'H' => Vector3::z(),
            'F' => -Vector3::z(),
            _ => return None,
        };
        direction += side * weight;
        weight *= 0.5;
    }
    (direction != Vector3::zeros()).then(|| direction.normalize())
}

#[cfg(test)]
mod tests {
    //! Proves: which images are mirrored, that turns and flips become the right pose, and what
    //! PatientOrientation says in each view.
    use super::*;

    impl ImageSide {
        /// After a turn of the image by quarters, clockwise.
        fn turned(self, quarters: u32) -> Self {
            (0..quarters % 4).fold(self, |Self { columns, rows }, _| {
                // What pointed right points down, what pointed up points right.
                Self { columns: rows.map(|c| -c), rows: columns }
            })
        }
    }

    #[test]
    fn turns_do_not_mirror_and_flips_do() {
        for quarters in 0..5 {
            assert!(!ImageSide::SOURCE.turned(quarters).is_mirrored());
            assert!(ImageSide::DETECTOR.turned(quarters).is_mirrored());
            let flipped = ImageSide::DETECTOR.turned(quarters).flipped(ImageFlip::Columns);
            assert!(!flipped.is_mirrored());
        }
        assert_eq!(ImageSide::SOURCE.turned(4), ImageSide::SOURCE);
        assert_eq!(ImageSide::DETECTOR.flipped(ImageFlip::Columns), ImageSide::SOURCE);
    }

    #[test]
    fn a_turned_image_turns_the_camera() {
        // Turned clockwise, what was up is on the right: +x of the image is -y of the view.
        let turn = ImageSide::SOURCE.turned(1).camera_from_view(ImageFlip::None);
        assert_eq!(turn.point(Vector3::new(0.0, -1.0, 0.0)), Vector3::new(1.0, 0.0, 0.0));
        assert_eq!(turn.point(Vector3::new(1.0, 0.0, 0.0)), Vector3::new(0.0, 1.0, 0.0));
        // Seen from the detector and flipped back, nothing turns.
        let none = ImageSide::DETECTOR.camera_from_view(ImageFlip::Columns);
        assert_eq!(none, RigidTransform::identity());
        // Flipped in rows instead, it is upside down.
        let half = ImageSide::DETECTOR.camera_from_view(ImageFlip::Rows);
        assert_eq!(half.point(Vector3::new(1.0, 2.0, 3.0)), Vector3::new(-1.0, -2.0, 3.0));
        // Who says that it is not mirrored is believed.
        let believed = ImageSide::DETECTOR.camera_from_view(ImageFlip::None);
        assert_eq!(believed, RigidTransform::identity());
    }

    #[test]
    fn the_patient_s_sides_tell() {
        let side = |columns: &str, rows: &str, view| ImageSide::of_patient(columns, rows, &view);
        // As a radiologist looks at it: the patient's left on the right.
        assert_eq!(side("L", "F", View::PA), Some(ImageSide::DETECTOR));
        assert_eq!(side("L", "F", View::AP), Some(ImageSide::SOURCE));
        assert_eq!(side("R", "F", View::PA), Some(ImageSide::SOURCE));
        assert_eq!(side("P", "F", View::LATERAL_RIGHT), Some(ImageSide::SOURCE));
        assert_eq!(side("F", "R", View::AP), Some(ImageSide::SOURCE.turned(3)));
        let oblique = View { primary_deg: 30.0, secondary_deg: 0.0 };
        assert_eq!(side("LA", "F", oblique), Some(ImageSide::DETECTOR));
        for (columns, rows) in [("", "F"), ("L", "R"), ("L", "P"), ("X", "F")] {
            assert_eq!(side(columns, rows, View::PA), None, "{columns} {rows}");
        }
    }
}
