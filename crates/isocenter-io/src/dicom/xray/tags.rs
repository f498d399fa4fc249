//! Where the tags of a frame stand: in the data set itself, or, in enhanced files, in the functional
//! groups of the frame or in those that all frames share.

use super::super::error::DicomError;
use super::super::tag::{self, Tag};
use super::super::value::{DataSet, wrong};

/// The sequences of functional groups whose tags are asked for.
const GROUPS: [Tag; 5] = [
    tag::PROJECTION_PIXEL_CALIBRATION_SEQUENCE,
    tag::POSITIONER_POSITION_SEQUENCE,
    tag::FIELD_OF_VIEW_SEQUENCE,
    tag::X_RAY_GEOMETRY_SEQUENCE,
    tag::FRAME_PIXEL_DATA_PROPERTIES_SEQUENCE,
];

/// The tags of one frame.
#[derive(Debug, Clone)]
pub(super) struct FrameTags<'a> {
    /// The frame, from 0.
    pub(super) frame: usize,
    /// The most particular data set first.
    layers: Vec<DataSet<'a>>,
}

impl<'a> FrameTags<'a> {
    /// Those of a frame, from 0.
    pub(super) fn new(all: DataSet<'a>, frame: usize) -> Self {
        let own = all.items(tag::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).nth(frame);
        let shared = all.item(tag::SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
        let mut layers = Vec::new();
        for groups in [own, shared].into_iter().flatten() {
            layers.extend(GROUPS.into_iter().filter_map(|sequence| groups.item(sequence)));
        }
        layers.push(all);
        Self { frame, layers }
    }

    pub(super) fn text(&self, tag: Tag) -> Option<String> {
        self.layers.iter().find_map(|layer| layer.text(tag))
    }

    /// All numbers of a value.
    pub(super) fn list(
        &self,
        tag: Tag,
        expected: &'static str,
    ) -> Result<Option<Vec<f64>>, DicomError> {
        for layer in &self.layers {
            if let Some(list) = layer.list(tag, expected)? {
                return Ok(Some(list));
            }
        }
        Ok(None)
    }

    /// So many numbers, each between limits.
    pub(super) fn within<const COUNT: usize>(
        &self,
        tag: Tag,
        [least, most]: [f64; 2],
        expected: &'static str,
    ) -> Result<Option<[f64; COUNT]>, DicomError> {
        let Some(list) = self.list(tag, expected)? else { return Ok(None) };
        let numbers = <[f64; COUNT]>::try_from(list.as_slice()).ok();
        match numbers.filter(|all| all.iter().all(|n| (least..=most).contains(n))) {
            Some(numbers) => Ok(Some(numbers)),
            None => {
                let shown: Vec<String> = list.iter().map(ToString::to_string).collect();
                Err(wrong(tag, &shown.join("\\"), expected))
            }
        }
    }

    /// A length; 0, which is how some machines write that they do not know it, is an error too.
    pub(super) fn length(
        &self,
        tag: Tag,
        most: f64,
        expected: &'static str,
    ) -> Result<Option<f64>, DicomError> {
        let length = self.within::<1>(tag, [f64::MIN_POSITIVE, most], expected)?;
        Ok(length.map(|[length]| length))
    }
}
