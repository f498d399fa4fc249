//! What a step is trained on: poses and X-rays, a function of the training's seed and the number of
//! the step alone.

use std::collections::HashMap;

use isocenter::evaluate::About;
use isocenter::geometry::{Camera, RigidTransform, View};
use isocenter::radiograph::Image;
use isocenter::radiograph::simulation::{MaterialImages, SimulationConfig, simulate};
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use super::config::TrainConfig;
use super::patient::TrainingPatient;
use crate::error::NetError;
use crate::regressor::Observation;
use crate::xray::NetworkXray;

/// X-rays of one CT, and where moving images are taken from.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The number of the CT.
    pub patient: usize,
    /// The number of the camera.
    pub camera: usize,
    /// [poses, rows, columns] between 0 and 1.
    pub xrays: Vec<f32>,
    /// Where the X-rays were taken from.
    pub true_cameras_from_world: Vec<RigidTransform>,
    /// Where moving images are taken from: starts, or where there are none the poses of the views.
    pub cameras_from_world: Vec<RigidTransform>,
    /// Decides what dropout leaves out.
    pub dropout_seed: u64,
}

impl Sample {
    /// What a regressor is given of it, `patient` being its CT.
    pub(super) fn observation<'a>(&'a self, patient: &'a TrainingPatient) -> Observation<'a> {
        Observation {
            relative_attenuation: &patient.moving.relative_attenuation,
            pivot_world_mm: patient.pivot_world_mm,
            xrays: &self.xrays,
            nominal_cameras_from_world: &self.cameras_from_world,
        }
    }

    /// As a safetensors file: `xrays`, and the poses as rows of a matrix `[pose, 3, 4]`,
    /// `camera_from_world` and `true_camera_from_world`; names of CT and camera are in the metadata.
    ///
    /// # Errors
    /// If its parts do not fit each other.
    pub fn to_bytes(&self, source: &Source) -> Result<Vec<u8>, NetError> {
        let rows = |poses: &[RigidTransform]| -> Vec<f64> {
            let row = |pose: &RigidTransform, r: usize| {
                let (turn, shift) = (pose.rotation(), pose.translation_mm());
                [turn[(r, 0)], turn[(r, 1)], turn[(r, 2)], shift[r]]
            };
            poses.iter().flat_map(|pose| [0, 1, 2].map(|r| row(pose, r))).flatten().collect()
        };
        let (patient, camera) = source.scene_of(self)?;
        let [columns, rows_px] = camera.size_px();
        let count = self.cameras_from_world.len();
        let xrays: Vec<u8> = self.xrays.iter().flat_map(|x| x.to_le_bytes()).collect();
        let poses = [&self.cameras_from_world, &self.true_cameras_from_world]
            .map(|poses| rows(poses).iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>());
        let pose = |n: usize| TensorView::new(Dtype::F64, vec![count, 3, 4], &poses[n]);
        let views = [
            ("xrays", TensorView::new(Dtype::F32, vec![count, rows_px, columns], &xrays)?),
            ("camera_from_world", pose(0)?),
            ("true_camera_from_world", pose(1)?),
        ];
        let metadata = HashMap::from([
            ("ct".to_owned(), patient.name.clone()),
            ("camera".to_owned(), source.camera_name(self)),
            ("dropout_seed".to_owned(), self.dropout_seed.to_string()),
        ]);
        Ok(safetensors::serialize(views, Some(metadata))?)
    }
}

/// What samples are drawn from.
#[derive(Debug)]
pub struct Source {
    /// The settings.
    pub config: TrainConfig,
    /// The C-arms.
    pub cameras: Vec<SourceCamera>,
    /// The CTs, trained on or held out.
    pub patients: Vec<TrainingPatient>,
    /// What happens to an X-ray before the network's preparation; what is randomised is so after it.
    simulation: SimulationConfig,
}

/// A C-arm of a training.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceCamera {
    /// Its detector.
    pub xray: Camera,
    /// The same with the pixels of the network's images.
    pub network: Camera,
}

/// Poses are drawn anew this often when a source lies inside the CT.
const TRIES: usize = 20;

/// Streams of the one seed.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    Training = 0,
    Validation = 1,
}

const STREAMS: u64 = 2;

impl Source {
    /// From settings that make sense, and their CTs.
    ///
    /// # Errors
    /// If the settings make no sense.
    pub fn new(config: TrainConfig, patients: Vec<TrainingPatient>) -> Result<Self, NetError> {
        config.check()?;
        let size_px = config.network.config()?.size_px();
        let of = |xray: Camera| -> Result<_, NetError> {
            Ok(SourceCamera { network: NetworkXray::camera_for(&xray, size_px)?, xray })
        };
        let cameras = config.cameras()?.into_iter().map(of).collect::<Result<_, _>>()?;
        let simulation = SimulationConfig { randomization: None, ..config.simulation.clone() };
        Ok(Self { config, cameras, patients, simulation })
    }

    /// The CT of a sample, and the camera that has the pixels of the network's images.
    ///
    /// # Errors
    /// If it was drawn from another source.
    pub fn scene_of(&self, sample: &Sample) -> Result<(&TrainingPatient, &Camera), NetError> {
        let (patient, camera) = self.scene(sample.patient, sample.camera)?;
        Ok((patient, &camera.network))
    }

    /// A CT and a camera by their numbers.
    fn scene(
        &self,
        patient: usize,
        camera: usize,
    ) -> Result<(&TrainingPatient, &SourceCamera), NetError> {
        self.patients.get(patient).zip(self.cameras.get(camera)).ok_or(NetError::OtherSource {
            patient,
            camera,
            patients: self.patients.len(),
            cameras: self.cameras.len(),
        })
    }

    fn camera_name(&self, sample: &Sample) -> String {
        self.config.cameras.get(sample.camera).map(|entry| entry.name.clone()).unwrap_or_default()
    }

    /// What a step is trained on.
    ///
    /// # Errors
    /// If no pose is found from which the CT can be rendered.
    pub fn training(&self, step: u64) -> Result<Vec<Sample>, NetError> {
        let mut rng = self.stream(Purpose::Training, step);
        let trained = self.patients.iter().enumerate().filter(|(_, patient)| !patient.held_out);
        let trained: Vec<usize> = trained.map(|(number, _)| number).collect();
        let one = |_| {
            let patient = trained.get(rng.random_range(0..trained.len().max(1))).copied();
            self.draw(patient.unwrap_or(0), self.config.batch, &mut rng)
        };
        (0..self.config.cts_per_step).map(one).collect()
    }

    /// A single pose of a CT that is never trained on.
    ///
    /// # Errors
    /// As [`training`](Self::training), and if there is no such CT.
    pub fn validation(&self, patient: usize, number: usize) -> Result<Sample, NetError> {
        let stream = (number as u64).wrapping_mul(1 << 20).wrapping_add(patient as u64);
        self.draw(patient, 1, &mut self.stream(Purpose::Validation, stream))
    }

    fn stream(&self, purpose: Purpose, number: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.config.seed);
        rng.set_stream(number.wrapping_mul(STREAMS).wrapping_add(purpose as u64));
        rng
    }

    fn draw(&self, patient: usize, poses: usize, rng: &mut ChaCha8Rng) -> Result<Sample, NetError> {
        let camera = rng.random_range(0..self.cameras.len());
        let mut sample = Sample {
            patient,
            camera,
            xrays: Vec::new(),
            true_cameras_from_world: Vec::new(),
            cameras_from_world: Vec::new(),
            dropout_seed: rng.next_u64(),
        };
        for _ in 0..poses {
            let (truth, start, xray) = self.draw_one(patient, camera, rng)?;
            sample.true_cameras_from_world.push(truth);
            sample.cameras_from_world.push(start);
            sample.xrays.extend(xray);
        }
        Ok(sample)
    }

    fn draw_one(
        &self,
        patient: usize,
        camera: usize,
        rng: &mut ChaCha8Rng,
    ) -> Result<(RigidTransform, RigidTransform, Vec<f32>), NetError> {
        let (patient, camera) = self.scene(patient, camera)?;
        let pivot = patient.pivot_world_mm;
        let distance_mm = camera.xray.source_to_isocenter_or_assumed_mm();
        let nominal = self.draw_view(rng).camera_from_world(pivot, distance_mm);
        let mut refused = None;
        for _ in 0..TRIES {
            let truth = self.config.truth.draw(&nominal, pivot, rng);
            let start = match &self.config.start {
                None => nominal,
                Some(start) => {
                    let from = match start.about {
                        About::View => &nominal,
                        About::Truth => &truth,
                    };
                    start.draw(from, pivot, rng)
                }
            };
            let seed = rng.next_u64();
            let can_start = patient.check_pose(&camera.network, &start);
            let images = can_start.and_then(|()| patient.render(&camera.xray, &truth));
            match images {
                Ok(images) => {
                    let depth_mm = truth.point(pivot).z;
                    let pixels = self.seen(&images, camera, depth_mm, seed)?;
                    return Ok((truth, start, pixels));
                }
                Err(error) => refused = Some(error),
            }
        }
        Err(refused.map_or(NetError::NoPose { tries: TRIES }, NetError::from))
    }

    fn draw_view(&self, rng: &mut ChaCha8Rng) -> View {
        match self.config.views[..] {
            // Nothing is drawn where there is no choice.
            [view] => view,
            ref several => several.choose(rng).copied().unwrap_or(View::AP),
        }
    }

    /// What the network sees: the X-ray as it is prepared for it, between 0 and 1, and only then
    /// randomised, as published. Before, the preparation would undo what scales it.
    fn seen(
        &self,
        images: &MaterialImages,
        camera: &SourceCamera,
        depth_mm: f64,
        seed: u64,
    ) -> Result<Vec<f32>, NetError> {
        let SourceCamera { xray: camera, network } = camera;
        let xray = simulate(images, camera, depth_mm, &self.simulation, seed)?;
        let (attenuation, field) = (xray.attenuation()?, Some(&xray.field));
        let size_px = network.size_px();
        let seen = NetworkXray::new(camera, &attenuation, field, size_px)?.pixels;
        let Some(randomization) = &self.config.simulation.randomization else { return Ok(seen) };
        let randomization = randomization.draw(size_px, seed);
        Ok(randomization.apply(&Image::new(size_px, seen)?).pixels().to_vec())
    }
}

#[cfg(test)]
mod tests {
    //! Proves: a finer detector gives the network the same picture averaged, with a camera that has the
    //! network's pixels; X-rays are randomised after they were prepared; views are drawn, and a single
    //! one takes no draw.
    use super::super::config::tests::config;
    use super::*;

    const ONLY_SCALED: &str = "
        scale = { probability = 1, factor = [0.6, 0.6] }
        smoothing.probability = 0
        noise.probability = 0
        bounds.probability = 0
        gamma.probability = 0
        sine.probability = 0
        erasing.probability = 0
    ";

    fn source(config: TrainConfig) -> Source {
        let entries = config.single_cts();
        let patients = entries.iter().map(|ct| TrainingPatient::new(ct, &config, None).unwrap());
        let patients = patients.collect();
        Source::new(config, patients).unwrap()
    }

    #[test]
    fn a_finer_detector_is_averaged() {
        let coarse = source(config());
        let mut finer = config();
        finer.cameras[0].size_px = [128, 128];
        finer.cameras[0].pixel_spacing_mm = [2.4, 2.4];
        let finer = source(finer);
        let [a, b] = [&coarse, &finer].map(|of| of.training(0).unwrap().remove(0));
        assert_eq!(a.true_cameras_from_world, b.true_cameras_from_world);
        assert_eq!(a.cameras_from_world, b.cameras_from_world);
        let [of_a, of_b] = [(&coarse, &a), (&finer, &b)].map(|(of, x)| of.scene_of(x).unwrap().1);
        assert_eq!(of_a, of_b);
        assert_eq!(a.xrays.len(), b.xrays.len());
        let off = a.xrays.iter().zip(&b.xrays).map(|(a, b)| f64::from((a - b).abs()));
        let mean = off.sum::<f64>() / a.xrays.len() as f64;
        // A ray through the middle of a pixel is not the mean over it, but near.
        assert!(mean > 1e-5 && mean < 0.03, "{mean}");
    }

    #[test]
    fn what_is_scaled_stays_scaled() {
        let plain = source(config()).training(0).unwrap().remove(0).xrays;
        let mut scaled = config();
        scaled.simulation.randomization = Some(toml::from_str(ONLY_SCALED).unwrap());
        let scaled = source(scaled).training(0).unwrap().remove(0).xrays;
        for (plain, scaled) in plain.iter().zip(&scaled) {
            assert!((0.6 * plain - scaled).abs() < 1e-6, "{plain} {scaled}");
        }
    }

    #[test]
    fn views_are_drawn() {
        let one = source(config());
        let mut several = config();
        several.views = vec![View::AP, View::LATERAL_LEFT];
        let several = source(several);
        let beam = |of: &Source, step| {
            let truth = of.training(step).unwrap()[0].true_cameras_from_world[0];
            let axis = truth.rotation().row(2).transpose();
            // Along the patient's back, or to the left.
            axis.y.abs() > axis.x.abs()
        };
        assert!((0..12).all(|step| beam(&one, step)));
        let frontal = (0..12).filter(|&step| beam(&several, step)).count();
        assert!((2..=10).contains(&frontal), "{frontal}");
    }
}
