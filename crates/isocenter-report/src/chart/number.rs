//! Numbers as people read them.

/// A number with three significant digits at most: `0.071`, `12.3`, `146`, `4.1e6`.
///
/// NaN is a dash, infinity its sign; what is too large or too small to write out gets an exponent.
pub(crate) fn sensible(value: f64) -> String {
    significant(value, 3)
}

/// A number with so many significant digits at most, trailing zeros kept: `0.50`.
pub(crate) fn significant(value: f64, digits: usize) -> String {
    if let Some(odd) = not_finite(value) {
        return odd.to_owned();
    }
    let digits = digits.max(1);
    if value == 0.0 {
        return "0".to_owned();
    }
    // The exponent after rounding: 9.999 has the one of 10.0.
    let scientific = format!("{value:.*e}", digits - 1);
    let exponent: i32 = scientific.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
    if !(-4..=6).contains(&exponent) {
        return minus(&format!("{value:.1e}"));
    }
    fixed(value, usize::try_from(digits as i32 - 1 - exponent).unwrap_or(0))
}

/// A number with so many digits after the point.
pub(crate) fn fixed(value: f64, decimals: usize) -> String {
    if let Some(odd) = not_finite(value) {
        return odd.to_owned();
    }
    let text = format!("{value:.decimals$}");
    // Nothing is "-0.0".
    let text = match text.strip_prefix('-') {
        Some(rest) if rest.bytes().all(|b| matches!(b, b'0' | b'.')) => rest.to_owned(),
        _ => text,
    };
    minus(&text)
}

/// A fraction as percent.
pub(crate) fn percent(fraction: f64) -> String {
    match not_finite(fraction) {
        Some(odd) => odd.to_owned(),
        None => format!("{} %", fixed(100.0 * fraction, usize::from(fraction < 0.0995))),
    }
}

fn not_finite(value: f64) -> Option<&'static str> {
    match value {
        value if value.is_nan() => Some("–"),
        f64::INFINITY => Some("∞"),
        f64::NEG_INFINITY => Some("−∞"),
        _ => None,
    }
}

/// The sign of typography, which is as wide as a plus.
fn minus(text: &str) -> String {
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    //! Proves: digits are sensible over the whole range and odd numbers have a text.
    use super::*;

    #[test]
    fn digits_are_sensible() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "0"),
            (0.070_94, "0.0709"),
            (0.5, "0.500"),
            (9.999, "10.0"),
            (12.34, "12.3"),
            (146.4, "146"),
            (-12_345.6, "−12346"),
            (3.2e9, "3.2e9"),
            (-1.25e-7, "−1.2e−7"),
            (f64::NAN, "–"),
            (f64::INFINITY, "∞"),
            (f64::NEG_INFINITY, "−∞"),
            (f64::MAX, "1.8e308"),
            (5e-324, "4.9e−324"),
        ] {
            assert_eq!(sensible(value), expected, "{value:e}");
        }
    }

    #[test]
    fn fixed_and_percent() {
        assert_eq!((fixed(-0.004, 2), fixed(-0.006, 2)), ("0.00".into(), "−0.01".into()));
        assert_eq!((percent(0.61), percent(0.0123)), ("61 %".into(), "1.2 %".into()));
        assert_eq!(percent(f64::NAN), "–");
    }
}
