//! The fixed image beside its mask: what every measure is prepared from.

use std::ops::Range;

use rayon::prelude::*;

use super::SimilarityError;
use crate::project::JetImage;
use crate::radiograph::{Image, Mask};

/// Fewer pixels than this do not determine six pose parameters, gain and offset with anything to
/// spare.
pub(crate) const MIN_PIXELS: usize = 16;

/// The pixels one task sums: long enough to be worth handing to another thread.
const TASK_PIXELS: usize = 8192;

/// Pixels that follow each other in a row, as places in the image.
pub(crate) type Run = Range<usize>;

/// The fixed image and which of its pixels count.
#[derive(Debug, Clone)]
pub(crate) struct Fixed {
    pub(crate) image: Image,
    pub(crate) mask: Mask,
}

impl Fixed {
    pub(crate) fn new(image: &Image, mask: Option<&Mask>) -> Result<Self, SimilarityError> {
        let size_px = image.size_px();
        let mask = mask.cloned().unwrap_or_else(|| Mask::all(size_px));
        if mask.size_px() != size_px {
            return Err(SimilarityError::MaskSize { found: mask.size_px(), expected: size_px });
        }
        let found = mask.count();
        if found < MIN_PIXELS {
            return Err(SimilarityError::TooFewPixels { found, expected: MIN_PIXELS });
        }
        let fixed = Self { image: image.clone(), mask };
        match fixed.first_used(image.pixels(), |p| !p.is_finite()) {
            Some((column, row, value)) => {
                Err(SimilarityError::FixedNotFinite { column, row, value })
            }
            None => Ok(fixed),
        }
    }

    pub(crate) fn size_px(&self) -> [usize; 2] {
        self.image.size_px()
    }

    pub(crate) fn check_moving(&self, moving: &Image) -> Result<(), SimilarityError> {
        let (found, expected) = (moving.size_px(), self.size_px());
        if found == expected {
            Ok(())
        } else {
            Err(SimilarityError::MovingSize { found, expected })
        }
    }

    pub(crate) fn check_jet(&self, jet: &JetImage) -> Result<(), SimilarityError> {
        self.check_moving(&jet.image)?;
        let (found, expected) = (jet.jacobian.len(), jet.image.pixels().len());
        if found == expected {
            Ok(())
        } else {
            Err(SimilarityError::JacobianLength { found, expected })
        }
    }

    /// Names the pixel that made a sum not finite. (Sums of finite f32 are finite in f64, so
    /// looking is needed only then.)
    pub(crate) fn explain_moving(&self, moving: &Image) -> Result<(), SimilarityError> {
        match self.first_used(moving.pixels(), |p| !p.is_finite()) {
            Some((column, row, value)) => {
                Err(SimilarityError::MovingNotFinite { column, row, value })
            }
            None => Ok(()),
        }
    }

    /// As [`Self::explain_moving`], for a jet.
    pub(crate) fn explain_jet(&self, jet: &JetImage) -> Result<(), SimilarityError> {
        self.explain_moving(&jet.image)?;
        match self.first_used(&jet.jacobian, |j| j.iter().any(|d| !d.is_finite())) {
            Some((column, row, value)) => {
                Err(SimilarityError::JacobianNotFinite { column, row, value })
            }
            None => Ok(()),
        }
    }

    /// The first pixel that counts and meets a condition: column, row and what is there.
    fn first_used<T: Copy>(
        &self,
        pixels: &[T],
        condition: impl Fn(T) -> bool,
    ) -> Option<(usize, usize, T)> {
        let columns = self.size_px()[0];
        let mut used = pixels.iter().zip(self.mask.used()).enumerate();
        used.find(|(_, (pixel, used))| **used && condition(**pixel))
            .map(|(at, (pixel, _))| (at % columns, at / columns, *pixel))
    }
}

/// The pixels of a rectangle that count, row by row.
pub(crate) fn runs(mask: &Mask, columns: Range<usize>, rows: Range<usize>) -> Vec<Run> {
    let width = mask.size_px()[0];
    let mut runs = Vec::new();
    for row in rows {
        let mut start = None;
        for column in columns.clone() {
            let used = mask.get(column, row) == Some(true);
            match (used, start) {
                (true, None) => start = Some(column),
                (false, Some(first)) => {
                    runs.push(row * width + first..row * width + column);
                    start = None;
                }
                _ => {}
            }
        }
        if let Some(first) = start {
            runs.push(row * width + first..row * width + columns.end);
        }
    }
    runs
}

/// How many items (runs, cells) of a list make one task, given the pixels they hold together.
pub(crate) fn items_per_task(items: usize, pixels: usize) -> usize {
    if pixels < 2 * TASK_PIXELS {
        return items.max(1);
    }
    (items * TASK_PIXELS / pixels).max(1)
}

/// Works through a list in tasks of fixed lengths; the results come in the order of the list,
/// whatever the number of threads.
pub(crate) fn in_tasks<T: Sync, R: Send>(
    items: &[T],
    items_per_task: usize,
    work: impl Fn(&[T]) -> R + Sync + Send,
) -> Vec<R> {
    if items.len() <= items_per_task {
        return vec![work(items)];
    }
    items.par_chunks(items_per_task).map(work).collect()
}

#[cfg(test)]
mod tests {
    //! Proves: runs cover exactly the pixels of a rectangle that count.
    use super::*;

    #[test]
    fn runs_cover_what_counts() {
        let used = [1, 1, 0, 1, 0, 1, 1, 0, 1, 1, 1, 1].map(|u| u == 1);
        let mask = Mask::new([4, 3], used.to_vec()).unwrap();
        assert_eq!(runs(&mask, 0..4, 0..3), vec![0..2, 3..4, 5..7, 8..12]);
        assert_eq!(runs(&mask, 1..3, 0..2), vec![1..2, 5..7]);
        assert_eq!(runs(&mask, 0..4, 3..3), Vec::<Run>::new());
    }
}
