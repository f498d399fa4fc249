//! The inner loops: sixteen voxels of a row and four channels at a time.
//!
//! The same code is compiled for the machine's vector instructions and without them; results agree to
//! rounding, as the former multiplies and adds in one step.

use super::padded::LANES;

/// Output channels that are worked on together.
pub(crate) const BLOCK: usize = 4;

/// A row's values at three neighboring offsets: what a kernel's row reads.
const READ: usize = LANES + 2;

/// Sixteen voxels of four channels.
pub(crate) type Tile = [[f32; LANES]; BLOCK];

/// The weights of a kernel's row for four channels.
pub(super) type RowWeights = [[f32; BLOCK]; 3];

/// A row of a kernel: its weights for four channels, and where the row of the input begins that it
/// works on, counted from that of the kernel's first.
#[derive(Debug, Clone, Default)]
pub(super) struct KernelRow {
    pub(super) offset: usize,
    pub(super) weights: RowWeights,
}

/// Adds to a tile what a kernel gives that begins with the first value of the input.
pub(super) fn accumulate(tile: &mut Tile, input: &[f32], kernel: &[KernelRow]) {
    #[cfg(target_arch = "x86_64")]
    if has_fma() {
        // SAFETY: the machine has these instructions, as was just asked.
        return unsafe { accumulate_fma(tile, input, kernel) };
    }
    accumulate_with::<false>(tile, input, kernel);
}

#[cfg(target_arch = "x86_64")]
fn has_fma() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn accumulate_fma(tile: &mut Tile, input: &[f32], kernel: &[KernelRow]) {
    accumulate_with::<true>(tile, input, kernel);
}

#[inline(always)]
fn accumulate_with<const FMA: bool>(tile: &mut Tile, input: &[f32], kernel: &[KernelRow]) {
    let mut sums = *tile;
    for KernelRow { offset, weights } in kernel {
        let row = input.get(*offset..).and_then(|row| row.first_chunk::<READ>());
        let Some(row) = row else { continue };
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

/// Adds to a tile what channels give at sixteen places, each by its weights for four others.
pub(crate) fn mix(tile: &mut Tile, channels: &[[f32; LANES]], weights: &[[f32; BLOCK]]) {
    #[cfg(target_arch = "x86_64")]
    if has_fma() {
        // SAFETY: the machine has these instructions, as was just asked.
        return unsafe { mix_fma(tile, channels, weights) };
    }
    mix_with::<false>(tile, channels, weights);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn mix_fma(tile: &mut Tile, channels: &[[f32; LANES]], weights: &[[f32; BLOCK]]) {
    mix_with::<true>(tile, channels, weights);
}

#[inline(always)]
fn mix_with<const FMA: bool>(tile: &mut Tile, channels: &[[f32; LANES]], weights: &[[f32; BLOCK]]) {
    let mut sums = *tile;
    for (places, weights) in channels.iter().zip(weights) {
        for (sums, &weight) in sums.iter_mut().zip(weights) {
            for (sum, &value) in sums.iter_mut().zip(places) {
                *sum = multiply_add::<FMA>(value, weight, *sum);
            }
        }
    }
    *tile = sums;
}

/// Lanes of the sums over products.
const SUM_LANES: usize = 8;

/// What eight sums over products read of the input.
const READ_SUMS: usize = SUM_LANES + 2;

/// Sums over voxels of a row of the input, at three offsets, times the gradients of four channels.
pub(super) type RowSums = [[[f32; SUM_LANES]; BLOCK]; 3];

/// Rows that are worked on together: an input's, which start a voxel before, and those of four
/// gradients, each so far from the row before.
pub(super) struct RowPairs<'a> {
    pub(super) input: &'a [f32],
    pub(super) gradients: [&'a [f32]; BLOCK],
    pub(super) row_len: usize,
    pub(super) rows: usize,
}

/// Adds the products of rows.
pub(super) fn correlate(sums: &mut RowSums, pairs: &RowPairs<'_>) {
    #[cfg(target_arch = "x86_64")]
    if has_fma() {
        // SAFETY: the machine has these instructions, as was just asked.
        return unsafe { correlate_fma(sums, pairs) };
    }
    correlate_with::<false>(sums, pairs);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn correlate_fma(sums: &mut RowSums, pairs: &RowPairs<'_>) {
    correlate_with::<true>(sums, pairs);
}

#[inline(always)]
fn correlate_with<const FMA: bool>(sums: &mut RowSums, pairs: &RowPairs<'_>) {
    let RowPairs { input, gradients: [a, b, c, d], row_len, rows } = *pairs;
    let mut local = *sums;
    for begin in (0..rows).map(|row| row * row_len) {
        for at in (begin..begin + row_len - 2).step_by(SUM_LANES) {
            let Some(input) = at_place::<READ_SUMS>(input, at) else { continue };
            let of_block = [a, b, c, d].map(|row| at_place::<SUM_LANES>(row, at));
            let [Some(a), Some(b), Some(c), Some(d)] = of_block else { continue };
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

#[inline(always)]
fn at_place<const N: usize>(values: &[f32], at: usize) -> Option<&[f32; N]> {
    values.get(at..at + N).and_then(|values| values.first_chunk())
}
