//! Proves: a pose is found without a start, also in what a C-arm's screen shows, and where nothing is
//! known of the rotation; two X-rays tell
//! depth; the judge knows right from wrong and names a mirrored image; the result is the same for any
//! number of threads; stages come by name from a registry that anyone can add to; what contradicts
//! itself is refused.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops where it fails and shows what it found"
)]

use std::sync::LazyLock;

use isocenter::evaluate::Targets;
use isocenter::geometry::{Camera, PivotMotion, RigidTransform, View};
use isocenter::project::Projector;
use isocenter::radiograph::simulation::{
    BeamHardeningConfig, MaterialVolumes, SimulatedXray, SimulationConfig, simulate,
};
use isocenter::radiograph::{ImageFlip, PrepareConfig, prepare};
use isocenter::register::judge::Mistake;
use isocenter::register::{
    Candidate, Case, PoseSpread, Prior, RegisterConfig, RegisterError, Registration, Run, Stage,
    StageRegistry, Verdict, Xray, register, register_by,
};
use isocenter::volume::phantom::label;
use isocenter::volume::{AttenuationMap, AttenuationVolume, Phantom, PhantomConfig};
use nalgebra::{Vector3, Vector6};

/// A lower back of 3 mm voxels.
struct Patient {
    projector: Projector,
    materials: MaterialVolumes,
    targets: Targets,
}

static PATIENT: LazyLock<Patient> = LazyLock::new(|| {
    let config = PhantomConfig { spacing_mm: 3.0, ..PhantomConfig::default() };
    let phantom = Phantom::generate(&config).unwrap();
    let lumbar = |l| if (label::L1..=label::L5).contains(&l) { l } else { 0 };
    let targets = Targets::from_label_centroids(&phantom.labels.map(lumbar)).unwrap();
    let (map, hardening) = (AttenuationMap::default(), BeamHardeningConfig::default());
    let materials = MaterialVolumes::from_hounsfield(phantom.ct.clone(), &map, Some(&hardening));
    let volume = AttenuationVolume::from_hounsfield(phantom.ct, &map).unwrap();
    Patient { projector: Projector::new(volume), materials: materials.unwrap(), targets }
});

const PIVOT: Vector3<f64> = Vector3::new(0.0, 0.0, 0.0);

fn camera() -> Camera {
    Camera::new(1020.0, [2.0, 2.0], [128, 128]).unwrap()
}

fn ap() -> Prior {
    let center_camera_from_world = View::AP.camera_from_world(PIVOT, 700.0);
    Prior { center_camera_from_world, spread: PoseSpread::default() }
}

/// A pose some 25 degrees, 30 mm in plane and 70 mm in depth from `ap`.
fn truth() -> RigidTransform {
    let xi = Vector6::new(0.25, -0.3, 0.2, 25.0, -18.0, 70.0);
    PivotMotion::from_vector(&xi).apply(&ap().center_camera_from_world, PIVOT)
}

fn take(camera: &Camera, pose: &RigidTransform, config: &SimulationConfig) -> SimulatedXray {
    let pose = camera.camera_from_world(pose);
    let projectors = PATIENT.materials.render(|v| Projector::new(v.clone()).forward(camera, &pose));
    simulate(&projectors.unwrap(), camera, 700.0, config, 5).unwrap()
}

fn prepared(camera: Camera, xray: &SimulatedXray) -> Xray {
    let ready =
        prepare(&xray.image, xray.values, xray.full_scale, &PrepareConfig::default()).unwrap();
    Xray::prepared(camera, ready).unwrap()
}

fn case(xrays: Vec<Xray>) -> Case {
    Case::of_xrays(PATIENT.projector.clone(), xrays, PIVOT).unwrap()
}

fn found(case: &Case, config: &RegisterConfig) -> Registration {
    register(case, &ap(), config, &mut |_| ()).unwrap()
}

/// Fewer rounds than by default: none of these cases needs more.
fn quick() -> RegisterConfig {
    let mut config = RegisterConfig::default();
    (config.search.samples, config.search.rounds) = (2000, 1);
    config
}

#[test]
fn no_start_is_needed() {
    for (config, most_mm) in [(SimulationConfig::plain(), 0.5), (SimulationConfig::hard(), 4.0)] {
        let xray = take(&camera(), &truth(), &config);
        let found = found(&case(vec![prepared(camera(), &xray)]), &quick());
        let mtre = PATIENT.targets.mtre_mm(&truth(), &found.camera_from_world);
        let judgement = found.judgement.unwrap();
        println!("{mtre:.3} mm, {} {:?}", judgement.verdict, judgement.evidence);
        assert!(mtre < most_mm, "{mtre}");
        assert_ne!(judgement.verdict, Verdict::Failed);
        // The expected error is of the size of the true one.
        assert!((0.02..20.0).contains(&judgement.expected_tre_mm), "{}", judgement.expected_tre_mm);
    }
}

#[test]
fn nothing_need_be_known_of_the_rotation() {
    let lying = Vector6::new(1.9, -0.8, 1.1, 12.0, -9.0, 30.0);
    let truth = PivotMotion::from_vector(&lying).apply(&ap().center_camera_from_world, PIVOT);
    // Noise alone would leave some 0.9 mm of depth open where the scan's own border does not count.
    let xray = take(&camera(), &truth, &SimulationConfig::default());
    let case = case(vec![prepared(camera(), &xray)]);
    let any = Prior { spread: PoseSpread::ANY, ..ap() };
    let config = RegisterConfig::default();
    let found = register(&case, &any, &config, &mut |_| ()).unwrap();
    let mtre = PATIENT.targets.mtre_mm(&truth, &found.camera_from_world);
    println!("{mtre:.3} mm, {:?}", found.judgement.map(|judgement| judgement.verdict));
    assert!(mtre < 0.5, "{mtre}");
    // From where it is 130 degrees away, the usual search does not find it.
    let usual = register(&case, &ap(), &quick(), &mut |_| ()).unwrap();
    assert!(PATIENT.targets.mtre_mm(&truth, &usual.camera_from_world) > 10.0);
}

#[test]
fn a_second_xray_tells_depth() {
    let side = View { primary_deg: 270.0, secondary_deg: 0.0 };
    let second_from_first =
        side.camera_from_world(PIVOT, 700.0) * View::AP.camera_from_world(PIVOT, 700.0).inverse();
    let second = camera().with_camera_from_reference_camera(second_from_first);
    let noisy = SimulationConfig::plain();
    let both = [camera(), second].map(|c| prepared(c.clone(), &take(&c, &truth(), &noisy)));
    let [first, second] = both;
    let depth_error = |found: &Registration| {
        PivotMotion::between(&truth(), &found.camera_from_world, PIVOT).tau_mm.z.abs()
    };
    let two = found(&case(vec![first.clone(), second]), &quick());
    let mtre = PATIENT.targets.mtre_mm(&truth(), &two.camera_from_world);
    println!("two: {mtre:.3} mm, depth {:.3} mm", depth_error(&two));
    assert!(mtre < 0.15 && depth_error(&two) < 0.15, "{mtre}");
    let one = found(&case(vec![first]), &quick()).judgement.unwrap();
    let variance = |judgement: &isocenter::register::Judgement| judgement.covariance[(5, 5)];
    assert!(variance(&two.judgement.unwrap()) < 0.2 * variance(&one));
}

#[test]
fn wrong_images_are_called_so() {
    let xray = take(&camera(), &truth(), &SimulationConfig::plain());
    let judged = |xray: SimulatedXray| {
        let case = case(vec![prepared(camera(), &xray)]);
        found(&case, &quick()).judgement.unwrap()
    };
    let mirrored = judged(SimulatedXray {
        image: xray.image.clone().flipped(ImageFlip::Columns),
        ..xray.clone()
    });
    assert_ne!(mirrored.verdict, Verdict::Good);
    assert_eq!(mirrored.mistake, Some(Mistake::Mirrored));
    assert!(mirrored.reasons()[0].contains("--flip columns"), "{:?}", mirrored.reasons());
    // Noise alone.
    let mut n = 1_u32;
    let noise = xray.image.clone().map(|_| 3.0);
    let mut noise = SimulatedXray { image: noise, ..xray };
    for pixel in noise.image.pixels_mut() {
        n = n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *pixel += (n >> 8) as f32 / 1e8;
    }
    let nothing = judged(noise);
    assert_eq!(nothing.verdict, Verdict::Failed, "{:?}", nothing.evidence);
    assert!(nothing.reasons().iter().any(|reason| reason.contains("agree little")));
}

#[test]
fn any_number_of_threads_finds_the_same() {
    let xray = take(&camera(), &truth(), &SimulationConfig::hard());
    let case = case(vec![prepared(camera(), &xray)]);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut config = quick();
        config.search.samples = 500;
        let found = pool.install(|| found(&case, &config));
        (found.camera_from_world, found.similarity, found.trace, found.judgement)
    };
    assert_eq!(with(1), with(3));
}

/// A stage of somebody else's.
struct Nudge;

impl Stage for Nudge {
    fn name(&self) -> &'static str {
        "nudge"
    }

    fn run(
        &self,
        run: &mut Run<'_, '_>,
        candidates: Vec<Candidate>,
    ) -> Result<Vec<Candidate>, RegisterError> {
        let xi = Vector6::new(0.0, 0.0, 0.0, 1.0, 0.0, 0.0);
        let nudged = |c: Candidate| Candidate {
            camera_from_world: PivotMotion::from_vector(&xi)
                .apply(&c.camera_from_world, run.case().pivot_world_mm()),
            ..c
        };
        Ok(candidates.into_iter().map(nudged).collect())
    }
}

#[test]
fn stages_come_by_name() {
    let xray = take(&camera(), &truth(), &SimulationConfig::plain());
    let case = case(vec![prepared(camera(), &xray)]);
    let mut registry = StageRegistry::default();
    registry.add("nudge", |_| Ok(Box::new(Nudge)));
    assert_eq!(registry.names(), ["cma-es", "gradient-descent", "nudge", "refine", "search"]);
    let stages = |names: &[&str]| RegisterConfig {
        stages: names.iter().map(|&name| name.to_owned()).collect(),
        ..quick()
    };
    let register =
        |config: &RegisterConfig| register_by(&registry, &case, &ap(), config, &mut |_| ());
    let nudged = register(&stages(&["nudge", "nudge"])).unwrap();
    let moved =
        PivotMotion::between(&ap().center_camera_from_world, &nudged.camera_from_world, PIVOT);
    assert!((moved.tau_mm - Vector3::new(2.0, 0.0, 0.0)).norm() < 1e-9);
    // Others' ways: from a start that is near, both get closer.
    let near = PivotMotion::from_vector(&Vector6::new(0.05, 0.05, 0.05, 4.0, 4.0, 10.0));
    let near = Prior::about_a_start(near.apply(&truth(), PIVOT));
    let before = PATIENT.targets.mtre_mm(&truth(), &near.center_camera_from_world);
    for stage in ["cma-es", "gradient-descent"] {
        let mut config = stages(&[stage]);
        config.cma_es.scales.rotation_deg = 5.0;
        (config.cma_es.scales.in_plane_mm, config.cma_es.scales.depth_mm) = (5.0, 10.0);
        config.cma_es.optimizer.max_evaluations = 1500;
        let found = register_by(&registry, &case, &near, &config, &mut |_| ()).unwrap();
        let after = PATIENT.targets.mtre_mm(&truth(), &found.camera_from_world);
        println!("{stage}: {before:.1} mm -> {after:.2} mm");
        assert!(after < 0.5 * before, "{stage}: {before} {after}");
        assert!(found.trace.iter().all(|row| row.stage == stage));
    }
    let unknown = register(&stages(&["network"])).unwrap_err().to_string();
    assert!(unknown.contains("'network'") && unknown.contains("nudge, refine"), "{unknown}");
}

#[test]
fn contradictions_are_refused() {
    let xray = take(&camera(), &truth(), &SimulationConfig::plain());
    let of = |camera: Camera| Xray::new(camera, xray.image.clone()).unwrap();
    let refused = |xrays: Vec<Xray>, expected: &str| {
        let error = Case::of_xrays(PATIENT.projector.clone(), xrays, PIVOT).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    };
    let beside = RigidTransform::from_translation(Vector3::new(0.0, 2000.0, 0.0));
    refused(vec![], "no X-ray");
    refused(vec![of(camera()), of(camera())], "X-ray 2 has no camera_from_reference_camera");
    let moved = camera().with_camera_from_reference_camera(beside);
    refused(vec![of(moved.clone())], "X-ray 1 has a camera_from_reference_camera");
    refused(vec![of(camera()), of(moved)], "past the first one's field by 2000 mm");
    let away = Prior {
        center_camera_from_world: beside * ap().center_camera_from_world,
        spread: PoseSpread::default(),
    };
    let error = register(&case(vec![of(camera())]), &away, &quick(), &mut |_| ()).unwrap_err();
    assert!(matches!(error, RegisterError::StartOutOfView { .. }), "{error}");
    // At the first one's source, but looking the other way.
    let turned = RigidTransform::exp(&Vector6::new(std::f64::consts::PI, 0.0, 0.0, 0.0, 0.0, 0.0));
    let turned = camera().with_camera_from_reference_camera(turned);
    let both = case(vec![of(camera()), of(turned)]);
    let error = register(&both, &ap(), &quick(), &mut |_| ()).unwrap_err().to_string();
    assert!(error.contains("X-ray 2 does not see the CT") && error.contains("behind"), "{error}");
}
