//! The shape of a connected part: its axis, length and width.

use nalgebra::Matrix2;

/// A part's axis, and the box along it.
pub(super) struct Shape {
    /// The diagonal of its box along rows and columns (px).
    pub(super) extent_px: f64,
    /// Length and width of the rectangle with the part's second moments (px).
    pub(super) length_px: f64,
    pub(super) width_px: f64,
    /// The part's area over that rectangle's: 1 for a straight bar, little for a curve.
    pub(super) fill: f64,
    /// The pixels with a neighbor outside of the part.
    pub(super) rim: Vec<usize>,
    center: [f64; 2],
    /// The unit vector across the axis.
    across: [f64; 2],
}

impl Shape {
    /// `None` of fewer than four pixels.
    pub(super) fn of(part: &[usize], [columns, _]: [usize; 2]) -> Option<Self> {
        if part.len() < 4 {
            return None;
        }
        let number = part.len() as f64;
        let place = |at: usize| [(at % columns) as f64, (at / columns) as f64];
        let mut center = [0.0; 2];
        let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for place in part.iter().map(|&at| place(at)) {
            for axis in 0..2 {
                center[axis] += place[axis] / number;
                low[axis] = low[axis].min(place[axis]);
                high[axis] = high[axis].max(place[axis]);
            }
        }
        // A pixel has a twelfth of its area as second moment.
        let mut moments = Matrix2::identity() / 12.0;
        for [x, y] in part.iter().map(|&at| place(at)) {
            let (x, y) = (x - center[0], y - center[1]);
            moments += Matrix2::new(x * x, x * y, x * y, y * y) / number;
        }
        let axes = moments.symmetric_eigen();
        let (short, long) = if axes.eigenvalues[0] < axes.eigenvalues[1] { (0, 1) } else { (1, 0) };
        let across = axes.eigenvectors.column(short);
        let side = |axis: usize| (12.0 * axes.eigenvalues[axis].max(0.0)).sqrt();
        let (length_px, width_px) = (side(long), side(short));
        Some(Self {
            extent_px: (high[0] - low[0] + 1.0).hypot(high[1] - low[1] + 1.0),
            length_px,
            width_px,
            fill: number / (length_px * width_px),
            rim: rim(part, columns),
            center,
            across: [across[0], across[1]],
        })
    }

    /// Whether a pixel lies within the part's width about its axis, however far along it.
    pub(super) fn is_along(&self, at: usize, columns: usize) -> bool {
        let place = [(at % columns) as f64, (at / columns) as f64];
        let off = |axis: usize| (place[axis] - self.center[axis]) * self.across[axis];
        (off(0) + off(1)).abs() <= self.width_px / 2.0 + 1.0
    }
}

/// The pixels of a part with one of four neighbors outside of it.
fn rim(part: &[usize], columns: usize) -> Vec<usize> {
    let mut sorted = part.to_vec();
    sorted.sort_unstable();
    let inside = |at: usize| sorted.binary_search(&at).is_ok();
    let is_inner = |&at: &usize| {
        let column = at % columns;
        (column > 0 && inside(at - 1))
            && (column + 1 < columns && inside(at + 1))
            && (at >= columns && inside(at - columns))
            && inside(at + columns)
    };
    part.iter().filter(|at| !is_inner(at)).copied().collect()
}

#[cfg(test)]
mod tests {
    //! Proves: a bar's length, width and fill are those of geometry in any direction, a bent bar fills
    //! less, and the rim is the outline.
    use super::*;

    fn bar(angle: f64) -> Vec<usize> {
        let (sin, cos) = angle.sin_cos();
        let inside = |at: &usize| {
            let (x, y) = ((at % 200) as f64 - 100.0, (at / 200) as f64 - 100.0);
            (x * cos + y * sin).abs() <= 40.0 && (y * cos - x * sin).abs() <= 4.0
        };
        (0..40_000).filter(inside).collect()
    }

    #[test]
    fn bars_are_measured_in_any_direction() {
        for angle in [0.0, 0.4, 1.2, 2.5] {
            let shape = Shape::of(&bar(angle), [200, 200]).unwrap();
            assert!((shape.length_px - 80.5).abs() < 1.5, "{}", shape.length_px);
            assert!((shape.width_px - 8.5).abs() < 1.0, "{}", shape.width_px);
            assert!((shape.fill - 1.0).abs() < 0.05, "{}", shape.fill);
            // Along the axis beyond the end, and beside it.
            let (sin, cos) = angle.sin_cos();
            let at = |along: f64, across: f64| {
                let (x, y) = (along * cos - across * sin, along * sin + across * cos);
                (y + 100.0).round() as usize * 200 + (x + 100.0).round() as usize
            };
            assert!(shape.is_along(at(70.0, 0.0), 200) && !shape.is_along(at(70.0, 8.0), 200));
        }
    }

    #[test]
    fn a_corner_fills_less() {
        let mut corner: Vec<usize> = (0..60).flat_map(|n| [20 * 200 + n, n * 200 + 20]).collect();
        corner.sort_unstable();
        corner.dedup();
        assert!(Shape::of(&corner, [200, 200]).unwrap().fill < 0.5);
        assert!(Shape::of(&[1, 2, 3], [200, 200]).is_none());
    }

    #[test]
    fn the_rim_is_the_outline() {
        let square: Vec<usize> = (0..25).map(|n| (10 + n / 5) * 200 + 30 + n % 5).collect();
        assert_eq!(Shape::of(&square, [200, 200]).unwrap().rim.len(), 16);
    }
}
