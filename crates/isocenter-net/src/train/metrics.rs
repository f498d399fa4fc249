//! What a step gave, as `metrics.jsonl` has it.

use serde::{Deserialize, Serialize};

/// What a step gave: a line of `metrics.jsonl`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// The number of the step, the first is 1.
    pub step: u64,
    /// All together.
    pub loss: f64,
    /// What else a step of this kind of model gives.
    #[serde(flatten)]
    pub of: MetricsOf,
    /// The length of all gradients together, before they are shortened.
    pub gradient_norm: f64,
    /// The learning rate.
    pub learning_rate: f64,
}

/// What a step gave, by the kind of model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MetricsOf {
    /// Of a network.
    Network(NetworkMetrics),
    /// Of a regressor.
    Regressor(RegressorMetrics),
}

/// What a step of a network gave.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NetworkMetrics {
    /// L_appro.
    pub approximation: f64,
    /// L_decomp, for a network that has branches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decomposition: Option<f64>,
    /// Cosine between the network's pose gradient and the geodesic one, rotations, mean of the
    /// batch, in training mode.
    pub cosine_rotation: f64,
    /// The same of translations.
    pub cosine_translation: f64,
    /// NCC(G(x), G(m)), likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ncc_global: Option<f64>,
    /// NCC(L(x), L(m)), likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ncc_local: Option<f64>,
    /// The deviation that divides L_appro.
    pub s1: f64,
    /// The deviation that divides L_decomp, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s2: Option<f64>,
}

/// What a step of a regressor gave; means of the batch, in training mode.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RegressorMetrics {
    /// Angle between the rotation that is said and the true one (degrees).
    pub rotation_error_deg: f64,
    /// Distance of the pivot from its true place (mm).
    pub shift_error_mm: f64,
    /// NCC of X-ray and radiograph at the pose that is said.
    pub ncc: f64,
}

impl Metrics {
    /// Those of a network.
    #[must_use]
    pub fn network(&self) -> Option<&NetworkMetrics> {
        match &self.of {
            MetricsOf::Network(of) => Some(of),
            MetricsOf::Regressor(_) => None,
        }
    }

    /// Those of a regressor.
    #[must_use]
    pub fn regressor(&self) -> Option<&RegressorMetrics> {
        match &self.of {
            MetricsOf::Network(_) => None,
            MetricsOf::Regressor(of) => Some(of),
        }
    }
}

#[cfg(test)]
mod tests {
    //! Proves: a line comes back from its text, of either kind.
    use super::*;

    #[test]
    fn lines_come_back() {
        let network = NetworkMetrics {
            approximation: 0.5,
            decomposition: None,
            cosine_rotation: 0.25,
            cosine_translation: -0.125,
            ncc_global: Some(0.75),
            ncc_local: None,
            s1: 1.0,
            s2: None,
        };
        let regressor = RegressorMetrics { rotation_error_deg: 2.0, shift_error_mm: 8.0, ncc: 0.5 };
        for of in [MetricsOf::Network(network), MetricsOf::Regressor(regressor)] {
            let line = Metrics { step: 3, loss: 0.5, of, gradient_norm: 1.5, learning_rate: 0.25 };
            let text = serde_json::to_string(&line).unwrap();
            assert_eq!(serde_json::from_str::<Metrics>(&text).unwrap(), line);
            assert_eq!(line.network().is_some(), text.contains("\"approximation\":0.5"));
            assert_eq!(line.regressor().is_some(), text.contains("\"shift_error_mm\":8.0"));
        }
    }
}
