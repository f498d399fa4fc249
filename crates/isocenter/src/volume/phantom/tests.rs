//! Proves: the voxels are the same on every machine and for every number of threads; seeds make
//! different patients; CT and labels tell the same story; the column is five vertebrae with discs
//! between; no mirroring and no step along the column maps the bones onto themselves; every solid
//! keeps the promise about its distance that painting relies on; bad configurations are refused.

use nalgebra::Vector3;

use super::*;

fn coarse(seed: u64, spacing_mm: f64) -> Phantom {
    Phantom::generate(&PhantomConfig { seed, spacing_mm, ..PhantomConfig::default() }).unwrap()
}

/// FNV-1a over the voxels as 16-bit little-endian numbers.
fn checksum(values: impl Iterator<Item = u16>) -> u64 {
    values.flat_map(u16::to_le_bytes).fold(0xCBF2_9CE4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

fn voxels_with_labels(phantom: &Phantom) -> impl Iterator<Item = (f32, u16)> {
    phantom.ct.voxels().iter().copied().zip(phantom.labels.voxels().iter().copied())
}

/// The middle of all voxels with a label, as an index.
fn centroid(labels: &Volume<u16>, label: u16) -> Vector3<f64> {
    let [ni, nj, _] = labels.dims();
    let mut sum = Vector3::zeros();
    let mut count = 0.0;
    for (at, _) in labels.voxels().iter().enumerate().filter(|(_, l)| **l == label) {
        sum += Vector3::new((at % ni) as f64, (at / ni % nj) as f64, (at / (ni * nj)) as f64);
        count += 1.0;
    }
    sum / count
}

#[test]
fn every_machine_makes_the_same_voxels() {
    let phantom = coarse(1, 5.0);
    let ct = checksum(phantom.ct.voxels().iter().map(|&hu| hu as i16 as u16));
    let labels = checksum(phantom.labels.voxels().iter().copied());
    assert_eq!(ct, 0x529A_F801_C8B6_2A01, "CT: {ct:#018X}");
    assert_eq!(labels, 0x8518_87E9_CC53_2C1C, "labels: {labels:#018X}");
}

#[test]
fn threads_make_no_difference() {
    let with_threads = |count| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(count).build().unwrap();
        pool.install(|| coarse(4, 4.0))
    };
    assert_eq!(with_threads(1), with_threads(2));
}

#[test]
fn seeds_make_different_patients() {
    let (a, b) = (coarse(1, 4.0), coarse(2, 4.0));
    let bones = |p: &Phantom| p.labels.map(label::is_bone);
    let (a, b) = (bones(&a), bones(&b));
    assert!(dice(a.voxels().iter().copied().zip(b.voxels().iter().copied())) < 0.8);
}

#[test]
fn a_file_of_16_bit_integers_holds_the_ct() {
    assert!(
        coarse(3, 4.0)
            .ct
            .voxels()
            .iter()
            .all(|&hu| hu as i16 as f32 == hu && (-1024.0..=3071.0).contains(&hu))
    );
}

#[test]
fn labels_and_ct_agree() {
    for seed in 1..4 {
        let phantom = coarse(seed, 2.0);
        let mean = |wanted: &dyn Fn(u16) -> bool| {
            let of_label = voxels_with_labels(&phantom).filter(|(_, l)| wanted(*l));
            let (sum, count) =
                of_label.fold((0.0, 0.0), |(s, n), (hu, _)| (s + f64::from(hu), n + 1.0));
            sum / count
        };
        let mut present: Vec<u16> = phantom.labels.voxels().to_vec();
        present.sort_unstable();
        present.dedup();
        assert!(present.iter().all(|&l| label::name(l).is_some()));
        // Everything in the table is in the field.
        assert_eq!(present.len(), (0..100).filter(|&l| label::name(l).is_some()).count());
        for &found in &present {
            let hu = mean(&|l| l == found);
            let name = label::name(found).unwrap();
            match found {
                label::AIR => assert!(hu < -980.0, "{name}: {hu}"),
                label::GAS => assert!(hu < -800.0, "{name}: {hu}"),
                l if label::is_bone(l) => assert!(hu > 220.0, "{name}: {hu}"),
                _ => assert!((-150.0..150.0).contains(&hu), "{name}: {hu}"),
            }
        }
    }
}

#[test]
fn the_column_is_five_vertebrae_with_discs_between() {
    for seed in 1..6 {
        let labels = coarse(seed, 1.5).labels;
        // From the middle of the disc above L1 to that below L5, disc by disc, through the bodies.
        for disc in label::DISC_T12_L1..label::DISC_T12_L1 + 5 {
            let (upper, lower) = (centroid(&labels, disc), centroid(&labels, disc + 1));
            assert!(upper.z > lower.z);
            let mut met: Vec<u16> = (0..=400)
                .filter_map(|step| {
                    let at = upper + (lower - upper) * (f64::from(step) / 400.0);
                    labels.get([0, 1, 2].map(|axis| at[axis].round() as usize))
                })
                .collect();
            met.dedup();
            let vertebra = label::L1 + (disc - label::DISC_T12_L1);
            assert_eq!(met, [disc, vertebra, disc + 1], "seed {seed}");
        }
    }
}

/// The overlap of two masks, 0 to 1.
fn dice(pairs: impl Iterator<Item = (bool, bool)>) -> f64 {
    let (mut both, mut sum) = (0, 0);
    for (a, b) in pairs {
        both += usize::from(a && b);
        sum += usize::from(a) + usize::from(b);
    }
    2.0 * both as f64 / sum as f64
}

#[test]
fn nothing_maps_the_bones_onto_themselves() {
    let labels = coarse(1, 2.5).labels;
    let [ni, nj, nk] = labels.dims();
    let bone = |[i, j, k]: [i64; 3], wanted: &dyn Fn(u16) -> bool| {
        let inside = i >= 0 && j >= 0 && k >= 0;
        inside && labels.get([i as usize, j as usize, k as usize]).is_some_and(wanted)
    };
    let overlap = |wanted: &dyn Fn(u16) -> bool, map: &dyn Fn([i64; 3]) -> [i64; 3]| {
        dice((0..ni * nj * nk).map(|at| {
            let index = [at % ni, at / ni % nj, at / (ni * nj)].map(|n| n as i64);
            (bone(index, wanted), bone(map(index), wanted))
        }))
    };
    let [last_i, last_j, last_k] = labels.dims().map(|n| n as i64 - 1);
    // Mirrored left to right about the column, wherever that fits best. The two halves of a person
    // are much alike in their bones (0.8), not in what the bowel holds.
    let best_mirror = |wanted: &dyn Fn(u16) -> bool| {
        let mirrored = |shift: i64| overlap(wanted, &|[i, j, k]| [last_i + shift - i, j, k]);
        (-8..=8).map(mirrored).fold(0.0, f64::max)
    };
    assert!(best_mirror(&label::is_bone) < 0.87);
    assert!(best_mirror(&|l| l == label::GAS) < 0.4);
    // Half turns about the three axes.
    let turned = [
        overlap(&label::is_bone, &|[i, j, k]| [last_i - i, last_j - j, k]),
        overlap(&label::is_bone, &|[i, j, k]| [last_i - i, j, last_k - k]),
        overlap(&label::is_bone, &|[i, j, k]| [i, last_j - j, last_k - k]),
    ];
    assert!(turned.iter().all(|&dice| dice < 0.3));
    // One vertebra on the next.
    for upper in label::L1..label::L5 {
        let step = centroid(&labels, upper + 1) - centroid(&labels, upper);
        let step = [0, 1, 2].map(|axis| step[axis].round() as i64);
        let wanted = |l: u16| (label::L1..=label::L5).contains(&l);
        let found = overlap(&wanted, &|[i, j, k]| [i + step[0], j + step[1], k + step[2]]);
        assert!(found < 0.7);
    }
}

#[test]
fn no_solid_is_nearer_than_half_the_distance_it_answers() {
    // Painting walks along x by that much. 1 mm steps; the tolerance is one of them.
    for seed in 1..3 {
        for (number, solid) in solids(seed).iter().enumerate() {
            for row in 0..400_i32 {
                let (y, z) =
                    (f64::from(row % 20) * 11.0 - 105.0, f64::from(row / 20) * 13.7 - 137.0);
                let distances: Vec<f64> = (-160..160)
                    .map(|x| solid.shape.signed_distance_mm(Vector3::new(f64::from(x), y, z)))
                    .collect();
                let mut clear_until = 0.0_f64;
                for (x, &distance) in distances.iter().enumerate() {
                    assert!(
                        distance > 0.0 || clear_until < x as f64 + 1.0,
                        "solid {number}, row {row}"
                    );
                    clear_until = clear_until.max(x as f64 + 0.5 * distance);
                }
            }
        }
    }
}

#[test]
fn a_field_may_be_small_or_larger_than_the_trunk() {
    let config = PhantomConfig { spacing_mm: 8.0, size_mm: [560.0, 400.0, 560.0], seed: 7 };
    let phantom = Phantom::generate(&config).unwrap();
    assert!(phantom.ct.center_world_mm().norm() < 1e-9);
    assert!(phantom.labels.voxels().contains(&label::SACRUM));
    let config = PhantomConfig { spacing_mm: 0.5, size_mm: [20.0; 3], seed: 7 };
    assert_eq!(Phantom::generate(&config).unwrap().ct.dims(), [40; 3]);
}

#[test]
fn absurd_configurations_are_refused() {
    let default = PhantomConfig::default();
    for spacing_mm in [0.0, -1.0, 0.01, 50.0, f64::NAN, f64::INFINITY] {
        let refused = Phantom::generate(&PhantomConfig { spacing_mm, ..default });
        assert!(matches!(refused, Err(PhantomError::Spacing { .. })), "{spacing_mm}");
    }
    for length in [0.0, -340.0, 5.0, 1e9, f64::NAN] {
        let size_mm = [340.0, length, 280.0];
        let refused = Phantom::generate(&PhantomConfig { size_mm, ..default });
        assert!(matches!(refused, Err(PhantomError::Size { axis: 1, .. })), "{length}");
    }
    let huge = PhantomConfig { spacing_mm: 0.2, size_mm: [600.0; 3], ..default };
    assert!(matches!(Phantom::generate(&huge), Err(PhantomError::TooManyVoxels { .. })));
}
