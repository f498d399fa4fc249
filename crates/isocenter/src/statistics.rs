//! Statistics that several modules need.

/// The quantile of the normal distribution with mean 0 and standard deviation 1, to 5e-4; of 0 and
/// 1 the largest finite ones, about 38 standard deviations out.
///
/// # References
/// M. Abramowitz, I. A. Stegun, *Handbook of Mathematical Functions* (1964), 26.2.23.
pub(crate) fn normal_quantile(probability: f64) -> f64 {
    let tail = probability.min(1.0 - probability).max(f64::MIN_POSITIVE);
    let t = (-2.0 * tail.ln()).sqrt();
    let above = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let below = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    (t - above / below).copysign(probability - 0.5)
}
