//! Proves: nearly all simulated steel is found, in thin and in dense patients, and hardly any bone of the
//! same X-rays without metal is taken for it.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use isocenter::geometry::{Camera, View};
use isocenter::project::Projector;
use isocenter::radiograph::Mask;
use isocenter::radiograph::prepare::{PrepareConfig, prepare};
use isocenter::radiograph::simulation::{
    BeamHardeningConfig, MaterialVolumes, SimulatedXray, SimulationConfig, simulate,
};
use isocenter::volume::{AttenuationMap, Phantom, PhantomConfig};
use nalgebra::Vector3;

const SIDE_PX: usize = 512;
const DEPTH_MM: f64 = 700.0;

/// The pixels behind steel.
fn steel(xray: &SimulatedXray, camera: &Camera) -> Mask {
    let tools = || xray.drawn.tools.iter().flat_map(|tool| &tool.cylinders);
    let pixel = |at: usize| {
        let ray = camera.ray_direction((at % SIDE_PX) as f64, (at / SIDE_PX) as f64).into();
        tools().any(|cylinder| cylinder.chord_mm(ray) > 0.0)
    };
    Mask::new([SIDE_PX; 2], (0..SIDE_PX * SIDE_PX).map(pixel).collect()).unwrap()
}

#[test]
fn steel_is_found_and_bone_is_not() {
    let config = PhantomConfig { spacing_mm: 2.5, ..PhantomConfig::default() };
    let ct = Phantom::generate(&config).unwrap().ct;
    let hardening = BeamHardeningConfig::default();
    let volumes =
        MaterialVolumes::from_hounsfield(ct, &AttenuationMap::default(), Some(&hardening)).unwrap();
    let camera = Camera::new(1020.0, [0.6; 2], [SIDE_PX; 2]).unwrap();
    let hard = SimulationConfig::hard();
    let free = SimulationConfig { metal: None, ..hard.clone() };
    for view in [View::AP, View::LATERAL_LEFT] {
        let pose = view.camera_from_world(Vector3::zeros(), DEPTH_MM);
        let render = |v: &_| Projector::new(Clone::clone(v)).forward(&camera, &pose);
        let images = volumes.clone().render(render).unwrap();
        let dense = images.bone.as_ref().unwrap().pixels().iter().map(|&bone| bone > 0.3);
        let bone = Mask::new([SIDE_PX; 2], dense.collect()).unwrap();
        let (mut found, mut taken) = ([0, 0], [0, 0]);
        for seed in 0..6 {
            let count = |config, of: &dyn Fn(&SimulatedXray) -> Mask, rate: &mut [usize; 2]| {
                let xray = simulate(&images, &camera, DEPTH_MM, config, seed).unwrap();
                let settings = PrepareConfig::default();
                let prepared =
                    prepare(&xray.image, xray.values, xray.full_scale, &settings).unwrap();
                let expected = of(&xray).and(&prepared.measured());
                rate[0] += prepared.metal.map_or(0, |metal| metal.and(&expected).count());
                rate[1] += expected.count();
            };
            count(&hard, &|xray| steel(xray, &camera), &mut found);
            count(&free, &|_| bone.clone(), &mut taken);
        }
        let share = |[part, all]: [usize; 2]| part as f64 / all as f64;
        assert!(share(found) > 0.8, "{view}: {:.3} of the steel", share(found));
        assert!(share(taken) < 0.03, "{view}: {:.3} of the bone", share(taken));
    }
}
