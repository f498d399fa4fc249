//! The numbers after the header, read and written in pieces of bounded size.

use std::io::{self, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::header::Header;
use crate::atomic;
use crate::error::{FileError, FileProblem};
use crate::open::{Stream, has_extension};

/// Bytes that are converted at a time: they stay in the cache.
const PIECE: usize = 1 << 17;

/// Reads `count` numbers that follow the header, each made by `convert` from its scaled value.
///
/// The vector grows with the data that arrive, unless the file's length vouches for all of them.
pub(crate) fn read<T>(
    stream: &mut Stream,
    header: &Header,
    count: usize,
    mut convert: impl FnMut(f64) -> T,
) -> Result<Vec<T>, FileProblem> {
    let bytes_each = header.sample_type.bytes();
    let expected = (count as u64).saturating_mul(bytes_each as u64);
    if let Some(length) = stream.length {
        let found = length.saturating_sub(header.voxel_offset);
        if found < expected {
            return Err(FileProblem::Truncated { found, expected });
        }
    }
    if stream.skip(header.gap())? < header.gap() {
        return Err(FileProblem::Truncated { found: 0, expected });
    }
    let mut out = Vec::new();
    let mut piece = vec![0; PIECE];
    while out.len() < count {
        let want = (PIECE / bytes_each).min(count - out.len());
        let bytes = &mut piece[..want * bytes_each];
        let got = stream.fill(bytes)?;
        if got < bytes.len() {
            let found = (out.len() * bytes_each + got) as u64;
            return Err(FileProblem::Truncated { found, expected });
        }
        reserve(&mut out, want, count, stream.length.is_some())?;
        let (order, kind) = (header.byte_order, header.sample_type);
        match header.scaling {
            None => kind.decode(order, bytes, &mut out, &mut convert),
            Some((slope, intercept)) => {
                kind.decode(order, bytes, &mut out, |v| convert(v * slope + intercept));
            }
        }
    }
    // Reading on lets the decompressor reach its checksum.
    stream.skip(1)?;
    Ok(out)
}

/// Makes room for `more` of `count` numbers: for all at once if they are known to be there, else
/// for as many again as have arrived.
fn reserve<T>(
    out: &mut Vec<T>,
    more: usize,
    count: usize,
    all_are_there: bool,
) -> Result<(), FileProblem> {
    if out.capacity() - out.len() >= more {
        return Ok(());
    }
    let total = if all_are_there { count } else { (2 * out.len()).max(PIECE).min(count) };
    out.try_reserve_exact(total - out.len())
        .map_err(|_| FileProblem::Memory { bytes: (total * size_of::<T>()) as u64 })
}

/// Writes a header and numbers, compressed if the name ends in `.gz`, whole or not at all.
pub(crate) fn write<T: Copy, const BYTES: usize>(
    path: &Path,
    header: &[u8],
    values: &[T],
    encode: impl Fn(T) -> [u8; BYTES],
) -> Result<(), FileError> {
    let fill = |out: &mut dyn Write| -> io::Result<()> {
        out.write_all(header)?;
        let mut piece = Vec::with_capacity(PIECE);
        for some in values.chunks(PIECE / BYTES) {
            piece.clear();
            piece.extend(some.iter().flat_map(|&v| encode(v)));
            out.write_all(&piece)?;
        }
        Ok(())
    };
    atomic::write_file(path, |out| {
        if has_extension(path, ".gz") {
            // The fast level: a CT takes a sixth of the time and a tenth more space.
            let mut gz = GzEncoder::new(out, Compression::fast());
            fill(&mut gz)?;
            gz.finish()?;
            Ok(())
        } else {
            fill(out)
        }
    })
}
