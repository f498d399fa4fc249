//! Strict JSON: keys that are missing, unknown or doubled, values of another type and numbers that
//! are none are errors that name the key and the value.

use std::path::Path;

use isocenter::geometry::{CameraError, RigidError, RigidTransform};
use nalgebra::Matrix4;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::error::{FileProblem, one_line};
use crate::open::read_bytes;

/// Longer files are something else.
const LONGEST: u64 = 1 << 20;

/// What a JSON file may not hold.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// Bytes that are no text.
    #[error("this is not a text file: {expected} is expected")]
    NotText {
        /// The kind of file.
        expected: &'static str,
    },
    /// Text that is not JSON.
    #[error(
        "line {line}, column {column}, near key '{key}': '{found}' is not valid JSON ({what}); a number such as 1.5 must stand for every NaN"
    )]
    Syntax {
        /// Line of the text, from 1.
        line: usize,
        /// Column of the text, from 1.
        column: usize,
        /// The last key before it.
        key: String,
        /// The text found there.
        found: String,
        /// What the parser says.
        what: String,
    },
    /// A key is missing, unknown or doubled.
    #[error("{what}: {expected} has the keys {keys}")]
    Keys {
        /// What the parser says.
        what: String,
        /// The kind of file.
        expected: &'static str,
        /// Its keys.
        keys: &'static str,
    },
    /// A value is of another type.
    #[error("'{key}' is {found}: {expected} is expected")]
    Value {
        /// The key.
        key: &'static str,
        /// The value.
        found: String,
        /// What should stand there.
        expected: &'static str,
    },
    /// A matrix is not a rigid transform.
    #[error("'{key}': {error}")]
    Rigid {
        /// The key.
        key: &'static str,
        /// What is wrong.
        error: RigidError,
    },
    /// The numbers make no camera.
    #[error(transparent)]
    Camera(#[from] CameraError),
}

/// A kind of file: its name and its keys, for messages.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) keys: &'static str,
}

/// Reads a file whose keys are the fields of `T`. The values stay [`Value`]s, for [`decode`] to
/// name their keys.
pub(super) fn read<T: DeserializeOwned>(path: &Path, kind: &Kind) -> Result<T, FileProblem> {
    Ok(parse(&read_bytes(path, LONGEST)?, kind)?)
}

/// The same from a file's bytes.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8], kind: &Kind) -> Result<T, JsonError> {
    let text = str::from_utf8(bytes).map_err(|_| JsonError::NotText { expected: kind.name })?;
    // Some editors put a byte order mark in front.
    let text = text.trim_start_matches('\u{feff}');
    serde_json::from_str(text).map_err(|error| {
        let message = one_line(&error.to_string());
        if error.is_data() {
            JsonError::Keys { what: message, expected: kind.name, keys: kind.keys }
        } else {
            syntax_error(text, &error)
        }
    })
}

fn syntax_error(text: &str, error: &serde_json::Error) -> JsonError {
    let (line, column) = (error.line(), error.column());
    let row = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    // The parser counts bytes.
    let at = row.floor_char_boundary(column.saturating_sub(1));
    let word = |c: char| !c.is_whitespace() && !",]}".contains(c);
    let start = row[..at].rfind(|c| !word(c) || "[:".contains(c)).map_or(0, |s| s + 1);
    let found: String = row[start..].trim_start().chars().take_while(|&c| word(c)).collect();
    let before =
        text.lines().take(line.saturating_sub(1)).collect::<Vec<_>>().join(" ") + &row[..at];
    let key = before.rmatch_indices("\":").next().map_or("", |(end, _)| {
        let name = &before[..end];
        name.rfind('"').map_or("", |start| &name[start + 1..])
    });
    let what = error.to_string();
    let what = what.split(" at line ").next().unwrap_or_default();
    JsonError::Syntax {
        line,
        column,
        key: one_line(key),
        found: one_line(&found),
        what: one_line(what),
    }
}

/// A key's value as a type.
pub(super) fn decode<T: DeserializeOwned>(
    key: &'static str,
    value: &Value,
    expected: &'static str,
) -> Result<T, JsonError> {
    T::deserialize(value).map_err(|_| JsonError::Value {
        key,
        found: one_line(&value.to_string()),
        expected,
    })
}

/// A key that may only have one value.
pub(super) fn decode_word(
    key: &'static str,
    value: &Value,
    word: &str,
    expected: &'static str,
) -> Result<(), JsonError> {
    if value.as_str() == Some(word) {
        Ok(())
    } else {
        Err(JsonError::Value { key, found: one_line(&value.to_string()), expected })
    }
}

/// A key's value as a rigid transform.
pub(super) fn decode_rigid(key: &'static str, value: &Value) -> Result<RigidTransform, JsonError> {
    let rows: [[f64; 4]; 4] = decode(key, value, "a matrix of four rows of four numbers")?;
    let matrix = Matrix4::from_fn(|row, column| rows[row][column]);
    RigidTransform::from_matrix(&matrix).map_err(|error| JsonError::Rigid { key, error })
}

/// An optional key: absent is `None`, but `null` is a value, and a wrong one.
pub(super) fn optional<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(value).map(Some)
}

/// A rigid transform as JSON, one row per line, in digits that read back to the same bits.
///
/// # Errors
/// If it is not rigid: a NaN cannot be written.
pub(super) fn encode_rigid(
    key: &'static str,
    transform: &RigidTransform,
) -> Result<String, JsonError> {
    let matrix = transform.to_matrix();
    RigidTransform::from_matrix(&matrix).map_err(|error| JsonError::Rigid { key, error })?;
    let rows = [0, 1, 2, 3].map(|row| {
        // `{:?}` of a f64 is the shortest decimal number that reads back as it.
        format!("    {:?}", [0, 1, 2, 3].map(|column| matrix[(row, column)]))
    });
    Ok(format!("  \"{key}\": [\n{}\n  ]", rows.join(",\n")))
}

/// An object from its finished entries.
pub(super) fn encode_object(entries: &[String]) -> String {
    format!("{{\n{}\n}}\n", entries.join(",\n"))
}
