//! The CTs that protocols and trainings name: found first, read later.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use isocenter::evaluate::CtEntry;
use isocenter::volume::Volume;
use isocenter_io::volume::read_labels;

use crate::input::{remove_couch, volume};

/// What `--data` stands for in a path.
const DATA: &str = "ISOCENTER_DATA";

/// Where paths are looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The file that names them: they are relative to its folder.
    pub(crate) settings: &'a Path,
    /// The folder of the CTs.
    pub(crate) data: Option<&'a Path>,
}

/// The files of a CT; a phantom has none.
#[derive(Debug)]
pub(crate) struct CtFiles {
    ct: Option<PathBuf>,
    labels: Option<PathBuf>,
    keep_table: bool,
}

/// A CT (HU) and, where there are some, its labels.
pub(crate) type CtVoxels = (Volume<f32>, Option<Volume<u16>>);

impl CtFiles {
    /// The CT (HU), without the couch unless it is to be kept, and its labels.
    pub(crate) fn read(self) -> Result<Option<CtVoxels>> {
        let Some(ct) = self.ct else { return Ok(None) };
        let labels = self.labels.map(read_labels).transpose()?;
        let mut ct = volume(&ct, None)?;
        if !self.keep_table {
            remove_couch(&mut ct);
        }
        Ok(Some((ct, labels)))
    }
}

impl Place<'_> {
    /// The files of an entry; they exist.
    pub(crate) fn find(&self, ct: &CtEntry) -> Result<CtFiles> {
        let path = |path: &Option<String>| -> Result<Option<PathBuf>> {
            let Some(path) = path else { return Ok(None) };
            let place = || format!("{}: CT '{}'", self.settings.display(), ct.name);
            let path = self.resolve(path).with_context(place)?;
            if !path.exists() {
                bail!("{}: {}: there is no such file: check the path", place(), path.display());
            }
            Ok(Some(path))
        };
        let (volume, labels) = (path(&ct.path)?, path(&ct.labels)?);
        Ok(CtFiles { ct: volume, labels, keep_table: ct.keep_table })
    }

    /// A path: relative to the settings' file, `${NAME}` from the environment.
    fn resolve(&self, text: &str) -> Result<PathBuf> {
        let mut resolved = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, after)) = after.split_once('}') else {
                bail!("'{text}' has a ${{ without its }}: write ${{NAME}}");
            };
            resolved += before;
            resolved += &self.variable(name)?;
            rest = after;
        }
        resolved += rest;
        Ok(self.settings.parent().unwrap_or(Path::new("")).join(resolved))
    }

    /// A variable of the environment, made absolute: it is relative to where the program runs.
    fn variable(&self, name: &str) -> Result<String> {
        let value = match self.data.filter(|_| name == DATA) {
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
}

#[cfg(test)]
mod tests {
    //! Proves: paths are found from the folder of the settings and the environment.
    use super::*;

    #[test]
    fn paths_are_relative_to_the_settings() {
        let place = Place { settings: Path::new("/a/protocol.toml"), data: None };
        assert_eq!(place.resolve("b/c.nii").unwrap(), Path::new("/a/b/c.nii"));
        let with_data = Place { data: Some(Path::new("/data")), ..place };
        let data = with_data.resolve("${ISOCENTER_DATA}/b.nii").unwrap();
        assert_eq!(data, Path::new("/data/b.nii"));
        let message = place.resolve("${NOBODY_SETS_THIS}/b.nii").unwrap_err().to_string();
        assert!(message.contains("NOBODY_SETS_THIS is not set"), "{message}");
        assert!(place.resolve("${A").unwrap_err().to_string().contains("without its }"));
    }
}
