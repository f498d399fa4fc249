//! What is registered of a patient: all of the CT, or what a cut leaves.

use nalgebra::Vector3;

use super::cut::DrawnCut;
use super::targets::Targets;
use crate::project::Projector;
use crate::register::Compares;

/// The CT of a case as it is registered. Cloning shares the voxels.
#[derive(Debug, Clone)]
pub struct Registered {
    pub(super) projector: Projector,
    pub(super) targets: Targets,
    pub(super) pivot_world_mm: Vector3<f64>,
    pub(super) cut: Option<DrawnCut>,
}

impl Registered {
    /// The projector of the CT that is registered.
    #[must_use]
    pub fn projector(&self) -> &Projector {
        &self.projector
    }

    /// Where errors are measured.
    #[must_use]
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// The point about which motions turn (mm), world frame.
    #[must_use]
    pub fn pivot_world_mm(&self) -> Vector3<f64> {
        self.pivot_world_mm
    }

    /// The cut that left it; `None` where all of the CT is registered.
    #[must_use]
    pub fn cut(&self) -> Option<&DrawnCut> {
        self.cut.as_ref()
    }

    /// The pixels that are compared: near the shadow of what is alone, while the X-ray shows more.
    #[must_use]
    pub fn compares(&self) -> Compares {
        match &self.cut {
            Some(cut) if !cut.labels.is_empty() => Compares::NearShadow,
            _ => Compares::Everywhere,
        }
    }
}
