//! One image in the making: rays are set up, marched together and turned into pixels.
//!
//! The image is cut into bands of rows, one task each. A task sets up its rays once and marches
//! them together through blocks of a few slices. Every pixel is computed by one task in a
//! fixed order: the image does not depend on the number of threads.

use std::ops::Range;

use nalgebra::Vector3;
use rayon::prelude::*;

use super::axis::MarchAxis;
use super::dispatch::{InstructionSet, march};
use super::jet::JetImage;
use super::occupancy::SLICES_PER_BLOCK;
use super::pack::{LANES, Pack};
use super::ray::{IndexCamera, SlopedRay};
use super::slices::Slices;
use crate::geometry::Camera;
use crate::radiograph::Image;

/// Rows per task: enough rays to share a block of slices, enough tasks to share the work.
const ROWS_PER_BAND: usize = 16;

/// Columns that march together: a tile's slices fit the cache however the detector is turned.
const COLUMNS_PER_TILE: usize = 64;

/// One image in the making.
pub(crate) struct Rendering<'a> {
    view: IndexCamera<'a>,
    camera: &'a Camera,
    axis: MarchAxis,
    /// The copies of the volume for the axes in use.
    slices: [Option<&'a Slices>; 3],
    instructions: InstructionSet,
}

/// A ray, where its sums are and where its result goes.
struct PlacedRay {
    /// The pixel within the band.
    at: usize,
    pack: usize,
    lane: usize,
    ray: SlopedRay,
}

impl PlacedRay {
    fn line_integral(&self, slices: &Slices, pack: &Pack) -> f32 {
        (self.ray.ds * pack.value(self.lane, slices.step_per_mm)) as f32
    }
}

impl<'a> Rendering<'a> {
    /// Prepares an image; `slices_along` gives the copy of the volume for an axis.
    pub(crate) fn new(
        view: IndexCamera<'a>,
        camera: &'a Camera,
        axis: MarchAxis,
        instructions: InstructionSet,
        slices_along: impl Fn(MarchAxis) -> &'a Slices,
    ) -> Self {
        let mut rendering = Self { view, camera, axis, slices: [None; 3], instructions };
        for axis in rendering.axes_in_use() {
            rendering.slices[axis.number()] = Some(slices_along(axis));
        }
        rendering
    }

    /// The radiograph.
    pub(crate) fn forward(&self) -> Image {
        let mut image = Image::zeros(self.camera.size_px());
        let columns = self.camera.size_px()[0];
        for_each_band(image.pixels_mut(), ROWS_PER_BAND * columns, |band, pixels| {
            self.band(band, false, |slices, ray, pack| {
                pixels[ray.at] = ray.line_integral(slices, pack);
            });
        });
        image
    }

    /// The radiograph and its pose derivative.
    pub(crate) fn jet(&self, pivot_camera_mm: &Vector3<f64>) -> JetImage {
        let [columns, rows] = self.camera.size_px();
        let mut image = Image::zeros([columns, rows]);
        let mut jacobian = vec![[0.0_f32; 6]; columns * rows];
        let length = ROWS_PER_BAND * columns;
        let mut both: Vec<(&mut [f32], &mut [[f32; 6]])> =
            image.pixels_mut().chunks_mut(length).zip(jacobian.chunks_mut(length)).collect();
        for_each_band(&mut both, 1, |band, outputs| {
            for (pixels, jacobian) in outputs {
                self.band(band, true, |slices, ray, pack| {
                    pixels[ray.at] = ray.line_integral(slices, pack);
                    let (column, row) = (ray.at % columns, band * ROWS_PER_BAND + ray.at / columns);
                    jacobian[ray.at] = self.view.pose_gradient(
                        slices,
                        &ray.ray,
                        &pack.moments(ray.lane, slices.step_per_mm),
                        &self.camera.ray_direction(column as f64, row as f64),
                        pivot_camera_mm,
                    );
                });
            }
        });
        JetImage { image, jacobian }
    }

    /// The image's axis, and those that steep rays take for themselves.
    fn axes_in_use(&self) -> Vec<MarchAxis> {
        let [columns, rows] = self.camera.size_px();
        let axis_at =
            |column, row| IndexCamera::axis_of(&self.view.pixel_direction(column, row), self.axis);
        // Directions that are not steep form a convex cone: if the corners are within, all are.
        let corners = [(0, 0), (columns - 1, 0), (0, rows - 1), (columns - 1, rows - 1)];
        let along = |column, row| self.view.pixel_direction(column, row)[self.axis.number()] > 0.0;
        let one_side = corners.iter().all(|&(c, r)| along(c, r) == along(0, 0));
        if one_side && corners.iter().all(|&(c, r)| axis_at(c, r) == self.axis) {
            return vec![self.axis];
        }
        let mut used = [false; 3];
        for row in 0..rows {
            for column in 0..columns {
                used[axis_at(column, row).number()] = true;
            }
        }
        MarchAxis::ALL.into_iter().filter(|a| used[a.number()]).collect()
    }

    /// Renders a band of rows and hands each ray that meets the volume to `store`, with the pack
    /// that holds its sums.
    fn band(&self, band: usize, jet: bool, mut store: impl FnMut(&Slices, &PlacedRay, &Pack)) {
        let [columns, rows] = self.camera.size_px();
        let first_row = band * ROWS_PER_BAND;
        let band_rows = first_row..(first_row + ROWS_PER_BAND).min(rows);
        let (mut packs, mut rays) = (Vec::new(), Vec::new());
        for slices in self.slices.iter().flatten() {
            for first_column in (0..columns).step_by(COLUMNS_PER_TILE) {
                let tile_columns = first_column..(first_column + COLUMNS_PER_TILE).min(columns);
                packs.clear();
                rays.clear();
                self.set_up(slices, tile_columns, band_rows.clone(), &mut packs, &mut rays);
                for block in 0..slices.dims[2].div_ceil(SLICES_PER_BLOCK) {
                    // SAFETY: `set_up` has just set the packs' rays with these slices.
                    unsafe { march(self.instructions, jet, slices, &mut packs, block) };
                }
                for ray in &rays {
                    store(slices, ray, &packs[ray.pack]);
                }
            }
        }
    }

    /// The rays of a tile that march along the slices' axis, in packs.
    fn set_up(
        &self,
        slices: &Slices,
        columns: Range<usize>,
        rows: Range<usize>,
        packs: &mut Vec<Pack>,
        rays: &mut Vec<PlacedRay>,
    ) {
        let row_length = self.camera.size_px()[0];
        for row in rows.clone() {
            for first_column in columns.clone().step_by(LANES) {
                let mut pack = Pack::EMPTY;
                for lane in 0..LANES.min(columns.end - first_column) {
                    if let Some(ray) = self.ray(slices, first_column + lane, row) {
                        pack.set(lane, &ray, slices);
                        let at = (row - rows.start) * row_length + first_column + lane;
                        rays.push(PlacedRay { at, pack: packs.len(), lane, ray });
                    }
                }
                pack.finish();
                packs.push(pack);
            }
        }
    }

    /// The ray through a pixel, if it marches along the slices' axis and meets the volume.
    fn ray(&self, slices: &Slices, column: usize, row: usize) -> Option<SlopedRay> {
        let ray_camera = self.camera.ray_direction(column as f64, row as f64);
        let direction = self.view.direction(&ray_camera);
        if IndexCamera::axis_of(&direction, self.axis) != slices.axis {
            return None;
        }
        self.view.ray(slices, &direction, ray_camera.norm())
    }
}

/// Runs a task per band: on all cores where there are several, without any overhead where not.
fn for_each_band<T: Send>(
    items: &mut [T],
    band_length: usize,
    task: impl Fn(usize, &mut [T]) + Sync,
) {
    if items.len() <= 4 * band_length {
        items.chunks_mut(band_length).enumerate().for_each(|(n, band)| task(n, band));
    } else {
        items.par_chunks_mut(band_length).enumerate().for_each(|(n, band)| task(n, band));
    }
}
