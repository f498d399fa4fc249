//! Why a picture cannot be made.

/// Why a picture cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PictureError {
    /// Two images that belong over or beside one another differ in size.
    #[error(
        "{name} has {} x {} pixels, expected {} x {}: render it with the camera of the X-ray",
        found_px[0], found_px[1], expected_px[0], expected_px[1]
    )]
    Size {
        /// Which image.
        name: String,
        /// Its [columns, rows].
        found_px: [usize; 2],
        /// The [columns, rows] of the image it belongs to.
        expected_px: [usize; 2],
    },
    /// No picture was given where at least one is needed.
    #[error("there are no pictures to put side by side: give at least one")]
    NoPanels,
}

/// Refuses an image whose size is not the expected one.
pub(crate) fn check_size(
    name: &str,
    found_px: [usize; 2],
    expected_px: [usize; 2],
) -> Result<(), PictureError> {
    if found_px == expected_px {
        Ok(())
    } else {
        Err(PictureError::Size { name: name.to_owned(), found_px, expected_px })
    }
}
