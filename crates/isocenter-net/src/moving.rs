//! The moving volume: the CT as the network's volume residual wants it.

use isocenter::volume::{AttenuationVolume, Volume, VolumeError};

/// The attenuation of water (1/mm): what the network's volumes are relative to.
const WATER_PER_MM: f32 = 0.02;

/// A CT in the network's units: attenuation over that of water, cropped to what is not air.
#[derive(Debug, Clone)]
pub struct MovingVolume {
    /// Attenuation over that of water (dimensionless).
    pub relative_attenuation: Volume<f32>,
    /// h, the unit of translations: half the longest edge of what is not air (mm).
    pub half_extent_mm: f64,
}

impl MovingVolume {
    /// With voxels of about a spacing (mm): those of the CT are binned by whole factors.
    ///
    /// # Errors
    /// If fewer than two voxels would be left along an axis.
    ///
    /// # Examples
    /// ```
    /// use isocenter::volume::{AttenuationMap, AttenuationVolume, Phantom, PhantomConfig};
    /// use isocenter_net::moving::MovingVolume;
    /// let config = PhantomConfig { spacing_mm: 4.0, ..PhantomConfig::default() };
    /// let ct = Phantom::generate(&config).unwrap().ct;
    /// let ct = AttenuationVolume::from_hounsfield(ct, &AttenuationMap::default()).unwrap();
    /// let moving = MovingVolume::new(&ct, 8.0).unwrap();
    /// let spacing = moving.relative_attenuation.world_from_index().spacing_mm();
    /// assert!((spacing[0] - 8.0).abs() < 1e-9);
    /// ```
    pub fn new(ct: &AttenuationVolume, voxel_spacing_mm: f64) -> Result<Self, VolumeError> {
        let cropped = AttenuationVolume::from_per_mm(ct.volume().cropped(ct.content())?)?;
        let spacing = cropped.volume().world_from_index().spacing_mm();
        let dims = cropped.volume().dims();
        let longest = (0..3).map(|a| spacing[a] * dims[a] as f64).fold(0.0, f64::max);
        let binned = cropped.volume().binned(cropped.binning_factors(voxel_spacing_mm))?;
        let relative_attenuation = binned.map(|per_mm| per_mm / WATER_PER_MM);
        Ok(Self { relative_attenuation, half_extent_mm: longest / 2.0 })
    }
}
