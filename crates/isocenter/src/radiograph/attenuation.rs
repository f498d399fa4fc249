//! From what a detector stores to what the projector computes.
//!
//! By the law of Beer and Lambert a beam of intensity `I0` leaves `I = I0 exp(-L)` behind a line
//! integral `L`, so `L = -ln(I / I0)`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

use super::image::{Image, ImageError};
use super::mask::Mask;

/// What the pixels of an X-ray image mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PixelValues {
    /// Bright where nothing absorbs.
    Intensity,
    /// The line integral `-ln(I/I0)`: bright where much absorbs.
    Attenuation,
}

/// A text that is not a meaning of pixels.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("'{found}' is not a meaning of pixel values: write intensity or attenuation")]
pub struct ParsePixelValuesError {
    /// The text.
    pub found: String,
}

impl FromStr for PixelValues {
    type Err = ParsePixelValuesError;

    fn from_str(text: &str) -> Result<Self, ParsePixelValuesError> {
        match text {
            "intensity" => Ok(Self::Intensity),
            "attenuation" => Ok(Self::Attenuation),
            _ => Err(ParsePixelValuesError { found: text.to_owned() }),
        }
    }
}

impl fmt::Display for PixelValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Intensity => "intensity",
            Self::Attenuation => "attenuation",
        })
    }
}

/// The attenuation of an intensity image.
///
/// # Units
/// `full_scale` is the value of an unattenuated pixel, where the file's format has one (65535 for
/// 16 bits); otherwise the brightest pixel is taken. An error in it shifts all line integrals alike,
/// which no similarity of this crate notices. Pixels at or below zero are taken as half the darkest
/// pixel above zero; nothing is taken as less than half a 65536th of the brightest pixel.
///
/// # Errors
/// If a pixel is not finite, all are alike, or none is above zero.
///
/// # Examples
/// ```
/// use isocenter::radiograph::{Image, attenuation_of_intensity};
/// let intensity = Image::new([2, 1], vec![65535.0, 65535.0 * (-2.0_f32).exp()]).unwrap();
/// let attenuation = attenuation_of_intensity(&intensity, Some(65535.0)).unwrap();
/// assert!((attenuation.pixels()[1] - 2.0).abs() < 1e-6);
/// ```
pub fn attenuation_of_intensity(
    intensity: &Image,
    full_scale: Option<f32>,
) -> Result<Image, ImageError> {
    intensity.check_has_content()?;
    let (_, brightest) = intensity.range();
    if brightest <= 0.0 {
        return Err(ImageError::NoLight { brightest });
    }
    let unattenuated = full_scale.unwrap_or(brightest).max(brightest);
    let above_zero = intensity.pixels().iter().copied().filter(|&i| i > 0.0);
    let darkest = (above_zero.fold(brightest, f32::min) / 2.0).max(brightest / 131_072.0);
    Ok(intensity.clone().map(|i| -(i.max(darkest) / unattenuated).ln()))
}

/// The part of the pixels that may be brighter than the unattenuated beam: hot ones.
const HOT: f64 = 0.001;

/// The attenuation of an intensity image whose unattenuated level is not known: it is that of the
/// brightest pixels that count, but for one in a thousand, which are taken to be hot. Nothing comes out
/// below zero; what is darker than the darkest pixel that counts comes out like it.
///
/// # Errors
/// If a pixel is not finite, all are alike, or none that counts is above zero.
///
/// # Examples
/// ```
/// use isocenter::radiograph::{Image, attenuation_of_intensity_within};
/// let intensity = Image::new([2, 1], vec![500.0, 500.0 * (-2.0_f32).exp()]).unwrap();
/// let attenuation = attenuation_of_intensity_within(&intensity, None).unwrap();
/// assert!((attenuation.pixels()[1] - 2.0).abs() < 1e-6);
/// ```
pub fn attenuation_of_intensity_within(
    intensity: &Image,
    counts: Option<&Mask>,
) -> Result<Image, ImageError> {
    intensity.check_has_content()?;
    let counts = counts.filter(|mask| mask.size_px() == intensity.size_px());
    let used = |at: usize| counts.is_none_or(|mask| mask.used().get(at) == Some(&true));
    let mut lit: Vec<f32> = intensity
        .pixels()
        .iter()
        .enumerate()
        .filter(|&(at, &pixel)| pixel > 0.0 && used(at))
        .map(|(_, &pixel)| pixel)
        .collect();
    lit.sort_unstable_by(f32::total_cmp);
    let (Some(&darkest), Some(&unattenuated)) =
        (lit.first(), lit.get(((1.0 - HOT) * lit.len().saturating_sub(1) as f64).round() as usize))
    else {
        return Err(ImageError::NoLight { brightest: intensity.range().1 });
    };
    let darkest = (darkest / 2.0).max(unattenuated / 131_072.0);
    Ok(intensity.clone().map(|i| (-(i.max(darkest) / unattenuated).ln()).max(0.0)))
}

#[cfg(test)]
mod tests {
    //! Proves: the logarithm inverts the exponential, black pixels stay finite, and images without
    //! light are refused.
    use super::*;

    #[test]
    fn black_pixels_stay_finite() {
        let image = |pixels: Vec<f32>| Image::new([pixels.len(), 1], pixels).unwrap();
        let eight_bit =
            attenuation_of_intensity(&image(vec![0.0, 1.0, 255.0]), Some(255.0)).unwrap();
        let [black, darkest, white] = [0, 1, 2].map(|n| eight_bit.pixels()[n]);
        assert!(black > darkest && black < 7.0 && white == 0.0);
        // Counts of 12 bits in a format of 32 keep their contrast.
        let wide =
            attenuation_of_intensity(&image(vec![0.0, 40.0, 4095.0]), Some(2.0_f32.powi(31)));
        let [black, dark, bright] = [0, 1, 2].map(|n| wide.as_ref().unwrap().pixels()[n]);
        assert!((dark - bright - (4095.0_f32 / 40.0).ln()).abs() < 1e-5 && black > dark);
        let float = attenuation_of_intensity(&image(vec![0.0, 3.5]), None).unwrap();
        assert!(float.pixels()[0].is_finite() && float.pixels()[1] == 0.0);
        // What integers are scaled by in the file (NIfTI's slope) changes nothing.
        let scaled = attenuation_of_intensity(&image(vec![0.0, 1e-3, 0.255]), Some(0.255)).unwrap();
        for (a, b) in eight_bit.pixels().iter().zip(scaled.pixels()) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
        let dark = attenuation_of_intensity(&image(vec![-1.0, 0.0]), None);
        assert_eq!(dark, Err(ImageError::NoLight { brightest: 0.0 }));
    }
}
