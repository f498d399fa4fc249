//! OpenCV's camera: `camera_matrix`, no distortion, and a pose if there is one.
//!
//! YAML as `cv::FileStorage` and calibration programs write it (named numbers, lists and matrices with
//! `rows`, `cols` and `data`), or JSON with the same keys. The pose takes the world (mm, LPS) to the
//! camera: `rvec` and `tvec`, or `R` and `T`.
//!
//! # References
//! OpenCV, Camera Calibration and 3D Reconstruction: `s p = K [R | t] P`, pixel centres at integers.

use std::collections::BTreeMap;

use isocenter::geometry::conversion::{Depth, ProjectionMatrix};
use isocenter::geometry::rotation::exp;
use nalgebra::{Matrix3, Vector3};
use serde_json::Value;

use super::matrix::flatten;
use super::{CameraFileError, ForeignCamera, intrinsic, missing, rotation, side, wrong};
use crate::error::one_line;

/// Numbers by name.
type Numbers = BTreeMap<String, Vec<f64>>;

/// The names that each has in files.
const INTRINSIC: [&str; 5] =
    ["camera_matrix", "K", "intrinsic_matrix", "cameraMatrix", "Camera_Matrix"];
const DISTORTION: [&str; 6] = [
    "distortion_coefficients",
    "dist_coeffs",
    "distCoeffs",
    "Distortion_Coefficients",
    "dist",
    "D",
];
const ROTATION: [&str; 3] = ["R", "rotation_matrix", "rotation"];
const ROTATION_VECTOR: [&str; 2] = ["rvec", "rotation_vector"];
const TRANSLATION: [&str; 5] = ["tvec", "T", "t", "translation_vector", "translation"];
const COLUMNS: [&str; 3] = ["image_width", "image_Width", "width"];
const ROWS: [&str; 3] = ["image_height", "image_Height", "height"];
const SIZE: [&str; 3] = ["image_size", "size_px", "resolution"];

pub(super) fn decode(text: &str) -> Result<ForeignCamera, CameraFileError> {
    let numbers = if text.trim_start().starts_with('{') { of_json(text)? } else { of_yaml(text)? };
    let find = |names: &[&'static str]| {
        names.iter().find_map(|name| Some((*name, numbers.get(*name)?.as_slice())))
    };
    let (key, k) = find(&INTRINSIC)
        .ok_or_else(|| missing(INTRINSIC[0], "three rows fx 0 cx, 0 fy cy, 0 0 1 are expected"))?;
    let k = intrinsic(key, k)?;
    if let Some((key, values)) = find(&DISTORTION)
        && values.iter().any(|value| *value != 0.0)
    {
        return Err(CameraFileError::Distortion { key: key.to_owned(), values: values.to_vec() });
    }
    let turn = match (find(&ROTATION), find(&ROTATION_VECTOR)) {
        (Some((key, numbers)), _) => Some(rotation(key, numbers)?),
        (None, Some((key, numbers))) => {
            let expected = "three finite numbers, axis times angle in radians, are expected";
            match *numbers {
                [x, y, z] if [x, y, z].iter().all(|n| n.abs() < 1e3) => {
                    Some(exp(Vector3::new(x, y, z)))
                }
                _ => return Err(wrong(key, &format!("{numbers:?}"), expected)),
            }
        }
        (None, None) => None,
    };
    let shift = match find(&TRANSLATION) {
        Some((_, &[x, y, z])) => Some(Vector3::new(x, y, z)),
        Some((key, numbers)) => {
            return Err(wrong(key, &format!("{numbers:?}"), "three lengths (mm) are expected"));
        }
        None => None,
    };
    let (turn, shift, has_pose) = match (turn, shift) {
        (Some(turn), Some(shift)) => (turn, shift, true),
        (None, None) => (Matrix3::identity(), Vector3::zeros(), false),
        (Some(_), None) => return Err(missing("tvec", "a pose has rotation and translation")),
        (None, Some(_)) => return Err(missing("rvec", "a pose has rotation and translation")),
    };
    let size_px = match (find(&COLUMNS), find(&ROWS), find(&SIZE)) {
        (Some((key, &[columns])), Some((_, &[rows])), _) => {
            Some([side(key, columns)?, side(key, rows)?])
        }
        (_, _, Some((key, &[columns, rows]))) => Some([side(key, columns)?, side(key, rows)?]),
        _ => None,
    };
    Ok(ForeignCamera {
        projection: ProjectionMatrix::from_factors(k, &turn, shift),
        depth: Depth::Positive,
        size_px,
        pixel_spacing_mm: None,
        has_pose,
    })
}

fn of_json(text: &str) -> Result<Numbers, CameraFileError> {
    let object: serde_json::Map<String, Value> = serde_json::from_str(text).map_err(|error| {
        let found = format!("no JSON ({})", one_line(&error.to_string()));
        wrong("camera", &found, "an object with the key camera_matrix is expected")
    })?;
    let mut numbers = Numbers::new();
    for (key, value) in object {
        // A matrix may be an object with the key `data`.
        let value = value.get("data").unwrap_or(&value);
        let mut list = Vec::new();
        if flatten(value, &mut list).is_some() {
            numbers.insert(key, list);
        }
    }
    Ok(numbers)
}

/// The part of YAML that calibrations are written in: keys at the margin, and below or beside each a
/// number, a list in brackets, lists of lists, or a matrix with `data`.
fn of_yaml(text: &str) -> Result<Numbers, CameraFileError> {
    let mut numbers = Numbers::new();
    let mut entry: Option<(String, String)> = None;
    let finish = |entry: Option<(String, String)>, numbers: &mut Numbers| {
        if let Some((key, value)) = entry
            && let Some(list) = yaml_numbers(&value)
        {
            numbers.insert(key, list);
        }
    };
    for line in text.lines() {
        let line = line.split(" #").next().unwrap_or_default().trim_end();
        if line.is_empty() || line.starts_with(['%', '#']) || line == "---" || line == "..." {
            continue;
        }
        let is_key = !line.starts_with([' ', '\t', '-', '[', ']']);
        match (is_key, line.split_once(':')) {
            (true, Some((key, value))) => {
                finish(entry.take(), &mut numbers);
                let key = key.trim().trim_matches(['"', '\'']);
                entry = Some((key.to_owned(), value.trim().to_owned()));
            }
            (true, None) => {
                return Err(wrong(
                    "camera",
                    &format!("'{line}' in it"),
                    "YAML with key: value is expected",
                ));
            }
            (false, _) => {
                if let Some((_, value)) = &mut entry {
                    value.push('\n');
                    value.push_str(line.trim());
                }
            }
        }
    }
    finish(entry, &mut numbers);
    Ok(numbers)
}

/// The numbers of a value; `None` if it is something else.
fn yaml_numbers(value: &str) -> Option<Vec<f64>> {
    let value = value.strip_prefix("!!opencv-matrix").unwrap_or(value);
    // Of a matrix, what stands behind `data:`.
    let data = value.split_once("data:").map_or(value, |(_, data)| data);
    let data = data.split(']').next().filter(|_| value.contains("data:")).unwrap_or(data);
    data.split(|c: char| c.is_whitespace() || "[],".contains(c))
        .filter(|word| !word.is_empty() && *word != "-")
        .map(|word| word.parse().ok())
        .collect()
}
