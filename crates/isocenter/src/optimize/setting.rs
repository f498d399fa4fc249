//! Settings of optimisers that make no sense.

use std::fmt;

/// A setting that makes no sense.
///
/// # Examples
/// ```
/// use isocenter::optimize::{CmaEs, CmaEsConfig};
/// let error = CmaEs::new(&[1.0, 0.0], None, CmaEsConfig::default()).unwrap_err();
/// assert_eq!(error.to_string(), "scales[1] is 0: it must be a finite number above zero");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} is {found}: it must be {expected}")]
pub struct SettingError {
    /// Which one.
    pub name: String,
    /// Its value.
    pub found: String,
    /// What it must be.
    pub expected: &'static str,
}

/// An error unless the setting fits.
pub(super) fn require(
    fits: bool,
    name: impl Into<String>,
    found: &dyn fmt::Display,
    expected: &'static str,
) -> Result<(), SettingError> {
    if fits {
        return Ok(());
    }
    Err(SettingError { name: name.into(), found: found.to_string(), expected })
}

/// Checks how a step remembers the one before and how its length adapts.
pub(super) fn require_adaptation(
    momentum: f64,
    growth: f64,
    reduction: f64,
) -> Result<(), SettingError> {
    let fits = (0.0..1.0).contains(&momentum);
    require(fits, "momentum", &momentum, "from 0 to below 1")?;
    let fits = growth.is_finite() && growth >= 1.0;
    require(fits, "growth", &growth, "a finite number, 1 or more")?;
    let fits = reduction > 0.0 && reduction < 1.0;
    require(fits, "reduction", &reduction, "above 0 and below 1")
}

/// Checks the scales of an optimiser's coordinates.
pub(super) fn require_scales(scales: &[f64]) -> Result<(), SettingError> {
    require(!scales.is_empty(), "scales", &"empty", "one number per coordinate, one at least")?;
    for (n, scale) in scales.iter().enumerate() {
        let fits = scale.is_finite() && *scale > 0.0;
        require(fits, format!("scales[{n}]"), scale, "a finite number above zero")?;
    }
    Ok(())
}
