//! One step of training: the derivative of a loss of the network's *pose gradient* for its weights.
//!
//! The loss L_appro(g) depends on the derivative g of the network's output for six pose parameters.
//! Its derivative for the weights phi is exact, with first-order reverse mode only:
//!
//! 1. the network in reverse, to the moving image: dL_net / dI; contracted with the projector's
//!    derivatives: g, six numbers a sample;
//! 2. L_appro(g) and its derivative v = dL_appro / dg, a constant from here on;
//! 3. the network on dual numbers (I, I'), I' being the derivative of the image along v: the tangent
//!    of its output is v . g;
//! 4. reverse mode through that number: d(v . g) / dphi = dL_appro / dphi.
//!
//! At the image the chain is cut: the framework differentiates the network down to (I, I'), the
//! projector's transpose carries that to the volume of features, and the volume residual's own
//! transposes to its weights. Nothing of the projector has to be known to the framework.

use burn::module::Module;
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use isocenter::geometry::{Camera, PivotMotion, RigidTransform};
use isocenter::project::{Exposure, ProjectError, Projector};
use isocenter::volume::{ChannelVolume, Volume};
use nalgebra::{Vector3, Vector6};
use serde::{Deserialize, Serialize};

use crate::dual::Dual;
use crate::error::NetError;
use crate::layer::{Context, Statistics};
use crate::loss::{Approximation, Balance, DecompositionForm, decomposition, geodesic_gradient};
use crate::network::{Features, Network, Outputs};

/// Moving images are line integrals over this length of water (mm).
const IMAGE_UNIT_MM: f64 = 100.0;

/// Channels of a moving image.
const CHANNELS: usize = 3;

/// Which number is descended, and whose gradient is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Descent {
    /// The product of both branches' logistic functions, as published: between 0 and 1, which goes
    /// with [`Approximation::Geodesic`], whose magnitudes hold it there.
    SigmoidProduct,
    /// The sum of both branches' outputs: cannot saturate, which goes with
    /// [`Approximation::Direction`].
    Sum,
}

impl Descent {
    /// L_net of each sample.
    ///
    /// # Shapes
    /// [batch, 1]
    #[must_use]
    pub fn of(self, outputs: &Outputs) -> Dual<2> {
        let (global, local) = (outputs.global.gated(), outputs.local.gated());
        match self {
            Self::SigmoidProduct => global.sigmoid() * local.sigmoid(),
            Self::Sum => global + local,
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
    /// dL_net / dtheta of each.
    pub gradients: Vec<Vector6<f64>>,
    /// What the branches said.
    pub outputs: Outputs,
    /// What they saw in the moving images.
    pub moving: Features,
}

impl Scene<'_> {
    fn expose<'p>(
        &self,
        projector: &'p Projector<ChannelVolume>,
        camera_from_world: &RigidTransform,
    ) -> Result<Exposure<'p, ChannelVolume>, ProjectError> {
        projector.expose(self.camera, camera_from_world)
    }

    /// The derivative for theta of a motion's: translations count h.
    fn for_theta(&self, by_motion: &Vector6<f64>) -> Vector6<f64> {
        let h = self.half_extent_mm;
        by_motion.component_mul(&Vector6::new(1.0, 1.0, 1.0, h, h, h))
    }

    /// Moving images at poses.
    ///
    /// # Shapes
    /// [poses, 3, rows, columns]
    ///
    /// # Errors
    /// If a pose cannot be rendered.
    pub fn moving_images(
        &self,
        projector: &Projector<ChannelVolume>,
        poses: &[RigidTransform],
        device: &Device,
    ) -> Result<Tensor<4>, NetError> {
        let mut images = Vec::with_capacity(poses.len());
        for pose in poses {
            let exposure = self.expose(projector, pose)?;
            let mut image = vec![0.0; exposure.image_len()];
            exposure.forward_into(&mut image)?;
            images.push(image);
        }
        Ok(self.tensor_of(&images, device))
    }

    /// Images with channels side by side as a tensor with channels apart, in the network's unit.
    fn tensor_of(&self, images: &[Vec<f32>], device: &Device) -> Tensor<4> {
        let [columns, rows] = self.camera.size_px();
        let shape = [images.len(), rows, columns, CHANNELS];
        let side_by_side = Tensor::<4>::from_data(TensorData::new(images.concat(), shape), device);
        side_by_side.permute([0, 3, 1, 2]) / IMAGE_UNIT_MM
    }

    /// The transpose of [`tensor_of`](Self::tensor_of).
    fn images_of(&self, gradient: Tensor<4>) -> Result<Vec<Vec<f32>>, NetError> {
        let [batch, ..] = gradient.dims();
        let values = (gradient.permute([0, 2, 3, 1]) / IMAGE_UNIT_MM).try_into_vec_as::<f32>()?;
        Ok(values.chunks(values.len() / batch.max(1)).map(<[f32]>::to_vec).collect())
    }

    /// L_net and its gradient for theta.
    ///
    /// # Errors
    /// If a pose cannot be rendered, or shapes do not fit.
    pub fn pose_gradients(
        &self,
        network: &Network,
        descent: Descent,
        projector: &Projector<ChannelVolume>,
        xray: &Features,
        poses: &[RigidTransform],
        context: &mut Context,
    ) -> Result<PoseGradients, NetError> {
        let device = xray.global.value().device();
        let images = self.moving_images(projector, poses, &device)?.autodiff().require_grad();
        let moving = network.moving_features(Dual::constant(images.clone()), context)?;
        let outputs = network.evaluate(xray, &moving);
        let (values, _) = descent.of(&outputs).into_parts();
        let mut gradients = values.clone().sum().backward();
        let by_pixel = match images.grad_remove(&mut gradients) {
            Some(by_pixel) => by_pixel,
            // The output does not depend on the images.
            None => images.zeros_like().without_autodiff(),
        };
        let mut pose_gradients = Vec::with_capacity(poses.len());
        for (pose, by_pixel) in poses.iter().zip(self.images_of(by_pixel)?) {
            let exposure = self.expose(projector, pose)?;
            let by_motion = exposure.contracted_jet(self.pivot_world_mm, &by_pixel)?;
            pose_gradients.push(self.for_theta(&by_motion));
        }
        let values = values.without_autodiff().try_into_vec_as::<f32>()?;
        let values = values.into_iter().map(f64::from).collect();
        Ok(PoseGradients { values, gradients: pose_gradients, outputs, moving })
    }
}

/// What one step trains on: one CT, several poses of it.
#[derive(Debug, Clone)]
pub struct Batch<'a> {
    /// Camera and pivot.
    pub scene: Scene<'a>,
    /// Attenuation over that of water.
    pub relative_attenuation: &'a Volume<f32>,
    /// [poses, 1, rows, columns], as the network wants them.
    pub xrays: Tensor<4>,
    /// Where the moving images are taken from.
    pub cameras_from_world: Vec<RigidTransform>,
    /// Where the X-rays were taken from.
    pub true_cameras_from_world: Vec<RigidTransform>,
}

/// What is trained, and how it is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    /// Which number is descended.
    pub descent: Descent,
    /// How its gradient is compared with the geodesic one.
    pub approximation: Approximation,
    /// How features are kept apart.
    pub decomposition: DecompositionForm,
}

/// The losses of a step and their derivatives.
pub struct Step {
    /// All together.
    pub loss: f64,
    /// L_appro, mean of the batch.
    pub approximation: f64,
    /// L_decomp.
    pub decomposition: f64,
    /// NCC(G(x), G(m))
    pub ncc_global: f64,
    /// NCC(L(x), L(m))
    pub ncc_local: f64,
    /// The network's pose gradients.
    pub found: Vec<Vector6<f64>>,
    /// The geodesic ones.
    pub wanted: Vec<Vector6<f64>>,
    /// v . g by the tangent of the dual pass, over the batch: equals the sum of v . g.
    pub tangent: f64,
    /// The sum of v . g.
    pub contraction: f64,
    /// For the weights of the network but for the volume residual's.
    pub gradients: Gradients,
    /// For those of the volume residual.
    pub residual_gradients: Gradients,
}

impl Batch<'_> {
    /// Losses and their derivatives for all weights. `seed` decides what dropout leaves out.
    ///
    /// # Errors
    /// If a pose cannot be rendered, or shapes do not fit.
    pub fn step(
        &self,
        network: &Network,
        balance: &Balance,
        objective: &Objective,
        seed: u64,
    ) -> Result<Step, NetError> {
        let pass = network.residual.forward(self.relative_attenuation)?;
        let projector = Projector::new(pass.channels()?);
        let found = self.first_order(network, objective, &projector, seed)?;
        let (scene, count) = (self.scene, found.len() as f64);
        let mut approximation = 0.0;
        let (mut wanted, mut slopes) = (Vec::new(), Vec::new());
        let pairs = self.cameras_from_world.iter().zip(&self.true_cameras_from_world);
        for ((pose, truth), found) in pairs.zip(&found) {
            let target = geodesic_gradient(pose, truth, scene.pivot_world_mm, scene.half_extent_mm);
            let loss = objective.approximation.compare(found, &target);
            approximation += loss.value / count;
            slopes.push(loss.slope / count);
            wanted.push(target);
        }
        let contraction = slopes.iter().zip(&found).map(|(v, g)| v.dot(g)).sum();

        // v is one for theta: a motion of v's translations times h.
        let motions: Vec<PivotMotion> =
            slopes.iter().map(|v| PivotMotion::from_vector(&scene.for_theta(v))).collect();
        let [images, tangents] = self.dual_images(&projector, &motions)?;
        let mut context = Context::training(Statistics::BatchUpdating, seed);
        let xray = network.xray_features(self.xrays.clone(), &mut context)?;
        let dual = Dual::new(images.clone(), tangents.clone());
        let moving = network.moving_features(dual, &mut context)?;
        let outputs = network.evaluate(&xray, &moving);
        let (_, along) = objective.descent.of(&outputs).into_parts();
        let along = along.map_or_else(|| Tensor::zeros([1], &images.device()), Tensor::sum);
        let tangent = f64::from(along.clone().try_into_scalar::<f32>()?);

        let parts = decomposition(&xray, &moving, objective.decomposition);
        // The value is L_appro's, the derivative for the weights that of v . g.
        let differentiated = along.clone() - along.detach() + approximation;
        let total = balance.total(differentiated, parts.loss.clone());
        let loss = f64::from(total.clone().try_into_scalar::<f32>()?);
        let mut gradients = total.backward();
        let of_volume =
            self.to_volume(&projector, &motions, [&images, &tangents], &mut gradients)?;
        let channels: Vec<&[f32]> =
            of_volume.chunks(self.relative_attenuation.voxels().len()).collect();
        let of_residual = pass.weight_gradients(&channels)?;
        let residual_gradients = network.residual.with_gradients(&of_residual)?.backward();
        let scalar = |tensor: Tensor<1>| tensor.try_into_scalar::<f32>().map(f64::from);
        Ok(Step {
            loss,
            approximation,
            decomposition: scalar(parts.loss)?,
            ncc_global: scalar(parts.global)?,
            ncc_local: scalar(parts.local)?,
            found,
            wanted,
            tangent,
            contraction,
            gradients,
            residual_gradients,
        })
    }

    /// The pose gradients, by a pass that leaves no trace in the network.
    fn first_order(
        &self,
        network: &Network,
        objective: &Objective,
        projector: &Projector<ChannelVolume>,
        seed: u64,
    ) -> Result<Vec<Vector6<f64>>, NetError> {
        let network = network.valid();
        let mut context = Context::training(Statistics::Batch, seed);
        let xray = network.xray_features(self.xrays.clone().without_autodiff(), &mut context)?;
        let found = self.scene.pose_gradients(
            &network,
            objective.descent,
            projector,
            &xray,
            &self.cameras_from_world,
            &mut context,
        )?;
        Ok(found.gradients)
    }

    /// Moving images and their derivatives along a motion each; the framework differentiates down
    /// to these.
    fn dual_images(
        &self,
        projector: &Projector<ChannelVolume>,
        motions: &[PivotMotion],
    ) -> Result<[Tensor<4>; 2], NetError> {
        let (mut images, mut tangents) = (Vec::new(), Vec::new());
        for (pose, motion) in self.cameras_from_world.iter().zip(motions) {
            let exposure = self.scene.expose(projector, pose)?;
            let mut image = vec![0.0; exposure.image_len()];
            let mut tangent = vec![0.0; exposure.image_len()];
            let pivot = self.scene.pivot_world_mm;
            exposure.tangent_into(pivot, motion, &mut image, &mut tangent)?;
            images.push(image);
            tangents.push(tangent);
        }
        let device = self.xrays.device();
        let leaf =
            |images: &[Vec<f32>]| self.scene.tensor_of(images, &device).autodiff().require_grad();
        Ok([leaf(&images), leaf(&tangents)])
    }

    /// The derivative for the volume of features, channel after channel.
    fn to_volume(
        &self,
        projector: &Projector<ChannelVolume>,
        motions: &[PivotMotion],
        [images, tangents]: [&Tensor<4>; 2],
        gradients: &mut Gradients,
    ) -> Result<Vec<f32>, NetError> {
        let mut take = |leaf: &Tensor<4>| {
            let zero = || leaf.zeros_like().without_autodiff();
            self.scene.images_of(leaf.grad_remove(gradients).unwrap_or_else(zero))
        };
        let (by_image, by_tangent) = (take(images)?, take(tangents)?);
        let mut volume = vec![0.0; CHANNELS * self.relative_attenuation.voxels().len()];
        let samples = self.cameras_from_world.iter().zip(motions).zip(by_image).zip(by_tangent);
        for (((pose, motion), by_image), by_tangent) in samples {
            let exposure = self.scene.expose(projector, pose)?;
            let pivot = self.scene.pivot_world_mm;
            exposure.tangent_adjoint_into(pivot, motion, &by_image, &by_tangent, &mut volume)?;
        }
        Ok(volume)
    }
}
