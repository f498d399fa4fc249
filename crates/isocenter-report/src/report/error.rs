//! Why a report cannot be made.

use crate::data_url::PngError;
use crate::error::PictureError;

/// Why a report cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// Images that belong together differ in size.
    #[error("X-ray {view}: {source}")]
    Picture {
        /// Number of the X-ray, from 1.
        view: usize,
        /// What differs.
        source: PictureError,
    },
    /// A list does not have one value for each of another's.
    #[error("{name}: {found} values for {expected} places: give one for each")]
    Length {
        /// Whose values.
        name: String,
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// A picture could not be written as PNG.
    #[error(transparent)]
    Png(#[from] PngError),
    /// The page could not be put together.
    #[error("the page cannot be put together: {0}")]
    Page(#[from] askama::Error),
}
