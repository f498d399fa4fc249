//! A volume from a series: the pixels of its slices, decoded and scaled.

use std::path::Path;

use isocenter::volume::Volume;
use rayon::prelude::*;

use super::error::DicomError;
use super::object::Object;
use super::pixels::PixelLayout;
use super::plane::{Identity, ImageFile};
use super::regrid::{AIR_HU, Grid, regrid};
use super::series::{Scan, Series, SeriesChoice, SeriesSummary};
use super::slices::{Slice, Stack};
use super::warning::VolumeWarning;
use crate::error::{At, FileError, FileProblem, one_line};
use crate::voxels::{count_of, zeros};

/// A volume grows by resampling to at most so many times its slices.
const MOST_GROWTH: usize = 8;

/// A volume from DICOM files, and what is known of them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LoadedSeries {
    pub(crate) volume: Volume<f32>,
    pub(crate) series: SeriesSummary,
    pub(crate) others: Vec<SeriesSummary>,
    pub(crate) transfer_syntax: &'static str,
    pub(crate) bits_stored: u32,
    pub(crate) warnings: Vec<VolumeWarning>,
    pub(crate) identity: Identity,
}

/// Reads the volume of a folder, or of a file that holds all slices.
///
/// # Errors
/// If there is none: the file, and why.
pub(crate) fn load(path: &Path, choice: Option<&SeriesChoice>) -> Result<LoadedSeries, FileError> {
    let mut scan = Scan::of(path)?;
    let unreadable = std::mem::take(&mut scan.unreadable);
    let (series, others) = scan.choose(choice).at(path)?;
    if !path.is_dir() && series.summary().images == 1 {
        return Err(DicomError::SingleImage).at(path);
    }
    let stack = Stack::of(&series, path, |a, b| same_pixels(&series, a, b))?;
    let (Some(first), Some(layout)) = (first_file(&series, &stack), layout_of(&series, &stack))
    else {
        return Err(DicomError::TooFewSlices { found: 0 }).at(path);
    };
    for slice in &stack.slices {
        let Some(file) = series.files.get(slice.file) else { continue };
        if file.pixels.is_err() {
            // Says why.
            let object = Object::open_header(&file.path).at(&file.path)?;
            object.check_pixels(&object.pixel_layout().at(&file.path)?).at(&file.path)?;
        }
    }

    let mut warnings = stack.warnings.clone();
    warnings.extend(warnings_of(first, &series));
    if let Some((file, problem)) = unreadable.first() {
        warnings.push(VolumeWarning::Unreadable {
            count: unreadable.len(),
            file: one_line(&file.to_string_lossy()),
            problem: problem.clone(),
        });
    }

    let slices = decode(&series, &stack, &layout, path)?;
    let size = [layout.columns, layout.rows];
    let (dims, voxels, shift_px) = if stack.is_regular {
        ([size[0], size[1], stack.slices.len()], slices, [0.0; 2])
    } else {
        let grid = Grid::of(&stack, size);
        let count = count_of(grid.dims).at(path)?;
        if count / MOST_GROWTH > slices.len() {
            let gap_mm = stack.step_mm * grid.dims[2] as f64;
            return Err(DicomError::Gap { gap_mm, usual_mm: stack.step_mm }).at(&first.path);
        }
        let mut voxels = zeros(count).at(path)?;
        regrid(&stack, &slices, size, &grid, &mut voxels);
        (grid.dims, voxels, grid.shift_px)
    };
    let world_from_index = stack.world_from_index(shift_px).at(&first.path)?;
    Ok(LoadedSeries {
        volume: Volume::new(dims, voxels, world_from_index).at(path)?,
        series: series.summary(),
        others,
        transfer_syntax: first.syntax.name,
        bits_stored: layout.bits_stored,
        warnings,
        identity: first.identity.clone(),
    })
}

fn first_file<'a>(series: &'a Series, stack: &Stack) -> Option<&'a ImageFile> {
    series.files.get(stack.slices.first()?.file)
}

fn layout_of(series: &Series, stack: &Stack) -> Option<PixelLayout> {
    first_file(series, stack)?.layout.as_ref().ok().copied()
}

/// What the tags of a series warn of.
fn warnings_of(first: &ImageFile, series: &Series) -> Vec<VolumeWarning> {
    let mut warnings = Vec::new();
    if !series.is_ct() {
        warnings.push(VolumeWarning::NotCt { modality: one_line(&first.modality) });
        return warnings;
    }
    if !series.files.iter().all(|file| file.has_rescale || file.is_localizer) {
        warnings.push(VolumeWarning::NoRescale);
    }
    let unit = |file: &ImageFile| file.rescale_type.clone().filter(|unit| unit != "HU");
    if let Some(unit) = series.files.iter().find_map(unit) {
        warnings.push(VolumeWarning::NotHounsfield { unit: one_line(&unit) });
    }
    warnings
}

/// Whether two slices hold the same values.
fn same_pixels(series: &Series, a: &Slice, b: &Slice) -> Result<bool, FileError> {
    let values = |slice: &Slice| {
        let Some(file) = series.files.get(slice.file) else { return Ok(Vec::new()) };
        let of = || {
            let object = Object::open(&file.path)?;
            let layout = object.pixel_layout()?;
            let mut out = zeros(layout.frame_pixels())?;
            decode_slice(&object, &layout, slice, &mut out)?;
            Ok::<_, FileProblem>(out)
        };
        of().at(&file.path)
    };
    Ok(values(a)? == values(b)?)
}

/// The values of all slices (HU), one behind the other.
fn decode(
    series: &Series,
    stack: &Stack,
    layout: &PixelLayout,
    folder: &Path,
) -> Result<Vec<f32>, FileError> {
    let pixels = layout.frame_pixels();
    // What the headers announce was held against the length of the files.
    let count = count_of([layout.columns, layout.rows, stack.slices.len()]);
    let mut voxels = count.and_then(zeros).at(folder)?;
    // A file of many images is opened once.
    let opened: Vec<Option<Object>> = series
        .files
        .iter()
        .map(|file| {
            let is_used = || !file.is_localizer;
            let many = file.layout.as_ref().is_ok_and(|layout| layout.frames > 1);
            (many && is_used()).then(|| Object::open(&file.path).at(&file.path)).transpose()
        })
        .collect::<Result<_, _>>()?;
    voxels.par_chunks_mut(pixels).zip(&stack.slices).try_for_each(|(out, slice)| {
        let Some(file) = series.files.get(slice.file) else { return Ok(()) };
        let own = file.layout.as_ref().map_err(Clone::clone).at(&file.path)?;
        if let Some(Some(object)) = opened.get(slice.file) {
            return decode_slice(object, own, slice, out).at(&file.path);
        }
        let object = Object::open(&file.path).at(&file.path)?;
        decode_slice(&object, own, slice, out).at(&file.path)
    })?;
    Ok(voxels)
}

/// Stored numbers to HU; what means no pixel is air.
fn decode_slice(
    object: &Object,
    layout: &PixelLayout,
    slice: &Slice,
    out: &mut [f32],
) -> Result<(), FileProblem> {
    let plane = &slice.plane;
    let (slope, intercept) = (plane.slope, plane.intercept);
    let scaled = |stored: i32| (f64::from(stored) * slope + intercept) as f32;
    match plane.padding {
        None => object.decode_frame(layout, slice.frame, out, scaled),
        Some([from, to]) => object.decode_frame(layout, slice.frame, out, |stored| {
            if (from..=to).contains(&stored) { AIR_HU } else { scaled(stored) }
        }),
    }
}
