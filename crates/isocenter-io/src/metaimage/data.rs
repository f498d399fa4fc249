//! Where the voxels of a MetaImage are.

use std::path::{Component, Path};

use super::MetaImageError;
use super::fields::LONGEST;
use super::header::{Before, Header};
use crate::error::{FileProblem, one_line};
use crate::open::Stream;
use crate::voxels::count_of;

/// The most bytes that a byte of zlib or gzip can stand for: 258 for two bits.
const MOST_PER_BYTE: u64 = 1032;

/// The file that holds the voxels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum DataFile {
    /// The header's, right behind it.
    Local,
    /// Another one in its folder or below.
    Named(String),
}

impl DataFile {
    /// From the value of `ElementDataFile`.
    pub(super) fn parse(value: &str) -> Result<Self, MetaImageError> {
        if value.eq_ignore_ascii_case("local") {
            return Ok(Self::Local);
        }
        // As MetaIO tells a list and a numbered pattern from a name.
        if value.starts_with("LIST") || value.contains('%') {
            return Err(MetaImageError::ManyFiles { value: one_line(value) });
        }
        let inside = |c: Component<'_>| matches!(c, Component::Normal(_) | Component::CurDir);
        if !Path::new(value).components().all(inside) {
            return Err(MetaImageError::OutsideFolder { name: one_line(value) });
        }
        Ok(Self::Named(value.to_owned()))
    }

    /// The name of a file other than the header's, as the header has it.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Local => None,
            Self::Named(name) => Some(name),
        }
    }

    /// The name of the data file of a header that is to be written: its own, with `.raw`.
    ///
    /// # Errors
    /// If a header that says so would be read otherwise.
    pub(crate) fn beside(header: &Path) -> Result<String, MetaImageError> {
        let path = header.with_extension("raw");
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_line = name.trim() == name && !name.contains(['\n', '\r', '\u{fffd}']);
        match Self::parse(&name) {
            Ok(Self::Named(name)) if is_line => Ok(name),
            _ => Err(MetaImageError::DataFileName { name: one_line(&name) }),
        }
    }
}

/// Keys after the last line would go unnoticed where the data lie elsewhere.
fn refuse_more_lines(after_header: &mut Stream) -> Result<(), FileProblem> {
    loop {
        let line = after_header.line(LONGEST)?;
        if line.is_empty() {
            return Ok(());
        }
        if !line.trim_ascii().is_empty() {
            return Err(MetaImageError::AfterLastLine.into());
        }
    }
}

impl Header {
    /// The stream of voxels; `after_header` is what follows the header in its own file.
    ///
    /// # Errors
    /// If the data are not there, or not as long as the header says, as far as that shows before
    /// they are decompressed. So the memory for them is bounded by the file's length.
    pub(crate) fn open_data(
        &self,
        path: &Path,
        mut after_header: Stream,
    ) -> Result<Stream, FileProblem> {
        match &self.data_file {
            DataFile::Local => self.seek(after_header),
            DataFile::Named(name) => {
                refuse_more_lines(&mut after_header)?;
                let file = path.parent().unwrap_or(Path::new("")).join(name);
                let opened = Stream::open(&file).and_then(|stream| self.seek(stream));
                opened.map_err(|problem| FileProblem::DataFile {
                    name: one_line(name),
                    problem: Box::new(problem),
                })
            }
        }
    }

    /// Takes a stream to the first voxel.
    fn seek(&self, mut stream: Stream) -> Result<Stream, FileProblem> {
        let expected = self.layout.bytes(count_of(self.dims)?);
        let before = match self.before {
            Before::Bytes(bytes) => bytes,
            Before::Rest => stream.remaining.map_or(0, |found| found.saturating_sub(expected)),
        };
        stream.skip(before)?;
        let Some(compression) = self.compression else {
            return match stream.remaining {
                Some(found) if found != expected => {
                    Err(MetaImageError::DataLength { found, expected }.into())
                }
                _ => Ok(stream),
            };
        };
        if let (Some(found), Some(expected)) = (stream.remaining, compression.bytes)
            && found != expected
        {
            return Err(MetaImageError::CompressedLength { found, expected }.into());
        }
        let compressed = compression.bytes.or(stream.remaining);
        if let Some(compressed) = compressed
            && compressed.saturating_mul(MOST_PER_BYTE) < expected
        {
            return Err(MetaImageError::CompressedTooShort { compressed, expected }.into());
        }
        stream.decompress(compressed.unwrap_or(u64::MAX))
    }
}
