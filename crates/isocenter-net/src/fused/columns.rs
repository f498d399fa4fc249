//! Arrays [outer, over, inner] worked on in groups of columns: all rows of some neighboring places, so
//! that what several passes read stays in the first caches, and a single sample keeps all cores busy.

use rayon::prelude::*;

/// Arrays that take fewer multiplications are not worth a second thread.
const WORTH_THREADS: usize = 200_000;

/// Calls a function for each group with the number of its `outer`, its first place, and its rows of the
/// output; `work` is what one element of the output costs.
pub(super) fn for_each_group(
    outputs: &mut [f32],
    [_, over, inner]: [usize; 3],
    width: usize,
    work: usize,
    function: impl Fn(usize, usize, Vec<&mut [f32]>) + Sync,
) {
    let parallel = outputs.len().saturating_mul(work) >= WORTH_THREADS;
    let mut groups = Vec::new();
    for (number, slab) in outputs.chunks_mut((over * inner).max(1)).enumerate() {
        let begin = groups.len();
        for row in slab.chunks_mut(inner.max(1)) {
            for (group, piece) in row.chunks_mut(width).enumerate() {
                if begin + group == groups.len() {
                    groups.push((number, group * width, Vec::with_capacity(over)));
                }
                groups[begin + group].2.push(piece);
            }
        }
    }
    let one = |(number, first, rows)| function(number, first, rows);
    if parallel {
        groups.into_par_iter().for_each(one);
    } else {
        groups.into_iter().for_each(one);
    }
}
