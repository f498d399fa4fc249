//! The stages that the commands know: those of the library, and trained networks where some are given.

use anyhow::Result;
use isocenter::register::refine::RefineStage;
use isocenter::register::search::SearchStage;
use isocenter::register::{RegisterConfig, StageRegistry};
use serde::{Deserialize, Serialize};

use crate::cli::NetworkArgs;

/// The names of the stages of a network and of a regressor.
const NETWORK: &str = "network";
const REGRESSOR: &str = "regressor";

/// What a registration's stages are made by.
pub(crate) struct Stages {
    pub(crate) registry: StageRegistry,
    pub(crate) networks: Networks,
}

/// The trained networks that are given; a part of `result.json`.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Networks {
    /// Of the stage `network`.
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<NetworkIdentity>,
    /// Of the stage `regressor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    regressor: Option<NetworkIdentity>,
}

/// Which network it is. The name of its file is left out: it may name a patient.
#[derive(Debug, Serialize)]
struct NetworkIdentity {
    /// Of its checkpoint's bytes.
    fingerprint: String,
    /// Steps that it was trained for.
    steps: u64,
}

/// The fingerprints of the checkpoints that are given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fingerprints {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) network: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) regressor: Option<String>,
}

impl Networks {
    pub(crate) fn fingerprints(&self) -> Fingerprints {
        let of = |identity: &Option<NetworkIdentity>| {
            identity.as_ref().map(|identity| identity.fingerprint.clone())
        };
        Fingerprints { network: of(&self.network), regressor: of(&self.regressor) }
    }
}

/// The stages of the library and the networks of the arguments.
#[cfg(feature = "network")]
pub(crate) fn stages(args: &NetworkArgs) -> Result<Stages> {
    use isocenter_net::{NetworkStage, RegressorStage, TrainedNetwork, TrainedRegressor};

    let mut registry = StageRegistry::default();
    let device = args.device.device();
    let network = given(args.network.as_deref(), |checkpoint| {
        NetworkStage::register(TrainedNetwork::new(checkpoint, &device)?, &mut registry);
        Ok(())
    })?;
    let regressor = given(args.regressor.as_deref(), |checkpoint| {
        RegressorStage::register(TrainedRegressor::new(checkpoint, &device)?, &mut registry);
        Ok(())
    })?;
    Ok(Stages { registry, networks: Networks { network, regressor } })
}

/// Makes a stage of the checkpoint in a file, if there is one.
#[cfg(feature = "network")]
fn given(
    path: Option<&std::path::Path>,
    register: impl FnOnce(&isocenter_net::Checkpoint) -> Result<(), isocenter_net::NetError>,
) -> Result<Option<NetworkIdentity>> {
    use anyhow::Context;

    let Some(path) = path else { return Ok(None) };
    let place = || path.display().to_string();
    let bytes = std::fs::read(path).with_context(place)?;
    let checkpoint = isocenter_net::Checkpoint::from_bytes(&bytes).with_context(place)?;
    register(&checkpoint).with_context(place)?;
    let fingerprint = crate::fingerprint::fingerprint(&bytes);
    Ok(Some(NetworkIdentity { fingerprint, steps: checkpoint.header.step }))
}

/// The stages of the library.
#[cfg(not(feature = "network"))]
pub(crate) fn stages(_: &NetworkArgs) -> Result<Stages> {
    Ok(Stages { registry: StageRegistry::default(), networks: Networks::default() })
}

/// Puts the networks that are given to work, unless the settings name their stages already: a regressor
/// instead of the search, a network before the refinement.
pub(crate) fn with_networks(config: &mut RegisterConfig, networks: &Networks) {
    let stages = &mut config.stages;
    let named = |stages: &[String], name: &str| stages.iter().position(|stage| stage == name);
    if networks.regressor.is_some() && named(stages, REGRESSOR).is_none() {
        stages.retain(|stage| stage != SearchStage::NAME);
        stages.insert(0, REGRESSOR.to_owned());
    }
    if networks.network.is_some() && named(stages, NETWORK).is_none() {
        let at = named(stages, RefineStage::NAME).unwrap_or(stages.len());
        stages.insert(at, NETWORK.to_owned());
    }
}
