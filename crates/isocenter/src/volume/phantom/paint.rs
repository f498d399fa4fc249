//! From solids to voxels: each solid paints over those before it.
//!
//! A voxel's share of a solid grows from 0 to 1 over about one voxel across the surface, as the
//! partial-volume effect has it in a real scanner; the label goes to the solid with at least half.

use nalgebra::Vector3;

use super::label;
use super::shape::SharedShape;
use super::texture::Noise;

/// HU of air.
pub(super) const AIR_HU: f32 = -1000.0;

/// What a solid puts into a voxel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint {
    pub(super) hu: f32,
    /// Amplitude of the texture (HU).
    pub(super) texture_hu: f32,
    pub(super) label: u16,
}

/// What a solid is made of.
pub(super) trait Material: Send + Sync {
    /// The paint at a point that lies `depth_mm` below the solid's surface.
    fn paint(&self, point: Vector3<f64>, depth_mm: f64) -> Paint;
}

/// The same everywhere: vessels, muscles, gas.
impl Material for Paint {
    fn paint(&self, _: Vector3<f64>, _: f64) -> Paint {
        *self
    }
}

/// Dense outside, spongy inside: bone, and kidneys with the reverse.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shell {
    pub(super) shell_hu: f32,
    pub(super) shell_mm: f64,
    pub(super) core: Paint,
}

impl Material for Shell {
    fn paint(&self, _: Vector3<f64>, depth_mm: f64) -> Paint {
        // The inner surface of a cortex is rough: the step is spread over its own thickness.
        let core = smooth_step(depth_mm / self.shell_mm - 0.5) as f32;
        Paint {
            hu: self.shell_hu + (self.core.hu - self.shell_hu) * core,
            texture_hu: self.core.texture_hu * core,
            label: self.core.label,
        }
    }
}

/// A solid and what it is made of.
pub(super) struct Solid {
    pub(super) shape: SharedShape,
    pub(super) material: Box<dyn Material>,
}

impl Solid {
    pub(super) fn new(shape: SharedShape, material: impl Material + 'static) -> Self {
        Self { shape, material: Box::new(material) }
    }
}

/// 0 below 0, 1 above 1, and smooth between.
pub(super) fn smooth_step(t: f64) -> f64 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// The voxel centers of the volume.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lattice {
    pub(super) dims: [usize; 3],
    pub(super) spacing_mm: f64,
    pub(super) origin_mm: [f64; 3],
}

impl Lattice {
    fn position_mm(&self, axis: usize, index: usize) -> f64 {
        self.origin_mm[axis] + self.spacing_mm * index as f64
    }

    /// The indices along an axis whose centers lie within a voxel of the interval.
    fn range(&self, axis: usize, low_mm: f64, high_mm: f64) -> std::ops::Range<usize> {
        let index = |mm: f64| (mm - self.origin_mm[axis]) / self.spacing_mm;
        // `as` saturates: below zero becomes 0.
        let start = (index(low_mm) - 1.0).floor() as usize;
        let end = (index(high_mm) + 2.0).ceil() as usize;
        start.min(self.dims[axis])..end.min(self.dims[axis])
    }
}

impl Lattice {
    /// How many voxels to go on from a point this far outside a solid without missing any of it.
    fn steps_to_surface(&self, distance_mm: f64) -> usize {
        // Half the distance is certain; the voxel before the surface is still partly the solid's.
        let certain_mm = 0.5 * distance_mm - self.spacing_mm;
        (certain_mm / self.spacing_mm).max(0.0) as usize + 1
    }
}

/// Paints slice `k` into `hu` and `labels`, which have one value for each of its voxels.
pub(super) fn paint_slice(
    lattice: &Lattice,
    solids: &[Solid],
    grain: &Noise,
    k: usize,
    hu: &mut [f32],
    labels: &mut [u16],
) {
    let width = lattice.dims[0];
    let mut texture_hu = vec![0.0_f32; hu.len()];
    hu.fill(AIR_HU);
    labels.fill(label::AIR);
    let z = lattice.position_mm(2, k);
    for solid in solids {
        let bounds = solid.shape.bounds();
        if !lattice.range(2, bounds.low.z, bounds.high.z).contains(&k) {
            continue;
        }
        let columns = lattice.range(0, bounds.low.x, bounds.high.x);
        for j in lattice.range(1, bounds.low.y, bounds.high.y) {
            let y = lattice.position_mm(1, j);
            let mut i = columns.start;
            while i < columns.end {
                let point = Vector3::new(lattice.position_mm(0, i), y, z);
                let depth_mm = -solid.shape.signed_distance_mm(point);
                let share = smooth_step(0.5 + depth_mm / (1.5 * lattice.spacing_mm));
                if share > 0.0 {
                    let paint = solid.material.paint(point, depth_mm);
                    // Both ranges end within the slice.
                    let at = i + width * j;
                    hu[at] += (paint.hu - hu[at]) * share as f32;
                    texture_hu[at] += (paint.texture_hu - texture_hu[at]) * share as f32;
                    if share >= 0.5 {
                        labels[at] = paint.label;
                    }
                }
                i += lattice.steps_to_surface(-depth_mm);
            }
        }
    }
    add_texture(lattice, grain, z, &texture_hu, hu);
}

/// Adds the texture and rounds to whole HU, as a scanner stores them.
fn add_texture(lattice: &Lattice, grain: &Noise, z: f64, texture_hu: &[f32], hu: &mut [f32]) {
    for (at, (hu, &amplitude)) in hu.iter_mut().zip(texture_hu).enumerate() {
        if amplitude != 0.0 {
            let x = lattice.position_mm(0, at % lattice.dims[0]);
            let y = lattice.position_mm(1, at / lattice.dims[0]);
            let point = Vector3::new(x, y, z);
            *hu += amplitude * grain.at(point);
        }
        // Half away from zero.
        *hu = (*hu + if *hu < 0.0 { -0.5 } else { 0.5 }) as i32 as f32;
    }
}
