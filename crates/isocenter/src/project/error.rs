//! Why a radiograph cannot be rendered.

use nalgebra::Vector3;

/// Why a radiograph cannot be rendered.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectError {
    /// The X-ray source lies within what is to be seen.
    #[error("the X-ray source lies inside the CT (at ({x:.1}, {y:.1}, {z:.1}) mm LPS): move the pose so that the patient is between source and detector", x = source_world_mm.x, y = source_world_mm.y, z = source_world_mm.z)]
    SourceInsideVolume {
        /// The source's position in the world (mm).
        source_world_mm: Vector3<f64>,
    },
    /// Samples cannot lie this far apart.
    #[error("the step along the ray is {found} mm: it must be above 0")]
    Step {
        /// What was asked for (mm).
        found: f64,
    },
    /// A number in the pose is NaN or infinite.
    #[error("the pose holds a number that is not finite")]
    PoseNotFinite,
    /// A buffer does not fit the image or the volume.
    #[error("the {what} needs {expected} values, found {found}")]
    Length {
        /// What the buffer holds.
        what: &'static str,
        /// Its values.
        found: usize,
        /// How many there must be.
        expected: usize,
    },
    /// A value that is to be carried back is NaN or infinite.
    #[error("value {at} of the {what} is {value}: all must be finite")]
    NotFinite {
        /// What the values are.
        what: &'static str,
        /// The first that is not.
        at: usize,
        /// Its value.
        value: f32,
    },
}
