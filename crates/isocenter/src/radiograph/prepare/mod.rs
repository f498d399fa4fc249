//! Preparation of an X-ray for registration: which pixels count, and grey values that do not depend
//! on the display.
//!
//! What a C-arm's screen gives is not what its detector measured: lead hides a part of the image,
//! tools lie in it that the CT does not have, and the grey values went through a curve that nobody
//! wrote down. [`prepare`] finds
//!
//! 1. the **field** of the beam ([`field`]): what is not black and connected, convex as collimators
//!    are;
//! 2. **metal** ([`metal`]): sharp structures that are among the darkest, or thin and straight;
//! 3. **burnt-in text** ([`mod@text`]): letters in a row, of one extreme value;
//! 4. **grey values by rank** ([`ranks`]), where the values went through an unknown display: a
//!    monotone curve, whatever it is, changes nothing at all.
//!
//! What is known before, such as padding and saturated pixels of a DICOM file, is left out by
//! [`prepare_within`].
//!
//! Nothing is lost where there is nothing to find: line integrals without field and metal come out
//! as they went in.

pub mod field;
pub mod metal;
pub mod ranks;
pub mod text;
mod unmeasured;

use super::attenuation::{PixelValues, attenuation_of_intensity, attenuation_of_intensity_within};
use super::image::{Image, ImageError};
use super::mask::Mask;
use crate::geometry::{PixelRegion, RegionError};
use metal::MetalScale;
use serde::{Deserialize, Serialize};

/// What is looked for in an X-ray.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrepareConfig {
    /// Find the field of the beam and leave out what is around it.
    pub field: bool,
    /// Find metal and leave it out.
    pub metal: bool,
    /// Find burnt-in text and leave it out. `None`: where machines write it, in images of DICOM, and
    /// not in others, on which the judge was calibrated.
    pub text: Option<bool>,
    /// Whether grey values are taken by their ranks: `never`, `always`, or where they are `displayed`
    /// ones: 8 bits or less.
    pub ranks: RankValues,
    /// The region of the image that is kept; `None` keeps all of it. Field, metal and text are found
    /// in the whole image; ranks are those within the region. Settings files do not hold it: each
    /// X-ray has its own.
    #[serde(skip)]
    pub region: Option<PixelRegion>,
}

impl Default for PrepareConfig {
    fn default() -> Self {
        Self { field: true, metal: true, text: None, ranks: RankValues::Displayed, region: None }
    }
}

/// When grey values are taken by their ranks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RankValues {
    /// Never.
    Never,
    /// Where the image has 256 grey values or fewer, as a screen's picture has.
    Displayed,
    /// Always.
    Always,
}

/// An X-ray, ready to be compared.
#[derive(Debug, Clone, PartialEq)]
pub struct PreparedXray {
    /// Line integrals, up to a monotone curve.
    pub line_integral: Image,
    /// The pixels that count; `None` if all do.
    pub mask: Option<Mask>,
    /// The field of the beam, where one was found.
    pub field: Option<Mask>,
    /// Metal, where some was found: these pixels do not count.
    pub metal: Option<Mask>,
    /// Burnt-in text, where some was found: these pixels do not count, and nothing can be read in
    /// [`line_integral`](Self::line_integral) any more.
    pub text: Option<Mask>,
    /// Pixels in the field that were known to hold no measurement: these do not count.
    pub unmeasured: Option<Mask>,
    /// Whether the grey values are those of ranks.
    pub by_rank: bool,
}

/// More grey values than a screen shows mean that they were measured.
const MOST_DISPLAYED_VALUES: usize = 256;

/// Prepares an image as it was read.
///
/// # Units
/// `full_scale` is the intensity of the unattenuated beam where the format has one:
/// [`attenuation_of_intensity`].
///
/// # Errors
/// If the image has nothing to see, is an intensity without light, or does not hold the region.
///
/// # Examples
/// ```
/// use isocenter::radiograph::prepare::{PrepareConfig, prepare};
/// use isocenter::radiograph::{Image, PixelValues};
/// // A round field on black, as a screen shows it.
/// let pixel = |n: usize| {
///     let (x, y) = ((n % 64) as f32 - 31.5, (n / 64) as f32 - 31.5);
///     if x.hypot(y) < 28.0 { (120.0 + 2.0 * x).round() } else { 0.0 }
/// };
/// let image = Image::new([64, 64], (0..4096).map(pixel).collect()).unwrap();
/// let prepared =
///     prepare(&image, PixelValues::Intensity, Some(255.0), &PrepareConfig::default()).unwrap();
/// let mask = prepared.mask.unwrap();
/// assert_eq!((mask.get(32, 32), mask.get(2, 2)), (Some(true), Some(false)));
/// assert!(prepared.by_rank && prepared.metal.is_none());
/// ```
pub fn prepare(
    image: &Image,
    values: PixelValues,
    full_scale: Option<f32>,
    config: &PrepareConfig,
) -> Result<PreparedXray, ImageError> {
    let scaled = |_: Option<&Mask>| match values {
        PixelValues::Attenuation => Ok(image.clone()),
        PixelValues::Intensity => attenuation_of_intensity(image, full_scale),
    };
    let known = Known { scaled: &scaled, measured: None, metal_in_ranks: MetalScale::RANK };
    prepare_known(image, &known, config)
}

/// [`prepare`], where it is known which pixels hold a measurement, and the intensity of the unattenuated
/// beam is not: it is taken to be that of the brightest pixels, but for one in a thousand.
///
/// # Errors
/// As [`prepare`], and if no pixel counts.
///
/// # Examples
/// ```
/// use isocenter::radiograph::prepare::{PrepareConfig, prepare_within};
/// use isocenter::radiograph::{Image, Mask, PixelValues};
/// let pixel = |n: usize| if n % 64 == 5 { 0.0 } else { 1000.0 + (n / 64) as f32 };
/// let image = Image::new([64, 64], (0..4096).map(pixel).collect()).unwrap();
/// let counts = Mask::new([64, 64], (0..4096).map(|n| n % 64 != 5).collect()).unwrap();
/// let config = PrepareConfig { metal: false, ..PrepareConfig::default() };
/// let prepared =
///     prepare_within(&image, PixelValues::Intensity, Some(&counts), &config).unwrap();
/// assert_eq!(prepared.mask.unwrap().get(5, 5), Some(false));
/// ```
pub fn prepare_within(
    image: &Image,
    values: PixelValues,
    counts: Option<&Mask>,
    config: &PrepareConfig,
) -> Result<PreparedXray, ImageError> {
    let scaled = |counts: Option<&Mask>| match values {
        PixelValues::Attenuation => Ok(image.clone()),
        PixelValues::Intensity => attenuation_of_intensity_within(image, counts),
    };
    let measured = counts.filter(|mask| mask.size_px() == image.size_px());
    let known = Known { scaled: &scaled, measured, metal_in_ranks: MetalScale::DARK_RANK };
    prepare_known(image, &known, config)
}

/// What is known of an image before anything is found in it.
struct Known<'a> {
    /// Makes line integrals, by the pixels that count.
    scaled: &'a dyn Fn(Option<&Mask>) -> Result<Image, ImageError>,
    /// The pixels that hold a measurement.
    measured: Option<&'a Mask>,
    /// What metal is in an image of ranks.
    metal_in_ranks: MetalScale,
}

fn prepare_known(
    image: &Image,
    known: &Known<'_>,
    config: &PrepareConfig,
) -> Result<PreparedXray, ImageError> {
    image.check_has_content()?;
    let region =
        config.region.map(|region| Mask::of_region(&region, image.size_px())).transpose()?;
    let measured = known.measured.map(unmeasured::without_speckle);
    let text = if config.text == Some(true) { text::text(image) } else { None };
    let no_text = text.as_ref().map(Mask::inverted);
    let counts = [measured.clone(), no_text].into_iter().flatten().reduce(|a, b| a.and(&b));
    let line_integral = (known.scaled)(counts.as_ref())?;
    let field = if config.field { field::field(&line_integral) } else { None };
    let mut inside = field.clone().unwrap_or_else(|| Mask::all(image.size_px()));
    if let Some(counts) = &counts {
        inside = inside.and(counts);
    }
    let by_rank = match config.ranks {
        RankValues::Never => false,
        RankValues::Always => true,
        RankValues::Displayed => ranks::has_at_most(image, MOST_DISPLAYED_VALUES),
    };
    let graded = |counts: &Mask| match by_rank {
        true => ranks::by_rank(&line_integral, counts),
        false => line_integral.clone(),
    };
    let scale = if by_rank { known.metal_in_ranks } else { MetalScale::LINE_INTEGRAL };
    let metal = if config.metal { metal::metal(&graded(&inside), &inside, scale) } else { None };
    let counts = match &metal {
        Some(metal) => inside.and(&metal.inverted()),
        None => inside,
    };
    let counts = match &region {
        Some(region) => counts.and(region),
        None => counts,
    };
    let mut line_integral = graded(&counts);
    if let Some(text) = &text {
        text::paint_over(&mut line_integral, text, &counts);
    }
    let left_out = field.is_some() || metal.is_some() || text.is_some() || measured.is_some();
    let mask = left_out.then_some(counts);
    let unmeasured = measured.map(|measured| match &field {
        // Outside of the field, all is alike.
        Some(field) => measured.inverted().and(field),
        None => measured.inverted(),
    });
    let prepared = PreparedXray { line_integral, mask, field, metal, text, unmeasured, by_rank };
    match &config.region {
        Some(region) => prepared.cropped(region),
        None => Ok(prepared),
    }
}

impl PreparedXray {
    /// The pixels that hold a measurement of the patient or of metal: those in the field that are neither
    /// text nor known to hold none.
    #[must_use]
    pub fn measured(&self) -> Mask {
        let all = || Mask::all(self.line_integral.size_px());
        let inside = self.field.clone().unwrap_or_else(all);
        let without = [&self.text, &self.unmeasured].into_iter().flatten();
        without.fold(inside, |inside, mask| inside.and(&mask.inverted()))
    }

    /// The same X-ray with other metal, such as what [`metal::confirmed`] leaves of it: the pixels of
    /// the metal before count again. A mask of another size is not looked at.
    #[must_use]
    pub fn with_metal(mut self, metal: Option<Mask>) -> Self {
        let measured = self.measured();
        let metal = metal.filter(|metal| metal.size_px() == measured.size_px());
        let counts = match &metal {
            Some(metal) => measured.and(&metal.inverted()),
            None => measured,
        };
        let left_out = counts.count() < counts.used().len();
        self.mask = left_out.then_some(counts);
        self.metal = metal.filter(|metal| metal.count() > 0);
        self
    }

    /// A region of it, with the grey values it has.
    fn cropped(self, region: &PixelRegion) -> Result<Self, ImageError> {
        let line_integral = self.line_integral.cropped(region)?;
        line_integral.check_has_content()?;
        let crop = |mask: Option<Mask>| mask.map(|mask| mask.cropped(region)).transpose();
        // What is not in the region was not found.
        let part = |mask: Option<Mask>| Ok(crop(mask)?.filter(|mask| mask.count() > 0));
        let most = |mask: Option<Mask>| {
            Ok(crop(mask)?.filter(|mask| mask.count() < line_integral.pixels().len()))
        };
        let found = |result: Result<Option<Mask>, RegionError>| result.map_err(ImageError::from);
        Ok(Self {
            mask: found(most(self.mask))?,
            field: found(most(self.field))?,
            metal: found(part(self.metal))?,
            text: found(part(self.text))?,
            unmeasured: found(part(self.unmeasured))?,
            by_rank: self.by_rank,
            line_integral,
        })
    }
}

#[cfg(test)]
mod tests;
