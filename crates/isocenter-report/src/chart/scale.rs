//! From values to places along an axis, and the ticks that say so.

use super::number::{fixed, significant};

/// How far beyond its values a linear axis reaches, as a fraction of their range.
const PADDING: f64 = 0.04;
/// The most ticks that an axis can get.
const MOST_TICKS: usize = 24;
/// The most decades of a logarithmic axis: below, values are as good as zero.
const MOST_DECADES: f64 = 12.0;

/// How values are laid along an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scale {
    /// Equal steps.
    Linear {
        /// The value at the start.
        low: f64,
        /// The value at the end.
        high: f64,
    },
    /// Equal factors; both ends above zero.
    Log {
        /// The value at the start.
        low: f64,
        /// The value at the end.
        high: f64,
    },
}

/// A value with a text beside the axis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick {
    /// Where.
    pub(crate) value: f64,
    /// What stands there; nothing at a minor tick.
    pub(crate) label: String,
}

impl Scale {
    /// Equal steps over all finite values and a little more; from 0 to 1 if there are none.
    pub(crate) fn linear(values: impl IntoIterator<Item = f64>) -> Self {
        let Some((low, high)) = finite_range(values) else {
            return Self::Linear { low: 0.0, high: 1.0 };
        };
        // Wider than rounding can resolve, and finite where the values are at the ends of f64.
        let least = 1e-9 * low.abs().max(high.abs()).max(1e-300);
        let pad = if high - low > least { PADDING * (high - low) } else { (10.0 * least).max(0.5) };
        Self::Linear {
            low: (low - pad).clamp(f64::MIN / 4.0, f64::MAX / 4.0),
            high: (high + pad).clamp(f64::MIN / 4.0, f64::MAX / 4.0),
        }
    }

    /// Equal factors over all positive finite values, out to 1, 2 or 5 of a decade; from 0.1 to 10
    /// if there are none.
    pub(crate) fn log(values: impl IntoIterator<Item = f64>) -> Self {
        // The ends of f64 are left out: their neighbors of the scale do not exist.
        let positive = values.into_iter().filter(|v| (1e-300..1e300).contains(v));
        let Some((low, high)) = finite_range(positive) else {
            return Self::Log { low: 0.1, high: 10.0 };
        };
        let high = high.max(low * 2.0);
        let low = low.max(high / 10_f64.powf(MOST_DECADES));
        Self::Log { low: round_within_decade(low, false), high: round_within_decade(high, true) }
    }

    /// The place of a value: 0 at the start, 1 at the end, beyond them outside. Not finite if the
    /// value has no place: NaN, infinite, or not above zero on a logarithmic axis.
    pub(crate) fn position(self, value: f64) -> f64 {
        match self {
            Self::Linear { low, high } => (value - low) / (high - low),
            Self::Log { low, high } => (value / low).ln() / (high / low).ln(),
        }
    }

    /// The values at the ends.
    pub(crate) fn ends(self) -> [f64; 2] {
        let (Self::Linear { low, high } | Self::Log { low, high }) = self;
        [low, high]
    }

    /// The round step that divides the axis into about so many parts: 1, 2 or 5 of a decade.
    pub(crate) fn step(self, about: usize) -> f64 {
        let [low, high] = self.ends();
        round_within_decade((high - low) / about.max(1) as f64, true)
    }

    /// About so many ticks with round values.
    pub(crate) fn ticks(self, about: usize) -> Vec<Tick> {
        match self {
            Self::Linear { low, high } => linear_ticks(low, high, about.clamp(1, MOST_TICKS)),
            Self::Log { low, high } => log_ticks(low, high),
        }
    }
}

fn finite_range(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let finite = values.into_iter().filter(|value| value.is_finite());
    finite.fold(None, |range, v| match range {
        None => Some((v, v)),
        Some((low, high)) => Some((low.min(v), high.max(v))),
    })
}

/// The nearest 1, 2 or 5 of a decade that is not above (`up`: not below) the value.
fn round_within_decade(value: f64, up: bool) -> f64 {
    let decade = 10_f64.powf(value.log10().floor());
    let mut steps = [0.5, 1.0, 2.0, 5.0, 10.0].map(|step| step * decade).into_iter();
    // A power of ten may be off by a rounding.
    let (below, above) = (value * (1.0 + 1e-9), value * (1.0 - 1e-9));
    let found = if up { steps.find(|&s| s >= above) } else { steps.rfind(|&s| s <= below) };
    found.unwrap_or(value)
}

fn linear_ticks(low: f64, high: f64, about: usize) -> Vec<Tick> {
    let step = Scale::Linear { low, high }.step(about);
    let decimals = (-step.log10().floor()).clamp(0.0, 15.0) as usize;
    let label = |value: f64| {
        let largest = low.abs().max(high.abs());
        // Whole numbers this large, and steps this fine, are no longer read digit by digit.
        if !(1e-4..1e6).contains(&largest) { significant(value, 3) } else { fixed(value, decimals) }
    };
    let first = (low / step).ceil();
    (0..=MOST_TICKS)
        .map(|n| (first + n as f64) * step)
        .take_while(|&value| value <= high + 1e-9 * step)
        .map(|value| Tick { value, label: label(value) })
        .collect()
}

/// Ticks at the decades; at 2 and 5 too where there are few, without a label where there are many.
fn log_ticks(low: f64, high: f64) -> Vec<Tick> {
    let decades = (high / low).log10();
    let first = low.log10().floor() as i32;
    let last = high.log10().ceil() as i32;
    let every = (decades / 8.0).ceil().max(1.0) as i32;
    let mut ticks = Vec::new();
    for exponent in first..=last {
        for factor in 1..10_i32 {
            let value = f64::from(factor) * 10_f64.powi(exponent);
            if value < low * (1.0 - 1e-9) || value > high * (1.0 + 1e-9) {
                continue;
            }
            let labelled = match factor {
                1 => (exponent - first) % every == 0,
                2 | 5 => decades <= 2.5,
                _ => false,
            };
            if labelled {
                let decimals = usize::try_from(-exponent).unwrap_or(0);
                let plain = (-4..=6).contains(&exponent);
                let label = if plain { fixed(value, decimals) } else { significant(value, 1) };
                ticks.push(Tick { value, label });
            } else if factor == 1 || decades <= 5.0 {
                ticks.push(Tick { value, label: String::new() });
            }
        }
    }
    ticks
}

#[cfg(test)]
mod tests {
    //! Proves: places are right, ticks are round and within the axis, and no value breaks it.
    use super::*;

    fn labels(scale: Scale, about: usize) -> Vec<String> {
        let labelled = scale.ticks(about).into_iter().filter(|tick| !tick.label.is_empty());
        labelled.map(|tick| tick.label).collect()
    }

    #[test]
    fn values_are_at_their_places() {
        let linear = Scale::Linear { low: -1.0, high: 3.0 };
        assert_eq!([-1.0, 0.0, 3.0, 5.0].map(|v| linear.position(v)), [0.0, 0.25, 1.0, 1.5]);
        let log = Scale::Log { low: 0.1, high: 1000.0 };
        for (value, expected) in [(0.1, 0.0), (1.0, 0.25), (1000.0, 1.0)] {
            assert!((log.position(value) - expected).abs() < 1e-12);
        }
        for nowhere in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
            assert!(!log.position(nowhere).is_finite());
        }
    }

    #[test]
    fn ticks_are_round() {
        let scale = Scale::linear([0.0, f64::NAN, 12.0, f64::INFINITY]);
        assert_eq!(scale, Scale::Linear { low: -0.48, high: 12.48 });
        assert_eq!(labels(scale, 5), ["0", "5", "10"]);
        assert_eq!(labels(Scale::Linear { low: 0.905, high: 0.995 }, 4), ["0.95"]);
        assert_eq!(labels(Scale::Linear { low: -2.0, high: 2.0 }, 4), ["−2", "−1", "0", "1", "2"]);
        assert_eq!(labels(Scale::log([0.3, 4000.0]), 0), ["1", "10", "100", "1000"]);
        assert_eq!(labels(Scale::log([3.0, 40.0]), 0), ["2", "5", "10", "20", "50"]);
    }

    #[test]
    fn no_values_break_it() {
        let odd = [
            vec![],
            vec![f64::NAN],
            vec![0.0],
            vec![-3.0, -3.0],
            vec![f64::MIN, f64::MAX],
            vec![5e-324, 1e308],
            vec![1e300, 1e300 * (1.0 + 1e-15)],
            vec![1e-320],
        ];
        for values in odd {
            for scale in [Scale::linear(values.clone()), Scale::log(values.clone())] {
                let [low, high] = scale.ends();
                assert!(low.is_finite() && high.is_finite() && low < high, "{values:?} {scale:?}");
                for about in [0, 5, 10_000] {
                    let ticks = scale.ticks(about);
                    assert!(ticks.len() < 200);
                    for tick in ticks {
                        let place = scale.position(tick.value);
                        assert!((-1e-6..=1.0 + 1e-6).contains(&place), "{values:?} {tick:?}");
                    }
                }
            }
        }
    }
}
