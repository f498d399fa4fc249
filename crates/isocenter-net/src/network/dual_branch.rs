//! The correlation-driven dual-branch network.
//!
//! ```text
//! CT ── residual ── projector ── moving image ──┐
//!                                       encoder ┤── global branch (low frequencies) ── evaluation ─┐
//! X-ray ────────────────────────────────────────┘── local branch (high frequencies) ── evaluation ─┴─ L_net
//! ```
//!
//! # References
//! M. Chen et al., *Fully Differentiable Correlation-driven 2D/3D Registration for X-ray to CT Image
//! Fusion*, ISBI 2024, arXiv:2402.02498. Its G is `global`, its L `local`, Phi the squared
//! differences in [`evaluation`](super::evaluation).

use burn::module::Module;

use super::config::DualBranchConfig;
use super::encoder::{Encoder, IMAGE_CHANNELS};
use super::evaluation::{BranchOutput, Evaluation};
use super::fourier::FourierBlock;
use super::invertible::InvertibleNetwork;
use super::residual::Residual;
use crate::dual::Dual;
use crate::layer::{Context, Init};

/// Channels from the CT to what is added to it.
const RESIDUAL_CHANNELS: [usize; 7] = [1, 4, 8, 16, 8, 4, IMAGE_CHANNELS];

/// See the [module](self).
#[derive(Module, Debug)]
pub struct DualBranch {
    /// What is added to the CT.
    pub residual: Residual,
    /// Shared by both images.
    pub encoder: Encoder,
    /// Of the X-ray.
    pub xray: Branches,
    /// Of the moving image.
    pub moving: Branches,
    /// Of the global features.
    pub global: Evaluation,
    /// Of the local features.
    pub local: Evaluation,
    #[module(skip)]
    config: DualBranchConfig,
}

/// The two branches of an image: its global-local decomposition.
#[derive(Module, Debug)]
pub struct Branches {
    /// Low frequencies.
    pub global: FourierBlock,
    /// High frequencies.
    pub local: InvertibleNetwork,
}

/// What the branches see in an image.
///
/// # Shapes
/// [batch, 64, rows / 16, columns / 16] each.
#[derive(Debug, Clone)]
pub struct BranchFeatures {
    /// Low frequencies.
    pub global: Dual<4>,
    /// High frequencies.
    pub local: Dual<4>,
}

/// What both branches say of pairs of images.
#[derive(Debug, Clone)]
pub struct BranchOutputs {
    /// Low frequencies.
    pub global: BranchOutput,
    /// High frequencies.
    pub local: BranchOutput,
}

impl DualBranch {
    /// With first weights, of an architecture that makes sense.
    #[must_use]
    pub fn new(config: &DualBranchConfig, init: &mut Init) -> Self {
        Self {
            residual: Residual::new(&RESIDUAL_CHANNELS, init),
            encoder: Encoder::new(config, init),
            xray: Branches::new(config, init),
            moving: Branches::new(config, init),
            global: Evaluation::new(config, init),
            local: Evaluation::new(config, init),
            config: config.clone(),
        }
    }

    pub(super) fn config(&self) -> &DualBranchConfig {
        &self.config
    }

    /// [batch, 1, rows, columns]
    pub(super) fn xray_features(&self, xrays: Dual<4>, context: &mut Context) -> BranchFeatures {
        let images = xrays.linear(|x| x.repeat_dim(1, IMAGE_CHANNELS));
        self.xray.forward(self.encoder.forward(images, context), context)
    }

    /// [batch, 3, rows, columns]
    pub(super) fn moving_features(&self, images: Dual<4>, context: &mut Context) -> BranchFeatures {
        self.moving.forward(self.encoder.forward(images, context), context)
    }

    pub(super) fn evaluate(&self, xray: &BranchFeatures, moving: &BranchFeatures) -> BranchOutputs {
        BranchOutputs {
            global: self.global.forward(xray.global.clone(), moving.global.clone()),
            local: self.local.forward(xray.local.clone(), moving.local.clone()),
        }
    }
}

impl Branches {
    fn new(config: &DualBranchConfig, init: &mut Init) -> Self {
        Self {
            global: FourierBlock::new(config.normalization, config.map_px(), init),
            local: InvertibleNetwork::new(init),
        }
    }

    fn forward(&self, encoded: Dual<4>, context: &Context) -> BranchFeatures {
        BranchFeatures {
            global: self.global.forward(encoded.clone(), context),
            local: self.local.forward(encoded),
        }
    }
}
