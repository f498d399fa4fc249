//! The stages that the commands know: those of the library, and a trained network where one is given.

use anyhow::Result;
use isocenter::register::refine::RefineStage;
use isocenter::register::{RegisterConfig, StageRegistry};
use serde::Serialize;

use crate::cli::NetworkArgs;

/// The name of the network's stage.
const NETWORK: &str = "network";

/// What a registration's stages are made by.
pub(crate) struct Stages {
    pub(crate) registry: StageRegistry,
    /// Where one is given.
    pub(crate) network: Option<NetworkIdentity>,
}

/// Which network it is; a part of `result.json`. The name of its file is left out: it may name a patient.
#[derive(Debug, Serialize)]
pub(crate) struct NetworkIdentity {
    /// Of its checkpoint's bytes.
    pub(crate) fingerprint: String,
    /// Steps that it was trained for.
    pub(crate) steps: u64,
}

/// The stages of the library and the network of the arguments.
#[cfg(feature = "network")]
pub(crate) fn stages(args: &NetworkArgs) -> Result<Stages> {
    use anyhow::Context;
    use isocenter_net::{Checkpoint, NetworkStage, TrainedNetwork};

    use crate::fingerprint::fingerprint;

    let mut registry = StageRegistry::default();
    let Some(path) = args.checkpoint() else { return Ok(Stages { registry, network: None }) };
    let place = || path.display().to_string();
    let bytes = std::fs::read(path).with_context(place)?;
    let checkpoint = Checkpoint::from_bytes(&bytes).with_context(place)?;
    let trained = TrainedNetwork::new(&checkpoint, &args.device.device()).with_context(place)?;
    NetworkStage::register(trained, &mut registry);
    let network =
        NetworkIdentity { fingerprint: fingerprint(&bytes), steps: checkpoint.header.step };
    Ok(Stages { registry, network: Some(network) })
}

/// The stages of the library.
#[cfg(not(feature = "network"))]
pub(crate) fn stages(_: &NetworkArgs) -> Result<Stages> {
    Ok(Stages { registry: StageRegistry::default(), network: None })
}

/// Puts the network before the refinement, unless the settings name it already.
pub(crate) fn with_network(config: &mut RegisterConfig) {
    if config.stages.iter().any(|stage| stage == NETWORK) {
        return;
    }
    let refine = config.stages.iter().position(|stage| stage == RefineStage::NAME);
    let at = refine.unwrap_or(config.stages.len());
    config.stages.insert(at, NETWORK.to_owned());
}
