//! From what a registration returns to what its report shows.

use isocenter::geometry::PivotMotion;
use isocenter::register::{Registration, TraceRow};

use super::registration::TracePoint;

/// The trace of a registration, each pose as the motion from the result about the pivot.
#[must_use]
pub fn trace_points(found: &Registration) -> Vec<TracePoint<'static>> {
    let point = |row: &TraceRow| {
        let iteration = &row.iteration;
        let offset = PivotMotion::between(
            &found.camera_from_world,
            &iteration.camera_from_world,
            found.pivot_world_mm,
        );
        TracePoint {
            stage: row.stage,
            longest_side_px: row.longest_side_px,
            candidate: row.candidate,
            iteration: iteration.number,
            similarity: iteration.similarity,
            accepted: iteration.accepted,
            rotation_deg: offset.omega_rad.map(f64::to_degrees).into(),
            translation_mm: offset.tau_mm.into(),
        }
    };
    found.trace.iter().map(point).collect()
}
