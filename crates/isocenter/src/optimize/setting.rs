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

/// Checks the scales of an optimiser's coordinates.
pub(super) fn require_scales(scales: &[f64]) -> Result<(), SettingError> {
    require(!scales.is_empty(), "scales", &"empty", "one number per coordinate, one at least")?;
    for (n, scale) in scales.iter().enumerate() {
        let fits = scale.is_finite() && *scale > 0.0;
        require(fits, format!("scales[{n}]"), scale, "a finite number above zero")?;
    }
    Ok(())
}
