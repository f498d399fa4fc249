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

    /// Names in equal steps: the first at 0, the next at 1.
    pub(crate) fn of_names(name: &str, names: impl IntoIterator<Item = String>) -> Self {
        let ticks: Vec<Tick> = names
            .into_iter()
            .enumerate()
            .map(|(at, label)| Tick { value: at as f64, label })
            .collect();
        let scale = Scale::Linear { low: -0.6, high: ticks.len().max(1) as f64 - 0.4 };
        Self { name: name.to_owned(), scale, ticks, grid: false }
    }

    /// The other way round: names from the top.
    pub(crate) fn reversed(mut self) -> Self {
        if let Scale::Linear { low, high } = self.scale {
            self.scale = Scale::Linear { low: high, high: low };
        }
        self
    }

    /// Without lines across the chart.
    pub(crate) fn without_grid(mut self) -> Self {
        self.grid = false;
        self
    }
}
