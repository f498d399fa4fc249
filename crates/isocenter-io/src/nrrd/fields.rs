//! The lines of a NRRD header.

use super::NrrdError;
use crate::error::{FileProblem, one_line};
use crate::open::Stream;

/// The bytes that a header may have; those of volumes have some hundreds.
const LONGEST: u64 = 1 << 20;

/// The fields that mean something to the reader, with their other spellings. Others are passed
/// over, and so are `key:=value` pairs: they may name a patient.
const KNOWN: [(&str, &str); 14] = [
    ("type", "type"),
    ("dimension", "dimension"),
    ("sizes", "sizes"),
    ("encoding", "encoding"),
    ("endian", "endian"),
    ("space", "space"),
    ("space dimension", "spacedimension"),
    ("space directions", "spacedirections"),
    ("space origin", "spaceorigin"),
    ("space units", "spaceunits"),
    ("spacings", "spacings"),
    ("data file", "datafile"),
    ("line skip", "lineskip"),
    ("byte skip", "byteskip"),
];

/// The known fields of a header with their values.
pub(super) struct Fields(Vec<(&'static str, String)>);

impl Fields {
    /// Reads to the empty line that ends the header, or to the file's end.
    pub(super) fn read(stream: &mut Stream) -> Result<Self, FileProblem> {
        let mut left = LONGEST;
        let mut line = || -> Result<Vec<u8>, FileProblem> {
            let bytes = stream.line(left)?;
            left -= bytes.len() as u64;
            if left == 0 {
                return Err(NrrdError::LongHeader { limit: LONGEST }.into());
            }
            Ok(bytes)
        };
        let is_magic = |line: &[u8]| {
            matches!(line.trim_ascii_end(), [b'N', b'R', b'R', b'D', b'0', b'0', b'0', b'1'..=b'5'])
        };
        if !is_magic(&line()?) {
            return Err(NrrdError::NotNrrd.into());
        }
        let mut fields: Vec<(&'static str, String)> = Vec::new();
        for number in 2.. {
            let bytes = line()?;
            // Free text may be in any encoding; the fields and values that count are ASCII.
            let text = String::from_utf8_lossy(&bytes);
            let text = text.trim_end_matches(['\n', '\r']);
            if text.is_empty() {
                break;
            }
            if text.starts_with('#') {
                continue;
            }
            let Some((name, value)) = text.split_once(':') else {
                return Err(NrrdError::Line { line: number }.into());
            };
            if value.starts_with('=') {
                continue;
            }
            let name = name.trim().to_ascii_lowercase();
            let known = KNOWN.iter().find(|(long, short)| [*long, *short].contains(&name.as_str()));
            if let Some(&(field, _)) = known {
                if fields.iter().any(|(other, _)| *other == field) {
                    return Err(NrrdError::Twice { field }.into());
                }
                fields.push((field, value.trim().to_owned()));
            }
        }
        Ok(Self(fields))
    }

    /// The value of a field.
    ///
    /// # Errors
    /// If `parse` makes nothing of it.
    pub(super) fn get<T>(
        &self,
        field: &'static str,
        parse: impl Fn(&str) -> Option<T>,
        expected: &'static str,
    ) -> Result<Option<T>, NrrdError> {
        let Some((_, text)) = self.0.iter().find(|(name, _)| *name == field) else {
            return Ok(None);
        };
        match parse(text) {
            Some(value) => Ok(Some(value)),
            None => Err(NrrdError::Value { field, value: one_line(text), expected }),
        }
    }

    /// As [`get`](Self::get), and the field must be there.
    pub(super) fn require<T>(
        &self,
        field: &'static str,
        parse: impl Fn(&str) -> Option<T>,
        expected: &'static str,
    ) -> Result<T, NrrdError> {
        self.get(field, parse, expected)?.ok_or(NrrdError::Missing { field, expected })
    }
}

/// So many finite numbers, between spaces.
pub(super) fn numbers<const COUNT: usize>(text: &str) -> Option<[f64; COUNT]> {
    let list: Option<Vec<f64>> =
        text.split_whitespace().map(|n| n.parse().ok().filter(|n: &f64| n.is_finite())).collect();
    list?.try_into().ok()
}

/// So many vectors of three finite numbers: `(1,0,0) (0,1,0)`.
pub(super) fn vectors<const COUNT: usize>(text: &str) -> Option<[[f64; 3]; COUNT]> {
    let mut rest = text.trim();
    let mut vectors = [[0.0; 3]; COUNT];
    for vector in &mut vectors {
        let (inside, after) = rest.trim_start().strip_prefix('(')?.split_once(')')?;
        let mut parts = inside.split(',');
        for number in &mut *vector {
            *number = parts.next()?.trim().parse().ok().filter(|n: &f64| n.is_finite())?;
        }
        if parts.next().is_some() {
            return None;
        }
        rest = after;
    }
    rest.trim().is_empty().then_some(vectors)
}

#[cfg(test)]
mod tests {
    //! Proves: what counts as a vector.
    use super::*;

    #[test]
    fn vectors_have_three_finite_numbers() {
        assert_eq!(vectors("(1,-2.5, 3e2)"), Some([[1.0, -2.5, 300.0]]));
        assert_eq!(vectors(" (1,0,0)(0, 1,0) "), Some([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]));
        for wrong in ["(1,2)", "(1,2,3,4)", "(1,2,nan)", "1,2,3", "(1,2,3", "none", "(1,2,3) x"] {
            assert_eq!(vectors::<1>(wrong), None, "{wrong}");
        }
    }
}
