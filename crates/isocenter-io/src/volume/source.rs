//! A volume about to be read, of whatever format.

use isocenter::volume::{Affine, Volume};

use super::{VoxelError, index_of};
use crate::error::{FileProblem, one_line};
use crate::open::Stream;
use crate::samples::ByteOrder;
use crate::voxels::{self, Layout, count_of};

/// What a header says, and the stream of voxels behind it.
pub(super) struct Source {
    pub(super) dims: [usize; 3],
    pub(super) world_from_index: Affine,
    pub(super) layout: Layout,
    /// Stands at the first voxel.
    pub(super) stream: Stream,
    /// The error if more follows the voxels, where nothing may.
    pub(super) more_follows: Option<FileProblem>,
    /// The name of the file with the voxels beside the header, where it is not the header's.
    pub(super) data_file: Option<String>,
}

impl Source {
    /// The voxels as they are.
    pub(super) fn ct(self) -> Result<Volume<f32>, FileProblem> {
        let (dims, world_from_index) = (self.dims, self.world_from_index);
        Ok(Volume::new(dims, self.voxels(|value| value as f32)?, world_from_index)?)
    }

    /// How the voxels are written, in words.
    pub(super) fn encoding(&self) -> String {
        let Layout { sample_type, byte_order, scaling } = self.layout;
        let order = match byte_order {
            _ if sample_type.bytes() == 1 => "",
            ByteOrder::Little => ", little endian",
            ByteOrder::Big => ", big endian",
        };
        let scaled = if scaling.is_some() { ", scaled" } else { "" };
        format!("{}{order}{scaled}", sample_type.name())
    }

    /// The voxels as labels.
    pub(super) fn labels(self) -> Result<Volume<u16>, FileProblem> {
        let (dims, world_from_index) = (self.dims, self.world_from_index);
        let (mut at, mut wrong) = (0_usize, None);
        let labels = self.voxels(|value| {
            let label = value as u16;
            if f64::from(label) != value && wrong.is_none() {
                wrong = Some(VoxelError::Label { index: index_of(at, dims), value });
            }
            at += 1;
            label
        })?;
        match wrong {
            Some(error) => Err(error.into()),
            None => Ok(Volume::new(dims, labels, world_from_index)?),
        }
    }

    fn voxels<T>(mut self, convert: impl FnMut(f64) -> T) -> Result<Vec<T>, FileProblem> {
        let count = count_of(self.dims)?;
        let read = voxels::read(&mut self.stream, &self.layout, count, convert);
        let checked = read.and_then(|voxels| match (self.stream.finish()?, self.more_follows) {
            (false, Some(problem)) => Err(problem),
            _ => Ok(voxels),
        });
        checked.map_err(|problem| match self.data_file {
            Some(name) => {
                FileProblem::DataFile { name: one_line(&name), problem: Box::new(problem) }
            }
            None => problem,
        })
    }
}
