//! The poses and seeds of a case: a function of the protocol's seed and the case's number alone.
//!
//! Every draw of every case has a ChaCha stream of its own: a case is the same whichever cases come
//! before it, on whichever machine, and leaving one draw out changes no other.

use nalgebra::Vector3;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::plan::CasePlan;
use super::protocol::{About, PoseDistribution};
use crate::geometry::{Camera, RigidTransform};
use crate::register::Prior;

/// Streams of one case; never to be changed.
const STREAMS: u64 = 16;

/// How far beside the detector a patient out of view lies, at the detector (mm).
const BESIDE_MM: f64 = 10.0;

/// What is drawn; the number is that of its stream within the case.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    Truth = 0,
    Start = 1,
    Simulation = 2,
    SecondSimulation = 3,
    Side = 4,
    Cut = 5,
}

/// The draws of one case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draws {
    seed: u64,
    case: u64,
}

/// Where the patient is and where he is first thought to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CasePoses {
    /// The pose of the view.
    pub nominal_camera_from_world: RigidTransform,
    /// The true pose.
    pub true_camera_from_world: RigidTransform,
    /// The start.
    pub start_camera_from_world: RigidTransform,
}

impl Draws {
    /// Those of a case with this number in its condition.
    #[must_use]
    pub fn new(seed: u64, number_in_condition: usize) -> Self {
        Self { seed, case: number_in_condition as u64 }
    }

    fn stream(&self, purpose: Purpose) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(self.case.wrapping_mul(STREAMS).wrapping_add(purpose as u64));
        rng
    }

    /// Truth and start.
    ///
    /// # Units
    /// The pivot in the world frame (mm).
    #[must_use]
    pub fn poses(
        &self,
        plan: &CasePlan<'_>,
        camera: &Camera,
        pivot_world_mm: Vector3<f64>,
    ) -> CasePoses {
        let distance_mm = camera.source_to_isocenter_or_assumed_mm();
        let nominal = plan.view.camera_from_world(pivot_world_mm, distance_mm);
        let condition = plan.condition;
        let drawn = |distribution: &Option<PoseDistribution>, truth, purpose| match distribution {
            None => nominal,
            Some(distribution) => {
                let from = match distribution.about {
                    About::View => nominal,
                    About::Truth => truth,
                };
                distribution.draw(&from, pivot_world_mm, &mut self.stream(purpose))
            }
        };
        let truth = drawn(&condition.truth, nominal, Purpose::Truth);
        let start = drawn(&condition.start, truth, Purpose::Start);
        CasePoses {
            nominal_camera_from_world: nominal,
            true_camera_from_world: truth,
            start_camera_from_world: start,
        }
    }

    /// The seed of an X-ray, the first (0) or the second (1).
    #[must_use]
    pub fn simulation_seed(&self, xray: usize) -> u64 {
        let purpose = if xray == 0 { Purpose::Simulation } else { Purpose::SecondSimulation };
        self.stream(purpose).next_u64()
    }

    /// The stream that a cut is drawn from.
    #[must_use]
    pub fn cut_stream(&self) -> ChaCha8Rng {
        self.stream(Purpose::Cut)
    }

    /// A pose shifted along columns or rows until only a part of the points' extent is seen, or nothing
    /// (a part of 0): to a side that is drawn.
    #[must_use]
    pub fn beside_the_beam(
        &self,
        camera: &Camera,
        camera_from_world: &RigidTransform,
        points_world_mm: &[Vector3<f64>],
        visible_part: f64,
    ) -> RigidTransform {
        let mut rng = self.stream(Purpose::Side);
        let (axis, sign) =
            (rng.random_range(0..2_usize), [-1.0, 1.0][rng.random_range(0..2_usize)]);
        let edge_px = match sign {
            1.0 => camera.size_px()[axis] as f64,
            _ => -1.0,
        };
        let spacing_mm = camera.pixel_spacing_mm()[axis];
        let edge_mm = sign * (edge_px - camera.principal_point_px()[axis]) * spacing_mm + BESIDE_MM;
        let needed_mm = points_world_mm.iter().map(|&point| {
            let point = camera_from_world.point(point);
            edge_mm * point.z / camera.source_to_detector_mm() - sign * point[axis]
        });
        let (first, last) = needed_mm.fold((f64::INFINITY, 0.0_f64), |(first, last), needed| {
            (first.min(needed), last.max(needed))
        });
        let mut shift = Vector3::zeros();
        shift[axis] = sign * (last - visible_part * (last - first.min(last))).max(0.0);
        RigidTransform::from_translation(shift) * *camera_from_world
    }
}

impl PoseDistribution {
    /// A pose drawn about another.
    ///
    /// # Units
    /// The pivot in the world frame (mm).
    #[must_use]
    pub fn draw(
        &self,
        from: &RigidTransform,
        pivot_world_mm: Vector3<f64>,
        rng: &mut ChaCha8Rng,
    ) -> RigidTransform {
        let pivot_camera = from.point(pivot_world_mm);
        let towards_source = -pivot_camera.normalize();
        let center_camera = pivot_camera + towards_source * self.rotation_centre_mm;
        let center_world_mm = from.inverse().point(center_camera);
        let prior = Prior { center_camera_from_world: *from, spread: self.spread() };
        prior.draw(center_world_mm, rng)
    }
}

#[cfg(test)]
mod tests {
    //! Proves: a case's draws depend on the seed and its number alone, have the spread that is asked
    //! for, turn about the point that is named, and leave the field where they shall.
    use super::*;
    use crate::evaluate::protocol_of_tests;
    use crate::geometry::PivotMotion;
    use crate::register::RotationSpread;

    fn camera() -> Camera {
        protocol_of_tests().cameras[0].camera().unwrap()
    }

    const PIVOT: Vector3<f64> = Vector3::new(10.0, -20.0, 30.0);

    #[test]
    fn draws_depend_on_seed_and_number_alone() {
        let protocol = protocol_of_tests();
        let poses = |seed, number| {
            let plan = protocol.case(number).unwrap();
            Draws::new(seed, plan.number_in_condition).poses(&plan, &camera(), PIVOT)
        };
        let one = poses(1, 3);
        assert_eq!(one, poses(1, 3));
        assert_ne!(one.true_camera_from_world, poses(2, 3).true_camera_from_world);
        assert_ne!(one.true_camera_from_world, poses(1, 2).true_camera_from_world);
        // The second condition repeats the draws of the first.
        assert_eq!(one.true_camera_from_world, poses(1, 7).true_camera_from_world);
        // Without a start's draw, the truth's stays.
        let mut plan = protocol.case(3).unwrap();
        let condition = crate::evaluate::Condition { start: None, ..plan.condition.clone() };
        plan.condition = &condition;
        let without = Draws::new(1, 3).poses(&plan, &camera(), PIVOT);
        assert_eq!(without.true_camera_from_world, one.true_camera_from_world);
        assert_eq!(without.start_camera_from_world, without.nominal_camera_from_world);
        assert_ne!(Draws::new(1, 3).simulation_seed(0), Draws::new(1, 3).simulation_seed(1));
    }

    #[test]
    fn the_spread_is_that_of_the_center_of_rotation() {
        let mut protocol = protocol_of_tests();
        let distribution = PoseDistribution {
            rotation_deg: RotationSpread::StandardDeviationDeg(20.0),
            in_plane_mm: 30.0,
            depth_mm: 60.0,
            rotation_centre_mm: 0.0,
            about: About::View,
        };
        let mut spread_about = |rotation_centre_mm| {
            protocol.conditions[0].truth =
                Some(PoseDistribution { rotation_centre_mm, ..distribution });
            let plan = protocol.case(0).unwrap();
            let mut squares = [0.0; 6];
            for case in 0..2000 {
                let poses = Draws::new(7, case).poses(&plan, &camera(), PIVOT);
                let nominal = &poses.nominal_camera_from_world;
                let motion =
                    PivotMotion::between(nominal, &poses.true_camera_from_world, PIVOT).to_vector();
                (0..6).for_each(|c| squares[c] += motion[c] * motion[c] / 2000.0);
            }
            squares.map(f64::sqrt)
        };
        let [x, _, z, u, v, depth] = spread_about(0.0);
        assert!((x.to_degrees() - 20.0).abs() < 1.0 && (z.to_degrees() - 20.0).abs() < 1.0);
        assert!((u - 30.0).abs() < 1.5 && (v - 30.0).abs() < 1.5 && (depth - 60.0).abs() < 3.0);
        // 20 degrees about a point 520 mm away shift the pivot by some 180 mm in the plane.
        let [x, _, _, u, v, _] = spread_about(520.0);
        assert!((x.to_degrees() - 20.0).abs() < 1.0);
        assert!((150.0..190.0).contains(&u) && (150.0..190.0).contains(&v), "{u} {v}");
    }

    #[test]
    fn out_of_view_is_beside_the_detector() {
        let pose = crate::geometry::View::AP.camera_from_world(PIVOT, 700.0);
        let points: Vec<_> = (0..8)
            .map(|n| PIVOT + Vector3::from([0, 1, 2].map(|a| f64::from(n >> a & 1) * 100.0 - 50.0)))
            .collect();
        let mut sides = std::collections::BTreeSet::new();
        for case in 0..40 {
            let gone = Draws::new(1, case).beside_the_beam(&camera(), &pose, &points, 0.0);
            assert_eq!(gone.rotation(), pose.rotation());
            let [columns, rows] = camera().size_px().map(|n| n as f64);
            for &point in &points {
                let [u, v] = camera().project(gone.point(point)).unwrap();
                let seen = (-0.5..columns - 0.5).contains(&u) && (-0.5..rows - 0.5).contains(&v);
                assert!(!seen, "{u} {v}");
            }
            let shift = gone.point(PIVOT) - pose.point(PIVOT);
            sides.insert((shift.x > 0.0, shift.y > 0.0, shift.x == 0.0));
            // Of eight corners those of the near side stay where a fifth of the patient does.
            let part = Draws::new(1, case).beside_the_beam(&camera(), &pose, &points, 0.2);
            let seen = points.iter().filter(|&&point| {
                let [u, v] = camera().project(part.point(point)).unwrap();
                (-0.5..columns - 0.5).contains(&u) && (-0.5..rows - 0.5).contains(&v)
            });
            assert!((1..8).contains(&seen.count()));
        }
        assert_eq!(sides.len(), 4);
    }
}
