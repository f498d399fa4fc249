//! What `isocenter info` says about an X-ray of DICOM.

use std::path::Path;

use anyhow::Result;
use isocenter::geometry::ImageFlip;
use isocenter::radiograph::{Mask, PixelValues, PrepareConfig, PreparedXray};
use isocenter_io::volume::dicom::Identity;
use isocenter_io::xray::{GivenGeometry, Relationship, XrayFile, XrayHeader};
use serde::Serialize;

use super::volume_info::print_identity;
use crate::output::say;
use crate::xrays::{Reading, view_words};

/// An X-ray of DICOM in words and numbers.
#[derive(Debug, Serialize)]
pub(super) struct XrayDescription {
    file: String,
    modality: String,
    transfer_syntax: &'static str,
    size_px: [usize; 2],
    frames: usize,
    frame: usize,
    /// Absent, like the range and what is left out, where this build cannot decode the pixels.
    values: Option<PixelValues>,
    grey_values: &'static str,
    range: Option<[f32; 2]>,
    source_to_detector_mm: Option<f64>,
    source_to_isocenter_mm: Option<f64>,
    /// At the detector: [column, row].
    pixel_spacing_mm: Option<[f64; 2]>,
    pixel_spacing_from: Option<String>,
    /// Of the image as stored; absent where it is the middle.
    principal_point_px: Option<[f64; 2]>,
    flip: Option<ImageFlip>,
    /// Whether a tag tells the flip; else it is usual.
    flip_from: Option<&'static str>,
    /// Primary and secondary angle.
    positioner_deg: Option<[f64; 2]>,
    view: Option<String>,
    /// What is left out of the comparison, in percent of the pixels.
    left_out_percent: Option<LeftOut>,
    /// What `register` would ask for.
    needed: Option<String>,
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<Identity>,
}

/// Shares of the pixels.
#[derive(Debug, Serialize)]
struct LeftOut {
    total: f64,
    outside_field: f64,
    metal: f64,
    text: f64,
    padding_or_saturated: f64,
}

/// The image as it would be compared, and how it was flipped.
pub(super) fn prepared(
    path: &Path,
    file: &XrayFile,
    reading: &Reading,
) -> Result<(PreparedXray, ImageFlip)> {
    let side = file.header.geometry.side.as_ref().map_or(ImageFlip::None, |side| side.flip());
    let flip = reading.given.flip.unwrap_or(side);
    let config = reading.prepare(path, file.image.size_px(), &PrepareConfig::default())?;
    Ok((file.prepared(flip, &config)?, flip))
}

impl XrayDescription {
    /// Of an image that `register` would read so.
    pub(super) fn new(
        path: &Path,
        file: &XrayFile,
        reading: &Reading,
        show_identity: bool,
    ) -> Result<Self> {
        let (prepared, _) = prepared(path, file, reading)?;
        let (low, high) = file.image.range();
        Ok(Self {
            values: Some(file.values),
            range: Some([low, high]),
            left_out_percent: Some(LeftOut::new(&prepared)),
            ..Self::of_tags(path, &file.header, &reading.given, show_identity)
        })
    }

    /// Of an image of which this build can read no more than the tags.
    pub(super) fn of_tags(
        path: &Path,
        header: &XrayHeader,
        given: &GivenGeometry,
        show_identity: bool,
    ) -> Self {
        let geometry = &header.geometry;
        let size = geometry.pixel_size.as_ref().ok().and_then(|size| size.as_ref().ok());
        let view = geometry.view.as_ref().ok().copied().flatten();
        let told_detector_mm = geometry.source_to_detector_mm.clone().unwrap_or_default();
        let mut warnings = header.warnings.clone();
        let (needed, detector_mm) = match geometry.camera(given) {
            Ok(camera) => {
                warnings.extend(camera.remarks);
                (None, Some(camera.camera.source_to_detector_mm()))
            }
            Err(error) => {
                let needed = error.problem.to_string();
                (Some(needed), given.source_to_detector_mm.or(told_detector_mm))
            }
        };
        const GIVEN: &str = "given";
        Self {
            file: path.display().to_string(),
            modality: header.modality.clone(),
            transfer_syntax: header.transfer_syntax,
            size_px: header.size_px,
            frames: header.frames,
            frame: header.frame,
            values: None,
            grey_values: match header.relationship {
                Relationship::Linear => "in proportion to the light",
                Relationship::Logarithmic => "by the logarithm of the light",
                _ => "those of a display",
            },
            range: None,
            source_to_detector_mm: detector_mm,
            source_to_isocenter_mm: geometry.source_to_isocenter_mm.clone().unwrap_or_default(),
            pixel_spacing_mm: given.pixel_spacing_mm.or(size.map(|size| size.spacing_mm)),
            pixel_spacing_from: match given.pixel_spacing_mm {
                Some(_) => Some(GIVEN.to_owned()),
                None => size.map(|size| size.source.clone()),
            },
            principal_point_px: given
                .principal_point_px
                .or(geometry.principal_point_px.clone().unwrap_or_default()),
            flip: given.flip.or(geometry.side.as_ref().ok().map(|side| side.flip())),
            flip_from: given.flip.map(|_| GIVEN).or(geometry.side_source),
            positioner_deg: view.map(|view| [view.primary_deg, view.secondary_deg]),
            view: view.map(|view| view_words(&view)),
            left_out_percent: None,
            needed,
            warnings,
            identity: show_identity.then(|| header.identity().clone()),
        }
    }

    /// Adds a warning.
    pub(super) fn warn(&mut self, warning: String) {
        self.warnings.push(warning);
    }

    pub(super) fn print(&self) -> Result<()> {
        let [columns, rows] = self.size_px;
        say(&format!("{}: X-ray, {}, {}", self.file, self.modality, self.transfer_syntax))?;
        let frames = match self.frames {
            1 => String::new(),
            frames => format!(", frame {} of {frames}", self.frame),
        };
        say(&format!("  size         {columns} x {rows} pixels{frames}"))?;
        let grey = self.grey_values;
        match (self.range, self.values) {
            (Some([low, high]), Some(values)) => {
                say(&format!("  values       {low} to {high}, taken as {values}; {grey}"))?;
            }
            _ => say(&format!("  values       not read; {grey}"))?,
        }
        match (self.pixel_spacing_mm, &self.pixel_spacing_from) {
            (Some([dx, dy]), Some(from)) => {
                say(&format!("  pixel        {dx:.5} x {dy:.5} mm at the detector ({from})"))?;
            }
            _ => say("  pixel        size not given")?,
        }
        let length = |length: Option<f64>| {
            length.map_or("not given".to_owned(), |length| format!("{length} mm from the source"))
        };
        say(&format!("  detector     {}", length(self.source_to_detector_mm)))?;
        say(&format!("  isocenter    {}", length(self.source_to_isocenter_mm)))?;
        match self.principal_point_px {
            Some([u, v]) => say(&format!("  principal    column {u:.2}, row {v:.2}"))?,
            None => say("  principal    in the middle (not given)")?,
        }
        if let Some(flip) = self.flip {
            let from = self.flip_from.unwrap_or("as is usual");
            match flip {
                ImageFlip::None => {
                    say(&format!("  side         as seen from the source ({from})"))?
                }
                flip => say(&format!(
                    "  side         as seen from the detector: {flip} are flipped ({from})"
                ))?,
            }
        }
        say(&format!(
            "  start view   {}",
            self.view.as_deref().unwrap_or("not given: --view tells it")
        ))?;
        if let Some(out) = &self.left_out_percent {
            say(&format!(
                "  left out     {:.1} % of the pixels: outside of the field {:.1} %, metal {:.1} %, text {:.1} %, \
                 padding or saturated {:.1} %",
                out.total, out.outside_field, out.metal, out.text, out.padding_or_saturated
            ))?;
        }
        print_identity(self.identity.as_ref())?;
        for warning in &self.warnings {
            say(&format!("  warning      {warning}"))?;
        }
        match &self.needed {
            Some(needed) => say(&format!("  needed       {needed}")),
            None => Ok(()),
        }
    }
}

impl LeftOut {
    fn new(prepared: &PreparedXray) -> Self {
        let pixels = prepared.line_integral.pixels().len() as f64;
        let percent = |number: usize| 100.0 * number as f64 / pixels;
        let of = |mask: &Option<Mask>| percent(mask.as_ref().map_or(0, Mask::count));
        let outside =
            |mask: &Option<Mask>| mask.as_ref().map_or(0.0, |mask| 100.0 - percent(mask.count()));
        Self {
            total: outside(&prepared.mask),
            outside_field: outside(&prepared.field),
            metal: of(&prepared.metal),
            text: of(&prepared.text),
            padding_or_saturated: of(&prepared.unmeasured),
        }
    }
}
