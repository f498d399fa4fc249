//! Names of a published network and ours: rules, and what they say of a state dict.

use std::collections::BTreeMap;

use burn::tensor::Device;
use pytorch_reader::Tensor;

use super::error::ConversionError;
use super::state_dict::{StateDict, numbers};
use crate::checkpoint::{Checkpoint, Header};
use crate::error::NetError;
use crate::metric::PoseMetric;
use crate::network::{Network, NetworkConfig};
use crate::scene::Descent;
use crate::weights::{self, Array, Arrays};

/// What a module holds, under which names, in which layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A convolution without bias.
    Convolution,
    /// A convolution with one.
    BiasedConvolution,
    /// A linear layer.
    Linear,
    /// A linear layer from one number, which is a vector here.
    Pattern,
    /// Layer normalisation of the channels.
    ChannelNorm,
    /// Batch normalisation.
    BatchNorm,
}

/// How a tensor lies in the published network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// As here.
    Same,
    /// [outputs, inputs]; here [inputs, outputs].
    Transposed,
    /// [n, 1]; here \[n\].
    Column,
}

/// A tensor of a module: its name there, its name here, its layout there.
type Part = (&'static str, &'static str, Layout);

impl Kind {
    fn parts(self) -> &'static [Part] {
        const WEIGHT: Part = ("weight", "weight", Layout::Same);
        const BIAS: Part = ("bias", "bias", Layout::Same);
        const GAIN: [Part; 2] =
            [("weight", "gain.gain", Layout::Same), ("bias", "gain.offset", Layout::Same)];
        match self {
            Self::Convolution => &[WEIGHT],
            Self::BiasedConvolution => &[WEIGHT, BIAS],
            Self::Linear => &[("weight", "weight", Layout::Transposed), BIAS],
            Self::Pattern => {
                &[("weight", "pattern", Layout::Column), ("bias", "pattern_bias", Layout::Same)]
            }
            Self::ChannelNorm => &GAIN,
            Self::BatchNorm => &[
                GAIN[0],
                GAIN[1],
                ("running_mean", "running_mean", Layout::Same),
                ("running_var", "running_variance", Layout::Same),
            ],
        }
    }

    /// What it holds that is of no use here.
    fn ignored(self) -> &'static [&'static str] {
        match self {
            // How many batches the running statistics have seen.
            Self::BatchNorm => &["num_batches_tracked"],
            _ => &[],
        }
    }
}

impl Layout {
    /// The shape there of what has a shape here.
    fn published_shape(self, ours: &[usize]) -> Vec<usize> {
        match self {
            Self::Same => ours.to_vec(),
            Self::Transposed => ours.iter().rev().copied().collect(),
            Self::Column => ours.iter().copied().chain([1]).collect(),
        }
    }

    /// The numbers as they lie here, in a tensor of a shape here.
    fn ours(self, published: Vec<f32>, ours: &[usize]) -> Vec<f32> {
        match (self, ours) {
            (Self::Transposed, &[inputs, outputs]) => {
                let column = |input| (0..outputs).map(move |output| output * inputs + input);
                (0..inputs).flat_map(column).map(|at| published[at]).collect()
            }
            _ => published,
        }
    }
}

/// Modules there and here. Names in braces stand for one another, as `{x,d}` and `{xray,moving}`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// Their names there.
    pub(super) published: &'static str,
    /// Their names here.
    pub(super) ours: &'static str,
    /// What they hold.
    pub(super) kind: Kind,
}

pub(super) const fn rule(published: &'static str, ours: &'static str, kind: Kind) -> Rule {
    Rule { published, ours, kind }
}

/// What a network has, by path. Its first weights are of no use: it is built for their shapes.
fn shapes_of(config: &NetworkConfig) -> Result<BTreeMap<String, Vec<usize>>, NetError> {
    let built = weights::of(&Network::new(config, 0, &Device::flex())?)?;
    Ok(built.into_iter().map(|(path, array)| (path, array.shape)).collect())
}

/// The names of a network.
#[derive(Debug, Clone, Copy)]
pub(super) struct NameTable {
    /// Its name.
    pub(super) network: &'static str,
    /// All its modules with weights.
    pub(super) rules: &'static [Rule],
}

impl Rule {
    /// The names there and here, one by one.
    fn modules(&self) -> impl Iterator<Item = (String, String)> {
        expanded(self.published).into_iter().zip(expanded(self.ours))
    }
}

/// All names that a pattern with braces stands for.
fn expanded(pattern: &str) -> Vec<String> {
    let braces = pattern.split_once('{').and_then(|(before, rest)| {
        let (names, after) = rest.split_once('}')?;
        Some((before, names, after))
    });
    let Some((before, names, after)) = braces else { return vec![pattern.to_owned()] };
    let after = expanded(after);
    let with = |name| after.iter().map(move |after| format!("{before}{name}{after}"));
    names.split(',').flat_map(with).collect()
}

/// A tensor on its way.
struct Renamed {
    name: String,
    path: String,
    layout: Layout,
    tensor: Tensor,
}

impl Renamed {
    /// The shape it has here, if it fits.
    fn fitting<'a>(
        &self,
        expected: &'a BTreeMap<String, Vec<usize>>,
    ) -> Result<&'a [usize], ConversionError> {
        let shape = expected
            .get(&self.path)
            .ok_or_else(|| NetError::WeightUnknown { path: self.path.clone() })?;
        let published = self.layout.published_shape(shape);
        match self.tensor.shape() == published {
            true => Ok(shape),
            false => Err(ConversionError::Shape {
                name: self.name.clone(),
                found: self.tensor.shape().to_vec(),
                expected: published,
            }),
        }
    }
}

impl NameTable {
    /// The shape of a tensor.
    pub(super) fn shape<'a>(
        &self,
        tensors: &'a StateDict,
        name: &str,
    ) -> Result<&'a [usize], ConversionError> {
        let tensor = tensors.tensors.get(name).ok_or_else(|| self.missing(name))?;
        Ok(tensor.shape())
    }

    /// The tensors by our paths and in our layout; all that `expected` has, and nothing else.
    fn renamed(
        &self,
        tensors: StateDict,
        expected: &BTreeMap<String, Vec<usize>>,
    ) -> Result<Arrays, ConversionError> {
        let plan = self.plan(tensors)?;
        let shapes = plan.iter().map(|tensor| tensor.fitting(expected));
        let shapes = shapes.collect::<Result<Vec<_>, _>>()?;
        let mut arrays = Arrays::new();
        for (Renamed { name, path, layout, tensor }, shape) in plan.iter().zip(shapes) {
            let values = layout.ours(numbers(name, tensor)?, shape);
            arrays.insert(path.clone(), Array { shape: shape.to_vec(), values });
        }
        match expected.keys().find(|&path| !arrays.contains_key(path)) {
            Some(path) => Err(NetError::WeightMissing { path: path.clone() }.into()),
            None => Ok(arrays),
        }
    }

    /// The checkpoint of an architecture with these weights.
    pub(super) fn checkpoint(
        &self,
        tensors: StateDict,
        config: NetworkConfig,
        descent: Descent,
        voxel_spacing_mm: f64,
    ) -> Result<Checkpoint, ConversionError> {
        let network = self.renamed(tensors, &shapes_of(&config)?)?;
        let header = Header::new(config.into(), descent, PoseMetric::Pose, voxel_spacing_mm);
        Ok(Checkpoint { header, network, balance: Arrays::new(), moments: Default::default() })
    }

    /// Which tensor goes where: decided for all of them before the first is read.
    fn plan(&self, tensors: StateDict) -> Result<Vec<Renamed>, ConversionError> {
        let mut tensors = tensors.tensors;
        let mut plan = Vec::new();
        for rule in self.rules {
            for (published, ours) in rule.modules() {
                for &(there, here, layout) in rule.kind.parts() {
                    let name = format!("{published}.{there}");
                    let tensor = tensors.remove(&name).ok_or_else(|| self.missing(&name))?;
                    plan.push(Renamed { name, path: format!("{ours}.{here}"), layout, tensor });
                }
                for there in rule.kind.ignored() {
                    tensors.remove(&format!("{published}.{there}"));
                }
            }
        }
        match tensors.pop_first() {
            Some((name, tensor)) => Err(ConversionError::Unknown {
                name,
                shape: tensor.shape().to_vec(),
                network: self.network,
            }),
            None => Ok(plan),
        }
    }

    fn missing(&self, name: &str) -> ConversionError {
        ConversionError::Missing { name: name.to_owned(), network: self.network }
    }
}

/// The rows of the table in a file's documentation.
#[cfg(test)]
pub(super) fn documented(source: &'static str) -> Vec<[&'static str; 3]> {
    let rows = source.lines().filter(|line| line.starts_with("//! | `"));
    let cells = |row: &'static str| {
        let mut cells = row.split('|').map(|cell| cell.trim().trim_matches('`')).skip(1);
        std::array::from_fn(|_| cells.next().unwrap_or_default())
    };
    rows.map(cells).collect()
}

#[cfg(test)]
impl NameTable {
    /// As its documentation has it.
    pub(super) fn rows(&self) -> Vec<[&'static str; 3]> {
        let kind = |kind| match kind {
            Kind::Convolution => "convolution",
            Kind::BiasedConvolution => "convolution with bias",
            Kind::Linear => "linear",
            Kind::Pattern => "pattern",
            Kind::ChannelNorm => "channel norm",
            Kind::BatchNorm => "batch norm",
        };
        self.rules.iter().map(|rule| [rule.published, rule.ours, kind(rule.kind)]).collect()
    }
}

#[cfg(test)]
mod tests {
    //! Proves: braces stand for one another in order; layouts are turned into ours.
    use super::*;

    #[test]
    fn braces_stand_for_one_another() {
        let rule = Rule { published: "a_{x,d}.n.{0,3}", ours: "{u,v}.{w,z}", kind: Kind::Linear };
        let modules: Vec<_> = rule.modules().map(|(a, b)| format!("{a} {b}")).collect();
        assert_eq!(modules, ["a_x.n.0 u.w", "a_x.n.3 u.z", "a_d.n.0 v.w", "a_d.n.3 v.z"]);
        assert_eq!(expanded("no braces"), ["no braces"]);
        assert_eq!(expanded("half {open"), ["half {open"]);
    }

    #[test]
    fn layouts_become_ours() {
        // Three outputs of two inputs.
        let published = vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(Layout::Transposed.published_shape(&[2, 3]), [3, 2]);
        let ours = Layout::Transposed.ours(published.clone(), &[2, 3]);
        assert_eq!(ours, [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]);
        assert_eq!(Layout::Column.published_shape(&[6]), [6, 1]);
        assert_eq!(Layout::Column.ours(published.clone(), &[6]), published);
    }
}
