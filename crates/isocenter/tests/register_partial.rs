//! Proves: a CT that ends within the patient is registered without a start to an X-ray that shows all of
//! the patient, by two rules for the border of a scan; the bound covers the
//! error; a slab of which nothing else is X-rayed is found too.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops where it fails and shows what it found"
)]

use std::sync::LazyLock;

use isocenter::evaluate::Targets;
use isocenter::geometry::{Camera, PivotMotion, RigidTransform, View};
use isocenter::project::{BorderRule, Projector, ReferenceProjector};
use isocenter::radiograph::{Image, with_quantum_noise};
use isocenter::register::{
    Case, PoseSpread, Prior, RegisterConfig, Registration, Verdict, Xray, register,
};
use isocenter::volume::{
    AttenuationMap, AttenuationVolume, Phantom, PhantomConfig, Region, Volume,
};
use nalgebra::{Vector3, Vector6};

/// A lower back of 1.75 mm voxels, and its middle 130 mm.
struct Patient {
    whole: AttenuationVolume,
    cut: AttenuationVolume,
    targets: Targets,
    pivot_world_mm: Vector3<f64>,
}

static PATIENT: LazyLock<Patient> = LazyLock::new(|| {
    let config = PhantomConfig { spacing_mm: 1.75, ..PhantomConfig::default() };
    let ct = Phantom::generate(&config).unwrap().ct;
    let [ni, nj, nk] = ct.dims();
    let slices = 74;
    let first = (nk - slices) / 2;
    let middle = Region { lower: [0, 0, first], upper: [ni, nj, first + slices] };
    let cut: Volume<f32> = ct.cropped(&middle).unwrap();
    let targets = Targets::from_bone(&cut, &Region::whole(&cut), 0).unwrap();
    let pivot_world_mm = cut.center_world_mm();
    let attenuation =
        |ct| AttenuationVolume::from_hounsfield(ct, &AttenuationMap::default()).unwrap();
    Patient { whole: attenuation(ct), cut: attenuation(cut), targets, pivot_world_mm }
});

fn camera() -> Camera {
    Camera::new(1020.0, [1.6, 1.6], [192, 192]).unwrap()
}

fn ap() -> Prior {
    let center_camera_from_world = View::AP.camera_from_world(PATIENT.pivot_world_mm, 700.0);
    Prior { center_camera_from_world, spread: PoseSpread::default() }
}

fn truth() -> RigidTransform {
    let xi = Vector6::new(0.2, -0.25, 0.15, 20.0, -15.0, 40.0);
    PivotMotion::from_vector(&xi).apply(&ap().center_camera_from_world, PATIENT.pivot_world_mm)
}

fn xray(of: &AttenuationVolume, rule: BorderRule) -> Image {
    let projector = ReferenceProjector::new(of).with_border(rule);
    with_quantum_noise(&projector.forward(&camera(), &truth()).unwrap(), 30_000.0, 3)
}

/// The result of the cut CT, and its error (mm).
fn registered(image: Image) -> (Registration, f64) {
    let xrays = vec![Xray::new(camera(), image).unwrap()];
    let projector = Projector::new(PATIENT.cut.clone());
    let case = Case::of_xrays(projector, xrays, PATIENT.pivot_world_mm).unwrap();
    let found = register(&case, &ap(), &RegisterConfig::default(), &mut |_| ()).unwrap();
    let error_mm = PATIENT.targets.mtre_mm(&truth(), &found.camera_from_world);
    let judgement = found.judgement.as_ref().unwrap();
    println!(
        "{error_mm:.2} mm, {}, below {:.2} mm, {:?}",
        judgement.verdict, judgement.error_bound_95_mm, judgement.evidence
    );
    (found, error_mm)
}

#[test]
fn a_cut_ct_is_found_in_an_xray_of_the_whole() {
    for rule in [BorderRule::Faded, BorderRule::Centers] {
        let (found, error_mm) = registered(xray(&PATIENT.whole, rule));
        let judgement = found.judgement.unwrap();
        assert!(error_mm < 2.0, "{error_mm}");
        assert!(judgement.verdict != Verdict::Failed && judgement.evidence.complete_share < 0.9);
        assert!(error_mm < judgement.error_bound_95_mm, "{}", judgement.error_bound_95_mm);
        let points = PATIENT.targets.points_world_mm();
        let bounds =
            judgement.error_bounds_95_mm_at(points, &found.camera_from_world, found.pivot_world_mm);
        let mean_mm = bounds.iter().sum::<f64>() / bounds.len() as f64;
        // One for each target, and their mean is the bound.
        assert_eq!(bounds.len(), points.len());
        assert!((mean_mm / judgement.error_bound_95_mm - 1.0).abs() < 1e-9);
        assert!(judgement.error_bound_95_across_ray_mm <= judgement.error_bound_95_mm);
    }
}

#[test]
fn a_slab_that_is_all_there_is_is_found_too() {
    let (_, error_mm) = registered(xray(&PATIENT.cut, BorderRule::Faded));
    assert!(error_mm < 2.0, "{error_mm}");
}
