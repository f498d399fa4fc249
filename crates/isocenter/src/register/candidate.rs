//! Poses in the running, and when two of them are the same.

use nalgebra::Vector3;

use crate::geometry::{PivotMotion, RigidTransform};
use crate::optimize::Termination;

/// How far a rotation moves what is seen, for the distance of two poses: the radius (mm) of the
/// anatomy about the pivot.
const RADIUS_MM: f64 = 100.0;

/// How much less a shift in depth changes the image than one within its plane: about the ratio of
/// the anatomy's radius to its distance from the source.
const DEPTH_WEIGHT: f64 = 0.15;

/// A pose in the running.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The pose of the first X-ray's camera.
    pub camera_from_world: RigidTransform,
    /// The similarity there, at the level that was compared last; negative infinity before.
    pub similarity: f64,
    /// Why its optimiser stopped.
    pub termination: Termination,
}

impl Candidate {
    /// A pose that has not been compared yet.
    #[must_use]
    pub fn new(camera_from_world: RigidTransform) -> Self {
        let termination = Termination::IterationLimit;
        Self { camera_from_world, similarity: f64::NEG_INFINITY, termination }
    }
}

/// How far apart two poses are, in millimetres of what is seen.
///
/// # Units
/// The pivot about which poses turn, in the world frame (mm).
#[must_use]
pub fn seen_distance_mm(
    a: &RigidTransform,
    b: &RigidTransform,
    pivot_world_mm: Vector3<f64>,
) -> f64 {
    let motion = PivotMotion::between(a, b, pivot_world_mm);
    let shift = motion.tau_mm.component_mul(&Vector3::new(1.0, 1.0, DEPTH_WEIGHT));
    shift.norm().hypot(motion.omega_rad.norm() * RADIUS_MM)
}

/// The best candidates, at most `number`, best first, none closer than `distinct_mm` to a better
/// one ([`seen_distance_mm`]).
#[must_use]
pub fn best_distinct(
    mut candidates: Vec<Candidate>,
    number: usize,
    distinct_mm: f64,
    pivot_world_mm: Vector3<f64>,
) -> Vec<Candidate> {
    candidates.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        if kept.len() >= number {
            break;
        }
        let pose = &candidate.camera_from_world;
        let apart = |k: &Candidate| seen_distance_mm(&k.camera_from_world, pose, pivot_world_mm);
        if kept.iter().all(|k| apart(k) > distinct_mm) {
            kept.push(candidate);
        }
    }
    kept
}
