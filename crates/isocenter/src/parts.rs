//! Connected parts of a picture in black and white.

use std::collections::VecDeque;

/// The connected parts (along rows and columns) of the pixels that are set: their places.
pub(crate) fn parts(set: &[bool], size_px: [usize; 2]) -> Vec<Vec<usize>> {
    let mut seen: Vec<bool> = set.iter().map(|set| !set).collect();
    (0..set.len()).filter_map(|start| flood(start, size_px, &mut seen, false)).collect()
}

/// The same, connected over corners too.
pub(crate) fn parts_over_corners(set: &[bool], size_px: [usize; 2]) -> Vec<Vec<usize>> {
    let mut seen: Vec<bool> = set.iter().map(|set| !set).collect();
    (0..set.len()).filter_map(|start| flood(start, size_px, &mut seen, true)).collect()
}

/// All places connected to a start that have not been seen; `None` if the start has.
fn flood(
    start: usize,
    [columns, rows]: [usize; 2],
    seen: &mut [bool],
    corners: bool,
) -> Option<Vec<usize>> {
    if seen[start] {
        return None;
    }
    seen[start] = true;
    let mut part = Vec::new();
    let mut queue = VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        part.push(at);
        let (column, row) = (at % columns, at / columns);
        let (left, right) = (column > 0, column + 1 < columns);
        let (up, down) = (row > 0, row + 1 < rows);
        let neighbors = [
            left.then(|| at - 1),
            right.then(|| at + 1),
            up.then(|| at - columns),
            down.then(|| at + columns),
            (corners && left && up).then(|| at - columns - 1),
            (corners && right && up).then(|| at - columns + 1),
            (corners && left && down).then(|| at + columns - 1),
            (corners && right && down).then(|| at + columns + 1),
        ];
        for next in neighbors.into_iter().flatten() {
            if !seen[next] {
                seen[next] = true;
                queue.push_back(next);
            }
        }
    }
    Some(part)
}
