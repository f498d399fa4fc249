//! Volumes from DICOM files: the CT of a folder, or a file of many images (enhanced CT).
//!
//! All files of a folder and of those in it are looked into, whatever their names; what is not
//! DICOM, or holds no image, is passed over. Of several series the one asked for is read
//! ([`SeriesChoice`]) or, without a choice, the CT of most slices.
//!
//! Slices are sorted by where they lie along their normal, and their distance follows from that,
//! never from `SliceThickness`. Stored numbers become HU by the rescale of each slice; padding
//! becomes air (-1000 HU). Slices behind a tilted gantry, shifted, or at irregular distances are
//! resampled onto a straight and regular grid, with a [`VolumeWarning`] that says so; copies of a
//! slice and localizers are left out, with one as well. Slices of several sizes, spacings or
//! directions, several volumes at one place, and gaps of more than 20 mm (and three slice
//! distances) are refused.
//!
//! | transfer syntax | read |
//! |---|---|
//! | implicit and explicit little endian, explicit big endian, deflated | yes |
//! | RLE | yes |
//! | JPEG baseline (8 bits), JPEG lossless (to 16 bits) | yes |
//! | JPEG 2000, lossless or not | yes |
//! | JPEG-LS, lossless or not | with the feature `jpeg-ls`, which needs CMake and a C++ compiler |
//! | JPEG extended (12 bits), JPEG XL, HTJ2K, video | no |

pub use crate::dicom::{
    DicomImage, Identity, SeriesChoice, SeriesSummary, VolumeWarning, read_dicom_image,
};
