//! One vertebra: a body with a waist and hollow end plates, the arch and its processes.

use std::sync::Arc;

use nalgebra::Vector3;

use super::frame::Frame;
use super::shape::{Bounds, Carved, Limb, Shape, SharedShape, Union, rounded_edge};
use super::variation::Variation;

/// Lengths of one vertebra (mm), in its own frame: x left, y back, z up, origin in the body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Level {
    pub(super) half_width: f64,
    pub(super) half_depth: f64,
    pub(super) height: f64,
    /// The disc below.
    pub(super) disc: f64,
    /// From the midline to the middle of a pedicle.
    pub(super) pedicle: f64,
    pub(super) pedicle_radius: f64,
    /// From the midline to the tip of a transverse process.
    pub(super) transverse: f64,
    pub(super) transverse_radius: f64,
    /// Length and height of the spinous process.
    pub(super) spinous: [f64; 2],
    /// From the midline to an inferior facet.
    pub(super) facet: f64,
    /// How much taller the front is than the middle, as a fraction.
    pub(super) wedge: f64,
    /// How far the upper end leans to the front (degrees): the lordosis.
    pub(super) lean_deg: f64,
}

/// T12 to L5.
#[rustfmt::skip]
pub(super) const LEVELS: [Level; 6] = [
    Level { half_width: 20.0, half_depth: 15.5, height: 23.5, disc: 6.5, pedicle: 12.5, pedicle_radius: 3.6,
        transverse: 25.0, transverse_radius: 4.4, spinous: [27.0, 15.0], facet: 11.0, wedge: -0.05, lean_deg: -13.0 },
    Level { half_width: 21.0, half_depth: 16.0, height: 25.0, disc: 7.5, pedicle: 13.0, pedicle_radius: 3.6,
        transverse: 36.0, transverse_radius: 3.4, spinous: [29.0, 20.0], facet: 11.5, wedge: -0.04, lean_deg: -12.0 },
    Level { half_width: 22.0, half_depth: 16.5, height: 26.0, disc: 8.5, pedicle: 13.5, pedicle_radius: 3.9,
        transverse: 42.0, transverse_radius: 3.5, spinous: [31.0, 22.0], facet: 12.0, wedge: -0.01, lean_deg: -6.0 },
    Level { half_width: 23.0, half_depth: 17.0, height: 26.5, disc: 10.0, pedicle: 14.5, pedicle_radius: 4.5,
        transverse: 47.0, transverse_radius: 3.7, spinous: [31.0, 23.0], facet: 13.5, wedge: 0.02, lean_deg: 2.0 },
    Level { half_width: 24.5, half_depth: 17.0, height: 26.5, disc: 11.0, pedicle: 16.5, pedicle_radius: 5.4,
        transverse: 44.0, transverse_radius: 3.9, spinous: [28.0, 19.0], facet: 15.5, wedge: 0.05, lean_deg: 12.0 },
    Level { half_width: 26.0, half_depth: 17.0, height: 26.0, disc: 10.5, pedicle: 19.0, pedicle_radius: 6.6,
        transverse: 45.0, transverse_radius: 6.2, spinous: [22.0, 14.0], facet: 18.5, wedge: 0.12, lean_deg: 24.0 },
];

impl Level {
    /// The same vertebra in another person.
    pub(super) fn varied(&self, variation: &mut Variation, size: f64) -> Self {
        let mut vary = |typical: f64, spread: f64| variation.near(typical * size, spread);
        Self {
            half_width: vary(self.half_width, 0.04),
            half_depth: vary(self.half_depth, 0.04),
            height: vary(self.height, 0.025),
            disc: vary(self.disc, 0.1),
            pedicle: vary(self.pedicle, 0.03),
            pedicle_radius: vary(self.pedicle_radius, 0.08),
            transverse: vary(self.transverse, 0.05),
            transverse_radius: vary(self.transverse_radius, 0.1),
            spinous: self.spinous.map(|length| vary(length, 0.07)),
            facet: vary(self.facet, 0.03),
            wedge: self.wedge,
            lean_deg: self.lean_deg,
        }
    }
}

/// The body of a vertebra: a rounded box-like ellipse with a waist, hollow end plates and a rim.
pub(super) struct Body {
    pub(super) frame: Frame,
    pub(super) half_width: f64,
    pub(super) half_depth: f64,
    pub(super) half_height: f64,
    /// How far the sides come in at mid-height, as a fraction.
    pub(super) waist: f64,
    /// How deep the end plates are hollowed (mm).
    pub(super) hollow_mm: f64,
    /// How much taller the front is than the middle, as a fraction.
    pub(super) wedge: f64,
}

impl Shape for Body {
    fn bounds(&self) -> Bounds {
        let height = self.half_height * (1.0 + self.wedge.abs());
        self.frame.bounds_of_box(Vector3::new(self.half_width, self.half_depth, height))
    }

    fn signed_distance_mm(&self, point: Vector3<f64>) -> f64 {
        let p = self.frame.to_local(point);
        let relative_height = (p.z / self.half_height).clamp(-1.0, 1.0);
        let waist = 1.0 - self.waist * (1.0 - relative_height * relative_height);
        let (level, side) =
            section_distance(p.x, p.y, [self.half_width * waist, self.half_depth * waist]);
        let hollow = self.hollow_mm * (1.0 - level * level).max(0.0);
        let taper = 1.0 - self.wedge * (p.y / self.half_depth).clamp(-1.0, 1.0);
        let end = p.z.abs() - (self.half_height * taper - hollow);
        rounded_edge(side, end, RIM_MM)
    }
}

/// Radius of the edge between the side and the end plate of a body.
const RIM_MM: f64 = 2.0;

/// A superellipse with the given half axes: its level (1 on the line) and the distance from it.
fn section_distance(x: f64, y: f64, [a, b]: [f64; 2]) -> (f64, f64) {
    let (u2, v2) = ((x / a) * (x / a), (y / b) * (y / b));
    let level = (u2 + v2 - 0.35 * u2.min(1.0) * v2.min(1.0)).max(0.0).sqrt();
    let gradient = ((x / (a * a)) * (x / (a * a)) + (y / (b * b)) * (y / (b * b))).sqrt();
    let distance =
        if gradient < 1e-9 { -a.min(b) } else { (level - 1.0) * level.max(0.1) / gradient };
    (level, distance)
}

/// One vertebra: body, arch and processes, with the canal through it.
pub(super) fn vertebra(frame: &Frame, level: &Level, variation: &mut Variation) -> Carved {
    let (height, back) = (level.height, level.half_depth);
    let mut parts: Vec<SharedShape> = vec![Arc::new(Body {
        frame: *frame,
        half_width: level.half_width,
        half_depth: level.half_depth,
        half_height: height / 2.0,
        waist: variation.between(0.08, 0.13),
        hollow_mm: variation.between(1.0, 2.0),
        wedge: level.wedge,
    })];
    let up = frame.up();
    let mut limb = |ends: [[f64; 3]; 2], radii_mm: [f64; 2], stretch: f64| {
        let ends = ends.map(|[x, y, z]| frame.at(x, y, z));
        parts.push(Arc::new(Limb::stretched(ends, radii_mm, up, stretch)));
    };
    let pedicle_stretch = 7.2 / level.pedicle_radius;
    for side in [1.0, -1.0] {
        let x = side * level.pedicle;
        let facet = side * level.facet;
        let superior = side * (level.facet + 4.0);
        let radius = level.pedicle_radius;
        limb(
            [[x, back - 5.0, 0.2 * height], [x + side, back + 9.0, 0.17 * height]],
            [radius, radius * 0.95],
            pedicle_stretch.max(1.05),
        );
        // The lamina slopes back, in and down to the root of the spinous process.
        limb(
            [[x, back + 12.0, 0.08 * height], [side * 2.0, back + 22.0, -0.22 * height]],
            [3.4, 3.3],
            2.1,
        );
        // The narrow bridge between the facets.
        limb(
            [[superior, back + 12.0, 0.1 * height], [facet, back + 17.0, -0.25 * height]],
            [3.8, 3.6],
            1.3,
        );
        let tip = side * variation.near(level.transverse, 0.06);
        let thick = level.transverse_radius;
        limb(
            [
                [x + 2.0 * side, back + 7.0, 0.12 * height],
                [tip, back + variation.between(11.0, 17.0), variation.between(0.08, 0.35) * height],
            ],
            [thick * 1.15, thick * 0.72],
            1.45,
        );
        limb(
            [
                [superior, back + 11.0, 0.1 * height],
                [superior + side, back + 12.5, height / 2.0 + 6.5],
            ],
            [4.6, 3.9],
            1.0,
        );
        limb(
            [[facet - side, back + 18.0, -0.2 * height], [facet, back + 18.0, -height / 2.0 - 8.5]],
            [4.4, 3.8],
            1.0,
        );
    }
    let [length, tall] = level.spinous;
    let drift = variation.between(-2.5, 2.5);
    let root = [0.0, back + 20.0, -0.18 * height];
    let middle = [drift * 0.6, back + 21.0 + 0.55 * length, -0.36 * height];
    let tip = [drift, back + 21.0 + length, -variation.between(0.5, 0.62) * height];
    limb([root, middle], [4.0, 3.6], tall / 8.4);
    limb([middle, tip], [3.6, 5.0], tall / 10.6);
    let canal = Limb::stretched(
        [frame.at(0.0, back + 7.8, -60.0), frame.at(0.0, back + 7.8, 60.0)],
        [8.2; 2],
        frame.left(),
        (level.pedicle - level.pedicle_radius) / 7.6,
    );
    Carved::new(Arc::new(Union::new(parts, 2.5)), Arc::new(canal), 0.0)
}
