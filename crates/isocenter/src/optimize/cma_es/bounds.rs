//! Box bounds, kept by repair and penalty.
//!
//! A candidate outside is evaluated at the nearest point inside (its repair), and is ranked as if
//! worth less, by
//!
//! ```text
//! spread * sum_i ((x_i - repaired_i) / standard deviation_i)^2
//! ```
//!
//! with `spread` the interquartile range of the generation's values. The penalty decides only about
//! ranks within one generation, so that it needs no history and no setting: it scales with the
//! objective and with the distribution. The optimum that is reported is always a repaired point.
//!
//! # References
//! - N. Hansen, *The CMA Evolution Strategy: A Tutorial*, arXiv:1604.00772, appendix B

use nalgebra::DVector;

use crate::optimize::setting::{SettingError, require};

/// Lower and upper bounds of each coordinate; an infinite one does not bound.
///
/// # Examples
/// ```
/// use isocenter::optimize::Bounds;
/// assert!(Bounds::new(&[-1.0, f64::NEG_INFINITY], &[1.0, 30.0]).is_ok());
/// let error = Bounds::new(&[-1.0, 3.0], &[1.0, 2.0]).unwrap_err();
/// assert_eq!(error.to_string(), "upper[1] is 2: it must be a number above the lower bound");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    lower: DVector<f64>,
    upper: DVector<f64>,
}

impl Bounds {
    /// From the bounds of each coordinate.
    ///
    /// # Units
    /// Those of the steps' components, counted from the start; for poses radians and millimetres.
    ///
    /// # Errors
    /// If a bound is NaN, an upper one is not above the lower one, or their numbers differ.
    pub fn new(lower: &[f64], upper: &[f64]) -> Result<Self, SettingError> {
        let fits = !lower.is_empty() && lower.len() == upper.len();
        let found = format!("{} lower and {} upper bounds", lower.len(), upper.len());
        require(fits, "bounds", &found, "as many upper as lower bounds, one at least")?;
        for (n, (low, high)) in lower.iter().zip(upper).enumerate() {
            let fits = *low < f64::INFINITY;
            require(fits, format!("lower[{n}]"), low, "a number or negative infinity")?;
            require(high > low, format!("upper[{n}]"), high, "a number above the lower bound")?;
        }
        Ok(Self {
            lower: DVector::from_column_slice(lower),
            upper: DVector::from_column_slice(upper),
        })
    }

    /// The number of coordinates.
    pub(super) fn dimension(&self) -> usize {
        self.lower.len()
    }

    /// The bounds of coordinates divided by their scales.
    pub(super) fn scaled(&self, scales: &DVector<f64>) -> Self {
        Self { lower: self.lower.component_div(scales), upper: self.upper.component_div(scales) }
    }

    /// Whether a point lies inside.
    pub(super) fn contains(&self, x: &DVector<f64>) -> bool {
        self.repaired(x) == *x
    }

    /// The nearest point inside.
    pub(super) fn repaired(&self, x: &DVector<f64>) -> DVector<f64> {
        x.sup(&self.lower).inf(&self.upper)
    }

    /// The bounds of a coordinate if both are finite.
    pub(super) fn interval(&self, coordinate: usize) -> Option<[f64; 2]> {
        let interval = [*self.lower.get(coordinate)?, *self.upper.get(coordinate)?];
        interval.iter().all(|b| b.is_finite()).then_some(interval)
    }
}

/// What candidates are worth in the ranking: their values less the penalty for lying outside.
pub(super) fn penalized(
    values: &[f64],
    candidates: &[DVector<f64>],
    repaired: &[DVector<f64>],
    standard_deviations: &DVector<f64>,
) -> Vec<f64> {
    let spread = interquartile_range(values);
    let penalty = |x: &DVector<f64>, r: &DVector<f64>| {
        spread * (x - r).component_div(standard_deviations).norm_squared()
    };
    let pairs = candidates.iter().zip(repaired);
    values.iter().zip(pairs).map(|(value, (x, r))| value - penalty(x, r)).collect()
}

/// The range of the middle half of the finite values; 1 if they are all the same, so that a penalty
/// still counts.
fn interquartile_range(values: &[f64]) -> f64 {
    let mut finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    finite.sort_by(f64::total_cmp);
    let quartile = |n: usize| finite.get(n * finite.len() / 4).copied();
    match (quartile(1), quartile(3)) {
        (Some(low), Some(high)) if high > low => high - low,
        _ => 1.0,
    }
}
