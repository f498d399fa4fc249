//! Muscles, solid organs and great vessels.

use std::sync::Arc;

use nalgebra::Vector3;

use super::frame::Frame;
use super::label;
use super::paint::{Paint, Shell, Solid};
use super::shape::{Ellipsoid, Grown, Intersection, Limb, SharedShape, Union};
use super::spine::Spine;
use super::variation::Variation;

/// Everything soft between the layers of the trunk and the bowel.
pub(super) fn solids(trunk: &SharedShape, spine: &Spine, variation: &mut Variation) -> Vec<Solid> {
    let mut solids = Vec::new();
    for side in [1.0, -1.0] {
        solids.extend(muscles(side, trunk, spine, variation));
    }
    solids.extend(liver_and_spleen(trunk, variation));
    solids.extend(kidneys(variation));
    solids.extend(vessels(spine, variation));
    solids
}

/// A chain of limbs through points with the radius at each.
pub(super) fn chain(
    nodes: &[(Vector3<f64>, f64)],
    axis: Vector3<f64>,
    stretch: f64,
) -> SharedShape {
    let parts = nodes.windows(2).map(|pair| -> SharedShape {
        let [(start, radius_start), (end, radius_end)] = [pair[0], pair[1]];
        Arc::new(Limb::stretched([start, end], [radius_start, radius_end], axis, stretch))
    });
    Arc::new(Union::new(parts.collect(), 4.0))
}

fn ellipsoid(center: [f64; 3], angles_deg: [f64; 3], semi_axes_mm: [f64; 3]) -> SharedShape {
    Arc::new(Ellipsoid {
        frame: Frame::new(Vector3::from(center), angles_deg),
        semi_axes_mm: Vector3::from(semi_axes_mm),
    })
}

/// What of `organ` lies at least `depth_mm` below the skin.
pub(super) fn beneath_skin(organ: SharedShape, trunk: &SharedShape, depth_mm: f64) -> SharedShape {
    let inner = Grown { base: Arc::clone(trunk), offset_mm: -depth_mm };
    Arc::new(Intersection { a: organ, b: Arc::new(inner) })
}

fn muscles(side: f64, trunk: &SharedShape, spine: &Spine, variation: &mut Variation) -> Vec<Solid> {
    // A film of fat around every muscle tells it from its neighbors.
    let muscle = |label| Shell {
        shell_hu: -55.0,
        shell_mm: 0.9,
        core: Paint { hu: 56.0, texture_hu: 15.0, label },
    };
    let x = Vector3::x();
    let size = variation.near(1.0, 0.07);
    let sacrum = spine.sacrum_top();

    let column = spine.line(side * 37.0, 47.0);
    let mut back: Vec<_> = column.iter().map(|&at| (at, 19.5 * size)).collect();
    back.insert(0, (column[0] + Vector3::new(0.0, 4.0, 120.0), 15.0));
    back.push((sacrum.at(side * 26.0, 40.0, -14.0), 16.0));
    back.push((sacrum.at(side * 16.0, 46.0, -60.0), 7.0));

    let edge = spine.line(side * 33.0, 8.0);
    let mut psoas: Vec<_> = edge
        .iter()
        .zip([3.0, 8.0, 12.0, 16.0, 19.0, 20.0])
        .map(|(&at, r)| (at, r * size))
        .collect();
    for (at, drift) in
        psoas.iter_mut().zip([0.0, 0.0, 2.0, 5.0, 9.0, 14.0]).map(|((p, _), d)| (p, d))
    {
        at.x += side * drift;
        at.y -= drift * 0.5;
    }
    psoas.push((Vector3::new(side * 68.0, -18.0, -85.0), 17.0 * size));
    psoas.push((Vector3::new(side * 88.0, -48.0, -150.0), 13.0 * size));

    let quadratus = [
        (Vector3::new(side * 58.0, 46.0, 125.0), 6.0),
        (Vector3::new(side * 68.0, 40.0, 60.0), 8.5 * size),
        (Vector3::new(side * 80.0, 42.0, -15.0), 9.0),
    ];
    let iliacus = [
        (Vector3::new(side * 88.0, 0.0, -40.0), 7.0),
        (Vector3::new(side * 86.0, -22.0, -90.0), 14.0),
        (Vector3::new(side * 92.0, -46.0, -140.0), 12.0),
    ];
    let seat =
        ellipsoid([side * 88.0, 46.0, -122.0], [0.0, 0.0, side * 20.0], [62.0, 40.0, 68.0 * size]);
    let flank =
        ellipsoid([side * 122.0, -2.0, -88.0], [0.0, side * -18.0, 0.0], [24.0, 54.0, 60.0]);
    let psoas_label = if side > 0.0 { label::PSOAS_LEFT } else { label::PSOAS_RIGHT };
    vec![
        Solid::new(beneath_skin(seat, trunk, 17.0), muscle(label::PELVIC_MUSCLES)),
        Solid::new(beneath_skin(flank, trunk, 15.0), muscle(label::PELVIC_MUSCLES)),
        Solid::new(chain(&iliacus, Vector3::y(), 1.8), muscle(label::PELVIC_MUSCLES)),
        Solid::new(chain(&quadratus, x, 1.8), muscle(label::BACK_MUSCLES)),
        Solid::new(beneath_skin(chain(&back, x, 1.75), trunk, 10.0), muscle(label::BACK_MUSCLES)),
        Solid::new(chain(&psoas, Vector3::y(), 1.25), muscle(psoas_label)),
    ]
}

/// The lower parts of the liver (right) and the spleen (left), which reach into the field.
fn liver_and_spleen(trunk: &SharedShape, variation: &mut Variation) -> [Solid; 2] {
    let mut jitter = || variation.between(-5.0, 5.0);
    let liver = ellipsoid(
        [-88.0 + jitter(), -10.0 + jitter(), 140.0 + jitter()],
        [0.0, -15.0, 10.0],
        [52.0, 72.0, 76.0 + jitter()],
    );
    let spleen = ellipsoid(
        [104.0 + jitter(), 34.0, 138.0 + jitter()],
        [10.0, 15.0, 20.0],
        [26.0, 42.0, 45.0 + jitter()],
    );
    [
        Solid::new(
            beneath_skin(liver, trunk, 27.0),
            Paint { hu: 62.0, texture_hu: 9.0, label: label::LIVER },
        ),
        Solid::new(
            beneath_skin(spleen, trunk, 27.0),
            Paint { hu: 50.0, texture_hu: 8.0, label: label::SPLEEN },
        ),
    ]
}

/// Kidneys with fat in the sinus; the right one hangs lower.
fn kidneys(variation: &mut Variation) -> Vec<Solid> {
    let mut solids = Vec::new();
    for (side, z, label) in [(1.0, 88.0, label::KIDNEY_LEFT), (-1.0, 70.0, label::KIDNEY_RIGHT)] {
        let center = [
            side * variation.between(62.0, 67.0),
            variation.between(22.0, 30.0),
            z + variation.between(-6.0, 6.0),
        ];
        let length = variation.between(48.0, 55.0);
        let angles = [-12.0, side * -14.0, side * 25.0];
        let fat = Paint { hu: -98.0, texture_hu: 6.0, label: label::ABDOMEN };
        let behind = [center[0] + side * 2.0, center[1] + 4.0, center[2] - 6.0];
        let capsule = ellipsoid(behind, angles, [34.0, 27.0, length + 11.0]);
        let kidney = ellipsoid(center, angles, [26.0, 21.0, length]);
        let sinus = ellipsoid(
            [center[0] - side * 10.0, center[1] - 3.0, center[2]],
            angles,
            [14.0, 7.5, length * 0.45],
        );
        let cortex = Shell {
            shell_hu: 42.0,
            shell_mm: 8.0,
            core: Paint { hu: 33.0, texture_hu: 8.0, label },
        };
        solids.push(Solid::new(capsule, fat));
        solids.push(Solid::new(kidney, cortex));
        solids.push(Solid::new(sinus, Paint { hu: -60.0, texture_hu: 22.0, label }));
    }
    solids
}

/// The aorta on the left of the column, which divides in front of L4; the vena cava on the right.
fn vessels(spine: &Spine, variation: &mut Variation) -> Vec<Solid> {
    let radius = variation.between(8.5, 10.5);
    let aorta_side = variation.between(5.0, 10.0);
    let front = spine.line(aorta_side, -29.0);
    let mut trunk_of_aorta = vec![(front[0] + Vector3::new(0.0, 4.0, 60.0), radius + 1.0)];
    trunk_of_aorta.extend(front.iter().take(5).map(|&at| (at, radius)));
    let cava = spine.line(-19.0, -27.0);
    let mut trunk_of_cava = vec![(cava[0] + Vector3::new(-4.0, -8.0, 60.0), 11.5)];
    trunk_of_cava.extend(cava.iter().take(5).map(|&at| (at, 10.5)));
    let pelvic = |side: f64| {
        [
            (Vector3::new(side * 34.0, -16.0, -50.0), 6.5),
            (Vector3::new(side * 62.0, -36.0, -125.0), 5.5),
        ]
    };
    let vessel = |start: &[(Vector3<f64>, f64)], rest: &[(Vector3<f64>, f64)], label| {
        Solid::new(
            chain(&[start, rest].concat(), Vector3::x(), 1.0),
            Paint { hu: 44.0, texture_hu: 6.0, label },
        )
    };
    // Each trunk has six stations, the last of them in front of L4.
    let mut solids = vec![
        vessel(&trunk_of_cava, &[], label::VENA_CAVA),
        vessel(&trunk_of_aorta, &[], label::AORTA),
    ];
    for side in [1.0, -1.0] {
        let behind = Vector3::new(side * -6.0, 9.0, 0.0);
        let veins = pelvic(side).map(|(at, r)| (at + behind, r));
        solids.push(vessel(&trunk_of_cava[5..], &veins, label::VENA_CAVA));
        solids.push(vessel(&trunk_of_aorta[5..], &pelvic(side), label::AORTA));
    }
    solids
}
