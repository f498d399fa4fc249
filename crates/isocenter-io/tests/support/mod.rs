//! What the hostile tests share.

use std::time::Duration;

/// A file that takes longer hangs.
pub(crate) const LONGEST: Duration = Duration::from_secs(10);

/// How many changed files a parser is given: `usual`, or what `ISOCENTER_MUTATIONS` says if that is
/// more.
pub(crate) fn rounds(usual: usize) -> usize {
    let wanted = std::env::var("ISOCENTER_MUTATIONS").ok();
    wanted.map_or(0, |text| text.parse().unwrap()).max(usual)
}
