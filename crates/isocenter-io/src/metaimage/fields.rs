//! The lines of a MetaImage header.

use super::MetaImageError;
use crate::error::{FileProblem, one_line};
use crate::open::Stream;

/// The bytes that a header may have; those of volumes have some hundreds.
pub(super) const LONGEST: u64 = 1 << 20;

/// The keys that mean something to the reader. Others are passed over: the format allows any, and
/// they may name a patient.
const KNOWN: [&str; 23] = [
    "ObjectType",
    "NDims",
    "DimSize",
    "BinaryData",
    "BinaryDataByteOrderMSB",
    "ElementByteOrderMSB",
    "CompressedData",
    "CompressedDataSize",
    "TransformMatrix",
    "Orientation",
    "Rotation",
    "Offset",
    "Position",
    "Origin",
    "ElementSpacing",
    "ElementSize",
    "ElementType",
    "ElementNumberOfChannels",
    "ElementToIntensityFunctionSlope",
    "ElementToIntensityFunctionOffset",
    "DistanceUnits",
    "HeaderSize",
    LAST,
];

/// The key that ends a header.
const LAST: &str = "ElementDataFile";

/// The known keys of a header with their values, in the order of the file.
pub(super) struct Fields(Vec<(&'static str, String)>);

/// A value, and the key under which it was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<T> {
    pub(super) key: &'static str,
    pub(super) value: T,
}

impl Fields {
    /// Reads to the end of the header: the data follow.
    pub(super) fn read(stream: &mut Stream) -> Result<Self, FileProblem> {
        let mut fields = Vec::new();
        let mut left = LONGEST;
        for number in 1.. {
            let bytes = stream.line(left)?;
            left -= bytes.len() as u64;
            if left == 0 {
                return Err(MetaImageError::LongHeader { limit: LONGEST }.into());
            }
            if bytes.is_empty() {
                break;
            }
            // Free text may be in any encoding; the keys and values that count are ASCII.
            let line = String::from_utf8_lossy(&bytes);
            if line.trim().is_empty() {
                continue;
            }
            // MetaIO takes either separator.
            let Some((key, value)) = line.split_once(['=', ':']).filter(|(key, _)| is_key(key))
            else {
                return Err(MetaImageError::NotMetaImage { line: number }.into());
            };
            if let Some(&key) = KNOWN.iter().find(|known| **known == key.trim()) {
                fields.push((key, value.trim().to_owned()));
                if key == LAST {
                    break;
                }
            }
        }
        Ok(Self(fields))
    }

    /// The value under any of the keys, which mean the same.
    ///
    /// # Errors
    /// If `parse` makes nothing of a value, or the keys are there with different values.
    pub(super) fn get<T: PartialEq>(
        &self,
        keys: &[&'static str],
        parse: impl Fn(&str) -> Option<T>,
        expected: &'static str,
    ) -> Result<Option<Field<T>>, MetaImageError> {
        let mut first: Option<(Field<T>, &str)> = None;
        for (key, text) in self.0.iter().filter(|(key, _)| keys.contains(key)) {
            let Some(value) = parse(text) else {
                return Err(MetaImageError::Value { key, value: one_line(text), expected });
            };
            match &first {
                None => first = Some((Field { key, value }, text)),
                Some((field, _)) if field.value == value => {}
                Some((field, first_text)) => {
                    return Err(MetaImageError::Contradiction {
                        first: field.key,
                        first_value: one_line(first_text),
                        second: key,
                        second_value: one_line(text),
                    });
                }
            }
        }
        Ok(first.map(|(field, _)| field))
    }

    /// As [`get`](Self::get), and one of the keys must be there: best the first.
    pub(super) fn require<T: PartialEq>(
        &self,
        keys: &[&'static str],
        parse: impl Fn(&str) -> Option<T>,
        expected: &'static str,
    ) -> Result<Field<T>, MetaImageError> {
        let key = keys.first().copied().unwrap_or_default();
        self.get(keys, parse, expected)?.ok_or(MetaImageError::Missing { key, expected })
    }
}

/// Whether a text can be a key, perhaps with spaces around it.
fn is_key(text: &str) -> bool {
    let key = text.trim();
    !key.is_empty() && !key.contains(char::is_control)
}

/// So many finite numbers, between spaces.
pub(super) fn numbers<const COUNT: usize>(text: &str) -> Option<[f64; COUNT]> {
    let mut words = text.split_whitespace();
    let mut numbers = [0.0; COUNT];
    for number in &mut numbers {
        *number = words.next()?.parse().ok().filter(|n: &f64| n.is_finite())?;
    }
    words.next().is_none().then_some(numbers)
}

/// True or False, in the spellings that MetaIO takes.
pub(super) fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "1" => Some(true),
        "false" | "f" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    //! Proves: what counts as a number and as a truth value.
    use super::*;

    #[test]
    fn numbers_are_finite_and_of_the_right_count() {
        assert_eq!(numbers("1 -2.5\t3e2"), Some([1.0, -2.5, 300.0]));
        for wrong in ["1 2", "1 2 3 4", "1 2 nan", "1 2 inf", "1 2 1e999", "1, 2, 3", ""] {
            assert_eq!(numbers::<3>(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn truth_has_many_spellings() {
        assert_eq!(["True", "true", "T", "1"].map(truth), [Some(true); 4]);
        assert_eq!(["False", "FALSE", "f", "0"].map(truth), [Some(false); 4]);
        assert_eq!(["", "yes", "2", "Trueish"].map(truth), [None; 4]);
    }
}
