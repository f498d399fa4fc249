//! The display: how a C-arm turns what it measures into the 8 bits of its screen.
//!
//! The logarithm of the intensity, or the intensity itself, is sharpened at edges (unsharp mask),
//! cut to a window and bent by a gamma curve. Nothing of this is written into the picture that
//! leaves the machine. Bright stays where little absorbs.

use serde::{Deserialize, Serialize};

use super::blur::gaussian;
use super::draw::{Draw, Effect};
use super::error::SimulationError;
use super::plane::Plane;
use super::setting::{PROBABILITY, Range, check_range, check_value};
use crate::radiograph::{Image, Mask};

/// The brightest value of 8 bits.
pub(super) const FULL_SCALE: f32 = 255.0;

/// The curves to draw from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DisplayConfig {
    /// How often the logarithm of the intensity is shown, not the intensity.
    pub log_probability: f64,
    /// Percentile of the pixels in the field that becomes black, 0 to 40.
    pub black_percent: Range,
    /// Percentile that becomes white, 60 to 100.
    pub white_percent: Range,
    /// Exponent of the curve, drawn evenly on a logarithmic scale; above 1 is darker.
    pub gamma: Range,
    /// How much of the difference to the blurred image is added.
    pub edge_boost: Range,
    /// Standard deviation of that blur at the detector (mm).
    pub edge_sigma_mm: Range,
}

impl Default for DisplayConfig {
    fn default() -> Self {
        Self {
            log_probability: 0.7,
            black_percent: [0.0, 3.0],
            white_percent: [96.0, 100.0],
            gamma: [0.6, 1.6],
            edge_boost: [0.0, 1.5],
            edge_sigma_mm: [0.8, 3.0],
        }
    }
}

impl DisplayConfig {
    pub(super) fn check(&self) -> Result<(), SimulationError> {
        check_value("display.log_probability", self.log_probability, PROBABILITY)?;
        check_range("display.black_percent", self.black_percent, [0.0, 40.0])?;
        check_range("display.white_percent", self.white_percent, [60.0, 100.0])?;
        check_range("display.gamma", self.gamma, [0.05, 20.0])?;
        check_range("display.edge_boost", self.edge_boost, [0.0, 100.0])?;
        check_range("display.edge_sigma_mm", self.edge_sigma_mm, [0.0, 1000.0])
    }

    pub(super) fn draw(&self, seed: u64) -> DisplayCurve {
        let mut draw = Draw::new(seed, Effect::Display);
        DisplayCurve {
            logarithmic: draw.happens(self.log_probability),
            window_percent: [draw.between(self.black_percent), draw.between(self.white_percent)],
            gamma: draw.log_between(self.gamma),
            edge_boost: draw.between(self.edge_boost),
            edge_sigma_mm: draw.between(self.edge_sigma_mm),
        }
    }
}

/// The curve that was drawn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DisplayCurve {
    /// Whether the logarithm of the intensity is shown.
    pub logarithmic: bool,
    /// The percentiles of the field that are black and white.
    pub window_percent: [f64; 2],
    /// Exponent of the curve.
    pub gamma: f64,
    /// How much of the difference to the blurred image is added.
    pub edge_boost: f64,
    /// Standard deviation of that blur at the detector (mm).
    pub edge_sigma_mm: f64,
}

impl DisplayCurve {
    /// Line integrals as whole numbers from 0 to 255; black outside the field.
    pub(super) fn apply(
        &self,
        line_integral: &Image,
        field: &Mask,
        pixel_spacing_mm: [f64; 2],
    ) -> Image {
        let mut shown =
            line_integral.clone().map(|l| if self.logarithmic { -l } else { (-l).exp() });
        if self.edge_boost > 0.0 {
            self.sharpen(&mut shown, field, pixel_spacing_mm);
        }
        let mut in_field: Vec<f32> = shown
            .pixels()
            .iter()
            .zip(field.used())
            .filter_map(|(p, used)| used.then_some(*p))
            .collect();
        let [black, white] = self.window_percent.map(|percent| percentile(&mut in_field, percent));
        // A blank image has no window: it is shown black.
        let width = if white > black { white - black } else { f32::INFINITY };
        let gamma = self.gamma as f32;
        let mut shown =
            shown.map(|x| (FULL_SCALE * ((x - black) / width).clamp(0.0, 1.0).powf(gamma)).round());
        for (pixel, _) in
            shown.pixels_mut().iter_mut().zip(field.used()).filter(|(_, used)| !**used)
        {
            *pixel = 0.0;
        }
        shown
    }

    /// Adds the difference to the mean around, which is taken over the field only.
    fn sharpen(&self, image: &mut Image, field: &Mask, pixel_spacing_mm: [f64; 2]) {
        let sigma_px = pixel_spacing_mm.map(|spacing| self.edge_sigma_mm / spacing);
        let columns = image.size_px()[0];
        let blur = |value: &dyn Fn(f32) -> f64| {
            let pairs = image.pixels().iter().zip(field.used());
            let values = pairs.map(|(&p, &used)| if used { value(p) } else { 0.0 }).collect();
            gaussian(&Plane { columns, values }, sigma_px)
        };
        let (sums, weights) = (blur(&f64::from), blur(&|_| 1.0));
        let around = sums.values.iter().zip(&weights.values);
        for (pixel, (sum, weight)) in image.pixels_mut().iter_mut().zip(around) {
            // Far outside the field there is nothing around, and nothing to be shown.
            if *weight > 1e-6 {
                *pixel += (self.edge_boost * (f64::from(*pixel) - sum / weight)) as f32;
            }
        }
    }
}

/// The value below which so many percent lie; zero of nothing.
fn percentile(values: &mut [f32], percent: f64) -> f32 {
    let Some(last) = values.len().checked_sub(1) else { return 0.0 };
    let rank = (percent / 100.0 * last as f64).round() as usize;
    *values.select_nth_unstable_by(rank.min(last), f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    //! Proves: the curve is monotone without edge boost and fills 8 bits, the boost raises the
    //! contrast of edges alone, and outside the field all is black and of no influence.
    use super::*;

    const PLAIN: DisplayCurve = DisplayCurve {
        logarithmic: true,
        window_percent: [0.0, 100.0],
        gamma: 1.0,
        edge_boost: 0.0,
        edge_sigma_mm: 1.0,
    };

    fn ramp() -> Image {
        Image::new([100, 20], (0..2000).map(|n| (n % 100) as f32 / 20.0).collect()).unwrap()
    }

    #[test]
    fn curves_are_monotone_and_fill_eight_bits() {
        let curves: Vec<_> = (0..1000).map(|seed| DisplayConfig::default().draw(seed)).collect();
        let logarithmic = curves.iter().filter(|curve| curve.logarithmic).count();
        // Five standard deviations of 1000 draws with p = 0.7.
        assert!(logarithmic.abs_diff(700) < 73, "{logarithmic}");
        for mut curve in curves.into_iter().take(50) {
            curve.edge_boost = 0.0;
            assert!((0.6..=1.6).contains(&curve.gamma));
            let shown = curve.apply(&ramp(), &Mask::all([100, 20]), [1.0; 2]);
            let row = &shown.pixels()[..100];
            assert!(row.windows(2).all(|pair| pair[1] <= pair[0]), "bright where little absorbs");
            assert_eq!(shown.range(), (0.0, 255.0));
            assert!(shown.pixels().iter().all(|p| p.fract() == 0.0));
        }
        // Half way in the window, gamma 2 shows a quarter.
        let squared = DisplayCurve { gamma: 2.0, ..PLAIN };
        let image = Image::new([3, 1], vec![0.0, 1.0, 2.0]).unwrap();
        let shown = squared.apply(&image, &Mask::all([3, 1]), [1.0; 2]);
        assert_eq!(shown.pixels(), &[255.0, 64.0, 0.0]);
    }

    #[test]
    fn the_boost_raises_edges_alone() {
        let step =
            Image::new([60, 9], (0..540).map(|n| if n % 60 < 30 { 1.0 } else { 2.0 }).collect())
                .unwrap();
        let boosted = DisplayCurve { edge_boost: 1.0, edge_sigma_mm: 2.0, ..PLAIN };
        let mut sharp = step.clone().map(|l| -l);
        boosted.sharpen(&mut sharp, &Mask::all([60, 9]), [1.0; 2]);
        let jump = |image: &Image| image.pixels()[29] - image.pixels()[30];
        assert!(jump(&sharp) > 1.7, "{}", jump(&sharp));
        assert!((sharp.pixels()[5] + 1.0).abs() < 1e-6 && (sharp.pixels()[55] + 2.0).abs() < 1e-6);
    }

    #[test]
    fn outside_the_field_is_black_and_does_not_count() {
        let field = Mask::new([100, 20], (0..2000).map(|n| n % 100 < 50).collect()).unwrap();
        for seed in 0..20 {
            let curve = DisplayConfig::default().draw(seed);
            let shown = curve.apply(&ramp(), &field, [1.0; 2]);
            let outside_changed = curve.apply(
                &Image::new(
                    [100, 20],
                    ramp()
                        .pixels()
                        .iter()
                        .zip(field.used())
                        .map(|(&p, &u)| if u { p } else { 9.0 })
                        .collect(),
                )
                .unwrap(),
                &field,
                [1.0; 2],
            );
            assert_eq!(shown, outside_changed);
            let dark = shown.pixels().iter().zip(field.used()).all(|(&p, &used)| used || p == 0.0);
            assert!(dark && shown.range().1 == 255.0);
        }
        let blank = PLAIN.apply(&Image::zeros([4, 4]), &Mask::all([4, 4]), [1.0; 2]);
        assert_eq!(blank, Image::zeros([4, 4]));
    }
}
