//! The largest of neighbouring pixels.

use crate::dual::Dual;

/// The largest of each 2 x 2 pixels; the first of those that are equal. The last row or column of
/// an odd number is left out.
///
/// # Shapes
/// [batch, channels, rows, columns] to [batch, channels, rows / 2, columns / 2]
#[must_use]
pub fn max_pool_2x2(x: Dual<4>) -> Dual<4> {
    let [batch, channels, rows, columns] = x.value().dims();
    let [rows, columns] = [rows / 2, columns / 2];
    let pixels = x.linear(|x| {
        let x = x.narrow(2, 0, 2 * rows).narrow(3, 0, 2 * columns);
        x.reshape([batch, channels, rows, 2, columns, 2]).permute([0, 1, 2, 4, 3, 5]).reshape([
            batch * channels,
            rows * columns,
            4,
        ])
    });
    let largest = pixels.value().clone().detach().argmax(2);
    pixels
        .linear(|pixels| pixels.gather(2, largest.clone()))
        .linear(|largest| largest.reshape([batch, channels, rows, columns]))
}
