//! The trunk: its outline, and the layers from the skin inwards.

use nalgebra::Vector3;

use super::label;
use super::paint::{Material, Paint, smooth_step};
use super::shape::{Bounds, Shape};
use super::texture::Noise;
use super::variation::Variation;

/// The outline: an ellipse to the front, flat at the back as the patient lies on it, wider at the
/// hips, with a furrow along the spine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trunk {
    half_width_mm: f64,
    front_mm: f64,
    back_mm: f64,
    hips_mm: f64,
}

/// The height of the widest line of the trunk above the middle, towards the back (mm).
const WIDEST_Y_MM: f64 = 8.0;

impl Trunk {
    pub(super) fn new(variation: &mut Variation) -> Self {
        Self {
            half_width_mm: variation.between(144.0, 149.0),
            front_mm: variation.between(104.0, 112.0),
            back_mm: variation.between(91.0, 94.0),
            hips_mm: variation.between(9.0, 14.0),
        }
    }
}

impl Shape for Trunk {
    fn bounds(&self) -> Bounds {
        let half_width = self.half_width_mm + self.hips_mm;
        let Bounds { low, high } = Bounds::EVERYWHERE;
        Bounds {
            low: Vector3::new(-half_width, WIDEST_Y_MM - self.front_mm, low.z),
            high: Vector3::new(half_width, WIDEST_Y_MM + self.back_mm, high.z),
        }
    }

    fn signed_distance_mm(&self, point: Vector3<f64>) -> f64 {
        let half_width = self.half_width_mm + self.hips_mm * smooth_step((-20.0 - point.z) / 90.0);
        let behind = point.y > WIDEST_Y_MM;
        let (half_depth, squareness) = if behind {
            let x = point.x / (16.0 + 8.0 * smooth_step((-60.0 - point.z) / 60.0));
            let furrow = 3.0 + 9.0 * smooth_step((-70.0 - point.z) / 60.0);
            (self.back_mm - furrow / ((1.0 + x * x) * (1.0 + x * x)), 0.85)
        } else {
            (self.front_mm, 0.2)
        };
        let (u, v) = (point.x / half_width, (point.y - WIDEST_Y_MM) / half_depth);
        let (u2, v2) = ((u * u).min(1.0), (v * v).min(1.0));
        let level = (u * u + v * v - squareness * u2 * v2).max(0.0).sqrt();
        let along_x = u * (1.0 - squareness * v2) / half_width;
        let along_y = v * (1.0 - squareness * u2) / half_depth;
        let gradient = (along_x * along_x + along_y * along_y).sqrt();
        if gradient < 1e-9 { -half_depth } else { (level - 1.0) * level.max(0.1) / gradient }
    }
}

/// Skin, fat, the muscles of the wall, and the abdomen with its fat and bowel loops.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layers {
    fat_mm: f64,
    loops: Noise,
    folds: Noise,
}

impl Layers {
    pub(super) fn new(variation: &mut Variation) -> Self {
        Self {
            fat_mm: variation.between(8.0, 14.0),
            loops: Noise::new(variation.bits(), [22.0, 18.0, 16.0]),
            folds: Noise::new(variation.bits(), [7.0, 7.0, 6.0]),
        }
    }

    /// Thickness of skin, fat and muscle in front of the abdomen.
    pub(super) fn front_mm(&self) -> f64 {
        SKIN_MM + 1.7 * self.fat_mm + 9.0
    }

    fn abdomen(&self, point: Vector3<f64>) -> Paint {
        let noise = f64::from(self.loops.at(point) + 0.4 * self.folds.at(point));
        let loops = smooth_step(0.65 + 2.8 * noise) as f32;
        Paint { hu: -100.0 + 138.0 * loops, texture_hu: 8.0, label: label::ABDOMEN }
    }
}

const SKIN_MM: f64 = 1.8;

impl Material for Layers {
    fn paint(&self, point: Vector3<f64>, depth_mm: f64) -> Paint {
        let front = smooth_step(-point.y / 70.0);
        let seat = smooth_step((-60.0 - point.z) / 70.0);
        let fat_mm = SKIN_MM + self.fat_mm * (1.0 + 0.7 * front + 0.8 * seat * (1.0 - front));
        let wall_mm = fat_mm + 13.0 - 4.0 * front;
        let fat = Paint { hu: -104.0, texture_hu: 7.0, label: label::SKIN_AND_FAT };
        let skin = Paint { hu: -10.0, ..fat };
        let wall = Paint { hu: 52.0, texture_hu: 11.0, label: label::ABDOMINAL_WALL };
        if depth_mm < fat_mm - 1.0 {
            mixed(skin, fat, depth_mm - SKIN_MM)
        } else if depth_mm < wall_mm - 1.0 {
            mixed(fat, wall, depth_mm - fat_mm)
        } else {
            mixed(wall, self.abdomen(point), depth_mm - wall_mm)
        }
    }
}

/// From one layer to the next, across a millimetre before and after the border.
fn mixed(outer: Paint, inner: Paint, past_border_mm: f64) -> Paint {
    let share = smooth_step(0.5 + 0.5 * past_border_mm) as f32;
    Paint {
        hu: outer.hu + (inner.hu - outer.hu) * share,
        texture_hu: outer.texture_hu + (inner.texture_hu - outer.texture_hu) * share,
        label: if share < 0.5 { outer.label } else { inner.label },
    }
}
