//! A volume in words and numbers: a part of `isocenter info`.

use anyhow::Result;
use isocenter::volume::{Affine, Couch};
use isocenter_io::volume::LoadedVolume;
use isocenter_io::volume::dicom::{DicomImage, Identity, SeriesSummary};
use serde::Serialize;

use crate::cli::InfoArgs;
use crate::input::couch_words;
use crate::output::say;

/// What there is to say about a volume.
#[derive(Debug, Serialize)]
pub(crate) struct VolumeDescription {
    file: String,
    format: &'static str,
    /// Type and byte order, or the transfer syntax.
    encoding: String,
    /// Of the series, where the files are DICOM.
    #[serde(skip_serializing_if = "Option::is_none")]
    modality: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    series: Option<SeriesSummary>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    other_series: Vec<SeriesSummary>,
    size: [usize; 3],
    spacing_mm: [f64; 3],
    /// Towards which side of the patient the indices run.
    orientation: [&'static str; 3],
    handedness: &'static str,
    center_world_mm: [f64; 3],
    world_from_index: [[f64; 4]; 4],
    range: [f32; 2],
    not_finite: usize,
    /// The couch, where one was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    couch: Option<CouchDescription>,
    warnings: Vec<String>,
    /// Where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<Identity>,
}

/// A couch that was found in a CT.
#[derive(Debug, Serialize)]
struct CouchDescription {
    volume_ml: f64,
    /// From the patient's back to its surface.
    gap_mm: f64,
    /// Whether `register` would take it out.
    removed: bool,
}

impl VolumeDescription {
    pub(crate) fn new(
        file: String,
        loaded: &LoadedVolume,
        couch: Option<&Couch>,
        args: &InfoArgs,
    ) -> Self {
        let volume = &loaded.volume;
        let finite = volume.voxels().iter().filter(|v| v.is_finite());
        let (mut low, mut high, mut count) = (f32::INFINITY, f32::NEG_INFINITY, 0);
        for &voxel in finite {
            (low, high, count) = (low.min(voxel), high.max(voxel), count + 1);
        }
        let affine = volume.world_from_index();
        Self {
            file,
            format: loaded.format,
            encoding: loaded.encoding.clone(),
            modality: loaded.series.as_ref().map(|series| series.modality.clone()),
            series: loaded.series.clone(),
            other_series: loaded.other_series.clone(),
            size: volume.dims(),
            spacing_mm: affine.spacing_mm(),
            orientation: orientation(affine),
            handedness: if affine.linear().determinant() > 0.0 { "right" } else { "left" },
            center_world_mm: volume.center_world_mm().into(),
            world_from_index: affine.to_matrix().transpose().into(),
            range: [low, high],
            not_finite: volume.voxels().len() - count,
            couch: couch.map(|couch| CouchDescription {
                volume_ml: couch.volume_ml(),
                gap_mm: couch.gap_mm(),
                removed: !args.keep_table,
            }),
            warnings: loaded.warnings.iter().map(ToString::to_string).collect(),
            identity: args.show_identity.then(|| loaded.identity.clone()),
        }
    }

    pub(crate) fn print(&self) -> Result<()> {
        let [i, j, k] = self.size;
        let [di, dj, dk] = self.spacing_mm;
        let [to_i, to_j, to_k] = self.orientation;
        let [x, y, z] = self.center_world_mm;
        say(&format!("{}: volume", self.file))?;
        say(&format!("  format       {}, {}", self.format, self.encoding))?;
        if let Some(series) = &self.series {
            say(&format!("  chosen       {series}"))?;
        }
        for series in &self.other_series {
            say(&format!("  also there   {series}"))?;
        }
        say(&format!("  size         {i} x {j} x {k} voxels of {di:.4} x {dj:.4} x {dk:.4} mm"))?;
        let handedness = self.handedness;
        say(&format!(
            "  orientation  i to {to_i}, j to {to_j}, k to {to_k} ({handedness}-handed)"
        ))?;
        say(&format!("  center       ({x:.1}, {y:.1}, {z:.1}) mm LPS"))?;
        let [low, high] = self.range;
        if low <= high {
            say(&format!("  values       {low} to {high} (HU in a CT)"))?;
        }
        if let Some(CouchDescription { volume_ml, gap_mm, removed }) = self.couch {
            let place = couch_words(volume_ml, gap_mm);
            let fate = match removed {
                true => "removed by default: --keep-table keeps it",
                false => "kept",
            };
            say(&format!("  couch        found, {place}; {fate}"))?;
        }
        if self.not_finite > 0 {
            say(&format!("  warning      {} voxels are NaN or infinite", self.not_finite))?;
        }
        for warning in &self.warnings {
            say(&format!("  warning      {warning}"))?;
        }
        print_identity(self.identity.as_ref())
    }
}

/// Whose images they are, where that was asked for.
pub(super) fn print_identity(identity: Option<&Identity>) -> Result<()> {
    let Some(identity) = identity else { return Ok(()) };
    for (what, value) in [
        ("patient", &identity.patient_name),
        ("patient id", &identity.patient_id),
        ("born", &identity.patient_birth_date),
        ("study of", &identity.study_date),
        ("study", &identity.study_description),
        ("series", &identity.series_description),
        ("series UID", &identity.series_uid),
    ] {
        if let Some(value) = value {
            say(&format!("  {what:<12} {}", value.replace(char::is_control, " ")))?;
        }
    }
    Ok(())
}

/// What there is to say about an image of a DICOM file.
#[derive(Debug, Serialize)]
pub(crate) struct DicomImageDescription {
    file: String,
    #[serde(flatten)]
    image: DicomImage,
    /// Where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<Identity>,
}

impl DicomImageDescription {
    pub(crate) fn new(file: String, image: &DicomImage, show_identity: bool) -> Self {
        let identity = show_identity.then(|| image.identity.clone());
        Self { file, image: image.clone(), identity }
    }

    pub(crate) fn print(&self) -> Result<()> {
        let image = &self.image;
        let [columns, rows] = image.size_px;
        say(&format!("{}: DICOM image", self.file))?;
        say(&format!(
            "  format       {}, {}, {} bits",
            image.modality, image.transfer_syntax, image.bits_stored
        ))?;
        let spacing = image.pixel_spacing_mm.map(|[x, y]| format!(" of {x:.4} x {y:.4} mm"));
        let frames =
            if image.frames > 1 { format!(", {} images", image.frames) } else { String::new() };
        say(&format!(
            "  size         {columns} x {rows} pixels{}{frames}",
            spacing.unwrap_or_default()
        ))?;
        if let Some([x, y, z]) = image.position_world_mm {
            say(&format!("  first pixel  ({x:.1}, {y:.1}, {z:.1}) mm LPS"))?;
        }
        if let Some([row, column]) = image.directions {
            let [columns_to, rows_to] = [side(&row), side(&column)];
            say(&format!("  orientation  columns to {columns_to}, rows to {rows_to}"))?;
        }
        say(&format!("  values       {} to {}", image.range[0], image.range[1]))?;
        print_identity(self.identity.as_ref())
    }
}

/// The side of the patient towards which each index runs.
fn orientation(world_from_index: &Affine) -> [&'static str; 3] {
    [0, 1, 2].map(|axis| side(world_from_index.linear().column(axis).as_slice()))
}

/// The side of the patient towards which a direction points most.
fn side(direction: &[f64]) -> &'static str {
    let sides = [["left", "right"], ["posterior", "anterior"], ["superior", "inferior"]];
    let longest = sides.iter().zip(direction).max_by(|(_, a), (_, b)| a.abs().total_cmp(&b.abs()));
    longest.map_or("", |(sides, &length)| sides[usize::from(length < 0.0)])
}
