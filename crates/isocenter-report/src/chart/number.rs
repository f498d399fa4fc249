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

/// A fraction as percent. What is not quite all is not called 100 %, what is not quite none not 0 %.
pub(crate) fn percent(fraction: f64) -> String {
    if let Some(odd) = not_finite(fraction) {
        return odd.to_owned();
    }
    match fraction {
        f if f > 0.0 && f < 0.0005 => "< 0.1 %".to_owned(),
        f if f > 0.9995 && f < 1.0 => "> 99.9 %".to_owned(),
        f if (0.0995..=0.9905).contains(&f) || f == 0.0 || f == 1.0 => {
            format!("{} %", fixed(100.0 * f, 0))
        }
        f => format!("{} %", fixed(100.0 * f, 1)),
    }
}

/// Thousands set apart: `12 500`.
pub(crate) fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
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
    fn fixed_percent_and_count() {
        assert_eq!((fixed(-0.004, 2), fixed(-0.006, 2)), ("0.00".into(), "−0.01".into()));
        assert_eq!((percent(0.61), percent(0.0123)), ("61 %".into(), "1.2 %".into()));
        for (fraction, expected) in [
            (f64::NAN, "–"),
            (0.0, "0 %"),
            (1e-9, "< 0.1 %"),
            (0.996, "99.6 %"),
            (0.999_96, "> 99.9 %"),
            (1.0, "100 %"),
        ] {
            assert_eq!(percent(fraction), expected);
        }
        assert_eq!((count(0), count(999)), ("0".into(), "999".into()));
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
    }
}
