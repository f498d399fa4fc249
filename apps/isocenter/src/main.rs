//! The program: argument parsing, progress, printing. Everything else is in the libraries.

mod cli;
mod commands;
mod ct_files;
mod drawing;
mod evaluation;
mod fingerprint;
mod input;
mod landmarks;
mod output;
mod prior;
mod progress;
mod stages;
#[cfg(feature = "network")]
mod training;
mod xrays;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use cli::{CameraCommand, Cli, Command, PoseCommand};
use commands::info::Described;
use commands::register::Done;

/// The registration was judged to have failed.
const JUDGED_FAILED: u8 = 1;
/// Bad input or usage.
const BAD_INPUT: u8 = 2;
/// Ended by Ctrl-C, as shells count it.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let done = match &cli.command {
        Command::Demo(args) => commands::demo::run(args),
        Command::Phantom(args) => commands::phantom::run(args),
        Command::Info(args) => match commands::info::run(args) {
            // What is wrong with each was said when it came up.
            Ok(Described::InPart) => return ExitCode::from(BAD_INPUT),
            other => other.map(|_| ()),
        },
        Command::Convert(args) => commands::convert::run(args),
        Command::Drr(args) => commands::drr::run(args),
        Command::Simulate(args) => commands::simulate::run(args),
        Command::Register(args) => match commands::register::run(args) {
            Ok(Done::JudgedFailed) => return ExitCode::from(JUDGED_FAILED),
            other => other.map(|_| ()),
        },
        Command::Evaluate(args) => commands::evaluate::run(args),
        #[cfg(feature = "network")]
        Command::Train(args) => commands::train::run(args),
        #[cfg(feature = "network")]
        Command::ConvertWeights(args) => commands::convert_weights::run(args),
        Command::Pose { command: PoseCommand::Convert(args) } => commands::pose::run(args),
        Command::Camera { command: CameraCommand::Convert(args) } => commands::camera::run(args),
        Command::Bench(args) => commands::bench::run(args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&told(&error));
            ExitCode::from(if is_interruption(&error) { INTERRUPTED } else { BAD_INPUT })
        }
    }
}

/// Whether the program ended because it was asked to.
#[cfg(feature = "network")]
fn is_interruption(error: &anyhow::Error) -> bool {
    error.is::<commands::train::Interrupted>()
}

/// Nothing goes on for so long that it would have to be.
#[cfg(not(feature = "network"))]
fn is_interruption(_: &anyhow::Error) -> bool {
    false
}

/// Prints help where it was asked for; says in one line what is wrong with the arguments.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // A reader that has seen enough of the help is no reason to complain.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let text = error.to_string();
    let closing = |part: &&str| part.starts_with("Usage:") || part.starts_with("For more");
    let parts: Vec<&str> = text.split("\n\n").take_while(|part| !closing(part)).collect();
    let message = parts.join(";");
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    complain(&format!("{}; `isocenter --help` lists what there is", one_line(message)));
    ExitCode::from(BAD_INPUT)
}

/// An error and its causes, without those that the error before has told already.
pub(crate) fn told(error: &anyhow::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.chain().map(ToString::to_string) {
        if !parts.last().is_some_and(|before| before.contains(&cause)) {
            parts.push(cause);
        }
    }
    parts.join(": ")
}

/// Says on standard error what is wrong, as one line.
pub(crate) fn complain(message: &str) {
    // Nobody is left to tell if standard error is closed.
    let _ = writeln!(std::io::stderr(), "isocenter: {}", one_line(message));
}

fn one_line(text: &str) -> String {
    // A name of a file may hold what a terminal would obey.
    let apart = |c: char| c.is_whitespace() || c.is_control();
    text.split(apart).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}
