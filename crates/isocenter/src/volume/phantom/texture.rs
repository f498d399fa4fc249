//! Texture: smooth noise from hashed lattice points.

use nalgebra::{Matrix3, Vector3};

/// Value noise: random numbers at the points of a lattice, smoothly interpolated between them.
///
/// The lattice is turned against the world's axes: along its own axes such noise has rows and
/// columns, which would add up to a grid in a radiograph.
#[derive(Debug, Clone, Copy)]
pub(super) struct Noise {
    key: u32,
    lattice_from_world: Matrix3<f64>,
}

impl Noise {
    /// Noise whose grains have the given size along x, y, z.
    pub(super) fn new(key: u32, grain_mm: [f64; 3]) -> Self {
        // A rotation by whole numbers, over 3.
        let turn = Matrix3::new(2.0, -1.0, 2.0, 2.0, 2.0, -1.0, -1.0, 2.0, 2.0) / 3.0;
        let per_mm = Vector3::from(grain_mm.map(|size| 1.0 / size));
        Self { key, lattice_from_world: turn * Matrix3::from_diagonal(&per_mm) }
    }

    /// The noise at a world point, -1 to 1.
    pub(super) fn at(&self, point: Vector3<f64>) -> f32 {
        let scaled = self.lattice_from_world * point;
        let cell = scaled.map(floor);
        let weight = (scaled - cell.map(f64::from)).map(|t| (t * t * (3.0 - 2.0 * t)) as f32);
        // Odd multipliers spread the three coordinates; the hash mixes them.
        let steps = [0x9E37_79B1_u32, 0x85EB_CA77, 0xC2B2_AE3D];
        let start = (0..3).fold(self.key, |sum, axis| {
            sum.wrapping_add(steps[axis].wrapping_mul(cell[axis] as u32))
        });
        let along_x = |at: u32| {
            let (a, b) = (unit(hash(at)), unit(hash(at.wrapping_add(steps[0]))));
            a + (b - a) * weight.x
        };
        let along_xy = |at: u32| {
            let (a, b) = (along_x(at), along_x(at.wrapping_add(steps[1])));
            a + (b - a) * weight.y
        };
        let (a, b) = (along_xy(start), along_xy(start.wrapping_add(steps[2])));
        a + (b - a) * weight.z
    }
}

/// The largest whole number that is not above `x`. (Without a call into the C library, which
/// `f64::floor` is on processors of the oldest kind.)
fn floor(x: f64) -> i32 {
    let toward_zero = x as i32;
    toward_zero - i32::from(f64::from(toward_zero) > x)
}

/// Mixes the bits of an integer; every output bit depends on every input bit.
fn hash(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x7FEB_352D);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846C_A68B);
    x ^ (x >> 16)
}

/// Bits to a number between -1 and 1.
fn unit(bits: u32) -> f32 {
    (bits >> 8) as f32 * (2.0 / (1_u32 << 24) as f32) - 1.0
}

#[cfg(test)]
mod tests {
    //! Proves: noise is bounded, continuous, centered about zero, and has its own scale.
    use super::*;

    #[test]
    fn noise_is_smooth_bounded_and_centered() {
        let noise = Noise::new(7, [2.0, 3.0, 5.0]);
        let mut sum = 0.0;
        let mut squares = 0.0;
        for step in -20_000..20_000 {
            let point = Vector3::new(0.37, 0.11, 0.23) * f64::from(step);
            let value = noise.at(point);
            assert!(value.abs() <= 1.0);
            // The steepest slope is 2 * 1.5 / 2 mm: 0.0015 in a thousandth of a millimetre.
            let near = noise.at(point + Vector3::new(1e-3, 0.0, 0.0));
            assert!((near - value).abs() < 2e-3);
            sum += f64::from(value);
            squares += f64::from(value * value);
        }
        // Some 4000 independent cells of variance about 1/3 * 0.4: the mean is within 0.03.
        assert!((sum / 40_000.0).abs() < 0.03);
        assert!((0.05..0.2).contains(&(squares / 40_000.0)));
    }
}
