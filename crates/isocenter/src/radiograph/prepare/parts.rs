//! Connected parts of a picture in black and white.

use std::collections::VecDeque;

/// The connected parts (along rows and columns) of the pixels that are set: their places.
pub(super) fn parts(set: &[bool], size_px: [usize; 2]) -> Vec<Vec<usize>> {
    let mut seen: Vec<bool> = set.iter().map(|set| !set).collect();
    (0..set.len()).filter_map(|start| flood(start, size_px, &mut seen)).collect()
}

/// All places connected to a start that have not been seen; `None` if the start has.
fn flood(start: usize, [columns, rows]: [usize; 2], seen: &mut [bool]) -> Option<Vec<usize>> {
    if seen[start] {
        return None;
    }
    seen[start] = true;
    let mut part = Vec::new();
    let mut queue = VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        part.push(at);
        let (column, row) = (at % columns, at / columns);
        let neighbors = [
            (column > 0).then(|| at - 1),
            (column + 1 < columns).then(|| at + 1),
            (row > 0).then(|| at - columns),
            (row + 1 < rows).then(|| at + columns),
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
