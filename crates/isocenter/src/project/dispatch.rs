//! Running an inner loop with the widest instructions of the machine at hand.
//!
//! A loop is written once, in plain arithmetic without fused operations, as a [`Task`]; the compiler
//! makes a version of it for each instruction set; a task may have another way for AVX-512, with the
//! same arithmetic. So **every machine computes the same bits**. Where the least machine of a kind has
//! vectors already (NEON on 64-bit ARM), `Portable` uses them.

/// Instruction sets that tasks are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InstructionSet {
    /// What the compiler may assume of every machine of this kind.
    Portable,
    /// Eight f32 at once.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Sixteen at once, and permutations of whole registers.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// A loop worth compiling for several instruction sets.
pub(crate) trait Task {
    /// Does the work. Implementations are `#[inline(always)]`, and so is what they call in their
    /// loops: only then is it compiled for the instruction set.
    fn run(self);

    /// Does the work with AVX-512. Left to the compiler it is slower than AVX2: loads one by one
    /// become gathers.
    ///
    /// # Safety
    /// The machine must have AVX-512F.
    #[cfg(target_arch = "x86_64")]
    unsafe fn run_avx512(self)
    where
        Self: Sized,
    {
        // SAFETY: AVX2 belongs to AVX-512F.
        unsafe { avx2(self) }
    }
}

impl InstructionSet {
    /// All of them, the best first.
    const ALL: &[Self] = &[
        #[cfg(target_arch = "x86_64")]
        Self::Avx512,
        #[cfg(target_arch = "x86_64")]
        Self::Avx2,
        Self::Portable,
    ];

    /// Those that this machine has, the best first.
    pub(crate) fn available() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|set| match set {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => std::is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => std::is_x86_feature_detected!("avx512f"),
        })
    }

    /// The best that this machine has.
    pub(crate) fn best() -> Self {
        Self::available().next().unwrap_or(Self::Portable)
    }

    /// Runs a task with these instructions.
    pub(crate) fn run(self, task: impl Task) {
        match self {
            Self::Portable => task.run(),
            // SAFETY: `available` alone makes this value, where the machine has the instructions.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { avx2(task) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => unsafe { task.run_avx512() },
        }
    }
}

/// Runs a task compiled for AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
pub(crate) fn avx2(task: impl Task) {
    task.run();
}
