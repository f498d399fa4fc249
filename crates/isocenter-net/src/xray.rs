//! The X-ray as the network sees it: line integrals on as many pixels as its images have, between 0
//! and 1.
//!
//! The grey values are scaled by their percentiles, 0.5 and 99.5, over the pixels that count, and cut
//! off there; the others get the mean. The moving image is never scaled by itself: that would depend
//! on the pose.

use burn::tensor::{Device, Tensor, TensorData};
use isocenter::geometry::{Camera, CameraError};
use isocenter::radiograph::{Image, Mask};

/// The percentiles that become 0 and 1.
const PERCENT: [f64; 2] = [0.5, 99.5];

/// An X-ray on the network's pixels, with the camera that has these.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkXray {
    /// The camera.
    pub camera: Camera,
    /// Between 0 and 1, row by row.
    pub pixels: Vec<f32>,
}

impl NetworkXray {
    /// From line integrals (dimensionless), of which those outside the mask do not count.
    ///
    /// An X-ray of another size is resampled: the whole of it is in the middle of the network's
    /// image, each pixel is the mean of what lies under it, and a border that shows nothing does not
    /// count.
    ///
    /// # Errors
    /// If the resampled camera cannot exist.
    ///
    /// # Examples
    /// ```
    /// use isocenter::geometry::Camera;
    /// use isocenter::radiograph::Image;
    /// use isocenter_net::xray::NetworkXray;
    /// let camera = Camera::new(1000.0, [1.0, 1.0], [128, 64]).unwrap();
    /// let image = Image::new([128, 64], (0..8192).map(|n| (n % 128) as f32).collect()).unwrap();
    /// let seen = NetworkXray::new(&camera, &image, None, [64, 64]).unwrap();
    /// assert_eq!(seen.camera.pixel_spacing_mm(), [2.0, 2.0]);
    /// // The middle of the image stays in the middle.
    /// assert_eq!(seen.camera.principal_point_px(), [31.5, 31.5]);
    /// assert!(seen.pixels[32 * 64] < 0.02 && seen.pixels[32 * 64 + 63] > 0.98);
    /// ```
    pub fn new(
        camera: &Camera,
        line_integral: &Image,
        mask: Option<&Mask>,
        size_px: [usize; 2],
    ) -> Result<Self, CameraError> {
        let all = Mask::all(line_integral.size_px());
        let mask = mask.unwrap_or(&all);
        if camera.size_px() == size_px {
            let used = mask.used().iter().map(|&used| if used { 1.0 } else { 0.0 }).collect();
            let pixels = normalized(line_integral.pixels().to_vec(), used);
            return Ok(Self { camera: camera.clone(), pixels });
        }
        let grid = Grid::over(camera, size_px);
        let (values, weights) = grid.resample(line_integral, mask);
        Ok(Self { camera: grid.camera(camera)?, pixels: normalized(values, weights) })
    }

    /// The camera that has the network's pixels: that of an X-ray of this camera.
    ///
    /// # Errors
    /// If the resampled camera cannot exist.
    pub fn camera_for(camera: &Camera, size_px: [usize; 2]) -> Result<Camera, CameraError> {
        match camera.size_px() == size_px {
            true => Ok(camera.clone()),
            false => Grid::over(camera, size_px).camera(camera),
        }
    }

    /// One sample.
    ///
    /// # Shapes
    /// [1, 1, rows, columns]
    #[must_use]
    pub fn tensor(&self, device: &Device) -> Tensor<4> {
        let [columns, rows] = self.camera.size_px();
        let data = TensorData::new(self.pixels.clone(), [1, 1, rows, columns]);
        Tensor::from_data(data, device)
    }
}

/// The part of a pixel that has to count for it to count.
const LEAST_WEIGHT: f32 = 0.5;

/// Between the percentiles, what does not count at the mean.
fn normalized(mut values: Vec<f32>, weights: Vec<f32>) -> Vec<f32> {
    let counts = |weight: &f32| *weight >= LEAST_WEIGHT;
    let kept = values.iter().zip(&weights).filter(|(_, w)| counts(w)).map(|(v, _)| *v);
    let kept: Vec<f32> = kept.collect();
    let Ok(kept) = Image::new([kept.len(), 1], kept) else { return vec![0.5; values.len()] };
    let [low, high] = PERCENT.map(|percent| kept.quantile(percent / 100.0));
    // A blank image stays blank.
    let width = if high > low { high - low } else { 1.0 };
    let unit = |value: f32| ((value - low) / width).clamp(0.0, 1.0);
    let mean = kept.pixels().iter().map(|&v| f64::from(unit(v))).sum::<f64>();
    let mean = (mean / kept.pixels().len() as f64) as f32;
    for (value, weight) in values.iter_mut().zip(&weights) {
        *value = if counts(weight) { unit(*value) } else { mean };
    }
    values
}

/// Larger or smaller pixels over the same detector.
struct Grid {
    /// Of the X-ray.
    from_px: [usize; 2],
    size_px: [usize; 2],
    /// The X-ray's pixels in one of the grid, along columns and rows.
    scale: [f64; 2],
    spacing_mm: f64,
}

impl Grid {
    fn over(camera: &Camera, size_px: [usize; 2]) -> Self {
        let (from_px, spacing) = (camera.size_px(), camera.pixel_spacing_mm());
        let needed = |a: usize| from_px[a] as f64 * spacing[a] / size_px[a] as f64;
        let spacing_mm = needed(0).max(needed(1));
        Self { from_px, size_px, scale: spacing.map(|own| spacing_mm / own), spacing_mm }
    }

    /// Where a pixel of the grid is in the X-ray: its centers coincide in the middle.
    fn in_xray_px(&self, axis: usize, at: f64) -> f64 {
        let middle = |size: usize| (size as f64 - 1.0) / 2.0;
        (at - middle(self.size_px[axis])) * self.scale[axis] + middle(self.from_px[axis])
    }

    fn camera(&self, camera: &Camera) -> Result<Camera, CameraError> {
        let middle = |size: usize| (size as f64 - 1.0) / 2.0;
        let point = camera.principal_point_px();
        let point = std::array::from_fn(|a| {
            (point[a] - middle(self.from_px[a])) / self.scale[a] + middle(self.size_px[a])
        });
        let resampled =
            Camera::new(camera.source_to_detector_mm(), [self.spacing_mm; 2], self.size_px)?
                .with_principal_point_px(point)?;
        let resampled = match camera.source_to_isocenter_mm() {
            Some(distance) => resampled.with_source_to_isocenter_mm(distance)?,
            None => resampled,
        };
        Ok(match camera.camera_from_reference_camera() {
            Some(transform) => resampled.with_camera_from_reference_camera(*transform),
            None => resampled,
        })
    }

    /// The pixels of the X-ray under one of the grid, and how much of each.
    fn under(&self, axis: usize, at: usize) -> Vec<(usize, f32)> {
        let [low, high] =
            [-0.5, 0.5].map(|edge| self.in_xray_px(axis, at as f64 + edge).max(-0.5) + 0.5);
        let last = self.from_px[axis] as f64;
        let (low, high) = (low.min(last), high.min(last));
        let whole = self.scale[axis];
        (low.floor() as usize..(high.ceil() as usize).min(self.from_px[axis]))
            .map(|n| {
                let covered = high.min(n as f64 + 1.0) - low.max(n as f64);
                (n, (covered / whole).max(0.0) as f32)
            })
            .collect()
    }

    /// Means, and which part of each pixel counts.
    fn resample(&self, image: &Image, mask: &Mask) -> (Vec<f32>, Vec<f32>) {
        let [columns, rows] = self.size_px;
        let of_columns: Vec<_> = (0..columns).map(|column| self.under(0, column)).collect();
        let (mut values, mut weights) = (Vec::new(), Vec::new());
        for of_row in (0..rows).map(|row| self.under(1, row)) {
            for of_column in &of_columns {
                let (mut sum, mut weight) = (0.0, 0.0);
                for &(row, by_row) in &of_row {
                    for &(column, by_column) in of_column {
                        let used = mask.get(column, row).unwrap_or(false);
                        if let Some(value) = image.get(column, row).filter(|_| used) {
                            sum += by_row * by_column * value;
                            weight += by_row * by_column;
                        }
                    }
                }
                values.push(if weight > 0.0 { sum / weight } else { 0.0 });
                weights.push(weight);
            }
        }
        (values, weights)
    }
}

#[cfg(test)]
mod tests {
    //! Proves: resampling keeps the mean and the place in the world, what is masked or beyond the
    //! detector gets the mean, and a blank image is harmless.
    use nalgebra::Vector3;

    use super::*;

    #[test]
    fn a_point_stays_where_it_is() {
        let camera = Camera::new(1000.0, [0.7, 0.9], [301, 200]).unwrap();
        let camera = camera.with_principal_point_px([120.0, 130.0]).unwrap();
        // A bright spot where a point is seen.
        let point = Vector3::new(-20.0, 11.0, 700.0);
        let [u, v] = camera.project(point).unwrap();
        let pixels = (0..301 * 200).map(|n| {
            let (du, dv) = ((n % 301) as f64 - u, (n / 301) as f64 - v);
            (-(du * du * 0.49 + dv * dv * 0.81) / 200.0).exp() as f32
        });
        let image = Image::new([301, 200], pixels.collect()).unwrap();
        let seen = NetworkXray::new(&camera, &image, None, [96, 64]).unwrap();
        let [u, v] = seen.camera.project(point).unwrap();
        // The middle of what is brighter than half.
        let (mut sum, mut count) = ([0.0, 0.0], 0.0);
        for (n, _) in seen.pixels.iter().enumerate().filter(|(_, pixel)| **pixel > 0.5) {
            sum = [sum[0] + (n % 96) as f64, sum[1] + (n / 96) as f64];
            count += 1.0;
        }
        let [found_u, found_v] = sum.map(|sum| sum / count);
        // The edge of the bright disk is right to half a pixel, its middle to less.
        assert!((found_u - u).abs() < 0.3 && (found_v - v).abs() < 0.3, "{found_u} {found_v}");
    }

    #[test]
    fn what_does_not_count_is_the_mean() {
        let camera = Camera::new(1000.0, [1.0, 1.0], [64, 32]).unwrap();
        let pixels: Vec<f32> = (0..64 * 32).map(|n| (n % 64) as f32).collect();
        let image = Image::new([64, 32], pixels).unwrap();
        let used: Vec<bool> = (0..64 * 32).map(|n| n % 64 < 32).collect();
        let mask = Mask::new([64, 32], used).unwrap();
        for size in [[64, 32], [32, 32]] {
            let seen = NetworkXray::new(&camera, &image, Some(&mask), size).unwrap();
            let row = 16 * size[0];
            let right = seen.pixels[row + size[0] - 1];
            assert!((right - 0.5).abs() < 0.02, "{right}");
            let [first, last] = [seen.pixels[row], seen.pixels[row + size[0] / 2 - 1]];
            assert!(first < 0.05 && last > 0.95, "{first} {last}");
        }
        // Above and below the detector.
        let seen = NetworkXray::new(&camera, &image, None, [32, 32]).unwrap();
        assert!(seen.pixels[..8 * 32].iter().all(|&p| (p - 0.5).abs() < 0.02));

        let blank = NetworkXray::new(&camera, &Image::zeros([64, 32]), None, [64, 32]).unwrap();
        assert!(blank.pixels.iter().all(|p| (0.0..=1.0).contains(p)));
        let nothing = mask.and(&mask.inverted());
        let seen = NetworkXray::new(&camera, &image, Some(&nothing), [64, 32]).unwrap();
        assert!(seen.pixels.iter().all(|p| p.is_finite()));
    }
}
