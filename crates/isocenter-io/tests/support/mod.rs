//! What the hostile tests share.

use std::time::Duration;

/// A file that takes longer hangs.
pub(crate) const LONGEST: Duration = Duration::from_secs(10);

/// Bytes of memory for a byte of file that is not compressed: a byte becomes an f32, a vector that grows
/// has twice its length for a while, and there is a copy or two.
pub(crate) const PLAIN: usize = 16;

/// Bytes of memory for a byte of compressed file: deflate and LZW expand some thousandfold (the images
/// here are checked against 2048), a byte becomes an f32, and there are two or three copies.
pub(crate) const COMPRESSED: usize = 3 * 4 * 2048;

/// How many changed files a parser is given: `usual`, or what `ISOCENTER_MUTATIONS` says if that is
/// more.
pub(crate) fn rounds(usual: usize) -> usize {
    let wanted = std::env::var("ISOCENTER_MUTATIONS").ok();
    wanted.map_or(0, |text| text.parse().unwrap()).max(usual)
}
