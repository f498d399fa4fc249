//! The sums over pixels that a correlation and its derivatives are made of.

use nalgebra::{Matrix6, Vector6};

use super::fixed::Run;
use super::widest::{Kernel, widest};
use crate::project::JetImage;

/// Independent partial sums: as many as two wide registers hold.
const LANES: usize = 8;

/// Pixels worked on at a time where they are rearranged first: few enough to stay in the cache.
pub(crate) const BLOCK: usize = 32;

/// What is taken off the pixels before they are multiplied, so that an offset costs no digits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Centers {
    pub(crate) fixed: f64,
    pub(crate) moving: f64,
}

impl Centers {
    /// For images whose mean is near zero anyway.
    pub(crate) const ZERO: Self = Self { fixed: 0.0, moving: 0.0 };
}

/// Sums of m, m m and f m.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct PixelSums {
    pub(crate) moving: f64,
    pub(crate) moving_moving: f64,
    pub(crate) fixed_moving: f64,
}

impl PixelSums {
    /// Over runs of two images of one size (f32, or f64 where they were filtered). The runs must
    /// lie within both.
    pub(crate) fn over<T: Copy + Into<f64>>(
        runs: &[Run],
        fixed: &[T],
        moving: &[T],
        centers: Centers,
    ) -> Self {
        let mut sums = Self::default();
        widest(SumPixels { sums: &mut sums, runs, fixed, moving, centers });
        sums
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.moving += other.moving;
        self.moving_moving += other.moving_moving;
        self.fixed_moving += other.fixed_moving;
    }

    pub(crate) fn is_finite(&self) -> bool {
        (self.moving + self.moving_moving + self.fixed_moving).is_finite()
    }
}

struct SumPixels<'a, T> {
    sums: &'a mut PixelSums,
    runs: &'a [Run],
    fixed: &'a [T],
    moving: &'a [T],
    centers: Centers,
}

impl<T: Copy + Into<f64>> Kernel for SumPixels<'_, T> {
    #[inline(always)]
    fn run(self) {
        let (mut m1, mut mm, mut fm) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
        let mut add = |lane: usize, f: T, m: T| {
            let m: f64 = m.into() - self.centers.moving;
            m1[lane] += m;
            mm[lane] += m * m;
            fm[lane] += (f.into() - self.centers.fixed) * m;
        };
        for run in self.runs {
            let (fixed, fixed_rest) = self.fixed[run.clone()].as_chunks::<LANES>();
            let (moving, moving_rest) = self.moving[run.clone()].as_chunks::<LANES>();
            for (f, m) in fixed.iter().zip(moving) {
                for lane in 0..LANES {
                    add(lane, f[lane], m[lane]);
                }
            }
            for (lane, (&f, &m)) in fixed_rest.iter().zip(moving_rest).enumerate() {
                add(lane, f, m);
            }
        }
        *self.sums = PixelSums {
            moving: m1.iter().sum(),
            moving_moving: mm.iter().sum(),
            fixed_moving: fm.iter().sum(),
        };
    }
}

/// One pixel of a jet beside its fixed pixel: (J1 .. J6, m, f).
pub(crate) type Sample = [f64; 8];

/// Sums of J, J J^T, m J, f J, and what [`PixelSums`] has.
///
/// A sample is split as `low` = (J1 .. J4), `high` = (J5, J6, m, f). Rows 0-3 hold J1 .. J4 times
/// `low`, rows 4-7 J1 .. J4 times `high`, rows 8-10 J5, J6, m times `high`, rows 11 and 12 the sums
/// of `low` and `high`: 13 wide registers, which stay in the processor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct JetSums([[f64; 4]; 13]);

impl JetSums {
    pub(crate) fn zero() -> Self {
        Self([[0.0; 4]; 13])
    }

    /// Over runs of a jet and the fixed image. The runs must lie within both.
    pub(crate) fn over(runs: &[Run], fixed: &[f32], jet: &JetImage, centers: Centers) -> Self {
        let mut sums = Self::zero();
        widest(SumJet { sums: &mut sums, runs, fixed, jet, centers });
        sums
    }

    /// Adds samples.
    pub(crate) fn add_samples(&mut self, samples: &[Sample]) {
        widest(AddSamples { sums: self, samples });
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (row, other) in self.0.iter_mut().zip(&other.0) {
            for (sum, other) in row.iter_mut().zip(other) {
                *sum += other;
            }
        }
    }

    pub(crate) fn is_finite(&self) -> bool {
        self.0.iter().flatten().sum::<f64>().is_finite()
    }

    pub(crate) fn pixels(&self) -> PixelSums {
        PixelSums {
            moving: self.0[12][2],
            moving_moving: self.0[10][2],
            fixed_moving: self.0[10][3],
        }
    }

    /// Sum of J.
    pub(crate) fn jacobian(&self) -> Vector6<f64> {
        let ([a, b, c, d], [e, f, ..]) = (self.0[11], self.0[12]);
        Vector6::new(a, b, c, d, e, f)
    }

    /// Sum of m J.
    pub(crate) fn moving_jacobian(&self) -> Vector6<f64> {
        self.high_column(2)
    }

    /// Sum of f J.
    pub(crate) fn fixed_jacobian(&self) -> Vector6<f64> {
        self.high_column(3)
    }

    /// Sum of J J^T.
    pub(crate) fn jacobian_jacobian(&self) -> Matrix6<f64> {
        Matrix6::from_fn(|row, column| match (row.min(column), row.max(column)) {
            (i, k) if k < 4 => self.0[i][k],
            (i, k) => self.0[4 + i][k - 4],
        })
    }

    /// J times one component of `high`.
    fn high_column(&self, k: usize) -> Vector6<f64> {
        Vector6::from_fn(|i, _| self.0[4 + i][k])
    }
}

struct SumJet<'a> {
    sums: &'a mut JetSums,
    runs: &'a [Run],
    fixed: &'a [f32],
    jet: &'a JetImage,
    centers: Centers,
}

impl Kernel for SumJet<'_> {
    #[inline(always)]
    fn run(self) {
        let mut sums = JetSums::zero();
        let mut samples = [[0.0; 8]; BLOCK];
        for run in self.runs {
            let jacobian = self.jet.jacobian[run.clone()].chunks(BLOCK);
            let moving = self.jet.image.pixels()[run.clone()].chunks(BLOCK);
            let fixed = self.fixed[run.clone()].chunks(BLOCK);
            for ((jacobian, moving), fixed) in jacobian.zip(moving).zip(fixed) {
                let pixels = jacobian.iter().zip(moving).zip(fixed);
                for (sample, ((&[a, b, c, d, e, g], &m), &f)) in samples.iter_mut().zip(pixels) {
                    let [a, b, c, d] = [a, b, c, d].map(f64::from);
                    let [e, g] = [e, g].map(f64::from);
                    let m = f64::from(m) - self.centers.moving;
                    let f = f64::from(f) - self.centers.fixed;
                    *sample = [a, b, c, d, e, g, m, f];
                }
                AddSamples { sums: &mut sums, samples: &samples[..fixed.len()] }.run();
            }
        }
        *self.sums = sums;
    }
}

struct AddSamples<'a> {
    sums: &'a mut JetSums,
    samples: &'a [Sample],
}

impl Kernel for AddSamples<'_> {
    #[inline(always)]
    fn run(self) {
        // The factors are the samples, read twice. A compiler that knows this computes a b and b a
        // once, and then shuffles for longer than it multiplies.
        let factors = std::hint::black_box(self.samples);
        let mut sums = self.sums.0;
        for (factors, sample) in factors.iter().zip(self.samples) {
            let [a, b, c, d, e, f, g, h] = *sample;
            let (low, high) = ([a, b, c, d], [e, f, g, h]);
            for i in 0..4 {
                add_product(&mut sums[i], factors[i], &low);
                add_product(&mut sums[4 + i], factors[i], &high);
            }
            for i in 0..3 {
                add_product(&mut sums[8 + i], factors[4 + i], &high);
            }
            for k in 0..4 {
                sums[11][k] += low[k];
                sums[12][k] += high[k];
            }
        }
        self.sums.0 = sums;
    }
}

#[inline(always)]
fn add_product(sums: &mut [f64; 4], factor: f64, values: &[f64; 4]) {
    for k in 0..4 {
        sums[k] += factor * values[k];
    }
}

#[cfg(test)]
mod tests {
    //! Proves: every sum of a jet sits where it is read from, in each tail length of the lanes and
    //! over several runs, and the kernels give the same bits with and without wide registers.
    use super::*;
    use crate::radiograph::Image;

    /// Pixels that are small multiples of 1/8: their sums of products are exact in f64.
    fn pixel(seed: usize) -> f32 {
        ((seed * 7919 + 13) % 101) as f32 / 8.0 - 6.0
    }

    fn images(n: usize, divisor: f32) -> (Vec<f32>, JetImage) {
        let row = |seed: usize| (0..n).map(|i| pixel(i + seed) / divisor).collect::<Vec<_>>();
        let jacobian =
            (0..n).map(|i| std::array::from_fn(|k| pixel(11 * i + k + 200) / divisor)).collect();
        (row(0), JetImage { image: Image::new([n, 1], row(50)).unwrap(), jacobian })
    }

    const CENTERS: Centers = Centers { fixed: 0.5, moving: -0.25 };

    #[test]
    fn sums_are_where_they_are_read() {
        for n in 1..20 {
            let (fixed, jet) = images(n + 3, 1.0);
            let runs = [0..n / 3, n / 3 + 2..n + 3];
            let jets = JetSums::over(&runs, &fixed, &jet, CENTERS);
            let pixels = PixelSums::over(&runs, &fixed, jet.image.pixels(), CENTERS);
            assert_eq!(jets.pixels(), pixels);

            let at = || runs.iter().flat_map(Run::clone);
            let f: Vec<f64> = at().map(|p| f64::from(fixed[p]) - 0.5).collect();
            let m: Vec<f64> = at().map(|p| f64::from(jet.image.pixels()[p]) + 0.25).collect();
            let j: Vec<Vector6<f64>> =
                at().map(|p| Vector6::from(jet.jacobian[p].map(f64::from))).collect();
            assert_eq!(pixels.moving, m.iter().sum::<f64>());
            assert_eq!(pixels.moving_moving, m.iter().map(|m| m * m).sum::<f64>());
            assert_eq!(pixels.fixed_moving, f.iter().zip(&m).map(|(f, m)| f * m).sum::<f64>());
            assert_eq!(jets.jacobian(), j.iter().sum::<Vector6<f64>>());
            assert_eq!(jets.moving_jacobian(), m.iter().zip(&j).map(|(m, j)| *m * j).sum());
            assert_eq!(jets.fixed_jacobian(), f.iter().zip(&j).map(|(f, j)| *f * j).sum());
            assert_eq!(jets.jacobian_jacobian(), j.iter().map(|j| j * j.transpose()).sum());
        }
    }

    #[test]
    fn wide_registers_change_no_bit() {
        let (fixed, jet) = images(103, 7.0);
        let (runs, centers) = (&[0..40, 43..103][..], CENTERS);
        let mut plain = JetSums::zero();
        SumJet { sums: &mut plain, runs, fixed: &fixed, jet: &jet, centers }.run();
        assert_eq!(JetSums::over(runs, &fixed, &jet, centers), plain);
        let (mut plain, moving) = (PixelSums::default(), jet.image.pixels());
        SumPixels { sums: &mut plain, runs, fixed: &fixed[..], moving, centers }.run();
        assert_eq!(PixelSums::over(runs, &fixed, moving, centers), plain);
    }
}
