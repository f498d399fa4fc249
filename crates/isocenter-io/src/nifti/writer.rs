//! Files: a header and the numbers after it.

use std::io::{self, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::error::FileError;
use crate::open::has_extension;
use crate::{atomic, voxels};

/// Writes a header and numbers, compressed if the name ends in `.gz`, whole or not at all.
pub(crate) fn write<T: Copy, const BYTES: usize>(
    path: &Path,
    header: &[u8],
    values: &[T],
    encode: impl Fn(T) -> [u8; BYTES],
) -> Result<(), FileError> {
    let fill = |out: &mut dyn Write| -> io::Result<()> {
        out.write_all(header)?;
        voxels::write(out, values, encode)
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
