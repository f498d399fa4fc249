//! What the grey values mean, and which pixels hold a measurement.
//!
//! | PixelIntensityRelationship | taken as |
//! |---|---|
//! | `LIN` | intensity, proportional to the light; with the sign -1 reversed |
//! | `LOG` | attenuation, on a scale that is not known; with the sign +1 reversed |
//! | `DISP`, or none | what a display shows: intensity through an unknown curve |
//!
//! PixelIntensityRelationshipSign says whether more light is a larger number. Without it, that is so
//! for `LIN` and `LOG`; what is displayed is bright in air in XA and RF, bright in bone in CR and DX,
//! `MONOCHROME1` being reversed. Padding, and what lies at either end of what the stored bits can hold,
//! is no measurement.

use isocenter::radiograph::{Image, Mask, PixelValues};

use super::super::error::DicomError;
use super::super::pixels::PixelLayout;
use super::super::tag;
use super::super::value::wrong;
use super::error::XrayError;
use super::tags::FrameTags;
use crate::error::FileProblem;

/// The line integrals of an image on a logarithmic scale are stretched to this range, since their
/// scale is not known: that of a trunk.
const LOG_RANGE: f32 = 4.0;
/// If more than this part of the pixels is saturated, it is how the image was made.
const MOST_SATURATED: f64 = 0.6;

/// How stored numbers follow from the light.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relationship {
    /// In proportion.
    Linear,
    /// By its logarithm.
    Logarithmic,
    /// By what a display shall show.
    Displayed,
}

/// What the tags say about grey values.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Grey {
    pub(super) relationship: Relationship,
    /// Whether more light is a larger number.
    light_is_high: bool,
    /// Stored numbers that are no measurement, from the first to the last.
    padding: Option<[i32; 2]>,
    /// What the stored bits can hold.
    limits: [i32; 2],
    pub(super) warnings: Vec<String>,
}

/// Pixels, and what they are.
pub(super) struct GreyImage {
    pub(super) image: Image,
    pub(super) values: PixelValues,
    pub(super) counts: Option<Mask>,
    /// What was done to the numbers and no tag tells.
    pub(super) warning: Option<String>,
}

impl Grey {
    pub(super) fn new(
        tags: &FrameTags<'_>,
        layout: &PixelLayout,
        modality: &str,
    ) -> Result<Self, DicomError> {
        let mut warnings = Vec::new();
        let text = tags.text(tag::PIXEL_INTENSITY_RELATIONSHIP);
        let relationship = match text.as_deref() {
            Some("LIN") => Relationship::Linear,
            Some("LOG") => Relationship::Logarithmic,
            _ => Relationship::Displayed,
        };
        let light_is_high = match sign(tags)? {
            Some(sign) => sign > 0,
            None if relationship != Relationship::Displayed => true,
            None => matches!(modality, "XA" | "RF") != layout.low_is_bright,
        };
        match tags.text(tag::PRESENTATION_LUT_SHAPE).as_deref() {
            Some("INVERSE") if !layout.low_is_bright => warnings.push(
                "PresentationLUTShape is INVERSE, PhotometricInterpretation MONOCHROME2: they \
                 contradict each other; look at --preview, and give --xray-values if bone is dark there"
                    .to_owned(),
            ),
            Some("IDENTITY") if layout.low_is_bright => warnings.push(
                "PresentationLUTShape is IDENTITY, PhotometricInterpretation MONOCHROME1: they \
                 contradict each other; look at --preview, and give --xray-values if bone is dark there"
                    .to_owned(),
            ),
            _ => {}
        }
        if tags.text(tag::PRESENTATION_INTENT_TYPE).as_deref() == Some("FOR PRESENTATION") {
            warnings.push(
                "the image was processed for presentation (PresentationIntentType): edges and contrast \
                 are not what the detector measured; use the one FOR PROCESSING if there is one"
                    .to_owned(),
            );
        }
        if relationship == Relationship::Displayed {
            warnings.push(match text {
                Some(text) => format!(
                    "PixelIntensityRelationship is '{}': grey values are taken by rank",
                    crate::error::one_line(&text)
                ),
                None => "PixelIntensityRelationship is missing: grey values are taken by rank"
                    .to_owned(),
            });
        }
        if tags.text(tag::BURNED_IN_ANNOTATION).as_deref() == Some("YES") {
            warnings.push(
                "text is burnt into the image (BurnedInAnnotation): it may name the patient"
                    .to_owned(),
            );
        }
        let limits = if layout.signed {
            [-(1 << (layout.bits_stored - 1)), (1 << (layout.bits_stored - 1)) - 1]
        } else {
            [0, (1 << layout.bits_stored) - 1]
        };
        let padding = padding(tags, layout)?;
        Ok(Self { relationship, light_is_high, padding, limits, warnings })
    }

    /// Pixels from stored numbers; `values` where the user knows what they mean.
    pub(super) fn image(
        &self,
        size_px: [usize; 2],
        stored: &[i32],
        values: Option<PixelValues>,
    ) -> Result<GreyImage, FileProblem> {
        let [low, high] = self.limits;
        let from_low = |n: i32| n.saturating_sub(low) as f32;
        let from_high = |n: i32| high.saturating_sub(n) as f32;
        let (meaning, reversed) = match (values, self.relationship) {
            (Some(values), _) => (values, false),
            (None, Relationship::Logarithmic) => (PixelValues::Attenuation, self.light_is_high),
            (None, _) => (PixelValues::Intensity, !self.light_is_high),
        };
        let mut pixels: Vec<f32> = match reversed {
            false => stored.iter().map(|&n| from_low(n)).collect(),
            true => stored.iter().map(|&n| from_high(n)).collect(),
        };
        let counts = self.counts(stored);
        if !counts.contains(&true) {
            return Err(XrayError::NoMeasurement.into());
        }
        self.hide_padding(stored, meaning, &mut pixels);
        let mut warning = None;
        if values.is_none() && meaning == PixelValues::Attenuation {
            let measured = pixels.iter().zip(&counts).filter_map(|(p, used)| used.then_some(*p));
            let mut measured: Vec<f32> = measured.collect();
            measured.sort_unstable_by(f32::total_cmp);
            let at = |fraction: f64| {
                measured.get((fraction * (measured.len() - 1) as f64) as usize).copied()
            };
            let (least, most) = (at(0.005).unwrap_or(0.0), at(0.995).unwrap_or(0.0));
            if most > least {
                pixels.iter_mut().for_each(|p| *p = (*p - least) * LOG_RANGE / (most - least));
                warning = Some(format!(
                    "PixelIntensityRelationship is LOG, on a scale that no tag tells: grey values \
                     were stretched to line integrals of 0 to {LOG_RANGE}, by the darkest and the \
                     brightest but for 0.5 % of each; --preview shows them"
                ));
            }
        }
        let image = Image::new(size_px, pixels)?;
        let counts = match counts.contains(&false) {
            true => Some(Mask::new(size_px, counts)?),
            false => None,
        };
        Ok(GreyImage { image, values: meaning, counts, warning })
    }

    fn is_padding(&self, n: i32) -> bool {
        self.padding.is_some_and(|[first, last]| (first..=last).contains(&n))
    }

    /// Which pixels hold a measurement.
    fn counts(&self, stored: &[i32]) -> Vec<bool> {
        let measured: Vec<bool> = stored.iter().map(|&n| !self.is_padding(n)).collect();
        let number = measured.iter().filter(|used| **used).count() as f64;
        let mut counts = measured;
        for limit in self.limits {
            let at_limit = stored.iter().zip(&counts).filter(|&(&n, &used)| used && n == limit);
            // A whole window at its end is no accident.
            if at_limit.count() as f64 <= MOST_SATURATED * number {
                counts.iter_mut().zip(stored).for_each(|(used, &n)| *used &= n != limit);
            }
        }
        counts
    }

    /// Padding becomes as dark as the darkest pixel that is measured: it looks like lead then.
    fn hide_padding(&self, stored: &[i32], values: PixelValues, pixels: &mut [f32]) {
        if self.padding.is_none() {
            return;
        }
        let measured = stored.iter().zip(pixels.iter()).filter(|(n, _)| !self.is_padding(**n));
        let dark = match values {
            PixelValues::Intensity => measured.map(|(_, p)| *p).fold(f32::INFINITY, f32::min),
            PixelValues::Attenuation => measured.map(|(_, p)| *p).fold(f32::NEG_INFINITY, f32::max),
        };
        for (pixel, _) in pixels.iter_mut().zip(stored).filter(|(_, n)| self.is_padding(**n)) {
            *pixel = dark;
        }
    }
}

/// Whether more light is a larger number: 1, or a smaller one: -1.
fn sign(tags: &FrameTags<'_>) -> Result<Option<i32>, DicomError> {
    const EXPECTED: &str = "1 or -1 is expected (or give --xray-values)";
    let tag = tag::PIXEL_INTENSITY_RELATIONSHIP_SIGN;
    match tags.list(tag, EXPECTED)?.as_deref() {
        None => Ok(None),
        Some([1.0]) => Ok(Some(1)),
        // Files that do not say how values are written give 65535.
        Some([-1.0 | 65535.0]) => Ok(Some(-1)),
        Some(other) => {
            let shown = other.first().map_or_else(String::new, ToString::to_string);
            Err(wrong(tag, &shown, EXPECTED))
        }
    }
}

/// The stored numbers that are padding.
fn padding(tags: &FrameTags<'_>, layout: &PixelLayout) -> Result<Option<[i32; 2]>, DicomError> {
    const EXPECTED: &str = "a number that the pixels can hold is expected";
    let number = |tag| -> Result<Option<i32>, DicomError> {
        let found = tags.within::<1>(tag, [-32_768.0, 65_535.0], EXPECTED)?;
        Ok(found.map(|[n]| match n as i32 {
            n if layout.signed && n > i32::from(i16::MAX) => n - 65_536,
            n => n,
        }))
    };
    let Some(value) = number(tag::PIXEL_PADDING_VALUE)? else { return Ok(None) };
    let limit = number(tag::PIXEL_PADDING_RANGE_LIMIT)?.unwrap_or(value);
    Ok(Some([value.min(limit), value.max(limit)]))
}
