//! Projectors of coarser copies of a CT, made when first needed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::project::{Projector, Storage};
use crate::volume::{Continuation, VolumeError};

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct CoarseProjectors {
    by_kind: Mutex<BTreeMap<([usize; 3], u64), Projector>>,
}

impl CoarseProjectors {
    /// One with voxels of about a spacing; where the CT ends within the patient, `fade_mm` is the distance
    /// over which the patient goes on beyond its end. The finest copy is the CT itself, as it is: another
    /// of its size would take longer to make than all the rest.
    pub(super) fn get(
        &self,
        finest: &Projector,
        spacing_mm: f64,
        fade_mm: Option<f64>,
    ) -> Result<Projector, VolumeError> {
        let factors = finest.volume().binning_factors(spacing_mm);
        if factors == [1; 3] {
            return Ok(finest.clone());
        }
        // A map is whole whatever happened to the thread that held it.
        let mut by_kind = self.by_kind.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = (factors, fade_mm.unwrap_or(0.0).to_bits());
        if let Some(projector) = by_kind.get(&kind) {
            return Ok(projector.clone());
        }
        let mut volume = finest.volume().binned(factors)?;
        if let Some(fade_mm) = fade_mm.filter(|&mm| mm > 0.0) {
            let reach_mm = [fade_mm; 3];
            volume = volume.continued(&Continuation { reach_mm, fade_mm, with_scanned: true })?;
        }
        // Where thousands of radiographs are rendered, an eighth of the time counts.
        let projector = Projector::with_storage(volume, Storage::U16);
        by_kind.insert(kind, projector.clone());
        Ok(projector)
    }
}
