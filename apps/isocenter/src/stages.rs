//! The stages that the commands know: those of the library, and a trained network where one is given.

use anyhow::Result;
use isocenter::register::refine::RefineStage;
use isocenter::register::{RegisterConfig, StageRegistry};

use crate::cli::NetworkArgs;

/// The name of the network's stage.
const NETWORK: &str = "network";

/// The stages, and what tells one network from another.
pub(crate) struct Stages {
    pub(crate) registry: StageRegistry,
    /// Of the network's checkpoint.
    pub(crate) network_fingerprint: Option<String>,
}

/// The stages of the library and the network of the arguments.
#[cfg(feature = "network")]
pub(crate) fn stages(args: &NetworkArgs) -> Result<Stages> {
    use anyhow::Context;
    use isocenter_net::{Checkpoint, NetworkStage, TrainedNetwork};

    let mut registry = StageRegistry::default();
    let Some(path) = &args.network else {
        return Ok(Stages { registry, network_fingerprint: None });
    };
    let place = || path.display().to_string();
    let bytes = std::fs::read(path).with_context(place)?;
    let checkpoint = Checkpoint::from_bytes(&bytes).with_context(place)?;
    let trained = TrainedNetwork::new(&checkpoint, &args.device.device()).with_context(place)?;
    NetworkStage::register(trained, &mut registry);
    let network_fingerprint = Some(crate::evaluation::fingerprint(&bytes));
    Ok(Stages { registry, network_fingerprint })
}

/// The stages of the library.
#[cfg(not(feature = "network"))]
pub(crate) fn stages(_: &NetworkArgs) -> Result<Stages> {
    Ok(Stages { registry: StageRegistry::default(), network_fingerprint: None })
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
