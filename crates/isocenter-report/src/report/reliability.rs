//! Whether a judge's probabilities are true: of the cases to which it gives 80 %, are 80 % right?
//!
//! # References
//! M. P. Naeini, G. F. Cooper, M. Hauskrecht, *Obtaining well calibrated probabilities using Bayesian
//! binning*, AAAI 2015, p. 2901 (expected calibration error).

use super::evaluation::MethodCases;
use super::statistics::wilson;
use crate::chart::number::{count, fixed, significant};
use crate::chart::{Axis, Figure, Scale, Svg};

/// The size of a chart (px).
const SIZE_PX: [f64; 2] = [480.0, 340.0];
/// Equal bins from 0 to 1.
const BINS: usize = 10;
/// What counts as right (mm).
const RIGHT_MM: f64 = 2.0;

/// How well the probabilities of a method hold.
pub(crate) struct Reliability {
    /// Whose.
    pub(crate) name: String,
    /// Shares over probabilities.
    pub(crate) chart: Svg,
    /// The error in numbers.
    pub(crate) text: String,
}

/// Cases with about one probability.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Bin {
    cases: usize,
    hits: usize,
    /// Sum of the probabilities.
    sum: f64,
}

/// Cases with a probability and a known truth, by bins.
fn bins(method: &MethodCases) -> ([Bin; BINS], f64) {
    let mut bins = [Bin::default(); BINS];
    let mut squares = 0.0;
    for case in method.cases.iter().filter(|case| case.has_truth()) {
        let probability = case.probability_within_2mm.filter(|p| (0.0..=1.0).contains(p));
        let Some(probability) = probability else { continue };
        let right = case.is_within(RIGHT_MM);
        // In range: a probability of 1 falls into the last bin.
        let bin = &mut bins[((probability * BINS as f64) as usize).min(BINS - 1)];
        bin.cases += 1;
        bin.hits += usize::from(right);
        bin.sum += probability;
        squares += (probability - f64::from(right)).powi(2);
    }
    (bins, squares)
}

/// The mean distance of the probability from the share, over the cases; NaN of none.
fn expected_calibration_error(bins: &[Bin; BINS]) -> f64 {
    let cases: usize = bins.iter().map(|bin| bin.cases).sum();
    let off: f64 = bins.iter().map(|bin| (bin.sum - bin.hits as f64).abs()).sum();
    off / cases as f64
}

/// The reliability of each method that gives probabilities.
pub(crate) fn reliability(methods: &[MethodCases]) -> Vec<Reliability> {
    methods.iter().filter_map(reliability_of).collect()
}

fn reliability_of(method: &MethodCases) -> Option<Reliability> {
    let (bins, squares) = bins(method);
    let cases: usize = bins.iter().map(|bin| bin.cases).sum();
    if cases == 0 {
        return None;
    }
    let scale = Scale::Linear { low: -2.0, high: 102.0 };
    let x = Axis::new("probability of an error below 2 mm, as judged (%)", scale, 6);
    let y = Axis::new("cases that are below 2 mm (%)", scale, 6);
    let title = format!("Reliability of the probabilities of {}", method.name);
    let mut figure = Figure::new(&title, SIZE_PX, x, y).with_headings();
    figure.line(&[[0.0, 0.0], [100.0, 100.0]], "mark");
    let mut dots = Vec::new();
    for (at, bin) in bins.iter().enumerate().filter(|(_, bin)| bin.cases > 0) {
        let mean = 100.0 * bin.sum / bin.cases as f64;
        let share = 100.0 * bin.hits as f64 / bin.cases as f64;
        let [low, high] = wilson(bin.hits, bin.cases).map(|share| 100.0 * share);
        figure.line(&[[mean, low], [mean, high]], "s0 thin");
        let hint = format!("judged {} %: {} of {}", fixed(mean, 0), bin.hits, bin.cases);
        dots.push(([mean, share], hint));
        figure.heading(100.0 * (at as f64 + 0.5) / BINS as f64, &count(bin.cases));
    }
    figure.dots(&dots, 4.0, "s0");
    let text = format!(
        "Expected calibration error {}, Brier score {}, over {} cases.",
        significant(expected_calibration_error(&bins), 2),
        significant(squares / cases as f64, 2),
        count(cases)
    );
    Some(Reliability { name: method.name.clone(), chart: figure.finish(), text })
}

#[cfg(test)]
mod tests {
    //! Proves: cases fall into their bins, and the calibration error against numbers worked out by
    //! hand.
    use super::*;
    use crate::report::CaseRow;

    fn case(probability: f64, mtre_mm: Option<f64>) -> CaseRow {
        CaseRow {
            start_mtre_mm: Some(50.0),
            mtre_mm,
            probability_within_2mm: Some(probability),
            ..CaseRow::default()
        }
    }

    #[test]
    fn the_error_of_a_small_table() {
        let cases = vec![
            case(1.0, Some(0.1)),
            case(0.9, Some(5.0)),
            case(0.0, None),
            case(0.05, Some(1.0)),
            case(f64::NAN, Some(1.0)),
            case(1.5, Some(1.0)),
            CaseRow { start_mtre_mm: None, ..case(0.5, None) },
        ];
        let method = MethodCases { name: "m".to_owned(), cases };
        let (bins, squares) = bins(&method);
        assert_eq!(bins[9], Bin { cases: 2, hits: 1, sum: 1.9 });
        assert_eq!(bins[0], Bin { cases: 2, hits: 1, sum: 0.05 });
        // (|1.9 - 1| + |0.05 - 1|) / 4
        assert!((expected_calibration_error(&bins) - 0.4625).abs() < 1e-12);
        assert!((squares - (0.81 + 0.9025)).abs() < 1e-12);
        let [shown] = &reliability(&[method, MethodCases::default()])[..] else { panic!() };
        assert_eq!(shown.text, "Expected calibration error 0.46, Brier score 0.43, over 4 cases.");
    }
}
