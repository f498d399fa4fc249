//! The collimator: lead plates or an iris around the part of the beam that is wanted. Outside no
//! primary beam arrives, and the screen is black.

use serde::{Deserialize, Serialize};

use super::draw::{Draw, Effect};
use super::error::SimulationError;
use super::setting::{Range, check_range, refused};
use crate::radiograph::Mask;

/// The shapes of the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CollimatorShape {
    /// A circle, as of an image intensifier.
    Round,
    /// A rectangle between four shutters, slightly turned.
    Rectangle,
    /// A regular octagon, as of an iris with eight leaves.
    Octagon,
}

/// The field that the collimator leaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CollimatorConfig {
    /// The shapes to choose from, each as likely as the others.
    pub shapes: Vec<CollimatorShape>,
    /// Half the field's width: part of the detector's shorter side for circles and octagons, of
    /// each side for rectangles, 0.05 to 1.
    pub half_width: Range,
    /// The center's distance from the detector's: part of each side, along columns and rows.
    pub off_center: Range,
    /// Turn of rectangles and octagons (degrees).
    pub turn_deg: Range,
}

impl Default for CollimatorConfig {
    fn default() -> Self {
        Self {
            shapes: vec![
                CollimatorShape::Round,
                CollimatorShape::Rectangle,
                CollimatorShape::Octagon,
            ],
            half_width: [0.38, 0.5],
            off_center: [-0.03, 0.03],
            turn_deg: [-10.0, 10.0],
        }
    }
}

impl CollimatorConfig {
    pub(super) fn check(&self) -> Result<(), SimulationError> {
        if self.shapes.is_empty() {
            let expected = "a list with some of \"round\", \"rectangle\", \"octagon\"";
            return refused("collimator.shapes", "empty", expected);
        }
        check_range("collimator.half_width", self.half_width, [0.05, 1.0])?;
        check_range("collimator.off_center", self.off_center, [-0.4, 0.4])?;
        check_range("collimator.turn_deg", self.turn_deg, [-180.0, 180.0])
    }

    pub(super) fn draw(&self, size_px: [usize; 2], seed: u64) -> Option<Aperture> {
        let mut draw = Draw::new(seed, Effect::Collimator);
        let shape = *self.shapes.get(draw.whole([0, self.shapes.len().saturating_sub(1)]))?;
        let sides = size_px.map(|n| n as f64);
        let center_px = sides.map(|side| (side - 1.0) / 2.0 + side * draw.between(self.off_center));
        let halves = sides.map(|side| side * draw.between(self.half_width));
        let radius_px = sides[0].min(sides[1]) * draw.between(self.half_width);
        let turn = draw.between(self.turn_deg).to_radians();
        let turned = |[x, y]: [f64; 2]| {
            let (sin, cos) = turn.sin_cos();
            [center_px[0] + x * cos - y * sin, center_px[1] + x * sin + y * cos]
        };
        Some(match shape {
            CollimatorShape::Round => Aperture::Round { center_px, radius_px },
            CollimatorShape::Rectangle => {
                let [a, b] = halves;
                let corners = [[-a, -b], [a, -b], [a, b], [-a, b]];
                Aperture::Polygon { corners_px: corners.map(turned).to_vec() }
            }
            CollimatorShape::Octagon => {
                // The half width is that between the sides.
                let reach = radius_px / (std::f64::consts::PI / 8.0).cos();
                let corner = |n: u32| {
                    let angle = f64::from(2 * n + 1) * std::f64::consts::PI / 8.0;
                    turned([reach * angle.cos(), reach * angle.sin()])
                };
                Aperture::Polygon { corners_px: (0..8).map(corner).collect() }
            }
        })
    }
}

/// The field that was drawn, in pixels (u, v).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "shape", rename_all = "lowercase")]
pub enum Aperture {
    /// A circle.
    Round {
        /// Its center.
        center_px: [f64; 2],
        /// Its radius.
        radius_px: f64,
    },
    /// A convex polygon.
    Polygon {
        /// Its corners, one after the other, in increasing angle from u to v.
        corners_px: Vec<[f64; 2]>,
    },
}

impl Aperture {
    /// Whether the center of a pixel lies in the field.
    ///
    /// # Examples
    /// ```
    /// use isocenter::radiograph::simulation::Aperture;
    /// let corners_px = vec![[0.0, 0.0], [9.0, 0.0], [9.0, 4.0], [0.0, 4.0]];
    /// let rectangle = Aperture::Polygon { corners_px };
    /// assert!(rectangle.contains(5.0, 3.0) && !rectangle.contains(5.0, 5.0));
    /// ```
    #[must_use]
    pub fn contains(&self, u: f64, v: f64) -> bool {
        match self {
            Self::Round { center_px, radius_px } => {
                (u - center_px[0]).hypot(v - center_px[1]) <= *radius_px
            }
            Self::Polygon { corners_px } => {
                let following = corners_px.iter().cycle().skip(1);
                corners_px
                    .iter()
                    .zip(following)
                    .all(|(a, b)| (b[0] - a[0]) * (v - a[1]) - (b[1] - a[1]) * (u - a[0]) >= 0.0)
            }
        }
    }

    /// The pixels in the field.
    pub(super) fn mask(&self, [columns, rows]: [usize; 2]) -> Mask {
        let all = Mask::all([columns, rows]);
        let used = (0..columns * rows)
            .map(|n| self.contains((n % columns) as f64, (n / columns) as f64))
            .collect();
        // As many values as pixels.
        Mask::new([columns, rows], used).unwrap_or(all)
    }
}

#[cfg(test)]
mod tests {
    //! Proves: fields have the area that geometry gives their shape, all shapes are drawn, and each
    //! holds the middle of the detector.
    use super::*;

    #[test]
    fn fields_have_the_area_of_their_shape() {
        let fixed = |shape| CollimatorConfig {
            shapes: vec![shape],
            half_width: [0.4, 0.4],
            off_center: [0.0, 0.0],
            turn_deg: [7.0, 7.0],
        };
        let area = |shape| {
            let aperture = fixed(shape).draw([300, 200], 1).unwrap();
            aperture.mask([300, 200]).count() as f64
        };
        let octagon = 8.0 * (std::f64::consts::PI / 8.0).tan() * 80.0 * 80.0;
        let round = std::f64::consts::PI * 80.0 * 80.0;
        // Pixels at the edge are counted whole: far less than the edge's length.
        for (shape, expected) in [
            (CollimatorShape::Round, round),
            (CollimatorShape::Rectangle, 240.0 * 160.0),
            (CollimatorShape::Octagon, octagon),
        ] {
            assert!((area(shape) - expected).abs() < 60.0, "{shape:?} {}", area(shape));
        }
    }

    #[test]
    fn all_shapes_are_drawn_about_the_middle() {
        let (mut round, mut corners) = (0, [0; 9]);
        for seed in 0..300 {
            let aperture = CollimatorConfig::default().draw([256, 256], seed).unwrap();
            assert!(aperture.contains(127.5, 127.5) && !aperture.contains(-60.0, 127.5));
            match aperture {
                Aperture::Round { radius_px, .. } => {
                    assert!((0.38 * 256.0..=128.0).contains(&radius_px));
                    round += 1;
                }
                Aperture::Polygon { corners_px } => corners[corners_px.len()] += 1,
            }
        }
        // Five standard deviations of 300 draws with p = 1/3.
        for count in [round, corners[4], corners[8]] {
            assert!((count - 100_i32).abs() < 41, "{round} {corners:?}");
        }
    }
}
