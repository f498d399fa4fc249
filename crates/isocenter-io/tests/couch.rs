//! Proves: in real CTs a couch is found where there is one, behind the patient, and nowhere else.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::path::Path;

use isocenter::volume::Couch;
use isocenter_io::volume::load_ct;

#[test]
fn couches_are_found_where_there_are_any() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if !data.is_dir() {
        println!("skipped: there is no ../shared/data beside the checkout");
        return;
    }
    // Its walls in ml, and the distance to the patient's back in mm, read off the slices.
    for (name, expected) in [
        ("chest/ct.nii.gz", Some(([200.0, 500.0], [6.0, 20.0]))),
        ("ct_j2k", Some(([100.0, 400.0], [15.0, 35.0]))),
        // Two bones on air; a stack of a spine, cut at the skin.
        ("pelvis/pelvisVol.mha", None),
        ("spine/sub-verse012_ct.nii.gz", None),
    ] {
        let mut ct = load_ct(data.join(name), None).unwrap().volume;
        let found = Couch::find(&ct);
        assert_eq!(found.is_some(), expected.is_some(), "{name}");
        let (Some(couch), Some((walls_ml, gap_mm))) = (found, expected) else { continue };
        let [least, most] = walls_ml;
        assert!((least..most).contains(&couch.volume_ml()), "{name}: {} ml", couch.volume_ml());
        let [least, most] = gap_mm;
        assert!((least..most).contains(&couch.gap_mm()), "{name}: {} mm", couch.gap_mm());
        // Nothing of the patient is taken: no dense bone; the walls have up to 553 HU.
        let before = ct.voxels().iter().filter(|&&hu| hu > 600.0).count();
        couch.remove(&mut ct, -1000.0);
        let after = ct.voxels().iter().filter(|&&hu| hu > 600.0).count();
        assert_eq!(before, after, "{name}");
        assert_eq!(Couch::find(&ct), None, "{name}");
    }
}
