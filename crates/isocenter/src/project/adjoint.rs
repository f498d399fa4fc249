//! The transposes of forward and tangent: what images count, handed back to the voxels.
//!
//! **Slice ownership.** A task owns a block of slices and walks all rays through it in one order,
//! so no two tasks touch a voxel and the result does not depend on the number of threads. It
//! gathers the block in memory of its own, with a frame that catches what falls outside, and then
//! adds it to the volume.

use std::marker::PhantomData;
use std::ops::Range;

use nalgebra::Vector3;
use rayon::prelude::*;

use super::bundle::Bundle;
use super::error::ProjectError;
use super::exposure::Exposure;
use super::finish::{CarryTangents, CarryValues, Rows};
use super::jet::TangentImage;
use super::scatter::{Pair, SLICES_PER_BLOCK};
use super::slice_grid::{FRAME, SliceGrid};
use crate::geometry::PivotMotion;
use crate::radiograph::Image;
use crate::volume::{AttenuationVolume, Channels, Region, Volume};

/// Tiles whose rays are held at once: 65,536 rays and more.
const TILES_AT_ONCE: usize = 64;

impl<V: Channels> Exposure<'_, V> {
    /// The number of values in a volume: voxels times channels.
    #[must_use]
    pub fn volume_len(&self) -> usize {
        self.projector.volume().grid().voxels().len() * self.channels()
    }

    /// The transpose of [`forward_into`](Self::forward_into): adds, to every voxel, the sum over
    /// the pixels of what the pixel counts times what the voxel contributes to it.
    ///
    /// Voxels of air take part too.
    ///
    /// # Shapes
    /// `image`: [`image_len`](Self::image_len) values, channels side by side. `volume`:
    /// [`volume_len`](Self::volume_len) values, channel after channel, each as in
    /// [`Volume::voxels`].
    ///
    /// # Errors
    /// If a buffer has another length or the image a value that is not finite.
    pub fn adjoint_into(&self, image: &[f32], volume: &mut [f32]) -> Result<(), ProjectError> {
        self.check_values("image", image)?;
        self.check_volume(volume)?;
        self.hand_back(volume, false, |bundle, rows| {
            self.run(CarryValues { bundle, rows, image });
        });
        Ok(())
    }

    /// The transpose of [`tangent_into`](Self::tangent_into): adds, to every voxel, what it
    /// contributes to the line integrals times `image` and to their derivatives along the motion
    /// times `tangent`.
    ///
    /// # Shapes
    /// As [`adjoint_into`](Self::adjoint_into).
    ///
    /// # Errors
    /// As [`adjoint_into`](Self::adjoint_into).
    pub fn tangent_adjoint_into(
        &self,
        pivot_world_mm: Vector3<f64>,
        motion: &PivotMotion,
        image: &[f32],
        tangent: &[f32],
        volume: &mut [f32],
    ) -> Result<(), ProjectError> {
        self.check_values("image", image)?;
        self.check_values("tangent", tangent)?;
        self.check_volume(volume)?;
        let (pivot_camera_mm, motion) = (self.pivot_camera_mm(pivot_world_mm), *motion);
        self.hand_back(volume, true, |bundle, rows| {
            let values = CarryValues { bundle, rows, image };
            self.run(CarryTangents { values, pivot_camera_mm, motion, tangent });
        });
        Ok(())
    }

    fn check_volume(&self, volume: &[f32]) -> Result<(), ProjectError> {
        let (found, expected) = (volume.len(), self.volume_len());
        if found == expected {
            Ok(())
        } else {
            Err(ProjectError::Length { what: "volume", found, expected })
        }
    }

    /// Spreads what `carry` lays on the rays, over all voxels.
    fn hand_back(
        &self,
        volume: &mut [f32],
        jet: bool,
        carry: impl Fn(&mut Bundle<'_>, Rows) + Sync,
    ) {
        let (tiling, channels) = (self.tiling(), self.channels());
        let tiles = tiling.bands() * tiling.tiles_across();
        let rows = Rows { first_row: 0, columns: self.camera.size_px[0], channels };
        let grid = self.projector.volume().grid();
        let volume = SharedVoxels::new(volume, grid.voxels().len());
        for axis in self.axes() {
            let grid = SliceGrid::new(grid, &Region::whole(grid), axis);
            let camera = self.slice_camera(grid);
            for first in (0..tiles).step_by(TILES_AT_ONCE) {
                let now = first..(first + TILES_AT_ONCE).min(tiles);
                self.projector.bundles().with(|memory| {
                    let mut bundle = memory.bundle(&camera, &tiling, now, channels);
                    bundle.par_tiles().for_each(|mut tile| {
                        tile.set_up(self.instructions);
                        carry(&mut tile, rows);
                    });
                    let blocks = grid.dims[2].div_ceil(SLICES_PER_BLOCK);
                    (0..blocks).into_par_iter().for_each(|block| {
                        // SAFETY: no other task has this block.
                        unsafe { self.hand_back_to_block(&bundle, block, jet, &volume) };
                    });
                });
            }
        }
    }

    /// # Safety
    /// No other task may have this block at the same time.
    unsafe fn hand_back_to_block(
        &self,
        bundle: &Bundle<'_>,
        block: usize,
        jet: bool,
        volume: &SharedVoxels<'_>,
    ) {
        let grid = &bundle.camera.grid;
        let Some(touched) = touched_rows(bundle, block) else { return };
        let (channels, slice_stride) = (self.channels(), grid.slice_stride());
        let first_slice = block * SLICES_PER_BLOCK;
        let slices = SLICES_PER_BLOCK.min(grid.dims[2] - first_slice);
        self.projector.blocks().with(|cells| {
            // All zero: new cells are, and every borrower clears what it has filled.
            cells.resize(SLICES_PER_BLOCK * channels * slice_stride, [0.0; 2]);
            bundle.scatter(self.instructions, block, cells, jet);
            for (n, cells) in cells.chunks_exact_mut(slice_stride).enumerate() {
                let (slice, channel) = (n / channels, n % channels);
                if slice >= slices {
                    break;
                }
                for y in touched.start.max(FRAME)..touched.end.min(FRAME + grid.dims[1]) {
                    // From the pair before the first voxel on.
                    let pairs = &cells[grid.row_in_slice(y - FRAME) - 1..][..grid.dims[0] + 1];
                    let place = grid.row_in_volume(y - FRAME, first_slice + slice);
                    // SAFETY: the row belongs to the block, which is this task's alone.
                    unsafe { volume.add_row(channel, place, pairs) };
                }
                let row_stride = grid.row_stride();
                // Rays that do not meet a slice have left zeros times their weight in its corner.
                cells[..FRAME * row_stride].fill([0.0; 2]);
                cells[touched.start * row_stride..touched.end * row_stride].fill([0.0; 2]);
            }
        });
    }
}

/// The rows of framed slices that samples of a block reach; `None` if no ray passes the block.
fn touched_rows(bundle: &Bundle<'_>, block: usize) -> Option<Range<usize>> {
    let grid = &bundle.camera.grid;
    let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
    for pack in bundle.packs() {
        let (first, last) = pack.passes(block, SLICES_PER_BLOCK);
        if first < last {
            let from_middle = |k: i32| (k - grid.middle()) as f32;
            let (lower, upper) = pack.footprint.bounds(from_middle(first), from_middle(last - 1));
            low = low.min(lower[1]);
            high = high.max(upper[1]);
        }
    }
    // A sample reaches the row below and the one after it. Casts saturate.
    let end = (high as usize).saturating_add(2).min(grid.rows());
    (low <= high).then(|| (low as usize).min(end)..end)
}

/// Voxels that several tasks add to, each in slices of its own.
struct SharedVoxels<'a> {
    start: *mut f32,
    /// Voxels of a channel, and in all.
    channel_len: usize,
    len: usize,
    volume: PhantomData<&'a mut [f32]>,
}

// SAFETY: the pointer stands for an exclusive borrow; `add_row` asks that tasks keep apart.
unsafe impl Sync for SharedVoxels<'_> {}

impl<'a> SharedVoxels<'a> {
    fn new(volume: &'a mut [f32], channel_len: usize) -> Self {
        let (start, len) = (volume.as_mut_ptr(), volume.len());
        Self { start, channel_len, len, volume: PhantomData }
    }

    /// Adds pairs to a row of voxels of a channel, given by its first voxel and the distance between
    /// neighbours. The first pair is the one before the first voxel.
    ///
    /// # Safety
    /// No other task may touch the row's voxels at the same time.
    unsafe fn add_row(&self, channel: usize, (first, stride): (usize, usize), pairs: &[Pair]) {
        let first = channel * self.channel_len + first;
        for (n, pair) in pairs.windows(2).enumerate() {
            let at = first + n * stride;
            if at < self.len {
                // SAFETY: within the borrow, and the caller keeps others away.
                unsafe { *self.start.add(at) += pair[0][1] + pair[1][0] };
            }
        }
    }
}

impl Exposure<'_, AttenuationVolume> {
    /// [`adjoint_into`](Self::adjoint_into) a volume of zeros.
    ///
    /// # Errors
    /// If the image has another size or a pixel that is not finite.
    pub fn adjoint(&self, image: &Image) -> Result<Volume<f32>, ProjectError> {
        let mut volume = self.projector.volume().volume().map(|_| 0.0);
        self.adjoint_into(image.pixels(), volume.voxels_mut())?;
        Ok(volume)
    }

    /// [`tangent_adjoint_into`](Self::tangent_adjoint_into) a volume of zeros.
    ///
    /// # Errors
    /// If an image has another size or a pixel that is not finite.
    pub fn tangent_adjoint(
        &self,
        pivot_world_mm: Vector3<f64>,
        motion: &PivotMotion,
        counted: &TangentImage,
    ) -> Result<Volume<f32>, ProjectError> {
        let mut volume = self.projector.volume().volume().map(|_| 0.0);
        let (image, tangent) = (counted.image.pixels(), counted.tangent.pixels());
        self.tangent_adjoint_into(pivot_world_mm, motion, image, tangent, volume.voxels_mut())?;
        Ok(volume)
    }
}
