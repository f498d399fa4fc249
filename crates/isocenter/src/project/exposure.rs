//! One exposure: a camera at a pose, and every image and derivative that can be taken there.
//!
//! The detector is cut in bands of rows, one task each. A task sets its rays up once and marches
//! them together through blocks of a few slices. Every pixel is computed by one task in a
//! fixed order: nothing depends on the number of threads.
//!
//! Functions that end in `_into` write to buffers of the caller and allocate nothing once the
//! projector has been used. Their images hold, row by row, **the channels of a pixel side by side**:
//! `image[(row * columns + column) * channels + channel]`. Volumes of one channel have functions
//! that return images.

use nalgebra::{Vector3, Vector6};
use rayon::prelude::*;

use super::axis::MarchAxis;
use super::bundle::Bundle;
use super::dispatch::{InstructionSet, Task};
use super::error::ProjectError;
use super::finish::{Contraction, Jets, Rows, Tangents, Values};
use super::index_camera::IndexCamera;
use super::jet::{JetImage, TangentImage};
use super::pack::Pack;
use super::projector::Projector;
use super::slice_camera::SliceCamera;
use super::slice_grid::SliceGrid;
use super::slices::Slices;
use super::tiling::{ROWS_PER_TILE, Tiling};
use crate::geometry::{Camera, PivotMotion, RigidTransform};
use crate::radiograph::Image;
use crate::volume::{AttenuationVolume, Channels};

/// Detectors of no more pixels than this are rendered by the thread that asks.
const FEW_PIXELS: usize = 2048;

/// A camera at a pose before a volume; made by [`Projector::expose`].
///
/// # Examples
/// The gradient of a scalar of the image for the pose, without storing the image's Jacobian:
/// ```
/// use isocenter::geometry::{Camera, View};
/// use isocenter::project::Projector;
/// use isocenter::radiograph::Image;
/// use isocenter::volume::{AttenuationMap, AttenuationVolume, Phantom, PhantomConfig};
/// let config = PhantomConfig { spacing_mm: 8.0, ..PhantomConfig::default() };
/// let ct = Phantom::generate(&config).unwrap().ct;
/// let center = ct.center_world_mm();
/// let volume = AttenuationVolume::from_hounsfield(ct, &AttenuationMap::default()).unwrap();
/// let projector = Projector::new(volume);
/// let camera = Camera::new(1020.0, [8.0, 8.0], [40, 40]).unwrap();
/// let exposure = projector.expose(&camera, &View::AP.camera_from_world(center, 700.0)).unwrap();
/// // Half the sum of squares has the image itself as its derivative.
/// let gradient = exposure.pose_gradient(center, &exposure.forward()).unwrap();
/// let jet = exposure.jet(center);
/// let depth: f64 = jet.image.pixels().iter().zip(&jet.jacobian).map(|(i, j)| f64::from(i * j[5])).sum();
/// assert!((gradient[5] - depth).abs() < 1e-5 * depth.abs());
/// ```
#[derive(Debug)]
pub struct Exposure<'a, V = AttenuationVolume> {
    pub(crate) projector: &'a Projector<V>,
    camera_from_world: RigidTransform,
    pub(crate) camera: IndexCamera,
    axis: MarchAxis,
    /// The image's axis, and those that steep rays take for themselves.
    axes_in_use: [bool; 3],
    pub(crate) instructions: InstructionSet,
}

impl<'a, V: Channels> Exposure<'a, V> {
    pub(crate) fn new(
        projector: &'a Projector<V>,
        camera: &Camera,
        camera_from_world: &RigidTransform,
        axis: Option<MarchAxis>,
        instructions: InstructionSet,
    ) -> Result<Self, ProjectError> {
        let volume = projector.volume();
        let grid = volume.grid();
        let camera = IndexCamera::new(camera, camera_from_world, grid.world_from_index())?;
        if volume.content().reaches(&camera.source) {
            let source_world_mm = *camera_from_world.inverse().translation_mm();
            return Err(ProjectError::SourceInsideVolume { source_world_mm });
        }
        let axis = axis.unwrap_or_else(|| camera.dominant_axis());
        let axes_in_use = camera.axes_in_use(axis);
        let camera_from_world = *camera_from_world;
        Ok(Self { projector, camera_from_world, camera, axis, axes_in_use, instructions })
    }

    /// The axis that the image's rays march along, but for those too steep for it.
    #[must_use]
    pub fn march_axis(&self) -> MarchAxis {
        self.axis
    }

    /// The number of values in an image: pixels times channels.
    #[must_use]
    pub fn image_len(&self) -> usize {
        let [columns, rows] = self.camera.size_px;
        columns * rows * self.channels()
    }

    /// How many samples of the volume the image is made of: rays times slices within the content,
    /// air among it counted, times channels. For measuring speed.
    #[must_use]
    pub fn samples(&self) -> usize {
        let tiling = self.tiling();
        let tiles = tiling.bands() * tiling.tiles_across();
        let of_axis = |axis| {
            let volume = self.projector.volume();
            let grid = SliceGrid::new(volume.grid(), &volume.content(), axis);
            let camera = self.slice_camera(grid);
            let of_tile = |tile: usize| {
                self.projector.bundles().with(|memory| {
                    let mut bundle = memory.bundle(&camera, &tiling, tile..tile + 1, 1);
                    bundle.set_up(self.instructions);
                    bundle.packs().iter().map(Pack::samples).sum::<usize>()
                })
            };
            (0..tiles).map(of_tile).sum::<usize>()
        };
        self.axes().map(of_axis).sum::<usize>() * self.channels()
    }

    /// The radiograph: line integrals.
    ///
    /// # Shapes
    /// [`image_len`](Self::image_len) values, channels side by side.
    ///
    /// # Errors
    /// If the buffer has another length.
    pub fn forward_into(&self, image: &mut [f32]) -> Result<(), ProjectError> {
        self.check_length("image", image.len())?;
        image.fill(0.0);
        let slices = self.slices();
        for_each_band(image, self.band_len(), self.in_parallel(), |band, image| {
            self.march_band(&slices, band, false, |bundle, unit_per_mm, rows| {
                self.run(Values { bundle, unit_per_mm, rows, image });
            });
        });
        Ok(())
    }

    /// The radiograph and its derivative for the six components of a [`PivotMotion`] about the
    /// pivot; see [`JetImage`].
    ///
    /// # Shapes
    /// [`image_len`](Self::image_len) values in both, channels side by side.
    ///
    /// # Errors
    /// If a buffer has another length.
    pub fn jet_into(
        &self,
        pivot_world_mm: Vector3<f64>,
        image: &mut [f32],
        jacobian: &mut [[f32; 6]],
    ) -> Result<(), ProjectError> {
        self.check_length("image", image.len())?;
        self.check_length("jacobian", jacobian.len())?;
        image.fill(0.0);
        jacobian.fill([0.0; 6]);
        let slices = self.slices();
        let pivot_camera_mm = self.pivot_camera_mm(pivot_world_mm);
        let task = |band, image: &mut [f32], jacobian: &mut [[f32; 6]]| {
            self.march_band(&slices, band, true, |bundle, unit_per_mm, rows| {
                let values = Values { bundle, unit_per_mm, rows, image };
                self.run(Jets { values, pivot_camera_mm, jacobian });
            });
        };
        for_each_band_of_two(image, jacobian, self.band_len(), self.in_parallel(), task);
        Ok(())
    }

    /// The radiograph and its derivative along one direction in pose space: radians and
    /// millimetres of a motion about the pivot per unit of whatever the derivative is for.
    ///
    /// Both are linear in the volume; [`tangent_adjoint_into`](Self::tangent_adjoint_into) is the
    /// transpose.
    ///
    /// # Shapes
    /// [`image_len`](Self::image_len) values in both, channels side by side.
    ///
    /// # Errors
    /// If a buffer has another length.
    pub fn tangent_into(
        &self,
        pivot_world_mm: Vector3<f64>,
        motion: &PivotMotion,
        image: &mut [f32],
        tangent: &mut [f32],
    ) -> Result<(), ProjectError> {
        self.check_length("image", image.len())?;
        self.check_length("tangent", tangent.len())?;
        image.fill(0.0);
        tangent.fill(0.0);
        let slices = self.slices();
        let (pivot_camera_mm, motion) = (self.pivot_camera_mm(pivot_world_mm), *motion);
        let task = |band, image: &mut [f32], tangent: &mut [f32]| {
            self.march_band(&slices, band, true, |bundle, unit_per_mm, rows| {
                let values = Values { bundle, unit_per_mm, rows, image };
                self.run(Tangents { values, pivot_camera_mm, motion, tangent });
            });
        };
        for_each_band_of_two(image, tangent, self.band_len(), self.in_parallel(), task);
        Ok(())
    }

    /// The contracted jet: the derivative of a scalar for the six components of a motion about the
    /// pivot, given its derivative for each pixel. The Jacobian of the image is not stored.
    ///
    /// # Shapes
    /// [`image_len`](Self::image_len) values, channels side by side.
    ///
    /// # Errors
    /// If the buffer has another length or a value that is not finite.
    pub fn contracted_jet(
        &self,
        pivot_world_mm: Vector3<f64>,
        image_gradient: &[f32],
    ) -> Result<Vector6<f64>, ProjectError> {
        self.check_values("image gradient", image_gradient)?;
        let slices = self.slices();
        let pivot_camera_mm = self.pivot_camera_mm(pivot_world_mm);
        let mut of_bands = vec![[0.0_f64; 6]; self.tiling().bands()];
        for_each_band(&mut of_bands, 1, self.in_parallel(), |band, of_band| {
            let image_gradient = &image_gradient[band * self.band_len()..];
            for pose_gradient in of_band {
                self.march_band(&slices, band, true, |bundle, unit_per_mm, rows| {
                    let image_gradient = &image_gradient;
                    self.run(Contraction {
                        bundle,
                        unit_per_mm,
                        rows,
                        pivot_camera_mm,
                        image_gradient,
                        pose_gradient,
                    });
                });
            }
        });
        // Band after band: the same sum whatever the number of threads.
        Ok(of_bands.into_iter().map(Vector6::from).sum())
    }

    pub(crate) fn channels(&self) -> usize {
        self.projector.volume().channels().len()
    }

    pub(crate) fn pivot_camera_mm(&self, pivot_world_mm: Vector3<f64>) -> Vector3<f64> {
        self.camera_from_world.point(pivot_world_mm)
    }

    pub(crate) fn tiling(&self) -> Tiling {
        Tiling::new(self.camera.size_px)
    }

    pub(crate) fn run(&self, task: impl Task) {
        self.instructions.run(task);
    }

    /// The axes that rays march along.
    pub(crate) fn axes(&self) -> impl Iterator<Item = MarchAxis> + '_ {
        MarchAxis::ALL.into_iter().filter(|axis| self.axes_in_use[axis.number()])
    }

    /// The camera before slices of the volume.
    pub(crate) fn slice_camera(&self, grid: SliceGrid) -> SliceCamera {
        let is_mixed = self.axes().count() > 1;
        SliceCamera::new(&self.camera, grid, is_mixed.then_some(self.axis))
    }

    pub(crate) fn check_length(
        &self,
        what: &'static str,
        found: usize,
    ) -> Result<(), ProjectError> {
        let expected = self.image_len();
        if found == expected { Ok(()) } else { Err(ProjectError::Length { what, found, expected }) }
    }

    pub(crate) fn check_values(
        &self,
        what: &'static str,
        values: &[f32],
    ) -> Result<(), ProjectError> {
        self.check_length(what, values.len())?;
        match values.iter().enumerate().find(|(_, value)| !value.is_finite()) {
            Some((at, &value)) => Err(ProjectError::NotFinite { what, at, value }),
            None => Ok(()),
        }
    }

    /// The copies of the volume in use; made now, before tasks ask for them side by side.
    fn slices(&self) -> [Option<&'a Slices>; 3] {
        MarchAxis::ALL
            .map(|axis| self.axes_in_use[axis.number()].then(|| self.projector.slices(axis)))
    }

    /// Values of an image in a band of rows.
    fn band_len(&self) -> usize {
        ROWS_PER_TILE * self.camera.size_px[0] * self.channels()
    }

    fn in_parallel(&self) -> bool {
        let [columns, rows] = self.camera.size_px;
        columns * rows > FEW_PIXELS
    }

    /// Marches the rays of a band of rows, tile by tile, and hands each tile on.
    fn march_band(
        &self,
        slices: &[Option<&Slices>; 3],
        band: usize,
        jet: bool,
        mut finish: impl FnMut(&mut Bundle<'_>, f64, Rows),
    ) {
        let tiling = self.tiling();
        let channels = self.channels();
        let rows =
            Rows { first_row: band * ROWS_PER_TILE, columns: self.camera.size_px[0], channels };
        self.projector.bundles().with(|memory| {
            for slices in slices.iter().flatten() {
                let camera = self.slice_camera(slices.grid);
                for tile in (0..tiling.tiles_across()).map(|n| band * tiling.tiles_across() + n) {
                    let mut bundle = memory.bundle(&camera, &tiling, tile..tile + 1, channels);
                    bundle.set_up(self.instructions);
                    bundle.march(self.instructions, slices, jet);
                    finish(&mut bundle, slices.step_per_mm, rows);
                }
            }
        });
    }
}

impl Exposure<'_, AttenuationVolume> {
    /// The radiograph: line integrals, dimensionless.
    #[must_use]
    pub fn forward(&self) -> Image {
        let mut image = Image::zeros(self.camera.size_px);
        // The image is made with the right size.
        let _ = self.forward_into(image.pixels_mut());
        image
    }

    /// The radiograph and its derivative for the six components of a [`PivotMotion`] about the
    /// pivot.
    #[must_use]
    pub fn jet(&self, pivot_world_mm: Vector3<f64>) -> JetImage {
        let mut image = Image::zeros(self.camera.size_px);
        let mut jacobian = vec![[0.0; 6]; image.pixels().len()];
        let _ = self.jet_into(pivot_world_mm, image.pixels_mut(), &mut jacobian);
        JetImage { image, jacobian }
    }

    /// The radiograph and its derivative along one direction in pose space.
    #[must_use]
    pub fn tangent(&self, pivot_world_mm: Vector3<f64>, motion: &PivotMotion) -> TangentImage {
        let [mut image, mut tangent] = [(); 2].map(|()| Image::zeros(self.camera.size_px));
        let pixels = (image.pixels_mut(), tangent.pixels_mut());
        let _ = self.tangent_into(pivot_world_mm, motion, pixels.0, pixels.1);
        TangentImage { image, tangent }
    }

    /// [`contracted_jet`](Self::contracted_jet) of an image.
    ///
    /// # Errors
    /// If the image has another size or a pixel that is not finite.
    pub fn pose_gradient(
        &self,
        pivot_world_mm: Vector3<f64>,
        image_gradient: &Image,
    ) -> Result<Vector6<f64>, ProjectError> {
        self.contracted_jet(pivot_world_mm, image_gradient.pixels())
    }
}

/// Runs a task per band of rows.
fn for_each_band<T: Send>(
    items: &mut [T],
    band_len: usize,
    in_parallel: bool,
    task: impl Fn(usize, &mut [T]) + Sync,
) {
    if in_parallel {
        items.par_chunks_mut(band_len).enumerate().for_each(|(n, band)| task(n, band));
    } else {
        items.chunks_mut(band_len).enumerate().for_each(|(n, band)| task(n, band));
    }
}

/// Runs a task per band of two images.
fn for_each_band_of_two<S: Send, T: Send>(
    first: &mut [S],
    second: &mut [T],
    band_len: usize,
    in_parallel: bool,
    task: impl Fn(usize, &mut [S], &mut [T]) + Sync,
) {
    if in_parallel {
        let both = first.par_chunks_mut(band_len).zip(second.par_chunks_mut(band_len));
        both.enumerate().for_each(|(n, (first, second))| task(n, first, second));
    } else {
        let both = first.chunks_mut(band_len).zip(second.chunks_mut(band_len));
        both.enumerate().for_each(|(n, (first, second))| task(n, first, second));
    }
}
