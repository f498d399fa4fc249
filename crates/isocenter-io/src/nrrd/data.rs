//! Where the voxels of a NRRD are.

use std::path::{Component, Path};

use super::NrrdError;
use super::header::{Encoding, Header};
use super::text;
use crate::error::{FileProblem, one_line};
use crate::open::Stream;
use crate::voxels::count_of;

/// A line that is passed over may have so many bytes.
const LONGEST_LINE: u64 = 1 << 20;

/// A file with the voxels in the header's folder or below.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DataFile(String);

impl DataFile {
    /// From the value of `data file`.
    pub(super) fn parse(value: &str) -> Result<Self, NrrdError> {
        // As Teem tells a list and a numbered pattern from a name.
        if value.starts_with("LIST") || value.contains('%') {
            return Err(NrrdError::ManyFiles { value: one_line(value) });
        }
        let inside = |c: Component<'_>| matches!(c, Component::Normal(_) | Component::CurDir);
        if value.is_empty() || !Path::new(value).components().all(inside) {
            return Err(NrrdError::OutsideFolder { name: one_line(value) });
        }
        Ok(Self(value.to_owned()))
    }

    /// Its name, as the header has it.
    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    /// The name of the data file of a header that is to be written: its own, with `.raw`.
    ///
    /// # Errors
    /// If a header that says so would be read otherwise.
    pub(crate) fn beside(header: &Path) -> Result<String, NrrdError> {
        let path = header.with_extension("raw");
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_line = name.trim() == name && !name.contains(['\n', '\r', '\u{fffd}']);
        match Self::parse(&name) {
            Ok(Self(name)) if is_line => Ok(name),
            _ => Err(NrrdError::DataFileName { name: one_line(&name) }),
        }
    }
}

impl Header {
    /// The stream of voxels; `after_header` is what follows the header in its own file.
    ///
    /// # Errors
    /// If the data are not there or, where that shows before they are read, not as long as the
    /// header says.
    pub(crate) fn open_data(
        &self,
        path: &Path,
        after_header: Stream,
    ) -> Result<Stream, FileProblem> {
        let Some(DataFile(name)) = &self.data_file else { return self.seek(after_header) };
        let file = path.parent().unwrap_or(Path::new("")).join(name);
        let opened = Stream::open(&file).and_then(|stream| self.seek(stream));
        opened.map_err(|problem| FileProblem::DataFile {
            name: one_line(name),
            problem: Box::new(problem),
        })
    }

    /// Takes a stream to the first voxel.
    fn seek(&self, mut stream: Stream) -> Result<Stream, FileProblem> {
        let expected = self.layout.bytes(count_of(self.dims)?);
        for _ in 0..self.line_skip {
            if stream.line(LONGEST_LINE)?.is_empty() {
                break;
            }
        }
        if self.encoding == Encoding::Gzip {
            stream = stream.decompress(u64::MAX)?;
        }
        let rest = || stream.remaining.map_or(0, |found| found.saturating_sub(expected));
        let skip = self.byte_skip.unwrap_or_else(rest);
        stream.skip(skip)?;
        if self.encoding == Encoding::Text {
            return Ok(text::numbers(stream));
        }
        match stream.remaining {
            Some(found) if found != expected => {
                Err(NrrdError::DataLength { found, expected }.into())
            }
            _ => Ok(stream),
        }
    }
}
