//! Where a volume ends: [`BorderRule`], and [`BorderedProjector`], which renders by it.
//!
//! Programs that render X-rays disagree about the outermost half voxel and about what lies between
//! voxel centers. A registration whose own projector made its X-rays agrees with them by
//! construction; images by another rule show what that agreement was worth.
//!
//! Only line integrals are rendered. Derivatives are those of [`ReferenceProjector`], whose rule is
//! [`BorderRule::Faded`].
//!
//! # References
//! R. L. Siddon, *Fast calculation of the exact radiological path for a three-dimensional CT array*,
//! Med. Phys. 12(2), 252 (1985), doi:10.1118/1.595715 (boxes).

use std::fmt;

use nalgebra::Vector3;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::error::ProjectError;
use super::reference::ReferenceProjector;
use crate::geometry::{Camera, RigidTransform};
use crate::radiograph::Image;

/// What a volume is between its voxel centers, and where it ends.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum BorderRule {
    /// Trilinear between voxel centers; beyond the outermost ones it fades to zero over one voxel.
    #[default]
    Faded,
    /// Trilinear between voxel centers; it ends at the outermost ones, as in RTK.
    Centers,
    /// Voxels are boxes of constant value.
    Boxes,
}

impl fmt::Display for BorderRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Faded => "faded",
            Self::Centers => "centers",
            Self::Boxes => "boxes",
        })
    }
}

/// Renders a volume by a rule for its border, all in f64.
///
/// # Examples
/// ```
/// use isocenter::geometry::{Camera, View};
/// use isocenter::project::{BorderRule, ReferenceProjector};
/// use isocenter::volume::{Affine, AttenuationVolume, Volume};
/// use nalgebra::Vector3;
/// let affine = Affine::from_spacing([2.0; 3], [-4.0; 3]).unwrap();
/// let cube = Volume::new([5; 3], vec![0.01_f32; 125], affine).unwrap();
/// let cube = AttenuationVolume::from_per_mm(cube).unwrap();
/// let camera = Camera::new(1000.0, [1.0, 1.0], [3, 3]).unwrap();
/// let pose = View::AP.camera_from_world(Vector3::zeros(), 500.0);
/// let middle = |rule| {
///     let projector = ReferenceProjector::new(&cube).with_border(rule);
///     projector.forward(&camera, &pose).unwrap().get(1, 1).unwrap()
/// };
/// assert!((middle(BorderRule::Centers) - 0.08).abs() < 1e-6);
/// assert!((middle(BorderRule::Boxes) - 0.10).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct BorderedProjector<'a> {
    projector: ReferenceProjector<'a>,
    rule: BorderRule,
}

/// A ray in index space: `start + slope * depth`, the depth in mm.
#[derive(Debug, Clone, Copy)]
struct Ray {
    start: Vector3<f64>,
    slope: Vector3<f64>,
}

impl<'a> ReferenceProjector<'a> {
    /// The same volume, rendered by a rule for its border.
    #[must_use]
    pub fn with_border(self, rule: BorderRule) -> BorderedProjector<'a> {
        BorderedProjector { projector: self, rule }
    }
}

impl BorderedProjector<'_> {
    /// The rule for the border.
    #[must_use]
    pub fn rule(&self) -> BorderRule {
        self.rule
    }

    /// The radiograph at a pose: line integrals, dimensionless.
    ///
    /// # Errors
    /// If the source lies inside the volume or the pose is not finite.
    pub fn forward(
        &self,
        camera: &Camera,
        camera_from_world: &RigidTransform,
    ) -> Result<Image, ProjectError> {
        let line_integral: fn(&Self, &Ray) -> f64 = match self.rule {
            BorderRule::Faded => return self.projector.forward(camera, camera_from_world),
            BorderRule::Centers => Self::between_centers,
            BorderRule::Boxes => Self::through_boxes,
        };
        let world_from_camera = self.projector.world_from_camera(camera_from_world)?;
        let index_from_world = self.projector.index_from_world();
        let start = index_from_world.point(*world_from_camera.translation_mm());
        let mut image = Image::zeros(camera.size_px());
        let columns = camera.size_px()[0];
        image.pixels_mut().par_chunks_mut(columns).enumerate().for_each(|(row, pixels)| {
            for (column, pixel) in pixels.iter_mut().enumerate() {
                let unit_camera = camera.ray_direction(column as f64, row as f64).normalize();
                let unit_world = world_from_camera.direction(unit_camera);
                let ray = Ray { start, slope: index_from_world.linear() * unit_world };
                *pixel = line_integral(self, &ray) as f32;
            }
        });
        Ok(image)
    }

    /// Midpoints of equal steps from the first to the last voxel center.
    fn between_centers(&self, ray: &Ray) -> f64 {
        let volume = self.projector.volume();
        let [lower, upper] = volume.content().with_border();
        let last = Vector3::from(volume.volume().dims().map(|n| n as f64 - 1.0));
        let Some([near, far]) = ray.within(lower.map(|n| n.max(0.0)), upper.inf(&last)) else {
            return 0.0;
        };
        // A volume has two voxels along each axis at least, and a ray leaves it: a finite number.
        let steps = ((far - near) / self.projector.step_mm()).ceil().max(1.0);
        let step_mm = (far - near) / steps;
        let sample = |n: u64| self.projector.sample(ray.at(near + (n as f64 + 0.5) * step_mm));
        (0..steps as u64).map(sample).sum::<f64>() * step_mm
    }

    /// From box to box.
    fn through_boxes(&self, ray: &Ray) -> f64 {
        let volume = self.projector.volume();
        let content = volume.content();
        let face = |corner: [usize; 3]| Vector3::from(corner.map(|n| n as f64 - 0.5));
        let Some([near, far]) = ray.within(face(content.lower), face(content.upper)) else {
            return 0.0;
        };
        let entry = ray.at(near);
        let mut cell: [i64; 3] = std::array::from_fn(|a| {
            let (first, last) = (content.lower[a] as i64, content.upper[a] as i64 - 1);
            (entry[a].round() as i64).clamp(first, last)
        });
        let mut depth = near;
        let mut sum = 0.0;
        while depth < far {
            // Each plane's depth is computed afresh: no error adds up.
            let leaves = |a: usize| match ray.slope[a] {
                0.0 => f64::INFINITY,
                slope => (cell[a] as f64 + 0.5 * slope.signum() - ray.start[a]) / slope,
            };
            let at = [leaves(0), leaves(1), leaves(2)];
            let axis =
                if at[0] <= at[1] && at[0] <= at[2] { 0 } else { 1 + usize::from(at[2] < at[1]) };
            let next = at[axis].clamp(depth, far);
            let inside = cell.map(|n| usize::try_from(n).unwrap_or(usize::MAX));
            sum += volume.volume().get(inside).map_or(0.0, f64::from) * (next - depth);
            depth = next;
            cell[axis] += if ray.slope[axis] > 0.0 { 1 } else { -1 };
            let (first, end) = (content.lower[axis] as i64, content.upper[axis] as i64);
            if !(first..end).contains(&cell[axis]) {
                break;
            }
        }
        sum
    }
}

impl Ray {
    fn at(&self, depth_mm: f64) -> Vector3<f64> {
        self.start + self.slope * depth_mm
    }

    /// The depths (mm) between which it runs within a box, in front of the source.
    fn within(&self, lower: Vector3<f64>, upper: Vector3<f64>) -> Option<[f64; 2]> {
        let (mut near, mut far) = (0.0_f64, f64::INFINITY);
        for a in 0..3 {
            let (start, slope) = (self.start[a], self.slope[a]);
            if slope == 0.0 {
                if start < lower[a] || start > upper[a] {
                    return None;
                }
                continue;
            }
            let (p, q) = ((lower[a] - start) / slope, (upper[a] - start) / slope);
            near = near.max(p.min(q));
            far = far.min(p.max(q));
        }
        // Without any slope the ray would be endless.
        (near < far && far.is_finite()).then_some([near, far])
    }
}

#[cfg(test)]
mod tests {
    //! Proves: boxes give the chords of a box and those computed by hand in a checkerboard, straight
    //! and slanted; air around a volume makes centers agree with faded; the border is what differs.
    use super::*;
    use crate::geometry::{PivotMotion, View};
    use crate::volume::{Affine, AttenuationVolume, Volume};
    use nalgebra::Matrix3;

    fn camera() -> Camera {
        Camera::new(1000.0, [2.0, 2.0], [41, 31]).unwrap()
    }

    fn poses() -> Vec<RigidTransform> {
        let turned = |n: i32| {
            let omega_rad = Vector3::new(0.3, -0.2, 0.4) * f64::from(n);
            let motion = PivotMotion { omega_rad, tau_mm: Vector3::new(3.0, -2.0, 20.0) };
            motion.apply(&View::AP.camera_from_world(Vector3::zeros(), 600.0), Vector3::zeros())
        };
        (0..4).map(turned).collect()
    }

    /// A volume on a permuted and flipped grid about the origin.
    fn volume(dims: [usize; 3], value: impl Fn([usize; 3]) -> f32) -> AttenuationVolume {
        let linear = Matrix3::new(0.0, -2.0, 0.0, 0.0, 0.0, 1.5, 3.0, 0.0, 0.0);
        let middle = Vector3::from(dims.map(|n| (n as f64 - 1.0) / 2.0));
        let affine = Affine::new(linear, -(linear * middle)).unwrap();
        let empty = Volume::new(dims, vec![0_u8; dims.iter().product()], affine).unwrap();
        let voxels = (0..empty.voxels().len()).map(|at| value(empty.index_of(at))).collect();
        AttenuationVolume::from_per_mm(Volume::new(dims, voxels, affine).unwrap()).unwrap()
    }

    fn render(volume: &AttenuationVolume, rule: BorderRule, pose: &RigidTransform) -> Image {
        ReferenceProjector::new(volume).with_border(rule).forward(&camera(), pose).unwrap()
    }

    fn most_apart(a: &Image, b: &Image) -> f32 {
        a.pixels().iter().zip(b.pixels()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn a_box_has_its_chords() {
        // 14 x 8 x 10 voxels of 3 x 2 x 1.5 mm: 16 mm along x, 15 along y, 42 along z.
        let half_mm = Vector3::new(8.0, 7.5, 21.0);
        let cube = volume([14, 8, 10], |_| 0.02);
        for pose in poses() {
            let image = render(&cube, BorderRule::Boxes, &pose);
            let world_from_camera = pose.inverse();
            let source = *world_from_camera.translation_mm();
            let mut lit = 0;
            for (column, row) in (0..41).flat_map(|column| (0..31).map(move |row| (column, row))) {
                let ray = camera().ray_direction(column as f64, row as f64).normalize();
                let ray = Ray { start: source, slope: world_from_camera.direction(ray) };
                let chord = ray.within(-half_mm, half_mm).map_or(0.0, |[near, far]| far - near);
                let found = f64::from(image.get(column, row).unwrap());
                assert!((found - 0.02 * chord).abs() < 1e-6, "{found} {chord}");
                lit += usize::from(chord > 0.0);
            }
            assert!(lit > 100, "{lit}");
        }
    }

    #[test]
    fn boxes_are_crossed_one_by_one() {
        // By brute force: a hundred thousand samples of the nearest voxel along a few rays.
        let board = volume([4, 5, 6], |[i, j, k]| ((i + 2 * j + 3 * k) % 5) as f32 * 0.01);
        let index_from_world = board.volume().world_from_index().inverse();
        for pose in poses() {
            let image = render(&board, BorderRule::Boxes, &pose);
            let world_from_camera = pose.inverse();
            for (column, row) in [(22, 13), (23, 14), (21, 12)] {
                let ray = camera().ray_direction(column as f64, row as f64).normalize();
                let step = 1e-3;
                let at = |n: i32| {
                    let point =
                        world_from_camera.point(ray * (550.0 + (f64::from(n) + 0.5) * step));
                    let nearest = index_from_world.point(point).map(f64::round);
                    let inside = nearest.iter().all(|&n| n >= 0.0);
                    let nearest = [0, 1, 2].map(|a| nearest[a] as usize);
                    if inside { board.volume().get(nearest).map_or(0.0, f64::from) } else { 0.0 }
                };
                let expected = (0..140_000).map(at).sum::<f64>() * step;
                let found = f64::from(image.get(column, row).unwrap());
                assert!(expected > 0.01 && (found - expected).abs() < 2e-4, "{found} {expected}");
            }
        }
    }

    #[test]
    fn only_the_border_differs() {
        let value = |[i, j, k]: [usize; 3]| 0.01 + ((i * 7 + j * 5 + k * 3) % 11) as f32 * 1e-3;
        let bare = volume([10, 12, 14], value);
        let padded = volume([12, 14, 16], |index: [usize; 3]| {
            let inner = (0..3).all(|a| (1..=[10, 12, 14][a]).contains(&index[a]));
            if inner { value(index.map(|n| n - 1)) } else { 0.0 }
        });
        for pose in poses() {
            let [faded, centers] =
                [BorderRule::Faded, BorderRule::Centers].map(|rule| render(&padded, rule, &pose));
            // One samples at fixed depths, the other at those of its chord.
            assert!(most_apart(&faded, &centers) < 2e-3, "{}", most_apart(&faded, &centers));
            assert_eq!(render(&bare, BorderRule::Faded, &pose), faded_of(&bare, &pose));
            let cut = render(&bare, BorderRule::Centers, &pose);
            assert!(most_apart(&faded, &cut) > 1e-2);
            assert!(cut.pixels().iter().all(|p| p.is_finite() && *p >= 0.0));
        }
    }

    fn faded_of(volume: &AttenuationVolume, pose: &RigidTransform) -> Image {
        ReferenceProjector::new(volume).forward(&camera(), pose).unwrap()
    }

    #[test]
    fn a_ray_along_a_face_ends() {
        let cube = volume([4, 4, 4], |_| 0.02);
        // The middle ray runs along a plane between boxes, and no ray has any other trouble.
        let pose = View::AP.camera_from_world(Vector3::zeros(), 600.0);
        for rule in [BorderRule::Faded, BorderRule::Centers, BorderRule::Boxes] {
            let image = render(&cube, rule, &pose);
            assert!(image.pixels().iter().all(|p| p.is_finite()), "{rule}");
        }
        let middle = render(&cube, BorderRule::Boxes, &pose).get(20, 15).unwrap();
        assert!((middle - 0.12).abs() < 1e-6, "{middle}");
        let inside = RigidTransform::identity();
        let projector = ReferenceProjector::new(&cube).with_border(BorderRule::Boxes);
        assert!(projector.forward(&camera(), &inside).is_err());
    }
}
