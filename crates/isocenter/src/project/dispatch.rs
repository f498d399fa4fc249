//! Choosing the inner loop for the machine at hand.

use super::kernel::march_block;
use super::load::{LoadF32, LoadU16};
use super::pack::Pack;
use super::slices::{Cells, Slices};

/// Instruction sets the inner loop is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InstructionSet {
    /// What the compiler may assume of every machine of this kind.
    Portable,
    /// Eight f32 at once.
    #[cfg(target_arch = "x86_64")]
    Avx2,
}

impl InstructionSet {
    /// The best that this machine has.
    pub(crate) fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        if std::is_x86_feature_detected!("avx2") {
            return Self::Avx2;
        }
        Self::Portable
    }
}

/// Marches packs through a block of slices; see [`march_block`].
///
/// # Safety
/// The rays of the packs must have been set with these slices.
pub(crate) unsafe fn march(
    set: InstructionSet,
    jet: bool,
    slices: &Slices,
    packs: &mut [Pack],
    block: usize,
) {
    match set {
        // SAFETY: the caller's.
        InstructionSet::Portable => unsafe { portable(jet, slices, packs, block) },
        // SAFETY: the caller's; `best` alone makes this value, where the machine has the instructions.
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx2 => unsafe { avx2(jet, slices, packs, block) },
    }
}

/// # Safety
/// As [`march`].
#[inline(always)]
unsafe fn portable(jet: bool, slices: &Slices, packs: &mut [Pack], block: usize) {
    // SAFETY: the caller's; the cells are those of the slices.
    unsafe {
        match (&slices.cells, jet) {
            (Cells::F32(cells), false) => {
                march_block::<LoadF32, false>(slices, cells, packs, block)
            }
            (Cells::F32(cells), true) => march_block::<LoadF32, true>(slices, cells, packs, block),
            (Cells::U16(cells), false) => {
                march_block::<LoadU16, false>(slices, cells, packs, block)
            }
            (Cells::U16(cells), true) => march_block::<LoadU16, true>(slices, cells, packs, block),
        }
    }
}

/// The same loop, compiled for wider registers.
///
/// # Safety
/// As [`march`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn avx2(jet: bool, slices: &Slices, packs: &mut [Pack], block: usize) {
    // SAFETY: the caller's.
    unsafe { portable(jet, slices, packs, block) }
}
