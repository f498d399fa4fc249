//! The inner loops: sixteen voxels of a row and four channels at a time.
//!
//! The same code is compiled for the machine's vector instructions and without them; results agree to
//! rounding, as the former multiplies and adds in one step.

use super::padded::LANES;

/// Output channels that are worked on together.
pub(super) const BLOCK: usize = 4;

/// A row's values at three neighboring offsets: what a kernel's row reads.
const READ: usize = LANES + 2;

/// Sixteen voxels of four channels.
pub(super) type Tile = [[f32; LANES]; BLOCK];

/// The weights of a kernel's row for four channels.
pub(super) type RowWeights = [[f32; BLOCK]; 3];

/// Adds to a tile what rows of the input give, each with its weights.
pub(super) fn accumulate<'a>(
    tile: &mut Tile,
    rows: impl Iterator<Item = (&'a [f32], &'a RowWeights)>,
) {
    #[cfg(target_arch = "x86_64")]
    if has_fma() {
        // SAFETY: the machine has these instructions, as was just asked.
        return unsafe { accumulate_fma(tile, rows) };
    }
    accumulate_with::<false>(tile, rows);
}

#[cfg(target_arch = "x86_64")]
fn has_fma() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn accumulate_fma<'a>(tile: &mut Tile, rows: impl Iterator<Item = (&'a [f32], &'a RowWeights)>) {
    accumulate_with::<true>(tile, rows);
}

#[inline(always)]
fn accumulate_with<'a, const FMA: bool>(
    tile: &mut Tile,
    rows: impl Iterator<Item = (&'a [f32], &'a RowWeights)>,
) {
    let mut sums = *tile;
    for (row, weights) in rows {
        let Some((row, _)) = row.split_first_chunk::<READ>() else { continue };
        for (offset, weights) in weights.iter().enumerate() {
            for (sums, &weight) in sums.iter_mut().zip(weights) {
                for (lane, sum) in sums.iter_mut().enumerate() {
                    *sum = multiply_add::<FMA>(row[lane + offset], weight, *sum);
                }
            }
        }
    }
    *tile = sums;
}

#[inline(always)]
fn multiply_add<const FMA: bool>(a: f32, b: f32, sum: f32) -> f32 {
    // Without the instruction `mul_add` would be a call.
    if FMA { a.mul_add(b, sum) } else { a * b + sum }
}

/// Lanes of the sums over products.
const SUM_LANES: usize = 8;

/// Sums over voxels of a row of the input, at three offsets, times the gradients of four channels.
pub(super) type RowSums = [[[f32; SUM_LANES]; BLOCK]; 3];

/// Adds the products of rows: an input's, which starts a voxel before, and four gradients'.
pub(super) fn correlate<'a>(
    sums: &mut RowSums,
    rows: impl Iterator<Item = (&'a [f32], [&'a [f32]; BLOCK])>,
) {
    #[cfg(target_arch = "x86_64")]
    if has_fma() {
        // SAFETY: the machine has these instructions, as was just asked.
        return unsafe { correlate_fma(sums, rows) };
    }
    correlate_with::<false>(sums, rows);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn correlate_fma<'a>(
    sums: &mut RowSums,
    rows: impl Iterator<Item = (&'a [f32], [&'a [f32]; BLOCK])>,
) {
    correlate_with::<true>(sums, rows);
}

#[inline(always)]
fn correlate_with<'a, const FMA: bool>(
    sums: &mut RowSums,
    rows: impl Iterator<Item = (&'a [f32], [&'a [f32]; BLOCK])>,
) {
    let mut local = *sums;
    for (input, gradients) in rows {
        let [a, b, c, d] = gradients.map(|row| row.as_chunks::<SUM_LANES>().0);
        let inputs = input.windows(SUM_LANES + 2).step_by(SUM_LANES);
        for ((((input, a), b), c), d) in inputs.zip(a).zip(b).zip(c).zip(d) {
            let Some((input, _)) = input.split_first_chunk::<{ SUM_LANES + 2 }>() else { continue };
            for (offset, sums) in local.iter_mut().enumerate() {
                for (sums, gradient) in sums.iter_mut().zip([a, b, c, d]) {
                    for (lane, sum) in sums.iter_mut().enumerate() {
                        *sum = multiply_add::<FMA>(input[lane + offset], gradient[lane], *sum);
                    }
                }
            }
        }
    }
    *sums = local;
}
