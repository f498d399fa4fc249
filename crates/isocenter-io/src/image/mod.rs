//! X-ray and DRR images.
//!
//! - [`png`]: 8- and 16-bit PNG
//! - [`tiff`]: integer and float TIFF
//! - [`npy`]: NumPy arrays
//! - [`nifti`]: NIfTI-1 with one slice
//! - [`raster`]: what PNG and TIFF share
//!
//! The name's extension chooses the format. All hold rows from the top and columns from the left:
//! a NumPy array is indexed `[row, column]`, a NIfTI voxel `(column, row, 0)`. What a pixel means
//! is not in these files, so integers are taken as [intensity](PixelValues::Intensity) and floats
//! as [attenuation](PixelValues::Attenuation), which is how [`write_line_integral`] writes them;
//! the caller may know better.

pub mod nifti;
pub mod npy;
pub mod png;
pub mod raster;
pub mod tiff;

use std::path::Path;

use isocenter::geometry::Camera;
use isocenter::radiograph::{Image, ImageError, PixelValues};

use crate::atomic;
use crate::error::{At, FileError, FileProblem};
use crate::open::{has_extension, read_bytes, unknown_extension, unknown_file};
use crate::samples::SampleType;

pub use png::{write_png_gray16, write_png_rgb8};
pub use raster::RasterError;

/// The extensions that images may have.
pub const IMAGE_EXTENSIONS: &str = ".png, .tif, .tiff, .npy, .nii, .nii.gz";

/// The longest file that is read: the largest detector in 64-bit floats, and headers.
const LONGEST: u64 = (Camera::MAX_SIDE_PX * Camera::MAX_SIDE_PX * 8 + (1 << 20)) as u64;

/// An image and what is known of its pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedImage {
    /// The pixels, as the file has them.
    pub image: Image,
    /// What they are taken to be.
    pub values: PixelValues,
    /// The largest value that the file's integers can hold; floats have none.
    pub full_scale: Option<f32>,
}

impl LoadedImage {
    /// Takes integers as intensity and floats as attenuation.
    fn new(
        size_px: [usize; 2],
        pixels: Vec<f32>,
        full_scale: Option<f32>,
    ) -> Result<Self, FileProblem> {
        let image = Image::new(size_px, pixels)?;
        match image.check_has_content() {
            // A blank image may be read; whether it can be registered is another question.
            Ok(()) | Err(ImageError::Constant { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let values = match full_scale {
            Some(_) => PixelValues::Intensity,
            None => PixelValues::Attenuation,
        };
        Ok(Self { image, values, full_scale })
    }
}

/// The formats of images.
enum Format {
    Png,
    Tiff,
    Npy,
    Nifti,
}

/// The format that a name tells.
fn format(path: &Path) -> Option<Format> {
    let named = |extensions: &[&str]| extensions.iter().any(|e| has_extension(path, e));
    if named(&[".png"]) {
        Some(Format::Png)
    } else if named(&[".tif", ".tiff"]) {
        Some(Format::Tiff)
    } else if named(&[".npy"]) {
        Some(Format::Npy)
    } else if named(&crate::nifti::EXTENSIONS) {
        Some(Format::Nifti)
    } else {
        None
    }
}

/// The format of an image to write.
fn output_format(path: &Path) -> Result<Format, FileProblem> {
    match format(path) {
        Some(format) => Ok(format),
        None if path.is_dir() => Err(FileProblem::IsFolder),
        None => Err(unknown_extension(path, IMAGE_EXTENSIONS)),
    }
}

/// Reads an image.
///
/// # Errors
/// If the format is not supported, the file is damaged, it holds no single grey image of at most
/// [`Camera::MAX_SIDE_PX`] pixels along a side, or a pixel is not a finite number.
pub fn read_image(path: impl AsRef<Path>) -> Result<LoadedImage, FileError> {
    let path = path.as_ref();
    read(path).at(path)
}

fn read(path: &Path) -> Result<LoadedImage, FileProblem> {
    match format(path) {
        Some(Format::Png) => png::decode(&read_bytes(path, LONGEST)?),
        Some(Format::Tiff) => tiff::decode(&read_bytes(path, LONGEST)?),
        Some(Format::Npy) => npy::decode(&read_bytes(path, LONGEST)?),
        Some(Format::Nifti) => nifti::read(path),
        None => Err(unknown_file(path, IMAGE_EXTENSIONS)),
    }
}

/// Checks that an image can be written under a name: before it is computed, so that a mistyped
/// name costs no time.
///
/// # Errors
/// If the extension is not supported, the folder does not exist, or the name is a folder's.
pub fn check_output(path: impl AsRef<Path>) -> Result<(), FileError> {
    let path = path.as_ref();
    output_format(path).and_then(|_| atomic::check_place(path)).at(path)
}

/// Writes a DRR. `.npy`, `.tif`, `.tiff`, `.nii` and `.nii.gz` hold the line integrals as 32-bit
/// floats, exactly. A `.png` holds intensity in 16 bits, `65535 exp(-L)` rounded, bright where
/// nothing absorbs: a line integral above 11 is lost in it, and so is the scale.
///
/// # Errors
/// If the extension is another, a pixel is not a finite number, or the file cannot be written.
///
/// # Examples
/// ```
/// use isocenter::radiograph::Image;
/// use isocenter::radiograph::PixelValues;
/// use isocenter_io::image::{read_image, write_line_integral};
/// let folder = tempfile::tempdir().unwrap();
/// let drr = Image::new([2, 1], vec![0.0, 1.5]).unwrap();
/// write_line_integral(folder.path().join("drr.tif"), &drr).unwrap();
/// assert_eq!(read_image(folder.path().join("drr.tif")).unwrap().image, drr);
/// write_line_integral(folder.path().join("drr.png"), &drr).unwrap();
/// let xray = read_image(folder.path().join("drr.png")).unwrap();
/// assert_eq!((xray.values, xray.full_scale), (PixelValues::Intensity, Some(65535.0)));
/// assert_eq!(xray.image.pixels(), &[65535.0, 14623.0]);
/// ```
pub fn write_line_integral(path: impl AsRef<Path>, image: &Image) -> Result<(), FileError> {
    let path = path.as_ref();
    if let Err(error @ ImageError::NotFinite { .. }) = image.check_has_content() {
        return Err(error).at(path);
    }
    match output_format(path).at(path)? {
        Format::Png => {
            let gray = image.pixels().iter().map(|&l| intensity16(l)).collect::<Vec<_>>();
            png::write_png_gray16(path, image.size_px(), &gray)
        }
        Format::Tiff => tiff::write(path, image),
        Format::Npy => npy::write(path, image),
        Format::Nifti => nifti::write(path, image),
    }
}

/// Writes what a screen shows: intensity in 8 bits. All formats hold unsigned integers, which
/// [`read_image`] takes as intensity. Pixels are rounded, and cut to 0 and 255.
///
/// # Errors
/// As [`write_line_integral`].
///
/// # Examples
/// ```
/// use isocenter::radiograph::{Image, PixelValues};
/// use isocenter_io::image::{read_image, write_intensity8};
/// let folder = tempfile::tempdir().unwrap();
/// let screen = Image::new([3, 1], vec![0.0, 130.0, 255.0]).unwrap();
/// for name in ["xray.png", "xray.tif", "xray.npy", "xray.nii.gz"] {
///     write_intensity8(folder.path().join(name), &screen).unwrap();
///     let read = read_image(folder.path().join(name)).unwrap();
///     assert_eq!((&read.image, read.full_scale), (&screen, Some(255.0)));
///     assert_eq!(read.values, PixelValues::Intensity);
/// }
/// ```
pub fn write_intensity8(path: impl AsRef<Path>, image: &Image) -> Result<(), FileError> {
    let path = path.as_ref();
    if let Err(error @ ImageError::NotFinite { .. }) = image.check_has_content() {
        return Err(error).at(path);
    }
    // Casting saturates.
    let gray: Vec<u8> = image.pixels().iter().map(|p| p.round() as u8).collect();
    match output_format(path).at(path)? {
        Format::Png => png::write_gray8(path, image.size_px(), &gray),
        Format::Tiff => tiff::write_gray8(path, image.size_px(), &gray),
        Format::Npy => npy::write_gray8(path, image.size_px(), &gray),
        Format::Nifti => nifti::write_gray8(path, image),
    }
}

/// The intensity behind a line integral, in 16 bits.
fn intensity16(line_integral: f32) -> u16 {
    // Casting saturates: noise below zero becomes full scale.
    (65535.0 * (-f64::from(line_integral)).exp()).round() as u16
}

/// The full scale of an integer type.
fn full_scale(sample_type: SampleType) -> Option<f32> {
    sample_type.largest_integer().map(|v| v as f32)
}
