//! Makes both reports from a phantom: `cargo run --release -p isocenter-report --example reports -- FOLDER`.

use std::error::Error;
use std::path::PathBuf;

use isocenter::evaluate::Targets;
use isocenter::geometry::{Camera, PivotMotion, RigidTransform, View};
use isocenter::project::Projector;
use isocenter::radiograph::simulation::{MaterialImages, SimulationConfig, simulate};
use isocenter::radiograph::{Image, ImageFlip, Mask};
use isocenter::register::{Case, RegisterConfig, Registration, register};
use isocenter::similarity::{GradientNcc, Similarity};
use isocenter::volume::{AttenuationMap, AttenuationVolume, Phantom, PhantomConfig};
use isocenter_report::{
    LandscapeAxis, OptimumRow, RegistrationReport, Setting, StageSeconds, TrueErrors, Verdict,
    ViewImages, registration_report, trace_points,
};
use nalgebra::{Vector3, Vector6};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A phantom, its targets and a camera.
struct Scene {
    volume: AttenuationVolume,
    targets: Targets,
    camera: Camera,
    pivot_world_mm: Vector3<f64>,
}

fn main() -> Result<()> {
    let folder = std::env::args().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    let scene = scene()?;
    std::fs::write(folder.join("registration.html"), registration(&scene)?)?;
    Ok(())
}

fn scene() -> Result<Scene> {
    let phantom =
        Phantom::generate(&PhantomConfig { spacing_mm: 2.0, ..PhantomConfig::default() })?;
    Ok(Scene {
        targets: Targets::from_label_centroids(&phantom.labels)?,
        pivot_world_mm: phantom.ct.center_world_mm(),
        camera: Camera::new(1020.0, [1.2, 1.2], [256, 256])?,
        volume: AttenuationVolume::from_hounsfield(phantom.ct, &AttenuationMap::default())?,
    })
}

/// A motion of degrees and millimetres.
fn motion(degrees_and_mm: [f64; 6]) -> PivotMotion {
    PivotMotion::from_vector(&Vector6::from_fn(|c, _| {
        if c < 3 { degrees_and_mm[c].to_radians() } else { degrees_and_mm[c] }
    }))
}

/// A noisy X-ray from a pose.
fn xray(scene: &Scene, pose: &RigidTransform, seed: u64) -> Result<Image> {
    let water = Projector::new(scene.volume.clone()).forward(&scene.camera, pose)?;
    let depth_mm = pose.point(scene.pivot_world_mm).z;
    let images = MaterialImages { water, bone: None };
    let config = SimulationConfig::plain();
    let screen = simulate(&images, &scene.camera, depth_mm, &config, seed)?;
    Ok(screen.image)
}

fn registration(scene: &Scene) -> Result<String> {
    let pivot = scene.pivot_world_mm;
    let ap = View::AP.camera_from_world(pivot, 700.0);
    let truth = motion([4.0, -6.0, 3.0, 8.0, -5.0, 15.0]).apply(&ap, pivot);
    let start = motion([-8.0, 7.0, -9.0, 15.0, -12.0, 30.0]).apply(&truth, pivot);
    let image = xray(scene, &truth, 1)?;
    let case = Case::new(scene.volume.clone(), scene.camera.clone(), image, pivot)?;
    let found = register(&case, &start, &RegisterConfig::default(), &mut |_| ())?;
    let result = &found.camera_from_world;

    let drr_start = case.projector().forward(case.camera(), &start)?;
    let drr_result = case.projector().forward(case.camera(), result)?;
    let size_px = case.camera().size_px();
    let border =
        |at: usize| [at % size_px[0], at / size_px[0]].iter().all(|i| (8..248).contains(i));
    let compared = Mask::new(size_px, (0..size_px[0] * size_px[1]).map(border).collect())?;
    let report = RegistrationReport {
        views: vec![ViewImages {
            xray: case.xray(),
            drr_start: &drr_start,
            drr_result: &drr_result,
            flip: ImageFlip::None,
            compared: Some(&compared),
        }],
        verdict: Verdict::Good,
        probability_within_2mm: Some(0.97),
        expected_tre_mm: Some(0.4),
        reasons: vec!["no second optimum comes close".to_owned()],
        remarks: vec![
            "The X-ray is simulated from the CT itself: the error of a real one is larger."
                .to_owned(),
        ],
        similarity: found.similarity,
        seconds: found.timings.iter().map(|t| t.seconds).sum::<f64>() * 1.1,
        timings: found
            .timings
            .iter()
            .map(|t| StageSeconds {
                name: format!("{} {} px", t.stage.name(), t.longest_side_px),
                seconds: t.seconds,
            })
            .collect(),
        settings: settings(),
        true_errors: Some(TrueErrors {
            start_mtre_mm: scene.targets.mtre_mm(&truth, &start),
            mtre_mm: scene.targets.mtre_mm(&truth, result),
        }),
        trace: trace_points(&found),
        landscape: landscape(&case, result)?,
        optima: optima(&found),
    };
    Ok(registration_report(&report)?)
}

fn settings() -> Vec<Setting> {
    let RegisterConfig { multi_start, refine, .. } = RegisterConfig::default();
    let setting = |name: &str, value: String| Setting { name: name.to_owned(), value };
    vec![
        setting("multi_start.samples", multi_start.samples.to_string()),
        setting("multi_start.rotation_deg", multi_start.rotation_deg.to_string()),
        setting("multi_start.in_plane_mm", multi_start.in_plane_mm.to_string()),
        setting("multi_start.depth_mm", multi_start.depth_mm.to_string()),
        setting("refine.longest_sides_px", format!("{:?}", refine.longest_sides_px)),
    ]
}

/// The similarity along each component, on the images as they are and four times as coarse.
fn landscape(case: &Case, result: &RigidTransform) -> Result<Vec<LandscapeAxis>> {
    let similarities = |factor: usize, motions: &[PivotMotion]| -> Result<Vec<f64>> {
        let camera = case.camera().binned(factor);
        let similarity = GradientNcc::new(&case.xray().binned(factor), None)?;
        let value = |motion: &PivotMotion| -> Result<f64> {
            let pose = motion.apply(result, case.pivot_world_mm());
            Ok(similarity.value(&case.projector().forward(&camera, &pose)?)?)
        };
        motions.iter().map(value).collect()
    };
    let names = [
        "rotation about x",
        "rotation about y",
        "rotation about z",
        "shift along x",
        "shift along y",
        "depth",
    ];
    let mut axes = Vec::new();
    for (axis, name) in names.into_iter().enumerate() {
        let reach = [10.0, 10.0, 10.0, 20.0, 20.0, 60.0][axis];
        let offsets: Vec<f64> = (-20..=20).map(|n| f64::from(n) / 20.0 * reach).collect();
        let along = |&offset: &f64| {
            let mut components = [0.0; 6];
            components[axis] = offset;
            motion(components)
        };
        let motions: Vec<PivotMotion> = offsets.iter().map(along).collect();
        axes.push(LandscapeAxis {
            name: name.to_owned(),
            unit: if axis < 3 { "deg" } else { "mm" }.to_owned(),
            fine: similarities(1, &motions)?,
            coarse: similarities(4, &motions)?,
            offsets,
        });
    }
    Ok(axes)
}

/// Where the candidates of the first stage ended: a stand-in for a judge's list.
fn optima(found: &Registration) -> Vec<OptimumRow> {
    let trace = trace_points(found);
    let mut rows: Vec<OptimumRow> = trace
        .chunk_by(|a, b| (a.stage, a.candidate) == (b.stage, b.candidate))
        .filter_map(|candidate| candidate.iter().rfind(|point| point.accepted))
        .filter(|point| point.stage == "multi-start")
        .map(|point| OptimumRow {
            similarity: point.similarity,
            rotation_deg: point.rotation_deg,
            translation_mm: point.translation_mm,
        })
        .collect();
    rows.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
    let mut distinct: Vec<OptimumRow> = Vec::new();
    for row in rows {
        let far = |other: &OptimumRow| {
            let pairs = row.translation_mm.iter().zip(&other.translation_mm);
            pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) > 2.0
        };
        if distinct.iter().all(far) {
            distinct.push(row);
        }
    }
    distinct
}
