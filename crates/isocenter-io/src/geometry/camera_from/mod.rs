//! Cameras of other programs, from their files.
//!
//! | [`CameraFormat`] | file | what is in it |
//! |---|---|---|
//! | `matrix` | text, JSON or npy | a 3x4 projection matrix |
//! | `opencv` | YAML or JSON | `camera_matrix`, a pose, and no distortion |
//! | `xreg` | HDF5 | the cameras of xReg's projections |
//! | `mayacam` | text | MayaCam 2.0 of XMALab |
//!
//! All give a projection matrix; [`isocenter::geometry::conversion::ProjectionMatrix`] makes the camera
//! and the pose.

mod matrix;
mod mayacam;
mod opencv;
mod xreg;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use isocenter::geometry::conversion::{Depth, ProjectionMatrix};

use crate::error::{At, FileError, FileProblem, one_line, short_list};
use crate::open::read_bytes;

/// Longer texts are something else.
const LONGEST_TEXT: u64 = 1 << 20;
/// Longer HDF5 files too: they hold images beside the cameras.
const LONGEST_HDF5: u64 = 1 << 30;

/// A kind of file that a camera can be in.
///
/// # Examples
/// ```
/// use isocenter_io::geometry::camera_from::CameraFormat;
/// assert_eq!("opencv".parse::<CameraFormat>().unwrap(), CameraFormat::OpenCv);
/// assert!("itk".parse::<CameraFormat>().unwrap_err().to_string().contains("mayacam"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CameraFormat {
    /// A 3x4 projection matrix.
    Matrix,
    /// OpenCV's `camera_matrix` and a pose.
    OpenCv,
    /// Projections of xReg.
    XReg,
    /// MayaCam 2.0.
    MayaCam,
}

impl CameraFormat {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Matrix, Self::OpenCv, Self::XReg, Self::MayaCam];

    /// The name, as `--from` takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Matrix => "matrix",
            Self::OpenCv => "opencv",
            Self::XReg => "xreg",
            Self::MayaCam => "mayacam",
        }
    }
}

impl fmt::Display for CameraFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that is not a format of cameras.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "'{found}' is not a format of cameras: write {}",
    CameraFormat::ALL.map(CameraFormat::name).join(", ")
)]
pub struct ParseCameraFormatError {
    /// The text.
    pub found: String,
}

impl FromStr for CameraFormat {
    type Err = ParseCameraFormatError;

    fn from_str(text: &str) -> Result<Self, ParseCameraFormatError> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == text)
            .ok_or_else(|| ParseCameraFormatError { found: text.to_owned() })
    }
}

/// What a camera's file may not hold.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CameraFileError {
    /// Something that is needed.
    #[error("'{key}' is missing: {expected}")]
    Missing {
        /// What is missing.
        key: String,
        /// What should stand there.
        expected: &'static str,
    },
    /// A value that is something else.
    #[error("'{key}' is {found}: {expected}")]
    Value {
        /// The key.
        key: String,
        /// What was found there.
        found: String,
        /// What should stand there.
        expected: &'static str,
    },
    /// Distortion, which a pinhole camera has not.
    #[error(
        "'{key}' is {}: only cameras without distortion are taken; undistort the image, then write zeros",
        short_list(values)
    )]
    Distortion {
        /// The key.
        key: String,
        /// The coefficients.
        values: Vec<f64>,
    },
    /// A choice among several.
    #[error("the file holds {number} cameras, from 0 to {}: choose one with --index", number.saturating_sub(1))]
    Several {
        /// How many there are.
        number: usize,
    },
    /// A file that its library cannot read.
    #[error("this is no HDF5 file that can be read ({what}): export it again with xReg")]
    Hdf5 {
        /// What the library says.
        what: String,
    },
}

/// A camera as another program has it.
#[derive(Debug, Clone, PartialEq)]
pub struct ForeignCamera {
    /// From the world (mm) to pixels.
    pub projection: ProjectionMatrix,
    /// What the file says of the side on which things are seen.
    pub depth: Depth,
    /// Columns and rows, if the file tells.
    pub size_px: Option<[usize; 2]>,
    /// The size of a pixel at the detector (mm), [column, row], if the file tells.
    pub pixel_spacing_mm: Option<[f64; 2]>,
    /// Whether the file says where the camera stands; else the world is the camera's frame.
    pub has_pose: bool,
}

/// Reads a camera; `index` chooses, from 0, where a file holds several.
///
/// # Errors
/// If the file cannot be read, or is not what its format asks for.
pub fn read_foreign_camera(
    path: impl AsRef<Path>,
    format: CameraFormat,
    index: Option<usize>,
) -> Result<ForeignCamera, FileError> {
    let path = path.as_ref();
    read(path, format, index).at(path)
}

fn read(
    path: &Path,
    format: CameraFormat,
    index: Option<usize>,
) -> Result<ForeignCamera, FileProblem> {
    if format == CameraFormat::XReg {
        return xreg::decode(read_bytes(path, LONGEST_HDF5)?, index);
    }
    let bytes = read_bytes(path, LONGEST_TEXT)?;
    if format == CameraFormat::Matrix {
        return matrix::decode(&bytes, index);
    }
    if let Some(index) = index.filter(|&index| index > 0) {
        let expected = "this format holds one camera: leave out --index";
        return Err(wrong("--index", &index.to_string(), expected).into());
    }
    let text = str::from_utf8(&bytes).map_err(|_| FileProblem::NotText)?;
    let text = text.trim_start_matches('\u{feff}');
    Ok(match format {
        CameraFormat::OpenCv => opencv::decode(text)?,
        _ => mayacam::decode(text)?,
    })
}

/// The one that is chosen.
fn chosen(index: Option<usize>, number: usize) -> Result<usize, CameraFileError> {
    match index.or((number == 1).then_some(0)) {
        Some(index) if index < number => Ok(index),
        _ if number == 0 => Err(missing("camera", "the file holds none; name another file")),
        _ => Err(CameraFileError::Several { number }),
    }
}

fn missing(key: &str, expected: &'static str) -> CameraFileError {
    CameraFileError::Missing { key: one_line(key), expected }
}

fn wrong(key: &str, found: &str, expected: &'static str) -> CameraFileError {
    CameraFileError::Value { key: one_line(key), found: one_line(found), expected }
}

/// A side in pixels.
fn side(key: &str, value: f64) -> Result<usize, CameraFileError> {
    const MOST: f64 = isocenter::geometry::Camera::MAX_SIDE_PX as f64;
    if value.fract() == 0.0 && (1.0..=MOST).contains(&value) {
        Ok(value as usize)
    } else {
        Err(wrong(key, &value.to_string(), "a whole number of pixels from 1 to 16384 is expected"))
    }
}

/// Rows of three.
fn three_by_three(numbers: &[f64]) -> Option<[[f64; 3]; 3]> {
    let (rows, rest) = numbers.as_chunks::<3>();
    let rows: [[f64; 3]; 3] = rows.try_into().ok()?;
    rest.is_empty().then_some(rows)
}

/// The third row of K must be (0, 0, 1).
fn intrinsic(key: &str, numbers: &[f64]) -> Result<[[f64; 3]; 3], CameraFileError> {
    const EXPECTED: &str = "three rows fx s cx, 0 fy cy, 0 0 1 are expected";
    match three_by_three(numbers) {
        Some(k) if k[2] == [0.0, 0.0, 1.0] && k[1][0] == 0.0 => Ok(k),
        _ => Err(wrong(key, &format!("{numbers:?}"), EXPECTED)),
    }
}

/// A rotation, made the nearest one if it was written with few digits.
fn rotation(key: &str, numbers: &[f64]) -> Result<nalgebra::Matrix3<f64>, CameraFileError> {
    use isocenter::geometry::RigidTransform;
    const EXPECTED: &str = "three rows of three numbers that make a rotation are expected";
    let rows = three_by_three(numbers)
        .ok_or_else(|| wrong(key, &format!("{} numbers", numbers.len()), EXPECTED))?;
    let matrix = nalgebra::Matrix3::from_fn(|row, column| rows[row][column]);
    let rigid = RigidTransform::new(matrix, nalgebra::Vector3::zeros())
        .map_err(|error| wrong(key, &format!("no rotation ({error})"), EXPECTED))?;
    Ok(*rigid.rotation())
}
