//! xReg's projections: HDF5 with the groups `proj-000`, `proj-001`, ..., each with a group `cam`, or one
//! camera at the root.
//!
//! | data set | what |
//! |---|---|
//! | `intrinsic` | K, 3x3, in pixels |
//! | `extrinsic` | camera from world, 4x4, millimetres, LPS |
//! | `num-cols`, `num-rows` | the size of the image |
//! | `col-spacing`, `row-spacing` | the size of a pixel |
//! | `cam-coord-frame-type` | where the detector is: `origin-at-focal-pt-det-pos-z` or `-neg-z` |
//!
//! With the detector on the negative side the depth is negative, and the image is mirrored against the
//! one seen from the source.

use hdf5_pure::File;
use isocenter::geometry::conversion::{Depth, ProjectionMatrix};
use nalgebra::Vector3;

use super::{CameraFileError, ForeignCamera, chosen, intrinsic, missing, rotation, side, wrong};
use crate::error::{FileProblem, one_line};

/// More projections than anyone takes of one patient.
const MOST: usize = 1000;
/// More numbers than a camera has in one data set.
const MOST_NUMBERS: u64 = 64;

pub(super) fn decode(bytes: Vec<u8>, index: Option<usize>) -> Result<ForeignCamera, FileProblem> {
    let file = File::from_bytes(bytes)
        .map_err(|error| CameraFileError::Hdf5 { what: one_line(&error.to_string()) })?;
    let group = |n: usize| format!("proj-{n:03}/cam/");
    let is_there = |prefix: &str| file.dataset(&format!("{prefix}intrinsic")).is_ok();
    let number = (0..MOST).take_while(|&n| is_there(&group(n))).count();
    let prefix = match number {
        0 if is_there("") => String::new(),
        0 if is_there("cam/") => "cam/".to_owned(),
        0 => {
            let expected = "a projection file of xReg has it for each image";
            return Err(missing("proj-000/cam/intrinsic", expected).into());
        }
        number => group(chosen(index, number)?),
    };
    Ok(camera(&file, &prefix)?)
}

fn camera(file: &File, prefix: &str) -> Result<ForeignCamera, CameraFileError> {
    let numbers = |name: &str| numbers(file, &format!("{prefix}{name}"));
    let one = |name: &str| -> Result<f64, CameraFileError> {
        match numbers(name)?.as_slice() {
            [number] => Ok(*number),
            other => Err(wrong(
                &format!("{prefix}{name}"),
                &format!("{} numbers", other.len()),
                "one number is expected",
            )),
        }
    };
    let key = format!("{prefix}cam-coord-frame-type");
    let frame = file
        .dataset(&key)
        .ok()
        .filter(|dataset| dataset.shape().is_ok_and(|shape| shape.iter().product::<u64>() <= 1))
        .and_then(|dataset| dataset.read_string().ok())
        .and_then(|texts| texts.into_iter().next())
        .ok_or_else(|| missing(&key, "a text that says where the detector is is expected"))?;
    let depth = match frame.trim_matches(['\0', ' ']) {
        "origin-at-focal-pt-det-pos-z" => Depth::Positive,
        "origin-at-focal-pt-det-neg-z" => Depth::Negative,
        other => {
            let expected = "origin-at-focal-pt-det-pos-z or origin-at-focal-pt-det-neg-z is expected; \
                            a camera whose origin lies on the detector is not taken";
            return Err(wrong(&key, other, expected));
        }
    };
    let k = intrinsic(&format!("{prefix}intrinsic"), &numbers("intrinsic")?)?;
    let extrinsic = numbers("extrinsic")?;
    let key = format!("{prefix}extrinsic");
    let (rows, _) = extrinsic.as_chunks::<4>();
    let &[[a, b, c, x], [d, e, f, y], [g, h, i, z], [0.0, 0.0, 0.0, 1.0]] = rows else {
        let expected = "four rows of four numbers, the last 0 0 0 1, are expected";
        return Err(wrong(&key, &format!("{extrinsic:?}"), expected));
    };
    let turn = rotation(&key, &[a, b, c, d, e, f, g, h, i])?;
    let [columns, rows] = [one("num-cols")?, one("num-rows")?];
    let spacing = [one("col-spacing")?, one("row-spacing")?];
    Ok(ForeignCamera {
        projection: ProjectionMatrix::from_factors(k, &turn, Vector3::new(x, y, z)),
        depth,
        size_px: Some([
            side(&format!("{prefix}num-cols"), columns)?,
            side(&format!("{prefix}num-rows"), rows)?,
        ]),
        pixel_spacing_mm: Some(spacing),
        has_pose: true,
    })
}

/// The numbers of a small data set.
fn numbers(file: &File, name: &str) -> Result<Vec<f64>, CameraFileError> {
    let expected = "the camera of a projection has it";
    let dataset = file.dataset(name).map_err(|_| missing(name, expected))?;
    let told =
        |error: hdf5_pure::Error| CameraFileError::Hdf5 { what: one_line(&error.to_string()) };
    let count = dataset.shape().map_err(told)?.iter().fold(1, |a: u64, &n| a.saturating_mul(n));
    if count > MOST_NUMBERS {
        return Err(wrong(name, &format!("{count} numbers"), "16 at most are expected"));
    }
    dataset.read_f64().map_err(told)
}
