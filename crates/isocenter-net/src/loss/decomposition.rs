//! The correlation of features: local ones of X-ray and moving image shall correlate, global ones
//! shall not.
//!
//! ```text
//! bounded     NCC(G(x), G(m))^2 / (NCC(L(x), L(m)) + 1.01)
//! published   NCC(G(x), G(m))   / (NCC(L(x), L(m)) + 1.01)
//! ```
//!
//! The published form is least where the global features are anticorrelated; with learned weights
//! the total loss then has no lower bound, which is why it goes with fixed weights only.
//!
//! # References
//! arXiv:2402.02498, section 2.3; Z. Zhao et al., arXiv:2211.14461 (correlation-driven decomposition)

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::network::{BranchFeatures, Features};

/// Which form the loss has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DecompositionForm {
    /// With the square.
    Bounded,
    /// Without.
    Published,
}

/// The loss and the two correlations that it is made of.
///
/// # Shapes
/// One number each.
#[derive(Debug, Clone)]
pub struct Decomposition {
    /// L_decomp.
    pub loss: Tensor<1>,
    /// NCC(G(x), G(m))
    pub global: Tensor<1>,
    /// NCC(L(x), L(m))
    pub local: Tensor<1>,
}

/// Keeps the denominator above zero.
const OFFSET: f64 = 1.01;

/// Added to variances.
const EPSILON: f64 = 1e-6;

/// L_decomp of the features of X-rays and moving images, for a network that has branches.
#[must_use]
pub fn decomposition(
    xray: &Features,
    moving: &Features,
    form: DecompositionForm,
) -> Option<Decomposition> {
    match (xray, moving) {
        (Features::Branches(xray), Features::Branches(moving)) => {
            Some(of_branches(xray, moving, form))
        }
        _ => None,
    }
}

fn of_branches(
    xray: &BranchFeatures,
    moving: &BranchFeatures,
    form: DecompositionForm,
) -> Decomposition {
    let global = correlation(xray.global.value(), moving.global.value());
    let local = correlation(xray.local.value(), moving.local.value());
    let numerator = match form {
        DecompositionForm::Bounded => global.clone().square(),
        DecompositionForm::Published => global.clone(),
    };
    Decomposition { loss: numerator / (local.clone() + OFFSET), global, local }
}

/// The mean over samples and channels of the correlation of maps.
fn correlation(x: &Tensor<4>, m: &Tensor<4>) -> Tensor<1> {
    let centered = |maps: &Tensor<4>| maps.clone() - maps.clone().mean_dims(&[2, 3]);
    let (x, m) = (centered(x), centered(m));
    let deviation = |maps: &Tensor<4>| (maps.clone().square().mean_dims(&[2, 3]) + EPSILON).sqrt();
    let product = deviation(&x) * deviation(&m);
    ((x * m).mean_dims(&[2, 3]) / product).mean()
}
