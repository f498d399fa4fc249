//! Running a protocol, case by case: [`Evaluation`].

use std::time::Instant;

use super::case_result::{CaseResult, Judged, MethodResult, Offset, PoseErrors, XraySource};
use super::check::ProtocolError;
use super::draw::Draws;
use super::patient::{Patient, PatientProblem};
use super::plan::CasePlan;
use super::protocol::{Method, PriorAbout, Protocol};
use super::scene::{Scene, SceneXray};
use crate::geometry::{Camera, RigidTransform};
use crate::project::ProjectError;
use crate::radiograph::ImageError;
use crate::radiograph::simulation::SimulationError;
use crate::register::search::SearchStage;
use crate::register::{Case, Prior, RegisterError, Registration, StageRegistry, register_by};

/// Why a case has no X-ray.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CaseError {
    /// There is no case of this number.
    #[error("there is no case {found}: the protocol has {count}, from 0")]
    NoSuchCase {
        /// The number.
        found: usize,
        /// How many there are.
        count: usize,
    },
    /// What is X-rayed cannot be made.
    #[error(transparent)]
    Patient(#[from] PatientProblem),
    /// The patient cannot be X-rayed from there.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// The X-ray cannot be simulated.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
    /// The picture cannot be read back.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// It cannot be registered.
    #[error(transparent)]
    Register(#[from] RegisterError),
}

/// A protocol with its CTs.
///
/// # Examples
/// ```
/// use isocenter::evaluate::{Evaluation, Patient, Protocol, Summary};
/// use isocenter::register::StageRegistry;
/// let protocol: Protocol = serde_json::from_str(r#"{
///     "title": "Two coarse cases", "seed": 1, "cases": 2,
///     "cts": [{"name": "phantom", "phantom": {"spacing_mm": 8.0}}],
///     "cameras": [{"name": "c-arm", "source_to_detector_mm": 1020.0, "size_px": [40, 40],
///         "pixel_spacing_mm": [7.2, 7.2], "source_to_isocenter_mm": 700.0}],
///     "conditions": [{"name": "near", "simulation": "plain",
///         "truth": {"rotation_deg": 4.0, "in_plane_mm": 5.0, "depth_mm": 10.0}}],
///     "methods": [{"name": "refine", "stages": ["refine"]}]
/// }"#).unwrap();
/// let patients = protocol.cts.iter().map(|ct| Patient::new(ct, None).unwrap()).collect();
/// let registry = StageRegistry::default();
/// let evaluation = Evaluation::new(protocol, patients, &registry).unwrap();
/// let cases = [0, 1].map(|number| evaluation.run(number, &registry, 1).unwrap());
/// let summary = Summary::new(evaluation.protocol(), &cases);
/// let (start, refined) = (&summary.groups[0], &summary.groups[1]);
/// let mean_mm = |group: &isocenter::evaluate::Group| {
///     group.errors.as_ref().unwrap().mtre_mm.best[0].mean.unwrap()
/// };
/// assert!(mean_mm(refined) < mean_mm(start));
/// ```
#[derive(Debug)]
pub struct Evaluation {
    pub(super) protocol: Protocol,
    pub(super) patients: Vec<Patient>,
    pub(super) cameras: Vec<Camera>,
}

impl Evaluation {
    /// A protocol and its CTs, in its order.
    ///
    /// # Errors
    /// If the protocol makes no sense, or the CTs are not its own.
    pub fn new(
        protocol: Protocol,
        patients: Vec<Patient>,
        registry: &StageRegistry,
    ) -> Result<Self, ProtocolError> {
        protocol.check(registry)?;
        let found: Vec<&str> = patients.iter().map(Patient::name).collect();
        let expected: Vec<&str> = protocol.cts.iter().map(|ct| &*ct.name).collect();
        if found != expected {
            return Err(ProtocolError::Setting {
                key: "cts".to_owned(),
                found: found.join(", "),
                expected: expected.join(", "),
            });
        }
        let cameras = protocol.cameras.iter().map(|c| c.camera()).collect::<Result<_, _>>()?;
        Ok(Self { protocol, patients, cameras })
    }

    /// What is evaluated.
    #[must_use]
    pub fn protocol(&self) -> &Protocol {
        &self.protocol
    }

    pub(super) fn plan(&self, number: usize) -> Result<CasePlan<'_>, CaseError> {
        let count = self.protocol.case_count();
        self.protocol.case(number).ok_or(CaseError::NoSuchCase { found: number, count })
    }

    /// The CT of a case: all of it, whatever part is registered.
    ///
    /// # Errors
    /// If there is no such case.
    pub fn patient(&self, number: usize) -> Result<&Patient, CaseError> {
        // `new` has checked that there are as many as the protocol has, and a plan keeps to these.
        self.plan(number).map(|plan| &self.patients[plan.ct])
    }

    /// Runs a case: makes its X-rays, registers them by every method and measures. What cannot be
    /// done is part of the result.
    ///
    /// # Errors
    /// If there is no such case.
    pub fn run(
        &self,
        number: usize,
        registry: &StageRegistry,
        cases_at_a_time: usize,
    ) -> Result<CaseResult, CaseError> {
        let plan = self.plan(number)?;
        let patient = &self.patients[plan.ct];
        let condition = plan.condition;
        let draws = Draws::new(self.protocol.seed, plan.number_in_condition);
        let camera = &self.cameras[plan.camera];
        // Where the CT cannot be cut, the start of all of it is shown, without errors.
        let (registered, not_cut) = match self.registered(&plan) {
            Ok(registered) => (registered, None),
            Err(error) => (patient.whole().clone(), Some(error)),
        };
        let measurable = condition.hopeless.is_none() && not_cut.is_none();
        let pivot = registered.pivot_world_mm();
        let scene = match not_cut {
            None => self.scene_of(&plan, registered.clone()),
            Some(error) => Err(error),
        };
        let poses = match &scene {
            Ok(scene) => scene.poses,
            Err(_) => draws.poses(&plan, camera, pivot),
        };
        let measure = |pose: &RigidTransform| {
            let truth = &poses.true_camera_from_world;
            measurable.then(|| PoseErrors::new(registered.targets(), camera, truth, pose, pivot))
        };
        let nominal = &poses.nominal_camera_from_world;
        let offset = |pose: &RigidTransform| Offset::between(nominal, pose, pivot);
        let methods = self.protocol.methods.iter().map(|method| {
            let begun = Instant::now();
            let found = match &scene {
                Ok(scene) => {
                    self.register(&plan, scene, method, registry).map_err(|error| error.to_string())
                }
                Err(error) => Err(error.to_string()),
            };
            let seconds = begun.elapsed().as_secs_f64();
            let mut result = method_result(method, seconds);
            match found {
                Ok(found) => {
                    result.found = Some(offset(&found.camera_from_world));
                    result.errors = measure(&found.camera_from_world);
                    result.similarity = Some(found.similarity);
                    result.termination = Some(found.termination);
                    result.judged = found.judgement.as_ref().map(|judgement| Judged {
                        verdict: judgement.verdict.to_string(),
                        probability_within_2mm: judgement.probability_within_2mm,
                        error_bound_95_mm: judgement.error_bound_95_mm,
                        error_bound_95_across_ray_mm: judgement.error_bound_95_across_ray_mm,
                        evidence: judgement.evidence,
                    });
                }
                Err(failure) => result.failure = Some(failure),
            }
            result
        });
        let xrays = if condition.second_view_deg.is_some() { 2 } else { 1 };
        Ok(CaseResult {
            number,
            condition: condition.name.clone(),
            ct: patient.name().to_owned(),
            camera: self.protocol.cameras[plan.camera].name.clone(),
            view: plan.view.to_string(),
            simulation: condition.simulation.clone(),
            xray_source: XraySource::of(condition),
            renderer: condition.renderer,
            cut: registered.cut().cloned(),
            xrays,
            hopeless: condition.hopeless,
            seed: self.protocol.seed,
            simulation_seeds: (0..xrays).map(|n| draws.simulation_seed(n)).collect(),
            truth: measurable.then(|| offset(&poses.true_camera_from_world)),
            start: offset(&poses.start_camera_from_world),
            start_errors: measure(&poses.start_camera_from_world),
            cases_at_a_time,
            methods: methods.collect(),
        })
    }

    fn register(
        &self,
        plan: &CasePlan<'_>,
        scene: &Scene,
        method: &Method,
        registry: &StageRegistry,
    ) -> Result<Registration, CaseError> {
        let registered = &scene.registered;
        let spread = method.prior.or(plan.condition.prior).unwrap_or(self.protocol.prior);
        let searches = method.config.stages.iter().any(|stage| stage == SearchStage::NAME);
        let center_camera_from_world = match plan.condition.prior_about {
            PriorAbout::View if searches => scene.poses.nominal_camera_from_world,
            _ => scene.poses.start_camera_from_world,
        };
        let prior = Prior { center_camera_from_world, spread };
        let projector = registered.projector().clone();
        let ready = |xray: &SceneXray| xray.ready(&method.config.prepare);
        let xrays = scene.xrays.iter().map(ready).collect::<Result<_, _>>()?;
        let case = Case::of_xrays(projector, xrays, registered.pivot_world_mm())?
            .comparing(registered.compares());
        Ok(register_by(registry, &case, &prior, &method.config, &mut |_| ())?)
    }
}

/// A result that has only its name and time yet.
fn method_result(method: &Method, seconds: f64) -> MethodResult {
    MethodResult {
        method: method.name.clone(),
        found: None,
        errors: None,
        similarity: None,
        termination: None,
        judged: None,
        seconds,
        failure: None,
    }
}

#[cfg(test)]
mod tests {
    //! Proves: a case comes out the same in any order, and can be made again from its row; a truth near the start is found; an altered CT
    //! is what is X-rayed; a cut one is registered, all of it X-rayed; two X-rays help; hopeless cases have no truth and no error; what fails is a
    //! result.
    use super::*;
    use crate::evaluate::{Condition, Hopeless, protocol_of_tests};
    use crate::project::BorderRule;
    use crate::radiograph::Image;
    use crate::register::Compares;
    use nalgebra::Vector3;

    fn evaluation(change: impl FnOnce(&mut Protocol)) -> Evaluation {
        let mut protocol = protocol_of_tests();
        change(&mut protocol);
        let patients = protocol.cts.iter().map(|ct| Patient::new(ct, None).unwrap()).collect();
        Evaluation::new(protocol, patients, &StageRegistry::default()).unwrap()
    }

    fn run(evaluation: &Evaluation, number: usize) -> CaseResult {
        let mut result = evaluation.run(number, &StageRegistry::default(), 1).unwrap();
        result.methods.iter_mut().for_each(|method| method.seconds = 0.0);
        result
    }

    fn mtre_mm(result: &CaseResult) -> f64 {
        result.methods[0].errors.unwrap().mtre_mm
    }

    #[test]
    fn cases_do_not_depend_on_each_other() {
        let evaluation = evaluation(|_| ());
        let (second, first) = (run(&evaluation, 1), run(&evaluation, 0));
        assert_eq!((first.clone(), second.clone()), (run(&evaluation, 0), run(&evaluation, 1)));
        assert_eq!((&*first.ct, &*second.ct), ("one", "two"));
        assert_ne!(first.truth, second.truth);
        let start = first.start_errors.unwrap().mtre_mm;
        assert!(start > 4.0 && mtre_mm(&first) < 2.0, "{start} {}", mtre_mm(&first));
        // A row leads back to its pose.
        let (scene, pivot) =
            (evaluation.scene(0).unwrap(), evaluation.patient(0).unwrap().pivot_world_mm());
        let truth = first.truth.unwrap().apply(&scene.poses.nominal_camera_from_world, pivot);
        let off = truth.to_matrix() - scene.poses.true_camera_from_world.to_matrix();
        assert!(off.amax() < 1e-9);
        // The same poses, another CT in the X-ray.
        let altered = run(&evaluation, 4);
        assert_eq!((altered.truth, altered.xray_source), (first.truth, XraySource::AlteredCt));
        assert_ne!(mtre_mm(&altered), mtre_mm(&first));
        assert!(evaluation.run(8, &StageRegistry::default(), 1).is_err());
    }

    #[test]
    fn two_xrays_help() {
        let evaluation = evaluation(|p| {
            p.conditions[1] = Condition { second_view_deg: Some(90.0), ..p.conditions[0].clone() };
            p.conditions[1].name = "two".to_owned();
        });
        let (one, two) = (run(&evaluation, 0), run(&evaluation, 4));
        assert_eq!((two.xrays, two.simulation_seeds.len()), (2, 2));
        let depth = |r: &CaseResult| r.methods[0].errors.unwrap().offset.translation_mm[2].abs();
        assert!(depth(&two) < depth(&one) && mtre_mm(&two) < 0.5, "{one:?} {two:?}");
    }

    #[test]
    fn hopeless_cases_have_no_error() {
        for hopeless in [Hopeless::WrongCt, Hopeless::Blank, Hopeless::OutOfView] {
            let evaluation = evaluation(|p| p.conditions[0].hopeless = Some(hopeless));
            let result = run(&evaluation, 0);
            assert_eq!((result.truth, result.start_errors), (None, None));
            assert_eq!(result.methods[0].errors, None);
            let nothing = hopeless != Hopeless::WrongCt;
            assert_eq!(result.xray_source == XraySource::Nothing, nothing);
            let range = evaluation.scene(0).unwrap().xrays[0].simulated.image.range();
            // Nothing in view leaves the noise of 30000 photons.
            assert_eq!(range.1 < 0.1, nothing, "{hopeless:?} {range:?}");
        }
    }

    #[test]
    fn a_cut_is_registered_and_the_whole_is_xrayed() {
        let evaluation = evaluation(|p| {
            let cut = r#"{"z_mm": [110, 150], "width_mm": [200, 200], "off_center_mm": 20}"#;
            let whole = p.conditions[0].clone();
            p.conditions[1] = Condition {
                name: "cut".to_owned(),
                cut: serde_json::from_str(cut).unwrap(),
                ..whole.clone()
            };
            p.conditions.push(Condition {
                name: "bone".to_owned(),
                cut: serde_json::from_str(r#"{"labels": [22]}"#).unwrap(),
                renderer: BorderRule::Centers,
                ..whole
            });
        });
        let (whole, part) = (evaluation.scene(0).unwrap(), evaluation.scene(4).unwrap());
        let result = run(&evaluation, 4);
        assert_eq!(result.xray_source, XraySource::WholeCt);
        let cut = result.cut.clone().unwrap();
        assert!((105.0..=155.0).contains(&cut.z_mm.unwrap()) && cut.width_mm == Some(200.0));
        // The same motions, about the middle of what is left; more is seen than is registered.
        let registered = &part.registered;
        let volume = |scene: &Scene| scene.registered.projector().volume().volume().voxels().len();
        assert!(volume(&part) < volume(&whole) / 2);
        assert_eq!(registered.pivot_world_mm(), Vector3::from(cut.middle_world_mm));
        assert_ne!(registered.pivot_world_mm(), whole.registered.pivot_world_mm());
        let motion = |r: &CaseResult| Vector3::from(r.truth.unwrap().translation_mm);
        assert!((motion(&result) - motion(&run(&evaluation, 0))).norm() < 1e-9);
        let drr = |projector: &crate::project::Projector| {
            let pose = &part.poses.true_camera_from_world;
            projector.forward(&part.xrays[0].camera, pose).unwrap()
        };
        let xray = part.xrays[0].simulated.attenuation().unwrap();
        let apart = |image: Image| {
            let pixels = xray.pixels().iter().zip(image.pixels());
            pixels.map(|(a, b)| (a - b).abs()).sum::<f32>() / xray.pixels().len() as f32
        };
        let of_patient = evaluation.patient(4).unwrap().projector();
        let (off, off_part) = (apart(drr(of_patient)), apart(drr(registered.projector())));
        assert!(off < 0.1 && off_part > 3.0 * off, "{off} {off_part}");
        assert!(result.start_errors.unwrap().mtre_mm.is_finite());

        let bone = run(&evaluation, 8);
        assert_eq!((bone.renderer, bone.cut.unwrap().labels), (BorderRule::Centers, vec![22]));
        let scene = evaluation.scene(8).unwrap();
        assert_eq!(scene.registered.compares(), Compares::NearShadow);
        assert_ne!(scene.xrays[0].simulated.image, whole.xrays[0].simulated.image);
        assert!(bone.start_errors.unwrap().mtre_mm > 0.0);
    }

    #[test]
    fn what_cannot_be_cut_is_a_result() {
        let evaluation = evaluation(|p| {
            let cut = serde_json::from_str(r#"{"labels": [999]}"#).unwrap();
            p.conditions[0].cut = cut;
        });
        let result = run(&evaluation, 0);
        let failure = result.methods[0].failure.as_deref().unwrap();
        assert!(failure.contains("999"), "{failure}");
        assert_eq!((result.truth, result.start_errors, result.cut), (None, None, None));
        assert!(evaluation.scene(0).is_err());
    }

    #[test]
    fn what_fails_is_a_result() {
        let inside = evaluation(|p| p.cameras[0].source_to_isocenter_mm = 10.0);
        let result = run(&inside, 0);
        let failure = result.methods[0].failure.as_deref().unwrap();
        assert!(failure.contains("inside the CT"), "{failure}");
        assert!(result.start_errors.is_some() && result.methods[0].errors.is_none());
        let protocol = protocol_of_tests();
        let patients = protocol.cts.iter().rev().map(|ct| Patient::new(ct, None));
        let patients = patients.collect::<Result<_, _>>().unwrap();
        let error = Evaluation::new(protocol, patients, &StageRegistry::default()).unwrap_err();
        assert!(error.to_string().contains("cts is two, one"), "{error}");
    }
}
