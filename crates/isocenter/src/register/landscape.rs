//! The similarity along the six axes of motion through a pose: what an optimiser sees.

use super::case::Case;
use super::config::RegisterConfig;
use super::error::RegisterError;
use super::level::Level;
use super::level_xray::LevelRequest;
use crate::geometry::{PivotMotion, RigidTransform};
use crate::optimize::Objective;
use nalgebra::Vector6;

/// The sides of the images compared: a coarse and a fine one.
const SIDES_PX: [usize; 2] = [32, 128];
/// Places to either side of the pose along an axis.
const STEPS: i32 = 20;
/// How far they reach: rotations (degrees), in plane, in depth (mm).
const REACH: [f64; 6] = [20.0, 20.0, 20.0, 30.0, 30.0, 100.0];
/// How far around a structure's shadow the images are compared (mm).
const MARGIN_MM: f64 = 30.0;

/// The similarity along one axis.
#[derive(Debug, Clone, PartialEq)]
pub struct AxisLandscape {
    /// Which component of a [`PivotMotion`], from 0.
    pub component: usize,
    /// How far from the pose: degrees for the first three components, else millimetres.
    pub offsets: Vec<f64>,
    /// The similarity there, images 128 pixels wide; negative infinity where it has none.
    pub fine: Vec<f64>,
    /// The same, 32 pixels wide.
    pub coarse: Vec<f64>,
}

/// The similarity along each axis of motion through a pose.
///
/// # Errors
/// If the pose cannot be rendered or compared.
pub fn landscape(
    case: &Case,
    camera_from_world: &RigidTransform,
    config: &RegisterConfig,
) -> Result<Vec<AxisLandscape>, RegisterError> {
    let pivot = case.pivot_world_mm();
    let depth_mm = camera_from_world.point(pivot).z;
    let [coarse, fine] = SIDES_PX.map(|side| {
        let request = LevelRequest {
            longest_side_px: side,
            depth_mm,
            poses: &[*camera_from_world],
            margin_mm: MARGIN_MM,
            similarity: &config.similarity,
            beyond: Some(&config.partial.refine),
        };
        Level::new(case, &request)
    });
    let (coarse, fine) = (coarse?, fine?);
    let (coarse, fine) =
        (coarse.objective_near(camera_from_world)?, fine.objective_near(camera_from_world)?);
    let along = |component: usize| {
        let offsets: Vec<f64> =
            (-STEPS..=STEPS).map(|n| f64::from(n) / f64::from(STEPS) * REACH[component]).collect();
        let moved = |&offset: &f64| {
            let mut xi = Vector6::zeros();
            xi[component] = if component < 3 { offset.to_radians() } else { offset };
            PivotMotion::from_vector(&xi).apply(camera_from_world, pivot)
        };
        let poses: Vec<RigidTransform> = offsets.iter().map(moved).collect();
        let (fine, coarse) = (fine.similarities(&poses), coarse.similarities(&poses));
        AxisLandscape { component, offsets, fine, coarse }
    };
    Ok((0..6).map(along).collect())
}
