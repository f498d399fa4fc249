//! The network at poses: moving images, what is descended, and its gradient for the pose.

use burn::tensor::{Device, Gradients, Tensor, TensorData};
use isocenter::geometry::{Camera, RigidTransform};
use isocenter::optimize::{
    DirectionDescent, DirectionDescentConfig, GradientDescent, GradientDescentConfig, Optimizer,
    SettingError,
};
use isocenter::project::{Exposure, ProjectError, Projector};
use isocenter::register::config::OptimizerStageConfig;
use isocenter::volume::ChannelVolume;
use nalgebra::{Matrix6, Vector3, Vector6};
use serde::{Deserialize, Serialize};

use crate::dual::Dual;
use crate::error::NetError;
use crate::layer::Context;
use crate::metric::{PoseMetric, preconditioner};
use crate::moving_projector::{MovingProjector, jet};
use crate::network::{BranchOutputs, Features, Network, NetworkConfig, Outputs};

/// Moving images are line integrals over this length of water (mm).
const IMAGE_UNIT_MM: f32 = 100.0;

/// Which number is descended, and whose gradient is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Descent {
    /// The product of both branches' logistic functions, as published: between 0 and 1, which goes
    /// with [`Approximation::Geodesic`](crate::loss::Approximation::Geodesic), whose magnitudes hold it there.
    SigmoidProduct,
    /// The sum of both branches' outputs: cannot saturate, which goes with
    /// [`Approximation::Direction`](crate::loss::Approximation::Direction). Of a network with a single
    /// output, that.
    Sum,
}

impl Descent {
    /// L_net of each sample.
    ///
    /// # Shapes
    /// [batch, 1]
    #[must_use]
    pub fn of(self, outputs: &Outputs) -> Dual<2> {
        let BranchOutputs { global, local } = match outputs {
            Outputs::Branches(branches) => branches,
            Outputs::Distance(distance) => return distance.clone(),
        };
        match self {
            Self::SigmoidProduct => global.gated().sigmoid() * local.gated().sigmoid(),
            Self::Sum => global.gated() + local.gated(),
        }
    }

    /// How it is descended: what lies between 0 and 1 was trained for how steep it is, a sum for its
    /// direction alone.
    ///
    /// # Errors
    /// If a setting makes no sense.
    pub fn optimizer(
        self,
        gradient_descent: &OptimizerStageConfig<GradientDescentConfig>,
        direction_descent: DirectionDescentConfig,
    ) -> Result<Box<dyn Optimizer>, SettingError> {
        let OptimizerStageConfig { scales, optimizer, .. } = *gradient_descent;
        Ok(match self {
            Self::SigmoidProduct => {
                Box::new(GradientDescent::new(&scales.components(), optimizer)?)
            }
            Self::Sum => Box::new(DirectionDescent::new(direction_descent)?),
        })
    }

    /// Checks that gradients in a metric can be descended.
    ///
    /// # Errors
    /// If their lengths count, which are not known in the metric of the radiograph.
    pub fn check_metric(self, metric: PoseMetric) -> Result<(), NetError> {
        match (self, metric) {
            (Self::SigmoidProduct, PoseMetric::Radiograph) => Err(NetError::Setting {
                name: "objective.metric",
                found: "radiograph".to_owned(),
                expected: "\"pose\" with descent = \"sigmoid-product\", whose gradients count by \
                           their length too",
            }),
            _ => Ok(()),
        }
    }

    /// Checks that an architecture has what is descended.
    ///
    /// # Errors
    /// If it has a single output, and a product is asked for.
    pub fn check(self, network: &NetworkConfig) -> Result<(), NetError> {
        match (self, network) {
            (Self::SigmoidProduct, NetworkConfig::Prost(_) | NetworkConfig::Sopi(_)) => {
                Err(NetError::Setting {
                    name: "objective.descent",
                    found: "sigmoid-product".to_owned(),
                    expected: "sum, for a network with a single output",
                })
            }
            _ => Ok(()),
        }
    }
}

/// How X-rays are taken of the CT, and about which point poses turn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scene<'a> {
    /// The camera, with as many pixels as the network's images.
    pub camera: &'a Camera,
    /// The pivot (mm), world frame.
    pub pivot_world_mm: Vector3<f64>,
    /// h, the unit of translations (mm).
    pub half_extent_mm: f64,
}

/// The gradient of L_net for theta at poses, and what it was made of.
#[derive(Debug, Clone)]
pub struct PoseGradients {
    /// L_net of each pose.
    pub values: Vec<f64>,
    /// g of each: P dL_net / dtheta, without a unit. Its length is known up to a factor only where the
    /// [metric](crate::metric) is the radiograph's.
    pub gradients: Vec<Vector6<f64>>,
    /// P of each, symmetric: the identity in the metric of poses.
    pub preconditioners: Vec<Matrix6<f64>>,
    /// What the branches said.
    pub outputs: Outputs,
    /// What they saw in the moving images.
    pub moving: Features,
}

impl Scene<'_> {
    pub(crate) fn expose<'p>(
        &self,
        projector: &'p Projector<ChannelVolume>,
        camera_from_world: &RigidTransform,
    ) -> Result<Exposure<'p, ChannelVolume>, ProjectError> {
        projector.expose(self.camera, camera_from_world)
    }

    /// The derivative for theta of a motion's: translations count h.
    pub(crate) fn for_theta(&self, by_motion: &Vector6<f64>) -> Vector6<f64> {
        let h = self.half_extent_mm;
        by_motion.component_mul(&Vector6::new(1.0, 1.0, 1.0, h, h, h))
    }

    /// The derivative for a motion (rad, mm) of one for theta; a gradient's direction, rotation and
    /// translation apart, stays.
    pub(crate) fn for_motion(&self, by_theta: &Vector6<f64>) -> Vector6<f64> {
        let h = self.half_extent_mm;
        by_theta.component_div(&Vector6::new(1.0, 1.0, 1.0, h, h, h))
    }

    /// Images with channels side by side as a tensor with channels apart, in the network's unit.
    pub(crate) fn tensor_of(&self, images: &[Vec<f32>], device: &Device) -> Tensor<4> {
        let [columns, rows] = self.camera.size_px();
        let channels = images.first().map_or(0, Vec::len) / (rows * columns);
        let mut values = Vec::with_capacity(images.len() * channels * rows * columns);
        for (image, channel) in images.iter().flat_map(|x| (0..channels).map(move |c| (x, c))) {
            let pixels = image.iter().skip(channel).step_by(channels);
            values.extend(pixels.map(|value| value / IMAGE_UNIT_MM));
        }
        let shape = [images.len(), channels, rows, columns];
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    /// The transpose of [`tensor_of`](Self::tensor_of).
    pub(crate) fn images_of(&self, gradient: Tensor<4>) -> Result<Vec<Vec<f32>>, NetError> {
        let [_, channels, rows, columns] = gradient.dims();
        let values = gradient.try_into_vec_as::<f32>()?;
        let image_of = |values: &[f32]| {
            let mut image = vec![0.0; values.len()];
            for (channel, values) in values.chunks(rows * columns).enumerate() {
                let pixels = image.iter_mut().skip(channel).step_by(channels);
                pixels.zip(values).for_each(|(pixel, value)| *pixel = value / IMAGE_UNIT_MM);
            }
            image
        };
        Ok(values.chunks((channels * rows * columns).max(1)).map(image_of).collect())
    }

    /// L_net and its gradient for theta, in the metric that the projector was made for.
    ///
    /// # Errors
    /// If a pose cannot be rendered, or shapes do not fit.
    pub fn pose_gradients(
        &self,
        network: &Network,
        descent: Descent,
        projector: &MovingProjector,
        xray: &Features,
        poses: &[RigidTransform],
        context: &mut Context,
    ) -> Result<PoseGradients, NetError> {
        let device = network.device();
        let (mut images, mut jacobians) = (Vec::new(), Vec::new());
        let mut preconditioners = Vec::with_capacity(poses.len());
        for pose in poses {
            let (image, jacobian) = self.jet(&projector.features, pose)?;
            images.push(image);
            jacobians.push(jacobian);
            preconditioners.push(self.preconditioner(projector, pose)?);
        }
        let images = self.tensor_of(&images, &device).autodiff().require_grad();
        let moving = network.moving_features(Dual::constant(images.clone()), context)?;
        let outputs = network.evaluate(xray, &moving)?;
        let (values, _) = descent.of(&outputs).into_parts();
        let mut by_tensor = values.clone().sum().backward();
        let by_pixel = take_gradient(&images, &mut by_tensor);
        let by_pixel = self.images_of(by_pixel)?;
        let pairs = jacobians.iter().zip(&by_pixel);
        let by_theta =
            pairs.map(|(jacobian, by_pixel)| self.for_theta(&contracted(jacobian, by_pixel)));
        let gradients = by_theta.zip(&preconditioners).map(|(g, p)| p * g).collect();
        let values = values.without_autodiff().try_into_vec_as::<f32>()?;
        let values = values.into_iter().map(f64::from).collect();
        Ok(PoseGradients { values, gradients, preconditioners, outputs, moving })
    }

    fn jet(
        &self,
        projector: &Projector<ChannelVolume>,
        pose: &RigidTransform,
    ) -> Result<(Vec<f32>, Vec<[f32; 6]>), ProjectError> {
        jet(projector, self.camera, pose, self.pivot_world_mm)
    }

    /// P of the projector's metric.
    fn preconditioner(
        &self,
        projector: &MovingProjector,
        pose: &RigidTransform,
    ) -> Result<Matrix6<f64>, ProjectError> {
        let Some(ct) = &projector.ct else { return Ok(Matrix6::identity()) };
        let (_, jacobian) = self.jet(ct, pose)?;
        let by_theta = |by_motion: &[f32; 6]| self.for_theta(&by_motion.map(f64::from).into());
        Ok(preconditioner(jacobian.iter().map(by_theta)))
    }
}

/// The derivative of a scalar for a motion, given that for each pixel.
fn contracted(jacobian: &[[f32; 6]], by_pixel: &[f32]) -> Vector6<f64> {
    let mut sums = [0.0; 6];
    for (row, &by_pixel) in jacobian.iter().zip(by_pixel) {
        for (sum, &value) in sums.iter_mut().zip(row) {
            *sum += f64::from(value) * f64::from(by_pixel);
        }
    }
    Vector6::from(sums)
}

/// The gradient of a leaf; where nothing depends on it, zeros.
pub(crate) fn take_gradient(leaf: &Tensor<4>, gradients: &mut Gradients) -> Tensor<4> {
    leaf.grad_remove(gradients).unwrap_or_else(|| leaf.zeros_like().without_autodiff())
}
