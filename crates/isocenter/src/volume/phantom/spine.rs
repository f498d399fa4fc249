//! The column: where each vertebra stands, the vertebrae, the discs and the canal.

use std::sync::Arc;

use nalgebra::Vector3;

use super::frame::{Frame, sin_cos_degrees};
use super::label;
use super::paint::{Paint, Shell, Solid};
use super::shape::{Carved, Limb, SharedShape, Union};
use super::variation::Variation;
use super::vertebra::{Body, LEVELS, Level, vertebra};

/// How far the upper end of the sacrum leans to the front (degrees).
const SACRUM_LEAN_DEG: f64 = 40.0;

/// Cortex and spongy bone.
pub(super) fn bone(label: u16, shell_mm: f64, core_hu: f32) -> Shell {
    Shell { shell_hu: 840.0, shell_mm, core: Paint { hu: core_hu, texture_hu: 100.0, label } }
}

/// The column, on which everything else is hung.
pub(super) struct Spine {
    /// T12, L1 to L5.
    vertebrae: [(Frame, Level); 6],
    /// The middle of the upper end plate of the sacrum.
    sacrum_top: Frame,
}

impl Spine {
    /// Builds the column upwards from the sacrum, with a slight scoliosis.
    pub(super) fn new(variation: &mut Variation) -> Self {
        let side = if variation.between(-1.0, 1.0) < 0.0 { -1.0 } else { 1.0 };
        let scoliosis_deg = side * variation.between(2.5, 4.5);
        let phase_deg = variation.between(-25.0, 25.0);
        let twist_deg = variation.between(0.6, 1.4);
        let lordosis = variation.near(1.0, 0.12);
        let size = variation.near(1.0, 0.04);
        // A curve of somewhat more than half a wave over the column; bending brings twist.
        let angles = |position: f64, lean_deg: f64| {
            let (sin, _) = sin_cos_degrees(210.0 * position + phase_deg);
            [lean_deg * lordosis, scoliosis_deg * sin, twist_deg * scoliosis_deg * (0.3 - position)]
        };
        let levels = LEVELS.map(|level| level.varied(variation, size));
        let top_mm = [variation.between(-4.0, 4.0), variation.between(35.0, 39.0), -51.0];
        let sacrum_top = Frame::new(Vector3::from(top_mm), angles(0.0, SACRUM_LEAN_DEG));
        let mut vertebrae = levels.map(|level| (sacrum_top, level));
        let mut below = sacrum_top;
        let mut end_plate = sacrum_top.origin();
        for (above_sacrum, (frame, level)) in vertebrae.iter_mut().rev().enumerate() {
            let wobble = variation.between(-1.2, 1.2);
            let turned = Frame::new(
                end_plate,
                angles((above_sacrum as f64 + 1.0) / 6.0, level.lean_deg + wobble),
            );
            let disc_direction = (below.up() + turned.up()) / 2.0;
            let center =
                end_plate + disc_direction * level.disc + turned.up() * (level.height / 2.0);
            *frame = turned.moved_to(center);
            end_plate = center + turned.up() * (level.height / 2.0);
            below = *frame;
        }
        Self { vertebrae, sacrum_top }
    }

    /// The middle of the sacrum's upper end plate.
    pub(super) fn sacrum_top(&self) -> Frame {
        self.sacrum_top
    }

    /// The frame in the body of T12, which carries the ribs.
    pub(super) fn t12(&self) -> Frame {
        self.vertebrae[0].0
    }

    /// Points along the front (negative) or back of the bodies: at `side_mm` to the left and
    /// `behind_mm` behind each body's middle, from T12 down to L5.
    pub(super) fn line(&self, side_mm: f64, behind_mm: f64) -> [Vector3<f64>; 6] {
        self.vertebrae.map(|(frame, _)| frame.at(side_mm, behind_mm, 0.0))
    }

    /// Discs, canal and vertebrae. `sacrum` is what L5 must keep clear of.
    pub(super) fn solids(&self, sacrum: &SharedShape, variation: &mut Variation) -> Vec<Solid> {
        let mut discs = Vec::new();
        let mut bones = Vec::new();
        let mut below = Arc::clone(sacrum);
        let mut below_frame = self.sacrum_top;
        for (index, (frame, level)) in self.vertebrae.iter().enumerate().rev() {
            let number = index as u16;
            discs.push(disc(frame, level, &below_frame, label::DISC_T12_L1 + number));
            let whole: SharedShape = Arc::new(vertebra(frame, level, variation));
            let jointed = Arc::new(Carved::new(Arc::clone(&whole), below, 1.2));
            let core_hu = variation.near(195.0, 0.12) as f32;
            bones.push(Solid::new(jointed, bone(label::T12 + number, 1.5, core_hu)));
            below = whole;
            below_frame = frame.moved_to(frame.at(0.0, 0.0, level.height / 2.0));
        }
        discs.into_iter().chain(self.canal()).chain(bones).collect()
    }

    /// Fat with the dural sac in it.
    fn canal(&self) -> [Solid; 2] {
        let tube = |radius_mm: f64| -> SharedShape {
            let middle =
                self.vertebrae.map(|(frame, level)| frame.at(0.0, level.half_depth + 7.5, 0.0));
            let top = self.vertebrae[0].0.at(0.0, 23.0, 200.0);
            let bottom = self.sacrum_top.at(0.0, 22.0, -8.0);
            let stations = [&[top], &middle[..], &[bottom]].concat();
            let parts = stations.windows(2).map(|ends| -> SharedShape {
                Arc::new(Limb::stretched([ends[0], ends[1]], [radius_mm; 2], Vector3::x(), 1.3))
            });
            Arc::new(Union::new(parts.collect(), 1.0))
        };
        let paint = |hu, texture_hu| Paint { hu, texture_hu, label: label::SPINAL_CANAL };
        [Solid::new(tube(8.5), paint(-60.0, 8.0)), Solid::new(tube(6.6), paint(22.0, 6.0))]
    }
}

/// The disc between a vertebra and the end plate below it, reaching into both hollows.
fn disc(frame: &Frame, level: &Level, below: &Frame, label: u16) -> Solid {
    let lower_plate = frame.at(0.0, 0.0, -level.height / 2.0);
    let center = (lower_plate + below.origin()) / 2.0;
    let body = Body {
        frame: frame.moved_to(center),
        half_width: level.half_width * 0.99,
        half_depth: level.half_depth * 0.99,
        half_height: level.disc / 2.0 + 3.5,
        waist: -0.03,
        hollow_mm: 0.0,
        wedge: 0.0,
    };
    Solid::new(Arc::new(body), Paint { hu: 82.0, texture_hu: 9.0, label })
}
