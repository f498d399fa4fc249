//! A CT of a protocol, ready to be X-rayed and to be registered.

use std::sync::{Arc, Mutex, PoisonError};

use nalgebra::Vector3;
use rand_chacha::ChaCha8Rng;

use super::alteration::{Alteration, AlterationError};
use super::cut::{Cut, CutError, WholeCt};
use super::protocol::{CtEntry, Pivot};
use super::registered::Registered;
use super::targets::{TargetError, Targets};
use crate::geometry::{Camera, RigidTransform};
use crate::project::{BorderRule, ProjectError, Projector, ReferenceProjector};
use crate::radiograph::simulation::{BeamHardeningConfig, MaterialImages, MaterialVolumes};
use crate::volume::phantom::label;
use crate::volume::{
    AttenuationMap, AttenuationVolume, LabelMask, MaskError, Phantom, PhantomError, Region, Volume,
    VolumeError,
};

/// Seed of the targets that are drawn from bone, the same as that of `register`.
const TARGET_SEED: u64 = 0;

/// What is outside of a mask.
const AIR_HU: f32 = -1000.0;

/// Why a CT cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("CT '{name}': {problem}")]
pub struct PatientError {
    /// Which one.
    pub name: String,
    /// Why.
    pub problem: PatientProblem,
}

/// Why a CT cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PatientProblem {
    /// It is no CT.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// There is nowhere to measure.
    #[error(transparent)]
    Targets(#[from] TargetError),
    /// A label does not occur.
    #[error(transparent)]
    Labels(#[from] MaskError),
    /// The phantom cannot be made.
    #[error(transparent)]
    Phantom(#[from] PhantomError),
    /// It cannot be altered.
    #[error(transparent)]
    Alteration(#[from] AlterationError),
    /// It cannot be cut.
    #[error(transparent)]
    Cut(#[from] CutError),
    /// There are no labels to choose from.
    #[error("only some labels of it are wanted, but it has none: name the file of its labels")]
    NoLabels,
    /// There are neither voxels nor a phantom to make them from.
    #[error("no voxels are given, and the protocol names no phantom: read its file")]
    NoVoxels,
}

/// A CT and all that depends on it alone.
#[derive(Debug)]
pub struct Patient {
    name: String,
    ct_hu: Volume<f32>,
    labels: Option<Volume<u16>>,
    moved_label: Option<u16>,
    map: AttenuationMap,
    whole: Registered,
    xrayed: Mutex<Vec<Xrayed>>,
}

/// What is X-rayed: the CT, altered or by material.
#[derive(Debug)]
struct Xrayed {
    alteration: Option<Alteration>,
    beam_hardening: Option<BeamHardeningConfig>,
    volumes: Arc<MaterialVolumes>,
}

impl Patient {
    /// From an entry of a protocol and the voxels of its files; those of a phantom are made.
    ///
    /// # Units
    /// The CT in Hounsfield units.
    ///
    /// # Errors
    /// If the CT cannot be used, a label does not occur, or there is nowhere to measure.
    pub fn new(
        entry: &CtEntry,
        files: Option<(Volume<f32>, Option<Volume<u16>>)>,
    ) -> Result<Self, PatientError> {
        Self::of(entry, files).map_err(|problem| PatientError { name: entry.name.clone(), problem })
    }

    fn of(
        entry: &CtEntry,
        files: Option<(Volume<f32>, Option<Volume<u16>>)>,
    ) -> Result<Self, PatientProblem> {
        let (ct_hu, labels, usual_targets) = match (files, &entry.phantom) {
            (Some((ct, labels)), _) => (ct, labels, Vec::new()),
            (None, Some(config)) => {
                let Phantom { ct, labels } = Phantom::generate(config)?;
                (ct, Some(labels), (label::L1..=label::L5).collect())
            }
            (None, None) => return Err(PatientProblem::NoVoxels),
        };
        ct_hu.check_finite()?;
        if let (Some(labels), Some(moved)) = (&labels, entry.moved_label) {
            LabelMask::new(labels.clone(), &[moved])?;
        }
        let wanted =
            if entry.target_labels.is_empty() { &usual_targets } else { &entry.target_labels };
        let targets = match &labels {
            Some(labels) if wanted.is_empty() => Targets::from_label_centroids(labels)?,
            Some(labels) => {
                LabelMask::new(labels.clone(), wanted)?;
                let kept = labels.map(|l| if wanted.contains(&l) { l } else { 0 });
                Targets::from_label_centroids(&kept)?
            }
            None => Targets::from_bone(&ct_hu, &Region::whole(&ct_hu), TARGET_SEED)?,
        };
        let pivot_world_mm = match entry.pivot {
            Pivot::Center => ct_hu.center_world_mm(),
            Pivot::Targets => {
                let points = targets.points_world_mm();
                points.iter().sum::<Vector3<f64>>() / points.len() as f64
            }
        };
        let map = entry.attenuation;
        let volume = AttenuationVolume::from_hounsfield(ct_hu.clone(), &map)?;
        Ok(Self {
            name: entry.name.clone(),
            ct_hu,
            labels,
            moved_label: entry.moved_label,
            map,
            whole: Registered {
                projector: Projector::new(volume),
                targets,
                pivot_world_mm,
                cut: None,
            },
            xrayed: Mutex::default(),
        })
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The projector of all of the CT.
    #[must_use]
    pub fn projector(&self) -> &Projector {
        &self.whole.projector
    }

    /// Where errors are measured if all of the CT is registered.
    #[must_use]
    pub fn targets(&self) -> &Targets {
        &self.whole.targets
    }

    /// The point about which motions of all of the CT turn (mm), world frame.
    #[must_use]
    pub fn pivot_world_mm(&self) -> Vector3<f64> {
        self.whole.pivot_world_mm
    }

    /// All of the CT, to be registered.
    #[must_use]
    pub fn whole(&self) -> &Registered {
        &self.whole
    }

    /// What a cut leaves of the CT, to be registered. It is made anew with each call.
    ///
    /// # Errors
    /// If labels are wanted that there are not, nothing is left that attenuates, or there is nowhere
    /// to measure in it.
    pub fn cut(&self, cut: &Cut, mut rng: ChaCha8Rng) -> Result<Registered, PatientProblem> {
        let points = self.whole.targets.points_world_mm();
        let labels = self.labels.as_ref();
        let whole = WholeCt { ct_hu: &self.ct_hu, labels, targets_world_mm: points };
        let kept = cut.draw(&whole, &mut rng)?.apply(&self.ct_hu, labels)?;
        // Without labels the targets are points in bone, which are drawn afresh in what is left.
        let targets = kept.targets(if labels.is_some() { points } else { &[] }, TARGET_SEED)?;
        let map = kept.cut.attenuation_map(&self.map);
        Ok(Registered {
            projector: Projector::new(AttenuationVolume::from_hounsfield(kept.ct_hu, &map)?),
            targets,
            pivot_world_mm: kept.pivot_world_mm,
            cut: Some(kept.cut),
        })
    }

    /// The corners of the box around what is not air (mm), world frame.
    #[must_use]
    pub fn content_corners_world_mm(&self) -> [Vector3<f64>; 8] {
        let volume = self.whole.projector.volume();
        let [lower, upper] = volume.content().with_border();
        std::array::from_fn(|corner| {
            let pick = |a: usize| if corner >> a & 1 == 1 { upper[a] } else { lower[a] };
            let index = Vector3::new(pick(0), pick(1), pick(2));
            volume.volume().world_from_index().point(index)
        })
    }

    /// The CT (HU) with all but some labels taken for air; with no labels as it is.
    ///
    /// # Errors
    /// If there are no labels, or one does not occur.
    pub fn masked(&self, label_ids: &[u16]) -> Result<Volume<f32>, PatientError> {
        let masked = || {
            let mut ct = self.ct_hu.clone();
            if !label_ids.is_empty() {
                let labels = self.labels.clone().ok_or(PatientProblem::NoLabels)?;
                LabelMask::new(labels, label_ids)?.apply(&mut ct, AIR_HU)?;
            }
            Ok(ct)
        };
        masked().map_err(|problem| PatientError { name: self.name.clone(), problem })
    }

    /// How Hounsfield units become attenuation.
    #[must_use]
    pub fn attenuation_map(&self) -> &AttenuationMap {
        &self.map
    }

    /// What is X-rayed, made when first needed; `None` where it is what is registered.
    ///
    /// # Errors
    /// If the CT cannot be altered, or nothing of it is left.
    pub fn xrayed(
        &self,
        alteration: Option<&Alteration>,
        beam_hardening: Option<&BeamHardeningConfig>,
    ) -> Result<Option<Arc<MaterialVolumes>>, PatientProblem> {
        if alteration.is_none() && beam_hardening.is_none() {
            return Ok(None);
        }
        // A list is whole whatever happened to the thread that held it.
        let mut made = self.xrayed.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |x: &&Xrayed| {
            x.alteration.as_ref() == alteration && x.beam_hardening.as_ref() == beam_hardening
        };
        if let Some(found) = made.iter().find(same) {
            return Ok(Some(Arc::clone(&found.volumes)));
        }
        let ct = match alteration {
            None => self.ct_hu.clone(),
            Some(alteration) => match self.labels.as_ref().zip(self.moved_label) {
                Some(moved) => alteration.apply(&self.ct_hu, Some(moved))?,
                None => {
                    Alteration { moved_mm: [0.0; 3], ..*alteration }.apply(&self.ct_hu, None)?
                }
            },
        };
        let volumes = MaterialVolumes::from_hounsfield(ct, &self.map, beam_hardening)?;
        let volumes = Arc::new(volumes);
        made.push(Xrayed {
            alteration: alteration.copied(),
            beam_hardening: beam_hardening.cloned(),
            volumes: Arc::clone(&volumes),
        });
        Ok(Some(volumes))
    }

    /// Line integrals by material, from the reference projector at full resolution, by a rule for
    /// the border of the CT.
    ///
    /// # Errors
    /// If the source lies inside the CT.
    pub fn render(
        &self,
        xrayed: Option<&MaterialVolumes>,
        border: BorderRule,
        camera: &Camera,
        camera_from_world: &RigidTransform,
    ) -> Result<MaterialImages, ProjectError> {
        let render = |volume: &AttenuationVolume| {
            ReferenceProjector::new(volume).with_border(border).forward(camera, camera_from_world)
        };
        match xrayed {
            Some(volumes) => volumes.render(render),
            None => {
                Ok(MaterialImages { water: render(self.whole.projector.volume())?, bone: None })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    //! Proves: targets and pivot are where the protocol puts them, what is X-rayed is made once, and
    //! labels that do not occur are refused.
    use super::*;
    use crate::evaluate::protocol_of_tests;

    #[test]
    fn a_patient_is_what_the_protocol_says() {
        let mut entry = protocol_of_tests().cts[0].clone();
        let center = Patient::new(&entry, None).unwrap();
        assert_eq!(center.targets().points_world_mm().len(), 5);
        entry.pivot = Pivot::Targets;
        entry.target_labels = vec![22];
        let one = Patient::new(&entry, None).unwrap();
        assert_eq!(one.targets().points_world_mm(), &[one.pivot_world_mm()]);
        assert_ne!(one.pivot_world_mm(), center.pivot_world_mm());
        entry.target_labels = vec![999];
        let message = Patient::new(&entry, None).unwrap_err().to_string();
        assert!(message.contains("CT 'one'") && message.contains("999"), "{message}");

        assert!(center.xrayed(None, None).unwrap().is_none());
        let alteration = Alteration { hu_scale: 1.03, ..Alteration::default() };
        let volumes = || center.xrayed(Some(&alteration), None).unwrap().unwrap();
        assert!(Arc::ptr_eq(&volumes(), &volumes()));
    }
}
