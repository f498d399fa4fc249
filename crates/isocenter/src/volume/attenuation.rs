//! From Hounsfield units to linear attenuation.
//!
//! By definition `HU = 1000 (mu - mu_water) / mu_water`, so `mu = mu_water (1 + HU/1000)`. What
//! would attenuate less than nothing (padding such as -2048 HU) is taken as air. The other maps
//! bend this line where users of DRRs bend it: to hide soft tissue or to stress bone.

use std::str::FromStr;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::grid::{Volume, VolumeError};
use super::region::Region;
use super::scanned::Scanned;

/// The linear attenuation of water at C-arm energies that the reference images use (1/mm).
pub const WATER_PER_MM: f64 = 0.02;

/// Larger thresholds (HU) and weights are slips of the pen.
const MOST: f64 = 1e6;

/// How Hounsfield units become linear attenuation (1/mm).
///
/// # Examples
/// ```
/// use isocenter::volume::AttenuationMap;
/// let map = AttenuationMap::default();
/// assert_eq!(map.per_mm(0.0), 0.02); // water
/// assert_eq!(map.per_mm(-2048.0), 0.0); // padding is air
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "map", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum AttenuationMap {
    /// `max(0, water * (1 + HU/1000))`.
    Linear {
        /// Attenuation of water (1/mm).
        water_per_mm: f64,
    },
    /// The linear map above a threshold, zero below it.
    Thresholded {
        /// Attenuation of water (1/mm).
        water_per_mm: f64,
        /// Lowest value that attenuates (HU).
        threshold_hu: f64,
    },
    /// What exceeds a value: `water * max(0, HU - reference) / 1000`. In an X-ray, bone stands out
    /// from the tissue that it displaces; a bone without its tissue (`--mask`) looks like that when
    /// the tissue's attenuation is taken off.
    Excess {
        /// Attenuation of water (1/mm).
        water_per_mm: f64,
        /// What does not stand out (HU).
        reference_hu: f64,
    },
    /// The linear map, with what bone has beyond the threshold multiplied by a weight.
    BoneWeighted {
        /// Attenuation of water (1/mm).
        water_per_mm: f64,
        /// Where bone begins (HU).
        threshold_hu: f64,
        /// Factor on the attenuation beyond the threshold's.
        weight: f64,
    },
}

impl AttenuationMap {
    /// For a structure without what surrounds it, in an X-ray that shows the whole patient: what
    /// exceeds soft tissue with contrast agent.
    pub const OF_STRUCTURE: Self = Self::Excess { water_per_mm: WATER_PER_MM, reference_hu: 150.0 };
}

impl Default for AttenuationMap {
    fn default() -> Self {
        Self::Linear { water_per_mm: WATER_PER_MM }
    }
}

impl AttenuationMap {
    /// The attenuation (1/mm) of a value in HU.
    #[must_use]
    pub fn per_mm(&self, hu: f32) -> f32 {
        let linear = |water: f64, hu: f64| (water * (1.0 + hu / 1000.0)).max(0.0);
        let hu = f64::from(hu);
        let per_mm = match *self {
            Self::Linear { water_per_mm } => linear(water_per_mm, hu),
            Self::Thresholded { water_per_mm, threshold_hu } => {
                if hu < threshold_hu {
                    0.0
                } else {
                    linear(water_per_mm, hu)
                }
            }
            Self::Excess { water_per_mm, reference_hu } => {
                water_per_mm * (hu - reference_hu).max(0.0) / 1000.0
            }
            Self::BoneWeighted { water_per_mm, threshold_hu, weight } => {
                let excess = (hu - threshold_hu).max(0.0);
                linear(water_per_mm, hu) + water_per_mm * excess / 1000.0 * (weight - 1.0)
            }
        };
        per_mm as f32
    }
}

/// A text that is not an attenuation map.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "'{found}' is not an attenuation map: write linear, thresholded:HU such as thresholded:150, excess:HU such as excess:0, or bone-weighted:HU:WEIGHT such as bone-weighted:200:3"
)]
pub struct ParseAttenuationMapError {
    /// The text.
    pub found: String,
}

impl FromStr for AttenuationMap {
    type Err = ParseAttenuationMapError;

    fn from_str(text: &str) -> Result<Self, ParseAttenuationMapError> {
        let refused = || ParseAttenuationMapError { found: text.to_owned() };
        let number = |text: &str| match text.parse::<f64>() {
            Ok(number) if number.abs() <= MOST => Ok(number),
            _ => Err(refused()),
        };
        let parts: Vec<&str> = text.split(':').collect();
        let water_per_mm = WATER_PER_MM;
        match parts[..] {
            ["linear"] => Ok(Self::Linear { water_per_mm }),
            ["thresholded", hu] => {
                Ok(Self::Thresholded { water_per_mm, threshold_hu: number(hu)? })
            }
            ["excess", hu] => Ok(Self::Excess { water_per_mm, reference_hu: number(hu)? }),
            ["bone-weighted", hu, weight] => Ok(Self::BoneWeighted {
                water_per_mm,
                threshold_hu: number(hu)?,
                // A negative one would make bone brighter than air.
                weight: number(weight)
                    .and_then(|w| if w < 0.0 { Err(refused()) } else { Ok(w) })?,
            }),
            _ => Err(refused()),
        }
    }
}

/// A volume of linear attenuation (1/mm), every voxel finite, at least one not zero.
#[derive(Debug, Clone, PartialEq)]
pub struct AttenuationVolume {
    volume: Volume<f32>,
    content: Region,
    scanned: Scanned,
}

impl AttenuationVolume {
    /// From a CT in Hounsfield units. The voxels are converted in place.
    ///
    /// # Errors
    /// If a voxel is not finite, or none attenuates.
    pub fn from_hounsfield(mut ct: Volume<f32>, map: &AttenuationMap) -> Result<Self, VolumeError> {
        ct.check_finite()?;
        let scanned = Scanned::of_hounsfield(&ct);
        ct.voxels_mut().par_iter_mut().for_each(|voxel| *voxel = map.per_mm(*voxel));
        Ok(Self { scanned, ..Self::from_per_mm(ct)? })
    }

    /// From a volume that holds linear attenuation (1/mm) already.
    ///
    /// # Errors
    /// If a voxel is not finite, or all are zero.
    pub fn from_per_mm(volume: Volume<f32>) -> Result<Self, VolumeError> {
        volume.check_finite()?;
        let content = Region::of_nonzero(&volume).ok_or(VolumeError::OnlyAir)?;
        let scanned = Scanned::whole(&volume);
        Ok(Self { volume, content, scanned })
    }

    /// The voxels (1/mm) and where they lie.
    #[must_use]
    pub fn volume(&self) -> &Volume<f32> {
        &self.volume
    }

    /// The smallest box that holds everything that is not air.
    #[must_use]
    pub fn content(&self) -> &Region {
        &self.content
    }

    /// Where the scan ends.
    #[must_use]
    pub fn scanned(&self) -> &Scanned {
        &self.scanned
    }

    /// The same volume, scanned elsewhere.
    pub(super) fn with_scanned(self, scanned: Scanned) -> Self {
        Self { scanned, ..self }
    }
}

#[cfg(test)]
mod tests {
    //! Proves: the maps at known points, and that NaN and empty volumes are refused.
    use super::*;
    use crate::volume::Affine;

    #[test]
    fn maps_at_known_points() {
        let linear = AttenuationMap::default();
        assert_eq!(linear.per_mm(-1000.0), 0.0);
        assert_eq!(linear.per_mm(1000.0), 0.04);
        let bone = AttenuationMap::Thresholded { water_per_mm: 0.02, threshold_hu: 150.0 };
        assert_eq!(bone.per_mm(149.0), 0.0);
        assert_eq!(bone.per_mm(500.0), 0.03);
        let excess = AttenuationMap::OF_STRUCTURE;
        assert_eq!((excess.per_mm(150.0), excess.per_mm(650.0)), (0.0, 0.01));
        let weighted =
            AttenuationMap::BoneWeighted { water_per_mm: 0.02, threshold_hu: 0.0, weight: 2.0 };
        assert_eq!(weighted.per_mm(-500.0), 0.01);
        assert_eq!(weighted.per_mm(1000.0), 0.06);
    }

    #[test]
    fn maps_are_parsed() {
        assert_eq!("linear".parse(), Ok(AttenuationMap::default()));
        assert_eq!("excess:150".parse(), Ok(AttenuationMap::OF_STRUCTURE));
        let bone: AttenuationMap = "bone-weighted:200:3".parse().unwrap();
        assert!(matches!(
            bone,
            AttenuationMap::BoneWeighted { threshold_hu: 200.0, weight: 3.0, .. }
        ));
        for text in [
            "",
            "thresholded",
            "thresholded:x",
            "thresholded:nan",
            "thresholded:1e9",
            "linear:1",
            "bone-weighted:200:-1",
        ] {
            assert!(text.parse::<AttenuationMap>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_cannot_attenuate_is_refused() {
        let affine = Affine::from_spacing([1.0; 3], [0.0; 3]).unwrap();
        let volume = |value| Volume::new([2, 2, 2], vec![value; 8], affine).unwrap();
        let map = AttenuationMap::default();
        assert_eq!(
            AttenuationVolume::from_hounsfield(volume(-1000.0), &map),
            Err(VolumeError::OnlyAir)
        );
        assert!(matches!(
            AttenuationVolume::from_hounsfield(volume(f32::NAN), &map),
            Err(VolumeError::NotFinite { count: 8, .. })
        ));
        assert!(AttenuationVolume::from_hounsfield(volume(0.0), &map).is_ok());
    }
}
