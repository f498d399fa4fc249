//! The X-rays and poses of a case, before it is registered: [`Scene`].

use nalgebra::Vector3;

use super::draw::{CasePoses, Draws};
use super::evaluation::{CaseError, Evaluation};
use super::plan::CasePlan;
use super::protocol::Hopeless;
use super::registered::Registered;
use crate::geometry::{Camera, RigidTransform, View};
use crate::radiograph::simulation::{MaterialImages, SimulatedXray, simulate};
use crate::radiograph::{Image, PrepareConfig, prepare};
use crate::register::Xray;

/// A case before it is registered: its X-rays and poses.
#[derive(Debug, Clone)]
pub struct Scene {
    /// What is registered.
    pub registered: Registered,
    /// Nominal, true and first pose of the first X-ray's camera.
    pub poses: CasePoses,
    /// The X-rays, the one whose camera poses are of first.
    pub xrays: Vec<SceneXray>,
}

/// An X-ray of a case, and its camera.
#[derive(Debug, Clone)]
pub struct SceneXray {
    /// The camera.
    pub camera: Camera,
    /// The X-ray as if it had been read from a file.
    pub simulated: SimulatedXray,
}

impl Evaluation {
    /// The X-rays and poses of a case, the same whenever they are made: to look at a case again.
    ///
    /// # Errors
    /// If there is no such case, or it has no X-ray.
    pub fn scene(&self, number: usize) -> Result<Scene, CaseError> {
        let plan = self.plan(number)?;
        self.scene_of(&plan, self.registered(&plan)?)
    }

    /// What is registered in a case.
    pub(super) fn registered(&self, plan: &CasePlan<'_>) -> Result<Registered, CaseError> {
        let patient = &self.patients[plan.ct];
        let draws = Draws::new(self.protocol.seed, plan.number_in_condition);
        match &plan.condition.cut {
            None => Ok(patient.whole().clone()),
            Some(cut) => Ok(patient.cut(cut, draws.cut_stream())?),
        }
    }

    pub(super) fn scene_of(
        &self,
        plan: &CasePlan<'_>,
        registered: Registered,
    ) -> Result<Scene, CaseError> {
        let patient = &self.patients[plan.ct];
        let pivot = registered.pivot_world_mm();
        let cameras = self.cameras_of(plan, pivot);
        let draws = Draws::new(self.protocol.seed, plan.number_in_condition);
        let mut poses = draws.poses(plan, &cameras[0], pivot);
        let visible_part = match plan.condition.hopeless {
            Some(Hopeless::OutOfView) => Some(0.0),
            _ => plan.condition.visible_part,
        };
        if let Some(part) = visible_part {
            let corners = patient.content_corners_world_mm();
            let truth = &mut poses.true_camera_from_world;
            *truth = draws.beside_the_beam(&cameras[0], truth, &corners, part);
        }
        let xrays = cameras
            .into_iter()
            .enumerate()
            .map(|(n, camera)| self.xray(plan, pivot, &poses, camera, draws.simulation_seed(n)))
            .collect::<Result<_, _>>()?;
        Ok(Scene { registered, poses, xrays })
    }

    /// The cameras of a case: the second one's place is known relative to the first.
    fn cameras_of(&self, plan: &CasePlan<'_>, pivot_world_mm: Vector3<f64>) -> Vec<Camera> {
        let first = self.cameras[plan.camera].clone();
        let Some(angle_deg) = plan.condition.second_view_deg else { return vec![first] };
        let pose = |view: View| {
            let distance_mm = first.source_to_isocenter_or_assumed_mm();
            view.camera_from_world(pivot_world_mm, distance_mm)
        };
        let turned = View { primary_deg: plan.view.primary_deg + angle_deg, ..plan.view };
        let second_from_first = pose(turned) * pose(plan.view).inverse();
        let second = first.clone().with_camera_from_reference_camera(second_from_first);
        vec![first, second]
    }

    fn xray(
        &self,
        plan: &CasePlan<'_>,
        pivot_world_mm: Vector3<f64>,
        poses: &CasePoses,
        camera: Camera,
        seed: u64,
    ) -> Result<SceneXray, CaseError> {
        let condition = plan.condition;
        let patient = &self.patients[match condition.hopeless {
            Some(Hopeless::WrongCt) => self.protocol.other_ct(plan.ct),
            _ => plan.ct,
        }];
        // The protocol has been checked: every simulation that a condition names is there.
        let config = self.protocol.simulation(&condition.simulation).unwrap_or_default();
        let mut pose = camera.camera_from_world(&poses.true_camera_from_world);
        if condition.hopeless == Some(Hopeless::WrongCt) {
            // The other patient lies where this one would.
            let moved = pivot_world_mm - patient.pivot_world_mm();
            pose = pose * RigidTransform::from_translation(moved);
        }
        let about_world_mm = match condition.hopeless {
            Some(Hopeless::WrongCt) => patient.pivot_world_mm(),
            _ => pivot_world_mm,
        };
        let depth_mm = pose.point(about_world_mm).z;
        let images = if condition.hopeless == Some(Hopeless::Blank) {
            MaterialImages { water: Image::zeros(camera.size_px()), bone: None }
        } else {
            let xrayed =
                patient.xrayed(condition.alteration.as_ref(), config.beam_hardening.as_ref())?;
            patient.render(xrayed.as_deref(), condition.renderer, &camera, &pose)?
        };
        let simulated = simulate(&images, &camera, depth_mm, &config, seed)?;
        Ok(SceneXray { camera, simulated })
    }
}

impl SceneXray {
    /// The X-ray as it is registered.
    pub(super) fn ready(&self, config: &PrepareConfig) -> Result<Xray, CaseError> {
        let SimulatedXray { image, values, full_scale, .. } = &self.simulated;
        let prepared = prepare(image, *values, *full_scale, config)?;
        Ok(Xray::prepared(self.camera.clone(), prepared)?)
    }
}
