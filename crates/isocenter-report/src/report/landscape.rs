//! The similarity around the result.

use super::error::ReportError;
use super::registration::LandscapeAxis;
use crate::chart::{Axis, Figure, Scale, Svg};

/// The size of a chart (px).
const SIZE_PX: [f64; 2] = [330.0, 210.0];

/// A chart for each axis, all with one range of similarity.
pub(crate) fn landscape_charts(axes: &[LandscapeAxis]) -> Result<Vec<Svg>, ReportError> {
    for axis in axes {
        check_length(axis, axis.fine.len())?;
        if !axis.coarse.is_empty() {
            check_length(axis, axis.coarse.len())?;
        }
    }
    let scale =
        Scale::linear(axes.iter().flat_map(|axis| axis.fine.iter().chain(&axis.coarse)).copied());
    Ok(axes.iter().map(|axis| chart(axis, scale)).collect())
}

fn check_length(axis: &LandscapeAxis, found: usize) -> Result<(), ReportError> {
    let expected = axis.offsets.len();
    let name = || format!("the similarity along {}", axis.name);
    if found == expected {
        Ok(())
    } else {
        Err(ReportError::Length { name: name(), found, expected })
    }
}

fn chart(axis: &LandscapeAxis, similarity: Scale) -> Svg {
    let name = format!("{} ({})", axis.name, axis.unit);
    let x = Axis::new(&name, Scale::linear(axis.offsets.iter().copied()), 5);
    let y = Axis::new("", similarity, 4);
    let mut figure = Figure::new(&format!("Similarity along {name}"), SIZE_PX, x, y);
    figure.rule_x(0.0, "mark");
    let line = |values: &[f64]| -> Vec<[f64; 2]> {
        axis.offsets.iter().zip(values).map(|(&x, &y)| [x, y]).collect()
    };
    figure.line(&line(&axis.coarse), "s1");
    figure.line(&line(&axis.fine), "s0");
    figure.finish()
}
