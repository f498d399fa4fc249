//! `isocenter train`: trains a network through its pose gradient, or a regressor of poses.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use burn::tensor::Device;
use isocenter_net::train::metrics::MetricsOf;
use isocenter_net::train::validation::{Gradients, Registrations};
use isocenter_net::train::{Metrics, Supply, Trainer, Validation, validate};

use crate::cli::TrainArgs;
use crate::output::{remark, say};
use crate::progress::Progress;
use crate::training::{Line, Log, TrainFile, TrainingFolder, read_checkpoint, write_report};

pub(crate) fn run(args: &TrainArgs) -> Result<()> {
    let mut file = TrainFile::read(&args.config)?;
    if let Some(keep) = args.keep {
        file.config.checkpoints.keep = keep;
        file.config.check().context("--keep")?;
    }
    let device = args.device.device();
    let (folder, trainer) = begin(args, &file, &device)?;
    let progress = Progress::new("reading");
    let source = Arc::new(file.source(args.data.as_deref(), |ct| progress.doing(ct))?);
    let log = Log::open(folder.path(), trainer.steps_done())?;
    let (progress, told) = (Some(progress), Instant::now());
    let mut training = Training { file: &file, folder, trainer, log, source, progress, told };
    training.run(args.threads)
}

/// A training in its folder, at its beginning or where it was left.
fn begin(args: &TrainArgs, file: &TrainFile, device: &Device) -> Result<(TrainingFolder, Trainer)> {
    let (config, text) = (file.config.clone(), file.text.clone());
    if args.resume {
        let (folder, checkpoint) = TrainingFolder::resume(&args.out)?;
        let trainer = Trainer::resumed(config, text, device, &checkpoint)?;
        folder.write_settings(&file.text)?;
        return Ok((folder, trainer));
    }
    let trainer = match &args.from {
        Some(path) => Trainer::from_weights(config, text, device, &read_checkpoint(path)?)?,
        None => Trainer::new(config, text, device)?,
    };
    Ok((TrainingFolder::begin(&args.out, &file.text)?, trainer))
}

/// The user or the system has asked the program to end.
#[derive(Debug, thiserror::Error)]
#[error("interrupted after step {step}, a checkpoint was written: --resume goes on with it")]
pub(crate) struct Interrupted {
    step: u64,
}

/// How often a training says where it is when nobody sees its progress line (s).
const LINE_EVERY_S: f64 = 60.0;

struct Training<'a> {
    file: &'a TrainFile,
    folder: TrainingFolder,
    trainer: Trainer,
    log: Log,
    source: Arc<isocenter_net::train::Source>,
    progress: Option<Progress>,
    /// When a line was last written to a log.
    told: Instant,
}

impl Training<'_> {
    fn run(&mut self, threads: usize) -> Result<()> {
        let stopped = stop_signal()?;
        let config = &self.file.config;
        let begun = Instant::now();
        let first = self.trainer.steps_done();
        for samples in Supply::new(&self.source, first, threads) {
            let samples = samples?;
            let step_begun = Instant::now();
            let metrics = match self.trainer.step(&self.source, &samples) {
                Ok(metrics) => metrics,
                Err(error) => {
                    let step = self.trainer.steps_done() + 1;
                    let kept = self.folder.save_failed(step, &samples, &self.source)?;
                    let kept: Vec<String> =
                        kept.iter().map(|at| at.display().to_string()).collect();
                    let kept = format!("the batch is in {}", kept.join(", "));
                    return Err(anyhow::Error::from(error).context(kept));
                }
            };
            let seconds_per_step = step_begun.elapsed().as_secs_f64();
            let done = metrics.step;
            let (last, stop) = (done == config.steps, stopped.load(Ordering::Relaxed));
            let measured = done.is_multiple_of(config.validation.every_steps) || last;
            let validation = match measured && !stop {
                true => Some(validate(&self.trainer.model(), &self.source, last)?),
                false => None,
            };
            let line = Line { metrics, seconds_per_step, validation };
            let each = begun.elapsed().as_secs_f64() / (done - first) as f64;
            self.tell(&line, each)?;
            self.log.add(line)?;
            if done.is_multiple_of(config.checkpoints.every_steps) || last || stop {
                self.folder.save(&self.trainer.checkpoint()?, config.checkpoints.keep)?;
            }
            if stop && !last {
                self.progress = None;
                return Err(Interrupted { step: done }.into());
            }
        }
        let (done, steps) = (self.trainer.steps_done(), self.file.config.steps);
        ensure!(
            done >= steps,
            "the samples ended after step {done} of {steps}: a thread that makes them has failed; \
             --resume goes on after the last checkpoint"
        );
        self.finish()
    }

    /// The progress line, or now and then a line of a log; measurements stay on the screen.
    fn tell(&mut self, line: &Line, seconds_each: f64) -> Result<()> {
        let (m, steps) = (&line.metrics, self.file.config.steps);
        let left_min = seconds_each * (steps - m.step) as f64 / 60.0;
        let said = format!(
            "step {} of {steps}: {}, {:.2} steps/s, {left_min:.0} min left",
            m.step,
            losses(m),
            1.0 / seconds_each
        );
        if let Some(progress) = &self.progress {
            progress.doing(&said);
        }
        if !std::io::stderr().is_terminal() && self.told.elapsed().as_secs_f64() > LINE_EVERY_S {
            remark(&said);
            self.told = Instant::now();
        }
        match line.validation.as_ref().and_then(|found| measured(m.step, found)) {
            Some(found) => say(&found),
            None => Ok(()),
        }
    }

    fn finish(&mut self) -> Result<()> {
        if let Some(progress) = &self.progress {
            progress.doing("writing the report");
        }
        let model = self.trainer.model();
        write_report(&self.folder, self.file, self.log.lines(), &model, &self.source)?;
        self.progress = None;
        say(&format!(
            "written to {}: checkpoints, metrics.jsonl, TensorBoard events, report.html",
            self.folder.path().display()
        ))
    }
}

/// What a step gave, in a few words.
fn losses(metrics: &Metrics) -> String {
    match &metrics.of {
        MetricsOf::Network(m) => {
            let of_branches = m.decomposition.map(|loss| format!("L_decomp {loss:.3}, "));
            format!(
                "L_appro {:.3}, {}cosines {:.2} / {:.2}",
                m.approximation,
                of_branches.unwrap_or_default(),
                m.cosine_rotation,
                m.cosine_translation
            )
        }
        MetricsOf::Regressor(m) => format!(
            "loss {:.3}, off by {:.1} degrees and {:.1} mm",
            metrics.loss, m.rotation_error_deg, m.shift_error_mm
        ),
    }
}

/// What was measured, in a line, if anything was.
fn measured(step: u64, found: &Validation) -> Option<String> {
    let groups = [
        ("new poses", found.trained, found.trained_registrations),
        ("CTs held out", found.held_out, found.held_out_registrations),
    ];
    let group = |(name, of, registered): (&str, Option<Gradients>, Option<Registrations>)| {
        let cosines = of.map(|of| {
            format!(
                "cosines {:.2} / {:.2} (rotation / translation), depth {:.0} %",
                of.cosine_rotation,
                of.cosine_translation,
                100.0 * of.depth_sign
            )
        });
        let errors = registered
            .map(|of| format!("median mTRE {:.1} to {:.1} mm", of.start_mtre_mm, of.end_mtre_mm));
        let said: Vec<String> = cosines.into_iter().chain(errors).collect();
        (!said.is_empty()).then(|| format!("{name}: {}", said.join(", ")))
    };
    let groups: Vec<String> = groups.into_iter().filter_map(group).collect();
    (!groups.is_empty()).then(|| format!("step {step}: {}", groups.join("; ")))
}

/// Set when the user or the system asks the program to end.
fn stop_signal() -> Result<Arc<AtomicBool>> {
    let stopped = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stopped);
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed))?;
    Ok(stopped)
}
