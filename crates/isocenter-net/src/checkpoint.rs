//! What is kept of a training: weights, what the optimiser remembers, and what they belong to, in one
//! safetensors file.
//!
//! | tensors | |
//! |---|---|
//! | `network.*` | weights and running statistics, by the paths of [`weights`] |
//! | `balance.*` | the weights of the losses |
//! | `optimizer.mean.*`, `optimizer.square.*` | moments of the gradients, by the paths above |
//!
//! The file's metadata has one entry, `isocenter`: a [`Header`] as JSON.

use std::collections::{BTreeMap, HashMap};

use burn::tensor::Device;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};

use crate::error::NetError;
use crate::metric::PoseMetric;
use crate::model::ModelConfig;
use crate::network::Network;
use crate::regressor::Regressor;
use crate::scene::Descent;
use crate::weights::{self, Array, Arrays};

/// The version of the format that this program writes and reads.
const FORMAT: u32 = 3;

/// The entry of the metadata.
const ENTRY: &str = "isocenter";

/// What the tensors belong to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Version of the format.
    pub format: u32,
    /// The architecture.
    pub network: ModelConfig,
    /// Which number a network descends; of a regressor it tells nothing.
    pub descent: Descent,
    /// In which metric a network's gradient was trained, and is followed; of a regressor it tells nothing.
    pub metric: PoseMetric,
    /// The voxels of the moving volume, about (mm).
    pub voxel_spacing_mm: f64,
    /// Steps trained.
    pub step: u64,
    /// The settings of the training, as its file had them.
    pub training: String,
}

/// A checkpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// What the tensors belong to.
    pub header: Header,
    /// Of the network.
    pub network: Arrays,
    /// Of the losses' balance.
    pub balance: Arrays,
    /// The optimiser's mean gradients and mean squares.
    pub moments: [Arrays; 2],
}

/// The kinds of models, in messages.
const NETWORK_MODEL: &str = "a network that compares images";
const REGRESSOR: &str = "a regressor of poses";

const NETWORK: &str = "network.";
const BALANCE: &str = "balance.";
const MOMENTS: [&str; 2] = ["optimizer.mean.", "optimizer.square."];

impl Header {
    /// Of a model that was not trained here.
    #[must_use]
    pub fn new(
        network: ModelConfig,
        descent: Descent,
        metric: PoseMetric,
        voxel_spacing_mm: f64,
    ) -> Self {
        let (format, step, training) = (FORMAT, 0, String::new());
        Self { format, network, descent, metric, voxel_spacing_mm, step, training }
    }
}

impl Checkpoint {
    /// The network with these weights, on a device.
    ///
    /// # Errors
    /// If it is a regressor, or weights are missing or have other shapes than the architecture says.
    pub fn network_on(&self, device: &Device) -> Result<Network, NetError> {
        match &self.header.network {
            ModelConfig::Network(config) => {
                weights::put(Network::new(config, 0, device)?, &self.network)
            }
            ModelConfig::Rtpi(_) => Err(NetError::OtherModel {
                found: REGRESSOR,
                expected: NETWORK_MODEL,
                flag: "--regressor",
            }),
        }
    }

    /// The regressor with these weights, on a device.
    ///
    /// # Errors
    /// If it is no regressor, or weights are missing or have other shapes than the architecture says.
    pub fn regressor_on(&self, device: &Device) -> Result<Regressor, NetError> {
        match &self.header.network {
            ModelConfig::Rtpi(config) => {
                weights::put(Regressor::new(config, 0, device)?, &self.network)
            }
            ModelConfig::Network(_) => Err(NetError::OtherModel {
                found: NETWORK_MODEL,
                expected: REGRESSOR,
                flag: "--network",
            }),
        }
    }

    /// The bytes of its file: the same for the same checkpoint.
    ///
    /// # Errors
    /// If a tensor has another number of values than its shape says.
    pub fn to_bytes(&self) -> Result<Vec<u8>, NetError> {
        let parts = [
            (NETWORK, &self.network),
            (BALANCE, &self.balance),
            (MOMENTS[0], &self.moments[0]),
            (MOMENTS[1], &self.moments[1]),
        ];
        let mut all: BTreeMap<String, (&Array, Vec<u8>)> = BTreeMap::new();
        for (prefix, arrays) in parts {
            for (path, array) in arrays {
                let bytes = array.values.iter().flat_map(|value| value.to_le_bytes()).collect();
                all.insert(format!("{prefix}{path}"), (array, bytes));
            }
        }
        let views = all.iter().map(|(name, (array, bytes))| {
            let view = TensorView::new(Dtype::F32, array.shape.clone(), bytes)?;
            Ok((name.as_str(), view))
        });
        let views = views.collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?;
        let header = serde_json::to_string(&self.header)?;
        let metadata = HashMap::from([(ENTRY.to_owned(), header)]);
        Ok(safetensors::serialize(views, Some(metadata))?)
    }

    /// From the bytes of a file.
    ///
    /// # Errors
    /// If they are no checkpoint, one of another version, or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NetError> {
        let (_, metadata) = SafeTensors::read_metadata(bytes)?;
        let entry = metadata.metadata().as_ref().and_then(|entries| entries.get(ENTRY));
        let entry = entry.ok_or(NetError::NoCheckpoint)?;
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let Version { format } = serde_json::from_str(entry)?;
        if format != FORMAT {
            return Err(NetError::Format { found: format, expected: FORMAT });
        }
        let header: Header = serde_json::from_str(entry)?;
        header.network.check()?;
        if let ModelConfig::Network(network) = &header.network {
            header.descent.check(network)?;
            header.descent.check_metric(header.metric)?;
        }
        let mut checkpoint = Self {
            header,
            network: Arrays::new(),
            balance: Arrays::new(),
            moments: Default::default(),
        };
        for (name, view) in SafeTensors::deserialize(bytes)?.iter() {
            let (arrays, path) = checkpoint.part(name)?;
            if view.dtype() != Dtype::F32 {
                let (path, found) = (name.to_owned(), format!("{:?}", view.dtype()));
                return Err(NetError::WeightType { path, found });
            }
            let (values, _) = view.data().as_chunks::<4>();
            let values: Vec<f32> = values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            if let Some(value) = values.iter().find(|value| !value.is_finite()) {
                return Err(NetError::WeightNotFinite { path: name.to_owned(), found: *value });
            }
            arrays.insert(path.to_owned(), Array { shape: view.shape().to_vec(), values });
        }
        Ok(checkpoint)
    }

    /// Where a tensor belongs.
    fn part<'a>(&mut self, name: &'a str) -> Result<(&mut Arrays, &'a str), NetError> {
        let [mean, square] = &mut self.moments;
        let parts = [
            (NETWORK, &mut self.network),
            (BALANCE, &mut self.balance),
            (MOMENTS[0], mean),
            (MOMENTS[1], square),
        ];
        for (prefix, arrays) in parts {
            if let Some(path) = name.strip_prefix(prefix) {
                return Ok((arrays, path));
            }
        }
        Err(NetError::WeightUnknown { path: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    //! Proves: a checkpoint comes back bit by bit, its bytes are always the same, and another
    //! version, another architecture or a damaged file is refused by what differs.
    use super::*;
    use crate::model::Model;
    use crate::network::{DualBranchConfig, SopiConfig};
    use crate::regressor::RegressorConfig;

    fn config() -> DualBranchConfig {
        DualBranchConfig { size_px: [32, 32], ..DualBranchConfig::compact() }
    }

    fn checkpoint() -> Checkpoint {
        checkpoint_of(config().into())
    }

    fn checkpoint_of(config: ModelConfig) -> Checkpoint {
        let model = Model::new(&config, 3, &Device::flex()).unwrap();
        let network = weights::of(&model).unwrap();
        let one = |value| Array { shape: vec![2], values: vec![value, 1.0] };
        let arrays = |value| Arrays::from([("network.residual.x".to_owned(), one(value))]);
        Checkpoint {
            header: Header::new(config, Descent::Sum, PoseMetric::Radiograph, 5.0),
            network,
            balance: Arrays::from([("log_variances".to_owned(), one(0.5))]),
            moments: [arrays(2.0), arrays(3.0)],
        }
    }

    #[test]
    fn it_comes_back() {
        let composite = SopiConfig { size_px: [32, 32], ..SopiConfig::published() };
        for config in [config().into(), composite.into()] {
            let before = checkpoint_of(config);
            let bytes = before.to_bytes().unwrap();
            assert_eq!(bytes, before.to_bytes().unwrap());
            let after = Checkpoint::from_bytes(&bytes).unwrap();
            assert!(after == before);
            let network = after.network_on(&Device::flex()).unwrap();
            assert!(weights::of(&network).unwrap() == before.network);
            let refused = after.regressor_on(&Device::flex()).unwrap_err().to_string();
            assert!(refused.contains("--network"), "{refused}");
        }
    }

    #[test]
    fn a_regressor_comes_back_as_one() {
        let config = RegressorConfig { size_px: [32, 32], ..RegressorConfig::published() };
        let before = checkpoint_of(ModelConfig::Rtpi(config));
        let after = Checkpoint::from_bytes(&before.to_bytes().unwrap()).unwrap();
        assert!(after == before);
        let regressor = after.regressor_on(&Device::flex()).unwrap();
        assert_eq!(regressor.config(), &config);
        assert!(weights::of(&regressor).unwrap() == before.network);
        let refused = after.network_on(&Device::flex()).unwrap_err().to_string();
        assert!(refused.contains("--regressor"), "{refused}");
    }

    #[test]
    fn what_does_not_fit_is_refused_by_what_differs() {
        let message = |checkpoint: &Checkpoint| {
            let bytes = checkpoint.to_bytes().unwrap();
            match Checkpoint::from_bytes(&bytes) {
                Ok(read) => read.network_on(&Device::flex()).unwrap_err().to_string(),
                Err(error) => error.to_string(),
            }
        };
        let mut other = checkpoint();
        other.header.format = 7;
        assert!(
            message(&other).contains("version 7")
                && message(&other).contains(&format!("version {FORMAT}"))
        );
        // As version 2 had it.
        let mut header = serde_json::to_value(checkpoint().header).unwrap();
        header["format"] = 2.into();
        assert!(header.as_object_mut().unwrap().remove("metric").is_some());
        let metadata = HashMap::from([(ENTRY.to_owned(), header.to_string())]);
        let nothing = Vec::<(&str, TensorView<'_>)>::new();
        let older = safetensors::serialize(nothing, Some(metadata)).unwrap();
        let text = Checkpoint::from_bytes(&older).unwrap_err().to_string();
        assert!(text.contains("version 2"), "{text}");
        let mut other = checkpoint();
        other.header.descent = Descent::SigmoidProduct;
        assert!(message(&other).contains("objective.metric is radiograph"), "{}", message(&other));
        let mut other = checkpoint();
        let wider = DualBranchConfig { trunk: vec![512, 128], ..config() };
        other.header.network = wider.into();
        let text = message(&other);
        assert!(text.contains("trunk") || text.contains("global.trunk.1"), "{text}");
        assert!(text.contains("256") && text.contains("128"), "{text}");
        let mut other = checkpoint();
        let lost = other.network.pop_first().unwrap().0;
        assert!(message(&other).contains(&lost));
        let mut other = checkpoint();
        if let Some(array) = other.network.values_mut().next() {
            array.values[0] = f32::NAN;
        }
        assert!(message(&other).contains("NaN"));

        let bytes = checkpoint().to_bytes().unwrap();
        for length in [0, 7, 100, bytes.len() - 1] {
            assert!(Checkpoint::from_bytes(&bytes[..length]).is_err());
        }
        let foreign = safetensors::serialize(Vec::<(&str, TensorView<'_>)>::new(), None).unwrap();
        let text = Checkpoint::from_bytes(&foreign).unwrap_err().to_string();
        assert!(text.contains("isocenter train"), "{text}");
    }
}
