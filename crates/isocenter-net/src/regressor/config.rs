//! The architecture as data.

use serde::{Deserialize, Serialize};

use super::range::PoseRange;
use super::{FEATURES, VOLUME_CHANNELS};
use crate::error::NetError;
use crate::network::Normalization;
use crate::network::config::check_size;

/// Pixels of an image along each of the map's.
const IMAGE_REDUCTION: usize = 4;

/// Pixels of an image for each voxel of the CT.
const PIXELS_PER_VOXEL: usize = 2;

/// The architecture of a [`Regressor`](super::Regressor).
///
/// # Examples
/// ```
/// use isocenter_net::regressor::RegressorConfig;
/// let published = RegressorConfig::published();
/// assert_eq!((published.cube_voxels(), published.voxel_mm()), (128, 2.0));
/// let oblong = RegressorConfig { size_px: [64, 128], ..published };
/// assert!(oblong.check().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegressorConfig {
    /// [columns, rows] of the images: equal, and divisible by 32.
    pub size_px: [usize; 2],
    /// What normalises the maps.
    pub normalization: Normalization,
    /// The part of channels that training leaves out.
    pub dropout: f64,
    /// The side of the cube about the pivot in which the CT is seen (mm).
    pub cube_mm: f64,
    /// How far a pose may be from the nominal one.
    pub range: PoseRange,
}

impl RegressorConfig {
    /// The published architecture, with ranges like those that are written into the authors' programs.
    ///
    /// # References
    /// arXiv:2305.06252
    #[must_use]
    pub fn published() -> Self {
        Self {
            size_px: [256, 256],
            normalization: Normalization::Batch,
            dropout: 0.2,
            cube_mm: 256.0,
            range: PoseRange { rotation_deg: 20.0, in_plane_mm: 30.0, depth_mm: 75.0 },
        }
    }

    /// Checks that the architecture can be built.
    ///
    /// # Errors
    /// The first setting that makes no sense.
    pub fn check(&self) -> Result<(), NetError> {
        let refused =
            |name, found: String, expected| Err(NetError::Setting { name, found, expected });
        check_size(self.size_px)?;
        let [columns, rows] = self.size_px;
        if columns != rows {
            let found = format!("{:?}", self.size_px);
            return refused("network.size_px", found, "two equal sides, for a regressor");
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return refused("network.dropout", self.dropout.to_string(), "at least 0 and below 1");
        }
        if !(10.0..=2000.0).contains(&self.cube_mm) {
            return refused("network.cube_mm", self.cube_mm.to_string(), "10 to 2000");
        }
        self.range.check()
    }

    /// Voxels along each side of the CT's cube.
    #[must_use]
    pub fn cube_voxels(&self) -> usize {
        self.size_px[0] / PIXELS_PER_VOXEL
    }

    /// The side of a voxel of that cube (mm).
    #[must_use]
    pub fn voxel_mm(&self) -> f64 {
        self.cube_mm / self.cube_voxels() as f64
    }

    /// Half the cube's side: the unit of shifts (mm).
    #[must_use]
    pub fn half_extent_mm(&self) -> f64 {
        self.cube_mm / 2.0
    }

    /// Pixels along each side of the X-ray's features.
    pub(super) fn features_px(&self) -> usize {
        self.size_px[0] / IMAGE_REDUCTION
    }

    /// The maps that hold as many values as the CT's features.
    pub(super) fn volume_maps(&self) -> usize {
        let side = self.cube_voxels() >> (VOLUME_CHANNELS.len() - 1);
        FEATURES * side.pow(3) / self.features_px().pow(2)
    }
}
