//! The architecture as data.

use serde::{Deserialize, Serialize};

use crate::error::NetError;

/// What normalises maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Normalization {
    /// Batch normalisation, as published: samples affect each other in training.
    Batch,
    /// Group normalisation: they do not, and training and use are the same.
    Group,
}

/// The architecture of a [`Network`](super::Network).
///
/// # Examples
/// ```
/// use isocenter_net::network::{DualBranchConfig, NetworkConfig};
/// let paper = DualBranchConfig::paper();
/// assert_eq!(paper.size_px, [256, 256]);
/// let odd = DualBranchConfig { size_px: [100, 128], ..paper };
/// assert!(NetworkConfig::from(odd).check().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "architecture", rename_all = "kebab-case")]
pub enum NetworkConfig {
    /// The correlation-driven dual-branch network.
    DualBranch(DualBranchConfig),
    /// The baseline of plain encoders.
    Prost(ProstConfig),
    /// The baseline of composite encoders.
    Sopi(SopiConfig),
}

impl From<DualBranchConfig> for NetworkConfig {
    fn from(config: DualBranchConfig) -> Self {
        Self::DualBranch(config)
    }
}

impl From<ProstConfig> for NetworkConfig {
    fn from(config: ProstConfig) -> Self {
        Self::Prost(config)
    }
}

impl From<SopiConfig> for NetworkConfig {
    fn from(config: SopiConfig) -> Self {
        Self::Sopi(config)
    }
}

impl NetworkConfig {
    /// [columns, rows] of the images.
    #[must_use]
    pub fn size_px(&self) -> [usize; 2] {
        match self {
            Self::DualBranch(config) => config.size_px,
            Self::Prost(config) => config.size_px,
            Self::Sopi(config) => config.size_px,
        }
    }

    /// What normalises maps.
    #[must_use]
    pub fn normalization(&self) -> Normalization {
        match self {
            Self::DualBranch(config) => config.normalization,
            Self::Prost(config) => config.normalization,
            Self::Sopi(config) => config.normalization,
        }
    }

    /// Checks that the architecture can be built.
    ///
    /// # Errors
    /// The first setting that makes no sense.
    pub fn check(&self) -> Result<(), NetError> {
        match self {
            Self::DualBranch(config) => config.check(),
            Self::Prost(config) => check_size(config.size_px),
            Self::Sopi(config) => config.check(),
        }
    }
}

/// Checks the size of the images.
pub(crate) fn check_size(size_px: [usize; 2]) -> Result<(), NetError> {
    let fits = |&side: &usize| side > 0 && side % 32 == 0 && side <= 1024;
    match size_px.iter().all(fits) {
        true => Ok(()),
        false => Err(NetError::Setting {
            name: "network.size_px",
            found: format!("{size_px:?}"),
            expected: "two sides divisible by 32, at most 1024",
        }),
    }
}

/// The architecture of [`Prost`](super::Prost).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProstConfig {
    /// [columns, rows] of the images, both divisible by 32.
    pub size_px: [usize; 2],
    /// What normalises the bottlenecks.
    pub normalization: Normalization,
}

impl ProstConfig {
    /// The published architecture.
    ///
    /// # References
    /// arXiv:2003.12098
    #[must_use]
    pub fn published() -> Self {
        Self { size_px: [128, 128], normalization: Normalization::Batch }
    }
}

/// The architecture of [`Sopi`](super::Sopi).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SopiConfig {
    /// [columns, rows] of the images, both divisible by 32.
    pub size_px: [usize; 2],
    /// What normalises the bottlenecks and the connections of the two backbones.
    pub normalization: Normalization,
    /// The levels that are compared: 3, as the publication registers, or 1, the coarsest, as it trains.
    pub levels: usize,
}

impl SopiConfig {
    /// The published architecture, as it registers.
    ///
    /// # References
    /// arXiv:2305.06252
    #[must_use]
    pub fn published() -> Self {
        Self { size_px: [256, 256], normalization: Normalization::Batch, levels: 3 }
    }

    fn check(&self) -> Result<(), NetError> {
        check_size(self.size_px)?;
        match self.levels {
            1 | 3 => Ok(()),
            found => Err(NetError::Setting {
                name: "network.levels",
                found: found.to_string(),
                expected: "1, the coarsest, or 3",
            }),
        }
    }
}

/// The architecture of [`DualBranch`](super::DualBranch).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DualBranchConfig {
    /// [columns, rows] of the images, both divisible by 32.
    pub size_px: [usize; 2],
    /// Outputs of the layers in front of the heads.
    pub trunk: Vec<usize>,
    /// Outputs of the hidden layers of a head.
    pub head: Vec<usize>,
    /// What normalises the global branch.
    pub normalization: Normalization,
    /// The part of elements that training leaves out in the encoder's blocks.
    pub dropout: f64,
}

/// The channels of the encoded image.
pub(super) const CHANNELS: usize = 64;

/// The encoded image is this much smaller than the image.
pub(crate) const REDUCTION: usize = 16;

impl DualBranchConfig {
    /// The published architecture.
    ///
    /// # References
    /// arXiv:2402.02498
    #[must_use]
    pub fn paper() -> Self {
        Self {
            size_px: [256, 256],
            trunk: vec![8192, 4096],
            head: vec![1024, 256],
            normalization: Normalization::Batch,
            dropout: 0.1,
        }
    }

    /// A small one that trains on a CPU.
    #[must_use]
    pub fn compact() -> Self {
        Self {
            size_px: [128, 128],
            trunk: vec![512, 256],
            head: vec![64],
            normalization: Normalization::Group,
            dropout: 0.1,
        }
    }

    /// Checks that the architecture can be built.
    ///
    /// # Errors
    /// The first setting that makes no sense.
    pub fn check(&self) -> Result<(), NetError> {
        let refused =
            |name, found: String, expected| Err(NetError::Setting { name, found, expected });
        check_size(self.size_px)?;
        for (name, found) in [("network.trunk", &self.trunk), ("network.head", &self.head)] {
            let fits = found.iter().all(|width| (1..=65_536).contains(width));
            if !fits || found.is_empty() || found.len() > 8 {
                return refused(name, format!("{found:?}"), "one to eight widths from 1 to 65536");
            }
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return refused("network.dropout", self.dropout.to_string(), "at least 0 and below 1");
        }
        Ok(())
    }

    /// [columns, rows] of the encoded image.
    #[must_use]
    pub fn map_px(&self) -> [usize; 2] {
        self.size_px.map(|side| side / REDUCTION)
    }

    /// The values of an encoded image.
    pub(crate) fn features(&self) -> usize {
        let [columns, rows] = self.map_px();
        CHANNELS * columns * rows
    }
}
