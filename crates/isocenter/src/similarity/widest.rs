//! Inner loops compiled twice: for every processor, and for the wide registers most have.

/// An inner loop. `run` must be `#[inline(always)]`, so that it is compiled within [`widest`].
pub(crate) trait Kernel {
    /// Runs the loop.
    fn run(self);
}

/// Runs a kernel with AVX2 where the processor has it. Multiplications and additions are the same
/// ones in either form (none are fused), so the results have the same bits.
pub(crate) fn widest(kernel: impl Kernel) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        fn avx2(kernel: impl Kernel) {
            kernel.run();
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2, the line above asked it.
            return unsafe { avx2(kernel) };
        }
    }
    kernel.run();
}
