//! Networks that say how unlike a radiograph and an X-ray are, made so that their gradient shows the
//! way to the right pose.
//!
//! All have the same parts: features may be added to the CT before it is projected, moving image and X-ray
//! are encoded each by itself, and the codes compared.
//!
//! - [`config`] - [`NetworkConfig`], the architecture as data
//! - [`dual_branch`] - [`DualBranch`], the correlation-driven dual-branch network
//! - [`prost`] - [`Prost`], a baseline that it is compared with
//! - [`sopi`] - [`Sopi`], another one
//! - [`residual`] - [`Residual`], three channels of features beside the CT
//! - [`encoder`] - [`Encoder`], shared by both images
//! - [`fourier`] - [`FourierBlock`], the global branch
//! - [`invertible`] - [`InvertibleNetwork`], the local branch
//! - [`evaluation`] - [`Evaluation`], differences to scores and gates
//! - [`mod@distance`] - differences to a distance, of the baselines
//! - [`norm`] - [`Norm`], batch or group normalisation

pub mod config;
pub mod distance;
pub mod dual_branch;
pub mod encoder;
pub mod evaluation;
pub mod fourier;
pub mod invertible;
pub mod norm;
pub mod prost;
pub mod residual;
pub mod sopi;

use burn::module::Module;
use burn::tensor::{Device, Tensor};

pub use config::{DualBranchConfig, NetworkConfig, Normalization, ProstConfig, SopiConfig};
pub use distance::distance;
pub use dual_branch::{BranchFeatures, BranchOutputs, DualBranch};
pub use encoder::Encoder;
pub use evaluation::{BranchOutput, Evaluation};
pub use fourier::FourierBlock;
pub use invertible::InvertibleNetwork;
pub use norm::Norm;
pub use prost::Prost;
pub use residual::{Residual, ResidualPass};
pub use sopi::Sopi;

use crate::dual::Dual;
use crate::error::NetError;
use crate::layer::{Context, Init};

/// A network; see the [module](self).
#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "there are few, and their weights lie elsewhere")]
pub enum Network {
    /// The correlation-driven dual-branch network.
    DualBranch(DualBranch),
    /// The baseline of plain encoders.
    Prost(Prost),
    /// The baseline of composite encoders.
    Sopi(Sopi),
}

/// What a network sees in an image.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "there are few, and their values lie elsewhere")]
pub enum Features {
    /// What both branches see.
    Branches(BranchFeatures),
    /// The maps of an encoding, from fine to coarse.
    Encoding(Vec<Dual<4>>),
}

/// What a network says of pairs of images.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "there are few, and their values lie elsewhere")]
pub enum Outputs {
    /// What both branches say.
    Branches(BranchOutputs),
    /// How far their encodings are apart: [batch, 1].
    Distance(Dual<2>),
}

impl Features {
    /// The maps, each with its name.
    #[must_use]
    pub fn maps(&self) -> Vec<(&'static str, &Dual<4>)> {
        match self {
            Self::Branches(BranchFeatures { global, local }) => {
                vec![("global", global), ("local", local)]
            }
            Self::Encoding(maps) => match maps.as_slice() {
                [fine, middle, coarse] => {
                    vec![("fine level", fine), ("middle level", middle), ("coarse level", coarse)]
                }
                maps => maps.iter().map(|map| ("encoding", map)).collect(),
            },
        }
    }

    /// The values, as constants.
    #[must_use]
    pub(crate) fn without_autodiff(&self) -> Self {
        let plain = |x: &Dual<4>| Dual::constant(x.value().clone().without_autodiff());
        match self {
            Self::Branches(BranchFeatures { global, local }) => {
                Self::Branches(BranchFeatures { global: plain(global), local: plain(local) })
            }
            Self::Encoding(maps) => Self::Encoding(maps.iter().map(plain).collect()),
        }
    }
}

impl Network {
    /// With first weights from a seed; on a device with autodiff they can be trained.
    ///
    /// # Errors
    /// If the architecture makes no sense.
    pub fn new(config: &NetworkConfig, seed: u64, device: &Device) -> Result<Self, NetError> {
        config.check()?;
        let init = &mut Init::new(seed, device);
        Ok(match config {
            NetworkConfig::DualBranch(config) => Self::DualBranch(DualBranch::new(config, init)),
            NetworkConfig::Prost(config) => Self::Prost(Prost::new(config, init)),
            NetworkConfig::Sopi(config) => Self::Sopi(Sopi::new(config, init)),
        })
    }

    /// The architecture.
    #[must_use]
    pub fn config(&self) -> NetworkConfig {
        match self {
            Self::DualBranch(network) => NetworkConfig::DualBranch(network.config().clone()),
            Self::Prost(network) => NetworkConfig::Prost(*network.config()),
            Self::Sopi(network) => NetworkConfig::Sopi(*network.config()),
        }
    }

    /// What is added to the CT.
    #[must_use]
    pub fn residual(&self) -> &Residual {
        match self {
            Self::DualBranch(network) => &network.residual,
            Self::Prost(network) => &network.residual,
            Self::Sopi(network) => &network.residual,
        }
    }

    /// Where its weights are.
    #[must_use]
    pub fn device(&self) -> Device {
        self.devices().into_iter().next().unwrap_or_default()
    }

    /// [columns, rows] of the images.
    #[must_use]
    pub fn size_px(&self) -> [usize; 2] {
        self.config().size_px()
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
        let xrays = Dual::constant(xrays);
        Ok(match self {
            Self::DualBranch(network) => Features::Branches(network.xray_features(xrays, context)),
            Self::Prost(network) => Features::Encoding(vec![network.xray.forward(xrays, context)]),
            Self::Sopi(network) => Features::Encoding(network.xray_features(xrays, context)),
        })
    }

    /// The features of moving images.
    ///
    /// # Shapes
    /// [batch, channels, rows, columns], the channels being those of the volume that is projected
    /// ([`Residual::channels`]).
    ///
    /// # Errors
    /// If the images have another size than the network.
    pub fn moving_features(
        &self,
        images: Dual<4>,
        context: &mut Context,
    ) -> Result<Features, NetError> {
        self.check_images("the moving image", images.value(), self.residual().channels())?;
        Ok(match self {
            Self::DualBranch(network) => {
                Features::Branches(network.moving_features(images, context))
            }
            Self::Prost(network) => {
                Features::Encoding(vec![network.moving.forward(images, context)])
            }
            Self::Sopi(network) => Features::Encoding(network.moving_features(images, context)),
        })
    }

    /// What the network says of the features of X-rays and moving images.
    ///
    /// # Errors
    /// If features are those of another architecture.
    pub fn evaluate(&self, xray: &Features, moving: &Features) -> Result<Outputs, NetError> {
        match (self, xray, moving) {
            (Self::DualBranch(network), Features::Branches(xray), Features::Branches(moving)) => {
                Ok(Outputs::Branches(network.evaluate(xray, moving)))
            }
            (
                Self::Prost(_) | Self::Sopi(_),
                Features::Encoding(xray),
                Features::Encoding(moving),
            ) => distance(xray, moving).map(Outputs::Distance).ok_or(NetError::OtherFeatures),
            _ => Err(NetError::OtherFeatures),
        }
    }

    fn check_images(
        &self,
        what: &'static str,
        images: &Tensor<4>,
        channels: usize,
    ) -> Result<(), NetError> {
        let found = images.dims();
        let [columns, rows] = self.size_px();
        let expected = [found[0], channels, rows, columns];
        match found == expected && found[0] > 0 {
            true => Ok(()),
            false => Err(NetError::Shape { what, found: found.into(), expected: expected.into() }),
        }
    }
}
