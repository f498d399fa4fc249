//! A round pen: anti-aliased dots and strokes.

/// How much of each pixel a pen has covered, from 0 to 1; strokes that overlap do not add up.
pub(crate) struct Coverage {
    size_px: [usize; 2],
    values: Vec<f32>,
}

impl Coverage {
    /// Nothing drawn yet.
    pub(crate) fn new(size_px: [usize; 2]) -> Self {
        Self { size_px, values: vec![0.0; size_px[0] * size_px[1]] }
    }

    /// One value per pixel, row by row.
    pub(crate) fn values(&self) -> &[f32] {
        &self.values
    }

    /// Draws a stroke with round ends; a dot where both ends are one. Points are (u, v) = (column,
    /// row) with the centre of the first pixel at (0, 0); what lies outside is left out.
    pub(crate) fn stroke(&mut self, from: [f32; 2], to: [f32; 2], radius_px: f32) {
        let reach = radius_px + 0.5;
        let span = |axis: usize| {
            let low = (from[axis].min(to[axis]) - reach).ceil().max(0.0) as usize;
            let end = (from[axis].max(to[axis]) + reach).floor() + 1.0;
            // A cast takes what is negative as 0: then the span is empty.
            low..(end as usize).min(self.size_px[axis])
        };
        let (columns, rows) = (span(0), span(1));
        for row in rows {
            for column in columns.clone() {
                let distance = distance_to_segment([column as f32, row as f32], from, to);
                // In range: the spans end at the size.
                let value = &mut self.values[row * self.size_px[0] + column];
                *value = value.max((reach - distance).clamp(0.0, 1.0));
            }
        }
    }
}

/// The distance from a point to the nearest point of a segment.
fn distance_to_segment(point: [f32; 2], from: [f32; 2], to: [f32; 2]) -> f32 {
    let along = [to[0] - from[0], to[1] - from[1]];
    let offset = [point[0] - from[0], point[1] - from[1]];
    let length_squared = along[0] * along[0] + along[1] * along[1];
    let t = if length_squared > 0.0 {
        ((offset[0] * along[0] + offset[1] * along[1]) / length_squared).clamp(0.0, 1.0)
    } else {
        0.0
    };
    (offset[0] - t * along[0]).hypot(offset[1] - t * along[1])
}

#[cfg(test)]
mod tests {
    //! Proves: a stroke covers its area, and nothing outside the picture is touched.
    use super::*;

    #[test]
    fn a_stroke_covers_its_area() {
        let mut coverage = Coverage::new([64, 64]);
        coverage.stroke([20.3, 30.7], [40.3, 30.7], 4.0);
        let area: f32 = coverage.values().iter().sum();
        // A rectangle and two half discs; the pixels at the rim are exact to a few percent.
        let expected = 20.0 * 8.0 + std::f32::consts::PI * 16.0;
        assert!((area / expected - 1.0).abs() < 0.01, "{area} {expected}");
    }

    #[test]
    fn strokes_outside_are_left_out() {
        let mut coverage = Coverage::new([8, 8]);
        for far in [-50.0, 50.0] {
            coverage.stroke([far, 3.0], [far, 5.0], 2.0);
            coverage.stroke([3.0, far], [5.0, far], 2.0);
        }
        assert!(coverage.values().iter().all(|&value| value == 0.0));
        coverage.stroke([-50.0, 3.0], [50.0, 3.0], 0.5);
        // One row of eight pixels; the ends are 50 px away, where f32 has six digits.
        assert!((coverage.values().iter().sum::<f32>() - 8.0).abs() < 1e-4);
    }
}
