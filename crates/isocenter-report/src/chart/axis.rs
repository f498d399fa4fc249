//! An axis: a scale, its ticks, its name with the unit.

use super::scale::{Scale, Tick};

/// One side of a chart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Axis {
    /// What is measured, with its unit.
    pub(crate) name: String,
    /// Where values are.
    pub(crate) scale: Scale,
    /// What is written beside it.
    pub(crate) ticks: Vec<Tick>,
    /// Whether lines run across the chart at the ticks.
    pub(crate) grid: bool,
}

impl Axis {
    /// With about so many ticks.
    pub(crate) fn new(name: &str, scale: Scale, about: usize) -> Self {
        Self { name: name.to_owned(), scale, ticks: scale.ticks(about), grid: true }
    }

    /// Without lines across the chart.
    pub(crate) fn without_grid(mut self) -> Self {
        self.grid = false;
        self
    }
}
