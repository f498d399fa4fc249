//! The record of finished cases: a line of JSON for each, appended whole as soon as it is there.
//!
//! Its first line says which evaluation it is of. A program that is killed leaves at most one line
//! torn, the last, which is dropped when the evaluation goes on.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use isocenter::evaluate::CaseResult;
use serde::{Deserialize, Serialize};

use super::protocol_file::ProtocolFile;
use super::shard::Shard;
use crate::fingerprint::fingerprint;
use crate::stages::Fingerprints;

/// Why a record cannot be read or continued.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("{}: the system says: {error}", path.display())]
    System { path: PathBuf, error: io::Error },
    #[error("{}: line {line} is not one of a record ({error}): take the file away, or restore it", path.display())]
    Damaged { path: PathBuf, line: usize, error: serde_json::Error },
    #[error(
        "{}: begun with another {what} ({found}, now {expected}): name another folder, or use the old one's", path.display()
    )]
    Other { path: PathBuf, what: &'static str, found: String, expected: String },
    #[error("{}: another program is at work on it: wait for its end, or name another folder", path.display())]
    InUse { path: PathBuf },
    #[error("{}: shard {shard} has {found} of its {expected} cases: run it to its end first", path.display())]
    Incomplete { path: PathBuf, shard: Shard, found: usize, expected: usize },
    #[error("{}: {missing} not there: run every shard into this folder, or copy its record here", folder.display())]
    Missing { folder: PathBuf, missing: String },
    #[error("{}: shards of {found} parts lie beside each other: keep those of one evaluation", folder.display())]
    Mixed { folder: PathBuf, found: String },
}

/// What a record is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    /// Fingerprint of the protocol's text.
    protocol: String,
    seed: u64,
    cases: usize,
    shard: Shard,
    /// That of the program.
    version: String,
    /// Of the checkpoints.
    #[serde(flatten)]
    networks: Fingerprints,
    /// Fingerprint of the CTs; none where they were not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cts: Option<String>,
}

impl Header {
    pub(crate) fn new(
        file: &ProtocolFile,
        shard: Shard,
        networks: &Fingerprints,
        cts: Option<&str>,
    ) -> Self {
        Self {
            networks: networks.clone(),
            cts: cts.map(str::to_owned),
            protocol: fingerprint(file.text.as_bytes()),
            seed: file.protocol.seed,
            cases: file.protocol.case_count(),
            shard,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// The numbers of its cases.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = usize> + use<> {
        let shard = self.shard;
        (0..self.cases).filter(move |case| shard.contains(*case))
    }

    fn check(&self, path: &Path, expected: &Self) -> Result<(), RecordError> {
        let other = |what, found: &dyn ToString, expected: &dyn ToString| {
            let (found, expected) = (found.to_string(), expected.to_string());
            Err(RecordError::Other { path: path.to_owned(), what, found, expected })
        };
        if self.seed != expected.seed {
            return other("seed", &self.seed, &expected.seed);
        }
        if self.protocol != expected.protocol || self.cases != expected.cases {
            return other("protocol", &self.protocol, &expected.protocol);
        }
        if self.version != expected.version {
            return other("version of the program", &self.version, &expected.version);
        }
        let networks = [
            ("network", &self.networks.network, &expected.networks.network),
            ("regressor", &self.networks.regressor, &expected.networks.regressor),
        ];
        if let Some((what, found, expected)) =
            networks.into_iter().find(|(_, found, expected)| found != expected)
        {
            let name = |network: &Option<String>| network.clone().unwrap_or("none".to_owned());
            return other(what, &name(found), &name(expected));
        }
        if self.shard != expected.shard {
            return other("shard", &self.shard, &expected.shard);
        }
        match (&self.cts, &expected.cts) {
            (Some(found), Some(expected)) if found != expected => {
                other("set of CTs", found, expected)
            }
            _ => Ok(()),
        }
    }
}

/// A record that is open, and locked against a second program.
pub(crate) struct Record {
    path: PathBuf,
    file: File,
    done: BTreeMap<usize, CaseResult>,
}

impl Record {
    /// Begins a record, or goes on with one.
    pub(crate) fn open(folder: &Path, header: &Header) -> Result<Self, RecordError> {
        let path = header.shard.record(folder);
        let system = |error| RecordError::System { path: path.clone(), error };
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(system)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(RecordError::InUse { path }),
            Err(TryLockError::Error(error)) => return Err(system(error)),
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(system)?;
        let whole = whole_lines(&text);
        let (_, done) = parse(&path, whole, header)?;
        // What is torn goes; what comes next is appended there.
        file.set_len(whole.len() as u64).map_err(system)?;
        file.seek(SeekFrom::End(0)).map_err(system)?;
        let mut record = Self { path, file, done };
        if whole.is_empty() {
            record.append(header)?;
        }
        Ok(record)
    }

    /// The finished cases.
    pub(crate) fn done(&self) -> &BTreeMap<usize, CaseResult> {
        &self.done
    }

    /// Adds a finished case: on the disk when this returns.
    pub(crate) fn add(&mut self, case: CaseResult) -> Result<(), RecordError> {
        self.append(&case)?;
        self.done.insert(case.number, case);
        Ok(())
    }

    fn append(&mut self, line: &impl Serialize) -> Result<(), RecordError> {
        let write = |file: &mut File| -> io::Result<()> {
            let mut line = serde_json::to_vec(line)?;
            line.push(b'\n');
            file.write_all(&line)?;
            file.sync_data()
        };
        write(&mut self.file)
            .map_err(|error| RecordError::System { path: self.path.clone(), error })
    }
}

/// A text without its last line if that is torn.
fn whole_lines(text: &str) -> &str {
    text.rfind('\n').map_or("", |end| &text[..=end])
}

/// The header and cases of a record.
fn parse(
    path: &Path,
    text: &str,
    expected: &Header,
) -> Result<(Option<Header>, BTreeMap<usize, CaseResult>), RecordError> {
    let damaged = |line: usize| {
        move |error| RecordError::Damaged { path: path.to_owned(), line: line + 1, error }
    };
    let mut lines = text.lines().enumerate();
    let Some((_, first)) = lines.next() else { return Ok((None, BTreeMap::new())) };
    let header: Header = serde_json::from_str(first).map_err(damaged(0))?;
    header.check(path, expected)?;
    let case = |(line, text)| {
        let case: CaseResult = serde_json::from_str(text).map_err(damaged(line))?;
        Ok((case.number, case))
    };
    let cases = lines.map(case).collect::<Result<_, _>>()?;
    Ok((Some(header), cases))
}

/// The cases of all shards in a folder, in order.
pub(crate) fn merge(
    folder: &Path,
    file: &ProtocolFile,
    networks: &Fingerprints,
) -> Result<Vec<CaseResult>, RecordError> {
    let of = shards_in(folder)?;
    let mut all = BTreeMap::new();
    let shards: Vec<Shard> = (0..of).map(|number| Shard { number, of }).collect();
    let absent = shards.iter().filter(|shard| !shard.record(folder).exists());
    let absent: Vec<String> = absent.map(ToString::to_string).collect();
    if !absent.is_empty() {
        let missing = match &absent[..] {
            [one] => format!("shard {one} is"),
            several => format!("shards {} are", several.join(", ")),
        };
        return Err(RecordError::Missing { folder: folder.to_owned(), missing });
    }
    let mut cts: Option<String> = None;
    for shard in shards {
        let path = shard.record(folder);
        let system = |error| RecordError::System { path: path.clone(), error };
        let text = std::fs::read_to_string(&path).map_err(system)?;
        let header = Header::new(file, shard, networks, cts.as_deref());
        let (began, done) = parse(&path, whole_lines(&text), &header)?;
        cts = cts.or(began.and_then(|header| header.cts));
        let expected = header.numbers().count();
        let found = header.numbers().filter(|number| done.contains_key(number)).count();
        if found < expected {
            return Err(RecordError::Incomplete { path, shard, found, expected });
        }
        all.extend(done);
    }
    Ok(all.into_values().collect())
}

/// Into how many parts the records of a folder share their evaluation.
fn shards_in(folder: &Path) -> Result<usize, RecordError> {
    let system = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => {
            let missing = "the folder is".to_owned();
            RecordError::Missing { folder: folder.to_owned(), missing }
        }
        _ => RecordError::System { path: folder.to_owned(), error },
    };
    let mut parts = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(system)? {
        let name = entry.map_err(system)?.file_name();
        parts.extend(Shard::of_record(&name.to_string_lossy()).map(|shard| shard.of));
    }
    parts.sort_unstable();
    parts.dedup();
    match parts[..] {
        [of] => Ok(of),
        [] => {
            let missing = "a record is".to_owned();
            Err(RecordError::Missing { folder: folder.to_owned(), missing })
        }
        _ => {
            let found = parts.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
            Err(RecordError::Mixed { folder: folder.to_owned(), found })
        }
    }
}
