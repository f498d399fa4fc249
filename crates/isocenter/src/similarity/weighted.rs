//! Several measures as one.

use super::{GaussNewtonModel, Similarity, SimilarityError};
use crate::project::JetImage;
use crate::radiograph::Image;

/// A weighted mean of measures of the same fixed image: the weights are divided by their sum, so
/// that the value is at most 1. Measures of weight zero are dropped.
///
/// # Examples
/// ```
/// use isocenter::radiograph::Image;
/// use isocenter::similarity::{GradientNcc, Ncc, Similarity, WeightedSum};
/// let fixed = Image::new([8, 8], (0..64).map(|i| ((i * i) % 31) as f32).collect()).unwrap();
/// let measure = WeightedSum::new(vec![
///     (1.0, Box::new(Ncc::new(&fixed, None).unwrap())),
///     (3.0, Box::new(GradientNcc::new(&fixed, None).unwrap())),
/// ])
/// .unwrap();
/// assert!((measure.value(&fixed).unwrap() - 1.0).abs() < 1e-12);
/// ```
pub struct WeightedSum {
    parts: Vec<(f64, Box<dyn Similarity>)>,
}

impl WeightedSum {
    /// From measures and their weights.
    ///
    /// # Errors
    /// If a weight is negative or not finite, or if none is above zero.
    pub fn new(parts: Vec<(f64, Box<dyn Similarity>)>) -> Result<Self, SimilarityError> {
        let found = parts.len();
        for (index, &(weight, _)) in parts.iter().enumerate() {
            if !(weight.is_finite() && weight >= 0.0) {
                return Err(SimilarityError::Weight { index, found: weight });
            }
        }
        // Over the largest first: the sum of weights near f64::MAX is not finite.
        let largest = parts.iter().map(|(weight, _)| *weight).fold(0.0, f64::max);
        if largest == 0.0 {
            return Err(SimilarityError::NoWeight { found });
        }
        let total: f64 = parts.iter().map(|(weight, _)| weight / largest).sum();
        let parts = parts
            .into_iter()
            .filter(|(weight, _)| *weight > 0.0)
            .map(|(weight, measure)| (weight / largest / total, measure))
            .collect();
        Ok(Self { parts })
    }
}

impl Similarity for WeightedSum {
    fn value(&self, moving: &Image) -> Result<f64, SimilarityError> {
        self.parts.iter().map(|(weight, measure)| Ok(weight * measure.value(moving)?)).sum()
    }

    fn gradient(&self, moving: &Image) -> Result<(f64, Image), SimilarityError> {
        let mut value = 0.0;
        let mut gradient = vec![0.0; moving.pixels().len()];
        for (weight, measure) in &self.parts {
            let (part, slopes) = measure.gradient(moving)?;
            value += weight * part;
            for (sum, &slope) in gradient.iter_mut().zip(slopes.pixels()) {
                *sum += weight * f64::from(slope);
            }
        }
        let mut image = Image::zeros(moving.size_px());
        for (pixel, slope) in image.pixels_mut().iter_mut().zip(gradient) {
            *pixel = slope as f32;
        }
        Ok((value, image))
    }

    fn gauss_newton(&self, jet: &JetImage) -> Result<GaussNewtonModel, SimilarityError> {
        let mut model = GaussNewtonModel::zero();
        for (weight, measure) in &self.parts {
            model.add_scaled(*weight, &measure.gauss_newton(jet)?);
        }
        Ok(model)
    }
}

#[cfg(test)]
mod tests {
    //! Proves: weights are normalized, and weights that mean nothing are refused.
    use super::*;
    use crate::similarity::Ncc;

    fn ncc() -> Box<dyn Similarity> {
        let fixed = Image::new([4, 4], (0..16).map(|i| i as f32).collect()).unwrap();
        Box::new(Ncc::new(&fixed, None).unwrap())
    }

    #[test]
    fn weights_add_up_to_one() {
        let parts = vec![(f64::MAX, ncc()), (0.0, ncc()), (f64::MAX / 3.0, ncc())];
        let weights: Vec<f64> =
            WeightedSum::new(parts).unwrap().parts.iter().map(|(w, _)| *w).collect();
        assert_eq!(weights.len(), 2);
        assert!((weights[0] - 0.75).abs() < 1e-15 && (weights[1] - 0.25).abs() < 1e-15);
    }

    #[test]
    fn weights_that_mean_nothing_are_refused() {
        let error =
            |weights: &[f64]| WeightedSum::new(weights.iter().map(|&w| (w, ncc())).collect()).err();
        assert_eq!(error(&[1.0, -1.0]), Some(SimilarityError::Weight { index: 1, found: -1.0 }));
        assert!(matches!(error(&[f64::NAN]), Some(SimilarityError::Weight { index: 0, .. })));
        assert_eq!(error(&[0.0, 0.0]), Some(SimilarityError::NoWeight { found: 2 }));
        assert_eq!(error(&[]), Some(SimilarityError::NoWeight { found: 0 }));
    }
}
