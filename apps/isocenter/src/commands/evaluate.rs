//! `isocenter evaluate`: a protocol of many simulated cases, and the statistics of their errors.
//!
//! Cases are run one after another, each on all cores. Finished ones are kept: an evaluation that
//! was killed goes on where it was.

use std::num::NonZero;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use isocenter::evaluate::{Evaluation, Group, Summary};
use isocenter::register::StageRegistry;
use isocenter_io::atomic::write_file;

use crate::cli::EvaluateArgs;
use crate::evaluation::{Header, ProtocolFile, Record, Shard, record, results};
use crate::fingerprint::fingerprint_of_cts;
use crate::output::say;
use crate::progress::Progress;
use crate::stages::{Fingerprints, Stages, stages};

pub(crate) fn run(args: &EvaluateArgs) -> Result<()> {
    let Stages { registry, networks } = stages(&args.networks)?;
    let networks = networks.fingerprints();
    let file = ProtocolFile::read(&args.config, &registry)?;
    if args.merge {
        return merge(args, &file, &registry, &networks);
    }
    let shard = args.shard.unwrap_or(Shard::WHOLE);
    let begun = Instant::now();
    let progress = Progress::new("reading");
    let patients = file.patients(args.data.as_deref(), |ct| progress.doing(ct))?;
    let cts = fingerprint_of_cts(&patients);
    let evaluation = Evaluation::new(file.protocol.clone(), patients, &registry)?;
    let header = Header::new(&file, shard, &networks, Some(&cts));
    create_folder(&args.out)?;
    let mut record = Record::open(&args.out, &header)?;
    keep_protocol(&args.out, &file)?;
    let before = record.done().len();
    run_cases(&evaluation, &registry, &header, &mut record, args.jobs, &progress)?;
    let seconds = begun.elapsed().as_secs_f64();
    let (done, all) = (record.done().len(), file.protocol.case_count());
    let said = format!("{} cases in {seconds:.0} s, {before} were there before", done - before);
    if shard != Shard::WHOLE {
        drop(progress);
        say(&said)?;
        return say(&format!(
            "shard {shard} is complete: {done} of {all} cases; with all shards in one folder, --merge \
             makes the tables"
        ));
    }
    progress.doing("writing the results");
    let cases: Vec<_> = record.done().values().cloned().collect();
    let summary = results::write(&args.out, &file, &cases, Some(&evaluation))?;
    drop(progress);
    say(&said)?;
    tell(&summary, &args.out)
}

/// Makes the results from the records of all shards. The CTs are needed for pictures alone.
fn merge(
    args: &EvaluateArgs,
    file: &ProtocolFile,
    registry: &StageRegistry,
    networks: &Fingerprints,
) -> Result<()> {
    let progress = Progress::new("reading");
    let cases = record::merge(&args.out, file, networks)?;
    let patients = file.patients(args.data.as_deref(), |ct| progress.doing(ct));
    let evaluation =
        patients.and_then(|ps| Ok(Evaluation::new(file.protocol.clone(), ps, registry)?));
    let summary = results::write(&args.out, file, &cases, evaluation.as_ref().ok())?;
    drop(progress);
    if let Err(error) = evaluation {
        say(&format!("the report has no pictures of the worst cases: {error:#}"))?;
    }
    tell(&summary, &args.out)
}

fn create_folder(folder: &Path) -> Result<()> {
    match std::fs::create_dir(folder) {
        Err(_) if folder.is_dir() => Ok(()),
        created => created.with_context(|| {
            format!("{}: this folder cannot be made: its parent must exist", folder.display())
        }),
    }
}

/// Leaves the protocol beside the results.
fn keep_protocol(folder: &Path, file: &ProtocolFile) -> Result<()> {
    let path = folder.join("protocol.toml");
    if std::fs::read_to_string(&path).is_ok_and(|kept| kept == file.text) {
        return Ok(());
    }
    Ok(write_file(&path, |out| out.write_all(file.text.as_bytes()))?)
}

/// Runs the cases that are not in the record yet, so many at a time.
fn run_cases(
    evaluation: &Evaluation,
    registry: &StageRegistry,
    header: &Header,
    record: &mut Record,
    jobs: NonZero<usize>,
    progress: &Progress,
) -> Result<()> {
    let all = header.numbers().count();
    let left: Vec<usize> =
        header.numbers().filter(|number| !record.done().contains_key(number)).collect();
    let next = Mutex::new(left.into_iter());
    let record = Mutex::new(record);
    let work = || -> Result<()> {
        loop {
            // Neither a list of numbers nor a record is torn by a thread that has ended.
            let number = next.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(number) = number else { return Ok(()) };
            let case = evaluation.run(number, registry, jobs.get())?;
            let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
            record.add(case)?;
            progress.doing(&format!("{} of {all} cases", record.done().len()));
        }
    };
    progress.doing(&format!("{all} cases"));
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..jobs.get()).map(|_| scope.spawn(work)).collect();
        let ended = threads.into_iter().map(|thread| match thread.join() {
            Ok(done) => done,
            Err(_) => bail!("a case has ended the program's thread: this is a bug"),
        });
        // All threads are waited for, then the first error is told.
        ended.collect::<Vec<_>>().into_iter().collect()
    })
}

/// A line for each group, and where the rest is.
fn tell(summary: &Summary, folder: &Path) -> Result<()> {
    say("all X-rays are simulated; mTRE (mm), best 95 / 75 / 50 % of the cases:")?;
    summary.groups.iter().try_for_each(|group| say(&format!("  {}", line(group))))?;
    say(&format!("written to {}: cases.csv, summary.json, table.md, report.html", folder.display()))
}

fn line(group: &Group) -> String {
    let name = format!("{}, {}, {} cases", group.condition, group.method, group.cases);
    let Some(errors) = &group.errors else {
        return format!("{name}: no truth ({})", group.xray_source);
    };
    let best = errors.mtre_mm.best.map(|best| match best.mean {
        Some(mean) => format!("{mean:.2}"),
        None => "-".to_owned(),
    });
    let [ten, two, one] = errors.success_percent;
    format!("{name}: {}; below 10, 2, 1 mm: {ten:.0}, {two:.0}, {one:.0} %", best.join(" / "))
}
