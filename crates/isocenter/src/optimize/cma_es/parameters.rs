//! Weights and learning rates of CMA-ES: functions of dimension and population alone.

/// The constants of one run. Table 1 of Hansen's tutorial, with `c_m = 1` and `alpha_cov = 2`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StrategyParameters {
    /// One weight per candidate, the best first. The positive ones sum to 1; the negative ones
    /// (zero without active update) act on the covariance alone.
    pub(super) weights: Vec<f64>,
    /// How many weights are positive.
    pub(super) parents: usize,
    /// Variance-effective selection mass of the positive weights.
    pub(super) mu_eff: f64,
    /// Learning rate of the step size's path.
    pub(super) c_sigma: f64,
    /// Damping of the step size.
    pub(super) d_sigma: f64,
    /// Learning rate of the covariance's path.
    pub(super) c_c: f64,
    /// Learning rate of the rank-one update.
    pub(super) c_1: f64,
    /// Learning rate of the rank-mu update.
    pub(super) c_mu: f64,
    /// Expected length of a standard normal vector.
    pub(super) normal_length: f64,
}

impl StrategyParameters {
    /// The constants for a dimension and a population of two at least.
    pub(super) fn new(dimension: usize, population: usize, active: bool) -> Self {
        let n = dimension as f64;
        let middle = ((population as f64 + 1.0) / 2.0).ln();
        let raw: Vec<f64> = (1..=population).map(|rank| middle - (rank as f64).ln()).collect();
        let parents = population / 2;
        let (better, worse) = raw.split_at(parents);
        let mu_eff = effective(better);
        let mu_eff_minus = effective(worse);

        let c_sigma = (mu_eff + 2.0) / (n + mu_eff + 5.0);
        let d_sigma = 1.0 + 2.0 * (((mu_eff - 1.0) / (n + 1.0)).sqrt() - 1.0).max(0.0) + c_sigma;
        let c_c = (4.0 + mu_eff / n) / (n + 4.0 + 2.0 * mu_eff / n);
        let c_1 = 2.0 * (population as f64 / 6.0).min(1.0) / ((n + 1.3).powi(2) + mu_eff);
        let gain = 0.25 + mu_eff + 1.0 / mu_eff - 2.0;
        let c_mu = (2.0 * gain / ((n + 2.0).powi(2) + mu_eff)).min(1.0 - c_1);

        // As much as the positive weights, so that the update neither grows nor shrinks the
        // covariance; less for few parents; never so much that it might become indefinite.
        let mass = (1.0 + c_1 / c_mu)
            .min(1.0 + 2.0 * mu_eff_minus / (mu_eff + 2.0))
            .min((1.0 - c_1 - c_mu) / (n * c_mu));
        let mass = if active { mass } else { 0.0 };
        let positive: f64 = better.iter().sum();
        let negative: f64 = -worse.iter().sum::<f64>();
        let weight = |w: &f64| if *w > 0.0 { w / positive } else { mass * w / negative };
        let weights = raw.iter().map(weight).collect();
        Self {
            weights,
            parents,
            mu_eff,
            c_sigma,
            d_sigma,
            c_c,
            c_1,
            c_mu,
            normal_length: normal_length(dimension),
        }
    }
}

/// The population that Hansen recommends.
pub(super) fn default_population(dimension: usize) -> usize {
    // A dimension's logarithm is a small number, at least zero.
    4 + (3.0 * (dimension as f64).ln()) as usize
}

/// `(sum w)^2 / sum w^2`
fn effective(weights: &[f64]) -> f64 {
    let sum: f64 = weights.iter().sum();
    sum * sum / weights.iter().map(|w| w * w).sum::<f64>()
}

/// The expected length of a standard normal vector, `sqrt(2) Gamma((n + 1)/2) / Gamma(n/2)`, by the
/// recursion that the product of two successive ones is the smaller dimension.
fn normal_length(dimension: usize) -> f64 {
    (1..dimension).fold(std::f64::consts::FRAC_2_PI.sqrt(), |length, n| n as f64 / length)
}
