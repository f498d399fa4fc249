//! The few statistics that charts need.

/// The finite values in ascending order.
pub(crate) fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut finite: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
    finite.sort_by(f64::total_cmp);
    finite
}

/// The value below which a fraction (0 to 1) of ascending values lies, linear between neighbors; NaN
/// of nothing.
pub(crate) fn quantile(ascending: &[f64], fraction: f64) -> f64 {
    let Some(last) = ascending.len().checked_sub(1) else { return f64::NAN };
    let rank = fraction.clamp(0.0, 1.0) * last as f64;
    let below = rank.floor() as usize;
    let above = (below + 1).min(last);
    // In range: both ranks are at most the last.
    let [low, high] = [ascending[below], ascending[above]];
    low + (rank - below as f64) * (high - low)
}

/// Wilson's interval for a share, at 95 %: the shares for which `hits` of `number` are not unusual.
///
/// E. B. Wilson, *Probable inference, the law of succession, and statistical inference*, JASA 22(158),
/// 209 (1927), doi:10.1080/01621459.1927.10502953.
pub(crate) fn wilson(hits: usize, number: usize) -> [f64; 2] {
    if number == 0 {
        return [0.0, 1.0];
    }
    let z = 1.959_964;
    let (n, share) = (number as f64, hits as f64 / number as f64);
    let middle = share + z * z / (2.0 * n);
    let half = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    [middle - half, middle + half].map(|end| (end / (1.0 + z * z / n)).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    //! Proves: quantiles and intervals against numbers worked out by hand.
    use super::*;

    #[test]
    fn quantiles() {
        let values = sorted([3.0, f64::NAN, 1.0, f64::INFINITY, 2.0, 4.0]);
        assert_eq!(values, [1.0, 2.0, 3.0, 4.0]);
        assert_eq!([0.0, 0.5, 1.0, 7.0].map(|f| quantile(&values, f)), [1.0, 2.5, 4.0, 4.0]);
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn wilson_intervals() {
        // Wilson's formula at 5 of 10 and 0 of 10.
        for (hits, number, expected) in
            [(5, 10, [0.2366, 0.7634]), (0, 10, [0.0, 0.2775]), (0, 0, [0.0, 1.0])]
        {
            let found = wilson(hits, number);
            assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 5e-5), "{found:?}");
        }
    }
}
