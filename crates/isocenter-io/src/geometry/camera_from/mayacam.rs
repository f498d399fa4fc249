//! MayaCam 2.0, the text files of XMALab: headings, and numbers below them.
//!
//! ```text
//! image size
//! 1760,1760
//!
//! camera matrix
//! 6000,0,880
//! 0,6000,880
//! 0,0,1
//!
//! rotation
//! ...
//! translation
//! ...
//! ```
//!
//! `rotation` and `translation` take the world to the camera, whose z runs to the detector. Lengths are
//! those of the calibration object, which must have been given in millimetres.

use isocenter::geometry::conversion::{Depth, ProjectionMatrix};
use nalgebra::Vector3;

use super::{CameraFileError, ForeignCamera, intrinsic, missing, rotation, side, wrong};

/// The headings.
const SECTIONS: [&str; 4] = ["image size", "camera matrix", "rotation", "translation"];
const NUMBERS: &str = "numbers, separated by commas, are expected";

pub(super) fn decode(text: &str) -> Result<ForeignCamera, CameraFileError> {
    let mut found: [Option<Vec<f64>>; 4] = [const { None }; 4];
    let mut current = None;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let heading = line.trim_end_matches(':').to_lowercase();
        if let Some(section) = SECTIONS.iter().position(|name| *name == heading) {
            if found[section].replace(Vec::new()).is_some() {
                return Err(wrong(
                    SECTIONS[section],
                    "there twice",
                    "each heading is expected once",
                ));
            }
            current = Some(section);
            continue;
        }
        // What stands under other headings is of no use here.
        let Some(section) = current else { continue };
        if line.starts_with(|c: char| c.is_ascii_alphabetic())
            && !line.starts_with(['n', 'i', 'N', 'I'])
        {
            current = None;
            continue;
        }
        let words = line.split([',', ' ', '\t', ';']).filter(|word| !word.is_empty());
        for word in words {
            let number = word.parse().map_err(|_| wrong(SECTIONS[section], word, NUMBERS))?;
            found[section].get_or_insert_default().push(number);
        }
    }
    let [size, k, r, t] = found;
    let there = |section: usize, numbers: Option<Vec<f64>>| {
        numbers.ok_or_else(|| missing(SECTIONS[section], "a MayaCam 2.0 file has this heading"))
    };
    let (size, k, r, t) = (there(0, size)?, there(1, k)?, there(2, r)?, there(3, t)?);
    let &[columns, rows] = size.as_slice() else {
        return Err(wrong(SECTIONS[0], &format!("{size:?}"), "columns,rows are expected"));
    };
    let &[x, y, z] = t.as_slice() else {
        return Err(wrong(SECTIONS[3], &format!("{t:?}"), "three lengths are expected"));
    };
    let k = intrinsic(SECTIONS[1], &k)?;
    let r = rotation(SECTIONS[2], &r)?;
    Ok(ForeignCamera {
        projection: ProjectionMatrix::from_factors(k, &r, Vector3::new(x, y, z)),
        depth: Depth::Positive,
        size_px: Some([side(SECTIONS[0], columns)?, side(SECTIONS[0], rows)?]),
        pixel_spacing_mm: None,
        has_pose: true,
    })
}
