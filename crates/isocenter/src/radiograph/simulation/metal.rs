//! Metal in the beam: steel wires and screws near the patient.
//!
//! Tools are cylinders with flat ends; a screw has a shaft and a head. The length of a ray in a
//! cylinder is exact: the ray's part between the two end planes, cut with its part inside the
//! infinite cylinder.

use nalgebra::Vector3;
use serde::{Deserialize, Serialize};

use super::draw::{Draw, Effect};
use super::error::SimulationError;
use super::plane::Plane;
use super::setting::{PROBABILITY, Range, check_range, check_value, refused};
use crate::geometry::Camera;

/// A screw's head is that much wider than its shaft, and that long (mm).
const HEAD_WIDTH: f64 = 1.8;
const HEAD_MM: f64 = 8.0;

/// Diameters of tools (mm).
const DIAMETERS_MM: Range = [0.1, 50.0];
/// Lengths of tools (mm).
const LENGTHS_MM: Range = [1.0, 1000.0];

/// Wires and screws.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetalConfig {
    /// Fewest and most tools, at most 20.
    pub count: [usize; 2],
    /// How often a tool is a screw, not a wire.
    pub screw_probability: f64,
    /// Diameter of wires (mm).
    pub wire_diameter_mm: Range,
    /// Length of wires (mm).
    pub wire_length_mm: Range,
    /// Diameter of screws' shafts (mm).
    pub screw_diameter_mm: Range,
    /// Length of screws' shafts (mm).
    pub screw_length_mm: Range,
    /// Where the middle of a tool is seen: part of the detector's sides from its center, 0 to 0.5.
    pub off_center: Range,
    /// Depth of the middle relative to the patient's (mm).
    pub depth_mm: Range,
}

impl Default for MetalConfig {
    /// Kirschner wires and pedicle screws.
    fn default() -> Self {
        Self {
            count: [1, 4],
            screw_probability: 0.5,
            wire_diameter_mm: [1.0, 2.5],
            wire_length_mm: [100.0, 250.0],
            screw_diameter_mm: [4.5, 6.5],
            screw_length_mm: [30.0, 55.0],
            off_center: [0.0, 0.4],
            depth_mm: [-100.0, 60.0],
        }
    }
}

impl MetalConfig {
    pub(super) fn check(&self) -> Result<(), SimulationError> {
        let [fewest, most] = self.count;
        if fewest > most || most > 20 {
            let found = format!("[{fewest}, {most}]");
            return refused("metal.count", found, "[fewest, most], at most 20");
        }
        check_value("metal.screw_probability", self.screw_probability, PROBABILITY)?;
        check_range("metal.wire_diameter_mm", self.wire_diameter_mm, DIAMETERS_MM)?;
        check_range("metal.wire_length_mm", self.wire_length_mm, LENGTHS_MM)?;
        check_range("metal.screw_diameter_mm", self.screw_diameter_mm, DIAMETERS_MM)?;
        check_range("metal.screw_length_mm", self.screw_length_mm, LENGTHS_MM)?;
        check_range("metal.off_center", self.off_center, [0.0, 0.5])?;
        check_range("metal.depth_mm", self.depth_mm, [-1000.0, 1000.0])
    }

    pub(super) fn draw(&self, camera: &Camera, patient_depth_mm: f64, seed: u64) -> Vec<Tool> {
        let mut draw = Draw::new(seed, Effect::Metal);
        let count = draw.whole(self.count);
        (0..count).map(|_| self.draw_tool(&mut draw, camera, patient_depth_mm)).collect()
    }

    fn draw_tool(&self, draw: &mut Draw, camera: &Camera, patient_depth_mm: f64) -> Tool {
        let [columns, rows] = camera.size_px().map(|n| n as f64);
        let (off, around) =
            (draw.between(self.off_center), draw.between([0.0, std::f64::consts::TAU]));
        let u = (columns - 1.0) / 2.0 + columns * off * around.cos();
        let v = (rows - 1.0) / 2.0 + rows * off * around.sin();
        let far = camera.source_to_detector_mm();
        let depth = (patient_depth_mm + draw.between(self.depth_mm)).clamp(0.1 * far, far);
        let center = camera.ray_direction(u, v) * depth;
        // Three normal numbers point evenly in all directions.
        let axis = Vector3::from_fn(|_, _| draw.normal());
        let axis = axis.try_normalize(1e-12).unwrap_or_else(Vector3::x);
        let (screw, wire) = (
            [draw.between(self.screw_diameter_mm), draw.between(self.screw_length_mm)],
            [draw.between(self.wire_diameter_mm), draw.between(self.wire_length_mm)],
        );
        if draw.happens(self.screw_probability) {
            Tool::screw(center, axis, screw)
        } else {
            Tool::wire(center, axis, wire)
        }
    }
}

/// What a tool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ToolKind {
    /// One long cylinder.
    Wire,
    /// A shaft and a head.
    Screw,
}

/// A tool of steel, where it was drawn.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tool {
    /// What it is.
    pub kind: ToolKind,
    /// Its parts, which do not overlap.
    pub cylinders: Vec<Cylinder>,
}

impl Tool {
    fn wire(center: Vector3<f64>, axis: Vector3<f64>, [diameter_mm, length_mm]: [f64; 2]) -> Self {
        let shaft = Cylinder::new(center, axis, diameter_mm, length_mm);
        Self { kind: ToolKind::Wire, cylinders: vec![shaft] }
    }

    fn screw(center: Vector3<f64>, axis: Vector3<f64>, [diameter_mm, length_mm]: [f64; 2]) -> Self {
        let shaft = Cylinder::new(center, axis, diameter_mm, length_mm);
        let head_center = center + axis * ((length_mm + HEAD_MM) / 2.0);
        let head = Cylinder::new(head_center, axis, diameter_mm * HEAD_WIDTH, HEAD_MM);
        Self { kind: ToolKind::Screw, cylinders: vec![shaft, head] }
    }
}

/// A solid cylinder with flat ends, in the camera frame.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cylinder {
    /// Its middle (mm).
    pub center_camera_mm: [f64; 3],
    /// The direction of its axis, of length 1.
    pub axis_camera: [f64; 3],
    /// Its diameter (mm).
    pub diameter_mm: f64,
    /// Its length (mm).
    pub length_mm: f64,
}

impl Cylinder {
    fn new(center: Vector3<f64>, axis: Vector3<f64>, diameter_mm: f64, length_mm: f64) -> Self {
        let (center_camera_mm, axis_camera) = (center.into(), axis.into());
        Self { center_camera_mm, axis_camera, diameter_mm, length_mm }
    }

    /// The length (mm) within the cylinder of the ray that leaves the source in a direction.
    ///
    /// # Examples
    /// ```
    /// use isocenter::radiograph::simulation::Cylinder;
    /// let rod = Cylinder {
    ///     center_camera_mm: [0.0, 0.0, 700.0],
    ///     axis_camera: [1.0, 0.0, 0.0],
    ///     diameter_mm: 4.0,
    ///     length_mm: 50.0,
    /// };
    /// assert_eq!(rod.chord_mm([0.0, 0.0, 1.0]), 4.0); // across
    /// assert_eq!(rod.chord_mm([0.0, 1.0, 1.0]), 0.0); // beside
    /// ```
    #[must_use]
    pub fn chord_mm(&self, direction_camera: [f64; 3]) -> f64 {
        let Some(ray) = Vector3::from(direction_camera).try_normalize(0.0) else { return 0.0 };
        let axis = Vector3::from(self.axis_camera);
        // The source seen from the cylinder's middle, along the axis and across it.
        let source = -Vector3::from(self.center_camera_mm);
        let (ray_along, source_along) = (ray.dot(&axis), source.dot(&axis));
        let (ray_across, source_across) = (ray - axis * ray_along, source - axis * source_along);
        let ends = slab(source_along, ray_along, self.length_mm / 2.0);
        let mantle = disk(source_across, ray_across, self.diameter_mm / 2.0);
        let near = ends[0].max(mantle[0]).max(0.0);
        (ends[1].min(mantle[1]) - near).max(0.0)
    }
}

const NOWHERE: [f64; 2] = [f64::INFINITY, f64::NEG_INFINITY];
const EVERYWHERE: [f64; 2] = [f64::NEG_INFINITY, f64::INFINITY];

/// Where `|start + slope t| <= half`.
fn slab(start: f64, slope: f64, half: f64) -> [f64; 2] {
    if slope == 0.0 {
        return if start.abs() <= half { EVERYWHERE } else { NOWHERE };
    }
    let (p, q) = ((-half - start) / slope, (half - start) / slope);
    [p.min(q), p.max(q)]
}

/// Where `|start + slope t| <= radius`, in the plane across the axis.
fn disk(start: Vector3<f64>, slope: Vector3<f64>, radius: f64) -> [f64; 2] {
    let square = slope.norm_squared();
    // Parallel to the axis within rounding: over a kilometer the ray leaves by less than 1 um.
    if square < 1e-18 {
        return if start.norm() <= radius { EVERYWHERE } else { NOWHERE };
    }
    let closest = -start.dot(&slope) / square;
    let half = radius * radius - (start + slope * closest).norm_squared();
    if half < 0.0 {
        return NOWHERE;
    }
    let half = (half / square).sqrt();
    [closest - half, closest + half]
}

/// The length of steel (mm) on the way to each pixel.
pub(super) fn steel_mm(tools: &[Tool], camera: &Camera) -> Plane {
    let [columns, rows] = camera.size_px();
    let cylinders: Vec<&Cylinder> = tools.iter().flat_map(|tool| &tool.cylinders).collect();
    let pixel = |n: usize| {
        let ray = camera.ray_direction((n % columns) as f64, (n / columns) as f64).into();
        cylinders.iter().map(|cylinder| cylinder.chord_mm(ray)).sum()
    };
    Plane { columns, values: (0..columns * rows).map(pixel).collect() }
}

#[cfg(test)]
mod tests {
    //! Proves: chords are those of geometry, across, along, oblique, cut by an end, and by counting
    //! points; tools are as many, as large and as near the patient as asked for.
    use super::*;

    fn rod(axis: [f64; 3]) -> Cylinder {
        let axis = Vector3::from(axis).normalize();
        Cylinder::new(Vector3::new(0.0, 0.0, 700.0), axis, 6.0, 40.0)
    }

    #[test]
    fn chords_are_those_of_geometry() {
        let straight = [0.0, 0.0, 1.0];
        assert!((rod([1.0, 0.0, 0.0]).chord_mm(straight) - 6.0).abs() < 1e-12);
        assert!((rod([0.0, 0.0, 1.0]).chord_mm(straight) - 40.0).abs() < 1e-12);
        // Across a rod inclined by 30 degrees to the ray: 6 mm / sin 30.
        let inclined = rod([0.5, 0.0, 3.0_f64.sqrt() / 2.0]);
        assert!((inclined.chord_mm(straight) - 12.0).abs() < 1e-9);
        // 2 mm off the axis: 2 sqrt(9 - 4).
        let off = [0.0, 2.0 / 700.0, 1.0];
        let expected = 2.0 * 5.0_f64.sqrt();
        assert!((rod([1.0, 0.0, 0.0]).chord_mm(off) - expected).abs() < 1e-3);
        assert_eq!(rod([1.0, 0.0, 0.0]).chord_mm([0.0, 0.1, 1.0]), 0.0);
        assert_eq!(rod([1.0, 0.0, 0.0]).chord_mm([0.0, 0.0, -1.0]), 0.0, "behind the source");
        assert_eq!(rod([1.0, 0.0, 0.0]).chord_mm([0.0; 3]), 0.0);
    }

    #[test]
    fn chords_agree_with_counting() {
        let cylinder = rod([0.3, -0.8, 0.5]);
        let (center, axis) =
            (Vector3::from(cylinder.center_camera_mm), Vector3::from(cylinder.axis_camera));
        let mut hit = 0;
        for n in 0..400 {
            let ray =
                Vector3::new(f64::from(n % 20 - 10) / 500.0, f64::from(n / 20 - 10) / 500.0, 1.0);
            let unit = ray.normalize();
            let inside = |step: &u32| {
                let off = unit * (640.0 + f64::from(*step) * 0.02) - center;
                let along = off.dot(&axis);
                along.abs() <= 20.0 && (off - axis * along).norm() <= 3.0
            };
            let counted = (0..6000).filter(inside).count() as f64 * 0.02;
            let chord = cylinder.chord_mm(ray.into());
            // One step at each end.
            assert!((chord - counted).abs() <= 0.04, "{chord} {counted}");
            hit += usize::from(chord > 0.0);
        }
        assert!(hit > 20, "{hit}");
    }

    #[test]
    fn tools_are_as_asked_for() {
        let camera = Camera::new(1020.0, [1.2, 1.2], [256, 200]).unwrap();
        let config = MetalConfig::default();
        let (mut counts, mut screws, mut all) = ([0; 5], 0, 0);
        for seed in 0..500 {
            let tools = config.draw(&camera, 700.0, seed);
            counts[tools.len()] += 1;
            for tool in &tools {
                let shaft = tool.cylinders[0];
                let [u, v] = camera.project(shaft.center_camera_mm.into()).unwrap();
                assert!((u - 127.5).abs() <= 0.4 * 256.0 + 1e-6 && (v - 99.5).abs() <= 80.0 + 1e-6);
                assert!((600.0..=760.0).contains(&shaft.center_camera_mm[2]));
                let (diameter, length) = match tool.kind {
                    ToolKind::Wire => (1.0..=2.5, 100.0..=250.0),
                    ToolKind::Screw => (4.5..=6.5, 30.0..=55.0),
                };
                assert!(diameter.contains(&shaft.diameter_mm) && length.contains(&shaft.length_mm));
                screws += usize::from(tool.kind == ToolKind::Screw);
                all += 1;
            }
        }
        // Five standard deviations of a count of 500 draws with p = 1/4, and of halves of all.
        assert!(
            counts[0] == 0 && counts[1..].iter().all(|&n: &i32| (n - 125).abs() < 49),
            "{counts:?}"
        );
        let (screws, all) = (f64::from(screws as u32), f64::from(all));
        assert!((screws - all / 2.0).abs() < 2.5 * all.sqrt(), "{screws} of {all}");
    }
}
