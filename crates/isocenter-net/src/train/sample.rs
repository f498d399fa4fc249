//! What a step is trained on: poses and X-rays, a function of the training's seed and the number of
//! the step alone.

use std::collections::HashMap;

use isocenter::evaluate::About;
use isocenter::geometry::{Camera, RigidTransform, View};
use isocenter::radiograph::simulation::simulate;
use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use super::config::TrainConfig;
use super::patient::TrainingPatient;
use crate::error::NetError;
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
    /// Where moving images are taken from.
    pub cameras_from_world: Vec<RigidTransform>,
    /// Decides what dropout leaves out.
    pub dropout_seed: u64,
}

impl Sample {
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
    pub cameras: Vec<Camera>,
    /// The CTs, trained on or held out.
    pub patients: Vec<TrainingPatient>,
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
        let cameras = config.cameras()?;
        Ok(Self { config, cameras, patients })
    }

    /// The CT and the camera of a sample.
    ///
    /// # Errors
    /// If it was drawn from another source.
    pub fn scene_of(&self, sample: &Sample) -> Result<(&TrainingPatient, &Camera), NetError> {
        self.scene(sample.patient, sample.camera)
    }

    /// A CT and a camera by their numbers.
    fn scene(
        &self,
        patient: usize,
        camera: usize,
    ) -> Result<(&TrainingPatient, &Camera), NetError> {
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
        let distance_mm = camera.source_to_isocenter_or_assumed_mm();
        let nominal = View::AP.camera_from_world(pivot, distance_mm);
        let mut refused = None;
        for _ in 0..TRIES {
            let truth = self.config.truth.draw(&nominal, pivot, rng);
            let from = match self.config.start.about {
                About::View => &nominal,
                About::Truth => &truth,
            };
            let start = self.config.start.draw(from, pivot, rng);
            let seed = rng.next_u64();
            let can_start = patient.check_pose(camera, &start);
            let images = can_start.and_then(|()| patient.render(camera, &truth));
            match images {
                Ok(images) => {
                    let depth_mm = truth.point(pivot).z;
                    let xray = simulate(&images, camera, depth_mm, &self.config.simulation, seed)?;
                    let seen = NetworkXray::new(
                        camera,
                        &xray.attenuation()?,
                        Some(&xray.field),
                        camera.size_px(),
                    )?;
                    return Ok((truth, start, seen.pixels));
                }
                Err(error) => refused = Some(error),
            }
        }
        Err(refused.map_or(NetError::NoPose { tries: TRIES }, NetError::from))
    }
}
