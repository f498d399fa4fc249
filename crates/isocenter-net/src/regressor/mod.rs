//! A regressor: from a CT and an X-ray straight to a pose, without a start. The publication of SOPI gives
//! its registrations their start by one.
//!
//! ```text
//! CT about the pivot ── cube ── 3 blocks ── as maps ──┐
//!                                                     ├── 3 stages ── 2 linear layers ── ReLU6 / 6
//! X-ray ───────────────────────── 2 blocks ───────────┘
//! ```
//!
//! The six outputs lie between 0 and 1: where the pose lies within a range about the nominal one, that of
//! the view. Nothing is differentiated for a pose here, so that layers need no tangents, and a training
//! step is a single pass in reverse.
//!
//! - [`config`] - [`RegressorConfig`], the architecture as data
//! - [`range`] - [`PoseRange`], from outputs to motions
//! - [`cube`] - the CT as the regressor sees it
//! - [`block`] - [`VolumeBlock`] and [`ImageBlock`], in front of where both meet
//! - [`loss`] - how wrong a pose is, and its derivative
//! - [`observation`] - [`Observation`], CT and X-rays, and what is said of them
//! - [`step`] - one step of training
//! - [`stage`] - [`RegressorStage`], at work in a registration
//!
//! # What is published, and what is not
//! Layers and their order are those of `RTPInet_v2` in the authors' `src/RTPI.py`
//! (<https://github.com/m1nhengChen/SOPI>): of its versions the one whose shapes fit each other, CTs of
//! 128^3 voxels and images of 256 x 256 pixels. In an image with `P` pixels a side the CT has `P / 2` voxels a
//! side, and its features lie on `P / 8` maps; 32 of them where `P` is 256.
//!
//! - As there, the values of the CT's features are laid out as maps in the order they have, whatever their
//!   place, and both convolutions of a block share one normalisation.
//! - There the CT has the axes of its file. Here it has those of the nominal camera, so that a view is like
//!   any other.
//! - There the ranges are written into the program, and one of the shifts is drawn. Here they are settings.
//! - There outputs begin at 0, where ReLU6 has no slope on one side. Here they begin in the middle: at the
//!   nominal pose.
//!
//! # References
//! M. Chen, Z. Zhang, S. Gu, Y. Kong, *Embedded Feature Similarity Optimization with Specific Parameter
//! Initialization for 2D/3D Medical Image Registration*, ICASSP 2024, arXiv:2305.06252

pub mod block;
pub mod config;
pub mod cube;
pub mod loss;
pub mod observation;
pub mod range;
pub mod stage;
pub mod step;

use burn::module::Module;
use burn::tensor::{Device, Tensor};

pub use block::{ImageBlock, VolumeBlock};
pub use config::RegressorConfig;
pub use observation::Observation;
pub use range::PoseRange;
pub use stage::{RegressorStage, TrainedRegressor};

use crate::dual::Dual;
use crate::error::NetError;
use crate::layer::pooling::max_pool_2x2;
use crate::layer::{Border, Context, Convolution2d, Init, Linear};
use crate::network::sopi::AttentionBottleneck;

/// Channels from the CT to its features.
const VOLUME_CHANNELS: [usize; 4] = [1, 64, 32, FEATURES];

/// Channels from the X-ray to its features.
const IMAGE_CHANNELS: [usize; 3] = [1, 64, FEATURES];

/// Channels of the features of either.
const FEATURES: usize = 32;

/// Channels after each stage of where both meet.
const STAGE_CHANNELS: [usize; 3] = [32, 16, 8];

/// Outputs of the linear layer in front of the last.
const HIDDEN: usize = 256;

/// Components of a motion.
const COMPONENTS: usize = 6;

/// Where ReLU6 ends.
const LARGEST: f64 = 6.0;

/// See the [module](self).
#[derive(Module, Debug)]
pub struct Regressor {
    /// Of the CT.
    pub volume: Vec<VolumeBlock>,
    /// Of the X-ray.
    pub image: Vec<ImageBlock>,
    /// Of the features of both.
    pub stages: Vec<Localization>,
    /// To what the last layer takes.
    pub hidden: Linear,
    /// To the outputs.
    pub last: Linear,
    #[module(skip)]
    config: RegressorConfig,
}

/// A stage of where both meet: half the sides.
#[derive(Module, Debug)]
pub struct Localization {
    /// To its channels.
    pub convolution: Convolution2d,
    /// Among them.
    pub bottleneck: AttentionBottleneck,
}

impl Regressor {
    /// With first weights from a seed: it says the nominal pose, more or less.
    ///
    /// # Errors
    /// If the architecture makes no sense.
    pub fn new(config: &RegressorConfig, seed: u64, device: &Device) -> Result<Self, NetError> {
        config.check()?;
        let init = &mut Init::new(seed, device);
        let pairs = |channels: &'static [usize]| channels.windows(2).map(|pair| [pair[0], pair[1]]);
        let volume = pairs(&VOLUME_CHANNELS).map(|c| VolumeBlock::new(config, c, init)).collect();
        let image = pairs(&IMAGE_CHANNELS).map(|c| ImageBlock::new(config, c, init)).collect();
        let mut inputs = config.volume_maps() + FEATURES;
        let mut stages = Vec::with_capacity(STAGE_CHANNELS.len());
        for outputs in STAGE_CHANNELS {
            stages.push(Localization::new(config, [inputs, outputs], init));
            inputs = outputs;
        }
        let side = config.features_px() >> STAGE_CHANNELS.len();
        let hidden = Linear::new(inputs * side * side, HIDDEN, init);
        let last = Linear::new(HIDDEN, COMPONENTS, init);
        let bias = init.constant([COMPONENTS], LARGEST as f32 / 2.0);
        Ok(Self { volume, image, stages, hidden, last: Linear { bias, ..last }, config: *config })
    }

    /// The architecture.
    #[must_use]
    pub fn config(&self) -> &RegressorConfig {
        &self.config
    }

    /// Where its weights are.
    #[must_use]
    pub fn device(&self) -> Device {
        self.devices().into_iter().next().unwrap_or_default()
    }

    /// Where poses lie within their range, each component between 0 and 1.
    ///
    /// # Shapes
    /// CTs [batch, 1, k, j, i] with as many voxels along each axis as [`RegressorConfig::cube_voxels`],
    /// X-rays [batch, 1, rows, columns]; the result is [batch, 6].
    ///
    /// # Errors
    /// If CTs or X-rays have other sizes.
    pub fn forward(
        &self,
        cubes: Tensor<5>,
        xrays: Tensor<4>,
        context: &mut Context,
    ) -> Result<Tensor<2>, NetError> {
        let [batch, ..] = xrays.dims();
        self.check(batch, &cubes, &xrays)?;
        let volume = self.volume.iter().fold(cubes, |x, block| block.forward(x, context));
        let side = self.config.features_px();
        let volume = volume.reshape([batch, self.config.volume_maps(), side, side]);
        let xrays = Dual::constant(xrays);
        let image = self.image.iter().fold(xrays, |x, block| block.forward(x, context));
        let both = Dual::constant(Tensor::cat(vec![volume, image.into_parts().0], 1));
        let met = self.stages.iter().fold(both, |x, stage| stage.forward(x, context));
        let flat = met.linear(|x| x.flatten::<2>(1, 3));
        let outputs = self.last.forward(self.hidden.forward(flat).relu()).relu6();
        Ok(outputs.scale(1.0 / LARGEST).into_parts().0)
    }

    fn check(&self, batch: usize, cubes: &Tensor<5>, xrays: &Tensor<4>) -> Result<(), NetError> {
        let voxels = self.config.cube_voxels();
        let [columns, rows] = self.config.size_px;
        let shapes = [
            ("the CT", cubes.dims().to_vec(), vec![batch, 1, voxels, voxels, voxels]),
            ("the X-ray", xrays.dims().to_vec(), vec![batch, 1, rows, columns]),
        ];
        match shapes.into_iter().find(|(_, found, expected)| found != expected || batch == 0) {
            Some((what, found, expected)) => Err(NetError::Shape { what, found, expected }),
            None => Ok(()),
        }
    }
}

impl Localization {
    fn new(config: &RegressorConfig, channels: [usize; 2], init: &mut Init) -> Self {
        Self {
            convolution: Convolution2d::new(channels, 3, Border::Zeros, init),
            bottleneck: AttentionBottleneck::new(config.normalization, channels[1], init),
        }
    }

    fn forward(&self, x: Dual<4>, context: &Context) -> Dual<4> {
        let x = self.convolution.forward(x).relu();
        max_pool_2x2(self.bottleneck.forward(x, context))
    }
}
