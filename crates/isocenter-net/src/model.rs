//! What is trained: a network that says how unlike images are, or a regressor that says poses.

use burn::module::Module;
use burn::tensor::Device;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::NetError;
use crate::network::{Network, NetworkConfig, Normalization};
use crate::regressor::{Regressor, RegressorConfig};

/// What is trained; see the [module](self).
#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "there are few, and their weights lie elsewhere")]
pub enum Model {
    /// How unlike images are.
    Network(Network),
    /// Poses.
    Regressor(Regressor),
}

/// Its architecture.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "architecture", rename_all = "kebab-case")]
pub enum ModelConfig {
    /// Of a regressor.
    Rtpi(RegressorConfig),
    /// Of a network, by its own name.
    #[serde(untagged)]
    Network(NetworkConfig),
}

/// What is no network.
#[derive(Deserialize)]
#[serde(tag = "architecture", rename_all = "kebab-case")]
enum Other {
    Rtpi(RegressorConfig),
}

impl<'de> Deserialize<'de> for ModelConfig {
    /// By the name of the architecture, so that an error tells what is wrong with that one.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        let read = match value.get("architecture").and_then(serde_json::Value::as_str) {
            Some("rtpi") => serde_json::from_value(value).map(|Other::Rtpi(of)| Self::Rtpi(of)),
            _ => serde_json::from_value(value).map(Self::Network),
        };
        read.map_err(D::Error::custom)
    }
}

impl<C: Into<NetworkConfig>> From<C> for ModelConfig {
    fn from(config: C) -> Self {
        Self::Network(config.into())
    }
}

impl ModelConfig {
    /// [columns, rows] of the images.
    #[must_use]
    pub fn size_px(&self) -> [usize; 2] {
        match self {
            Self::Rtpi(config) => config.size_px,
            Self::Network(config) => config.size_px(),
        }
    }

    /// What normalises maps.
    #[must_use]
    pub fn normalization(&self) -> Normalization {
        match self {
            Self::Rtpi(config) => config.normalization,
            Self::Network(config) => config.normalization(),
        }
    }

    /// Checks that the architecture can be built.
    ///
    /// # Errors
    /// The first setting that makes no sense.
    pub fn check(&self) -> Result<(), NetError> {
        match self {
            Self::Rtpi(config) => config.check(),
            Self::Network(config) => config.check(),
        }
    }
}

impl Model {
    /// With first weights from a seed; on a device with autodiff they can be trained.
    ///
    /// # Errors
    /// If the architecture makes no sense.
    pub fn new(config: &ModelConfig, seed: u64, device: &Device) -> Result<Self, NetError> {
        Ok(match config {
            ModelConfig::Rtpi(config) => Self::Regressor(Regressor::new(config, seed, device)?),
            ModelConfig::Network(config) => Self::Network(Network::new(config, seed, device)?),
        })
    }

    /// The architecture.
    #[must_use]
    pub fn config(&self) -> ModelConfig {
        match self {
            Self::Regressor(regressor) => ModelConfig::Rtpi(*regressor.config()),
            Self::Network(network) => ModelConfig::Network(network.config()),
        }
    }
}

#[cfg(test)]
mod tests {
    //! Proves: an architecture comes back from its text, of either kind, and a name that there is not is
    //! refused.
    use super::*;
    use crate::network::{DualBranchConfig, ProstConfig};

    #[test]
    fn architectures_come_back() {
        let configs = [
            ModelConfig::Rtpi(RegressorConfig::published()),
            DualBranchConfig::compact().into(),
            ProstConfig::published().into(),
        ];
        for config in configs {
            let text = serde_json::to_string(&config).unwrap();
            assert!(text.starts_with("{\"architecture\":"), "{text}");
            assert_eq!(serde_json::from_str::<ModelConfig>(&text).unwrap(), config);
        }
        let refused =
            |text: &str| serde_json::from_str::<ModelConfig>(text).unwrap_err().to_string();
        let other = refused("{\"architecture\":\"prast\",\"size_px\":[64,64]}");
        assert!(other.contains("`prast`") && other.contains("`prost`"), "{other}");
        let less = refused("{\"architecture\":\"rtpi\",\"size_px\":[64,64]}");
        assert!(less.contains("missing field `normalization`"), "{less}");
    }
}
