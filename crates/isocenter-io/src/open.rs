//! Opening files to read, and telling formats by name.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::{MultiGzDecoder, ZlibDecoder};

use crate::error::{At, FileError, FileProblem, one_line};

/// The length of a stream's buffer: large enough that system calls do not show.
const BUFFER: usize = 1 << 18;

/// Opens a file that is not a folder and not empty. The length is known for regular files only.
fn open(path: &Path) -> Result<(File, Option<u64>), FileProblem> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(FileProblem::IsFolder);
    }
    let length = metadata.is_file().then_some(metadata.len());
    if length == Some(0) {
        return Err(FileProblem::Empty);
    }
    Ok((file, length))
}

/// Reads a whole file of at most `limit` bytes.
pub(crate) fn read_bytes(path: &Path, limit: u64) -> Result<Vec<u8>, FileProblem> {
    let (file, length) = open(path)?;
    let too_long = |found| FileProblem::Damaged {
        what: format!("{found} bytes, {limit} at most are expected of such a file"),
    };
    if let Some(found) = length.filter(|&n| n > limit) {
        return Err(too_long(found));
    }
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 {
        0 => Err(FileProblem::Empty),
        found if found > limit => Err(too_long(found)),
        _ => Ok(bytes),
    }
}

/// Reads a text of at most `limit` bytes.
pub(crate) fn read_string(path: &Path, limit: u64) -> Result<String, FileProblem> {
    String::from_utf8(read_bytes(path, limit)?).map_err(|_| FileProblem::NotText)
}

/// The beginning of a file, in memory.
pub(crate) struct Prefix {
    file: File,
    /// As much as has been read.
    pub(crate) bytes: Vec<u8>,
    /// The length of the file, where that is known.
    pub(crate) length: Option<u64>,
}

impl Prefix {
    /// Opens a file; nothing is read yet.
    pub(crate) fn open(path: &Path) -> Result<Self, FileProblem> {
        let (file, length) = open(path)?;
        Ok(Self { file, bytes: Vec::new(), length })
    }

    /// Reads until there are so many bytes; whether that is all of the file.
    pub(crate) fn read_to(&mut self, wanted: u64) -> Result<bool, FileProblem> {
        let more = wanted.saturating_sub(self.bytes.len() as u64);
        let there = self.length.map_or(0, |n| n.saturating_sub(self.bytes.len() as u64));
        let room = more.min(there);
        let refused = |_| FileProblem::Memory { bytes: room };
        // One more, so that the end is seen without growing.
        self.bytes.try_reserve_exact(room as usize + 1).map_err(refused)?;
        let read = (&self.file).take(more).read_to_end(&mut self.bytes)?;
        Ok((read as u64) < more || self.length.is_some_and(|n| self.bytes.len() as u64 >= n))
    }

    /// Reads the whole file.
    pub(crate) fn all(mut self) -> Result<Vec<u8>, FileProblem> {
        self.read_to(u64::MAX)?;
        Ok(self.bytes)
    }
}

/// A file's contents, from the start to the end.
pub(crate) struct Stream {
    reader: Box<dyn BufRead>,
    /// Bytes that are still to come, where that is known: they are not compressed then.
    pub(crate) remaining: Option<u64>,
}

impl Stream {
    /// Opens a file as it is.
    pub(crate) fn open(path: &Path) -> Result<Self, FileProblem> {
        let (file, remaining) = open(path)?;
        Ok(Self { reader: Box::new(BufReader::with_capacity(BUFFER, file)), remaining })
    }

    /// Opens a file and decompresses it where it is gzip; what it holds, not its name, says so.
    pub(crate) fn open_gzip(path: &Path) -> Result<Self, FileProblem> {
        let mut stream = Self::open(path)?;
        Ok(if stream.is_gzip()? {
            decompressed(MultiGzDecoder::new(stream.reader))
        } else {
            stream
        })
    }

    /// Decompresses the next bytes, at most so many of them: zlib or gzip.
    pub(crate) fn decompress(mut self, compressed: u64) -> Result<Self, FileProblem> {
        let is_gzip = self.is_gzip()?;
        let reader = self.reader.take(compressed);
        Ok(if is_gzip {
            decompressed(MultiGzDecoder::new(reader))
        } else {
            decompressed(ZlibDecoder::new(reader))
        })
    }

    fn is_gzip(&mut self) -> Result<bool, FileProblem> {
        Ok(self.reader.fill_buf()?.starts_with(&[0x1f, 0x8b]))
    }

    /// Fills the buffer as far as the data go; returns how far that is.
    pub(crate) fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, FileProblem> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.reader.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) => match e.kind() {
                    io::ErrorKind::Interrupted => {}
                    // How gzip says that its stream ends in the middle.
                    io::ErrorKind::UnexpectedEof => break,
                    io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                        return Err(FileProblem::Damaged { what: one_line(&e.to_string()) });
                    }
                    _ => return Err(e.into()),
                },
            }
        }
        self.count(filled);
        Ok(filled)
    }

    /// Reads to the end of a line, but at most `limit` bytes; the line's end is part of it. Empty
    /// where the data end.
    pub(crate) fn line(&mut self, limit: u64) -> Result<Vec<u8>, FileProblem> {
        let mut line = Vec::new();
        self.reader.by_ref().take(limit).read_until(b'\n', &mut line)?;
        self.count(line.len());
        Ok(line)
    }

    fn count(&mut self, passed: usize) {
        self.remaining = self.remaining.map(|bytes| bytes.saturating_sub(passed as u64));
    }

    /// Looks past the last byte that was wanted, which lets a decompressor reach its checksum;
    /// whether that was the end.
    pub(crate) fn finish(&mut self) -> Result<bool, FileProblem> {
        Ok(self.fill(&mut [0])? == 0)
    }

    /// Passes over bytes; returns how many there were.
    pub(crate) fn skip(&mut self, bytes: u64) -> Result<u64, FileProblem> {
        let mut buffer = [0; 4096];
        let mut skipped = 0;
        while skipped < bytes {
            let want = (bytes - skipped).min(buffer.len() as u64) as usize;
            let got = self.fill(&mut buffer[..want])?;
            skipped += got as u64;
            if got < want {
                break;
            }
        }
        Ok(skipped)
    }
}

/// What comes out of a decompressor. The small buffer serves lines; larger reads pass it by.
fn decompressed(decoder: impl Read + 'static) -> Stream {
    Stream { reader: Box::new(BufReader::new(decoder)), remaining: None }
}

/// A stream of what a reader makes of another's bytes; how many come out is not known.
pub(crate) fn converted<R: Read + 'static>(
    stream: Stream,
    convert: impl FnOnce(Box<dyn BufRead>) -> R,
) -> Stream {
    decompressed(convert(stream.reader))
}

/// Whether a file's name ends in the extension (with its dot), upper case or lower.
pub(crate) fn has_extension(path: &Path, extension: &str) -> bool {
    let name = path.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
    name.ends_with(extension)
}

/// Checks that a file is there, for whoever asks for something else before it is read.
///
/// # Errors
/// If nothing has this name, or a folder has.
///
/// # Examples
/// ```
/// let error = isocenter_io::check_file("no/such/xray.png").unwrap_err();
/// assert_eq!(error.to_string(), "no/such/xray.png: there is no such file: check the path");
/// ```
pub fn check_file(path: impl AsRef<Path>) -> Result<(), FileError> {
    let path = path.as_ref();
    is_file(path).at(path)
}

fn is_file(path: &Path) -> Result<(), FileProblem> {
    match std::fs::metadata(path)?.is_dir() {
        true => Err(FileProblem::IsFolder),
        false => Ok(()),
    }
}

/// Why a file is not read whose name tells no supported format: it may not be there, or be a folder.
pub(crate) fn unknown_file(path: &Path, supported: &'static str) -> FileProblem {
    is_file(path).err().unwrap_or_else(|| unknown_extension(path, supported))
}

/// The error for a name that tells no supported format.
pub(crate) fn unknown_extension(path: &Path, supported: &'static str) -> FileProblem {
    let found = match path.extension() {
        Some(extension) => format!("ends in '.{}'", one_line(&extension.to_string_lossy())),
        None => "has no extension".to_owned(),
    };
    FileProblem::Extension { found, supported }
}
