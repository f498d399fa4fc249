//! The correlation of one window and its derivatives, from sums over its pixels.

use nalgebra::{Matrix6, Vector6};

use super::GaussNewtonModel;
use super::sums::{JetSums, PixelSums};

/// Mean and variance of a window's pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moments {
    /// Less the center.
    pub(crate) mean: f64,
    pub(crate) variance: f64,
}

impl Moments {
    /// Of the moving image of the sums.
    ///
    /// With a pixel of the window as center, the variance loses no more than a factor n of the
    /// digits of f64: that pixel is at most sqrt(n) standard deviations from the mean.
    pub(crate) fn new(count: f64, sums: &PixelSums) -> Self {
        let mean = sums.moving / count;
        Self { mean, variance: (sums.moving_moving / count - mean * mean).max(0.0) }
    }

    /// Whether the pixels do not differ by more than f32 rounds their mean.
    pub(crate) fn is_constant(&self, center: f64) -> bool {
        let rounding = f64::from(f32::EPSILON) * (center + self.mean);
        self.variance <= rounding * rounding
    }
}

/// The fixed side of a window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FixedWindow {
    pub(crate) count: f64,
    /// Less the center.
    pub(crate) mean: f64,
    /// e_f.
    pub(crate) epsilon: f64,
    /// s_f, above zero.
    pub(crate) deviation: f64,
}

/// The derivative of a correlation with respect to a moving pixel,
/// `fixed * f_p + moving * m_p + constant`, with f and m less their centers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PixelSlope {
    pub(crate) fixed: f64,
    pub(crate) moving: f64,
    pub(crate) constant: f64,
}

impl PixelSlope {
    pub(crate) fn add_scaled(&mut self, weight: f64, other: &Self) {
        self.fixed += weight * other.fixed;
        self.moving += weight * other.moving;
        self.constant += weight * other.constant;
    }

    pub(crate) fn at(&self, fixed: f64, moving: f64) -> f64 {
        self.fixed * fixed + self.moving * moving + self.constant
    }

    /// The slopes of all pixels times their Jacobians.
    pub(crate) fn contract(&self, sums: &JetSums) -> Vector6<f64> {
        self.fixed * sums.fixed_jacobian()
            + self.moving * sums.moving_jacobian()
            + self.constant * sums.jacobian()
    }
}

/// One window's correlation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Correlation {
    pub(crate) value: f64,
    pub(crate) slope: PixelSlope,
    pub(crate) moving: Moments,
    /// s_m^2 = v_m + e_m.
    pub(crate) deviation_squared: f64,
}

impl Correlation {
    /// Of moving pixels whose variance, with `moving_epsilon`, is above zero.
    pub(crate) fn new(fixed: &FixedWindow, sums: &PixelSums, moving_epsilon: f64) -> Self {
        let n = fixed.count;
        let moving = Moments::new(n, sums);
        let deviation_squared = moving.variance + moving_epsilon;
        let deviations = fixed.deviation * deviation_squared.sqrt();
        let covariance = sums.fixed_moving / n - fixed.mean * moving.mean;
        let common = (fixed.epsilon * moving_epsilon).sqrt();
        let value = ((covariance + common) / deviations).clamp(-1.0, 1.0);
        let (per_fixed, per_moving) = (1.0 / (n * deviations), -value / (n * deviation_squared));
        let slope = PixelSlope {
            fixed: per_fixed,
            moving: per_moving,
            constant: -per_fixed * fixed.mean - per_moving * moving.mean,
        };
        Self { value, slope, moving, deviation_squared }
    }

    /// `a = sum m' J / n`: half the derivative of the variance v_m.
    pub(crate) fn half_variance_slope(
        &self,
        mean_jacobian: &Vector6<f64>,
        mean_moving_jacobian: &Vector6<f64>,
    ) -> Vector6<f64> {
        mean_moving_jacobian - self.moving.mean * mean_jacobian
    }

    /// The curvature less its part `(sum J J^T / n + c c^T) / s_m^2`, with b half the derivative of
    /// s_m^2.
    pub(crate) fn curvature_less_squares(
        &self,
        mean_jacobian: &Vector6<f64>,
        b: &Vector6<f64>,
    ) -> Matrix6<f64> {
        let s2 = self.deviation_squared;
        -(mean_jacobian * mean_jacobian.transpose()) / s2 - (b * b.transpose()) / (s2 * s2)
    }
}

/// The model of one window that nothing regularizes; of moving pixels that are not constant.
pub(crate) fn window_model(fixed: &FixedWindow, sums: &JetSums) -> GaussNewtonModel {
    let correlation = Correlation::new(fixed, &sums.pixels(), 0.0);
    let mean_jacobian = sums.jacobian() / fixed.count;
    let a =
        correlation.half_variance_slope(&mean_jacobian, &(sums.moving_jacobian() / fixed.count));
    let squares = sums.jacobian_jacobian() / (fixed.count * correlation.deviation_squared);
    GaussNewtonModel {
        value: correlation.value,
        gradient: correlation.slope.contract(sums),
        curvature: squares + correlation.curvature_less_squares(&mean_jacobian, &a),
    }
}
