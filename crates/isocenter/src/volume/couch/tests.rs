//! Proves: couches of several shapes are found and removed, on either side and in any order of
//! axes, no voxel of a patient is ever changed, and a CT without a couch stays as it is.
use super::Couch;
use crate::volume::{Affine, Phantom, PhantomConfig, Volume};
use nalgebra::{Matrix3, Vector3};

const AIR: f32 = -1000.0;

/// A lower back in a wide field of air: 4 mm voxels, LPS, feet first.
fn patient(seed: u64) -> Volume<f32> {
    let config = PhantomConfig { spacing_mm: 4.0, seed, ..PhantomConfig::default() };
    let ct = Phantom::generate(&config).unwrap().ct;
    let [ni, nj, nk] = ct.dims();
    let (pad, wide) = (20, [ni + 40, nj + 50, nk]);
    let mut voxels = vec![AIR; wide.iter().product()];
    for (at, &voxel) in ct.voxels().iter().enumerate() {
        let [i, j, k] = ct.index_of(at);
        voxels[(i + pad) + wide[0] * ((j + 15) + wide[1] * k)] = voxel;
    }
    let affine = ct.world_from_index().reindexed([1.0; 3], [-(pad as f64), -15.0, 0.0]);
    Volume::new(wide, voxels, affine).unwrap()
}

/// The last row with matter in it.
fn back(volume: &Volume<f32>) -> usize {
    let dense = volume.voxels().iter().enumerate().filter(|(_, v)| **v > -400.0);
    dense.map(|(at, _)| volume.index_of(at)[1]).max().unwrap()
}

/// The volume on a couch: a curved shell of one voxel, foam in it, rails at its sides.
fn on_couch(volume: &Volume<f32>, gap: usize, curved: bool) -> Volume<f32> {
    let (mut with, [ni, nj, nk]) = (volume.clone(), volume.dims());
    let (middle, top) = (ni as f64 / 2.0, back(volume) + 1 + gap);
    for k in 0..nk {
        for i in ni / 8..ni - ni / 8 {
            let x = (i as f64 - middle) / middle;
            let rise = if curved { (6.0 * x * x) as usize } else { 0 };
            let upper = top.saturating_sub(rise);
            for j in upper..(top + 8).min(nj) {
                let shell = j == upper || j == top + 7;
                let rail = j > top + 2 && j < top + 8 && (i < ni / 8 + 7 || i > ni - ni / 8 - 8);
                let at = i + ni * (j + nj * k);
                if with.voxels()[at] < -900.0 {
                    with.voxels_mut()[at] = if shell || rail { -100.0 } else { -930.0 };
                }
            }
        }
    }
    with
}

#[test]
fn couches_are_removed_and_patients_are_not() {
    for seed in 0..3 {
        let alone = patient(seed);
        assert_eq!(Couch::find(&alone), None, "{seed}");
        for (gap, curved) in [(0, false), (1, true), (4, true), (6, false)] {
            let with = on_couch(&alone, gap, curved);
            let couch = Couch::find(&with).unwrap_or_else(|| panic!("{seed} {gap} {curved}"));
            let mut cleared = with.clone();
            couch.remove(&mut cleared, AIR);
            let (mut left, mut lost, mut all) = (0, 0, 0);
            let voxels = cleared.voxels().iter().zip(with.voxels()).zip(alone.voxels());
            for ((&found, &with), &alone) in voxels {
                let was_couch = with > -500.0 && alone < -900.0;
                all += usize::from(was_couch);
                left += usize::from(was_couch && found > -500.0);
                lost += usize::from(alone > -900.0 && found != alone);
            }
            assert_eq!(lost, 0, "{seed} {gap} {curved}");
            // Where it touches the patient, its wall stays.
            let most = if gap < 2 { 0.5 } else { 0.02 };
            assert!((left as f64) < most * all as f64, "{seed} {gap} {curved}: {left} of {all}");
        }
    }
}

/// The same volume with its axes in another order and sense.
fn reordered(volume: &Volume<f32>) -> Volume<f32> {
    let [ni, nj, nk] = volume.dims();
    let mut voxels = Vec::with_capacity(volume.voxels().len());
    for i in (0..ni).rev() {
        for j in (0..nj).rev() {
            voxels.extend((0..nk).map(|k| volume.voxels()[i + ni * (j + nj * k)]));
        }
    }
    // New axes: k, -j, -i.
    let turn = Matrix3::new(0.0, 0.0, -1.0, 0.0, -1.0, 0.0, 1.0, 0.0, 0.0);
    let last = Vector3::new(ni as f64 - 1.0, nj as f64 - 1.0, 0.0);
    let old = volume.world_from_index();
    let affine = Affine::new(old.linear() * turn, old.point(last)).unwrap();
    Volume::new([nk, nj, ni], voxels, affine).unwrap()
}

#[test]
fn the_order_of_axes_and_the_side_do_not_matter() {
    let with = on_couch(&patient(1), 4, true);
    let volume_ml = Couch::find(&with).unwrap().volume_ml();
    let other = Couch::find(&reordered(&with)).unwrap();
    assert!((other.volume_ml() - volume_ml).abs() < 0.02 * volume_ml);
    // On his front: the same picture, the world turned about.
    let old = with.world_from_index();
    let flip = Matrix3::from_diagonal(&Vector3::new(-1.0, -1.0, 1.0));
    let affine = Affine::new(flip * old.linear(), flip * old.translation()).unwrap();
    let prone = Volume::new(with.dims(), with.voxels().to_vec(), affine).unwrap();
    let prone = Couch::find(&prone).unwrap();
    assert!((prone.volume_ml() - volume_ml).abs() < 0.02 * volume_ml);
    assert!((8.0..=24.0).contains(&prone.gap_mm()), "{}", prone.gap_mm());
}

#[test]
fn what_is_no_couch_stays() {
    let alone = patient(2);
    // Bones on zeros; a block; nothing at all.
    let bones = alone.map(|hu| if hu > 300.0 { hu } else { 0.0 });
    assert_eq!(Couch::find(&bones), None);
    for value in [0.0, -1000.0] {
        assert_eq!(Couch::find(&alone.map(|_| value)), None);
    }
    // A tube along the patient, and a plate in a few slices only.
    let (mut other, [ni, nj, nk]) = (alone.clone(), alone.dims());
    let row = back(&alone) + 4;
    for k in 0..nk {
        let ends = if k < nk / 3 { 10..ni - 10 } else { ni / 2..ni / 2 + 3 };
        for i in ends {
            other.voxels_mut()[i + ni * (row + nj * k)] = 100.0;
        }
    }
    assert_eq!(Couch::find(&other), None);
}

#[test]
fn what_is_elsewhere_is_not_touched() {
    let with = on_couch(&patient(0), 4, true);
    let couch = Couch::find(&with).unwrap();
    let [ni, nj, nk] = with.dims();
    for index in [[ni, 0, 0], [0, nj, 0], [0, 0, nk], [usize::MAX; 3]] {
        assert!(!couch.contains(index), "{index:?}");
    }
    let mut other = patient(0).map(|_| 1000.0);
    let smaller = [ni / 2, nj, nk];
    other = Volume::new(
        smaller,
        other.voxels()[..smaller.iter().product()].to_vec(),
        *other.world_from_index(),
    )
    .unwrap();
    let before = other.clone();
    couch.remove(&mut other, AIR);
    assert_eq!(other, before);
}

#[test]
fn tiny_volumes_break_nothing() {
    for dims in [[2, 2, 2], [2, 3, 40], [60, 2, 5], [3, 60, 5]] {
        let voxels = (0..dims.iter().product()).map(|n: usize| (n % 7) as f32 * 300.0 - 1000.0);
        let affine = Affine::from_spacing([3.0; 3], [0.0; 3]).unwrap();
        let volume = Volume::new(dims, voxels.collect(), affine).unwrap();
        assert_eq!(Couch::find(&volume), None);
    }
}
