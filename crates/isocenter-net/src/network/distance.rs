//! How far encodings are apart: what the baselines descend.

use crate::dual::Dual;

/// The mean of the squared differences of two encodings; of several maps, the sum of theirs. None where
/// the encodings have no maps, or not as many.
///
/// # Shapes
/// Maps [batch, ...], those of both images in the same order; the distance is [batch, 1].
#[must_use]
pub fn distance(xray: &[Dual<4>], moving: &[Dual<4>]) -> Option<Dual<2>> {
    let of_map = |(xray, moving): (&Dual<4>, &Dual<4>)| {
        let difference = moving.clone() - xray.clone();
        difference.square().linear(|x| x.flatten::<2>(1, 3).mean_dim(1))
    };
    match xray.len() == moving.len() {
        true => xray.iter().zip(moving).map(of_map).reduce(|sum, one| sum + one),
        false => None,
    }
}
