//! Similarity evaluation: from the squared difference of two feature maps to a number, and how much
//! it counts.

use burn::module::Module;

use super::config::DualBranchConfig;
use crate::dual::Dual;
use crate::layer::{Init, Linear};

/// The evaluation of one branch.
#[derive(Module, Debug)]
pub struct Evaluation {
    /// Layers with ReLU after each.
    pub trunk: Vec<Linear>,
    /// Layers with ReLU between them: the score.
    pub score: Vec<Linear>,
    /// Likewise, with a logistic function at the end: the gate.
    pub gate: Vec<Linear>,
}

/// What a branch says of a pair of images.
///
/// # Shapes
/// [batch, 1] each.
#[derive(Debug, Clone)]
pub struct BranchOutput {
    /// How unlike they are.
    pub score: Dual<2>,
    /// How much that counts, 0 to 1.
    pub gate: Dual<2>,
}

impl BranchOutput {
    /// Score times gate.
    #[must_use]
    pub fn gated(&self) -> Dual<2> {
        self.score.clone() * self.gate.clone()
    }
}

impl Evaluation {
    /// With first weights.
    #[must_use]
    pub fn new(config: &DualBranchConfig, init: &mut Init) -> Self {
        let mut layers = |inputs: usize, widths: &[usize]| -> Vec<Linear> {
            let inputs = std::iter::once(inputs).chain(widths.iter().copied());
            inputs
                .zip(widths)
                .map(|(inputs, &outputs)| Linear::new(inputs, outputs, init))
                .collect()
        };
        let summary = config.trunk.last().copied().unwrap_or(1);
        let head = [config.head.as_slice(), &[1]].concat();
        Self {
            trunk: layers(config.features(), &config.trunk),
            score: layers(summary, &head),
            gate: layers(summary, &head),
        }
    }

    /// From the maps of X-ray and moving image.
    #[must_use]
    pub fn forward(&self, xray: Dual<4>, moving: Dual<4>) -> BranchOutput {
        let difference = (xray - moving).square().linear(|x| x.flatten::<2>(1, 3));
        let trunk = self.trunk.iter().fold(difference, |x, layer| layer.forward(x).relu());
        let head = |layers: &[Linear]| {
            let Some((last, hidden)) = layers.split_last() else { return trunk.clone() };
            last.forward(hidden.iter().fold(trunk.clone(), |x, layer| layer.forward(x).relu()))
        };
        BranchOutput { score: head(&self.score), gate: head(&self.gate).sigmoid() }
    }
}
