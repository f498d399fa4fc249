//! When a run of CMA-ES ends: the criteria of Hansen's tutorial, appendix B.

use std::collections::VecDeque;

use super::distribution::Distribution;
use crate::optimize::termination::Termination;

/// Largest condition number of the covariance.
const LARGEST_CONDITION: f64 = 1e14;
/// How far the longest axis may grow.
const LARGEST_GROWTH: f64 = 1e4;
/// Longest history.
const LONGEST_HISTORY: usize = 20_000;

/// What is remembered of a run to know when it is over.
#[derive(Debug, Clone)]
pub(super) struct Stopping {
    tolerance_value: f64,
    tolerance_step: f64,
    /// Best and median value of each generation.
    best: VecDeque<f64>,
    median: VecDeque<f64>,
    /// Generations over which equal values end a run.
    equal: usize,
    /// Generations without gain that end a run, at least.
    patience: usize,
    generations: usize,
    initial_sigma: f64,
}

impl Stopping {
    pub(super) fn new(
        dimension: usize,
        population: usize,
        initial_sigma: f64,
        [tolerance_value, tolerance_step]: [f64; 2],
    ) -> Self {
        let generations = (30 * dimension).div_ceil(population.max(1));
        Self {
            tolerance_value,
            tolerance_step,
            best: VecDeque::new(),
            median: VecDeque::new(),
            equal: 10 + generations,
            patience: 120 + generations,
            generations: 0,
            initial_sigma,
        }
    }

    /// Takes the values of a generation, the best first, what it has led to, and the learning rate
    /// of the mean. Says whether the run is over.
    pub(super) fn check(
        &mut self,
        descending: &[f64],
        distribution: &Distribution,
        eta: f64,
    ) -> Option<Termination> {
        self.generations += 1;
        let history = self.history(eta);
        let [Some(&best), Some(&worst)] = [descending.first(), descending.last()] else {
            return None;
        };
        self.best.push_back(best);
        self.median.push_back(descending.get(descending.len() / 2).copied().unwrap_or(best));
        while self.best.len() > history {
            self.best.pop_front();
            self.median.pop_front();
        }
        self.distribution(distribution)
            .or_else(|| self.equal_values(best, worst))
            .or_else(|| self.stagnation(history))
    }

    /// How many generations are looked at for a gain: the more, the slower the mean learns.
    fn history(&self, eta: f64) -> usize {
        let generations = (self.patience + self.generations / 5) as f64 / eta;
        (generations as usize).min(LONGEST_HISTORY)
    }

    fn distribution(&self, d: &Distribution) -> Option<Termination> {
        let (shortest, longest) = (d.lengths.min(), d.lengths.max());
        if (longest / shortest).powi(2) > LARGEST_CONDITION {
            return Some(Termination::IllConditioned);
        }
        if d.sigma * longest > LARGEST_GROWTH * self.initial_sigma || !d.sigma.is_finite() {
            return Some(Termination::Diverged);
        }
        let deviations = d.standard_deviations();
        let path = d.path_c.amax() * d.sigma;
        if deviations.amax() < self.tolerance_step && path < self.tolerance_step {
            return Some(Termination::StepBelowTolerance);
        }
        // Steps that rounding swallows: along a coordinate, or along the axis whose turn it is.
        let coordinate = d.mean.iter().zip(deviations.iter()).any(|(m, s)| *m == m + 0.2 * s);
        let turn = self.generations % d.mean.len().max(1);
        let axis = d.axes.column(turn) * (0.1 * d.sigma * d.lengths.get(turn).unwrap_or(&1.0));
        let swallowed = coordinate || d.mean == &d.mean + axis;
        swallowed.then_some(Termination::StepBelowTolerance)
    }

    /// Values that are all the same.
    fn equal_values(&self, best: f64, worst: f64) -> Option<Termination> {
        if self.best.len() < self.equal {
            return None;
        }
        let recent = || self.best.iter().rev().take(self.equal).copied();
        let highest = recent().fold(best, f64::max);
        let lowest = recent().fold(worst, f64::min);
        if highest == lowest {
            return Some(Termination::Flat);
        }
        (highest - lowest < self.tolerance_value).then_some(Termination::ValueBelowTolerance)
    }

    /// Neither the best nor the median values of late are better than those of long ago.
    fn stagnation(&self, history: usize) -> Option<Termination> {
        let length = self.best.len();
        if length < history {
            return None;
        }
        let part = (length * 3 / 10).max(20).min(length);
        let gained = |values: &VecDeque<f64>| {
            let late = median(values.iter().skip(length - part));
            let early = median(values.iter().take(part));
            late > early
        };
        (!gained(&self.best) && !gained(&self.median)).then_some(Termination::Stagnation)
    }
}

fn median<'a>(values: impl Iterator<Item = &'a f64>) -> f64 {
    let mut sorted: Vec<f64> = values.copied().collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
