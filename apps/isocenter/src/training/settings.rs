//! A training's file and the CTs that it names.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use isocenter_net::train::{Source, TrainConfig, TrainingPatient};

use crate::ct_files::Place;
use crate::input::toml_file;

/// Settings that make sense, and their text.
pub(crate) struct TrainFile {
    pub(crate) config: TrainConfig,
    pub(crate) text: String,
    path: PathBuf,
}

impl TrainFile {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let (config, text): (TrainConfig, _) = toml_file(path)?;
        config.check().with_context(|| path.display().to_string())?;
        Ok(Self { config, text, path: path.to_owned() })
    }

    /// Reads the CTs, or makes them. The files are all looked for before the first is read.
    pub(crate) fn source(
        &self,
        data: Option<&Path>,
        mut doing: impl FnMut(&str),
    ) -> Result<Source> {
        let place = Place { settings: &self.path, data };
        let entries = self.config.single_cts();
        let files = entries.iter().map(|entry| place.find(&entry.ct));
        let files: Vec<_> = files.collect::<Result<_>>()?;
        let patient = |(entry, files): (&isocenter_net::train::config::TrainingCt, _)| {
            doing(&format!("CT {}", entry.ct.name));
            let files = crate::ct_files::CtFiles::read(files)?;
            TrainingPatient::new(entry, &self.config, files)
                .with_context(|| self.path.display().to_string())
        };
        let patients = entries.iter().zip(files).map(patient).collect::<Result<_>>()?;
        Ok(Source::new(self.config.clone(), patients)?)
    }
}

#[cfg(test)]
mod tests {
    //! Proves: the trainings of this repository make sense.
    use super::*;

    #[test]
    fn our_trainings_make_sense() {
        let protocols = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../protocols");
        let mut count = 0;
        for entry in std::fs::read_dir(protocols).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_string_lossy().starts_with("train") {
                TrainFile::read(&path).unwrap_or_else(|error| panic!("{error:#}"));
                count += 1;
            }
        }
        assert!(count > 0);
    }
}
