//! One step of training: the derivative of a loss of the network's *pose gradient* for its weights.
//!
//! The loss L_appro(g) depends on the derivative g of the network's output for six pose parameters.
//! Its derivative for the weights phi is exact, with first-order reverse mode only:
//!
//! 1. the network in reverse, to the moving image: dL_net / dI; contracted with the projector's
//!    derivatives, in the [`metric`](crate::metric) of the objective: g, six numbers a sample;
//! 2. L_appro(g) and its derivative v = dL_appro / dg, a constant from here on;
//! 3. the network on dual numbers (I, I'), I' being the derivative of the image along v: the tangent
//!    of its output is v . g;
//! 4. reverse mode through that number: d(v . g) / dphi = dL_appro / dphi.
//!
//! In the radiograph's metric g is P dL_net / dtheta, P being symmetric and no function of the weights: v
//! belongs to g, P v to theta, and step 3 goes along that.
//!
//! At the image the chain is cut: the framework differentiates the network down to (I, I'), the
//! projector's transpose carries that to the volume of features, and the volume residual's own
//! transposes to its weights. Nothing of the projector has to be known to the framework.

use burn::module::Module;
use burn::tensor::{Gradients, Tensor};
use isocenter::geometry::{PivotMotion, RigidTransform};
use isocenter::project::Projector;
use isocenter::volume::{ChannelVolume, Volume};
use nalgebra::Vector6;
use serde::{Deserialize, Serialize};

use crate::dual::Dual;
use crate::error::NetError;
use crate::layer::{Context, Statistics};
use crate::loss::{Approximation, Balance, DecompositionForm, decomposition, geodesic_gradient};
use crate::metric::PoseMetric;
use crate::moving_projector::MovingProjector;
use crate::network::{Features, Network};
use crate::scene::{Descent, PoseGradients, Scene, take_gradient};

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
    /// In which metric L_net's pose gradient is taken.
    pub metric: PoseMetric,
}

/// How the features of X-ray and moving image correlate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BranchCorrelation {
    /// L_decomp.
    pub decomposition: f64,
    /// NCC(G(x), G(m))
    pub ncc_global: f64,
    /// NCC(L(x), L(m))
    pub ncc_local: f64,
}

/// The losses of a step and their derivatives.
pub struct Step {
    /// All together.
    pub loss: f64,
    /// L_appro, mean of the batch.
    pub approximation: f64,
    /// What the branches have in common, for a network that has some.
    pub branches: Option<BranchCorrelation>,
    /// L_net of each pose.
    pub values: Vec<f64>,
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
    /// For those of the volume residual, of a network that has one.
    pub residual_gradients: Option<Gradients>,
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
        let pass = network.residual().forward(self.relative_attenuation)?;
        let projector = MovingProjector::new(&pass, objective.metric)?;
        let mut context = Context::training(Statistics::BatchUpdating, seed);
        let xray = network.xray_features(self.xrays.clone(), &mut context)?;
        let PoseGradients { values, gradients: found, preconditioners, .. } =
            self.first_order(network, objective, &projector, &xray, &context)?;
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

        // v belongs to g, P v to theta; with its translations times h it is a motion.
        let motions: Vec<PivotMotion> = slopes
            .iter()
            .zip(&preconditioners)
            .map(|(v, p)| PivotMotion::from_vector(&scene.for_theta(&(p * v))))
            .collect();
        let projector = projector.features;
        let [images, tangents] = self.dual_images(&projector, &motions)?;
        let dual = Dual::new(images.clone(), tangents.clone());
        let moving = network.moving_features(dual, &mut context)?;
        let outputs = network.evaluate(&xray, &moving)?;
        let (_, along) = objective.descent.of(&outputs).into_parts();
        let along = along.map_or_else(|| Tensor::zeros([1], &images.device()), Tensor::sum);
        let tangent = f64::from(along.clone().try_into_scalar::<f32>()?);

        let parts = decomposition(&xray, &moving, objective.decomposition);
        // The value is L_appro's, the derivative for the weights that of v . g.
        let differentiated = along.clone() - along.detach() + approximation;
        let total = balance.total(differentiated, parts.as_ref().map(|parts| parts.loss.clone()));
        let loss = f64::from(total.clone().try_into_scalar::<f32>()?);
        let mut gradients = total.backward();
        let residual = network.residual();
        let residual_gradients = match residual.convolutions.is_empty() {
            true => None,
            false => {
                let of_volume =
                    self.to_volume(&projector, &motions, [&images, &tangents], &mut gradients)?;
                let channels: Vec<&[f32]> =
                    of_volume.chunks(self.relative_attenuation.voxels().len()).collect();
                let of_residual = pass.weight_gradients(&channels)?;
                Some(residual.with_gradients(&of_residual)?.backward())
            }
        };
        let scalar = |tensor: Tensor<1>| tensor.try_into_scalar::<f32>().map(f64::from);
        let branches = match parts {
            Some(parts) => Some(BranchCorrelation {
                decomposition: scalar(parts.loss)?,
                ncc_global: scalar(parts.global)?,
                ncc_local: scalar(parts.local)?,
            }),
            None => None,
        };
        Ok(Step {
            loss,
            approximation,
            branches,
            values,
            found,
            wanted,
            tangent,
            contraction,
            gradients,
            residual_gradients,
        })
    }

    /// L_net and its pose gradients, by a pass that leaves no trace in the network and leaves out the same as
    /// the pass that will follow.
    fn first_order(
        &self,
        network: &Network,
        objective: &Objective,
        projector: &MovingProjector,
        xray: &Features,
        context: &Context,
    ) -> Result<PoseGradients, NetError> {
        let network = network.valid();
        self.scene.pose_gradients(
            &network,
            objective.descent,
            projector,
            &xray.without_autodiff(),
            &self.cameras_from_world,
            &mut context.clone().with_statistics(Statistics::Batch),
        )
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
        let [_, channels, ..] = images.dims();
        let mut take = |leaf| self.scene.images_of(take_gradient(leaf, gradients));
        let (by_image, by_tangent) = (take(images)?, take(tangents)?);
        let mut volume = vec![0.0; channels * self.relative_attenuation.voxels().len()];
        let samples = self.cameras_from_world.iter().zip(motions).zip(by_image).zip(by_tangent);
        for (((pose, motion), by_image), by_tangent) in samples {
            let exposure = self.scene.expose(projector, pose)?;
            let pivot = self.scene.pivot_world_mm;
            exposure.tangent_adjoint_into(pivot, motion, &by_image, &by_tangent, &mut volume)?;
        }
        Ok(volume)
    }
}
