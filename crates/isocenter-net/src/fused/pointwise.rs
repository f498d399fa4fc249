//! Functions of each element by itself: their Jacobian is diagonal.

use rayon::prelude::*;

/// A function with its first and second derivative.
pub(super) trait Function {
    fn value(x: f32) -> f32;
    fn slope(x: f32) -> f32;

    /// None, where it is made of straight pieces.
    #[inline(always)]
    fn curvature(_: f32) -> f32 {
        0.0
    }
}

/// See [`SymmetricMap`](super::SymmetricMap).
pub(super) struct Relu;
/// See [`SymmetricMap`](super::SymmetricMap).
pub(super) struct Relu6;
/// See [`SymmetricMap`](super::SymmetricMap).
pub(super) struct Gelu;

impl Function for Relu {
    #[inline(always)]
    fn value(x: f32) -> f32 {
        // A comparison, so that what is no number stays none.
        if x < 0.0 { 0.0 } else { x }
    }

    #[inline(always)]
    fn slope(x: f32) -> f32 {
        if x > 0.0 { 1.0 } else { 0.0 }
    }
}

impl Function for Relu6 {
    #[inline(always)]
    fn value(x: f32) -> f32 {
        let floored = if x < 0.0 { 0.0 } else { x };
        if floored > 6.0 { 6.0 } else { floored }
    }

    #[inline(always)]
    fn slope(x: f32) -> f32 {
        if x > 0.0 && x < 6.0 { 1.0 } else { 0.0 }
    }
}

impl Function for Gelu {
    #[inline(always)]
    fn value(x: f32) -> f32 {
        let Normal { cumulative, .. } = normal(x);
        x * cumulative
    }

    #[inline(always)]
    fn slope(x: f32) -> f32 {
        let Normal { cumulative, density } = normal(x);
        cumulative + x * density
    }

    #[inline(always)]
    fn curvature(x: f32) -> f32 {
        (2.0 - x * x) * normal(x).density
    }
}

/// The normal distribution.
struct Normal {
    cumulative: f32,
    density: f32,
}

/// To 2.7e-7, by arithmetic that compilers turn into vector instructions.
///
/// # References
/// M. Abramowitz, I. A. Stegun, *Handbook of Mathematical Functions*, 26.2.17
#[inline(always)]
fn normal(x: f32) -> Normal {
    const ONE_OVER_SQRT_TAU: f32 = 0.398_942_3;
    const P: f32 = 0.231_641_9;
    const B: [f32; 5] = [0.319_381_53, -0.356_563_78, 1.781_477_9, -1.821_255_9, 1.330_274_4];
    let density = ONE_OVER_SQRT_TAU * exp_of_negative(-0.5 * x * x);
    let t = 1.0 / (1.0 + P * x.abs());
    let tail = density * t * (B[0] + t * (B[1] + t * (B[2] + t * (B[3] + t * B[4]))));
    Normal { cumulative: if x > 0.0 { 1.0 - tail } else { tail }, density }
}

/// `e^y` for y from -87 to 0, `e^-87` below: a power of two times a polynomial.
#[inline(always)]
fn exp_of_negative(y: f32) -> f32 {
    // What is added to round to whole numbers: they are the low bits then.
    const ROUNDING: f32 = 12_582_912.0;
    // ln 2 in two parts, the first with few digits: n times it is exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    // Taylor's coefficients up to the seventh power: |r| is at most ln 2 / 2.
    const C: [f32; 6] = [0.5, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0, 1.0 / 720.0, 1.0 / 5040.0];
    let y = if y < -87.0 { -87.0 } else { y };
    let rounded = y * std::f32::consts::LOG2_E + ROUNDING;
    let n = rounded - ROUNDING;
    let r = y - n * LN_2[0] - n * LN_2[1];
    let above_linear = C[0] + r * (C[1] + r * (C[2] + r * (C[3] + r * (C[4] + r * C[5]))));
    let of_r = 1.0 + r + r * r * above_linear;
    let exponent = rounded.to_bits().wrapping_sub(ROUNDING.to_bits()).wrapping_add(127);
    of_r * f32::from_bits(exponent << 23)
}

/// f(x)
pub(super) fn value<F: Function>(x: &[f32]) -> Vec<f32> {
    mapped([x], |[x]| F::value(x))
}

/// J(x) u
pub(super) fn along<F: Function>(x_and_u: [&[f32]; 2]) -> Vec<f32> {
    mapped(x_and_u, |[x, u]| F::slope(x) * u)
}

/// grad_x (g . J(x) u)
pub(super) fn curved<F: Function>(x_u_and_g: [&[f32]; 3]) -> Vec<f32> {
    mapped(x_u_and_g, |[x, u, g]| F::curvature(x) * u * g)
}

/// Elements that one thread does at a time.
const CHUNK: usize = 16_384;

/// A function of the elements at each place.
fn mapped<const N: usize>(
    inputs: [&[f32]; N],
    function: impl Fn([f32; N]) -> f32 + Sync,
) -> Vec<f32> {
    let mut outputs = vec![0.0; inputs[0].len()];
    let chunk_at = |number: usize, outputs: &mut [f32]| {
        let inputs = inputs.map(|input| &input[number * CHUNK..][..outputs.len()]);
        for (at, output) in outputs.iter_mut().enumerate() {
            *output = function(inputs.map(|input| input[at]));
        }
    };
    if outputs.len() <= CHUNK {
        chunk_at(0, &mut outputs);
    } else {
        outputs.par_chunks_mut(CHUNK).enumerate().for_each(|(n, chunk)| chunk_at(n, chunk));
    }
    outputs
}

#[cfg(test)]
mod tests {
    //! Proves: the normal distribution to 2.7e-7 against a series in double precision; each
    //! derivative by central differences of the function before.
    use super::*;

    /// Phi(x) = 1/2 + phi(x) (x + x^3/3 + x^5/15 + ...), which converges for all x.
    fn cumulative(x: f64) -> f64 {
        let (mut term, mut sum) = (x, x);
        for n in 1..400 {
            term *= x * x / f64::from(2 * n + 1);
            sum += term;
        }
        0.5 + sum * (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt()
    }

    fn places() -> impl Iterator<Item = f32> {
        (-1200..=1200).map(|n| n as f32 / 150.0)
    }

    #[test]
    fn the_normal_distribution_is_a_series() {
        for x in places() {
            let found = normal(x);
            let expected = cumulative(f64::from(x));
            // The formula's 7.5e-8; rounding of a polynomial whose coefficients sum up to 5.6, times a
            // density of 0.4 and 6e-8; and that of the result.
            assert!((f64::from(found.cumulative) - expected).abs() < 2.7e-7, "{x}");
            let density = (-0.5 * f64::from(x).powi(2)).exp() / std::f64::consts::TAU.sqrt();
            // The exponent is rounded to 24 bits before.
            let tolerance = (3.0 + f64::from(0.5 * x * x)) * f64::from(f32::EPSILON);
            assert!((f64::from(found.density) / density - 1.0).abs() < tolerance, "{x}");
        }
        assert!(Gelu::value(-40.0).abs() < 1e-36);
        assert_eq!(Gelu::value(40.0), 40.0);
        assert!(Gelu::value(f32::NAN).is_nan() && Relu::value(f32::NAN).is_nan());
    }

    fn check<F: Function>() {
        const STEP: f32 = 1.0 / 128.0;
        for x in places().map(|x| x + 1e-3) {
            let difference = |f: fn(f32) -> f32| (f(x + STEP) - f(x - STEP)) / (2.0 * STEP);
            let bends = [0.0, 6.0].iter().any(|bend| (x - bend).abs() <= STEP);
            // Third derivatives up to 1.6, and 1e-7 over two steps.
            if !bends {
                assert!((difference(F::value) - F::slope(x)).abs() < 7e-5, "slope at {x}");
                assert!((difference(F::slope) - F::curvature(x)).abs() < 7e-5, "curvature at {x}");
            }
        }
    }

    #[test]
    fn derivatives_are_those_of_differences() {
        check::<Relu>();
        check::<Relu6>();
        check::<Gelu>();
    }

    #[test]
    fn many_chunks_are_as_one() {
        let x: Vec<f32> = (0..3 * CHUNK + 5).map(|n| (n as f32 * 0.37).sin()).collect();
        let expected: Vec<f32> = x.iter().map(|&x| Gelu::value(x)).collect();
        assert_eq!(value::<Gelu>(&x), expected);
    }
}
