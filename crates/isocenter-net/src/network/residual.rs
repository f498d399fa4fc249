//! The volume residual: features that a network finds in the CT, added to it before it is projected.
//!
//! ```text
//! V3 = repeat(V, 3) + f(V)
//! ```
//!
//! with V the attenuation over that of water, and f convolutions of 3 x 3 x 3 (six, or five in the
//! baseline), ReLU after each. Without any, V itself is projected.
//! The result does not depend on the pose: it is made once a step, projected at whatever poses, and
//! differentiated for its weights once. It is computed on the CPU, whatever the device of the rest.
//!
//! # References
//! arXiv:2402.02498, section 2.1; C. Gao et al., arXiv:2003.12098 (the same idea in ProST)

use burn::module::Module;
use burn::tensor::{Tensor, TensorData};
use isocenter::volume::{ChannelVolume, Volume};

use crate::error::NetError;
use crate::layer::{Convolution3d, Init};
use crate::volume::{ConvolutionGradient, PaddedVolume, VolumeConvolution};

/// See the [module](self).
#[derive(Module, Debug)]
pub struct Residual {
    /// One after the other.
    pub convolutions: Vec<Convolution3d>,
}

impl Residual {
    /// With first weights; `channels` are those of the CT, of what follows each convolution, and last
    /// of the images.
    #[must_use]
    pub fn new(channels: &[usize], init: &mut Init) -> Self {
        let pairs = channels.iter().zip(channels.iter().skip(1));
        let convolution = |(&inputs, &outputs)| Convolution3d::new([inputs, outputs], init);
        Self { convolutions: pairs.map(convolution).collect() }
    }

    /// Without convolutions: the CT is projected as it is.
    #[must_use]
    pub fn none() -> Self {
        Self { convolutions: Vec::new() }
    }

    /// Channels of the volume that is projected.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.convolutions.last().map_or(1, |last| last.bias.val().dims()[0])
    }

    /// The features of a CT.
    ///
    /// # Units
    /// Attenuation over that of water.
    ///
    /// # Errors
    /// If the weights do not fit each other.
    pub fn forward(&self, relative_attenuation: &Volume<f32>) -> Result<ResidualPass, NetError> {
        let voxels = relative_attenuation.voxels();
        let dims = relative_attenuation.dims();
        let mut layers = Vec::with_capacity(self.convolutions.len());
        let mut maps = vec![PaddedVolume::from_channels(&[voxels], dims)?];
        for convolution in &self.convolutions {
            let layer = on_cpu(convolution)?;
            if let Some(x) = maps.last() {
                maps.push(layer.forward(x)?);
            }
            layers.push(layer);
        }
        Ok(ResidualPass { volume: relative_attenuation.clone(), layers, maps })
    }

    /// A scalar whose derivative for the weights is the given one: how gradients that were found
    /// outside the framework get into it.
    ///
    /// # Errors
    /// If the gradients are of another network.
    pub fn with_gradients(&self, gradients: &[ConvolutionGradient]) -> Result<Tensor<1>, NetError> {
        let mut sum: Option<Tensor<1>> = None;
        for (convolution, gradient) in self.convolutions.iter().zip(gradients) {
            let weight = contracted(&convolution.weight.val(), &gradient.weights)?;
            let bias = contracted(&convolution.bias.val(), &gradient.biases)?;
            let part = weight + bias;
            sum = Some(match sum {
                Some(sum) => sum + part,
                None => part,
            });
        }
        sum.ok_or(NetError::Shape {
            what: "the gradients of the volume residual",
            found: vec![gradients.len()],
            expected: vec![self.convolutions.len()],
        })
    }
}

/// The convolution with ReLU on the CPU.
fn on_cpu(convolution: &Convolution3d) -> Result<VolumeConvolution, NetError> {
    let (weight, bias) = (convolution.weight.val(), convolution.bias.val());
    let [outputs, inputs, ..] = weight.dims();
    let (weights, biases) = (weight.try_to_vec_as::<f32>()?, bias.try_to_vec_as::<f32>()?);
    VolumeConvolution::new([inputs, outputs], weights, biases)
}

fn contracted<const D: usize>(
    parameter: &Tensor<D>,
    gradient: &[f32],
) -> Result<Tensor<1>, NetError> {
    let shape = parameter.dims();
    if shape.iter().product::<usize>() != gradient.len() {
        let (what, found) = ("a gradient of the volume residual", vec![gradient.len()]);
        return Err(NetError::Shape { what, found, expected: shape.into() });
    }
    let gradient = TensorData::new(gradient.to_vec(), shape);
    Ok((parameter.clone() * Tensor::from_data(gradient, &parameter.device())).sum())
}

/// The features of a CT, with what their derivative needs.
#[derive(Debug, Clone)]
pub struct ResidualPass {
    volume: Volume<f32>,
    layers: Vec<VolumeConvolution>,
    /// The input, and what follows each layer.
    maps: Vec<PaddedVolume>,
}

impl ResidualPass {
    /// V, the CT itself.
    #[must_use]
    pub fn ct(&self) -> &Volume<f32> {
        &self.volume
    }

    /// V3, or V where nothing is added: what is projected.
    ///
    /// # Errors
    /// If a value is not finite.
    pub fn channels(&self) -> Result<ChannelVolume, NetError> {
        if self.layers.is_empty() {
            return Ok(ChannelVolume::new(vec![self.volume.clone()])?);
        }
        let mut channels = Vec::new();
        if let Some(last) = self.maps.last() {
            for channel in 0..last.channels() {
                let mut values = last.channel(channel);
                values.iter_mut().zip(self.volume.voxels()).for_each(|(v, &own)| *v += own);
                let affine = *self.volume.world_from_index();
                channels.push(Volume::new(self.volume.dims(), values, affine)?);
            }
        }
        Ok(ChannelVolume::new(channels)?)
    }

    /// The derivative of a scalar for the weights of each layer, given that for V3.
    ///
    /// # Shapes
    /// As many channels as are projected, of i * j * k values.
    ///
    /// # Errors
    /// If the channels have other sizes.
    pub fn weight_gradients(
        &self,
        channels: &[&[f32]],
    ) -> Result<Vec<ConvolutionGradient>, NetError> {
        let mut gradient = PaddedVolume::from_channels(channels, self.volume.dims())?;
        if let Some(last) = self.maps.last() {
            gradient.mask_by(last);
        }
        let mut gradients = Vec::with_capacity(self.layers.len());
        for (number, (layer, input)) in self.layers.iter().zip(&self.maps).enumerate().rev() {
            gradients.push(layer.weight_gradient(&gradient, input)?);
            // Nobody asks for that of the CT.
            if number > 0 {
                gradient = layer.input_gradient(&gradient, input)?;
            }
        }
        gradients.reverse();
        Ok(gradients)
    }
}
