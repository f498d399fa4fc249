//! Stomach, colon and rectum, their contents, and the gas that rises in them.

use std::sync::Arc;

use nalgebra::Vector3;

use super::frame::Frame;
use super::label;
use super::organs::{beneath_skin, chain};
use super::paint::{Material, Paint, Solid, smooth_step};
use super::shape::{Ellipsoid, Grown, HalfSpace, Intersection, SharedShape};
use super::texture::Noise;
use super::variation::Variation;

/// Stations along the colon with the radius there (mm): caecum, flexures, rectum.
const COLON: [([f64; 3], f64); 16] = [
    ([-76.0, -26.0, -66.0], 21.0),
    ([-92.0, 0.0, -22.0], 22.0),
    ([-101.0, 8.0, 20.0], 20.0),
    ([-92.0, -2.0, 56.0], 20.0),
    ([-80.0, -36.0, 52.0], 18.0),
    ([-42.0, -50.0, 28.0], 17.0),
    ([12.0, -56.0, 14.0], 16.0),
    ([56.0, -46.0, 40.0], 17.0),
    ([92.0, -18.0, 92.0], 18.0),
    ([106.0, 18.0, 70.0], 14.0),
    ([108.0, 20.0, 8.0], 12.5),
    ([84.0, -18.0, -50.0], 12.5),
    ([58.0, -44.0, -86.0], 14.0),
    ([16.0, -28.0, -98.0], 14.0),
    ([2.0, 12.0, -108.0], 13.0),
    ([-2.0, 40.0, -150.0], 16.0),
];

/// Stations along the stomach.
const STOMACH: [([f64; 3], f64); 4] = [
    ([72.0, 0.0, 150.0], 34.0),
    ([66.0, -30.0, 112.0], 30.0),
    ([36.0, -58.0, 84.0], 20.0),
    ([-12.0, -52.0, 84.0], 15.0),
];

const WALL_MM: f64 = 2.5;

/// Stool: soft matter with flecks of gas.
struct Stool {
    lumps: Noise,
}

impl Material for Stool {
    fn paint(&self, point: Vector3<f64>, depth_mm: f64) -> Paint {
        let flecks = smooth_step(f64::from(self.lumps.at(point)) * 2.0 - 0.6)
            * smooth_step((depth_mm - WALL_MM) / 2.0);
        Paint { hu: 36.0 - 330.0 * flecks as f32, texture_hu: 12.0, label: label::BOWEL }
    }
}

/// The gut and its gas.
pub(super) fn solids(trunk: &SharedShape, wall_mm: f64, variation: &mut Variation) -> Vec<Solid> {
    let mut solids = small_bowel(variation);
    let inside = |organ, depth_mm: f64| beneath_skin(organ, trunk, wall_mm + depth_mm);
    let contents = Paint { hu: 28.0, texture_hu: 8.0, label: label::BOWEL };
    let stomach = beaded(&STOMACH, 0.03, variation);
    solids.push(Solid::new(inside(chain(&stomach, Vector3::x(), 1.0), 0.0), contents));
    let stomach_gas = gas(&stomach, variation.between(-54.0, -46.0));
    solids.push(Solid::new(inside(stomach_gas, WALL_MM), GAS_PAINT));

    let colon = beaded(&COLON, 0.2, variation);
    let stool = Stool { lumps: Noise::new(variation.bits(), [6.0, 6.0, 6.0]) };
    solids.push(Solid::new(inside(chain(&colon, Vector3::x(), 1.0), 0.0), stool));
    // Gas gathers in stretches of the colon, each with its own level.
    let mut from = 0;
    while from + 1 < colon.len() {
        let length = variation.between(3.0, 8.0) as usize;
        let stretch = &colon[from..(from + length).min(colon.len())];
        let highest =
            stretch.iter().map(|(at, radius)| at.y - radius).fold(f64::INFINITY, f64::min);
        if variation.between(0.0, 1.0) < 0.5 && stretch.len() > 1 {
            let bubble = gas(stretch, highest + variation.between(14.0, 48.0));
            solids.push(Solid::new(inside(bubble, WALL_MM), GAS_PAINT));
        }
        from += length;
    }
    solids
}

/// Stations about 15 mm apart, alternately wide and narrow: the haustra.
fn beaded(
    stations: &[([f64; 3], f64)],
    depth: f64,
    variation: &mut Variation,
) -> Vec<(Vector3<f64>, f64)> {
    let shift = Vector3::from_fn(|_, _| variation.between(-5.0, 5.0));
    let mut beads = Vec::new();
    for pair in stations.windows(2) {
        let [(start, radius_start), (end, radius_end)] = [pair[0], pair[1]];
        let along = Vector3::from(end) - Vector3::from(start);
        let count = (along.norm() / 15.0).ceil().max(1.0) as usize;
        for step in 0..count {
            let t = step as f64 / count as f64;
            let wide = if beads.len() % 2 == 0 { 1.0 + depth } else { 1.0 - depth };
            let radius = (radius_start + (radius_end - radius_start) * t) * wide;
            let bend = Vector3::from_fn(|_, _| variation.between(-3.0, 3.0));
            beads.push((
                Vector3::from(start) + along * t + bend + shift,
                variation.near(radius, 0.1),
            ));
        }
    }
    beads
}

/// What of the lumen lies above (in front of) the fluid level.
fn gas(beads: &[(Vector3<f64>, f64)], level_y_mm: f64) -> SharedShape {
    let lumen: Vec<_> = beads.iter().map(|&(at, radius)| (at, radius - WALL_MM)).collect();
    let above = HalfSpace { normal: Vector3::y(), offset_mm: level_y_mm };
    Arc::new(Intersection { a: chain(&lumen, Vector3::x(), 1.0), b: Arc::new(above) })
}

const GAS_PAINT: Paint = Paint { hu: -965.0, texture_hu: 6.0, label: label::GAS };

/// A handful of bubbles in the small bowel, each with its wall.
fn small_bowel(variation: &mut Variation) -> Vec<Solid> {
    let mut solids = Vec::new();
    for _ in 0..variation.between(7.0, 13.0) as usize {
        let center = Vector3::new(
            variation.between(-60.0, 62.0),
            variation.between(-72.0, -28.0),
            variation.between(-85.0, 60.0),
        );
        let angles = [(); 3].map(|()| variation.between(-80.0, 80.0));
        let semi_axes_mm = Vector3::new(
            variation.between(4.0, 8.0),
            variation.between(4.0, 9.0),
            variation.between(6.0, 17.0),
        );
        let bubble: SharedShape =
            Arc::new(Ellipsoid { frame: Frame::new(center, angles), semi_axes_mm });
        let wall = Grown { base: Arc::clone(&bubble), offset_mm: WALL_MM };
        let wall_paint = Paint { hu: 38.0, texture_hu: 6.0, label: label::BOWEL };
        solids.push(Solid::new(Arc::new(wall), wall_paint));
        solids.push(Solid::new(bubble, GAS_PAINT));
    }
    solids
}
