//! Pixels that hold no measurement, made whole: saturated metal is speckled by noise, and the pixels
//! between its specks say no more than they do.

use crate::radiograph::Mask;

/// The part of a pixel's surroundings that must hold measurements.
const LEAST_MEASURED: f64 = 0.65;
/// Half the side of these surroundings, as a part of the image's longer side.
const REACH: f64 = 0.004;

/// The pixels that count, without those among many that do not.
pub(super) fn without_speckle(counts: &Mask) -> Mask {
    let [columns, rows] = counts.size_px();
    let reach = (REACH * columns.max(rows) as f64).ceil() as usize;
    // Sums over everything above and to the left.
    let width = columns + 1;
    let mut sums = vec![0_u32; width * (rows + 1)];
    for row in 0..rows {
        let mut along = 0;
        for column in 0..columns {
            along += u32::from(counts.used[row * columns + column]);
            sums[(row + 1) * width + column + 1] = sums[row * width + column + 1] + along;
        }
    }
    let mut used = counts.used.clone();
    for row in 0..rows {
        let (top, bottom) = (row.saturating_sub(reach), (row + reach + 1).min(rows));
        for column in 0..columns {
            let (left, right) = (column.saturating_sub(reach), (column + reach + 1).min(columns));
            let at = |r: usize, c: usize| f64::from(sums[r * width + c]);
            let measured = at(bottom, right) + at(top, left) - at(top, right) - at(bottom, left);
            let all = ((bottom - top) * (right - left)) as f64;
            used[row * columns + column] &= measured >= LEAST_MEASURED * all;
        }
    }
    Mask { size_px: counts.size_px(), used }
}

#[cfg(test)]
mod tests {
    //! Proves: specks become one region, single ones stay single, and a straight border stays.
    use super::*;

    #[test]
    fn specks_become_one_region() {
        let place = |n: usize| (n % 500, n / 500);
        let inside =
            |n: usize| (100..200).contains(&place(n).0) && (100..200).contains(&place(n).1);
        let used = (0..250_000)
            .map(|n| {
                !(inside(n) && (place(n).0 + place(n).1) % 2 == 0)
                    && n != 77_300
                    && place(n).0 >= 20
            })
            .collect();
        let found = without_speckle(&Mask::new([500, 500], used).unwrap());
        for n in 0..250_000 {
            let (column, row) = place(n);
            let deep = (104..196).contains(&column) && (104..196).contains(&row);
            let far = column >= 22
                && n != 77_300
                && !((97..203).contains(&column) && (97..203).contains(&row));
            assert!(!deep || !found.used()[n], "{column} {row}");
            assert!(!far || found.used()[n], "{column} {row}");
        }
    }
}
