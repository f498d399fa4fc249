//! The phantom whose radiographs by other programs are in the shared reference data.
//!
//! It was made by a NumPy script: ellipsoids in a 256^3 grid of 1 mm, and normal noise from
//! `numpy.random.default_rng(0)` on all that is not air, rounded to whole HU. So that the test needs
//! no Python, the same numbers are drawn here: NumPy's generator is PCG64 (XSL-RR), its normal
//! numbers come from a 256-step ziggurat.
//!
//! References: M. E. O'Neill, HMC-CS-2014-0905 (PCG); G. Marsaglia, W. W. Tsang, J. Stat. Softw.
//! 5(8), 2000, doi:10.18637/jss.v005.i08 (ziggurat).

use isocenter::volume::{Affine, Volume};
use nalgebra::{Matrix3, Vector3};

/// Voxels along a side; the grid's center is the world's origin.
const SIDE: usize = 256;

/// PCG64 as `default_rng(0)` seeds it.
struct Pcg64 {
    state: u128,
}

impl Pcg64 {
    const MULTIPLIER: u128 = 0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645;
    const INCREMENT: u128 = 87_136_372_517_582_989_555_478_159_403_783_844_777;

    fn of_seed_zero() -> Self {
        Self { state: 35_399_562_948_360_463_058_890_781_895_381_311_971 }
    }

    fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_mul(Self::MULTIPLIER).wrapping_add(Self::INCREMENT);
        let folded = (self.state >> 64) as u64 ^ self.state as u64;
        folded.rotate_right((self.state >> 122) as u32)
    }

    /// Uniform in [0, 1).
    fn next_f64(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Standard normal numbers by a ziggurat of 256 layers.
struct Ziggurat {
    /// Right edge of each layer over 2^52, the density there, and the integer bound of sure hits.
    width: [f64; 256],
    density: [f64; 256],
    sure: [u64; 256],
}

impl Ziggurat {
    /// Where the tail begins, and the area of each layer.
    const TAIL: f64 = 3.654_152_885_361_009;
    const AREA: f64 = 0.004_928_673_233_997_09;

    fn new() -> Self {
        let f = |x: f64| (-0.5 * x * x).exp();
        let scale = (1_u64 << 52) as f64;
        let (mut width, mut density, mut sure) = ([0.0; 256], [0.0; 256], [0; 256]);
        let base = Self::AREA / f(Self::TAIL);
        sure[0] = (Self::TAIL / base * scale) as u64;
        width[0] = base / scale;
        density[0] = 1.0;
        width[255] = Self::TAIL / scale;
        density[255] = f(Self::TAIL);
        let mut edge = Self::TAIL;
        for layer in (1..255).rev() {
            let next = (-2.0 * (Self::AREA / edge + f(edge)).ln()).sqrt();
            sure[layer + 1] = (next / edge * scale) as u64;
            width[layer] = next / scale;
            density[layer] = f(next);
            edge = next;
        }
        Self { width, density, sure }
    }

    fn sample(&self, random: &mut Pcg64) -> f64 {
        loop {
            let bits = random.next_u64();
            let layer = (bits & 0xff) as usize;
            let negative = bits >> 8 & 1 == 1;
            let magnitude = bits >> 9 & 0x000f_ffff_ffff_ffff;
            let x = magnitude as f64 * self.width[layer];
            let signed = if negative { -x } else { x };
            if magnitude < self.sure[layer] {
                return signed;
            }
            if layer == 0 {
                loop {
                    let x = -(-random.next_f64()).ln_1p() / Self::TAIL;
                    let y = -(-random.next_f64()).ln_1p();
                    if y + y > x * x {
                        let tail = Self::TAIL + x;
                        return if magnitude >> 8 & 1 == 1 { -tail } else { tail };
                    }
                }
            }
            let step = self.density[layer - 1] - self.density[layer];
            if step * random.next_f64() + self.density[layer] < (-0.5 * x * x).exp() {
                return signed;
            }
        }
    }
}

/// Center [RAS mm], half axes (mm), value (HU), turns about z and x (degrees).
type Ellipsoid = ([f64; 3], [f64; 3], f32, f64, f64);

fn ellipsoids() -> Vec<Ellipsoid> {
    let mut list: Vec<Ellipsoid> = vec![
        ([0.0, 0.0, 0.0], [95.0, 70.0, 105.0], 40.0, 0.0, 0.0),
        ([40.0, 5.0, 55.0], [28.0, 30.0, 35.0], -850.0, 0.0, 0.0),
        ([0.0, -40.0, 0.0], [14.0, 14.0, 95.0], 700.0, 0.0, 4.0),
        ([0.0, -40.0, 0.0], [7.0, 7.0, 90.0], 150.0, 0.0, 4.0),
    ];
    for z in (-80..90).step_by(22) {
        list.push(([0.0, -38.0, f64::from(z)], [20.0, 15.0, 7.0], 900.0, 5.0, 3.0));
    }
    list.extend([
        ([-45.0, -5.0, -50.0], [32.0, 10.0, 28.0], 1000.0, 25.0, 20.0),
        ([45.0, -8.0, -52.0], [30.0, 11.0, 30.0], 950.0, -22.0, -15.0),
        ([-58.0, 5.0, -82.0], [13.0, 13.0, 14.0], 1200.0, 0.0, 0.0),
        ([56.0, 2.0, -80.0], [13.0, 12.0, 14.0], 1150.0, 0.0, 0.0),
        ([-30.0, 45.0, 70.0], [6.0, 5.0, 6.0], 1500.0, 0.0, 0.0),
        ([20.0, 50.0, 10.0], [5.0, 4.0, 9.0], 1300.0, 30.0, 0.0),
        ([62.0, 20.0, 30.0], [4.0, 4.0, 30.0], 800.0, 0.0, 35.0),
    ]);
    list
}

/// The phantom in HU. The grid's axes are those of RAS; the world is LPS.
pub fn phantom() -> Volume<f32> {
    let middle = (SIDE as f64 - 1.0) / 2.0;
    let mut hu = vec![-1000.0_f32; SIDE * SIDE * SIDE];
    for (center, half_axes, value, about_z, about_x) in ellipsoids() {
        let (sin_z, cos_z) = about_z.to_radians().sin_cos();
        let (sin_x, cos_x) = about_x.to_radians().sin_cos();
        for (at, voxel) in hu.iter_mut().enumerate() {
            let x = (at % SIDE) as f64 - middle - center[0];
            let y = (at / SIDE % SIDE) as f64 - middle - center[1];
            let z = (at / (SIDE * SIDE)) as f64 - middle - center[2];
            let (x, y) = (cos_z * x + sin_z * y, cos_z * y - sin_z * x);
            let (y, z) = (cos_x * y + sin_x * z, cos_x * z - sin_x * y);
            let [a, b, c] = half_axes;
            if (x / a).powi(2) + (y / b).powi(2) + (z / c).powi(2) <= 1.0 {
                *voxel = value;
            }
        }
    }
    let (mut random, ziggurat) = (Pcg64::of_seed_zero(), Ziggurat::new());
    // NumPy filled the noise with the last index (z) fastest.
    for x in 0..SIDE {
        for y in 0..SIDE {
            for z in 0..SIDE {
                let noise = (10.0 * ziggurat.sample(&mut random)) as f32;
                let voxel = &mut hu[x + SIDE * (y + SIDE * z)];
                if *voxel > -900.0 {
                    *voxel = (*voxel + noise).round_ties_even();
                }
            }
        }
    }
    let linear = Matrix3::from_diagonal(&Vector3::new(-1.0, -1.0, 1.0));
    let affine = Affine::new(linear, Vector3::new(middle, middle, -middle)).unwrap();
    Volume::new([SIDE; 3], hu, affine).unwrap()
}
