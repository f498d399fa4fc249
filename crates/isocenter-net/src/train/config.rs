//! The settings of a training, as its file has them.

use isocenter::evaluate::{CameraEntry, CtEntry, PoseDistribution, ProtocolError, check_names};
use isocenter::geometry::{Camera, View};
use isocenter::radiograph::simulation::SimulationConfig;
use isocenter::register::RotationSpread;
use serde::{Deserialize, Serialize};

use super::optimizer::OptimizerConfig;
use super::schedule::LearningRate;
use crate::error::NetError;
use crate::loss::{Approximation, DecompositionForm, Weighing};
use crate::metric::PoseMetric;
use crate::model::ModelConfig;
use crate::network::{DualBranchConfig, Normalization, ProstConfig, SopiConfig};
use crate::regressor::{PoseRange, RegressorConfig};
use crate::scene::Descent;
use crate::step::Objective;
use crate::xray::NetworkXray;

/// A training: of which network, on what, for how long.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// What it is called in reports.
    pub title: String,
    /// Decides first weights and every draw.
    pub seed: u64,
    /// Steps in all.
    pub steps: u64,
    /// Poses of one CT in a step.
    #[serde(default = "one")]
    pub batch: usize,
    /// CTs in a step, drawn independently, each with `batch` poses, computed side by side; their
    /// gradients are averaged. One with batch normalisation.
    #[serde(default = "one")]
    pub cts_per_step: usize,
    /// The voxels of the moving volume, about (mm): those of the CT are binned by whole factors.
    pub voxel_spacing_mm: f64,
    /// The architecture.
    pub network: NetworkChoice,
    /// What is minimised.
    #[serde(default)]
    pub objective: ObjectiveConfig,
    /// How weights follow their gradients.
    pub optimizer: OptimizerConfig,
    /// How far.
    pub learning_rate: LearningRate,
    /// The longest that all gradients together may be.
    #[serde(default = "ten")]
    pub clip_gradient_norm: f64,
    /// The patients.
    pub cts: Vec<TrainingCt>,
    /// The C-arms. X-rays with more pixels than the network's images are averaged down to these, as
    /// they are when the network is used.
    pub cameras: Vec<CameraEntry>,
    /// Where the C-arm stands, nominally: of several, each X-ray has one that is drawn.
    #[serde(default = "frontal")]
    pub views: Vec<View>,
    /// How the pose of an X-ray is drawn about that of its view.
    pub truth: PoseDistribution,
    /// How the pose of a moving image is drawn. A regressor goes out from the pose of the view.
    pub start: Option<PoseDistribution>,
    /// What is done to the X-rays.
    #[serde(default)]
    pub simulation: SimulationConfig,
    /// What is measured on poses and CTs that are not trained on.
    #[serde(default)]
    pub validation: ValidationConfig,
    /// What is kept on disk.
    #[serde(default)]
    pub checkpoints: CheckpointConfig,
}

fn one() -> usize {
    1
}

fn frontal() -> Vec<View> {
    vec![View::AP]
}

fn ten() -> f64 {
    10.0
}

/// An architecture: a preset, and what differs from it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkChoice {
    /// Where it starts from.
    pub preset: Preset,
    /// [columns, rows] of the images.
    pub size_px: Option<[usize; 2]>,
    /// Outputs of the layers in front of the heads.
    pub trunk: Option<Vec<usize>>,
    /// Outputs of the hidden layers of a head.
    pub head: Option<Vec<usize>>,
    /// What normalises the global branch, or the maps of `prost`, `sopi` and `rtpi`.
    pub normalization: Option<Normalization>,
    /// The part of elements that is left out, of channels by `rtpi`.
    pub dropout: Option<f64>,
    /// The levels of `sopi` that are compared.
    pub levels: Option<usize>,
    /// The side of the cube in which `rtpi` sees the CT (mm).
    pub cube_mm: Option<f64>,
    /// How far from that of the view a pose may be that `rtpi` says.
    pub range: Option<PoseRange>,
}

/// A named architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// [`DualBranchConfig::paper`]
    Paper,
    /// [`DualBranchConfig::compact`]
    Compact,
    /// [`ProstConfig::published`]
    Prost,
    /// [`SopiConfig::published`]
    Sopi,
    /// [`RegressorConfig::published`], which says poses
    Rtpi,
}

impl NetworkChoice {
    /// The architecture.
    ///
    /// # Errors
    /// If the preset has nothing that a setting could be of.
    pub fn config(&self) -> Result<ModelConfig, NetError> {
        self.check_has_what_is_set()?;
        Ok(match self.preset {
            Preset::Paper => self.dual_branch(DualBranchConfig::paper()).into(),
            Preset::Compact => self.dual_branch(DualBranchConfig::compact()).into(),
            Preset::Prost => {
                let preset = ProstConfig::published();
                let size_px = self.size_px.unwrap_or(preset.size_px);
                let normalization = self.normalization.unwrap_or(preset.normalization);
                ProstConfig { size_px, normalization }.into()
            }
            Preset::Sopi => {
                let preset = SopiConfig::published();
                let size_px = self.size_px.unwrap_or(preset.size_px);
                let normalization = self.normalization.unwrap_or(preset.normalization);
                let levels = self.levels.unwrap_or(preset.levels);
                SopiConfig { size_px, normalization, levels }.into()
            }
            Preset::Rtpi => {
                let preset = RegressorConfig::published();
                ModelConfig::Rtpi(RegressorConfig {
                    size_px: self.size_px.unwrap_or(preset.size_px),
                    normalization: self.normalization.unwrap_or(preset.normalization),
                    dropout: self.dropout.unwrap_or(preset.dropout),
                    cube_mm: self.cube_mm.unwrap_or(preset.cube_mm),
                    range: self.range.unwrap_or(preset.range),
                })
            }
        })
    }

    fn dual_branch(&self, preset: DualBranchConfig) -> DualBranchConfig {
        DualBranchConfig {
            size_px: self.size_px.unwrap_or(preset.size_px),
            trunk: self.trunk.clone().unwrap_or(preset.trunk),
            head: self.head.clone().unwrap_or(preset.head),
            normalization: self.normalization.unwrap_or(preset.normalization),
            dropout: self.dropout.unwrap_or(preset.dropout),
        }
    }

    /// Refuses what is a setting of other architectures.
    fn check_has_what_is_set(&self) -> Result<(), NetError> {
        let has_branches = matches!(self.preset, Preset::Paper | Preset::Compact);
        let has_levels = self.preset == Preset::Sopi;
        let says_poses = self.preset == Preset::Rtpi;
        let widths = |widths: &Option<Vec<usize>>| widths.as_ref().map(|w| format!("{w:?}"));
        let settings = [
            ("network.trunk", has_branches, widths(&self.trunk)),
            ("network.head", has_branches, widths(&self.head)),
            (
                "network.dropout",
                has_branches || says_poses,
                self.dropout.map(|part| part.to_string()),
            ),
            ("network.levels", has_levels, self.levels.map(|levels| levels.to_string())),
            ("network.cube_mm", says_poses, self.cube_mm.map(|mm| mm.to_string())),
            ("network.range", says_poses, self.range.map(|_| "given".to_owned())),
        ];
        for (name, has_it, found) in settings {
            if let Some(found) = found.filter(|_| !has_it) {
                let expected = "nothing: this preset has no such part, leave it out";
                return Err(NetError::Setting { name, found, expected });
            }
        }
        Ok(())
    }
}

/// What is minimised.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ObjectiveConfig {
    /// Which number is descended.
    pub descent: Descent,
    /// How its gradient is compared with the geodesic one.
    pub approximation: Approximation,
    /// How features are kept apart.
    pub decomposition: DecompositionForm,
    /// In which metric L_net's pose gradient is taken.
    pub metric: PoseMetric,
    /// How the two losses are weighed.
    pub weighing: Weighing,
}

impl Default for ObjectiveConfig {
    /// What trains: directions of the sum in the metric of the radiograph, with learned weights.
    fn default() -> Self {
        Self {
            descent: Descent::Sum,
            approximation: Approximation::Direction,
            decomposition: DecompositionForm::Bounded,
            metric: PoseMetric::Radiograph,
            weighing: Weighing::Learned,
        }
    }
}

impl ObjectiveConfig {
    /// Checks that the parts go together, and with what is trained.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self, model: &ModelConfig) -> Result<(), NetError> {
        match model {
            ModelConfig::Network(network) => self.descent.check(network)?,
            ModelConfig::Rtpi(_) if *self == Self::default() => return Ok(()),
            ModelConfig::Rtpi(_) => {
                let (name, found) = ("objective", "given".to_owned());
                let expected = "nothing: a regressor has no gradient to be trained, leave it out";
                return Err(NetError::Setting { name, found, expected });
            }
        }
        self.weighing.check(self.decomposition)?;
        match (self.descent, self.approximation) {
            (Descent::SigmoidProduct, Approximation::Direction) => Err(NetError::Setting {
                name: "objective.approximation",
                found: "direction".to_owned(),
                expected: "geodesic with descent = \"sigmoid-product\", which nothing else keeps \
                           from saturating: or descend the sum",
            }),
            (_, Approximation::Geodesic) if self.metric == PoseMetric::Radiograph => {
                Err(NetError::Setting {
                    name: "objective.metric",
                    found: "radiograph (the default)".to_owned(),
                    expected: "\"pose\" with approximation = \"geodesic\", which compares lengths: \
                               in the radiograph's metric they are not known",
                })
            }
            _ => Ok(()),
        }
    }

    /// The objective of a step.
    #[must_use]
    pub fn objective(&self) -> Objective {
        let Self { descent, approximation, decomposition, metric, .. } = *self;
        Objective { descent, approximation, decomposition, metric }
    }
}

/// A CT to train on.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingCt {
    /// File or phantom.
    #[serde(flatten)]
    pub ct: CtEntry,
    /// So many phantoms, with seeds that follow the phantom's own.
    #[serde(default = "one")]
    pub variations: usize,
    /// The labels that the moving volume shows; none means all. The X-ray shows everything.
    #[serde(default)]
    pub moving_labels: Vec<u16>,
    /// Only measured, never trained on.
    #[serde(default)]
    pub held_out: bool,
}

/// What is measured on the way.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ValidationConfig {
    /// Every so many steps, and at the end.
    pub every_steps: u64,
    /// Poses of each CT at which a network's gradients are compared, or that a regressor says.
    pub poses: usize,
    /// Starts of each CT from which a network registers, at the end only.
    pub registrations: usize,
}

impl Default for ValidationConfig {
    fn default() -> Self {
        Self { every_steps: 200, poses: 16, registrations: 8 }
    }
}

/// What is kept on disk.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckpointConfig {
    /// Every so many steps, and at the end.
    pub every_steps: u64,
    /// How many, the last ones.
    pub keep: usize,
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        Self { every_steps: 200, keep: 3 }
    }
}

/// Checks the voxels of a moving volume.
///
/// # Errors
/// If they are finer than memory allows, or coarser than anything that is registered.
pub(crate) fn check_voxel_spacing(found_mm: f64) -> Result<(), NetError> {
    check_number("voxel_spacing_mm", found_mm, 0.5, 50.0, "0.5 to 50")
}

/// Samples that are computed side by side must not affect each other.
pub(super) fn check_samples(count: usize, model: &ModelConfig) -> Result<(), NetError> {
    match count > 1 && model.normalization() == Normalization::Batch {
        true => Err(NetError::Setting {
            name: "cts_per_step",
            found: count.to_string(),
            expected: "1 with batch normalization, whose running statistics follow one batch a step: raise batch, or choose group",
        }),
        false => Ok(()),
    }
}

fn check_number(
    name: &'static str,
    found: f64,
    least: f64,
    most: f64,
    expected: &'static str,
) -> Result<(), NetError> {
    match (least..=most).contains(&found) {
        true => Ok(()),
        false => Err(NetError::Setting { name, found: found.to_string(), expected }),
    }
}

impl TrainConfig {
    /// The cameras.
    ///
    /// # Errors
    /// The first that cannot exist.
    pub fn cameras(&self) -> Result<Vec<Camera>, ProtocolError> {
        self.cameras.iter().map(CameraEntry::camera).collect()
    }

    /// The CTs one by one: variations of a phantom apart, each with a name of its own.
    #[must_use]
    pub fn single_cts(&self) -> Vec<TrainingCt> {
        let single = |ct: &TrainingCt| -> Vec<TrainingCt> {
            let variation = |n: usize| {
                let mut one = TrainingCt { variations: 1, ..ct.clone() };
                if ct.variations > 1 {
                    one.ct.name = format!("{} {}", ct.ct.name, n + 1);
                }
                if let Some(phantom) = &mut one.ct.phantom {
                    phantom.seed = phantom.seed.wrapping_add(n as u64);
                }
                one
            };
            (0..ct.variations).map(variation).collect()
        };
        self.cts.iter().flat_map(single).collect()
    }

    /// A network has starts, a regressor has none.
    fn check_start(&self, model: &ModelConfig) -> Result<(), NetError> {
        let refused = |found: &str, expected| {
            Err(NetError::Setting { name: "start", found: found.to_owned(), expected })
        };
        match (model, &self.start) {
            (ModelConfig::Network(_), Some(start)) => Ok(start.check("start")?),
            (ModelConfig::Network(_), None) => {
                refused("absent", "a distribution: from where the network has to find back")
            }
            (ModelConfig::Rtpi(_), Some(_)) => {
                refused("given", "nothing: a regressor goes out from the pose of the view")
            }
            (ModelConfig::Rtpi(_), None) => Ok(()),
        }
    }

    /// A regressor can say most of the true poses.
    fn check_range(&self, model: &ModelConfig) -> Result<(), NetError> {
        let ModelConfig::Rtpi(RegressorConfig { range, .. }) = model else { return Ok(()) };
        let rotation_deg = match self.truth.rotation_deg {
            RotationSpread::StandardDeviationDeg(deg) => deg,
            RotationSpread::Any(_) => f64::INFINITY,
        };
        let numbers = [
            ("network.range.rotation_deg", range.rotation_deg, rotation_deg),
            ("network.range.in_plane_mm", range.in_plane_mm, self.truth.in_plane_mm),
            ("network.range.depth_mm", range.depth_mm, self.truth.depth_mm),
        ];
        match numbers.into_iter().find(|(_, reach, deviation)| *reach < 2.0 * deviation) {
            None => Ok(()),
            Some((name, found, _)) => {
                let expected = "at least twice the standard deviation of `truth`";
                Err(NetError::Setting { name, found: found.to_string(), expected })
            }
        }
    }

    /// Checks that the training makes sense.
    ///
    /// # Errors
    /// The first thing that does not, by its key.
    pub fn check(&self) -> Result<(), NetError> {
        let model = self.network.config()?;
        model.check()?;
        self.objective.check(&model)?;
        check_samples(self.cts_per_step, &model)?;
        check_names("cameras", self.cameras.iter().map(|camera| &*camera.name))?;
        check_names("cts", self.cts.iter().map(|ct| &*ct.ct.name))?;
        for camera in self.cameras()? {
            NetworkXray::camera_for(&camera, model.size_px())?;
        }
        if self.views.is_empty() {
            let (name, found) = ("views", "empty".to_owned());
            return Err(NetError::Setting { name, found, expected: "one view at least" });
        }
        self.cts.iter().try_for_each(TrainingCt::check)?;
        if self.cts.iter().all(|ct| ct.held_out) {
            let (found, expected) = ("all held out".to_owned(), "one at least to train on");
            return Err(NetError::Setting { name: "cts", found, expected });
        }
        self.truth.check("truth")?;
        self.check_start(&model)?;
        self.check_range(&model)?;
        self.simulation.check()?;
        self.optimizer.check()?;
        self.learning_rate.check()?;
        check_voxel_spacing(self.voxel_spacing_mm)?;
        let numbers = [
            ("steps", self.steps as f64, 1.0, 1e9, "1 to 1e9"),
            ("batch", self.batch as f64, 1.0, 64.0, "1 to 64"),
            ("cts_per_step", self.cts_per_step as f64, 1.0, 64.0, "1 to 64"),
            ("clip_gradient_norm", self.clip_gradient_norm, 1e-6, 1e12, "1e-6 to 1e12"),
            ("validation.poses", self.validation.poses as f64, 0.0, 1e4, "0 to 10000"),
            ("validation.every_steps", self.validation.every_steps as f64, 1.0, 1e9, "1 to 1e9"),
            ("checkpoints.every_steps", self.checkpoints.every_steps as f64, 1.0, 1e9, "1 to 1e9"),
            ("checkpoints.keep", self.checkpoints.keep as f64, 1.0, 1e6, "1 or more"),
        ];
        for (name, found, least, most, expected) in numbers {
            check_number(name, found, least, most, expected)?;
        }
        let ValidationConfig { poses, registrations, .. } = self.validation;
        if registrations > poses {
            let (name, found) = ("validation.registrations", registrations.to_string());
            let expected = "at most validation.poses, which they start from";
            return Err(NetError::Setting { name, found, expected });
        }
        Ok(())
    }
}

impl TrainingCt {
    fn check(&self) -> Result<(), NetError> {
        self.ct.check()?;
        let fits = self.variations == 1 || self.ct.phantom.is_some();
        if !fits || !(1..=1000).contains(&self.variations) {
            let (name, found) = ("cts.variations", self.variations.to_string());
            let expected = "1 to 1000 of a phantom, 1 of a file";
            return Err(NetError::Setting { name, found, expected });
        }
        if !self.moving_labels.is_empty() && self.ct.path.is_some() && self.ct.labels.is_none() {
            let (name, found) = ("cts.labels", "absent".to_owned());
            let expected = "given with moving_labels";
            return Err(NetError::Setting { name, found, expected });
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    //! Proves: parts that do not go together are refused by name, and detectors of any size are taken.
    use super::*;

    /// As small as a training can be.
    const SMALL: &str = r#"
        title = "Small"
        seed = 3
        steps = 4
        voxel_spacing_mm = 16
        network = { preset = "compact", size_px = [32, 32], trunk = [8], head = [4] }
        optimizer = { kind = "sgd", momentum = 0.9 }
        learning_rate = { kind = "constant", rate = 1e-4 }
        cts = [{ name = "phantom", phantom = { seed = 1, spacing_mm = 8 } }]
        truth = { rotation_deg = 10, in_plane_mm = 15, depth_mm = 30 }
        start = { rotation_deg = 10, in_plane_mm = 15, depth_mm = 30, about = "truth" }
        [[cameras]]
        name = "c-arm"
        source_to_detector_mm = 1020
        pixel_spacing_mm = [9.6, 9.6]
        size_px = [32, 32]
        source_to_isocenter_mm = 700
    "#;

    pub(in crate::train) fn config() -> TrainConfig {
        toml::from_str(SMALL).unwrap()
    }

    fn refused(change: impl FnOnce(&mut TrainConfig)) -> String {
        let mut config = config();
        change(&mut config);
        config.check().unwrap_err().to_string()
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        config().check().unwrap();
        let saturating = |config: &mut TrainConfig| {
            config.objective.descent = Descent::SigmoidProduct;
        };
        assert!(refused(saturating).contains("objective.approximation is direction"));
        let mut geodesic = config();
        geodesic.objective.descent = Descent::SigmoidProduct;
        geodesic.objective.approximation = Approximation::Geodesic;
        assert!(
            geodesic.check().unwrap_err().to_string().contains("objective.metric is radiograph")
        );
        geodesic.objective.metric = PoseMetric::Pose;
        geodesic.check().unwrap();
        assert!(refused(|config| config.views.clear()).contains("views is empty"));
        let error = toml::from_str::<TrainConfig>(&format!("views = [\"front\"]\n{SMALL}"));
        assert!(error.unwrap_err().to_string().contains("'front' is not a view"));
        let mut finer = config();
        finer.cameras[0].size_px = [96, 80];
        finer.check().unwrap();
    }

    #[test]
    fn a_regressor_has_no_start() {
        assert!(refused(|config| config.start = None).contains("start is absent"));
        let regressor = |config: &mut TrainConfig| {
            let range = "range = { rotation_deg = 30, in_plane_mm = 40, depth_mm = 90 }";
            let text = format!("preset = \"rtpi\"\nsize_px = [32, 32]\n{range}");
            config.network = toml::from_str(&text).unwrap();
        };
        assert!(refused(regressor).contains("start is given"));
        let mut none = config();
        regressor(&mut none);
        none.start = None;
        none.check().unwrap();
        none.truth.depth_mm = 50.0;
        assert!(none.check().unwrap_err().to_string().contains("network.range.depth_mm is 90"));
        none.truth.depth_mm = 40.0;
        none.objective.descent = Descent::SigmoidProduct;
        assert!(none.check().unwrap_err().to_string().contains("objective is given"));
        assert!(refused(|config| config.network.cube_mm = Some(100.0)).contains("network.cube_mm"));
    }
}
