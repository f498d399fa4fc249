//! Settings: ranges to draw from, and what they may be.

use std::fmt;

use super::error::SimulationError;

/// The ends of an interval from which a value is drawn: `[low, high]`. Equal ends fix the value.
pub type Range = [f64; 2];

pub(super) fn refused<T>(
    name: &'static str,
    found: impl fmt::Display,
    expected: impl Into<String>,
) -> Result<T, SimulationError> {
    Err(SimulationError::Setting { name, found: found.to_string(), expected: expected.into() })
}

/// Checks that both ends lie within the limits, in order.
pub(super) fn check_range(
    name: &'static str,
    range: Range,
    [lowest, highest]: Range,
) -> Result<(), SimulationError> {
    let [low, high] = range;
    if lowest <= low && low <= high && high <= highest {
        return Ok(());
    }
    let found = format!("[{low}, {high}]");
    refused(name, found, format!("[low, high] with {lowest} <= low <= high <= {highest}"))
}

/// Checks that a value lies within the limits.
pub(super) fn check_value(
    name: &'static str,
    value: f64,
    [lowest, highest]: Range,
) -> Result<(), SimulationError> {
    if lowest <= value && value <= highest {
        Ok(())
    } else {
        refused(name, value, format!("{lowest} to {highest}"))
    }
}

/// What a probability may be.
pub(super) const PROBABILITY: Range = [0.0, 1.0];
