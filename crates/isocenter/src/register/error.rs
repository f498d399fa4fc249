//! Why a registration cannot be done.

use super::landmarks::LandmarkError;
use crate::optimize::{ObjectiveError, SettingError};
use crate::project::ProjectError;
use crate::radiograph::ImageError;
use crate::similarity::SimilarityError;
use crate::volume::VolumeError;

/// Why a registration cannot be done.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// The X-ray does not have the camera's size.
    #[error("the X-ray has {} x {} pixels, the camera {} x {}: use the camera of this image, or correct size_px", found[0], found[1], expected[0], expected[1])]
    XraySize {
        /// [columns, rows] of the X-ray.
        found: [usize; 2],
        /// [columns, rows] of the camera.
        expected: [usize; 2],
    },
    /// There is nothing to register with.
    #[error("no X-ray: give one at least")]
    NoXray,
    /// The cameras of several X-rays do not fit together.
    #[error("the camera of X-ray {number} {found}: {expected}")]
    Cameras {
        /// Which X-ray, from 1.
        number: usize,
        /// What is wrong with it.
        found: String,
        /// What is needed.
        expected: &'static str,
    },
    /// The settings name a stage that nobody has registered.
    #[error("there is no stage '{found}': use some of {registered}")]
    UnknownStage {
        /// The name.
        found: String,
        /// The names that there are.
        registered: String,
    },
    /// The settings of an optimiser make no sense.
    #[error(transparent)]
    Optimizer(#[from] SettingError),
    /// The X-ray shows nothing.
    #[error("the X-ray cannot be used: {0}")]
    Xray(#[from] ImageError),
    /// Nothing of the CT is seen from the start.
    #[error(
        "the CT is not in view from the start ({pivot}): give another --init, --view or --prior, or check the camera's distances"
    )]
    StartOutOfView {
        /// Where the pivot is seen, in words.
        pivot: String,
    },
    /// The settings make no sense.
    #[error("the setting {name} is {found}: it must be {expected}")]
    Setting {
        /// Which one.
        name: &'static str,
        /// Its value.
        found: String,
        /// What it must be.
        expected: &'static str,
    },
    /// The settings of a start from landmarks make no sense.
    #[error(transparent)]
    Landmarks(#[from] LandmarkError),
    /// A coarser copy of the CT cannot be made.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// The radiograph at the start cannot be rendered.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// The images cannot be compared.
    #[error(transparent)]
    Similarity(#[from] SimilarityError),
    /// The objective cannot be evaluated.
    #[error(transparent)]
    Objective(#[from] ObjectiveError),
}

impl RegisterError {
    /// Whether another pose may do: the source is in the CT here, or nothing that both images show is left
    /// to compare.
    pub(super) fn is_of_the_pose(&self) -> bool {
        let nothing_left = |error: &SimilarityError| {
            matches!(error, SimilarityError::TooFewPixels { .. } | SimilarityError::ConstantFixed)
        };
        match self {
            Self::Project(_) | Self::Objective(ObjectiveError::Project(_)) => true,
            Self::Similarity(error) | Self::Objective(ObjectiveError::Similarity(error)) => {
                nothing_left(error)
            }
            _ => false,
        }
    }
}
