//! Rays that march together: set up once, then taken through the slices block by block, so that
//! the voxels between neighbouring rays are still in the cache when the next ray asks for them.

use std::ops::Range;

use rayon::prelude::*;

use super::dispatch::{InstructionSet, Task};
use super::kernel::March;
use super::occupancy::SLICES_PER_BLOCK;
use super::pack::{Pack, Sums};
use super::scatter::{Pair, Scatter};
use super::slice_camera::{Rays, SliceCamera};
use super::slices::Slices;
use super::tiling::{PackPlace, Tiling};

/// The memory of a [`Bundle`], to be used again.
#[derive(Debug, Default)]
pub(crate) struct BundleMemory {
    packs: Vec<Pack>,
    sums: Vec<Sums>,
}

impl BundleMemory {
    /// A bundle for the rays of some tiles; no ray is set up yet, and all sums are zero.
    pub(crate) fn bundle<'a>(
        &'a mut self,
        camera: &'a SliceCamera,
        tiling: &'a Tiling,
        tiles: Range<usize>,
        channels: usize,
    ) -> Bundle<'a> {
        let packs_per_tile = tiling.packs_per_tile();
        let number = tiles.len() * packs_per_tile;
        self.packs.clear();
        self.packs.resize(number, Pack::EMPTY);
        self.sums.clear();
        self.sums.resize(number * channels, Sums::ZERO);
        let first = tiles.start * packs_per_tile;
        Bundle { camera, tiling, channels, first, packs: &mut self.packs, sums: &mut self.sums }
    }
}

/// The packs of some tiles, made for the slices of one camera, and their sums.
pub(crate) struct Bundle<'a> {
    pub(crate) camera: &'a SliceCamera,
    tiling: &'a Tiling,
    channels: usize,
    /// The number of the first pack.
    first: usize,
    packs: &'a mut [Pack],
    /// Of each pack, channel after channel.
    sums: &'a mut [Sums],
}

impl Bundle<'_> {
    /// The tiles as bundles of their own, in parallel.
    pub(crate) fn par_tiles(&mut self) -> impl IndexedParallelIterator<Item = Bundle<'_>> {
        let packs_per_tile = self.tiling.packs_per_tile();
        let (camera, tiling, channels) = (self.camera, self.tiling, self.channels);
        let first = self.first;
        let packs = self.packs.par_chunks_mut(packs_per_tile);
        let sums = self.sums.par_chunks_mut(packs_per_tile * channels);
        packs.zip(sums).enumerate().map(move |(n, (packs, sums))| Bundle {
            camera,
            tiling,
            channels,
            first: first + n * packs_per_tile,
            packs,
            sums,
        })
    }

    /// Sets up the rays.
    pub(crate) fn set_up(&mut self, instructions: InstructionSet) {
        let Self { camera, tiling, first, .. } = *self;
        instructions.run(SetUp { camera, tiling, first, packs: self.packs });
    }

    /// Takes the rays through all slices, adding up samples and, for a jet, their derivatives.
    pub(crate) fn march(&mut self, instructions: InstructionSet, slices: &Slices, jet: bool) {
        debug_assert_eq!(self.camera.grid, slices.grid);
        if self.camera.grid != slices.grid {
            return;
        }
        for block in 0..slices.grid.dims[2].div_ceil(SLICES_PER_BLOCK) {
            // SAFETY: `set_up` has made the packs for the camera's grid, which is the slices'.
            let march = unsafe { March::new(slices, self.packs, self.sums, block, jet) };
            instructions.run(march);
        }
    }

    /// Spreads what the sums carry over a block of framed slices of the camera's grid.
    pub(crate) fn scatter(
        &self,
        instructions: InstructionSet,
        block: usize,
        cells: &mut [Pair],
        jet: bool,
    ) {
        // SAFETY: `set_up` has made the packs for the camera's grid.
        let scatter = unsafe {
            let carried = (&*self.sums, self.channels);
            Scatter::new(&self.camera.grid, self.packs, carried, (cells, block), jet)
        };
        instructions.run(scatter);
    }

    /// The packs.
    pub(crate) fn packs(&self) -> &[Pack] {
        self.packs
    }

    /// The packs that hold a ray: their pixels, their rays and their sums, channel after channel.
    #[inline(always)]
    pub(crate) fn results(
        &mut self,
    ) -> impl Iterator<Item = (PackPlace, &Pack, Rays, &mut [Sums])> {
        let (camera, tiling, first) = (self.camera, self.tiling, self.first);
        let packs = self.packs.iter().zip(self.sums.chunks_exact_mut(self.channels)).enumerate();
        packs.filter(|(_, (pack, _))| pack.any.0 < pack.any.1).map(move |(n, (pack, sums))| {
            let place = tiling.place(first + n);
            (place, pack, camera.rays(&place), sums)
        })
    }
}

/// Makes packs, the first of which is number `first` of all tiles.
struct SetUp<'a> {
    camera: &'a SliceCamera,
    tiling: &'a Tiling,
    first: usize,
    packs: &'a mut [Pack],
}

impl Task for SetUp<'_> {
    #[inline(always)]
    fn run(self) {
        for (n, pack) in self.packs.iter_mut().enumerate() {
            let place = self.tiling.place(self.first + n);
            if place.holds(0) {
                *pack = Pack::new(self.camera, &place);
            }
        }
    }
}
