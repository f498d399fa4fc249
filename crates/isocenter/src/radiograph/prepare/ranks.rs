//! Grey values by rank: each pixel gets the quantile of the normal distribution that belongs to its
//! place in the order of all pixels that count.
//!
//! Any rising curve (a logarithm, a window, a gamma) leaves the order as it is, and so the result.
//! Noise-free images of one scene through different displays become the same image, up to what a
//! display has cut off.

use crate::radiograph::{Image, Mask};

/// The ends of the normal distribution are cut here (standard deviations): a few extreme pixels must
/// not outweigh the others.
const FARTHEST: f32 = 2.5;

/// Whether an image has at most so many different values.
pub(super) fn has_at_most(image: &Image, number: usize) -> bool {
    let mut values: Vec<u32> = Vec::with_capacity(number + 1);
    for &pixel in image.pixels() {
        if let Err(at) = values.binary_search(&pixel.to_bits()) {
            if values.len() == number {
                return false;
            }
            values.insert(at, pixel.to_bits());
        }
    }
    true
}

/// The image with grey values by rank among the pixels that count; the others get the value of the
/// nearest rank.
#[must_use]
pub fn by_rank(image: &Image, counts: &Mask) -> Image {
    let mut sorted: Vec<f32> = image
        .pixels()
        .iter()
        .zip(counts.used())
        .filter_map(|(p, used)| used.then_some(*p))
        .collect();
    if sorted.is_empty() {
        return image.clone();
    }
    sorted.sort_unstable_by(f32::total_cmp);
    let number = sorted.len() as f64;
    image.clone().map(|pixel| {
        // Equal pixels share the middle of their ranks.
        let below = sorted.partition_point(|&p| p < pixel);
        let up_to = sorted.partition_point(|&p| p <= pixel);
        let rank = (below + up_to) as f64 / 2.0 / number;
        (crate::statistics::normal_quantile(rank) as f32).clamp(-FARTHEST, FARTHEST)
    })
}
