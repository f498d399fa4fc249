//! What came out of one case: the start, and the result of every method.

use crate::register::judge::Evidence;
use std::fmt;

use nalgebra::Vector3;
use serde::{Deserialize, Serialize};

use super::cut::DrawnCut;
use super::protocol::{Condition, Hopeless};
use super::targets::Targets;
use crate::geometry::{Camera, PivotMotion, RigidTransform};
use crate::optimize::Termination;
use crate::project::BorderRule;

/// What an X-ray was made from. None is real: every table says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum XraySource {
    /// The CT that is registered.
    SameCt,
    /// That CT, altered.
    AlteredCt,
    /// All of the CT of which a part is registered.
    WholeCt,
    /// All of the CT of which a part is registered, altered.
    AlteredWholeCt,
    /// Another patient's CT.
    OtherCt,
    /// Nothing at all.
    Nothing,
}

impl XraySource {
    /// What the X-rays of a condition are made from.
    #[must_use]
    pub fn of(condition: &Condition) -> Self {
        match (condition.hopeless, condition.alteration.is_some(), condition.cut.is_some()) {
            (Some(Hopeless::WrongCt), ..) => Self::OtherCt,
            (Some(Hopeless::Blank | Hopeless::OutOfView), ..) => Self::Nothing,
            (None, true, true) => Self::AlteredWholeCt,
            (None, true, false) => Self::AlteredCt,
            (None, false, true) => Self::WholeCt,
            (None, false, false) => Self::SameCt,
        }
    }
}

impl fmt::Display for XraySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SameCt => "simulated from the same CT",
            Self::AlteredCt => "simulated from the same CT, altered",
            Self::WholeCt => "simulated from the whole CT, of which a part is registered",
            Self::AlteredWholeCt => {
                "simulated from the whole CT, altered, of which a part is registered"
            }
            Self::OtherCt => "simulated from another CT",
            Self::Nothing => "simulated, nothing in view",
        })
    }
}

/// A motion from the nominal pose, about the pivot, in camera axes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Offset {
    /// Rotation vector (degrees).
    pub rotation_deg: [f64; 3],
    /// Shift of the pivot (mm).
    pub translation_mm: [f64; 3],
}

impl Offset {
    /// From one pose to another.
    ///
    /// # Units
    /// The pivot in the world frame (mm).
    #[must_use]
    pub fn between(
        from: &RigidTransform,
        to: &RigidTransform,
        pivot_world_mm: Vector3<f64>,
    ) -> Self {
        let motion = PivotMotion::between(from, to, pivot_world_mm);
        let rotation_deg = motion.omega_rad.map(f64::to_degrees).into();
        Self { rotation_deg, translation_mm: motion.tau_mm.into() }
    }

    /// The pose that it leads to.
    ///
    /// # Units
    /// The pivot in the world frame (mm).
    #[must_use]
    pub fn apply(&self, from: &RigidTransform, pivot_world_mm: Vector3<f64>) -> RigidTransform {
        let omega_rad = Vector3::from(self.rotation_deg).map(f64::to_radians);
        let motion = PivotMotion { omega_rad, tau_mm: self.translation_mm.into() };
        motion.apply(from, pivot_world_mm)
    }
}

/// How far a pose is from the truth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PoseErrors {
    /// Mean target registration error (mm).
    pub mtre_mm: f64,
    /// The same without the component along the ray (mm).
    pub mtre_across_ray_mm: f64,
    /// Mean projection distance in the first X-ray (px); none if a target is behind the source.
    pub projection_px: Option<f64>,
    /// The same at the detector (mm).
    pub projection_mm: Option<f64>,
    /// The motion from the truth.
    pub offset: Offset,
}

impl PoseErrors {
    /// Those of a pose of the first X-ray's camera.
    ///
    /// # Units
    /// The pivot in the world frame (mm).
    #[must_use]
    pub fn new(
        targets: &Targets,
        camera: &Camera,
        truth: &RigidTransform,
        found: &RigidTransform,
        pivot_world_mm: Vector3<f64>,
    ) -> Self {
        let errors = targets.errors(camera, truth, found);
        let finite = |value: f64| value.is_finite().then_some(value);
        Self {
            mtre_mm: errors.mtre_mm,
            mtre_across_ray_mm: errors.mtre_across_ray_mm,
            projection_px: finite(errors.projection_px),
            projection_mm: finite(errors.projection_mm),
            offset: Offset::between(truth, found, pivot_world_mm),
        }
    }
}

/// What a judge says of a registration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// `good`, `doubtful` or `failed`.
    pub verdict: String,
    /// How likely the error is below 2 mm.
    pub probability_within_2mm: f64,
    /// The mean error (mm) that 95 of 100 registrations stay below.
    #[serde(default)]
    pub error_bound_95_mm: f64,
    /// The same across the rays (mm).
    #[serde(default)]
    pub error_bound_95_across_ray_mm: f64,
    /// What the verdict rests on.
    pub evidence: Evidence,
}

/// What one method made of a case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MethodResult {
    /// Its name in the protocol.
    pub method: String,
    /// The pose found, as a motion from the nominal one; none if it failed.
    pub found: Option<Offset>,
    /// How far off it is; none if there is no pose, or no truth.
    pub errors: Option<PoseErrors>,
    /// The similarity at the pose.
    pub similarity: Option<f64>,
    /// Why the last optimiser stopped.
    pub termination: Option<Termination>,
    /// What the judge says, where there is one.
    pub judged: Option<Judged>,
    /// Wall-clock time of the registration: files read and X-ray simulated before.
    pub seconds: f64,
    /// Why there is no pose.
    pub failure: Option<String>,
}

/// One case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseResult {
    /// Its number in the protocol.
    pub number: usize,
    /// Its condition.
    pub condition: String,
    /// The CT that is registered.
    pub ct: String,
    /// The camera.
    pub camera: String,
    /// The nominal view.
    pub view: String,
    /// The simulation.
    pub simulation: String,
    /// What the X-rays were made from.
    pub xray_source: XraySource,
    /// The rule for the border of the CT that is X-rayed.
    #[serde(default)]
    pub renderer: BorderRule,
    /// The cut that left the CT that is registered; none where all of it is.
    #[serde(default)]
    pub cut: Option<DrawnCut>,
    /// How many X-rays there are.
    pub xrays: usize,
    /// Why it cannot be registered, if it cannot.
    pub hopeless: Option<Hopeless>,
    /// The protocol's seed.
    pub seed: u64,
    /// Seeds of the X-rays.
    pub simulation_seeds: Vec<u64>,
    /// The true pose, as a motion from the nominal one.
    pub truth: Option<Offset>,
    /// The start, as a motion from the nominal pose.
    pub start: Offset,
    /// How far off the start is.
    pub start_errors: Option<PoseErrors>,
    /// How many cases were run at a time: with more than one, seconds say little.
    pub cases_at_a_time: usize,
    /// The results, in the order of the protocol's methods.
    pub methods: Vec<MethodResult>,
}
