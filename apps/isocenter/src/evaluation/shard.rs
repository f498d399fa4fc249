//! A part of an evaluation, for one of several machines.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The cases whose number leaves a remainder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shard {
    /// From 0.
    pub(crate) number: usize,
    pub(crate) of: usize,
}

impl Shard {
    /// All of it.
    pub(crate) const WHOLE: Self = Self { number: 0, of: 1 };

    pub(crate) fn contains(&self, case: usize) -> bool {
        case % self.of == self.number
    }

    /// The file of its finished cases.
    pub(crate) fn record(&self, folder: &Path) -> PathBuf {
        match *self {
            Self::WHOLE => folder.join("record.jsonl"),
            Self { number, of } => folder.join(format!("record.shard-{number}-of-{of}.jsonl")),
        }
    }

    /// The shard that a file is the record of.
    pub(crate) fn of_record(name: &str) -> Option<Self> {
        if name == "record.jsonl" {
            return Some(Self::WHOLE);
        }
        let shard = name.strip_prefix("record.shard-")?.strip_suffix(".jsonl")?;
        shard.replace("-of-", "/").parse().ok()
    }
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(number, of)| {
            Some(Self { number: number.parse().ok()?, of: of.parse().ok()? })
        });
        numbers.filter(|shard| shard.number < shard.of).ok_or_else(|| {
            format!("'{text}' is not a shard: write I/N with I from 0 to N - 1, such as 0/4")
        })
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

#[cfg(test)]
mod tests {
    //! Proves: shards are parsed, share the cases among them, and are known by their files.
    use super::*;

    #[test]
    fn shards_share_the_cases() {
        for text in ["4/4", "0/0", "1", "a/b", "-1/2", ""] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
        let shards: Vec<Shard> = ["0/3", "1/3", "2/3"].map(|s| s.parse().unwrap()).to_vec();
        for case in 0..10 {
            assert_eq!(shards.iter().filter(|shard| shard.contains(case)).count(), 1);
        }
        for shard in shards.into_iter().chain([Shard::WHOLE]) {
            let path = shard.record(Path::new("out"));
            let name = path.file_name().unwrap().to_string_lossy();
            assert_eq!(Shard::of_record(&name), Some(shard));
        }
        assert_eq!(Shard::of_record("record.shard-5-of-4.jsonl"), None);
        assert_eq!(Shard::of_record("cases.csv"), None);
    }
}
