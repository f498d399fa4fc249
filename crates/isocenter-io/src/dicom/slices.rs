//! The slices of a series, sorted and held against each other.

use std::path::Path;

use isocenter::volume::Affine;
use nalgebra::{Matrix3, Vector3};

use super::error::DicomError;
use super::plane::{ImageFile, Plane};
use super::series::Series;
use super::warning::VolumeWarning;
use crate::error::{At, FileError, FileProblem};

/// How far directions may differ, as a length.
const DIRECTION_TOLERANCE: f64 = 1e-4;
/// How far pixel spacings may differ, relative to them.
const SPACING_TOLERANCE: f64 = 1e-4;
/// Slices that are closer than this lie at the same place (mm).
const SAME_PLACE_MM: f64 = 1e-3;
/// How far a slice may lie from its place on a regular grid, in slice distances: positions are
/// written with a few digits.
const REGULAR: f64 = 0.02;
/// How far slices may lie beside each other, in pixels.
const STRAIGHT_PX: f64 = 0.1;
/// A gap of more than so many mm, and of more than [`WIDEST_GAP`] slice distances, is not filled.
const WIDEST_GAP_MM: f64 = 20.0;
/// See [`WIDEST_GAP_MM`].
const WIDEST_GAP: f64 = 3.0;

/// A slice: an image of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slice {
    /// The file, in the series.
    pub(crate) file: usize,
    /// The image in it.
    pub(crate) frame: usize,
    pub(crate) plane: Plane,
    /// Where it lies along the normal (mm).
    pub(crate) along_mm: f64,
    /// Where its first pixel lies within the plane, in pixels from that of the first slice.
    pub(crate) shift_px: [f64; 2],
}

/// Slices in the order of their places.
#[derive(Debug, Clone)]
pub(crate) struct Stack {
    pub(crate) slices: Vec<Slice>,
    /// The direction in which they follow each other.
    pub(crate) normal: Vector3<f64>,
    /// Slice distance of the volume (mm).
    pub(crate) step_mm: f64,
    /// Whether the slices are those of the volume as they are.
    pub(crate) is_regular: bool,
    /// What was found on the way.
    pub(crate) warnings: Vec<VolumeWarning>,
}

/// A reference to a file for messages.
fn file(series: &Series, slice: &Slice) -> Option<std::path::PathBuf> {
    series.files.get(slice.file).map(|file| file.path.clone())
}

fn error_at(series: &Series, slice: &Slice, problem: impl Into<FileProblem>) -> FileError {
    FileError { path: file(series, slice).unwrap_or_default(), problem: problem.into() }
}

impl Stack {
    /// Sorts the slices of a series. `same` tells whether two hold the same pixels.
    ///
    /// # Errors
    /// If they make no volume: the file, and why.
    pub(crate) fn of(
        series: &Series,
        folder: &Path,
        same: impl Fn(&Slice, &Slice) -> Result<bool, FileError>,
    ) -> Result<Self, FileError> {
        let mut warnings = Vec::new();
        let localizers = series.files.iter().filter(|file| file.is_localizer).count();
        if localizers == series.files.len() {
            return Err(DicomError::OnlyLocalizers { found: localizers }).at(folder);
        }
        if localizers > 0 {
            warnings.push(VolumeWarning::Localizers { count: localizers });
        }
        let mut slices = planes(series)?;
        let Some(&Slice { plane: first, .. }) = slices.first().filter(|_| slices.len() > 1) else {
            return Err(DicomError::TooFewSlices { found: slices.len() }).at(folder);
        };
        check_alike(series, &slices)?;

        let normal = first.along_row.cross(&first.along_column).normalize();
        for slice in &mut slices {
            slice.along_mm = slice.plane.position.dot(&normal);
        }
        slices.sort_by(|a, b| a.along_mm.total_cmp(&b.along_mm));
        let duplicates = drop_copies(series, &mut slices, same)?;
        if duplicates > 0 {
            warnings.push(VolumeWarning::Duplicates { count: duplicates });
        }
        let Some(&bottom) = slices.first().filter(|_| slices.len() > 1) else {
            return Err(DicomError::TooFewSlices { found: slices.len() }).at(folder);
        };

        let [column_mm, row_mm] = first.spacing_mm;
        for slice in &mut slices {
            let beside = slice.plane.position - bottom.plane.position;
            let [x, y] = [beside.dot(&first.along_row), beside.dot(&first.along_column)];
            slice.shift_px = [x / column_mm, y / row_mm];
        }
        let largest_px = |s: &Slice| s.shift_px[0].abs().max(s.shift_px[1].abs());
        let is_straight = slices.iter().all(|slice| largest_px(slice) <= STRAIGHT_PX);
        if !is_straight {
            check_overlap(series, &slices)?;
            warnings.push(tilt(series, &slices));
        }

        let Spacing { step_mm, is_even, warning } = spacing(series, &slices)?;
        warnings.extend(warning);
        Ok(Self { normal, step_mm, is_regular: is_even && is_straight, slices, warnings })
    }

    /// The volume's place, where voxel (0, 0, 0) lies `shift_px` beside the lowest slice's first
    /// pixel.
    pub(crate) fn world_from_index(&self, shift_px: [f64; 2]) -> Result<Affine, FileProblem> {
        let Some(Slice { plane, .. }) = self.slices.first() else {
            return Err(DicomError::TooFewSlices { found: 0 }.into());
        };
        let along_i = plane.along_row * plane.spacing_mm[0];
        let along_j = plane.along_column * plane.spacing_mm[1];
        let along_k = self.normal * self.step_mm;
        let origin = plane.position + along_i * shift_px[0] + along_j * shift_px[1];
        let told = [plane.spacing_mm[1], plane.spacing_mm[0]];
        Affine::new(Matrix3::from_columns(&[along_i, along_j, along_k]), origin)
            .map_err(FileProblem::affine("PixelSpacing (0028,0030)", &told))
    }
}

/// The images that may be slices, in the order of the files.
fn planes(series: &Series) -> Result<Vec<Slice>, FileError> {
    let mut slices = Vec::new();
    for (n, image) in series.files.iter().enumerate().filter(|(_, file)| !file.is_localizer) {
        let planes = image.planes.as_ref().map_err(Clone::clone).at(&image.path)?;
        image.layout.as_ref().map_err(Clone::clone).at(&image.path)?;
        slices.extend(planes.iter().enumerate().map(|(frame, &plane)| Slice {
            file: n,
            frame,
            plane,
            along_mm: 0.0,
            shift_px: [0.0; 2],
        }));
    }
    Ok(slices)
}

/// Refuses what is of another size, spacing or direction than most: names the odd one.
fn check_alike(series: &Series, slices: &[Slice]) -> Result<(), FileError> {
    let size = |slice: &Slice| {
        let layout = series.files.get(slice.file).and_then(|file| file.layout.as_ref().ok());
        layout.map_or([0; 2], |layout| [layout.columns, layout.rows])
    };
    let common = most_common(slices.iter().map(size)).unwrap_or_default();
    let words = |[columns, rows]: [usize; 2]| format!("{columns} x {rows} pixels");
    if let Some(odd) = slices.iter().find(|slice| size(slice) != common) {
        let (what, others) = (words(size(odd)), words(common));
        return Err(error_at(series, odd, DicomError::Odd { what, others }));
    }

    let spacing = |s: &Slice| s.plane.spacing_mm;
    let alike = |[a, b]: [f64; 2], [c, d]: [f64; 2]| {
        (a - c).abs() <= SPACING_TOLERANCE * c && (b - d).abs() <= SPACING_TOLERANCE * d
    };
    let words = |[x, y]: [f64; 2]| format!("pixels of {x} x {y} mm");
    odd_one(series, slices, spacing, alike, words)?;

    let directions = |s: &Slice| [s.plane.along_row, s.plane.along_column];
    let alike = |[a, b]: [Vector3<f64>; 2], [c, d]: [Vector3<f64>; 2]| {
        (a - c).amax() <= DIRECTION_TOLERANCE && (b - d).amax() <= DIRECTION_TOLERANCE
    };
    let words = |directions: [Vector3<f64>; 2]| {
        let numbers = directions.iter().flatten().map(ToString::to_string);
        format!("the orientation {}", numbers.collect::<Vec<_>>().join("\\"))
    };
    odd_one(series, slices, directions, alike, words)
}

/// Refuses the first slice that differs from the first of all or, if that differs from most others,
/// the first of all.
fn odd_one<T: Copy>(
    series: &Series,
    slices: &[Slice],
    of: impl Fn(&Slice) -> T,
    alike: impl Fn(T, T) -> bool,
    words: impl Fn(T) -> String,
) -> Result<(), FileError> {
    let Some(first) = slices.first() else { return Ok(()) };
    let differing = slices.iter().filter(|slice| !alike(of(slice), of(first)));
    let count = differing.clone().count();
    let Some(other) = differing.into_iter().next() else { return Ok(()) };
    let (odd, usual) = if 2 * count > slices.len() { (first, other) } else { (other, first) };
    let (what, others) = (words(of(odd)), words(of(usual)));
    Err(error_at(series, odd, DicomError::Odd { what, others }))
}

fn most_common<T: Copy + PartialEq>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut counts: Vec<(T, usize)> = Vec::new();
    for value in values {
        match counts.iter_mut().find(|(other, _)| *other == value) {
            Some((_, count)) => *count += 1,
            None => counts.push((value, 1)),
        }
    }
    // Of those that are equally common the first counts.
    counts.into_iter().rev().max_by_key(|&(_, count)| count).map(|(value, _)| value)
}

/// Leaves out slices that are there twice; returns how many.
fn drop_copies(
    series: &Series,
    slices: &mut Vec<Slice>,
    same: impl Fn(&Slice, &Slice) -> Result<bool, FileError>,
) -> Result<usize, FileError> {
    let before = slices.len();
    let mut kept: Vec<Slice> = Vec::with_capacity(before);
    for &slice in slices.iter() {
        let Some(last) = kept.last().filter(|l| slice.along_mm - l.along_mm < SAME_PLACE_MM) else {
            kept.push(slice);
            continue;
        };
        if (slice.plane.position - last.plane.position).amax() > SAME_PLACE_MM {
            let shift_mm = (slice.plane.position - last.plane.position).norm();
            return Err(error_at(series, &slice, DicomError::Beside { shift_mm }));
        }
        if !same(last, &slice)? {
            let other = file(series, last)
                .and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
                .unwrap_or_default();
            let at_mm = slice.along_mm;
            return Err(error_at(series, &slice, DicomError::SamePlace { other, at_mm }));
        }
    }
    *slices = kept;
    Ok(before - slices.len())
}

/// Shifted slices must still lie behind each other.
fn check_overlap(series: &Series, slices: &[Slice]) -> Result<(), FileError> {
    for slice in slices {
        let layout = series.files.get(slice.file).and_then(|file| file.layout.as_ref().ok());
        let [columns, rows] = layout.map_or([0; 2], |layout| [layout.columns, layout.rows]);
        let [x, y] = slice.shift_px;
        if x.abs() > columns as f64 || y.abs() > rows as f64 {
            let [column_mm, row_mm] = slice.plane.spacing_mm;
            let shift_mm = (x * column_mm).hypot(y * row_mm);
            return Err(error_at(series, slice, DicomError::Beside { shift_mm }));
        }
    }
    Ok(())
}

/// How far the slices lie from each other.
struct Spacing {
    /// The distance of the volume's slices (mm).
    step_mm: f64,
    /// Whether they lie at multiples of it as they are.
    is_even: bool,
    /// What to tell if not.
    warning: Option<VolumeWarning>,
}

/// The distance of slices in the order of their places: that of the ends if they are even, else the
/// median.
///
/// # Errors
/// If there is a gap that is too wide to be filled.
fn spacing(series: &Series, slices: &[Slice]) -> Result<Spacing, FileError> {
    let next = slices.iter().skip(1);
    let distances: Vec<f64> =
        slices.iter().zip(next).map(|(a, b)| b.along_mm - a.along_mm).collect();
    let mut sorted = distances.clone();
    sorted.sort_by(f64::total_cmp);
    let usual_mm = sorted.get(sorted.len() / 2).copied().unwrap_or(1.0);
    let bottom_mm = slices.first().map_or(0.0, |slice| slice.along_mm);
    let top_mm = slices.last().map_or(0.0, |slice| slice.along_mm);
    let mean_mm = (top_mm - bottom_mm) / distances.len() as f64;
    let place = |n: usize| bottom_mm + n as f64 * mean_mm;
    let is_even = slices
        .iter()
        .enumerate()
        .all(|(n, slice)| (slice.along_mm - place(n)).abs() <= REGULAR * mean_mm);
    if is_even {
        return Ok(Spacing { step_mm: mean_mm, is_even, warning: None });
    }
    let wide = |d: f64| d > WIDEST_GAP_MM && d > WIDEST_GAP * usual_mm;
    if let Some((slice, &gap_mm)) = slices.iter().zip(&distances).find(|(_, d)| wide(**d)) {
        return Err(error_at(series, slice, DicomError::Gap { gap_mm, usual_mm }));
    }
    let odd = |d: f64| (d - usual_mm).abs() > REGULAR * usual_mm;
    let gaps_mm = slices.iter().zip(&distances).filter(|(_, d)| odd(**d));
    let gaps_mm = gaps_mm.map(|(slice, &d)| [slice.along_mm, d]).collect();
    let warning = Some(VolumeWarning::Gaps { gaps_mm, usual_mm });
    Ok(Spacing { step_mm: usual_mm, is_even, warning })
}

/// The warning about slices that do not lie straight behind each other: a tilt if all follow one
/// line.
fn tilt(series: &Series, slices: &[Slice]) -> VolumeWarning {
    let shift_mm = |slice: &Slice| {
        let [column_mm, row_mm] = slice.plane.spacing_mm;
        [slice.shift_px[0] * column_mm, slice.shift_px[1] * row_mm]
    };
    let (Some(first), Some(last)) = (slices.first(), slices.last()) else {
        return VolumeWarning::Shifted { largest_mm: 0.0 };
    };
    let length = last.along_mm - first.along_mm;
    let slope = shift_mm(last).map(|shift| shift / length);
    let is_line = slices.iter().all(|slice| {
        let along = slice.along_mm - first.along_mm;
        let [x, y] = shift_mm(slice);
        let [column_mm, row_mm] = slice.plane.spacing_mm;
        (x - slope[0] * along).abs() <= STRAIGHT_PX * column_mm
            && (y - slope[1] * along).abs() <= STRAIGHT_PX * row_mm
    });
    if !is_line {
        let largest = |s: &Slice| shift_mm(s)[0].hypot(shift_mm(s)[1]);
        return VolumeWarning::Shifted {
            largest_mm: slices.iter().map(largest).fold(0.0, f64::max),
        };
    }
    let told = series.files.get(first.file).and_then(|file: &ImageFile| file.gantry_tilt_deg);
    VolumeWarning::GantryTilt {
        angle_deg: slope[0].hypot(slope[1]).atan().to_degrees(),
        told_deg: told,
    }
}
