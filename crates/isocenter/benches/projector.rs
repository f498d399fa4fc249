//! Guards the projector's speed between versions: `cargo bench -p isocenter` compares with the run
//! before it and names what has become slower. For absolute numbers, and for comparisons with other
//! programs, see `isocenter bench` and `tools/peers`.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark stops where it fails")]

use criterion::{Criterion, criterion_group, criterion_main};
use isocenter::geometry::{Camera, PivotMotion, RigidTransform, View};
use isocenter::project::{Projector, Storage};
use isocenter::volume::{AttenuationMap, AttenuationVolume, Phantom, PhantomConfig};
use nalgebra::{Vector3, Vector6};

fn volume(spacing_mm: f64) -> AttenuationVolume {
    let config = PhantomConfig { spacing_mm, ..PhantomConfig::default() };
    let ct = Phantom::generate(&config).unwrap().ct;
    AttenuationVolume::from_hounsfield(ct, &AttenuationMap::default()).unwrap()
}

fn camera(side: usize) -> Camera {
    Camera::new(1020.0, [358.4 / side as f64; 2], [side; 2]).unwrap()
}

fn oblique(pivot_world_mm: Vector3<f64>) -> RigidTransform {
    let view = View { primary_deg: 150.0, secondary_deg: 12.0 };
    let turn = PivotMotion::from_vector(&Vector6::new(0.0, 0.0, 0.3, 10.0, -5.0, 20.0));
    turn.apply(&view.camera_from_world(pivot_world_mm, 700.0), pivot_world_mm)
}

fn projector(criterion: &mut Criterion) {
    let volume = volume(2.0);
    let pivot = volume.volume().center_world_mm();
    let camera = camera(128);
    let motion = PivotMotion::from_vector(&Vector6::repeat(1.0));
    let sixteen_bits = Projector::with_storage(volume.clone(), Storage::U16);
    let projector = Projector::new(volume);
    for (view, pose) in
        [("ap", View::AP.camera_from_world(pivot, 700.0)), ("oblique", oblique(pivot))]
    {
        let exposure = projector.expose(&camera, &pose).unwrap();
        let number = exposure.image_len();
        let (mut image, mut other) = (vec![0.0; number], vec![0.0; number]);
        let mut jacobian = vec![[0.0; 6]; number];
        let mut voxels = vec![0.0; exposure.volume_len()];
        let counted = vec![1.0; number];
        let mut group = criterion.benchmark_group(view);
        group.bench_function("forward", |b| b.iter(|| exposure.forward_into(&mut image)));
        group.bench_function("forward_u16", |b| {
            let exposure = sixteen_bits.expose(&camera, &pose).unwrap();
            b.iter(|| exposure.forward_into(&mut image));
        });
        group.bench_function("jet", |b| {
            b.iter(|| exposure.jet_into(pivot, &mut image, &mut jacobian));
        });
        group.bench_function("tangent", |b| {
            b.iter(|| exposure.tangent_into(pivot, &motion, &mut image, &mut other));
        });
        group.bench_function("contracted_jet", |b| {
            b.iter(|| exposure.contracted_jet(pivot, &counted));
        });
        group.bench_function("adjoint", |b| {
            b.iter(|| exposure.adjoint_into(&counted, &mut voxels));
        });
        group.finish();
    }
}

fn batch(criterion: &mut Criterion) {
    let volume = volume(6.0);
    let pivot = volume.volume().center_world_mm();
    let projector = Projector::new(volume);
    let camera = camera(32);
    let poses: Vec<RigidTransform> = (0..100)
        .map(|n| {
            let turn = Vector6::new(0.003, -0.002, 0.004, 0.3, 0.2, 0.5) * f64::from(n - 50);
            PivotMotion::from_vector(&turn).apply(&oblique(pivot), pivot)
        })
        .collect();
    criterion.bench_function("batch_of_100", |b| {
        b.iter(|| {
            projector.forward_each(&camera, &poses, |_, image| {
                image.map_or(0.0, |image| image.iter().sum::<f32>())
            })
        });
    });
}

criterion_group!(benches, projector, batch);
criterion_main!(benches);
