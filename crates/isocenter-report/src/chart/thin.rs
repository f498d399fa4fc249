//! Long curves with no more points than can be seen.

/// The points of a curve that decide how it looks where a pixel is one unit: of each column of
/// pixels the first, the lowest, the highest and the last point, in their order.
pub(crate) fn thin(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mut thinned = Vec::new();
    let column = |point: &[f64; 2]| point[0].floor();
    for run in points.chunk_by(|a, b| column(a) == column(b)) {
        let by_height = |a: &usize, b: &usize| run[*a][1].total_cmp(&run[*b][1]);
        let lowest = (0..run.len()).min_by(by_height).unwrap_or(0);
        let highest = (0..run.len()).max_by(by_height).unwrap_or(0);
        let mut kept = [0, lowest, highest, run.len() - 1];
        kept.sort_unstable();
        for (at, &index) in kept.iter().enumerate() {
            if at == 0 || kept[at - 1] != index {
                thinned.push(run[index]);
            }
        }
    }
    thinned
}

#[cfg(test)]
mod tests {
    //! Proves: few points are left as they are, many keep their ends and extremes.
    use super::*;

    #[test]
    fn few_points_stay() {
        let points = [[0.0, 3.0], [1.0, 2.0], [5.5, 9.0]];
        assert_eq!(thin(&points), points);
        assert!(thin(&[]).is_empty());
    }

    #[test]
    fn many_keep_their_extremes() {
        let wave = |n: u32| [f64::from(n) / 1000.0, (f64::from(n) * 0.77).sin()];
        let points: Vec<_> = (0..100_000).map(wave).collect();
        let thinned = thin(&points);
        assert!(thinned.len() <= 400);
        assert!(thinned.is_sorted_by(|a, b| a[0] <= b[0]));
        let highest = |points: &[[f64; 2]]| points.iter().map(|p| p[1]).fold(0.0, f64::max);
        assert_eq!(highest(&points), highest(&thinned));
        assert_eq!((points.first(), points.last()), (thinned.first(), thinned.last()));
    }
}
