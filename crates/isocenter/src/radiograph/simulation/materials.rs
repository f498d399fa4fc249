//! Two materials of a CT: water, which stands for all soft tissue, and bone.
//!
//! Each voxel's attenuation is shared between them by its Hounsfield units
//! ([`BeamHardeningConfig::bone_share`]); the two add up to the attenuation map's value.

use crate::radiograph::Image;
use crate::volume::{AttenuationMap, AttenuationVolume, Volume, VolumeError};

use super::beam::BeamHardeningConfig;
use super::error::SimulationError;

/// A CT's attenuation (1/mm) by material.
#[derive(Debug, Clone)]
pub struct MaterialVolumes {
    /// None where no voxel holds any.
    water: Option<AttenuationVolume>,
    bone: Option<AttenuationVolume>,
}

impl MaterialVolumes {
    /// From a CT in Hounsfield units. Without beam hardening all is taken as water, and the voxels
    /// are those of [`AttenuationVolume::from_hounsfield`].
    ///
    /// # Errors
    /// If a voxel is not finite, or none attenuates.
    pub fn from_hounsfield(
        ct: Volume<f32>,
        map: &AttenuationMap,
        beam_hardening: Option<&BeamHardeningConfig>,
    ) -> Result<Self, VolumeError> {
        let Some(config) = beam_hardening else {
            return Ok(Self {
                water: Some(AttenuationVolume::from_hounsfield(ct, map)?),
                bone: None,
            });
        };
        ct.check_finite()?;
        let bone = ct.map(|hu| config.bone_share(hu) * map.per_mm(hu));
        let water = ct.map(|hu| (1.0 - config.bone_share(hu)) * map.per_mm(hu));
        let unless_empty = |volume| match AttenuationVolume::from_per_mm(volume) {
            Err(VolumeError::OnlyAir) => Ok(None),
            other => other.map(Some),
        };
        match (unless_empty(water)?, unless_empty(bone)?) {
            (None, None) => Err(VolumeError::OnlyAir),
            (water, bone) => Ok(Self { water, bone }),
        }
    }

    /// Water and bone, each if there is any: for those who render the same CT many times and keep
    /// a projector for each.
    #[must_use]
    pub fn into_water_and_bone(self) -> [Option<AttenuationVolume>; 2] {
        [self.water, self.bone]
    }

    /// Renders both materials, by any projector.
    ///
    /// # Errors
    /// Those of the projector.
    ///
    /// # Examples
    /// ```
    /// use isocenter::geometry::{Camera, View};
    /// use isocenter::project::Projector;
    /// use isocenter::radiograph::simulation::{BeamHardeningConfig, MaterialVolumes};
    /// use isocenter::volume::{AttenuationMap, Phantom, PhantomConfig};
    /// let config = PhantomConfig { spacing_mm: 8.0, ..PhantomConfig::default() };
    /// let ct = Phantom::generate(&config).unwrap().ct;
    /// let ap = View::AP.camera_from_world(ct.center_world_mm(), 700.0);
    /// let camera = Camera::new(1020.0, [9.6, 9.6], [32, 32]).unwrap();
    /// let hardening = BeamHardeningConfig::default();
    /// let volumes =
    ///     MaterialVolumes::from_hounsfield(ct, &AttenuationMap::default(), Some(&hardening)).unwrap();
    /// let images = volumes.render(|v| Projector::new(v.clone()).forward(&camera, &ap)).unwrap();
    /// assert!(images.bone.unwrap().range().1 > 0.3);
    /// ```
    pub fn render<E>(
        &self,
        mut projector: impl FnMut(&AttenuationVolume) -> Result<Image, E>,
    ) -> Result<MaterialImages, E> {
        let mut image =
            |volume: &Option<AttenuationVolume>| volume.as_ref().map(&mut projector).transpose();
        let (water, bone) = (image(&self.water)?, image(&self.bone)?);
        let empty = || Image::zeros(bone.as_ref().map_or([1, 1], Image::size_px));
        Ok(MaterialImages { water: water.unwrap_or_else(empty), bone })
    }
}

/// Line integrals of the linear attenuation map (dimensionless), by material.
#[derive(Debug, Clone, PartialEq)]
pub struct MaterialImages {
    /// Through water and soft tissue; through everything where there is no image of bone.
    pub water: Image,
    /// Through bone.
    pub bone: Option<Image>,
}

impl MaterialImages {
    pub(super) fn check(&self, expected: [usize; 2]) -> Result<(), SimulationError> {
        let bone = self.bone.as_ref().map(|image| ("bone", image));
        for (material, image) in [("water", &self.water)].into_iter().chain(bone) {
            let found = image.size_px();
            if found != expected {
                return Err(SimulationError::Size { material, found, expected });
            }
            if let Some(&value) = image.pixels().iter().find(|p| !p.is_finite()) {
                return Err(SimulationError::NotFinite { material, value });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    //! Proves: the materials add up to the map's attenuation, a CT of bone alone and one without
    //! bone are taken, and one of air alone is refused.
    use super::*;
    use crate::volume::Affine;

    fn ct(hu: [f32; 4]) -> Volume<f32> {
        let affine = Affine::from_spacing([1.0; 3], [0.0; 3]).unwrap();
        Volume::new([4, 2, 2], [hu, hu, hu, hu].concat(), affine).unwrap()
    }

    #[test]
    fn materials_add_up() {
        let (map, config) = (AttenuationMap::default(), BeamHardeningConfig::default());
        let hu = [-500.0, 50.0, 300.0, 1500.0];
        let volumes = MaterialVolumes::from_hounsfield(ct(hu), &map, Some(&config)).unwrap();
        let voxels = |volume: &Option<AttenuationVolume>| {
            volume.as_ref().unwrap().volume().voxels()[..4].to_vec()
        };
        let (water, bone) = (voxels(&volumes.water), voxels(&volumes.bone));
        assert_eq!((bone[1], water[3]), (0.0, 0.0));
        assert!((bone[2] - 0.5 * map.per_mm(300.0)).abs() < 1e-9);
        for n in 0..4 {
            assert!((water[n] + bone[n] - map.per_mm(hu[n])).abs() < 1e-8);
        }
    }

    #[test]
    fn one_material_may_be_missing() {
        let (map, config) = (AttenuationMap::default(), BeamHardeningConfig::default());
        let volumes = |hu| MaterialVolumes::from_hounsfield(ct([hu; 4]), &map, Some(&config));
        let render = |v: &AttenuationVolume| {
            let mean = v.volume().voxels()[0];
            Ok::<Image, VolumeError>(Image::zeros([3, 2]).map(|_| mean))
        };
        let soft = volumes(0.0).unwrap().render(render).unwrap();
        assert_eq!((soft.water.get(2, 1), soft.bone), (Some(0.02), None));
        let hard = volumes(1000.0).unwrap().render(render).unwrap();
        assert_eq!((hard.water, hard.bone.unwrap().get(2, 1)), (Image::zeros([3, 2]), Some(0.04)));
        assert_eq!(volumes(-1000.0).unwrap_err(), VolumeError::OnlyAir);
        let [water, bone] = volumes(300.0).unwrap().into_water_and_bone();
        assert_eq!(water, bone, "half is half");
    }
}
