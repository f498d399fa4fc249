//! Proves, for volumes of any size, place and value: what a writer of volumes writes, the reader
//! gives back.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use isocenter::volume::{Affine, Volume};
use isocenter_io::volume::{
    read_ct, read_labels, write_labels, write_volume_f32, write_volume_i16,
};
use nalgebra::{Matrix3, Rotation3, Vector3};
use proptest::prelude::*;

/// The formats, and how far an affine may be off, relative to its largest number.
const FORMATS: [(&str, f64); 6] = [
    ("a.nii", 1e-6),
    ("a.nii.gz", 1e-6),
    ("a.nrrd", 0.0),
    ("a.nhdr", 0.0),
    ("a.mha", 1e-14),
    ("a.mhd", 1e-14),
];

fn affines() -> impl Strategy<Value = Affine> {
    let three = |range: std::ops::Range<f64>| prop::array::uniform3(range);
    (three(-3.0..3.0), three(0.2..4.0), three(-900.0..900.0), any::<bool>()).prop_map(
        |(axis, spacing, origin, flipped)| {
            let mut linear = Rotation3::new(Vector3::from(axis)).into_inner()
                * Matrix3::from_diagonal(&Vector3::from(spacing));
            if flipped {
                linear.column_mut(1).neg_mut();
            }
            Affine::new(linear, Vector3::from(origin)).unwrap()
        },
    )
}

fn volumes<T: std::fmt::Debug + Copy>(
    voxel: impl Strategy<Value = T> + Clone,
) -> impl Strategy<Value = Volume<T>> {
    (prop::array::uniform3(2_usize..7), affines()).prop_flat_map(move |(dims, affine)| {
        prop::collection::vec(voxel.clone(), dims.iter().product::<usize>())
            .prop_map(move |voxels| Volume::new(dims, voxels, affine).unwrap())
    })
}

fn check_place(found: &Affine, wanted: &Affine, tolerance: f64) -> Result<(), TestCaseError> {
    let wanted = wanted.to_matrix();
    let difference = (found.to_matrix() - wanted).amax();
    prop_assert!(difference <= tolerance * wanted.amax(), "off by {difference}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn floats(volume in volumes(prop::num::f32::NORMAL | prop::num::f32::ZERO)) {
        let folder = tempfile::tempdir().unwrap();
        for (name, tolerance) in FORMATS {
            let path = folder.path().join(name);
            write_volume_f32(&path, &volume).unwrap();
            let back = read_ct(&path).unwrap();
            prop_assert_eq!(back.voxels(), volume.voxels(), "{}", name);
            check_place(back.world_from_index(), volume.world_from_index(), tolerance)?;
        }
    }

    #[test]
    fn integers(volume in volumes(any::<i16>().prop_map(f32::from))) {
        let folder = tempfile::tempdir().unwrap();
        for (name, tolerance) in FORMATS {
            let path = folder.path().join(name);
            write_volume_i16(&path, &volume).unwrap();
            let back = read_ct(&path).unwrap();
            prop_assert_eq!(back.voxels(), volume.voxels(), "{}", name);
            check_place(back.world_from_index(), volume.world_from_index(), tolerance)?;
        }
    }

    #[test]
    fn labels(volume in volumes(any::<u16>())) {
        let folder = tempfile::tempdir().unwrap();
        for (name, tolerance) in FORMATS {
            let path = folder.path().join(name);
            write_labels(&path, &volume).unwrap();
            let back = read_labels(&path).unwrap();
            prop_assert_eq!(back.voxels(), volume.voxels(), "{}", name);
            check_place(back.world_from_index(), volume.world_from_index(), tolerance)?;
        }
    }
}
