//! Streams of numbers, read and written in pieces of bounded size.

use std::io::{self, Write};

use crate::error::FileProblem;
use crate::open::Stream;
use crate::samples::{ByteOrder, SampleType};

/// Bytes that are converted at a time: they stay in the cache.
const PIECE: usize = 1 << 17;

/// How numbers lie in a stream, and what values they stand for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Layout {
    /// The type of the stored numbers.
    pub(crate) sample_type: SampleType,
    /// Their byte order.
    pub(crate) byte_order: ByteOrder,
    /// Slope and intercept, where the values are not the stored numbers themselves.
    pub(crate) scaling: Option<(f64, f64)>,
}

impl Layout {
    /// The bytes of `count` numbers.
    pub(crate) fn bytes(&self, count: usize) -> u64 {
        (count as u64).saturating_mul(self.sample_type.bytes() as u64)
    }
}

/// The number of voxels of a volume.
pub(crate) fn count_of(dims: [usize; 3]) -> Result<usize, FileProblem> {
    let count = dims[0].checked_mul(dims[1]).and_then(|n| n.checked_mul(dims[2]));
    count.ok_or(FileProblem::Memory { bytes: u64::MAX })
}

/// Reads `count` numbers, each made by `convert` from its scaled value.
///
/// The vector grows with the data that arrive, unless the file's length vouches for all of them.
pub(crate) fn read<T>(
    stream: &mut Stream,
    layout: &Layout,
    count: usize,
    mut convert: impl FnMut(f64) -> T,
) -> Result<Vec<T>, FileProblem> {
    let bytes_each = layout.sample_type.bytes();
    let expected = layout.bytes(count);
    let all_are_there = match stream.remaining {
        Some(found) if found < expected => {
            return Err(FileProblem::Truncated { found, expected });
        }
        remaining => remaining.is_some(),
    };
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
        reserve(&mut out, want, count, all_are_there)?;
        let (order, kind) = (layout.byte_order, layout.sample_type);
        match layout.scaling {
            None => kind.decode(order, bytes, &mut out, &mut convert),
            Some((slope, intercept)) => {
                kind.decode(order, bytes, &mut out, |v| convert(v * slope + intercept));
            }
        }
    }
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

/// So many zeros, if there is memory for them.
pub(crate) fn zeros(count: usize) -> Result<Vec<f32>, FileProblem> {
    // `vec!` takes pages that are zero already, which costs no time, but it aborts where there is
    // no memory: so that is asked for, and given back, before.
    let bytes = (count as u64).saturating_mul(size_of::<f32>() as u64);
    let refused = |_| FileProblem::Memory { bytes };
    Vec::<f32>::new().try_reserve_exact(count).map_err(refused)?;
    Ok(vec![0.0; count])
}

/// Writes numbers, each as `encode` gives it.
pub(crate) fn write<T: Copy, const BYTES: usize>(
    out: &mut dyn Write,
    values: &[T],
    encode: impl Fn(T) -> [u8; BYTES],
) -> io::Result<()> {
    let mut piece = Vec::with_capacity(PIECE);
    for some in values.chunks(PIECE / BYTES) {
        piece.clear();
        piece.extend(some.iter().flat_map(|&v| encode(v)));
        out.write_all(&piece)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    //! Proves: memory that no machine has is refused, not aborted on.
    use super::*;

    #[test]
    fn too_many_zeros_are_refused() {
        assert_eq!(zeros(3).unwrap(), [0.0; 3]);
        let bytes = 1 << 62;
        assert!(
            matches!(zeros(1 << 60), Err(FileProblem::Memory { bytes: refused }) if refused == bytes)
        );
    }
}
