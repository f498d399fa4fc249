//! A protocol's file and the CTs that it names.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use isocenter::evaluate::{CtEntry, Patient, Protocol};
use isocenter::register::StageRegistry;
use isocenter_io::volume::read_labels;

use crate::input::{remove_couch, toml_file, volume};

/// What `--data` stands for in a protocol.
const DATA: &str = "ISOCENTER_DATA";

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
        let path = |ct: &CtEntry, path: &Option<String>| -> Result<Option<PathBuf>> {
            let Some(path) = path else { return Ok(None) };
            let place = || format!("{}: CT '{}'", self.path.display(), ct.name);
            let path = self.resolve(path, data).with_context(place)?;
            if !path.exists() {
                bail!("{}: {}: there is no such file: check the path", place(), path.display());
            }
            Ok(Some(path))
        };
        let files =
            self.protocol.cts.iter().map(|ct| Ok((ct, path(ct, &ct.path)?, path(ct, &ct.labels)?)));
        let files: Vec<(&CtEntry, Option<PathBuf>, Option<PathBuf>)> =
            files.collect::<Result<_>>()?;
        let patient = |(ct, path, labels): (&CtEntry, Option<PathBuf>, Option<PathBuf>)| {
            doing(&format!("CT {}", ct.name));
            let labels = labels.map(read_labels).transpose()?;
            let read = |path: PathBuf| -> Result<_> {
                let mut volume = volume(&path, None)?;
                if !ct.keep_table {
                    remove_couch(&mut volume);
                }
                Ok((volume, labels))
            };
            let patient = Patient::new(ct, path.map(read).transpose()?);
            patient.with_context(|| self.path.display().to_string())
        };
        files.into_iter().map(patient).collect()
    }

    /// A path of the protocol: relative to its file, `${NAME}` from the environment.
    fn resolve(&self, text: &str, data: Option<&Path>) -> Result<PathBuf> {
        let mut resolved = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, after)) = after.split_once('}') else {
                bail!("'{text}' has a ${{ without its }}: write ${{NAME}}");
            };
            resolved += before;
            resolved += &variable(name, data)?;
            rest = after;
        }
        resolved += rest;
        Ok(self.path.parent().unwrap_or(Path::new("")).join(resolved))
    }
}

/// A variable of the environment, made absolute: it is relative to where the program runs.
fn variable(name: &str, data: Option<&Path>) -> Result<String> {
    let value = match data.filter(|_| name == DATA) {
        Some(folder) => folder.to_string_lossy().into_owned(),
        None => match std::env::var(name) {
            Ok(value) => value,
            Err(_) if name == DATA => bail!(
                "the variable {DATA} is not set: give --data DIR, the folder of the CTs, or set it"
            ),
            Err(_) => bail!("the variable {name} is not set: set it, or write the path"),
        },
    };
    let path = std::path::absolute(&value).with_context(|| format!("'{value}'"))?;
    Ok(path.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    //! Proves: the protocols of this repository make sense, and paths are found from the protocol's
    //! folder and the environment.
    use super::*;

    fn protocols() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../protocols")
    }

    #[test]
    fn our_protocols_make_sense() {
        let mut count = 0;
        for entry in std::fs::read_dir(protocols()).unwrap() {
            let path = entry.unwrap().path();
            let read = ProtocolFile::read(&path, &StageRegistry::default());
            let file = read.unwrap_or_else(|error| panic!("{error:#}"));
            assert!(file.protocol.case_count() > 0, "{}", path.display());
            count += 1;
        }
        assert_eq!(count, 6);
    }

    #[test]
    fn paths_are_relative_to_the_protocol() {
        let registry = StageRegistry::default();
        let file = ProtocolFile::read(&protocols().join("smoke.toml"), &registry).unwrap();
        assert_eq!(file.resolve("a/b.nii", None).unwrap(), protocols().join("a/b.nii"));
        let data = file.resolve("${ISOCENTER_DATA}/b.nii", Some(Path::new("/data"))).unwrap();
        assert_eq!(data, Path::new("/data/b.nii"));
        let message = file.resolve("${NOBODY_SETS_THIS}/b.nii", None).unwrap_err().to_string();
        assert!(message.contains("NOBODY_SETS_THIS is not set"), "{message}");
        assert!(file.resolve("${A", None).unwrap_err().to_string().contains("without its }"));
    }
}
