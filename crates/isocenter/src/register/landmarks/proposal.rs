//! Candidates for the pose: proposed by three landmarks each, compared and refined over all.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::config::LandmarkConfig;
use super::reprojection::{Reprojection, centroid_mm, squared_px};
use super::three_points::poses_of_three_points;
use super::{DISTINCT_DEG, FEWEST_LANDMARKS, LARGEST_WITHOUT_CONSENSUS, Landmark, turned_deg};
use crate::geometry::{Camera, RigidTransform};
use crate::optimize::LevenbergMarquardtConfig;
use crate::optimize::levenberg_marquardt::maximize;

/// How many proposals are refined.
const REFINED: usize = 12;

/// Proposals whose depths differ by more than this part are distinct.
const DISTINCT_DEPTH: f64 = 0.05;

/// Refinements of one proposal, each over the landmarks that agree with the one before.
const ROUNDS: usize = 10;

/// As far as double precision goes, from as far away as proposals are.
const OPTIMIZER: LevenbergMarquardtConfig = LevenbergMarquardtConfig {
    max_evaluations: 100,
    tolerance_deg: 1e-8,
    tolerance_mm: 1e-7,
    tolerance_value: 0.0,
    longest_step_deg: 30.0,
    longest_step_mm: 300.0,
    initial_damping: 1e-3,
};

/// A pose in the running.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) camera_from_world: RigidTransform,
    /// The landmarks that agree with it, ascending.
    pub(super) inliers: Vec<usize>,
    cost_px2: f64,
}

/// The search for the pose that costs least.
pub(super) struct Search<'a> {
    camera: &'a Camera,
    landmarks: &'a [Landmark],
    /// The cost of a landmark that does not agree, and of any at most (px^2).
    limit_px2: f64,
}

impl<'a> Search<'a> {
    pub(super) fn new(camera: &'a Camera, landmarks: &'a [Landmark], inlier_px: f64) -> Self {
        let all_count = landmarks.len() <= LARGEST_WITHOUT_CONSENSUS;
        let limit_px2 = if all_count { f64::INFINITY } else { inlier_px.powi(2) };
        Self { camera, landmarks, limit_px2 }
    }

    /// The best distinct poses, refined, the best first.
    pub(super) fn candidates(&self, config: &LandmarkConfig) -> Vec<Candidate> {
        let triples = triples(self.landmarks.len(), config);
        let mut proposals: Vec<(f64, RigidTransform)> = triples
            .into_iter()
            .flat_map(|triple| self.propose(triple))
            .map(|pose| (self.cost_px2(&pose), pose))
            .filter(|(cost, _)| cost.is_finite())
            .collect();
        proposals.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut distinct: Vec<RigidTransform> = Vec::new();
        for (_, pose) in proposals {
            if distinct.len() < REFINED && distinct.iter().all(|d| self.are_distinct(d, &pose)) {
                distinct.push(pose);
            }
        }
        let mut candidates: Vec<Candidate> =
            distinct.into_iter().filter_map(|pose| self.refine(pose)).collect();
        candidates.sort_by(|a, b| a.cost_px2.total_cmp(&b.cost_px2));
        candidates
    }

    pub(super) fn propose(&self, triple: [usize; 3]) -> Vec<RigidTransform> {
        let three = triple.map(|at| self.landmarks[at]);
        let ray = |l: Landmark| self.camera.ray_direction(l.image_px[0], l.image_px[1]).normalize();
        poses_of_three_points(&three.map(|l| l.world_mm), &three.map(ray))
    }

    fn cost_px2(&self, pose: &RigidTransform) -> f64 {
        let cost = |l| squared_px(self.camera, l, pose).min(self.limit_px2);
        self.landmarks.iter().map(cost).sum()
    }

    fn inliers(&self, pose: &RigidTransform) -> Vec<usize> {
        let agrees = |l| squared_px(self.camera, l, pose) < self.limit_px2;
        (0..self.landmarks.len()).filter(|&at| agrees(&self.landmarks[at])).collect()
    }

    fn are_distinct(&self, a: &RigidTransform, b: &RigidTransform) -> bool {
        let center = centroid_mm(self.landmarks);
        let (depth_a, depth_b) = (a.point(center).z, b.point(center).z);
        turned_deg(a, b) > DISTINCT_DEG || (depth_a - depth_b).abs() > DISTINCT_DEPTH * depth_a
    }

    /// The closest pose that is best for the landmarks that agree with it; none if these become
    /// too few.
    pub(super) fn refine(&self, proposal: RigidTransform) -> Option<Candidate> {
        let mut pose = proposal;
        let mut inliers = self.inliers(&pose);
        for _ in 0..ROUNDS {
            if inliers.len() < FEWEST_LANDMARKS {
                return None;
            }
            let agreeing: Vec<Landmark> = inliers.iter().map(|&at| self.landmarks[at]).collect();
            let objective = Reprojection::new(self.camera, &agreeing);
            pose = maximize(&objective, &pose, &OPTIMIZER, &mut |_| ()).ok()?.camera_from_world;
            let now = self.inliers(&pose);
            if now == inliers {
                break;
            }
            inliers = now;
        }
        let cost_px2 = self.cost_px2(&pose);
        Some(Candidate { camera_from_world: pose, inliers, cost_px2 })
    }
}

/// All triples of numbers below `count`, or draws of them where these are fewer.
fn triples(count: usize, config: &LandmarkConfig) -> Vec<[usize; 3]> {
    let draws = config.draws();
    let all = (0..count).flat_map(|c| (0..c).flat_map(move |b| (0..b).map(move |a| [a, b, c])));
    if all.clone().nth(draws).is_none() {
        return all.collect();
    }
    let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
    let draw = || [(); 3].map(|()| rng.random_range(0..count));
    let distinct = |&[a, b, c]: &[usize; 3]| a != b && b != c && a != c;
    std::iter::repeat_with(draw).filter(distinct).take(draws).collect()
}
