//! Small text files.

use std::path::Path;

use crate::error::{At, FileError};
use crate::open::read_string;

/// Longer files are something else.
const LONGEST: u64 = 1 << 20;

/// Reads a text, for a parser of the caller's.
///
/// # Errors
/// If the file cannot be read, is empty, is longer than 1 MiB or is not UTF-8.
///
/// # Examples
/// ```
/// let error = isocenter_io::text::read_text("no/such.toml").unwrap_err();
/// assert_eq!(error.to_string(), "no/such.toml: there is no such file: check the path");
/// ```
pub fn read_text(path: impl AsRef<Path>) -> Result<String, FileError> {
    let path = path.as_ref();
    read_string(path, LONGEST).at(path)
}
