//! The lower ribs.

use std::sync::Arc;

use nalgebra::Vector3;

use super::frame::{Frame, sin_cos_degrees};
use super::label;
use super::paint::Solid;
use super::shape::{Limb, SharedShape, Union};
use super::spine::{Spine, bone};
use super::variation::Variation;

/// The course of a rib around the trunk: angles are measured from the back (degrees).
struct Course {
    label_offset: u16,
    /// How far above the middle of T12 its head lies.
    head_above_t12_mm: f64,
    /// Where the rib ends.
    end_deg: f64,
    /// How far it has come down there.
    drop_mm: f64,
    radius_mm: f64,
}

const COURSES: [Course; 3] = [
    Course {
        label_offset: 0,
        head_above_t12_mm: 58.0,
        end_deg: 128.0,
        drop_mm: 128.0,
        radius_mm: 3.6,
    },
    Course {
        label_offset: 1,
        head_above_t12_mm: 29.0,
        end_deg: 104.0,
        drop_mm: 96.0,
        radius_mm: 3.4,
    },
    Course {
        label_offset: 2,
        head_above_t12_mm: 2.0,
        end_deg: 63.0,
        drop_mm: 58.0,
        radius_mm: 3.1,
    },
];

/// Ribs 10, 11 and 12 on both sides, hung on T12.
pub(super) fn solids(spine: &Spine, variation: &mut Variation) -> Vec<Solid> {
    let mut solids = Vec::new();
    for (side, first_label) in [(1.0, label::RIB_10_LEFT), (-1.0, label::RIB_10_RIGHT)] {
        for course in &COURSES {
            let rib = rib(&spine.t12(), side, course, variation);
            solids.push(Solid::new(rib, bone(first_label + course.label_offset, 1.5, 170.0)));
        }
    }
    solids
}

/// One rib: a chain of flattened limbs from the head over the angle to the tip.
fn rib(t12: &Frame, side: f64, course: &Course, variation: &mut Variation) -> SharedShape {
    let height = course.head_above_t12_mm;
    let end_deg = variation.near(course.end_deg, 0.06);
    let drop_mm = variation.near(course.drop_mm, 0.06);
    let mut nodes =
        vec![t12.at(side * 22.0, 12.0, height), t12.at(side * 33.0, 29.0, height - 3.0)];
    let last = nodes[1];
    let start_deg = 20.0;
    for step in 1..=12 {
        let fraction = f64::from(step) / 12.0;
        let (sin, cos) = sin_cos_degrees(start_deg + (end_deg - start_deg) * fraction);
        // The cage is flat at the back; it is a little wider to the front of the angle.
        let y = if cos > 0.0 { 76.0 * cos.sqrt() } else { 84.0 * cos };
        let around = Vector3::new(
            side * 129.0 * sin,
            y,
            last.z - drop_mm * fraction * (0.8 + 0.2 * fraction),
        );
        // The first steps lead from the transverse process to the cage.
        let settle = (fraction * 5.0).min(1.0);
        nodes.push(last + (around - last) * settle);
    }
    let count = nodes.len();
    let radius = |node: usize| course.radius_mm * (1.0 - 0.25 * (node as f64 / count as f64));
    let parts = nodes.windows(2).enumerate().map(|(node, ends)| -> SharedShape {
        let radii = [radius(node), radius(node + 1)];
        Arc::new(Limb::stretched([ends[0], ends[1]], radii, Vector3::z(), 1.75))
    });
    Arc::new(Union::new(parts.collect(), 1.5))
}
