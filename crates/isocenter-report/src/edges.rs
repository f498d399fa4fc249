//! Thin edges: smoothing, gradient, maxima across the edge, hysteresis.
//!
//! The image is smoothed by a Gaussian whose sigma is a fraction of the image's longest side, so
//! that an image and its enlargement have the same edges. A pixel is an edge candidate where the
//! gradient's magnitude is largest along its row or column, whichever is closer to the gradient's
//! direction: one pixel across each edge. A parabola through the magnitude there and at both
//! neighbours places the edge between pixels. Candidates above a high threshold are edges, and so
//! are those above a low one that touch an edge.
//!
//! Both thresholds are multiples of the noise of the gradient, estimated from a quantile of how
//! much it changes over four sigma, which neither slopes nor a few edges alter; and never below the
//! magnitude of a step of a few percent of the image's window.
//!
//! # References
//! J. Canny, A Computational Approach to Edge Detection, IEEE TPAMI 8(6), 1986,
//! doi:10.1109/TPAMI.1986.4767851.

use isocenter::radiograph::Image;

use crate::display::windowed;
use crate::legible::transposed;

/// Sigma of the smoothing as a fraction of the longest side.
const SIGMA_PER_SIDE: f32 = 0.004;
/// The smallest sigma (px) at which the gradient of a step is still sampled well.
const SMALLEST_SIGMA_PX: f32 = 1.0;
/// The thresholds as multiples of the noise's standard deviation: low, high.
const THRESHOLDS_PER_NOISE: [f32; 2] = [2.5, 4.0];
/// The smallest steps that pass the thresholds, as fractions of the window: low, high.
const SMALLEST_STEPS: [f32; 2] = [0.02, 0.05];
/// The quantile of the gradient's changes from which the noise is estimated...
const NOISE_QUANTILE: f64 = 0.7;
/// ... and its value for smoothed white noise of standard deviation 1: 1.036, the quantile of
/// |N(0, 1)|, times the root of 1 + (1 + r(4)) / 2 - 2 r(2), where r(t) = (1 - t^2/2) exp(-t^2/4) is
/// the correlation of the derivative over t sigma.
const CHANGE_PER_NOISE: f32 = 1.527;
/// Edges shorter than this fraction of the longest side are specks and left out.
const SHORTEST_PER_SIDE: f32 = 0.03;

/// The edges of an image, one pixel thin.
#[derive(Debug, Clone, PartialEq)]
pub struct Edges {
    size_px: [usize; 2],
    points: Vec<Option<[f32; 2]>>,
}

impl Edges {
    /// [columns, rows] of the image.
    #[must_use]
    pub fn size_px(&self) -> [usize; 2] {
        self.size_px
    }

    /// Where an edge runs through a pixel: (u, v) = (column, row), at most half a pixel from the
    /// pixel's centre; `None` if none does.
    #[must_use]
    pub fn get(&self, column: usize, row: usize) -> Option<[f32; 2]> {
        if column >= self.size_px[0] || row >= self.size_px[1] {
            return None;
        }
        self.points.get(row * self.size_px[0] + column).copied().flatten()
    }

    /// The points of all edges, row by row.
    pub fn points(&self) -> impl Iterator<Item = [f32; 2]> {
        self.points.iter().copied().flatten()
    }

    /// The pieces from which the edges can be drawn: each point with itself, and with the points of
    /// the neighbouring pixels, each pair once.
    pub(crate) fn segments(&self) -> impl Iterator<Item = [[f32; 2]; 2]> {
        let with_its_neighbors = move |(at, &from): (usize, &Option<[f32; 2]>)| {
            let (column, row) = (at % self.size_px[0], at / self.size_px[0]);
            let ahead = [
                (Some(column), row),
                (Some(column + 1), row),
                (column.checked_sub(1), row + 1),
                (Some(column), row + 1),
                (Some(column + 1), row + 1),
            ];
            ahead
                .into_iter()
                .filter_map(move |(column, row)| Some([from?, self.get(column?, row)?]))
        };
        self.points.iter().enumerate().flat_map(with_its_neighbors)
    }
}

/// The edges of a DRR (or of any image), for drawing over another.
///
/// An image of one value has none. Pixels at the border of the image are never edges.
///
/// # Examples
/// ```
/// use isocenter::radiograph::Image;
/// // Dark on the left, bright from column 20 on: one edge, between columns 19 and 20.
/// let pixels = (0..40 * 40).map(|i| if i % 40 < 20 { 0.0 } else { 1.0 }).collect();
/// let edges = isocenter_report::edges(&Image::new([40, 40], pixels).unwrap());
/// assert_eq!(edges.points().count(), 38);
/// assert!(edges.points().all(|[u, _]| (u - 19.5).abs() < 0.01));
/// ```
#[must_use]
pub fn edges(image: &Image) -> Edges {
    let size_px = image.size_px();
    let side = size_px[0].max(size_px[1]) as f32;
    let sigma = (SIGMA_PER_SIDE * side).max(SMALLEST_SIGMA_PX);
    let gradient = Gradient::new(&smoothed(&windowed(image), sigma));
    let candidates = candidates(&gradient);
    let [low, high] = thresholds(&gradient, sigma);
    let shortest = (SHORTEST_PER_SIDE * side) as usize;
    let mask = hysteresis(&gradient.magnitude, &candidates, low, high, shortest);
    let points = candidates.into_iter().zip(mask).map(|(point, kept)| point.filter(|_| kept));
    Edges { size_px, points: points.collect() }
}

/// The image convolved with a Gaussian; what lies beyond the border equals the border.
fn smoothed(image: &Image, sigma_px: f32) -> Image {
    let kernel = gaussian(sigma_px);
    transposed(&convolved(&transposed(&convolved(image, &kernel)), &kernel))
}

/// A Gaussian out to three sigma, with sum 1; the middle is the center.
fn gaussian(sigma_px: f32) -> Vec<f32> {
    let radius = (3.0 * sigma_px).ceil() as isize;
    let weights = (-radius..=radius).map(|i| (-0.5 * (i as f32 / sigma_px).powi(2)).exp());
    let sum: f32 = weights.clone().sum();
    weights.map(|weight| weight / sum).collect()
}

/// Each row convolved with a symmetric kernel.
fn convolved(image: &Image, kernel: &[f32]) -> Image {
    let radius = kernel.len() / 2;
    let mut result = Image::zeros(image.size_px());
    let mut padded = Vec::new();
    for (target, row) in result.pixels_mut().chunks_exact_mut(image.size_px()[0]).zip(image.rows())
    {
        // A row has at least one pixel.
        let (first, last) = (row[0], row[row.len() - 1]);
        padded.clear();
        padded.resize(radius, first);
        padded.extend_from_slice(row);
        padded.resize(row.len() + 2 * radius, last);
        for (pixel, window) in target.iter_mut().zip(padded.windows(kernel.len())) {
            *pixel = window.iter().zip(kernel).map(|(value, weight)| value * weight).sum();
        }
    }
    result
}

/// The derivative of an image along columns and rows [per px] and its magnitude.
struct Gradient {
    x: Image,
    y: Image,
    magnitude: Image,
}

impl Gradient {
    /// By central differences.
    fn new(image: &Image) -> Self {
        let x = differences(image);
        let y = transposed(&differences(&transposed(image)));
        let mut magnitude = x.clone();
        for (value, &y) in magnitude.pixels_mut().iter_mut().zip(y.pixels()) {
            *value = value.hypot(y);
        }
        Self { x, y, magnitude }
    }
}

/// Half the difference of each pixel's neighbours in the row; 0 at the row's ends.
fn differences(image: &Image) -> Image {
    let mut result = Image::zeros(image.size_px());
    for (target, row) in result.pixels_mut().chunks_exact_mut(image.size_px()[0]).zip(image.rows())
    {
        for (value, around) in target.iter_mut().skip(1).zip(row.windows(3)) {
            *value = 0.5 * (around[2] - around[0]);
        }
    }
    result
}

/// The pixels where the magnitude is largest across the edge, and the point of the edge in each.
fn candidates(gradient: &Gradient) -> Vec<Option<[f32; 2]>> {
    let [columns, rows] = gradient.magnitude.size_px();
    let magnitude = gradient.magnitude.pixels();
    let mut points = vec![None; magnitude.len()];
    for row in 1..rows.saturating_sub(1) {
        for column in 1..columns.saturating_sub(1) {
            // In range: neither the first nor the last row or column.
            let here = row * columns + column;
            let along_row = gradient.x.pixels()[here].abs() >= gradient.y.pixels()[here].abs();
            let step = if along_row { 1 } else { columns };
            let [before, peak, after] = [here - step, here, here + step].map(|i| magnitude[i]);
            // Of two equal neighbours the second is the maximum.
            if peak >= before && peak > after {
                let offset = 0.5 * (before - after) / (before - 2.0 * peak + after);
                let (u, v) = (column as f32, row as f32);
                points[here] = Some(if along_row { [u + offset, v] } else { [u, v + offset] });
            }
        }
    }
    points
}

/// The low and the high threshold on the magnitude.
fn thresholds(gradient: &Gradient, sigma_px: f32) -> [f32; 2] {
    let noise = noise(gradient, sigma_px);
    // The gradient of a smoothed step of height h peaks at h / (sqrt(2 pi) sigma).
    let per_step = 1.0 / ((2.0 * std::f32::consts::PI).sqrt() * sigma_px);
    [0, 1].map(|i| (THRESHOLDS_PER_NOISE[i] * noise).max(SMALLEST_STEPS[i] * per_step))
}

/// The standard deviation of the noise in either component of the gradient.
fn noise(gradient: &Gradient, sigma_px: f32) -> f32 {
    let lag = (2.0 * sigma_px).round() as usize;
    let mut sizes = changes(&gradient.x, lag);
    sizes.extend(changes(&transposed(&gradient.y), lag));
    let rank = (NOISE_QUANTILE * sizes.len() as f64) as usize;
    if rank >= sizes.len() {
        // The image is too small to tell.
        return 0.0;
    }
    *sizes.select_nth_unstable_by(rank, f32::total_cmp).1 / CHANGE_PER_NOISE
}

/// By how much each pixel differs from the mean of those `lag` before and after it in its row.
fn changes(image: &Image, lag: usize) -> Vec<f32> {
    let mut changes = Vec::with_capacity(image.pixels().len());
    for row in image.rows() {
        changes.extend(
            row.windows(2 * lag + 1)
                .map(|around| (around[lag] - 0.5 * (around[0] + around[2 * lag])).abs()),
        );
    }
    changes
}

/// The candidates above `low` that hang together with one above `high`, in groups of at least
/// `shortest` pixels.
fn hysteresis(
    magnitude: &Image,
    candidates: &[Option<[f32; 2]>],
    low: f32,
    high: f32,
    shortest: usize,
) -> Vec<bool> {
    let [columns, rows] = magnitude.size_px();
    let mut open: Vec<bool> = candidates
        .iter()
        .zip(magnitude.pixels())
        .map(|(point, &value)| point.is_some() && value >= low)
        .collect();
    let mut mask = vec![false; open.len()];
    let mut group = Vec::new();
    for start in 0..open.len() {
        // In range: every index comes from within the image.
        if !std::mem::take(&mut open[start]) {
            continue;
        }
        group.clear();
        group.push(start);
        let mut next = 0;
        while let Some(&here) = group.get(next) {
            next += 1;
            let (column, row) = (here % columns, here / columns);
            for v in row.saturating_sub(1)..(row + 2).min(rows) {
                for u in column.saturating_sub(1)..(column + 2).min(columns) {
                    if std::mem::take(&mut open[v * columns + u]) {
                        group.push(v * columns + u);
                    }
                }
            }
        }
        if group.len() >= shortest && group.iter().any(|&i| magnitude.pixels()[i] >= high) {
            for &i in &group {
                mask[i] = true;
            }
        }
    }
    mask
}

#[cfg(test)]
mod tests {
    //! Proves: the edges of a disc are its circle, whole and one pixel thin, with and without noise
    //! and at twice the resolution; a constant image has none; no image breaks it.
    use super::*;

    const CENTER: [f32; 2] = [100.3, 90.6];
    const RADIUS: f32 = 60.0;

    /// A disc of value 1 on 0 with a rim one pixel wide, as area sampling gives, plus noise.
    fn disc(noise: impl Fn(usize) -> f32) -> Image {
        let pixels = (0..200 * 180).map(|i| {
            let (u, v) = ((i % 200) as f32, (i / 200) as f32);
            (RADIUS + 0.5 - (u - CENTER[0]).hypot(v - CENTER[1])).clamp(0.0, 1.0) + noise(i)
        });
        Image::new([200, 180], pixels.collect()).unwrap()
    }

    fn distance_to_circle([u, v]: [f32; 2]) -> f32 {
        ((u - CENTER[0]).hypot(v - CENTER[1]) - RADIUS).abs()
    }

    /// How many of 360 points on the circle have an edge within `reach_px`.
    fn degrees_found(edges: &Edges, reach_px: f32) -> usize {
        let found = |degrees: &usize| {
            let (sin, cos) = (*degrees as f32).to_radians().sin_cos();
            let on_circle = [CENTER[0] + RADIUS * cos, CENTER[1] + RADIUS * sin];
            edges.points().any(|[u, v]| (u - on_circle[0]).hypot(v - on_circle[1]) < reach_px)
        };
        (0..360).filter(found).count()
    }

    #[test]
    fn a_disc_has_its_circle() {
        let edges = edges(&disc(|_| 0.0));
        // Smoothing with sigma 1 moves the edge of a disc of radius 60 by about sigma^2 / 2 / 60.
        let worst = edges.points().map(distance_to_circle).fold(0.0, f32::max);
        assert!(worst < 0.1, "{worst}");
        // Neighbouring points of a line one pixel thin are at most sqrt(2) px apart.
        assert_eq!(degrees_found(&edges, 0.75), 360);
    }

    #[test]
    fn a_circle_is_one_pixel_thin() {
        let edges = edges(&disc(|_| 0.0));
        // Where a circle is steeper than 45 degrees it has one pixel per row, else one per column:
        // 4 sqrt(2) radius in all. A line with stairs filled in would have 8 radius.
        let expected = 4.0 * 2.0_f32.sqrt() * RADIUS;
        let count = edges.points().count() as f32;
        assert!((count - expected).abs() < 6.0, "{count} {expected}");
        for row in 0..179 {
            for column in 0..199 {
                let block = [(0, 0), (1, 0), (0, 1), (1, 1)];
                let full = block.iter().all(|(u, v)| edges.get(column + u, row + v).is_some());
                assert!(!full, "four edge pixels together at {column} {row}");
            }
        }
    }

    /// Uniform noise of standard deviation 1 from a hash of the index.
    fn noise_at(i: usize) -> f32 {
        let hash = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let hash = (hash ^ (hash >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        12.0_f32.sqrt() * ((hash >> 40) as f32 / (1 << 24) as f32 - 0.5)
    }

    #[test]
    fn noise_hides_no_edge_and_makes_few() {
        // A fifth of the step.
        let edges = edges(&disc(|i| 0.2 * noise_at(i)));
        assert!(degrees_found(&edges, 2.0) > 350, "{}", degrees_found(&edges, 2.0));
        let astray = edges.points().filter(|&point| distance_to_circle(point) > 2.0).count();
        assert!(astray * 20 < edges.points().count(), "{astray} of {}", edges.points().count());
    }

    #[test]
    fn the_noise_of_the_gradient_is_known_despite_slopes() {
        let sigma = 2.0;
        let pixels = (0..300 * 300).map(|i| 0.1 * (i % 300) as f32 + noise_at(i));
        let image = Image::new([300, 300], pixels.collect()).unwrap();
        let found = noise(&Gradient::new(&smoothed(&image, sigma)), sigma);
        // Smoothed white noise has the correlation exp(-r^2 / 4 sigma^2) / (4 pi sigma^2), of which
        // central differences take half of what is lost over two pixels. 3 % for the sample.
        let variance =
            -(-1.0 / (sigma * sigma)).exp_m1() / (8.0 * std::f32::consts::PI * sigma * sigma);
        let expected = variance.sqrt();
        assert!((found / expected - 1.0).abs() < 0.03, "{found} {expected}");
    }

    #[test]
    fn resolution_does_not_matter() {
        // A disc so large that sigma is above its floor at both sizes.
        let at = |side: usize| {
            let pixels = (0..side * side).map(|i| {
                let (u, v) = ((i % side) as f32, (i / side) as f32);
                let center = (side as f32 - 1.0) / 2.0;
                let inside = 0.3 * side as f32 - (u - center).hypot(v - center);
                (inside + 0.5).clamp(0.0, 1.0)
            });
            edges(&Image::new([side, side], pixels.collect()).unwrap())
        };
        let (coarse, fine) = (at(300), at(600));
        // Perimeters in pixels; 2 % for the pixels at the four diagonals.
        let ratio = fine.points().count() as f32 / coarse.points().count() as f32;
        assert!((ratio - 2.0).abs() < 0.04, "{ratio}");
    }

    #[test]
    fn a_constant_image_has_none() {
        for value in [0.0, 3.7, f32::NAN, f32::INFINITY, f32::MAX] {
            let image = Image::zeros([40, 30]).map(|_| value);
            assert_eq!(edges(&image).points().count(), 0);
        }
    }

    #[test]
    fn no_image_breaks_it() {
        for size in [[1, 1], [2, 2], [1, 50], [50, 1], [3, 3]] {
            for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, 1e-45] {
                let mut image = Image::zeros(size);
                image.pixels_mut()[0] = odd;
                let edges = edges(&image);
                assert_eq!(edges.size_px(), size);
                assert_eq!(edges.get(size[0], 0), None);
                assert_eq!(edges.get(0, usize::MAX), None);
                assert!(edges.points().flatten().all(f32::is_finite));
            }
        }
    }
}
