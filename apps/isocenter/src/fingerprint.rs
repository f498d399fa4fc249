//! A number that tells a changed file, CT or network from what it was.

use isocenter::evaluate::Patient;

/// Fowler, Noll and Vo's hash, 64 bits, variant 1a: enough to tell a changed file.
pub(crate) fn fingerprint(bytes: &[u8]) -> String {
    hashed(bytes.iter().copied())
}

/// What tells CTs from others: voxels, where they are, and where errors are measured.
pub(crate) fn fingerprint_of_cts(patients: &[Patient]) -> String {
    let of_patient = |patient: &Patient| {
        let volume = patient.projector().volume().volume();
        let world_from_index = volume.world_from_index().to_matrix();
        let targets = patient.targets().points_world_mm().iter().flatten();
        let places = world_from_index.iter().chain(targets).flat_map(|value| value.to_le_bytes());
        hashed(places.chain(volume.voxels().iter().flat_map(|value| value.to_le_bytes())))
    };
    fingerprint(patients.iter().map(of_patient).collect::<String>().as_bytes())
}

fn hashed(bytes: impl Iterator<Item = u8>) -> String {
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}
