//! A folder of DICOM files, series by series.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;

use super::error::DicomError;
use super::plane::{Identity, ImageFile};
use crate::error::{At, FileError, FileProblem, one_line};

/// How deep folders may lie in each other.
const DEEPEST: usize = 32;

/// Which series of a folder: its `SeriesInstanceUID`, its number, or (a part of) its description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesChoice(String);

impl std::str::FromStr for SeriesChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "" => Err("a series is expected: its number, description or UID".to_owned()),
            text => Ok(Self(text.to_owned())),
        }
    }
}

/// A series in a few words. What of it may name the patient is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeriesSummary {
    /// `CT`, `MR`, ...
    pub modality: String,
    /// Its number in the study.
    pub number: Option<i32>,
    /// Its description, unless that holds a part of the patient's name or number, or a date.
    pub description: Option<String>,
    /// The images in it.
    pub images: usize,
}

impl fmt::Display for SeriesSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { modality, number, description, images } = self;
        let modality = if modality.is_empty() { "an unknown modality" } else { modality };
        match number {
            Some(number) => write!(f, "series {number}")?,
            None => write!(f, "a series without a number")?,
        }
        if let Some(description) = description {
            write!(f, " '{description}'")?;
        }
        write!(f, " ({modality}, {images} {})", if *images == 1 { "image" } else { "images" })
    }
}

/// The files of a series.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) files: Vec<ImageFile>,
}

impl Series {
    fn images(&self) -> usize {
        self.files.iter().map(|file| file.layout.as_ref().map_or(1, |l| l.frames)).sum()
    }

    fn slices(&self) -> usize {
        let is_slice = |file: &&ImageFile| !file.is_localizer && file.planes.is_ok();
        self.files.iter().filter(is_slice).map(|f| f.planes.as_ref().map_or(0, Vec::len)).sum()
    }

    fn first(&self) -> Option<&ImageFile> {
        self.files.first()
    }

    fn uid(&self) -> &str {
        self.first().map_or("", |file| &file.series_uid)
    }

    pub(crate) fn is_ct(&self) -> bool {
        self.first().is_some_and(|file| file.modality == "CT")
    }

    pub(crate) fn summary(&self) -> SeriesSummary {
        let first = self.first();
        SeriesSummary {
            modality: first.map(|file| one_line(&file.modality)).unwrap_or_default(),
            number: first.and_then(|file| file.series_number),
            description: first.and_then(|file| harmless_description(&file.identity)),
            images: self.images(),
        }
    }
}

/// The description, if it names nobody and no day.
fn harmless_description(identity: &Identity) -> Option<String> {
    let description = identity.series_description.as_deref()?;
    let lower = description.to_lowercase();
    let secret = [&identity.patient_name, &identity.patient_id]
        .into_iter()
        .flatten()
        .flat_map(|text| text.split(|c: char| !c.is_alphanumeric()))
        .any(|word| word.chars().count() > 1 && lower.contains(&word.to_lowercase()));
    (!secret && !may_hold_date(description)).then(|| one_line(description))
}

/// The first letters of the months.
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Whether a month stands beside a number.
fn may_name_day(text: &str) -> bool {
    let mut words: Vec<String> = Vec::new();
    let mut before = None;
    for c in text.chars().flat_map(char::to_lowercase) {
        let class = (c.is_ascii_digit(), c.is_alphabetic());
        match words.last_mut() {
            Some(word) if before == Some(class) => word.push(c),
            _ if class != (false, false) => words.push(c.to_string()),
            _ => {}
        }
        before = Some(class);
    }
    let is_number = |word: &String| word.starts_with(|c: char| c.is_ascii_digit());
    let is_month = |word: &String| MONTHS.iter().any(|month| word.starts_with(month));
    words.windows(2).any(|pair| match pair {
        [a, b] => (is_number(a) && is_month(b)) || (is_month(a) && is_number(b)),
        _ => false,
    })
}

/// Whether a text holds what may be a date: four digits or more in a row, such as a year, three
/// short numbers with points, dashes or strokes between them, or a month beside a number.
fn may_hold_date(text: &str) -> bool {
    let is_number = |part: &&str| (1..=2).contains(&part.len());
    text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() >= 4)
        || may_name_day(text)
        || ['.', '-', '/'].into_iter().any(|mark| {
            text.split(|c: char| !c.is_ascii_digit() && c != mark).any(|word| {
                let parts: Vec<&str> = word.split(mark).collect();
                parts.windows(3).any(|three| three.iter().all(is_number))
            })
        })
}

/// What a folder holds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scan {
    pub(crate) series: Vec<Series>,
    /// DICOM files that could not be read, and why.
    pub(crate) unreadable: Vec<(PathBuf, String)>,
}

impl Scan {
    /// Looks into all files of a folder and those in it, in the order of their names, or at a
    /// single file. Files that are not DICOM are passed over.
    ///
    /// # Errors
    /// If the folder cannot be read, or nothing in it is a DICOM image.
    pub(crate) fn of(path: &Path) -> Result<Self, FileError> {
        let mut paths = Vec::new();
        if path.is_dir() {
            walk(path, 0, &mut paths)?;
            paths.sort();
        } else {
            paths.push(path.to_owned());
        }
        let opened: Vec<_> = paths.par_iter().map(|path| ImageFile::open(path)).collect();
        let mut scan = Self::default();
        let mut first_problem = None;
        for (path, opened) in paths.into_iter().zip(opened) {
            match opened {
                Ok(Some(file)) => scan.add(file),
                Ok(None) => {}
                Err(FileProblem::Dicom(DicomError::NotDicom) | FileProblem::Empty) => {}
                Err(problem) => {
                    scan.unreadable.push((path.clone(), problem.to_string()));
                    first_problem.get_or_insert(FileError { path, problem });
                }
            }
        }
        match (scan.series.is_empty(), first_problem) {
            (true, Some(problem)) => Err(problem),
            (true, None) => Err(DicomError::NoImages).at(path),
            _ => Ok(scan),
        }
    }

    fn add(&mut self, file: ImageFile) {
        match self.series.iter_mut().find(|series| series.uid() == file.series_uid) {
            Some(series) => series.files.push(file),
            None => self.series.push(Series { files: vec![file] }),
        }
    }

    /// The series asked for or, without a choice, the CT of most slices; and what the others are.
    ///
    /// # Errors
    /// If there is none, or several fit the choice.
    pub(crate) fn choose(
        mut self,
        choice: Option<&SeriesChoice>,
    ) -> Result<(Series, Vec<SeriesSummary>), DicomError> {
        let at = match choice {
            Some(choice) => self.find(choice)?,
            None => {
                let cts = self.series.iter().enumerate().filter(|(_, series)| series.is_ct());
                // Of those of equal length the first counts.
                cts.rev()
                    .max_by_key(|(_, series)| series.slices())
                    .map(|(at, _)| at)
                    .ok_or_else(|| DicomError::NoCt { found: listed(self.series.iter()) })?
            }
        };
        let chosen = self.series.remove(at);
        Ok((chosen, self.series.iter().map(Series::summary).collect()))
    }

    fn find(&self, choice: &SeriesChoice) -> Result<usize, DicomError> {
        let wanted = choice.0.to_lowercase();
        let described = |series: &Series| {
            let file = series.first()?;
            Some(file.identity.series_description.as_ref()?.to_lowercase())
        };
        let numbered = |s: &Series| Some(s.summary().number?.to_string());
        let matches: [&dyn Fn(&Series) -> bool; 4] = [
            &|series| series.uid() == choice.0,
            &|series| numbered(series).as_deref() == Some(&wanted),
            &|series| described(series).as_deref() == Some(&wanted),
            &|series| described(series).is_some_and(|text| text.contains(&wanted)),
        ];
        for fits in matches {
            let fitting: Vec<usize> =
                (0..self.series.len()).filter(|&n| self.series.get(n).is_some_and(fits)).collect();
            match fitting.as_slice() {
                [] => {}
                &[one] => return Ok(one),
                several => {
                    return Err(DicomError::SeveralSeries {
                        wanted: one_line(&choice.0),
                        found: listed(several.iter().filter_map(|&n| self.series.get(n))),
                    });
                }
            }
        }
        let found = listed(self.series.iter());
        Err(DicomError::NoSuchSeries { wanted: one_line(&choice.0), found })
    }
}

fn listed<'a>(series: impl Iterator<Item = &'a Series>) -> String {
    const MOST: usize = 12;
    let mut names: Vec<String> = series.map(|series| series.summary().to_string()).collect();
    let more = names.len().saturating_sub(MOST);
    names.truncate(MOST);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    names.join(", ")
}

/// All files of a folder and those in it. Links to folders are not followed: they may lead back.
fn walk(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> Result<(), FileError> {
    for entry in fs::read_dir(folder).at(folder)? {
        let entry = entry.at(folder)?;
        let path = entry.path();
        let kind = entry.file_type().at(&path)?;
        if kind.is_dir() {
            if depth < DEEPEST {
                walk(&path, depth + 1, paths)?;
            }
        } else if kind.is_file() || path.is_file() {
            paths.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    //! Proves: a description that names the patient or a day is held back.
    use super::*;

    #[test]
    fn descriptions_that_name_somebody_are_held_back() {
        let shown = |text: &str| {
            harmless_description(&Identity {
                patient_name: Some("DOE^John".to_owned()),
                patient_id: Some("77-ab".to_owned()),
                series_description: Some(text.to_owned()),
                ..Identity::default()
            })
        };
        for harmless in [
            "Thorax 1.0 B30f",
            "5.0-2.0",
            "C 1.0, H-31-",
            "Body 3/2 mm",
            "marrow",
            "5 mm decubitus",
        ] {
            assert_eq!(shown(harmless).as_deref(), Some(harmless));
        }
        for secret in [
            "doe thorax",
            "Johns spine",
            "nr 77",
            "20240131",
            "31.1.2024",
            "CT 31.1.24 a",
            "1/31/24",
            "31 Jan 24",
            "Spine 31JAN24",
            "march 3rd",
        ] {
            assert_eq!(shown(secret), None, "{secret}");
        }
    }
}
