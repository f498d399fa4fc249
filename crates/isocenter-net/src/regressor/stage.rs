//! The regressor as a stage of a registration: it says a pose without a start, from the first X-ray and
//! the center of the prior, and that pose goes before the candidates that were there. Other X-rays are
//! not asked.

use std::sync::Arc;

use burn::module::Module;
use burn::tensor::Device;
use isocenter::geometry::RigidTransform;
use isocenter::optimize::{ObjectiveError, Termination};
use isocenter::project::Projector;
use isocenter::radiograph::Image;
use isocenter::register::{Candidate, Case, RegisterError, Run, Stage, StageRegistry};
use isocenter::volume::ChannelVolume;

use super::loss::likeness;
use super::{Observation, Regressor};
use crate::checkpoint::Checkpoint;
use crate::error::NetError;
use crate::moving::MovingVolume;
use crate::xray::NetworkXray;

/// A regressor that has been trained, ready for use.
#[derive(Debug)]
pub struct TrainedRegressor {
    regressor: Regressor,
    voxel_spacing_mm: f64,
}

impl TrainedRegressor {
    /// From a checkpoint, on a device.
    ///
    /// # Errors
    /// If the checkpoint is of a network that says no pose, or its weights do not fit its architecture.
    pub fn new(checkpoint: &Checkpoint, device: &Device) -> Result<Self, NetError> {
        Ok(Self {
            regressor: checkpoint.regressor_on(device)?.valid(),
            voxel_spacing_mm: checkpoint.header.voxel_spacing_mm,
        })
    }

    /// The pose that is said of a case's first X-ray, and how alike its radiograph is; none from which
    /// nothing can be seen.
    fn candidate(
        &self,
        case: &Case,
        nominal: &RigidTransform,
    ) -> Result<Option<Candidate>, NetError> {
        let size_px = self.regressor.config().size_px;
        let Some(xray) = case.xrays().first() else { return Ok(None) };
        let seen = NetworkXray::new(xray.camera(), xray.line_integral(), xray.mask(), size_px)?;
        let moving = MovingVolume::new(case.projector().volume(), self.voxel_spacing_mm)?;
        let observation = Observation {
            relative_attenuation: &moving.relative_attenuation,
            pivot_world_mm: case.pivot_world_mm(),
            xrays: &seen.pixels,
            nominal_cameras_from_world: &[*nominal],
        };
        let said = observation.poses(&self.regressor)?;
        let Some(&camera_from_world) = said.first() else { return Ok(None) };
        let projector = Projector::new(ChannelVolume::new(vec![moving.relative_attenuation])?);
        let xray = Image::new(size_px, seen.pixels)?;
        let pivot = case.pivot_world_mm();
        let Some(likeness) = likeness(&projector, &seen.camera, &camera_from_world, &xray, pivot)?
        else {
            return Ok(None);
        };
        // Nothing was improved step by step: there is nothing that could have gone on.
        let termination = Termination::NoImprovement;
        Ok(Some(Candidate { camera_from_world, similarity: likeness.value, termination }))
    }
}

/// The regressor at work from the center of the prior.
#[derive(Debug, Clone)]
pub struct RegressorStage {
    trained: Arc<TrainedRegressor>,
}

impl RegressorStage {
    /// Its name.
    pub const NAME: &'static str = "regressor";

    /// Adds the stage to those that there are.
    pub fn register(trained: TrainedRegressor, registry: &mut StageRegistry) {
        let trained = Arc::new(trained);
        registry.add(Self::NAME, move |_| Ok(Box::new(Self { trained: Arc::clone(&trained) })));
    }
}

impl Stage for RegressorStage {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn run(
        &self,
        run: &mut Run<'_, '_>,
        candidates: Vec<Candidate>,
    ) -> Result<Vec<Candidate>, RegisterError> {
        let [longest_side_px, _] = self.trained.regressor.config().size_px;
        let (case, nominal) = (run.case(), run.prior().center_camera_from_world);
        run.timed(Self::NAME, longest_side_px, 1, |_| {
            let said = self.trained.candidate(case, &nominal);
            let said = said.map_err(|error| RegisterError::from(ObjectiveError::from(error)))?;
            Ok(said.into_iter().chain(candidates.iter().copied()).collect())
        })
    }
}

#[cfg(test)]
mod tests {
    //! Proves: the pose that is said comes first, goes out from the center of the prior whatever candidates
    //! there were, and is that of the first X-ray; the others stay; a network is refused.
    use isocenter::geometry::{Camera, View};
    use isocenter::register::{PoseSpread, Prior, RegisterConfig, Xray, register_by};
    use isocenter::volume::{AttenuationMap, AttenuationVolume, Phantom, PhantomConfig};

    use super::*;
    use crate::checkpoint::Header;
    use crate::metric::PoseMetric;
    use crate::model::{Model, ModelConfig};
    use crate::network::{Normalization, ProstConfig};
    use crate::regressor::RegressorConfig;
    use crate::scene::Descent;
    use crate::weights;

    const SPACING_MM: f64 = 12.0;

    fn checkpoint(config: ModelConfig) -> Checkpoint {
        let model = Model::new(&config, 2, &Device::flex()).unwrap();
        Checkpoint {
            header: Header::new(config, Descent::Sum, PoseMetric::Pose, SPACING_MM),
            network: weights::of(&model).unwrap(),
            balance: Default::default(),
            moments: Default::default(),
        }
    }

    fn regressor() -> Checkpoint {
        let config = RegressorConfig {
            size_px: [32, 32],
            normalization: Normalization::Group,
            ..RegressorConfig::published()
        };
        checkpoint(ModelConfig::Rtpi(config))
    }

    #[test]
    fn what_is_said_comes_first() {
        let config = PhantomConfig { spacing_mm: 6.0, ..PhantomConfig::default() };
        let ct = Phantom::generate(&config).unwrap().ct;
        let volume = AttenuationVolume::from_hounsfield(ct, &AttenuationMap::default()).unwrap();
        let moving = MovingVolume::new(&volume, SPACING_MM).unwrap();
        let pivot = volume.volume().center_world_mm();
        let projector = Projector::new(volume);
        let camera = Camera::new(1020.0, [9.6, 9.6], [32, 32]).unwrap();
        let nominal = View::AP.camera_from_world(pivot, 700.0);
        let image = projector.forward(&camera, &nominal).unwrap();
        let xrays = vec![Xray::new(camera, image).unwrap()];
        let case = Case::of_xrays(projector, xrays, pivot).unwrap();

        let trained = TrainedRegressor::new(&regressor(), &Device::flex()).unwrap();
        let xray = &case.xrays()[0];
        let seen = NetworkXray::new(xray.camera(), xray.line_integral(), None, [32, 32]).unwrap();
        let observation = Observation {
            relative_attenuation: &moving.relative_attenuation,
            pivot_world_mm: pivot,
            xrays: &seen.pixels,
            nominal_cameras_from_world: &[nominal],
        };
        let said = observation.poses(&trained.regressor).unwrap()[0];
        assert_ne!(said, nominal);
        let found = trained.candidate(&case, &nominal).unwrap().unwrap();
        assert_eq!(found.camera_from_world, said);
        assert!(found.similarity > 0.5 && found.similarity <= 1.0, "{found:?}");
        // From within the patient nothing can be seen.
        let inside = View::AP.camera_from_world(pivot, 10.0);
        assert_eq!(trained.candidate(&case, &inside).unwrap(), None);

        let mut registry = StageRegistry::default();
        RegressorStage::register(trained, &mut registry);
        let prior = Prior { center_camera_from_world: nominal, spread: PoseSpread::default() };
        let mut config = RegisterConfig::default();
        config.judge.enabled = false;
        for stages in [&["regressor"][..], &["regressor", "regressor"]] {
            config.stages = stages.iter().map(|&stage| stage.to_owned()).collect();
            let found = register_by(&registry, &case, &prior, &config, &mut |_| {}).unwrap();
            assert_eq!(found.camera_from_world, said);
        }
    }

    #[test]
    fn a_network_is_refused() {
        let network =
            checkpoint(ProstConfig { size_px: [32, 32], ..ProstConfig::published() }.into());
        let error = TrainedRegressor::new(&network, &Device::flex()).unwrap_err().to_string();
        assert!(error.contains("--network"), "{error}");
    }
}
