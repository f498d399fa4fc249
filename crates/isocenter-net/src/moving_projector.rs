//! The CT in front of the network's camera: with the features that are added to it, and as it is where the
//! metric of the pose gradient asks for that.

use isocenter::geometry::{Camera, RigidTransform};
use isocenter::project::{ProjectError, Projector};
use isocenter::volume::ChannelVolume;
use nalgebra::Vector3;

use crate::error::NetError;
use crate::metric::PoseMetric;
use crate::network::ResidualPass;

/// See the [module](self).
///
/// # Examples
/// ```
/// use burn::tensor::Device;
/// use isocenter::volume::{Affine, Volume};
/// use isocenter_net::metric::PoseMetric;
/// use isocenter_net::moving_projector::MovingProjector;
/// use isocenter_net::network::{DualBranchConfig, Network};
/// let network = Network::new(&DualBranchConfig::compact().into(), 1, &Device::flex()).unwrap();
/// let world_from_index = Affine::from_spacing([8.0; 3], [0.0; 3]).unwrap();
/// let water = Volume::new([4; 3], vec![1.0; 64], world_from_index).unwrap();
/// let pass = network.residual().forward(&water).unwrap();
/// assert!(MovingProjector::new(&pass, PoseMetric::Radiograph).is_ok());
/// ```
#[derive(Debug, Clone)]
pub struct MovingProjector {
    /// Of what the network sees.
    pub(crate) features: Projector<ChannelVolume>,
    /// Of the CT, one channel: there for [`PoseMetric::Radiograph`].
    pub(crate) ct: Option<Projector<ChannelVolume>>,
}

impl MovingProjector {
    /// Of a CT with its features, for gradients in a metric.
    ///
    /// # Errors
    /// If a feature is not finite.
    pub fn new(pass: &ResidualPass, metric: PoseMetric) -> Result<Self, NetError> {
        let ct = match metric {
            PoseMetric::Pose => None,
            PoseMetric::Radiograph => {
                Some(Projector::new(ChannelVolume::new(vec![pass.ct().clone()])?))
            }
        };
        Ok(Self { features: Projector::new(pass.channels()?), ct })
    }
}

/// An image at a pose, channels side by side, and the derivatives of its values for a motion (rad, mm) about
/// the pivot.
pub(crate) fn jet(
    projector: &Projector<ChannelVolume>,
    camera: &Camera,
    camera_from_world: &RigidTransform,
    pivot_world_mm: Vector3<f64>,
) -> Result<(Vec<f32>, Vec<[f32; 6]>), ProjectError> {
    let exposure = projector.expose(camera, camera_from_world)?;
    let mut image = vec![0.0; exposure.image_len()];
    let mut jacobian = vec![[0.0; 6]; exposure.image_len()];
    exposure.jet_into(pivot_world_mm, &mut image, &mut jacobian)?;
    Ok((image, jacobian))
}
