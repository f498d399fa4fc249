//! The correlation-driven dual-branch network: how unlike a radiograph and an X-ray are, made so
//! that its gradient shows the way to the right pose.
//!
//! ```text
//! CT ── residual ── projector ── moving image ──┐
//!                                       encoder ┤── global branch (low frequencies) ── evaluation ─┐
//! X-ray ────────────────────────────────────────┘── local branch (high frequencies) ── evaluation ─┴─ L_net
//! ```
//!
//! - [`config`] - [`NetworkConfig`], presets
//! - [`residual`] - [`Residual`], three channels of features beside the CT
//! - [`encoder`] - [`Encoder`], shared by both images
//! - [`fourier`] - [`FourierBlock`], the global branch
//! - [`invertible`] - [`InvertibleNetwork`], the local branch
//! - [`evaluation`] - [`Evaluation`], differences to scores and gates
//!
//! # References
//! M. Chen et al., *Fully Differentiable Correlation-driven 2D/3D Registration for X-ray to CT Image
//! Fusion*, ISBI 2024, arXiv:2402.02498. Its G is `global`, its L `local`, Phi the squared
//! differences in [`evaluation`].

pub mod config;
pub mod encoder;
pub mod evaluation;
pub mod fourier;
pub mod invertible;
pub mod residual;

use burn::module::Module;
use burn::tensor::{Device, Tensor};

pub use config::{NetworkConfig, Normalization};
pub use encoder::Encoder;
pub use evaluation::{BranchOutput, Evaluation};
pub use fourier::FourierBlock;
pub use invertible::InvertibleNetwork;
pub use residual::Residual;

use crate::dual::Dual;
use crate::error::NetError;
use crate::layer::{Context, Init};
pub(crate) use encoder::IMAGE_CHANNELS;

/// See the [module](self). What it does to the CT is in [`Residual`], which works before the
/// projector.
#[derive(Module, Debug)]
pub struct Network {
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
    config: NetworkConfig,
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
pub struct Features {
    /// Low frequencies.
    pub global: Dual<4>,
    /// High frequencies.
    pub local: Dual<4>,
}

impl Features {
    /// The values, as constants.
    #[must_use]
    pub(crate) fn without_autodiff(&self) -> Self {
        let plain = |x: &Dual<4>| Dual::constant(x.value().clone().without_autodiff());
        Self { global: plain(&self.global), local: plain(&self.local) }
    }
}

/// What both branches say of pairs of images.
#[derive(Debug, Clone)]
pub struct Outputs {
    /// Low frequencies.
    pub global: BranchOutput,
    /// High frequencies.
    pub local: BranchOutput,
}

impl Network {
    /// With first weights from a seed; on a device with autodiff they can be trained.
    ///
    /// # Errors
    /// If the architecture makes no sense.
    pub fn new(config: &NetworkConfig, seed: u64, device: &Device) -> Result<Self, NetError> {
        config.check()?;
        let mut init = Init::new(seed, device);
        let init = &mut init;
        Ok(Self {
            residual: Residual::new(init),
            encoder: Encoder::new(config, init),
            xray: Branches::new(config, init),
            moving: Branches::new(config, init),
            global: Evaluation::new(config, init),
            local: Evaluation::new(config, init),
            config: config.clone(),
        })
    }

    /// The architecture.
    #[must_use]
    pub fn config(&self) -> &NetworkConfig {
        &self.config
    }

    /// Where its weights are.
    #[must_use]
    pub fn device(&self) -> Device {
        self.devices().into_iter().next().unwrap_or_default()
    }

    /// The features of X-rays, which do not depend on the pose.
    ///
    /// # Shapes
    /// [batch, 1, rows, columns]
    ///
    /// # Errors
    /// If the images have another size than the network.
    pub fn xray_features(
        &self,
        xrays: Tensor<4>,
        context: &mut Context,
    ) -> Result<Features, NetError> {
        self.check_images("the X-ray", &xrays, 1)?;
        let images = Dual::constant(xrays.repeat_dim(1, IMAGE_CHANNELS));
        Ok(self.xray.forward(self.encoder.forward(images, context), context))
    }

    /// The features of moving images.
    ///
    /// # Shapes
    /// [batch, 3, rows, columns]
    ///
    /// # Errors
    /// If the images have another size than the network.
    pub fn moving_features(
        &self,
        images: Dual<4>,
        context: &mut Context,
    ) -> Result<Features, NetError> {
        self.check_images("the moving image", images.value(), IMAGE_CHANNELS)?;
        Ok(self.moving.forward(self.encoder.forward(images, context), context))
    }

    /// What both branches say.
    #[must_use]
    pub fn evaluate(&self, xray: &Features, moving: &Features) -> Outputs {
        Outputs {
            global: self.global.forward(xray.global.clone(), moving.global.clone()),
            local: self.local.forward(xray.local.clone(), moving.local.clone()),
        }
    }

    fn check_images(
        &self,
        what: &'static str,
        images: &Tensor<4>,
        channels: usize,
    ) -> Result<(), NetError> {
        let found = images.dims();
        let [columns, rows] = self.config.size_px;
        let expected = [found[0], channels, rows, columns];
        match found == expected && found[0] > 0 {
            true => Ok(()),
            false => Err(NetError::Shape { what, found: found.into(), expected: expected.into() }),
        }
    }
}

impl Branches {
    fn new(config: &NetworkConfig, init: &mut Init) -> Self {
        Self {
            global: FourierBlock::new(config.normalization, config.map_px(), init),
            local: InvertibleNetwork::new(init),
        }
    }

    fn forward(&self, encoded: Dual<4>, context: &Context) -> Features {
        Features {
            global: self.global.forward(encoded.clone(), context),
            local: self.local.forward(encoded),
        }
    }
}
