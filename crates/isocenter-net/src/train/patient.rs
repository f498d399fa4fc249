//! A CT to train on: what is X-rayed, and what is moved.

use isocenter::evaluate::{Patient, Targets};
use isocenter::geometry::{Camera, RigidTransform};
use isocenter::project::{ProjectError, Projector, Storage};
use isocenter::radiograph::Image;
use isocenter::radiograph::simulation::{MaterialImages, MaterialVolumes};
use isocenter::volume::{AttenuationVolume, Volume};
use nalgebra::Vector3;

use super::config::{TrainConfig, TrainingCt};
use crate::error::NetError;
use crate::moving::MovingVolume;

/// A CT, ready for training.
#[derive(Debug)]
pub struct TrainingPatient {
    /// What it is called.
    pub name: String,
    /// Only measured, never trained on.
    pub held_out: bool,
    /// What the network sees of the CT.
    pub moving: MovingVolume,
    /// The point about which motions turn (mm), world frame.
    pub pivot_world_mm: Vector3<f64>,
    /// Where errors are measured.
    pub targets: Targets,
    water: Option<Projector>,
    bone: Option<Projector>,
}

impl TrainingPatient {
    /// From an entry of the training's list and the voxels of its files; those of a phantom are
    /// made.
    ///
    /// # Units
    /// The CT in Hounsfield units.
    ///
    /// # Errors
    /// If the CT cannot be used, or a label does not occur.
    pub fn new(
        entry: &TrainingCt,
        config: &TrainConfig,
        files: Option<(Volume<f32>, Option<Volume<u16>>)>,
    ) -> Result<Self, NetError> {
        let patient = Patient::new(&entry.ct, files)?;
        let map = patient.attenuation_map();
        let moved = AttenuationVolume::from_hounsfield(patient.masked(&entry.moving_labels)?, map)?;
        let hardening = config.simulation.beam_hardening.as_ref();
        let materials = MaterialVolumes::from_hounsfield(patient.masked(&[])?, map, hardening)?;
        let [water, bone] = materials.into_water_and_bone();
        let projector = |volume| Projector::with_storage(volume, Storage::U16);
        Ok(Self {
            name: patient.name().to_owned(),
            held_out: entry.held_out,
            moving: MovingVolume::new(&moved, config.voxel_spacing_mm)?,
            pivot_world_mm: patient.pivot_world_mm(),
            targets: patient.targets().clone(),
            water: water.map(projector),
            bone: bone.map(projector),
        })
    }

    /// Whether radiographs can be rendered from a pose: the source has to lie outside the CT.
    ///
    /// # Errors
    /// If it does not.
    pub fn check_pose(
        &self,
        camera: &Camera,
        camera_from_world: &RigidTransform,
    ) -> Result<(), ProjectError> {
        let mut projectors = [&self.water, &self.bone].into_iter().flatten();
        projectors.try_for_each(|p| p.expose(camera, camera_from_world).map(drop))
    }

    /// Line integrals of the whole CT by material, at full resolution.
    ///
    /// # Errors
    /// If the source lies inside the CT.
    pub fn render(
        &self,
        camera: &Camera,
        camera_from_world: &RigidTransform,
    ) -> Result<MaterialImages, ProjectError> {
        let render = |projector: &Option<Projector>| {
            projector.as_ref().map(|p| p.forward(camera, camera_from_world)).transpose()
        };
        let (water, bone) = (render(&self.water)?, render(&self.bone)?);
        let water = water.unwrap_or_else(|| Image::zeros(camera.size_px()));
        Ok(MaterialImages { water, bone })
    }
}

#[cfg(test)]
mod tests {
    //! Proves: a moving volume of some labels shows these alone, while the X-ray shows everything; a label
    //! that does not occur is refused.
    use isocenter::geometry::View;

    use super::super::config::tests::config;
    use super::*;

    #[test]
    fn what_moves_may_be_less_than_what_is_xrayed() {
        let config = config();
        let entry = &config.single_cts()[0];
        let some = TrainingCt { moving_labels: vec![20, 21, 22], ..entry.clone() };
        let patient = |entry| TrainingPatient::new(entry, &config, None).unwrap();
        let (whole, masked) = (patient(entry), patient(&some));
        let attenuation = |of: &TrainingPatient| -> f64 {
            let volume = &of.moving.relative_attenuation;
            let spacing = volume.world_from_index().spacing_mm();
            let voxel_mm3: f64 = spacing.iter().product();
            volume.voxels().iter().map(|&v| f64::from(v)).sum::<f64>() * voxel_mm3
        };
        // Three vertebrae of a trunk.
        let part = attenuation(&masked) / attenuation(&whole);
        assert!((1e-4..0.1).contains(&part), "{part}");
        assert!(masked.moving.half_extent_mm < 0.6 * whole.moving.half_extent_mm);
        let camera = &config.cameras().unwrap()[0];
        let pose = View::AP.camera_from_world(whole.pivot_world_mm, 700.0);
        let xray = |of: &TrainingPatient| of.render(camera, &pose).unwrap().water;
        assert_eq!(xray(&whole), xray(&masked));

        let absent = TrainingCt { moving_labels: vec![999], ..entry.clone() };
        let error = TrainingPatient::new(&absent, &config, None).unwrap_err().to_string();
        assert!(error.contains("999"), "{error}");
    }
}
