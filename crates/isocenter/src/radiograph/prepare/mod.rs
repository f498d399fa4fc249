//! Preparation of an X-ray for registration: which pixels count, and grey values that do not depend
//! on the display.
//!
//! What a C-arm's screen gives is not what its detector measured: lead hides a part of the image,
//! tools lie in it that the CT does not have, and the grey values went through a curve that nobody
//! wrote down. [`prepare`] finds
//!
//! 1. the **field** of the beam ([`field`]): what is not black and connected, convex as collimators
//!    are;
//! 2. **metal** ([`metal`]): thin structures much darker than all around them;
//! 3. **grey values by rank** ([`ranks`]), where the values went through an unknown display: a
//!    monotone curve, whatever it is, changes nothing at all.
//!
//! Nothing is lost where there is nothing to find: line integrals without field and metal come out
//! as they went in.

pub mod field;
pub mod metal;
pub mod ranks;

use super::attenuation::{PixelValues, attenuation_of_intensity};
use super::image::{Image, ImageError};
use super::mask::Mask;
use serde::{Deserialize, Serialize};

/// What is looked for in an X-ray.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrepareConfig {
    /// Find the field of the beam and leave out what is around it.
    pub field: bool,
    /// Find metal and leave it out.
    pub metal: bool,
    /// Whether grey values are taken by their ranks: `never`, `always`, or where they are `displayed`
    /// ones: 8 bits or less.
    pub ranks: RankValues,
}

impl Default for PrepareConfig {
    fn default() -> Self {
        Self { field: true, metal: true, ranks: RankValues::Displayed }
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
/// If the image has nothing to see, or is an intensity without light.
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
    image.check_has_content()?;
    let line_integral = match values {
        PixelValues::Attenuation => image.clone(),
        PixelValues::Intensity => attenuation_of_intensity(image, full_scale)?,
    };
    let field = if config.field { field::field(&line_integral) } else { None };
    let inside = field.clone().unwrap_or_else(|| Mask::all(image.size_px()));
    let by_rank = match config.ranks {
        RankValues::Never => false,
        RankValues::Always => true,
        RankValues::Displayed => ranks::has_at_most(image, MOST_DISPLAYED_VALUES),
    };
    let metal = if config.metal { metal::metal(&line_integral, &inside) } else { None };
    let counts = match &metal {
        Some(metal) => inside.and(&metal.inverted()),
        None => inside,
    };
    let line_integral =
        if by_rank { ranks::by_rank(&line_integral, &counts) } else { line_integral };
    let mask = (field.is_some() || metal.is_some()).then_some(counts);
    Ok(PreparedXray { line_integral, mask, field, metal, by_rank })
}
