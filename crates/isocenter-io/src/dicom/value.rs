//! What stands under a tag.

use super::error::DicomError;
use super::parse::{Element, Elements, Place};
use super::syntax::TransferSyntax;
use super::tag::{Tag, Vr};
use crate::error::one_line;
use crate::samples::SampleType;

/// A data set: that of a file, or an item of a sequence.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DataSet<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) elements: &'a Elements,
    pub(super) syntax: TransferSyntax,
}

impl<'a> DataSet<'a> {
    pub(super) fn element(&self, tag: Tag) -> Option<&'a Element> {
        self.elements.get(tag)
    }

    /// Whether the tag is there, be its value empty.
    pub(crate) fn has(&self, tag: Tag) -> bool {
        self.elements.has(tag)
    }

    /// The bytes of a value that is there and not empty.
    fn value(&self, tag: Tag) -> Option<(&'a Element, &'a [u8])> {
        let element = self.element(tag)?;
        let Place::Bytes(range) = &element.value else { return None };
        let bytes = self.bytes.get(range.clone())?;
        (!bytes.is_empty()).then_some((element, bytes))
    }

    /// A value as text, without the blanks around it; `None` if there is none, or it is empty.
    pub(crate) fn text(&self, tag: Tag) -> Option<String> {
        let (_, bytes) = self.value(tag)?;
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// A value that must be there, as text.
    ///
    /// # Errors
    /// If there is none, or it is empty.
    pub(crate) fn require_text(
        &self,
        tag: Tag,
        expected: &'static str,
    ) -> Result<String, DicomError> {
        self.text(tag).ok_or_else(|| missing(tag, expected))
    }

    /// The parts of a value that has several.
    pub(crate) fn texts(&self, tag: Tag) -> Vec<String> {
        let text = self.text(tag).unwrap_or_default();
        text.split('\\').map(|part| part.trim().to_owned()).collect()
    }

    /// All numbers of a value, as text or binary; `None` if there is no value, or it is empty.
    ///
    /// # Errors
    /// If it holds something else, or numbers that are not finite.
    pub(crate) fn list(
        &self,
        tag: Tag,
        expected: &'static str,
    ) -> Result<Option<Vec<f64>>, DicomError> {
        let Some((element, bytes)) = self.value(tag) else { return Ok(None) };
        let sample_type = match element.vr.as_ref() {
            Some(b"US") => Some(SampleType::U16),
            Some(b"SS") => Some(SampleType::I16),
            Some(b"UL") => Some(SampleType::U32),
            Some(b"SL") => Some(SampleType::I32),
            Some(b"FL") => Some(SampleType::F32),
            Some(b"FD") => Some(SampleType::F64),
            Some(b"DS" | b"IS") => None,
            _ => match tag.vr {
                Vr::U16 | Vr::U16OrI16 => Some(SampleType::U16),
                Vr::F32 => Some(SampleType::F32),
                _ => None,
            },
        };
        let Some(sample_type) = sample_type else {
            let Some(text) = self.text(tag) else { return Ok(None) };
            let number = |part: &str| part.trim().parse().ok().filter(|n: &f64| n.is_finite());
            let numbers: Option<Vec<f64>> = text.split('\\').map(number).collect();
            return numbers.map(Some).ok_or_else(|| wrong(tag, &text, expected));
        };
        let mut numbers = Vec::new();
        sample_type.decode(self.syntax.byte_order, bytes, &mut numbers, |number| number);
        match numbers.iter().find(|number| !number.is_finite()) {
            Some(number) => Err(wrong(tag, &number.to_string(), expected)),
            None => Ok((!numbers.is_empty()).then_some(numbers)),
        }
    }

    /// So many numbers.
    ///
    /// # Errors
    /// As [`list`](Self::list), and if there are more or fewer.
    pub(crate) fn numbers<const COUNT: usize>(
        &self,
        tag: Tag,
        expected: &'static str,
    ) -> Result<Option<[f64; COUNT]>, DicomError> {
        let Some(list) = self.list(tag, expected)? else { return Ok(None) };
        let shown = || list.iter().map(ToString::to_string).collect::<Vec<_>>().join("\\");
        match list.as_slice().try_into() {
            Ok(numbers) => Ok(Some(numbers)),
            Err(_) => Err(wrong(tag, &shown(), expected)),
        }
    }

    /// So many numbers, which must be there.
    ///
    /// # Errors
    /// As [`numbers`](Self::numbers), and if there is no value.
    pub(crate) fn require_numbers<const COUNT: usize>(
        &self,
        tag: Tag,
        expected: &'static str,
    ) -> Result<[f64; COUNT], DicomError> {
        self.numbers(tag, expected)?.ok_or_else(|| missing(tag, expected))
    }

    /// A number.
    ///
    /// # Errors
    /// As [`numbers`](Self::numbers).
    pub(crate) fn number(
        &self,
        tag: Tag,
        expected: &'static str,
    ) -> Result<Option<f64>, DicomError> {
        Ok(self.numbers::<1>(tag, expected)?.map(|[number]| number))
    }

    /// A whole number between limits, which are included.
    ///
    /// # Errors
    /// As [`numbers`](Self::numbers), and if it is none or lies outside.
    pub(crate) fn integer(
        &self,
        tag: Tag,
        [least, most]: [i32; 2],
        expected: &'static str,
    ) -> Result<Option<i32>, DicomError> {
        let Some(number) = self.number(tag, expected)? else { return Ok(None) };
        if number.fract() != 0.0 || number < f64::from(least) || number > f64::from(most) {
            return Err(wrong(tag, &number.to_string(), expected));
        }
        Ok(Some(number as i32))
    }

    /// A whole number between limits, which must be there.
    ///
    /// # Errors
    /// As [`integer`](Self::integer), and if there is no value.
    pub(crate) fn require_integer(
        &self,
        tag: Tag,
        limits: [i32; 2],
        expected: &'static str,
    ) -> Result<i32, DicomError> {
        self.integer(tag, limits, expected)?.ok_or_else(|| missing(tag, expected))
    }

    /// The items of a sequence; none if it is not there.
    pub(crate) fn items(&self, tag: Tag) -> impl ExactSizeIterator<Item = DataSet<'a>> + use<'a> {
        let (bytes, syntax) = (self.bytes, self.syntax);
        let items = match self.element(tag).map(|element| &element.value) {
            Some(Place::Items(items)) => items.as_slice(),
            _ => &[],
        };
        items.iter().map(move |elements| DataSet { bytes, elements, syntax })
    }

    /// The first item of a sequence.
    pub(crate) fn item(&self, tag: Tag) -> Option<DataSet<'a>> {
        self.items(tag).next()
    }
}

/// The error for a value that is not there.
pub(crate) fn missing(tag: Tag, expected: &'static str) -> DicomError {
    DicomError::Missing { tag: tag.to_string(), expected }
}

/// The error for a value that is something else.
pub(crate) fn wrong(tag: Tag, value: &str, expected: &'static str) -> DicomError {
    DicomError::Value { tag: tag.to_string(), value: one_line(value), expected }
}
