//! Scattered radiation: a broad haze over the image.
//!
//! A photon that has been scattered arrives almost anywhere. What arrives is modeled as a fraction
//! `f` of the primary intensity `P`, of which a share `u` is spread evenly over the detector and the
//! rest by a broad kernel `K` of unit sum:
//!
//! ```text
//! T = P + f ((1 - u) K * P + u mean(P)),    mean(T) = (1 + f) mean(P)
//! ```
//!
//! The kernel is a Gaussian unless another is named. Measured kernels have a peak and long tails that
//! one Gaussian cannot have both of: [`Exponential`](ScatterKernel::Exponential) falls as
//! `exp(-r / s)`, and [`Gaussians`](ScatterKernel::Gaussians) adds a narrow Gaussian, of scatter
//! that leaves the patient near the detector, to a broad one.
//!
//! An antiscatter grid leaves a few percent of the whole. Behind dense parts, where little primary
//! arrives, the haze from around takes away contrast.
//!
//! # References
//! L. A. Love, R. A. Kruger, *Scatter estimation for a digital radiographic system using
//! convolution filtering*, Med. Phys. 14(2), 178 (1987), doi:10.1118/1.596126 (an exponential
//! kernel).
//!
//! M. Sun, J. M. Star-Lack, *Improved scatter correction using adaptive scatter kernel superposition*,
//! Phys. Med. Biol. 55(22), 6695 (2010), doi:10.1088/0031-9155/55/22/007 (two Gaussians).

use serde::{Deserialize, Serialize};

use super::blur::gaussian;
use super::draw::{Draw, Effect};
use super::error::SimulationError;
use super::plane::Plane;
use super::setting::{PROBABILITY, Range, check_range, refused};

/// How much is scattered, and how far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScatterConfig {
    /// Scattered intensity as part of the primary, averaged over the image.
    pub fraction: Range,
    /// Share of it that is spread evenly.
    pub even_share: Range,
    /// Width of the kernel at the detector: its standard deviation along each axis (mm).
    pub sigma_mm: Range,
    /// The kernel, or a list from which one is drawn; default `gaussian`.
    pub kernel: KernelChoice,
}

/// The kernel of scatter: set, or drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "gaussian, exponential or gaussians, or a list of these")]
pub enum KernelChoice {
    /// This one.
    Set(ScatterKernel),
    /// One of these, each as likely as any other.
    OneOf(Vec<ScatterKernel>),
}

/// How scattered radiation spreads. All have the same width, the standard deviation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScatterKernel {
    /// One Gaussian.
    #[default]
    Gaussian,
    /// `exp(-r / s)`, a peak with long tails.
    Exponential,
    /// A narrow Gaussian and a broad one.
    Gaussians,
}

/// The exponential as a sum of Gaussians: [share, variance in units of the kernel's].
///
/// `exp(-r / s)` is a mixture of Gaussians whose variances are `s^2` times those of a chi-squared
/// distribution of three degrees of freedom. These are its Gauss quadrature of three nodes: moments
/// up to the fifth in the variance are exact, the kernel's variance `3 s^2` among them.
const EXPONENTIAL: [[f64; 2]; 3] = [
    [0.640_001_2, 2.0 * 0.666_325_90 / 3.0],
    [0.344_575_2, 2.0 * 2.800_775_06 / 3.0],
    [0.015_423_6, 2.0 * 7.032_899_04 / 3.0],
];

/// A narrow Gaussian of a quarter of the width, and a broad one that keeps the variance at one.
const TWO_GAUSSIANS: [[f64; 2]; 2] = [[0.3, 1.0 / 16.0], [0.7, (1.0 - 0.3 / 16.0) / 0.7]];

impl ScatterKernel {
    /// Its Gaussians: [share, variance in units of the kernel's].
    fn gaussians(self) -> &'static [[f64; 2]] {
        match self {
            Self::Gaussian => &[[1.0, 1.0]],
            Self::Exponential => &EXPONENTIAL,
            Self::Gaussians => &TWO_GAUSSIANS,
        }
    }
}

impl Default for ScatterConfig {
    fn default() -> Self {
        Self {
            fraction: [0.02, 0.08],
            even_share: [0.2, 0.6],
            sigma_mm: [30.0, 80.0],
            kernel: KernelChoice::Set(ScatterKernel::Gaussian),
        }
    }
}

impl ScatterConfig {
    pub(super) fn check(&self) -> Result<(), SimulationError> {
        check_range("scatter.fraction", self.fraction, [0.0, 100.0])?;
        check_range("scatter.even_share", self.even_share, PROBABILITY)?;
        check_range("scatter.sigma_mm", self.sigma_mm, [0.0, 10_000.0])?;
        match &self.kernel {
            KernelChoice::OneOf(kernels) if kernels.is_empty() => {
                refused("scatter.kernel", "[]", "a kernel, or a list of at least one")
            }
            _ => Ok(()),
        }
    }

    pub(super) fn draw(&self, seed: u64) -> Scatter {
        let mut draw = Draw::new(seed, Effect::Scatter);
        Scatter {
            fraction: draw.between(self.fraction),
            even_share: draw.between(self.even_share),
            sigma_mm: draw.between(self.sigma_mm),
            // Drawn last: whichever kernels there are, all else is the same.
            kernel: match &self.kernel {
                KernelChoice::Set(kernel) => *kernel,
                KernelChoice::OneOf(kernels) => {
                    let place = draw.whole([0, kernels.len().saturating_sub(1)]);
                    kernels.get(place).copied().unwrap_or_default()
                }
            },
        }
    }
}

/// The scatter that was drawn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Scatter {
    /// Scattered intensity as part of the primary.
    pub fraction: f64,
    /// Share of it that is spread evenly.
    pub even_share: f64,
    /// Width of the kernel at the detector: its standard deviation along each axis (mm).
    pub sigma_mm: f64,
    /// The kernel.
    pub kernel: ScatterKernel,
}

impl Scatter {
    /// The total intensity where there is the primary.
    pub(super) fn add(&self, primary: &Plane, pixel_spacing_mm: [f64; 2]) -> Plane {
        let haze = self.haze(primary, pixel_spacing_mm);
        let even = self.even_share * primary.mean();
        let total = |(p, h): (&f64, &f64)| p + self.fraction * ((1.0 - self.even_share) * h + even);
        let values = primary.values.iter().zip(&haze.values).map(total).collect();
        Plane { columns: primary.columns, values }
    }

    /// The primary, spread by the kernel.
    fn haze(&self, primary: &Plane, pixel_spacing_mm: [f64; 2]) -> Plane {
        let spread = |variance: f64| {
            let sigma_mm = self.sigma_mm * variance.sqrt();
            gaussian(primary, pixel_spacing_mm.map(|spacing| sigma_mm / spacing))
        };
        let parts = self.kernel.gaussians().iter().map(|&[share, variance]| {
            let mut part = spread(variance);
            part.values.iter_mut().for_each(|value| *value *= share);
            part
        });
        let sum = |mut sum: Plane, part: Plane| {
            sum.values.iter_mut().zip(&part.values).for_each(|(sum, part)| *sum += part);
            sum
        };
        parts.reduce(sum).unwrap_or_else(|| primary.clone())
    }
}

#[cfg(test)]
mod tests {
    //! Proves: scatter adds its fraction to the mean, raises the minimum, and most beside light; every
    //! kernel has unit sum and the width asked for, the exponential its profile; a choice of kernels
    //! changes no other draw.
    use super::*;

    #[test]
    fn scatter_adds_its_fraction_and_lifts_the_dark() {
        // The left half is bright, the right one dark.
        let values = (0..64 * 64).map(|n| if n % 64 < 32 { 1.0 } else { 0.01 }).collect();
        let primary = Plane { columns: 64, values };
        for even_share in [0.0, 0.4, 1.0] {
            let kernel = ScatterKernel::Gaussian;
            let scatter = Scatter { fraction: 0.08, even_share, sigma_mm: 20.0, kernel };
            let total = scatter.add(&primary, [2.0, 1.5]);
            assert!((total.mean() / primary.mean() - 1.08).abs() < 1e-12);
            let least = total.values.iter().copied().fold(f64::INFINITY, f64::min);
            assert!(least >= 0.01 + 0.08 * even_share * primary.mean() && least > 0.01);
            let (near, far) = (total.values[33], total.values[63]);
            assert!(if even_share < 1.0 { near > far + 1e-3 } else { (near - far).abs() < 1e-12 });
        }
    }

    const KERNELS: [ScatterKernel; 3] =
        [ScatterKernel::Gaussian, ScatterKernel::Exponential, ScatterKernel::Gaussians];

    #[test]
    fn kernels_have_the_width_asked_for() {
        let side = 241;
        let mut point = Plane { columns: side, values: vec![0.0; side * side] };
        point.values[side * side / 2] = 1.0;
        for kernel in KERNELS {
            let scatter = Scatter { fraction: 1.0, even_share: 0.0, sigma_mm: 9.0, kernel };
            let haze = scatter.haze(&point, [1.0, 1.0]);
            let sum: f64 = haze.values.iter().sum();
            assert!((sum - 1.0).abs() < 1e-6, "{kernel:?} {sum}");
            let column = |at: usize| (at % side) as f64 - (side / 2) as f64;
            let variance: f64 =
                haze.values.iter().enumerate().map(|(at, v)| v * column(at).powi(2)).sum();
            assert!((variance.sqrt() - 9.0).abs() < 0.1, "{kernel:?} {variance}");
            if kernel == ScatterKernel::Exponential {
                let s = 9.0 / 3.0_f64.sqrt();
                for r in [6_usize, 12, 18, 24] {
                    let found = haze.values[side * side / 2 + r];
                    let exact = (-(r as f64) / s).exp() / (std::f64::consts::TAU * s * s);
                    assert!((found / exact - 1.0).abs() < 0.25, "{r} {found} {exact}");
                }
            }
        }
    }

    #[test]
    fn a_choice_of_kernels_changes_no_other_draw() {
        let one = ScatterConfig::default();
        let some = ScatterConfig { kernel: KernelChoice::OneOf(KERNELS.to_vec()), ..one.clone() };
        let mut found = Vec::new();
        for seed in 0..40 {
            let (a, b) = (one.draw(seed), some.draw(seed));
            assert_eq!(a, Scatter { kernel: ScatterKernel::Gaussian, ..b });
            found.push(b.kernel);
        }
        assert!(KERNELS.iter().all(|kernel| found.contains(kernel)));
        let none = ScatterConfig { kernel: KernelChoice::OneOf(Vec::new()), ..one };
        let message = none.check().unwrap_err().to_string();
        assert!(message.contains("scatter.kernel is []"), "{message}");
        let read = |json: &str| serde_json::from_str::<ScatterConfig>(json);
        assert_eq!(read(r#"{"kernel": ["gaussian", "exponential", "gaussians"]}"#).unwrap(), some);
        assert!(read(r#"{"kernel": "lorentz"}"#).unwrap_err().to_string().contains("exponential"));
    }
}
