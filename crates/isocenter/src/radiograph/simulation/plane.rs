//! Intensities while they are worked on: a grid of f64, as fractions of the unattenuated beam.

use crate::radiograph::Image;

/// A grid of f64, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plane {
    pub(super) columns: usize,
    pub(super) values: Vec<f64>,
}

impl Plane {
    pub(super) fn of(image: &Image) -> Self {
        let values = image.pixels().iter().map(|&p| f64::from(p)).collect();
        Self { columns: image.size_px()[0], values }
    }

    pub(super) fn mean(&self) -> f64 {
        self.values.iter().sum::<f64>() / self.values.len().max(1) as f64
    }

    /// Into an image of the same size.
    pub(super) fn write_to(&self, image: &mut Image) {
        for (pixel, &value) in image.pixels_mut().iter_mut().zip(&self.values) {
            *pixel = value as f32;
        }
    }
}
