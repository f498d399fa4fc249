//! What a regressor is given, and what it says of it.

use burn::tensor::{Tensor, TensorData};
use isocenter::geometry::{PivotMotion, RigidTransform};
use isocenter::volume::Volume;
use nalgebra::{Vector3, Vector6};

use super::{COMPONENTS, Regressor, cube};
use crate::error::NetError;
use crate::layer::Context;

/// A CT and X-rays of it.
#[derive(Debug, Clone, Copy)]
pub struct Observation<'a> {
    /// Attenuation over that of water.
    pub relative_attenuation: &'a Volume<f32>,
    /// About which poses turn (mm), world frame.
    pub pivot_world_mm: Vector3<f64>,
    /// [poses, rows, columns] between 0 and 1.
    pub xrays: &'a [f32],
    /// The pose of each X-ray's view.
    pub nominal_cameras_from_world: &'a [RigidTransform],
}

impl Observation<'_> {
    /// What the regressor says of each X-ray.
    ///
    /// # Shapes
    /// [poses, 6]
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn outputs(
        &self,
        regressor: &Regressor,
        context: &mut Context,
    ) -> Result<Tensor<2>, NetError> {
        let (config, device) = (regressor.config(), regressor.device());
        let [columns, rows] = config.size_px;
        let shape = [self.nominal_cameras_from_world.len(), 1, rows, columns];
        if shape.iter().product::<usize>() != self.xrays.len() {
            let (found, expected) = (vec![self.xrays.len()], shape.into());
            return Err(NetError::Shape { what: "the X-rays", found, expected });
        }
        let xrays = Tensor::from_data(TensorData::new(self.xrays.to_vec(), shape), &device);
        let cube = |nominal: &RigidTransform| {
            cube::cube(self.relative_attenuation, nominal, self.pivot_world_mm, config)
        };
        let cubes: Vec<f32> = self.nominal_cameras_from_world.iter().flat_map(cube).collect();
        let side = config.cube_voxels();
        let shape = [self.nominal_cameras_from_world.len(), 1, side, side, side];
        let cubes = Tensor::from_data(TensorData::new(cubes, shape), &device);
        regressor.forward(cubes, xrays, context)
    }

    /// The poses that the regressor says, as it is used.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn poses(&self, regressor: &Regressor) -> Result<Vec<RigidTransform>, NetError> {
        let outputs = self.outputs(regressor, &mut Context::inference())?;
        let motions = motions(regressor, &outputs.without_autodiff().try_into_vec_as::<f32>()?);
        let pairs = motions.iter().zip(self.nominal_cameras_from_world);
        Ok(pairs.map(|(motion, nominal)| motion.apply(nominal, self.pivot_world_mm)).collect())
    }
}

/// The motions from the nominal poses that outputs stand for, pose after pose.
pub(super) fn motions(regressor: &Regressor, outputs: &[f32]) -> Vec<PivotMotion> {
    let (all, _) = outputs.as_chunks::<COMPONENTS>();
    let motion = |outputs: &[f32; COMPONENTS]| {
        regressor.config().range.motion(&Vector6::from(outputs.map(f64::from)))
    };
    all.iter().map(motion).collect()
}
