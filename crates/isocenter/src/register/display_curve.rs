//! The unknown curve of a display, found from a pose that is nearly right.
//!
//! An X-ray from a screen shows line integrals through a curve of which no more is known than that it
//! rises. Compared as it is, it pulls a registration aside: bright and dark parts weigh more or less
//! than they should. But once a pose is nearly right, the radiograph there tells the curve: the
//! rising function of the X-ray's grey values that comes closest to the radiograph, by isotonic
//! regression. Through it the X-ray becomes line integrals again, up to noise.
//!
//! # References
//! - R. E. Barlow et al., *Statistical Inference under Order Restrictions* (1972) (pool adjacent
//!   violators)
//! - A. Roche et al., MICCAI 1998, doi:10.1007/BFb0056301 (the correlation ratio: one image as a
//!   function of the other)

use crate::radiograph::{Image, Mask};

/// Grey values of about this many pixels share a step of the curve: fewer would follow the noise.
const PIXELS_PER_STEP: usize = 24;

/// The X-ray through the rising curve that brings it closest to a radiograph.
///
/// # Shapes
/// Images and mask have one size.
pub(super) fn straightened(xray: &Image, mask: Option<&Mask>, radiograph: &Image) -> Image {
    let counts = |at: usize| mask.is_none_or(|mask| mask.used().get(at) == Some(&true));
    let mut pairs: Vec<(f32, f32)> = xray
        .pixels()
        .iter()
        .zip(radiograph.pixels())
        .enumerate()
        .filter(|(at, _)| counts(*at))
        .map(|(_, (&x, &r))| (x, r))
        .collect();
    pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let curve = rising_curve(&pairs);
    match curve[..] {
        // A radiograph that does not rise with the X-ray at all tells no curve.
        [] | [_] => xray.clone(),
        _ => xray.clone().map(|pixel| interpolated(&curve, pixel)),
    }
}

/// Points of the rising curve (grey value, line integral) through pairs sorted by grey value: the
/// means of steps, pooled until they rise.
fn rising_curve(pairs: &[(f32, f32)]) -> Vec<(f32, f32)> {
    // Sums of grey values and line integrals, and their number.
    let mut steps: Vec<[f64; 3]> = Vec::new();
    for step in pairs.chunks(PIXELS_PER_STEP) {
        let mut sums = [0.0, 0.0, step.len() as f64];
        for &(x, r) in step {
            sums[0] += f64::from(x);
            sums[1] += f64::from(r);
        }
        steps.push(sums);
        while let [.., before, last] = &steps[..] {
            if before[1] * last[2] < last[1] * before[2] {
                break;
            }
            let pooled = std::array::from_fn(|n| before[n] + last[n]);
            steps.truncate(steps.len() - 2);
            steps.push(pooled);
        }
    }
    steps.into_iter().map(|[x, r, n]| ((x / n) as f32, (r / n) as f32)).collect()
}

/// The curve at a grey value: straight between its points, level beyond its ends.
fn interpolated(curve: &[(f32, f32)], x: f32) -> f32 {
    let above = curve.partition_point(|&(grey, _)| grey <= x);
    match (above.checked_sub(1).and_then(|below| curve.get(below)), curve.get(above)) {
        (Some(&(x0, r0)), Some(&(x1, r1))) => r0 + (r1 - r0) * (x - x0) / (x1 - x0),
        (Some(&(_, r)), None) | (None, Some(&(_, r))) => r,
        (None, None) => x,
    }
}

#[cfg(test)]
mod tests {
    //! Proves: a curve of any shape is undone, a curve that falls is not followed, and what a mask
    //! leaves out has no say.
    use super::*;

    fn radiograph() -> Image {
        let pixel =
            |n: usize| ((n % 64) as f32 * 0.11).sin() + ((n / 64) as f32 * 0.07).cos() + 2.0;
        Image::new([64, 64], (0..4096).map(pixel).collect()).unwrap()
    }

    #[test]
    fn a_curve_is_undone() {
        let radiograph = radiograph();
        for curve in [|l: f32| l, |l: f32| (-2.0 * l).exp() * -5.0, |l: f32| l.powi(5)] {
            let seen = radiograph.clone().map(curve);
            let back = straightened(&seen, None, &radiograph);
            for (a, b) in back.pixels().iter().zip(radiograph.pixels()) {
                // A step holds 24 of 4096 pixels with values between 0 and 4; the ends are level.
                assert!((a - b).abs() < 0.06, "{a} {b}");
            }
        }
    }

    #[test]
    fn a_falling_curve_is_not_followed() {
        let radiograph = radiograph();
        let negative = radiograph.clone().map(|l| -l);
        assert_eq!(straightened(&negative, None, &radiograph), negative);
    }

    #[test]
    fn masked_pixels_have_no_say() {
        let radiograph = radiograph();
        let mut seen = radiograph.clone();
        let used: Vec<bool> = (0..4096).map(|n| n % 64 < 40).collect();
        for (pixel, _) in seen.pixels_mut().iter_mut().zip(&used).filter(|(_, used)| !**used) {
            *pixel = 1.0;
        }
        let mask = Mask::new([64, 64], used.clone()).unwrap();
        let back = straightened(&seen, Some(&mask), &radiograph);
        for ((a, b), _) in
            back.pixels().iter().zip(radiograph.pixels()).zip(&used).filter(|(_, used)| **used)
        {
            assert!((a - b).abs() < 0.06, "{a} {b}");
        }
    }
}
