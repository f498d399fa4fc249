//! The stages that the commands know: those of the library, and a trained network where one is given.

use anyhow::Result;
use isocenter::register::refine::RefineStage;
use isocenter::register::{RegisterConfig, StageRegistry};

use crate::cli::NetworkArgs;

/// The name of the network's stage.
const NETWORK: &str = "network";

/// The stages of the library and the network of the arguments.
#[cfg(feature = "network")]
pub(crate) fn stages(args: &NetworkArgs) -> Result<StageRegistry> {
    use anyhow::Context;
    use isocenter_net::{NetworkStage, TrainedNetwork};

    let mut registry = StageRegistry::default();
    if let Some(path) = args.checkpoint() {
        let checkpoint = crate::training::read_checkpoint(path)?;
        let trained = TrainedNetwork::new(&checkpoint, &args.device.device())
            .with_context(|| path.display().to_string())?;
        NetworkStage::register(trained, &mut registry);
    }
    Ok(registry)
}

/// The stages of the library.
#[cfg(not(feature = "network"))]
pub(crate) fn stages(_: &NetworkArgs) -> Result<StageRegistry> {
    Ok(StageRegistry::default())
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
