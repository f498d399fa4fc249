//! The baseline of plain encoders: two of them and the distance between what they give.
//!
//! ```text
//! CT ── residual ── projector ── moving image ── encoder ──┐
//!                                                          ├── mean of squared differences: L_net
//! X-ray ──────────────────────────────────────── encoder ──┘
//! ```
//!
//! An encoder has three stages of a convolution, a bottleneck and a maximum over 2 x 2 pixels, and one
//! more convolution; no weight is shared between the two.
//!
//! # References
//! C. Gao et al., *Generalizing Spatial Transformers to Projective Geometry with Applications to 2D/3D
//! Registration*, MICCAI 2020, arXiv:2003.12098

use burn::module::Module;

use super::config::ProstConfig;
use super::encoder::IMAGE_CHANNELS;
use super::norm::Norm;
use super::residual::Residual;
use crate::dual::Dual;
use crate::layer::pooling::max_pool_2x2;
use crate::layer::{Border, Context, Convolution2d, Init};

/// Channels from the CT to what is added to it.
const RESIDUAL_CHANNELS: [usize; 6] = [1, 4, 8, 16, 8, IMAGE_CHANNELS];

/// Channels of the stages.
const STAGE_CHANNELS: [usize; 3] = [16, 64, 128];

/// Channels of the encoding.
const CHANNELS: usize = 64;

/// See the [module](self).
#[derive(Module, Debug)]
pub struct Prost {
    /// What is added to the CT.
    pub residual: Residual,
    /// Of moving images.
    pub moving: ProstEncoder,
    /// Of X-rays.
    pub xray: ProstEncoder,
    #[module(skip)]
    config: ProstConfig,
}

/// From an image to a map of 64 channels, an eighth of its sides.
#[derive(Module, Debug)]
pub struct ProstEncoder {
    /// Ever smaller maps.
    pub stages: Vec<ProstStage>,
    /// To the encoding.
    pub last: Convolution2d,
}

/// A stage: half the sides.
#[derive(Module, Debug)]
pub struct ProstStage {
    /// To its channels.
    pub convolution: Convolution2d,
    /// Among them.
    pub bottleneck: Bottleneck,
}

/// Three convolutions, of 1 x 1, 3 x 3 and 1 x 1 pixels without bias, each normalised, added to their
/// input.
#[derive(Module, Debug)]
pub struct Bottleneck {
    /// One after the other.
    pub convolutions: Vec<Convolution2d>,
    /// After each.
    pub norms: Vec<Norm>,
}

impl Prost {
    /// With first weights, of an architecture that makes sense.
    #[must_use]
    pub fn new(config: &ProstConfig, init: &mut Init) -> Self {
        Self {
            residual: Residual::new(&RESIDUAL_CHANNELS, init),
            moving: ProstEncoder::new(config, IMAGE_CHANNELS, init),
            xray: ProstEncoder::new(config, 1, init),
            config: *config,
        }
    }

    pub(super) fn config(&self) -> &ProstConfig {
        &self.config
    }
}

impl ProstEncoder {
    /// Of images with so many channels.
    #[must_use]
    pub fn new(config: &ProstConfig, channels: usize, init: &mut Init) -> Self {
        let mut inputs = channels;
        let mut stages = Vec::with_capacity(STAGE_CHANNELS.len());
        for outputs in STAGE_CHANNELS {
            stages.push(ProstStage {
                convolution: Convolution2d::new([inputs, outputs], 3, Border::Zeros, init),
                bottleneck: Bottleneck::new(config, outputs, init),
            });
            inputs = outputs;
        }
        Self { stages, last: Convolution2d::new([inputs, CHANNELS], 3, Border::Zeros, init) }
    }

    /// [batch, channels, rows, columns] to [batch, 64, rows / 8, columns / 8].
    #[must_use]
    pub fn forward(&self, image: Dual<4>, context: &Context) -> Dual<4> {
        let through = |x, stage: &ProstStage| {
            let x = stage.convolution.forward(x).relu();
            max_pool_2x2(stage.bottleneck.forward(x, context))
        };
        self.last.forward(self.stages.iter().fold(image, through)).relu()
    }
}

impl Bottleneck {
    fn new(config: &ProstConfig, channels: usize, init: &mut Init) -> Self {
        let mut convolution = |kernel| {
            let border = if kernel == 1 { Border::None } else { Border::Zeros };
            Convolution2d::new([channels; 2], kernel, border, init).without_bias()
        };
        let convolutions = [1, 3, 1].map(&mut convolution).into();
        let norms = (0..3).map(|_| Norm::new(config.normalization, channels, init)).collect();
        Self { convolutions, norms }
    }

    /// As published, the first is followed by no ReLU.
    fn forward(&self, x: Dual<4>, context: &Context) -> Dual<4> {
        let mut y = x.clone();
        for (number, (convolution, norm)) in self.convolutions.iter().zip(&self.norms).enumerate() {
            y = norm.forward(convolution.forward(y), context);
            if number == 1 {
                y = y.relu();
            }
        }
        (x + y).relu()
    }
}
