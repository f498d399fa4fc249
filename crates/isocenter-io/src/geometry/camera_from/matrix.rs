//! A projection matrix: twelve numbers, row by row.
//!
//! As text with any separators and brackets, `#` beginning a comment; as JSON, an array, or an object
//! with the key `projection_matrix`, `P` or `matrix`; as npy of shape (3, 4), (4, 4) or (n, 3, 4). A
//! fourth row must be 0 0 0 1.

use isocenter::geometry::conversion::{Depth, ProjectionMatrix};
use serde_json::Value;

use super::{CameraFileError, ForeignCamera, chosen, missing, wrong};
use crate::error::{FileProblem, one_line};
use crate::image::npy;

const KEY: &str = "projection matrix";
const EXPECTED: &str =
    "three rows of four numbers are expected, or four rows of which the last is 0 0 0 1";
/// The names that it has in JSON.
const NAMES: [&str; 3] = ["projection_matrix", "P", "matrix"];

pub(super) fn decode(bytes: &[u8], index: Option<usize>) -> Result<ForeignCamera, FileProblem> {
    if npy::is_npy(bytes) {
        let (shape, numbers) = npy::decode_numbers(bytes)?;
        let matrices = match *shape.as_slice() {
            [number, 3 | 4, 4] => number,
            [3 | 4, 4] => 1,
            _ => return Err(wrong(KEY, &format!("of shape {shape:?}"), EXPECTED).into()),
        };
        let each = numbers.len() / matrices.max(1);
        let at = chosen(index, matrices)? * each;
        return Ok(camera(numbers.get(at..at + each).unwrap_or_default())?);
    }
    let text = str::from_utf8(bytes).map_err(|_| FileProblem::NotText)?;
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let numbers = if text.starts_with('{') { of_object(text)? } else { of_text(text)? };
    let matrices =
        if numbers.len() > 16 && numbers.len() % 12 == 0 { numbers.len() / 12 } else { 1 };
    let each = numbers.len() / matrices;
    let at = chosen(index, matrices)? * each;
    Ok(camera(numbers.get(at..at + each).unwrap_or_default())?)
}

fn of_text(text: &str) -> Result<Vec<f64>, CameraFileError> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    let words = lines.flat_map(|line| {
        line.split(|c: char| c.is_whitespace() || "[](),;".contains(c))
            .filter(|word| !word.is_empty())
    });
    words
        .map(|word| word.parse().map_err(|_| wrong(KEY, &format!("'{word}' in it"), EXPECTED)))
        .collect()
}

fn of_object(text: &str) -> Result<Vec<f64>, CameraFileError> {
    let object: serde_json::Map<String, Value> = serde_json::from_str(text).map_err(|error| {
        wrong(KEY, &format!("no JSON ({})", one_line(&error.to_string())), EXPECTED)
    })?;
    let Some((key, value)) = NAMES.iter().find_map(|name| object.get_key_value(*name)) else {
        return Err(missing(&NAMES.join("' or '"), EXPECTED));
    };
    let mut numbers = Vec::new();
    flatten(value, &mut numbers).ok_or_else(|| wrong(key, &value.to_string(), EXPECTED))?;
    Ok(numbers)
}

/// All numbers of nested arrays.
pub(super) fn flatten(value: &Value, numbers: &mut Vec<f64>) -> Option<()> {
    match value {
        Value::Array(values) => values.iter().try_for_each(|value| flatten(value, numbers)),
        value => {
            numbers.push(value.as_f64()?);
            Some(())
        }
    }
}

fn camera(numbers: &[f64]) -> Result<ForeignCamera, CameraFileError> {
    let (rows, rest) = numbers.as_chunks::<4>();
    let projection = match *rows {
        [a, b, c] | [a, b, c, [0.0, 0.0, 0.0, 1.0]] if rest.is_empty() => [a, b, c],
        _ => {
            let found = match numbers.len() {
                16 => format!("of four rows, the last {:?}", &numbers[12..]),
                number => format!("of {number} numbers"),
            };
            return Err(wrong(KEY, &found, EXPECTED));
        }
    };
    Ok(ForeignCamera {
        projection: ProjectionMatrix(projection),
        depth: Depth::Unknown,
        size_px: None,
        pixel_spacing_mm: None,
        has_pose: true,
    })
}
