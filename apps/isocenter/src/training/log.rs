//! What a training tells: `metrics.jsonl`, and event files for TensorBoard.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow};
use isocenter_io::tensorboard::EventWriter;
use isocenter_net::train::validation::{Gradients, Registrations};
use isocenter_net::train::{Metrics, Validation};
use serde::{Deserialize, Serialize};

/// A line of `metrics.jsonl`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Line {
    #[serde(flatten)]
    pub(crate) metrics: Metrics,
    pub(crate) seconds_per_step: f64,
    /// Measured after this step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) validation: Option<Validation>,
}

/// The files, open.
pub(crate) struct Log {
    metrics: File,
    events: EventWriter<BufWriter<File>>,
    lines: Vec<Line>,
}

impl Log {
    /// Opens the files after a step: what they hold of later ones is void.
    pub(crate) fn open(folder: &Path, after_step: u64) -> Result<Self> {
        let path = folder.join("metrics.jsonl");
        let place = || path.display().to_string();
        let mut options = File::options();
        let options = options.read(true).write(true).create(true).truncate(false);
        let mut metrics = options.open(&path).with_context(place)?;
        let mut text = String::new();
        metrics.read_to_string(&mut text).with_context(place)?;
        let (mut lines, mut kept) = (Vec::new(), 0);
        for (number, line) in text.split_inclusive('\n').enumerate() {
            let parsed: Line = match serde_json::from_str(line) {
                Ok(parsed) => parsed,
                // Torn when the program was killed.
                Err(_) if !line.ends_with('\n') => break,
                Err(error) => {
                    return Err(anyhow!("{}: line {}: {error}", path.display(), number + 1));
                }
            };
            if parsed.metrics.step > after_step {
                break;
            }
            kept += line.len();
            lines.push(parsed);
        }
        metrics.set_len(kept as u64).with_context(place)?;
        metrics.seek(SeekFrom::End(0)).with_context(place)?;
        let name = format!("events.out.tfevents.{after_step:09}.isocenter");
        let path = folder.join(name);
        let file = File::create(&path).with_context(|| path.display().to_string())?;
        let events = EventWriter::begin(BufWriter::new(file), seconds_since_1970(), after_step + 1)
            .with_context(|| path.display().to_string())?;
        Ok(Self { metrics, events, lines })
    }

    /// Adds a step.
    pub(crate) fn add(&mut self, line: Line) -> Result<()> {
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        self.metrics.write_all(&text).context("metrics.jsonl")?;
        let values = scalars(&line);
        let values: Vec<(&str, f64)> = values.iter().map(|(tag, v)| (tag.as_str(), *v)).collect();
        self.events
            .scalars(seconds_since_1970(), line.metrics.step, &values)
            .context("TensorBoard events")?;
        self.lines.push(line);
        Ok(())
    }

    /// All steps so far.
    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines
    }
}

fn seconds_since_1970() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// The curves of TensorBoard.
fn scalars(line: &Line) -> Vec<(String, f64)> {
    let m = &line.metrics;
    let (network, regressor) = (m.network(), m.regressor());
    let mut values: Vec<(String, f64)> = [
        ("loss/total", Some(m.loss)),
        ("loss/approximation", network.map(|m| m.approximation)),
        ("loss/decomposition", network.and_then(|m| m.decomposition)),
        ("cosine/rotation", network.map(|m| m.cosine_rotation)),
        ("cosine/translation", network.map(|m| m.cosine_translation)),
        ("ncc/global", network.and_then(|m| m.ncc_global)),
        ("ncc/local", network.and_then(|m| m.ncc_local)),
        ("balance/s1", network.map(|m| m.s1)),
        ("balance/s2", network.and_then(|m| m.s2)),
        ("error/rotation_deg", regressor.map(|m| m.rotation_error_deg)),
        ("error/shift_mm", regressor.map(|m| m.shift_error_mm)),
        ("ncc/radiograph", regressor.map(|m| m.ncc)),
        ("training/gradient_norm", Some(m.gradient_norm)),
        ("training/learning_rate", Some(m.learning_rate)),
        ("training/seconds_per_step", Some(line.seconds_per_step)),
    ]
    .into_iter()
    .filter_map(|(tag, value)| Some((tag.to_owned(), value?)))
    .collect();
    if let Some(validation) = &line.validation {
        let mut gradients = |group: &str, of: &Option<Gradients>| {
            let Some(of) = of else { return };
            values.push((format!("validation/{group}/cosine_rotation"), of.cosine_rotation));
            values.push((format!("validation/{group}/cosine_translation"), of.cosine_translation));
            values.push((format!("validation/{group}/depth_sign"), of.depth_sign));
        };
        gradients("trained", &validation.trained);
        gradients("held_out", &validation.held_out);
        let mut registrations = |group: &str, of: &Option<Registrations>| {
            if let Some(of) = of {
                values.push((format!("validation/{group}/mtre_mm"), of.end_mtre_mm));
                values.push((format!("validation/{group}/success"), of.success));
            }
        };
        registrations("trained", &validation.trained_registrations);
        registrations("held_out", &validation.held_out_registrations);
    }
    values
}
