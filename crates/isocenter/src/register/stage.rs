//! Stages: the parts of which a registration is made, by name.
//!
//! A stage turns candidates into better ones. Which stages there are is decided by a
//! [`StageRegistry`], which whoever builds the program fills: a trained network adds itself there,
//! and this library never depends on it.

use std::collections::BTreeMap;
use std::fmt;

use super::candidate::Candidate;
use super::config::RegisterConfig;
use super::error::RegisterError;
use super::from_start::{CmaEsStage, GradientDescentStage};
use super::refine::RefineStage;
use super::run::Run;
use super::search::SearchStage;

/// A part of a registration.
pub trait Stage: Send + Sync {
    /// Its name in settings, files and on screens.
    fn name(&self) -> &'static str;

    /// Turns candidates, best first, into better ones. The first stage is given one: the center of
    /// the prior.
    ///
    /// # Errors
    /// If no candidate can be compared.
    fn run(
        &self,
        run: &mut Run<'_, '_>,
        candidates: Vec<Candidate>,
    ) -> Result<Vec<Candidate>, RegisterError>;
}

/// Makes a stage from the settings.
type Maker = Box<dyn Fn(&RegisterConfig) -> Result<Box<dyn Stage>, RegisterError> + Send + Sync>;

/// The stages that there are, by name.
///
/// # Examples
/// ```
/// use isocenter::register::{RegisterConfig, StageRegistry};
/// let registry = StageRegistry::default();
/// let error = registry.make("serach", &RegisterConfig::default()).err().unwrap().to_string();
/// assert!(error.contains("'serach'") && error.contains("search"), "{error}");
/// ```
pub struct StageRegistry {
    makers: BTreeMap<&'static str, Maker>,
}

impl Default for StageRegistry {
    /// `search`, `refine`, `cma-es` and `gradient-descent`.
    fn default() -> Self {
        let mut registry = Self { makers: BTreeMap::new() };
        registry.add(SearchStage::NAME, |c| Ok(Box::new(SearchStage::new(c))));
        registry.add(RefineStage::NAME, |c| Ok(Box::new(RefineStage::new(c))));
        registry.add(CmaEsStage::NAME, |c| Ok(Box::new(CmaEsStage::new(c))));
        registry.add(GradientDescentStage::NAME, |c| Ok(Box::new(GradientDescentStage::new(c))));
        registry
    }
}

impl StageRegistry {
    /// Adds a stage, or replaces the one of that name.
    pub fn add(
        &mut self,
        name: &'static str,
        maker: impl Fn(&RegisterConfig) -> Result<Box<dyn Stage>, RegisterError> + Send + Sync + 'static,
    ) {
        self.makers.insert(name, Box::new(maker));
    }

    /// The names that are registered, in order.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.makers.keys().copied().collect()
    }

    /// The stage of a name.
    ///
    /// # Errors
    /// If there is none of that name, or it cannot be made with these settings.
    pub fn make(
        &self,
        name: &str,
        config: &RegisterConfig,
    ) -> Result<Box<dyn Stage>, RegisterError> {
        match self.makers.get(name) {
            Some(maker) => maker(config),
            None => Err(RegisterError::UnknownStage {
                found: name.to_owned(),
                registered: self.names().join(", "),
            }),
        }
    }
}

impl fmt::Debug for StageRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StageRegistry").field(&self.names()).finish()
    }
}
