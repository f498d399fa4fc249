//! The weights of a module as plain arrays, by the path of its fields: how they get into files and
//! optimisers, and out of them.
//!
//! A path is that of the fields in this crate, such as `encoder.stages.0.patches.weight`; running
//! statistics of batch normalisation are among them.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData, TensorReadError};

use crate::error::NetError;

/// A tensor's values, the last dimension fastest.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// As many as the shape says.
    pub values: Vec<f32>,
}

/// Arrays by path.
pub type Arrays = BTreeMap<String, Array>;

/// All weights of a module.
///
/// # Errors
/// If values cannot be read from the device.
///
/// # Examples
/// ```
/// use burn::tensor::Device;
/// use isocenter_net::network::DualBranchConfig;
/// use isocenter_net::{Network, weights};
/// let config = DualBranchConfig { size_px: [32, 32], ..DualBranchConfig::compact() }.into();
/// let device = Device::flex();
/// let one = Network::new(&config, 1, &device).unwrap();
/// let arrays = weights::of(&one).unwrap();
/// assert_eq!(arrays["residual.convolutions.0.weight"].shape, [4, 1, 3, 3, 3]);
/// let other = weights::put(Network::new(&config, 2, &device).unwrap(), &arrays).unwrap();
/// assert_eq!(weights::of(&other).unwrap(), arrays);
/// ```
pub fn of<M: Module>(module: &M) -> Result<Arrays, NetError> {
    let mut reader = Reader { path: Path::default(), gradients: None, arrays: Ok(Arrays::new()) };
    module.visit(&mut reader);
    Ok(reader.arrays?)
}

/// The gradients of those weights that have one.
///
/// # Errors
/// If values cannot be read from the device.
pub fn gradients_of<M: Module>(module: &M, gradients: &Gradients) -> Result<Arrays, NetError> {
    let gradients = Some(gradients);
    let mut reader = Reader { path: Path::default(), gradients, arrays: Ok(Arrays::new()) };
    module.visit(&mut reader);
    Ok(reader.arrays?)
}

/// The module with other weights.
///
/// # Errors
/// The first weight that is missing, has another shape, or that the module does not have.
pub fn put<M: Module>(module: M, arrays: &Arrays) -> Result<M, NetError> {
    let mut unused: Vec<&String> = arrays.keys().collect();
    let module = changed(module, |path, values, shape| {
        let array =
            arrays.get(path).ok_or_else(|| NetError::WeightMissing { path: path.into() })?;
        if array.shape != shape {
            let (path, found) = (path.to_owned(), array.shape.clone());
            return Err(NetError::WeightShape { path, found, expected: shape.into() });
        }
        unused.retain(|&name| name != path);
        values.copy_from_slice(&array.values);
        Ok(())
    })?;
    match unused.first() {
        Some(path) => Err(NetError::WeightUnknown { path: (*path).clone() }),
        None => Ok(module),
    }
}

/// The module with every weight changed by a function of its path, values and shape.
///
/// # Errors
/// If values cannot be read from the device, or the first that the function has.
pub fn changed<M: Module>(
    module: M,
    change: impl FnMut(&str, &mut [f32], &[usize]) -> Result<(), NetError>,
) -> Result<M, NetError> {
    let mut writer = Writer { path: Path::default(), change, error: None };
    let module = module.map(&mut writer);
    match writer.error {
        Some(error) => Err(error),
        None => Ok(module),
    }
}

/// The names of the fields on the way to a weight.
#[derive(Default)]
struct Path(Vec<String>);

impl Path {
    fn enter(&mut self, name: &str) {
        self.0.push(name.to_owned());
    }

    fn leave(&mut self) {
        self.0.pop();
    }

    /// Which architecture and which normalisation the fields are of is not part of their names.
    fn name(&self) -> String {
        const KINDS: [&str; 7] =
            ["Network", "Regressor", "DualBranch", "Prost", "Sopi", "Batch", "Group"];
        let kept = self.0.iter().filter(|part| !KINDS.contains(&part.as_str()));
        kept.map(String::as_str).collect::<Vec<_>>().join(".")
    }
}

struct Reader<'a> {
    path: Path,
    gradients: Option<&'a Gradients>,
    arrays: Result<Arrays, TensorReadError>,
}

impl ModuleVisitor for Reader<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.leave();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Ok(arrays) = &mut self.arrays else { return };
        let tensor = match self.gradients {
            None => Some(param.val()),
            Some(gradients) => param.val().grad(gradients),
        };
        let Some(tensor) = tensor else { return };
        let shape = tensor.dims().to_vec();
        match tensor.without_autodiff().try_into_vec_as::<f32>() {
            Ok(values) => {
                arrays.insert(self.path.name(), Array { shape, values });
            }
            Err(error) => self.arrays = Err(error),
        }
    }
}

struct Writer<F> {
    path: Path,
    change: F,
    error: Option<NetError>,
}

impl<F: FnMut(&str, &mut [f32], &[usize]) -> Result<(), NetError>> Writer<F> {
    fn changed<const D: usize>(&mut self, tensor: Tensor<D>) -> Result<Tensor<D>, NetError> {
        let (device, shape, trained) = (tensor.device(), tensor.dims(), tensor.is_require_grad());
        let mut values = tensor.without_autodiff().try_into_vec_as::<f32>()?;
        (self.change)(&self.path.name(), &mut values, &shape)?;
        let tensor = on_device(values, shape, &device);
        Ok(if trained { tensor.require_grad() } else { tensor })
    }
}

fn on_device<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

impl<F: FnMut(&str, &mut [f32], &[usize]) -> Result<(), NetError>> ModuleMapper for Writer<F> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.leave();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.error.is_some() {
            return param;
        }
        param.map(|tensor| {
            let (shape, device) = (tensor.dims(), tensor.device());
            self.changed(tensor).unwrap_or_else(|error| {
                self.error = Some(error);
                // Never seen: the error is returned instead.
                Tensor::zeros(shape, &device)
            })
        })
    }
}
