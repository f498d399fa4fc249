//! Why an X-ray cannot be simulated.

/// Why an X-ray cannot be simulated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SimulationError {
    /// A setting makes no sense.
    #[error("the setting {name} is {found}: it must be {expected}")]
    Setting {
        /// Its name in the configuration file.
        name: &'static str,
        /// Its value.
        found: String,
        /// What it must be.
        expected: String,
    },
    /// An image of line integrals does not have the camera's size.
    #[error(
        "the line integrals of {material} have {found:?} pixels, the camera {expected:?}: render them with this camera"
    )]
    Size {
        /// Which image.
        material: &'static str,
        /// Its columns and rows.
        found: [usize; 2],
        /// Those of the camera.
        expected: [usize; 2],
    },
    /// A line integral is not a finite number.
    #[error("a line integral of {material} is {value}: every one must be a finite number")]
    NotFinite {
        /// Which image.
        material: &'static str,
        /// The first such value.
        value: f32,
    },
    /// The patient is not in front of the source.
    #[error(
        "the patient lies {found} mm in front of the source: a positive distance is needed; check the pose"
    )]
    PatientDepth {
        /// The distance given (mm).
        found: f64,
    },
}
