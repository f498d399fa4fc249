//! Where a training keeps what it needs to go on.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use isocenter_io::atomic::write_file;
use isocenter_net::Checkpoint;
use isocenter_net::train::{Sample, Source};

const CHECKPOINTS: &str = "checkpoints";
const ENDING: &str = ".safetensors";

/// The folder of a training.
pub(crate) struct TrainingFolder {
    path: PathBuf,
}

impl TrainingFolder {
    /// Begins a training in a folder that holds none.
    pub(crate) fn begin(path: &Path, settings: &str) -> Result<Self> {
        let folder = Self { path: path.to_owned() };
        if !folder.checkpoints()?.is_empty() {
            bail!(
                "{}: holds a training: --resume goes on with it, another folder begins a new one",
                path.display()
            );
        }
        for folder in [path, &path.join(CHECKPOINTS)] {
            match std::fs::create_dir(folder) {
                Err(_) if folder.is_dir() => {}
                made => made.with_context(|| {
                    format!(
                        "{}: this folder cannot be made: its parent must exist",
                        folder.display()
                    )
                })?,
            }
        }
        folder.write_settings(settings)?;
        Ok(folder)
    }

    /// Keeps the settings: those that it goes on with may be others than it began with.
    pub(crate) fn write_settings(&self, settings: &str) -> Result<()> {
        let path = self.path.join("train.toml");
        Ok(write_file(path, |out| out.write_all(settings.as_bytes()))?)
    }

    /// Goes on with a training: where it was left.
    pub(crate) fn resume(path: &Path) -> Result<(Self, Checkpoint)> {
        let folder = Self { path: path.to_owned() };
        let Some(last) = folder.checkpoints()?.pop() else {
            bail!("{}: holds no checkpoint to go on with: begin without --resume", path.display());
        };
        let checkpoint = read_checkpoint(&last)?;
        Ok((folder, checkpoint))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps a checkpoint, and of those before only the last ones.
    pub(crate) fn save(&self, checkpoint: &Checkpoint, keep: usize) -> Result<()> {
        let name = format!("step-{:09}{ENDING}", checkpoint.header.step);
        let bytes = checkpoint.to_bytes()?;
        write_file(self.path.join(CHECKPOINTS).join(name), |out| out.write_all(&bytes))?;
        let mut old = self.checkpoints()?;
        old.truncate(old.len().saturating_sub(keep));
        for path in old {
            std::fs::remove_file(&path).with_context(|| path.display().to_string())?;
        }
        Ok(())
    }

    /// Keeps the samples at which a training has failed, one file each, and returns the files.
    pub(crate) fn save_failed(
        &self,
        step: u64,
        samples: &[Sample],
        source: &Source,
    ) -> Result<Vec<PathBuf>> {
        let name = |number: usize| match samples.len() {
            1 => format!("failed-step-{step:09}{ENDING}"),
            _ => format!("failed-step-{step:09}-ct-{number}{ENDING}"),
        };
        let mut kept = Vec::with_capacity(samples.len());
        for (number, sample) in samples.iter().enumerate() {
            let bytes = sample.to_bytes(source)?;
            let path = self.path.join(name(number + 1));
            write_file(&path, |out| out.write_all(&bytes))?;
            kept.push(path);
        }
        Ok(kept)
    }

    /// The checkpoints that are whole, in order.
    fn checkpoints(&self) -> Result<Vec<PathBuf>> {
        let folder = self.path.join(CHECKPOINTS);
        if !folder.is_dir() {
            return Ok(Vec::new());
        }
        let in_folder = || folder.display().to_string();
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&folder).with_context(in_folder)? {
            let path = entry.with_context(in_folder)?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            let fits = |name: &String| name.starts_with("step-") && name.ends_with(ENDING);
            if name.as_ref().is_some_and(fits) {
                found.push(path);
            }
        }
        found.sort();
        Ok(found)
    }
}

/// A checkpoint from its file.
pub(crate) fn read_checkpoint(path: &Path) -> Result<Checkpoint> {
    let place = || path.display().to_string();
    let bytes = std::fs::read(path).with_context(place)?;
    Checkpoint::from_bytes(&bytes).with_context(place)
}
