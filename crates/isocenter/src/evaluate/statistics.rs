//! Statistics of errors.
//!
//! A registration that returned no pose counts as an infinite error: it is ranked last, and a
//! number that it has a part in does not exist.
//!
//! - **best q %** of n errors: the `q n / 100` smallest, rounded to the nearest whole number and at
//!   least one; their mean and sample standard deviation (divided by count - 1; 0 for one error).
//! - **percentile p**: linear interpolation at rank `(n - 1) p / 100` of the sorted errors, counted
//!   from 0 (definition 7 of Hyndman and Fan, that of NumPy and R).
//!
//! # References
//! R. J. Hyndman, Y. Fan, *Sample quantiles in statistical packages*, The American Statistician
//! 50(4), 361 (1996), doi:10.1080/00031305.1996.10473566.

use serde::Serialize;

/// Of how much the mean is reported (percent).
pub const BEST_PERCENT: [f64; 3] = [95.0, 75.0, 50.0];

/// Mean and standard deviation of the smallest errors.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Best {
    /// How much of all there is.
    pub percent: f64,
    /// How many errors that are.
    pub count: usize,
    /// Their mean.
    pub mean: Option<f64>,
    /// Their sample standard deviation.
    pub sd: Option<f64>,
}

/// Percentiles.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Percentiles {
    pub p5: Option<f64>,
    pub p25: Option<f64>,
    pub p50: Option<f64>,
    pub p75: Option<f64>,
    pub p90: Option<f64>,
    pub p95: Option<f64>,
    pub p100: Option<f64>,
}

/// Statistics of errors; the [module](self) defines them.
///
/// # Examples
/// ```
/// use isocenter::evaluate::Statistics;
/// let statistics = Statistics::of(vec![4.0, 1.0, f64::INFINITY, 2.0]);
/// assert_eq!(statistics.percentiles.p50, Some(3.0));
/// assert_eq!(statistics.best[2].mean, Some(1.5)); // the best half
/// assert_eq!(statistics.best[0].mean, None); // one of the best 95 % has no pose
/// assert_eq!(statistics.percent_below(2.5), 50.0);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Statistics {
    /// The means of the best.
    pub best: [Best; 3],
    /// Percentiles of all.
    pub percentiles: Percentiles,
    #[serde(skip)]
    sorted: Vec<f64>,
}

impl Statistics {
    /// Of errors, infinite where there is none.
    #[must_use]
    pub fn of(mut errors: Vec<f64>) -> Self {
        errors.sort_by(f64::total_cmp);
        let at = |percent| percentile(&errors, percent);
        let percentiles = Percentiles {
            p5: at(5.0),
            p25: at(25.0),
            p50: at(50.0),
            p75: at(75.0),
            p90: at(90.0),
            p95: at(95.0),
            p100: at(100.0),
        };
        Self {
            best: BEST_PERCENT.map(|percent| best(&errors, percent)),
            percentiles,
            sorted: errors,
        }
    }

    /// The share of all errors that are below a value (percent).
    #[must_use]
    pub fn percent_below(&self, value: f64) -> f64 {
        let below = self.sorted.partition_point(|error| *error < value);
        100.0 * below as f64 / self.sorted.len().max(1) as f64
    }
}

fn best(sorted: &[f64], percent: f64) -> Best {
    let count = (sorted.len() as f64 * percent / 100.0).round().max(1.0) as usize;
    let count = count.min(sorted.len());
    let kept = &sorted[..count];
    if kept.is_empty() || kept.iter().any(|error| !error.is_finite()) {
        return Best { percent, count, mean: None, sd: None };
    }
    let mean = kept.iter().sum::<f64>() / count as f64;
    let squares: f64 = kept.iter().map(|error| (error - mean).powi(2)).sum();
    let sd = (squares / (count as f64 - 1.0).max(1.0)).sqrt();
    Best { percent, count, mean: Some(mean), sd: Some(sd) }
}

/// A percentile of sorted numbers; none if there are no numbers, or it is infinite.
#[must_use]
pub fn percentile(sorted: &[f64], percent: f64) -> Option<f64> {
    let rank = (sorted.len().checked_sub(1)? as f64) * percent / 100.0;
    let below = *sorted.get(rank.floor() as usize)?;
    let above = *sorted.get(rank.ceil() as usize)?;
    // Equal neighbors may be infinite, and infinity less infinity is no number.
    let value = if below == above { below } else { below + rank.fract() * (above - below) };
    value.is_finite().then_some(value)
}

/// The median of numbers in any order; none if there are none.
#[must_use]
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    percentile(&values, 50.0)
}

#[cfg(test)]
mod tests {
    //! Proves: the statistics are those computed by hand, and errors that do not exist are ranked
    //! last.
    use super::*;

    #[test]
    fn statistics_are_those_computed_by_hand() {
        // 1 to 10 in some order.
        let statistics = Statistics::of([7, 3, 10, 1, 9, 2, 8, 5, 4, 6].map(f64::from).to_vec());
        let [most, more, half] = statistics.best;
        // 9.5 rounds to 10: all of them, mean 5.5, variance 82.5 / 9.
        assert_eq!((most.count, most.mean), (10, Some(5.5)));
        assert!((most.sd.unwrap() - (82.5_f64 / 9.0).sqrt()).abs() < 1e-12);
        // 7.5 rounds to 8: 1 to 8, mean 4.5, variance 42 / 7.
        assert_eq!((more.count, more.mean), (8, Some(4.5)));
        assert!((more.sd.unwrap() - 6.0_f64.sqrt()).abs() < 1e-12);
        // 1 to 5: mean 3, variance 10 / 4.
        assert_eq!((half.count, half.mean), (5, Some(3.0)));
        assert!((half.sd.unwrap() - 2.5_f64.sqrt()).abs() < 1e-12);
        // Rank 9 p / 100, from 0.
        let p = statistics.percentiles;
        assert_eq!((p.p25, p.p50, p.p100), (Some(3.25), Some(5.5), Some(10.0)));
        assert!((p.p95.unwrap() - 9.55).abs() < 1e-12 && (p.p5.unwrap() - 1.45).abs() < 1e-12);
        assert_eq!(statistics.percent_below(3.0), 20.0, "3 is not below 3");
        assert_eq!(statistics.percent_below(100.0), 100.0);
    }

    #[test]
    fn what_has_no_pose_is_ranked_last() {
        let mut errors = vec![1.0; 17];
        errors.extend([f64::INFINITY; 3]);
        let statistics = Statistics::of(errors);
        assert_eq!(
            statistics.best.map(|b| (b.count, b.mean)),
            [(19, None), (15, Some(1.0)), (10, Some(1.0))]
        );
        let p = statistics.percentiles;
        assert_eq!((p.p50, p.p75, p.p90, p.p100), (Some(1.0), Some(1.0), None, None));
        assert_eq!(statistics.percent_below(10.0), 85.0);
    }

    #[test]
    fn few_numbers_are_enough() {
        let one = Statistics::of(vec![2.0]);
        assert_eq!(one.best[2], Best { percent: 50.0, count: 1, mean: Some(2.0), sd: Some(0.0) });
        let none = Statistics::of(Vec::new());
        assert_eq!(
            (none.best[0].mean, none.percentiles.p50, none.percent_below(1.0)),
            (None, None, 0.0)
        );
        assert_eq!(median(vec![5.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(Vec::new()), None);
    }
}
