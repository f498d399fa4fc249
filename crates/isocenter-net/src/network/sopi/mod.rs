//! The baseline of composite encoders: two of them, and the distance between what they give.
//!
//! ```text
//! CT ── projector ── moving image ── composite encoder ──┐
//!                                                        ├── mean of squared differences: L_net
//! X-ray ──────────────────────────── composite encoder ──┘
//! ```
//!
//! Nothing is added to the CT before it is projected, and no weight is shared between the encoders. Each
//! gives maps of three levels; L_net is the sum of their mean squared differences.
//!
//! - [`encoder`] - [`CompositeEncoder`], from an image to the maps
//! - [`cascade`] - [`CascadeBlock`], what it is made of: three scales, brought together again
//! - [`attention`] - [`AttentionBottleneck`], what that is made of
//!
//! # What is published, and what is not
//! Layers, their widths and their order are those of the authors' `src/module.py`
//! (<https://github.com/m1nhengChen/SOPI>). There the two branches are `branche1` (here
//! [`assisting`](CompositeEncoder::assisting)) and `branche2` ([`lead`](CompositeEncoder::lead)). Where
//! revisions of that file differ, its last one counts: layer normalisation is over the channels of each
//! pixel; earlier ones have it over rows of pixels, or name functions that are not there.
//!
//! - Split attention has kernels of one pixel and nothing that normalises its parts: so it is called there.
//! - Of the authors' training the last revision compares the coarsest of the three levels alone
//!   (`levels = 1`), their registration all three (`levels = 3`); the last weights of the encoder are not
//!   used by the former. Here one number is descended and the gradient of that one is trained, so that it
//!   is a choice: three, if not said.
//! - Earlier revisions of the training, and the registration, weigh the differences by a projected mask of
//!   the CT. That is no part of this: the moving image shows some labels alone (`moving_labels`), as in the
//!   last revision.
//! - What the CT's numbers are, how bright the moving image is, and the X-ray's range are this crate's
//!   ([`moving`](crate::moving), [`xray`](crate::xray)).
//! - The regressor that gives the publication's registrations their start is a model of its own
//!   ([`regressor`](crate::regressor)).
//!
//! # References
//! M. Chen, Z. Zhang, S. Gu, Y. Kong, *Embedded Feature Similarity Optimization with Specific Parameter
//! Initialization for 2D/3D Medical Image Registration*, ICASSP 2024, arXiv:2305.06252

pub mod attention;
pub mod cascade;
pub mod encoder;

use burn::module::Module;

pub use attention::AttentionBottleneck;
pub use cascade::CascadeBlock;
pub use encoder::CompositeEncoder;

use super::config::SopiConfig;
use super::residual::Residual;
use crate::dual::Dual;
use crate::layer::{Context, Init};

/// See the [module](self).
#[derive(Module, Debug)]
pub struct Sopi {
    /// Adds nothing to the CT.
    pub residual: Residual,
    /// Of moving images.
    pub moving: CompositeEncoder,
    /// Of X-rays.
    pub xray: CompositeEncoder,
    #[module(skip)]
    config: SopiConfig,
}

impl Sopi {
    /// With first weights, of an architecture that makes sense.
    #[must_use]
    pub fn new(config: &SopiConfig, init: &mut Init) -> Self {
        Self {
            residual: Residual::none(),
            moving: CompositeEncoder::new(config.normalization, init),
            xray: CompositeEncoder::new(config.normalization, init),
            config: *config,
        }
    }

    pub(super) fn config(&self) -> &SopiConfig {
        &self.config
    }

    /// [batch, 1, rows, columns]
    pub(super) fn xray_features(&self, xrays: Dual<4>, context: &Context) -> Vec<Dual<4>> {
        self.compared(self.xray.forward(xrays, context))
    }

    /// [batch, 1, rows, columns]
    pub(super) fn moving_features(&self, images: Dual<4>, context: &Context) -> Vec<Dual<4>> {
        self.compared(self.moving.forward(images, context))
    }

    /// The coarsest levels, as many as are compared.
    fn compared(&self, levels: [Dual<4>; 3]) -> Vec<Dual<4>> {
        let left_out = levels.len().saturating_sub(self.config.levels);
        levels.into_iter().skip(left_out).collect()
    }
}
