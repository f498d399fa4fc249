//! The distribution from which CMA-ES draws, and how a ranked population changes it.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

use super::parameters::StrategyParameters;

/// Iterations of the eigen-decomposition; a symmetric matrix needs a few per row.
const EIGEN_ITERATIONS: usize = 10_000;

/// The normal distribution `N(mean, sigma^2 C)` and its evolution paths.
#[derive(Debug, Clone)]
pub(super) struct Distribution {
    pub(super) mean: DVector<f64>,
    pub(super) sigma: f64,
    /// `C`
    pub(super) covariance: DMatrix<f64>,
    /// The columns of `B` in `C = B D^2 B^T`.
    pub(super) axes: DMatrix<f64>,
    /// The diagonal of `D`.
    pub(super) lengths: DVector<f64>,
    /// Path of the step size, `p_sigma`.
    pub(super) path_sigma: DVector<f64>,
    /// Path of the covariance, `p_c`.
    pub(super) path_c: DVector<f64>,
    /// Updates so far.
    pub(super) generation: i32,
}

impl Distribution {
    /// `N(mean, sigma^2 I)`
    pub(super) fn new(mean: DVector<f64>, sigma: f64) -> Self {
        let n = mean.len();
        Self {
            mean,
            sigma,
            covariance: DMatrix::identity(n, n),
            axes: DMatrix::identity(n, n),
            lengths: DVector::from_element(n, 1.0),
            path_sigma: DVector::zeros(n),
            path_c: DVector::zeros(n),
            generation: 0,
        }
    }

    /// The candidate that a standard normal vector stands for.
    pub(super) fn candidate(&self, normal: &DVector<f64>) -> DVector<f64> {
        &self.mean + &self.axes * self.lengths.component_mul(normal) * self.sigma
    }

    /// Standard deviation along each coordinate.
    pub(super) fn standard_deviations(&self) -> DVector<f64> {
        self.covariance.diagonal().map(|c| self.sigma * c.max(0.0).sqrt())
    }

    /// `C^(-1/2) y`
    pub(super) fn whitened(&self, y: &DVector<f64>) -> DVector<f64> {
        &self.axes * self.axes.tr_mul(y).component_div(&self.lengths)
    }

    /// Learns from a population, the best candidate first. Returns false if the covariance has
    /// become singular.
    pub(super) fn update(&mut self, p: &StrategyParameters, ranked: &[&DVector<f64>]) -> bool {
        let n = self.mean.len() as f64;
        let steps: Vec<DVector<f64>> =
            ranked.iter().map(|x| (*x - &self.mean) / self.sigma).collect();
        let zero = DVector::zeros(self.mean.len());
        let parents = steps.iter().zip(&p.weights).take(p.parents);
        let shift = parents.fold(zero, |sum, (y, w)| sum + y * *w);
        self.mean += &shift * self.sigma;

        let pull = (p.c_sigma * (2.0 - p.c_sigma) * p.mu_eff).sqrt();
        self.path_sigma = &self.path_sigma * (1.0 - p.c_sigma) + self.whitened(&shift) * pull;
        let length = self.path_sigma.norm();

        // While the step size has to grow fast, the covariance must not learn the same growth.
        self.generation = self.generation.saturating_add(1);
        let settled = 1.0 - (1.0 - p.c_sigma).powi(self.generation.saturating_mul(2));
        let stalled = length / settled.sqrt() >= (1.4 + 2.0 / (n + 1.0)) * p.normal_length;
        self.path_c *= 1.0 - p.c_c;
        if !stalled {
            self.path_c += &shift * (p.c_c * (2.0 - p.c_c) * p.mu_eff).sqrt();
        }

        let lost = if stalled { p.c_c * (2.0 - p.c_c) } else { 0.0 };
        let kept = 1.0 + p.c_1 * lost - p.c_1 - p.c_mu * p.weights.iter().sum::<f64>();
        let mut covariance = &self.covariance * kept;
        covariance.ger(p.c_1, &self.path_c, &self.path_c, 1.0);
        for (y, weight) in steps.iter().zip(&p.weights) {
            // Bad steps count by their direction alone: a long one must not make C indefinite.
            let by_length = n / self.whitened(y).norm_squared().max(f64::MIN_POSITIVE);
            let weight = if *weight < 0.0 { weight * by_length } else { *weight };
            covariance.ger(p.c_mu * weight, y, y, 1.0);
        }
        // A single generation multiplies the step size by e at most.
        self.sigma *= (p.c_sigma / p.d_sigma * (length / p.normal_length - 1.0)).min(1.0).exp();
        self.set_covariance(covariance)
    }

    /// Takes a covariance `C` and decomposes it. Returns false if it is singular.
    pub(super) fn set_covariance(&mut self, covariance: DMatrix<f64>) -> bool {
        self.covariance = (&covariance + covariance.transpose()) * 0.5;
        let eigen =
            SymmetricEigen::try_new(self.covariance.clone(), f64::EPSILON, EIGEN_ITERATIONS);
        match eigen {
            Some(eigen) if eigen.eigenvalues.iter().all(|e| e.is_finite() && *e > 0.0) => {
                self.lengths = eigen.eigenvalues.map(f64::sqrt);
                self.axes = eigen.eigenvectors;
                true
            }
            _ => false,
        }
    }
}
