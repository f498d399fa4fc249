//! The size of a pixel at the detector.

use super::super::error::DicomError;
use super::super::tag;
use super::tags::FrameTags;

/// What a detector's pixel may measure (mm).
const PIXEL_MM: [f64; 2] = [0.001, 20.0];
const TWO_SPACINGS: &str = "two numbers, row spacing\\column spacing, of 0.001 to 20 mm are expected (or give --pixel-spacing)";

/// What is known of the size of a pixel.
#[derive(Debug, Clone, PartialEq)]
pub struct PixelSize {
    /// At the detector (mm): [column, row].
    pub spacing_mm: [f64; 2],
    /// The tag that it comes from, and what was done.
    pub source: String,
    /// What should be known about it.
    pub warning: Option<String>,
}

/// The size of a pixel at the detector; the text says what is missing.
pub(super) fn pixel_size(
    tags: &FrameTags<'_>,
    modality: &str,
    magnification: Option<f64>,
) -> Result<Result<PixelSize, String>, DicomError> {
    if let Some([row, column]) = tags.within(tag::IMAGER_PIXEL_SPACING, PIXEL_MM, TWO_SPACINGS)? {
        let source = "ImagerPixelSpacing".to_owned();
        return Ok(Ok(PixelSize { spacing_mm: [column, row], source, warning: None }));
    }
    let Some([row, column]) = tags.within(tag::PIXEL_SPACING, PIXEL_MM, TWO_SPACINGS)? else {
        return Ok(Err("are missing".to_owned()));
    };
    let calibration = tags.text(tag::PIXEL_SPACING_CALIBRATION_TYPE).unwrap_or_default();
    if !matches!(calibration.as_str(), "GEOMETRY" | "FIDUCIAL") {
        // Older images have the detector's size here; newer ones must say what they mean.
        let warning = format!(
            "PixelSpacing is taken as the size of a pixel at the detector, as the file ({modality}) does \
             not say that it is calibrated: give --pixel-spacing if it is not"
        );
        let source = "PixelSpacing".to_owned();
        return Ok(Ok(PixelSize { spacing_mm: [column, row], source, warning: Some(warning) }));
    }
    let Some(factor) = magnification else {
        return Ok(Err(format!(
            "is missing, and PixelSpacing ({column}\\{row} mm) is calibrated in the patient \
             ({calibration}), which without DistanceSourceToPatient does not tell the detector's"
        )));
    };
    let warning = (calibration == "FIDUCIAL").then(|| {
        format!(
            "PixelSpacing was calibrated by an object of known size (FIDUCIAL); it is taken to have \
             been where the magnification is {factor:.4}: give --pixel-spacing if you know better"
        )
    });
    Ok(Ok(PixelSize {
        spacing_mm: [column * factor, row * factor],
        source: format!("PixelSpacing times the magnification {factor:.4}"),
        warning,
    }))
}
