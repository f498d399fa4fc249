//! Volumes that can be projected: of one value per voxel, or of several.

use super::attenuation::AttenuationVolume;
use super::grid::{Volume, VolumeError};
use super::region::Region;

/// What a projector renders: one or several values per voxel on one grid, all finite.
pub trait Channels: Send + Sync {
    /// The channels; at least one, all on the same grid.
    fn channels(&self) -> &[Volume<f32>];

    /// A box that holds every voxel that is not zero in any channel.
    fn content(&self) -> Region;

    /// The grid that all channels share, with the first channel's voxels.
    fn grid(&self) -> &Volume<f32> {
        &self.channels()[0]
    }
}

impl Channels for AttenuationVolume {
    fn channels(&self) -> &[Volume<f32>] {
        std::slice::from_ref(self.volume())
    }

    fn content(&self) -> Region {
        *self.content()
    }
}

/// Several values per voxel on one grid, such as the features that a network makes of a CT. They
/// may be negative, and zero all over.
///
/// # Examples
/// ```
/// use isocenter::volume::{Affine, Channels, ChannelVolume, Volume};
/// let world_from_index = Affine::from_spacing([1.0; 3], [0.0; 3]).unwrap();
/// let channel = |value: f32| Volume::new([4, 4, 4], vec![value; 64], world_from_index).unwrap();
/// let features = ChannelVolume::new(vec![channel(0.5), channel(-1.0)]).unwrap();
/// assert_eq!(features.channels().len(), 2);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelVolume {
    channels: Vec<Volume<f32>>,
}

impl ChannelVolume {
    /// From volumes on the same grid, one per channel.
    ///
    /// # Errors
    /// If there is none, if their grids differ, or if a value is not finite.
    pub fn new(channels: Vec<Volume<f32>>) -> Result<Self, VolumeError> {
        let Some(first) = channels.first() else { return Err(VolumeError::NoChannel) };
        for (channel, volume) in channels.iter().enumerate() {
            let same_place = volume.world_from_index() == first.world_from_index();
            if volume.dims() != first.dims() || !same_place {
                return Err(VolumeError::ChannelGrid {
                    channel,
                    found: volume.dims(),
                    expected: first.dims(),
                });
            }
            volume.check_finite()?;
        }
        Ok(Self { channels })
    }

    /// The channels, taken apart.
    #[must_use]
    pub fn into_channels(self) -> Vec<Volume<f32>> {
        self.channels
    }
}

impl Channels for ChannelVolume {
    fn channels(&self) -> &[Volume<f32>] {
        &self.channels
    }

    fn content(&self) -> Region {
        Region::whole(self.grid())
    }
}

#[cfg(test)]
mod tests {
    //! Proves: channels that do not belong together, or are no numbers, are refused.
    use super::*;
    use crate::volume::Affine;

    #[test]
    fn what_does_not_belong_together_is_refused() {
        let volume = |side: usize, at: f64, value: f32| {
            let affine = Affine::from_spacing([1.0; 3], [at; 3]).unwrap();
            Volume::new([side; 3], vec![value; side.pow(3)], affine).unwrap()
        };
        assert_eq!(ChannelVolume::new(vec![]), Err(VolumeError::NoChannel));
        let larger = ChannelVolume::new(vec![volume(2, 0.0, 1.0), volume(3, 0.0, 1.0)]);
        assert!(matches!(larger, Err(VolumeError::ChannelGrid { channel: 1, .. })));
        let elsewhere = ChannelVolume::new(vec![volume(2, 0.0, 1.0), volume(2, 1.0, 1.0)]);
        assert!(matches!(elsewhere, Err(VolumeError::ChannelGrid { channel: 1, .. })));
        let nan = ChannelVolume::new(vec![volume(2, 0.0, 1.0), volume(2, 0.0, f32::NAN)]);
        assert!(matches!(nan, Err(VolumeError::NotFinite { count: 8, .. })));
        assert!(ChannelVolume::new(vec![volume(2, 0.0, 0.0), volume(2, 0.0, -1.0)]).is_ok());
    }
}
