//! A training's folder: settings, checkpoints, metrics, report.

mod folder;
mod log;
mod page;
mod settings;

pub(crate) use folder::{TrainingFolder, read_checkpoint};
pub(crate) use log::{Line, Log};
pub(crate) use page::write_report;
pub(crate) use settings::TrainFile;
