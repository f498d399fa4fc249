//! Image sides: an image is seen from the source or, as many are stored, from the detector.
//!
//! A flip is a named operation on an image. It never becomes part of a pose.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which order of an image is reversed. A flip is its own inverse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageFlip {
    /// Nothing is reversed: the image is seen from the source.
    #[default]
    None,
    /// Columns: left and right are exchanged, as when an image is stored as seen from the detector.
    Columns,
    /// Rows: top and bottom are exchanged.
    Rows,
    /// Both: the image is turned by 180 degrees.
    Both,
}

impl ImageFlip {
    /// Where a position (px) of an image is after the flip.
    ///
    /// # Shapes
    /// Columns and rows of the image.
    ///
    /// # Examples
    /// ```
    /// use isocenter::geometry::ImageFlip;
    /// // The last pixel of a row becomes its first.
    /// assert_eq!(ImageFlip::Columns.position_px([639.0, 10.0], [640, 480]), [0.0, 10.0]);
    /// ```
    #[must_use]
    pub fn position_px(self, [u, v]: [f64; 2], size_px: [usize; 2]) -> [f64; 2] {
        let [last_u, last_v] = size_px.map(|n| n as f64 - 1.0);
        match self {
            Self::None => [u, v],
            Self::Columns => [last_u - u, v],
            Self::Rows => [u, last_v - v],
            Self::Both => [last_u - u, last_v - v],
        }
    }
}

/// A text that is not a flip.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("'{found}' is not a flip: write none, columns, rows or both")]
pub struct ParseFlipError {
    /// The text.
    pub found: String,
}

impl FromStr for ImageFlip {
    type Err = ParseFlipError;

    fn from_str(text: &str) -> Result<Self, ParseFlipError> {
        match text {
            "none" => Ok(Self::None),
            "columns" => Ok(Self::Columns),
            "rows" => Ok(Self::Rows),
            "both" => Ok(Self::Both),
            _ => Err(ParseFlipError { found: text.to_owned() }),
        }
    }
}

impl fmt::Display for ImageFlip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Columns => "columns",
            Self::Rows => "rows",
            Self::Both => "both",
        })
    }
}
