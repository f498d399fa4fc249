//! Gaussian blur that keeps the mean: the image continues beyond its edges as in a mirror.
//!
//! Narrow Gaussians are sampled. For broad ones three running means stand in, whose variances add
//! up to the Gaussian's; the time does not grow with their width.
//!
//! # References
//! W. M. Wells, *Efficient synthesis of Gaussian filters by cascaded uniform filters*, IEEE TPAMI
//! 8(2), 234 (1986), doi:10.1109/TPAMI.1986.4767776.

use rayon::prelude::*;

use super::plane::Plane;

/// From here on running means stand in (px).
const BROAD_PX: f64 = 16.0;

/// The broadest Gaussian that is told from a mean, in lengths of a row.
const BROADEST: f64 = 4.0;

/// How many of them.
const PASSES: usize = 3;

/// The Gaussian of the given standard deviations along columns and rows (px); zero changes nothing.
pub(super) fn gaussian(plane: &Plane, [along_columns, along_rows]: [f64; 2]) -> Plane {
    let blurred = blur_rows(plane, along_columns);
    transposed(&blur_rows(&transposed(&blurred), along_rows))
}

/// A sampled Gaussian of the given half width.
pub(super) fn weights(sigma_px: f64, radius: usize) -> Vec<f64> {
    let weight = |n: usize| (-0.5 * ((n as f64 - radius as f64) / sigma_px).powi(2)).exp();
    let weights: Vec<f64> = (0..=2 * radius).map(weight).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|w| w / sum).collect()
}

/// Convolves both ways with weights of odd number.
pub(super) fn convolved(plane: &Plane, weights: &[f64]) -> Plane {
    let rows = |plane: &Plane| each_row(plane, |row| convolve(row, weights));
    transposed(&rows(&transposed(&rows(plane))))
}

fn blur_rows(plane: &Plane, sigma_px: f64) -> Plane {
    if sigma_px.is_nan() || sigma_px <= 0.0 {
        return plane.clone();
    }
    if sigma_px < BROAD_PX {
        let weights = weights(sigma_px, (4.0 * sigma_px).ceil() as usize);
        return each_row(plane, |row| convolve(row, &weights));
    }
    // Beyond, nothing but the mean is left of a row.
    let sigma_px = sigma_px.min(BROADEST * plane.columns.max(4) as f64);
    // A mean over w values has the variance (w^2 - 1) / 12.
    let width = (12.0 * sigma_px * sigma_px / PASSES as f64 + 1.0).sqrt();
    let radius = ((width - 1.0) / 2.0).round() as usize;
    each_row(plane, |row| (0..PASSES).fold(row.to_vec(), |row, _| running_mean(&row, radius)))
}

fn each_row(plane: &Plane, f: impl Fn(&[f64]) -> Vec<f64> + Sync) -> Plane {
    let columns = plane.columns;
    let mut values = vec![0.0; plane.values.len()];
    let rows = plane.values.par_chunks(columns);
    values.par_chunks_mut(columns).zip(rows).for_each(|(out, row)| out.copy_from_slice(&f(row)));
    Plane { columns, values }
}

/// The place of a coordinate in a row that is mirrored at the outer edges of its end pixels.
fn mirrored(at: i64, length: usize) -> usize {
    let length = length as i64;
    let at = at.rem_euclid(2 * length);
    at.min(2 * length - 1 - at) as usize
}

fn convolve(row: &[f64], weights: &[f64]) -> Vec<f64> {
    let radius = (weights.len() / 2) as i64;
    // Mirrored places are within the row.
    let at = |n: i64| row[mirrored(n, row.len())];
    let padded: Vec<f64> = (-radius..row.len() as i64 + radius).map(at).collect();
    let dot = |window: &[f64]| window.iter().zip(weights).map(|(v, w)| v * w).sum();
    padded.windows(weights.len()).map(dot).collect()
}

fn running_mean(row: &[f64], radius: usize) -> Vec<f64> {
    let reach = radius as i64;
    let at = |n: i64| row[mirrored(n, row.len())];
    let mut sum: f64 = (-reach..=reach).map(at).sum();
    let scale = 1.0 / (2 * radius + 1) as f64;
    (0..row.len() as i64)
        .map(|n| {
            let mean = sum * scale;
            sum += at(n + reach + 1) - at(n - reach);
            mean
        })
        .collect()
}

fn transposed(plane: &Plane) -> Plane {
    let rows = plane.values.len() / plane.columns;
    let column = |c: usize| plane.values.iter().skip(c).step_by(plane.columns);
    Plane { columns: rows, values: (0..plane.columns).flat_map(column).copied().collect() }
}

#[cfg(test)]
mod tests {
    //! Proves: the blur keeps the mean, spreads a point by the variance asked for, narrow and
    //! broad, and differs along columns and rows as asked.
    use super::*;

    /// The standard deviations along columns and rows of a blurred point.
    fn spread(plane: &Plane) -> [f64; 2] {
        let total: f64 = plane.values.iter().sum();
        let moment = |place: &dyn Fn(usize) -> f64, power: i32, about: f64| {
            let weighted =
                plane.values.iter().enumerate().map(|(n, v)| v * (place(n) - about).powi(power));
            weighted.sum::<f64>() / total
        };
        let column = |n: usize| (n % plane.columns) as f64;
        let row = |n: usize| (n / plane.columns) as f64;
        [&column as &dyn Fn(usize) -> f64, &row]
            .map(|place| moment(place, 2, moment(place, 1, 0.0)).sqrt())
    }

    #[test]
    fn a_point_spreads_by_the_variance() {
        let mut point = Plane { columns: 301, values: vec![0.0; 301 * 301] };
        point.values[150 * 301 + 150] = 1.0;
        for (columns, rows) in [(1.0, 3.0), (15.0, 2.0), (16.0, 25.0), (30.0, 30.0)] {
            let [u, v] = spread(&gaussian(&point, [columns, rows]));
            // The kernel ends at four standard deviations; a running mean has an odd width, which
            // misses the width wanted, 32 at 16 pixels, by one at most.
            assert!((u / columns - 1.0).abs() < 1.0 / 32.0, "{u} {columns}");
            assert!((v / rows - 1.0).abs() < 1.0 / 32.0, "{v} {rows}");
        }
        assert_eq!(gaussian(&point, [0.0, 0.0]), point);
    }

    #[test]
    fn the_mean_stays() {
        // Broader than the image, at its edge, and a row of one pixel.
        let values: Vec<f64> = (0..35).map(|n| f64::from(n * n % 11)).collect();
        for columns in [7, 1, 35] {
            let plane = Plane { columns, values: values.clone() };
            for sigma in [0.7, 5.0, 40.0, 1e9] {
                let blurred = gaussian(&plane, [sigma, sigma]);
                assert!((blurred.mean() - plane.mean()).abs() < 1e-12, "{columns} {sigma}");
            }
        }
    }
}
