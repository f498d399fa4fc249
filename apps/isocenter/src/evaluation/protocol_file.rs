//! A protocol's file and the CTs that it names.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use isocenter::evaluate::{CtEntry, Patient, Protocol};
use isocenter::register::StageRegistry;

use crate::ct_files::{CtFiles, Place};
use crate::input::toml_file;

/// A protocol that makes sense, and its text.
pub(crate) struct ProtocolFile {
    pub(crate) protocol: Protocol,
    pub(crate) text: String,
    path: PathBuf,
}

impl ProtocolFile {
    pub(crate) fn read(path: &Path, registry: &StageRegistry) -> Result<Self> {
        let (protocol, text): (Protocol, _) = toml_file(path)?;
        protocol.check(registry).with_context(|| path.display().to_string())?;
        Ok(Self { protocol, text, path: path.to_owned() })
    }

    /// Reads the CTs, or makes them. The files are all looked for before the first is read.
    pub(crate) fn patients(
        &self,
        data: Option<&Path>,
        mut doing: impl FnMut(&str),
    ) -> Result<Vec<Patient>> {
        let place = Place { settings: &self.path, data };
        let files = self.protocol.cts.iter().map(|ct| Ok((ct, place.find(ct)?)));
        let files: Vec<_> = files.collect::<Result<_>>()?;
        let patient = |(ct, files): (&CtEntry, CtFiles)| {
            doing(&format!("CT {}", ct.name));
            Patient::new(ct, files.read()?).with_context(|| self.path.display().to_string())
        };
        files.into_iter().map(patient).collect()
    }
}

#[cfg(test)]
mod tests {
    //! Proves: the protocols of this repository make sense.
    use super::*;

    fn protocols() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../protocols")
    }

    #[test]
    fn our_protocols_make_sense() {
        // The stages of networks come with checkpoints, of which there are none here: others by their names.
        let mut registry = StageRegistry::default();
        registry.add("network", |config| StageRegistry::default().make("refine", config));
        registry.add("regressor", |config| StageRegistry::default().make("refine", config));
        let mut count = 0;
        for entry in std::fs::read_dir(protocols()).unwrap() {
            let path = entry.unwrap().path();
            // Trainings are tested where they are read.
            if path.file_name().unwrap().to_string_lossy().starts_with("train") {
                continue;
            }
            let read = ProtocolFile::read(&path, &registry);
            let file = read.unwrap_or_else(|error| panic!("{error:#}"));
            assert!(file.protocol.case_count() > 0, "{}", path.display());
            count += 1;
        }
        assert_eq!(count, 12);
    }
}
