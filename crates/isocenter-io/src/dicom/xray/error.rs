//! Why an X-ray in DICOM cannot be used.

use isocenter::geometry::CameraError;

/// Why an X-ray in DICOM cannot be used as it is.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum XrayError {
    /// An image that is none of an X-ray.
    #[error(
        "Modality (0008,0060) is '{found}': an X-ray image (CR, DX, XA, RF) is expected; {what_to_do}"
    )]
    Modality {
        /// The modality.
        found: String,
        /// What to do instead.
        what_to_do: &'static str,
    },
    /// A frame that is not there.
    #[error(
        "frame {wanted} was asked for, but the file holds {frames}: give --frame 1 to {frames}"
    )]
    Frame {
        /// The frame asked for, from 1.
        wanted: usize,
        /// The frames there are.
        frames: usize,
    },
    /// What the camera needs and no tag tells.
    #[error("the tags do not tell the {what}: {tags} {state}; give {flag}{hint}")]
    Unknown {
        /// What is not known, in words.
        what: &'static str,
        /// Where it would stand.
        tags: &'static str,
        /// `is missing`, and the like.
        state: String,
        /// The flag of the command line that tells it.
        flag: &'static str,
        /// What may help to find the value.
        hint: String,
    },
    /// A detector that is not perpendicular to the beam.
    #[error(
        "the detector is tilted by {angle_deg:.2} degrees against the beam (DetectorPrimaryAngle (0018,1530) {primary_deg}, DetectorSecondaryAngle (0018,1531) {secondary_deg}), more than {most_deg}: give the foot of the perpendicular from the source with --principal-point, or a --camera"
    )]
    Tilted {
        /// The angle between the beam and the detector's normal.
        angle_deg: f64,
        /// Along the rows.
        primary_deg: f64,
        /// Along the columns.
        secondary_deg: f64,
        /// What is accepted.
        most_deg: f64,
    },
    /// Pixels of which none holds a measurement.
    #[error(
        "every pixel is padding or saturated: there is nothing to see in the image; use another frame, or export it again"
    )]
    NoMeasurement,
    /// The numbers make no camera.
    #[error("the tags and flags make no camera: {0}")]
    Camera(#[from] CameraError),
}
