//! A size at which a picture can be read.

use isocenter::radiograph::Image;

/// Images with a shorter longest side are enlarged to at least this.
const SHORTEST_SIDE_PX: usize = 384;
/// Images with a longest side of twice this or more are reduced to this or somewhat more.
const LONGEST_SIDE_PX: usize = 1024;

/// The image at a legible size: enlarged or reduced by a whole factor that depends on its size
/// alone.
pub(crate) fn legible(image: &Image) -> Image {
    let [columns, rows] = image.size_px();
    let side = columns.max(rows);
    if side < SHORTEST_SIDE_PX {
        enlarged(image, SHORTEST_SIDE_PX.div_ceil(side))
    } else {
        image.binned(side / LONGEST_SIDE_PX)
    }
}

/// The image with `factor` times as many columns and rows by a cubic B-spline, so that the means of `factor` x `factor` pixels lie where the pixels of the image lay.
fn enlarged(image: &Image, factor: usize) -> Image {
    transposed(&wider(&transposed(&wider(image, factor)), factor))
}

/// [`enlarged`] along the rows alone.
fn wider(image: &Image, factor: usize) -> Image {
    let [columns, rows] = image.size_px();
    let mut wide = Image::zeros([columns * factor, rows]);
    for (target, source) in wide.pixels_mut().chunks_exact_mut(columns * factor).zip(image.rows()) {
        for (at, pixel) in target.iter_mut().enumerate() {
            let x = (at as f32 + 0.5) / factor as f32 - 0.5;
            let weights = b_spline(x - x.floor());
            let first = x.floor() as isize - 1;
            *pixel = weights
                .iter()
                .zip(first..)
                // In range: clamped to the row, whose ends stand for what lies beyond.
                .map(|(weight, i)| weight * source[i.clamp(0, columns as isize - 1) as usize])
                .sum();
        }
    }
    wide
}

/// The weights of the four neighbours of a point at `t` (0 to 1) between the middle two: a cubic
/// B-spline, which never overshoots, so that enlarging makes no edges.
fn b_spline(t: f32) -> [f32; 4] {
    let s = 1.0 - t;
    [
        s * s * s / 6.0,
        2.0 / 3.0 - t * t * (1.0 - 0.5 * t),
        2.0 / 3.0 - s * s * (1.0 - 0.5 * s),
        t * t * t / 6.0,
    ]
}

/// Rows and columns exchanged.
pub(crate) fn transposed(image: &Image) -> Image {
    let [columns, rows] = image.size_px();
    let mut turned = Image::zeros([rows, columns]);
    for (row, source) in image.rows().enumerate() {
        for (column, &pixel) in source.iter().enumerate() {
            // In range: column < columns and row < rows.
            turned.pixels_mut()[column * rows + row] = pixel;
        }
    }
    turned
}

#[cfg(test)]
mod tests {
    //! Proves: the sizes, and that enlarging moves nothing and bends no plane.
    use super::*;

    #[test]
    fn sizes_become_legible() {
        for (size, expected) in [
            ([256, 256], [512, 512]),
            ([383, 10], [766, 20]),
            ([384, 384], [384, 384]),
            ([1, 1], [384, 384]),
            ([2047, 5], [2047, 5]),
            ([3000, 2000], [1500, 1000]),
            ([1, 16_384], [1, 1024]),
        ] {
            assert_eq!(legible(&Image::zeros(size)).size_px(), expected);
        }
    }

    #[test]
    fn enlarging_keeps_a_plane() {
        let plane = |u: f32, v: f32| 3.0 + 0.5 * u - 0.25 * v;
        let pixels = (0..64 * 32).map(|i| plane((i % 64) as f32, (i / 64) as f32)).collect();
        let large = enlarged(&Image::new([64, 32], pixels).unwrap(), 3);
        assert_eq!(large.size_px(), [192, 96]);
        // Away from the border, where the ends of the rows are repeated.
        for row in 6..90 {
            for column in 6..186 {
                let at = |i: usize| (i as f32 + 0.5) / 3.0 - 0.5;
                let difference = large.get(column, row).unwrap() - plane(at(column), at(row));
                // f32 rounding of values up to 35.
                assert!(difference.abs() < 2e-5, "{column} {row} {difference}");
            }
        }
    }
}
