//! CMA-ES: evolution strategy with covariance matrix adaptation, for objectives without
//! derivatives.
//!
//! **Generations.** Candidates are drawn from a normal distribution `N(m, sigma^2 C)` in
//! coordinates divided by their scales, ranked by value, and
//! 1. the mean moves to the weighted mean of the better half;
//! 2. the covariance learns the steps of the better half (rank-mu update), the path that the mean
//!    has taken (rank-one update) and, if active, unlearns the directions of the worse half;
//! 3. sigma grows if the steps of the mean point the same way for some generations, and shrinks if
//!    they undo each other (cumulative step-size adaptation).
//!
//! Only ranks count: any monotone change of the objective leaves the search as it is.
//!
//! **Restarts** (IPOP). When a run ends and restarts are left, another begins with twice the
//! population, at a random place: anywhere between the bounds of a coordinate, else about the
//! start.
//!
//! **Learning rate adaptation** (LRA) slows the learning down where it is mostly noise: for
//! noisy or multimodal objectives at the default population.
//!
//! **Bounds** are kept by repair and penalty: [`Bounds`].
//!
//! # References
//! - N. Hansen, *The CMA Evolution Strategy: A Tutorial* (2016), arXiv:1604.00772
//! - A. Auger, N. Hansen, *A restart CMA evolution strategy with increasing population size*, CEC
//!   (2005), doi:10.1109/CEC.2005.1554902
//! - M. Nomura, Y. Akimoto, I. Ono, *CMA-ES with Learning Rate Adaptation* (2023),
//!   arXiv:2304.03473

mod bounds;
mod distribution;
mod learning_rate;
mod parameters;
mod stopping;
#[cfg(test)]
mod tests;

pub use bounds::Bounds;

use nalgebra::DVector;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use self::bounds::penalized;
use self::distribution::Distribution;
use self::learning_rate::LearningRates;
use self::parameters::{StrategyParameters, default_population};
use self::stopping::Stopping;
use super::objective::ObjectiveError;
use super::optimizer::{Optimizer, Sample, check_samples};
use super::setting::{SettingError, require, require_scales};
use super::termination::Termination;

/// How CMA-ES searches, and when it stops.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CmaEsConfig {
    /// Candidates per generation of the first run, 4 or more; without it `4 + 3 ln n`.
    pub population: Option<usize>,
    /// Whether the covariance unlearns the directions of bad candidates.
    pub active: bool,
    /// Whether the learning rates adapt to noise.
    pub learning_rate_adaptation: bool,
    /// Most restarts with twice the population, 16 at most.
    pub restarts: usize,
    /// Most evaluations, all runs together.
    pub max_evaluations: usize,
    /// A run ends when values of many generations differ by less.
    pub tolerance_value: f64,
    /// A run ends when the standard deviations of all coordinates are below this, in scales.
    pub tolerance_step: f64,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for CmaEsConfig {
    fn default() -> Self {
        Self {
            population: None,
            active: true,
            learning_rate_adaptation: false,
            restarts: 0,
            max_evaluations: 10_000,
            tolerance_value: 1e-8,
            tolerance_step: 1e-4,
            seed: 0,
        }
    }
}

impl CmaEsConfig {
    fn check(&self) -> Result<(), SettingError> {
        if let Some(population) = self.population {
            let fits = (4..=1_000_000).contains(&population);
            require(fits, "population", &population, "from 4 to 1000000")?;
        }
        require(self.restarts <= 16, "restarts", &self.restarts, "at most 16")?;
        require(self.max_evaluations > 0, "max_evaluations", &self.max_evaluations, "at least 1")?;
        let tolerances =
            [("tolerance_value", self.tolerance_value), ("tolerance_step", self.tolerance_step)];
        for (name, tolerance) in tolerances {
            let fits = tolerance.is_finite() && tolerance >= 0.0;
            require(fits, name, &tolerance, "a finite number, zero or more")?;
        }
        Ok(())
    }
}

/// One run from a start.
#[derive(Debug, Clone)]
struct Run {
    distribution: Distribution,
    parameters: StrategyParameters,
    rates: Option<LearningRates>,
    stopping: Stopping,
    /// The candidates drawn, in scaled coordinates, before repair.
    candidates: Vec<DVector<f64>>,
}

impl Run {
    fn new(mean: DVector<f64>, population: usize, config: &CmaEsConfig) -> Self {
        let n = mean.len();
        let tolerances = [config.tolerance_value, config.tolerance_step];
        Self {
            parameters: StrategyParameters::new(n, population, config.active),
            rates: config.learning_rate_adaptation.then(|| LearningRates::new(n)),
            stopping: Stopping::new(n, population, 1.0, tolerances),
            // The scales are the first standard deviations.
            distribution: Distribution::new(mean, 1.0),
            candidates: Vec::new(),
        }
    }

    fn population(&self) -> usize {
        self.parameters.weights.len()
    }

    fn draw(&mut self, rng: &mut ChaCha8Rng) {
        let n = self.distribution.mean.len();
        let one = |_| {
            let normal = DVector::from_fn(n, |_, _| rng.sample(StandardNormal));
            self.distribution.candidate(&normal)
        };
        self.candidates = (0..self.parameters.weights.len()).map(one).collect();
    }

    /// Learns from the candidates' values. Says whether the run is over.
    fn learn(&mut self, values: &[f64], bounds: Option<&Bounds>) -> Option<Termination> {
        let worth = match bounds {
            Some(bounds) => {
                let repaired: Vec<_> = self.candidates.iter().map(|x| bounds.repaired(x)).collect();
                let deviations = self.distribution.standard_deviations();
                penalized(values, &self.candidates, &repaired, &deviations)
            }
            None => values.to_vec(),
        };
        let mut ranked: Vec<(f64, &DVector<f64>)> =
            worth.into_iter().zip(&self.candidates).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        let ranked: Vec<&DVector<f64>> = ranked.into_iter().map(|(_, x)| x).collect();

        let before = self.rates.is_some().then(|| self.distribution.clone());
        let mut regular = self.distribution.update(&self.parameters, &ranked);
        if let (true, Some(rates), Some(before)) = (regular, &mut self.rates, before) {
            regular = rates.hold_back(&before, &mut self.distribution);
        }
        if !regular {
            return Some(Termination::IllConditioned);
        }
        let mut descending = values.to_vec();
        descending.sort_by(|a, b| b.total_cmp(a));
        let eta = self.rates.as_ref().map_or(1.0, |rates| rates.mean.eta);
        self.stopping.check(&descending, &self.distribution, eta)
    }
}

/// CMA-ES, as an [`Optimizer`] that needs values alone, in any number of dimensions.
///
/// # Examples
/// A sphere whose optimum lies beyond the bounds.
/// ```
/// use isocenter::optimize::{Bounds, CmaEs, CmaEsConfig, Optimizer, Sample};
/// let bounds = Bounds::new(&[-1.0; 6], &[1.0; 6]).unwrap();
/// let config = CmaEsConfig { seed: 7, ..CmaEsConfig::default() };
/// let mut optimizer = CmaEs::new(&[0.5; 6], Some(&bounds), config).unwrap();
/// while optimizer.termination().is_none() {
///     let value = |x: &nalgebra::DVector<f64>| -x.map(|x| x - 3.0).norm_squared();
///     let samples: Vec<Sample> =
///         optimizer.ask().iter().map(|x| Sample::from_value(value(x))).collect();
///     optimizer.tell(&samples).unwrap();
/// }
/// let corner = optimizer.best().unwrap();
/// assert!(corner.iter().all(|x| *x <= 1.0 && *x > 0.999));
/// ```
#[derive(Debug, Clone)]
pub struct CmaEs {
    config: CmaEsConfig,
    scales: DVector<f64>,
    /// In scaled coordinates.
    bounds: Option<Bounds>,
    rng: ChaCha8Rng,
    run: Run,
    /// The best candidate, and its value.
    best: Option<(DVector<f64>, f64)>,
    restarts: usize,
    evaluations: usize,
    termination: Option<Termination>,
}

impl CmaEs {
    /// A search that is about to begin at zero.
    ///
    /// # Units
    /// `scales` are the standard deviations of the first candidates, in the units of the steps' components;
    /// for poses [`MotionScales::components`](super::MotionScales::components).
    ///
    /// # Errors
    /// If a setting makes no sense, or the start is out of bounds.
    pub fn new(
        scales: &[f64],
        bounds: Option<&Bounds>,
        config: CmaEsConfig,
    ) -> Result<Self, SettingError> {
        require_scales(scales)?;
        config.check()?;
        let n = scales.len();
        let scales = DVector::from_column_slice(scales);
        let start = DVector::zeros(n);
        if let Some(bounds) = bounds {
            let fits = bounds.dimension() == n;
            require(fits, "bounds", &bounds.dimension(), "as many as there are scales")?;
            let fits = bounds.contains(&start);
            require(fits, "bounds", &"without zero", "a box that contains the start, zero")?;
        }
        let population = config.population.unwrap_or_else(|| default_population(n));
        let run = Run { candidates: vec![start.clone()], ..Run::new(start, population, &config) };
        Ok(Self {
            config,
            bounds: bounds.map(|b| b.scaled(&scales)),
            scales,
            rng: ChaCha8Rng::seed_from_u64(config.seed),
            run,
            best: None,
            restarts: 0,
            evaluations: 0,
            termination: None,
        })
    }

    /// The best candidate so far; `None` before the first is told.
    ///
    /// # Units
    /// As the steps' components.
    ///
    /// # Examples
    /// See [`CmaEs`].
    #[must_use]
    pub fn best(&self) -> Option<DVector<f64>> {
        self.best.as_ref().map(|(x, _)| x.component_mul(&self.scales))
    }

    /// The mean of the distribution: a better estimate than the best candidate where values are
    /// noisy.
    ///
    /// # Units
    /// As the steps' components.
    ///
    /// # Examples
    /// ```
    /// use isocenter::optimize::{CmaEs, CmaEsConfig};
    /// let optimizer = CmaEs::new(&[0.1, 30.0], None, CmaEsConfig::default()).unwrap();
    /// assert_eq!(optimizer.mean().as_slice(), [0.0, 0.0]);
    /// assert_eq!(optimizer.standard_deviations().as_slice(), [0.1, 30.0]);
    /// ```
    #[must_use]
    pub fn mean(&self) -> DVector<f64> {
        self.repaired(&self.run.distribution.mean).component_mul(&self.scales)
    }

    /// The distribution's standard deviation along each coordinate.
    ///
    /// # Units
    /// As the steps' components.
    ///
    /// # Examples
    /// See [`CmaEs::mean`].
    #[must_use]
    pub fn standard_deviations(&self) -> DVector<f64> {
        self.run.distribution.standard_deviations().component_mul(&self.scales)
    }

    /// How often the search has begun again.
    ///
    /// # Examples
    /// ```
    /// use isocenter::optimize::{CmaEs, CmaEsConfig, Optimizer, Sample};
    /// let config = CmaEsConfig { restarts: 2, ..CmaEsConfig::default() };
    /// let mut optimizer = CmaEs::new(&[1.0; 3], None, config).unwrap();
    /// while optimizer.termination().is_none() {
    ///     let samples: Vec<Sample> =
    ///         optimizer.ask().iter().map(|x| Sample::from_value(-x.norm())).collect();
    ///     optimizer.tell(&samples).unwrap();
    /// }
    /// assert_eq!(optimizer.restarts(), 2);
    /// ```
    #[must_use]
    pub fn restarts(&self) -> usize {
        self.restarts
    }

    fn repaired(&self, x: &DVector<f64>) -> DVector<f64> {
        self.bounds.as_ref().map_or_else(|| x.clone(), |bounds| bounds.repaired(x))
    }

    /// Where a further run begins.
    fn restart_mean(&mut self) -> DVector<f64> {
        let bounds = self.bounds.as_ref();
        let rng = &mut self.rng;
        let mean =
            DVector::from_fn(self.scales.len(), |c, _| match bounds.and_then(|b| b.interval(c)) {
                Some([low, high]) => rng.random_range(low..high),
                None => rng.sample(StandardNormal),
            });
        self.repaired(&mean)
    }

    /// Goes on after a generation: draws the next one, or begins a further run, or ends the search.
    fn go_on(&mut self, over: Option<Termination>) {
        let restart = over.is_some() && self.restarts < self.config.restarts;
        let population = self.run.population() * if restart { 2 } else { 1 };
        if over.is_some() && !restart {
            self.termination = over;
        } else if self.evaluations.saturating_add(population) > self.config.max_evaluations {
            self.termination = Some(over.unwrap_or(Termination::EvaluationLimit));
        } else {
            if restart {
                self.restarts += 1;
                self.run = Run::new(self.restart_mean(), population, &self.config);
            }
            self.run.draw(&mut self.rng);
        }
    }
}

impl Optimizer for CmaEs {
    fn dimension(&self) -> usize {
        self.scales.len()
    }

    fn uses_derivatives(&self) -> bool {
        false
    }

    fn ask(&self) -> Vec<DVector<f64>> {
        match self.termination {
            Some(_) => Vec::new(),
            None => {
                let step = |x| self.repaired(x).component_mul(&self.scales);
                self.run.candidates.iter().map(step).collect()
            }
        }
    }

    fn tell(&mut self, samples: &[Sample]) -> Result<Option<usize>, ObjectiveError> {
        let expected = if self.termination.is_none() { self.run.candidates.len() } else { 0 };
        check_samples(expected, samples)?;
        self.evaluations += samples.len();
        let values: Vec<f64> = samples.iter().map(|s| s.value).collect();

        let pairs = self.run.candidates.iter().zip(&values).enumerate();
        let top = pairs.max_by(|a, b| a.1.1.total_cmp(b.1.1));
        let better = |value: f64| self.best.as_ref().is_none_or(|(_, best)| value > *best);
        let first = self.best.is_none();
        let accepted = top
            .filter(|(_, (_, value))| better(**value))
            .map(|(n, (x, value))| (n, self.repaired(x), *value));
        let number = accepted.map(|(n, x, value)| {
            self.best = Some((x, value));
            n
        });
        match samples.len() {
            0 => {}
            // The start tells nothing about the distribution.
            _ if first => self.go_on(None),
            _ => {
                let over = self.run.learn(&values, self.bounds.as_ref());
                self.go_on(over);
            }
        }
        Ok(number)
    }

    fn termination(&self) -> Option<Termination> {
        self.termination
    }

    fn damping(&self) -> f64 {
        if self.best.is_some() { self.run.distribution.sigma } else { 0.0 }
    }
}
