//! What a protocol may be.

use std::collections::BTreeSet;

use super::protocol::{
    About, CameraEntry, Condition, CtEntry, Hopeless, PoseDistribution, Protocol,
};
use crate::geometry::{Camera, CameraError};
use crate::radiograph::simulation::{SimulationConfig, SimulationError};
use crate::register::{PoseSpread, RegisterError, StageRegistry};
use crate::volume::PhantomConfig;

/// The most cases of one protocol.
const MOST_CASES: usize = 1_000_000;

/// The farthest center of rotation (mm).
const FARTHEST_MM: f64 = 1e4;

/// Names that simulations of a protocol cannot have.
const PRESETS: [&str; 2] = ["plain", "hard"];

/// The row of tables that shows what the methods start from.
pub const START: &str = "start";

/// Why a protocol makes no sense.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A key has a value that it cannot have.
    #[error("{key} is {found}: it must be {expected}")]
    Setting {
        /// The key, with the name of what it belongs to.
        key: String,
        /// Its value.
        found: String,
        /// What it must be.
        expected: String,
    },
    /// A camera cannot exist.
    #[error("camera '{name}': {error}")]
    Camera {
        /// Which one.
        name: String,
        /// Why.
        error: CameraError,
    },
    /// A simulation's settings make no sense.
    #[error("simulation '{name}': {error}")]
    Simulation {
        /// Which one.
        name: String,
        /// Why.
        error: SimulationError,
    },
    /// A method's settings, or those of a search or a spread of poses, make no sense.
    #[error("{of}: {error}")]
    Register {
        /// What they belong to.
        of: String,
        /// Why.
        error: RegisterError,
    },
}

fn refused<T>(
    key: impl Into<String>,
    found: impl ToString,
    expected: impl Into<String>,
) -> Result<T, ProtocolError> {
    let (key, found) = (key.into(), found.to_string());
    Err(ProtocolError::Setting { key, found, expected: expected.into() })
}

impl Protocol {
    /// Checks that the protocol makes sense, with the stages that there are.
    ///
    /// # Errors
    /// The first thing that does not, by its key.
    pub fn check(&self, registry: &StageRegistry) -> Result<(), ProtocolError> {
        check_names("cts", self.cts.iter().map(|ct| &*ct.name))?;
        check_names("cameras", self.cameras.iter().map(|camera| &*camera.name))?;
        check_names("conditions", self.conditions.iter().map(|condition| &*condition.name))?;
        check_names("methods", self.methods.iter().map(|method| &*method.name))?;
        if self.views.is_empty() {
            return refused("views", "empty", "a list of at least one view");
        }
        check_spread("prior", &self.prior)?;
        self.cts.iter().try_for_each(CtEntry::check)?;
        self.cameras.iter().try_for_each(|entry| entry.camera().map(|_| ()))?;
        self.check_simulations()?;
        self.conditions.iter().try_for_each(|condition| self.check_condition(condition))?;
        self.check_methods(registry)?;
        let cases: usize = self.conditions.iter().map(|c| self.cases_of(c)).sum();
        if cases > MOST_CASES {
            return refused("cases", format!("{cases} in all"), format!("at most {MOST_CASES}"));
        }
        Ok(())
    }

    /// The number of cases of a condition.
    #[must_use]
    pub fn cases_of(&self, condition: &Condition) -> usize {
        condition.cases.unwrap_or(self.cases)
    }

    /// The settings of a simulation, by its name.
    #[must_use]
    pub fn simulation(&self, name: &str) -> Option<SimulationConfig> {
        match name {
            "plain" => Some(SimulationConfig::plain()),
            "hard" => Some(SimulationConfig::hard()),
            name => self.simulations.get(name).cloned(),
        }
    }

    fn check_simulations(&self) -> Result<(), ProtocolError> {
        for (name, config) in &self.simulations {
            if PRESETS.contains(&&**name) {
                return refused(
                    "simulations",
                    format!("'{name}'"),
                    "a name other than plain and hard",
                );
            }
            config
                .check()
                .map_err(|error| ProtocolError::Simulation { name: name.clone(), error })?;
        }
        Ok(())
    }

    fn check_condition(&self, condition: &Condition) -> Result<(), ProtocolError> {
        let key = |key: &str| format!("{key} of condition '{}'", condition.name);
        if !(1..=MOST_CASES).contains(&self.cases_of(condition)) {
            return refused(key("cases"), self.cases_of(condition), format!("1 to {MOST_CASES}"));
        }
        if self.simulation(&condition.simulation).is_none() {
            let own = self.simulations.keys().map(String::as_str);
            let names: Vec<&str> = PRESETS.into_iter().chain(own).collect();
            let found = format!("'{}'", condition.simulation);
            return refused(key("simulation"), found, format!("one of {}", names.join(", ")));
        }
        if let Some(truth) = &condition.truth {
            truth.check(&key("truth"))?;
            if truth.about == About::Truth {
                return refused(
                    key("truth.about"),
                    "'truth'",
                    "'view': a truth is drawn from the view",
                );
            }
        }
        if let Some(start) = &condition.start {
            start.check(&key("start"))?;
        }
        if let Some(prior) = &condition.prior {
            check_spread(&key("prior"), prior)?;
        }
        if let Some(angle) = condition.second_view_deg.filter(|a| !(1.0..=180.0).contains(&a.abs()))
        {
            return refused(key("second_view_deg"), angle, "1 to 180 degrees, of either sign");
        }
        if let Some(part) = condition.visible_part
            && (!(part > 0.0 && part < 1.0) || condition.hopeless.is_some())
        {
            return refused(key("visible_part"), part, "above 0 and below 1, without hopeless");
        }
        if condition.hopeless == Some(Hopeless::WrongCt) && self.cts.len() < 2 {
            return refused(key("hopeless"), "'wrong-ct'", "used with two CTs at least");
        }
        self.check_cut(condition)?;
        self.check_alteration(condition)
    }

    fn check_cut(&self, condition: &Condition) -> Result<(), ProtocolError> {
        let Some(cut) = &condition.cut else { return Ok(()) };
        cut.check(&condition.name)?;
        let unlabelled = |ct: &&CtEntry| ct.labels.is_none() && ct.phantom.is_none();
        match self.cts.iter().find(unlabelled) {
            Some(ct) if cut.labels.is_some() => {
                let key = format!("labels of CT '{}'", ct.name);
                let expected =
                    format!("given for the cut.labels of condition '{}'", condition.name);
                refused(key, "absent", expected)
            }
            _ => Ok(()),
        }
    }

    fn check_alteration(&self, condition: &Condition) -> Result<(), ProtocolError> {
        let Some(alteration) = &condition.alteration else { return Ok(()) };
        alteration.check(&condition.name)?;
        if alteration.moved_mm == [0.0; 3] {
            return Ok(());
        }
        if self.cts.iter().any(|ct| ct.moved_label.is_some()) {
            return Ok(());
        }
        let expected = format!("given for a CT, as condition '{}' moves something", condition.name);
        refused("moved_label", "absent", expected)
    }

    fn check_methods(&self, registry: &StageRegistry) -> Result<(), ProtocolError> {
        for method in &self.methods {
            let of = format!("method '{}'", method.name);
            if method.name == START {
                return refused("methods", "'start'", "a name other than that of the start's row");
            }
            let wrong = |error| ProtocolError::Register { of: of.clone(), error };
            method.config.check().map_err(wrong)?;
            for stage in &method.config.stages {
                registry.make(stage, &method.config).map_err(wrong)?;
            }
            if let Some(prior) = &method.prior {
                check_spread(&of, prior)?;
            }
        }
        Ok(())
    }
}

impl CameraEntry {
    /// The camera.
    ///
    /// # Errors
    /// If it cannot exist.
    pub fn camera(&self) -> Result<Camera, ProtocolError> {
        let camera = || {
            let camera =
                Camera::new(self.source_to_detector_mm, self.pixel_spacing_mm, self.size_px)?
                    .with_source_to_isocenter_mm(self.source_to_isocenter_mm)?;
            match self.principal_point_px {
                Some(point) => camera.with_principal_point_px(point),
                None => Ok(camera),
            }
        };
        camera().map_err(|error| ProtocolError::Camera { name: self.name.clone(), error })
    }
}

/// Things of a kind: at least one, each with a name of its own that fits into a table.
///
/// # Errors
/// The first name that does not fit.
pub fn check_names<'a>(
    kind: &str,
    names: impl Iterator<Item = &'a str>,
) -> Result<(), ProtocolError> {
    let mut seen = BTreeSet::new();
    for name in names {
        let fits = |c: char| !c.is_control() && c != '|' && c != '"';
        if name.trim().is_empty() || !name.chars().all(fits) {
            let expected = "a name without quotation marks, bars and line breaks";
            return refused(
                format!("a name in {kind}"),
                format!("'{}'", name.escape_debug()),
                expected,
            );
        }
        if !seen.insert(name) {
            return refused(format!("a name in {kind}"), format!("'{name}' twice"), "unique");
        }
    }
    if seen.is_empty() { refused(kind, "empty", "a list of at least one") } else { Ok(()) }
}

impl CtEntry {
    /// Checks that the entry makes sense.
    ///
    /// # Errors
    /// The first thing that does not, by its key.
    pub fn check(&self) -> Result<(), ProtocolError> {
        let key = |key: &str| format!("{key} of CT '{}'", self.name);
        match (&self.path, &self.phantom) {
            (Some(_), None) => {
                let needed = [
                    ("target_labels", !self.target_labels.is_empty()),
                    ("moved_label", self.moved_label.is_some()),
                ];
                match needed.iter().find(|(_, given)| *given && self.labels.is_none()) {
                    Some((name, _)) => {
                        refused(key("labels"), "absent", format!("given with {name}"))
                    }
                    None => Ok(()),
                }
            }
            (None, Some(PhantomConfig { .. })) if self.labels.is_some() => {
                refused(key("labels"), "given", "absent: a phantom has its own")
            }
            (None, Some(_)) => Ok(()),
            (Some(_), Some(_)) => refused(key("phantom"), "given beside path", "one of the two"),
            (None, None) => refused(key("path"), "absent", "given, or phantom"),
        }
    }
}

impl PoseDistribution {
    /// Checks that poses can be drawn; `of` names what they are for.
    ///
    /// # Errors
    /// The first setting that makes no sense.
    pub fn check(&self, of: &str) -> Result<(), ProtocolError> {
        check_spread(of, &self.spread())?;
        let found = self.rotation_centre_mm;
        if found.abs() <= FARTHEST_MM {
            return Ok(());
        }
        refused(format!("rotation_centre_mm of {of}"), found, "-10000 to 10000 mm")
    }
}

fn check_spread(of: &str, spread: &PoseSpread) -> Result<(), ProtocolError> {
    spread.check().map_err(|error| ProtocolError::Register { of: of.to_owned(), error })
}

#[cfg(test)]
mod tests {
    //! Proves: what makes no sense in a protocol is refused with its key, what was found and what is
    //! expected.
    use super::*;
    use crate::evaluate::{Cut, CutLabels, protocol_of_tests};

    /// The message that a change of a good protocol leads to.
    fn refused(change: impl FnOnce(&mut Protocol)) -> String {
        let mut protocol = protocol_of_tests();
        let registry = StageRegistry::default();
        assert_eq!(protocol.check(&registry), Ok(()));
        change(&mut protocol);
        protocol.check(&registry).unwrap_err().to_string()
    }

    #[test]
    fn nonsense_is_refused_by_its_key() {
        let message = refused(|p| p.conditions[0].simulation = "soft".to_owned());
        assert_eq!(
            message,
            "simulation of condition 'near' is 'soft': it must be one of plain, hard"
        );
        let message = refused(|p| p.cts[1].name = p.cts[0].name.clone());
        assert!(message.contains("a name in cts is 'one' twice"), "{message}");
        let message = refused(|p| p.methods[0].config.stages[0] = "serach".to_owned());
        assert!(message.contains("method 'ours'") && message.contains("'serach'"), "{message}");
        let message = refused(|p| p.methods[0].name = START.to_owned());
        assert!(message.contains("methods is 'start'"), "{message}");
        let message = refused(|p| p.methods[0].config.search.polished = 0);
        assert!(message.contains("search.polished is 0"), "{message}");
        let message = refused(|p| p.cameras[0].source_to_detector_mm = -1.0);
        assert!(message.contains("camera 'c-arm': source_to_detector_mm is -1"), "{message}");
        let message = refused(|p| p.cts[0].path = Some("ct.nii".to_owned()));
        assert!(message.contains("phantom of CT 'one' is given beside path"), "{message}");
        let message = refused(|p| p.cts[0].phantom = None);
        assert!(message.contains("path of CT 'one' is absent"), "{message}");
        let message = refused(|p| p.conditions[0].cases = Some(0));
        assert!(message.contains("cases of condition 'near' is 0"), "{message}");
        let message = refused(|p| p.conditions.clear());
        assert_eq!(message, "conditions is empty: it must be a list of at least one");
        let message = refused(|p| {
            p.conditions[0].hopeless = Some(Hopeless::WrongCt);
            p.cts.pop();
        });
        assert!(message.contains("hopeless of condition 'near'"), "{message}");
        let message = refused(|p| {
            if let Some(truth) = &mut p.conditions[0].truth {
                truth.in_plane_mm = f64::NAN;
            }
        });
        assert!(message.contains("in_plane_mm is NaN"), "{message}");
        let message = refused(|p| {
            let cut = Cut { z_mm: Some([5.0, 160.0]), ..Cut::default() };
            p.conditions[0].cut = Some(cut);
        });
        assert!(message.contains("cut.z_mm of condition 'near' is [5, 160]"), "{message}");
        let message = refused(|p| {
            let labels = Some(CutLabels::These(vec![22]));
            p.conditions[0].cut = Some(Cut { labels, ..Cut::default() });
            p.cts[1].phantom = None;
            p.cts[1].moved_label = None;
            p.cts[1].path = Some("ct.nii".to_owned());
        });
        assert!(message.contains("labels of CT 'two' is absent"), "{message}");
        let message = refused(|p| p.conditions[0].second_view_deg = Some(0.0));
        assert!(message.contains("second_view_deg of condition 'near' is 0"), "{message}");
    }
}
