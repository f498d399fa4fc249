//! The largest or the mean of neighbouring pixels.

use burn::tensor::Tensor;

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

/// The mean of each two neighbours along the given axes, which are there and of even length: half of each.
#[must_use]
pub(crate) fn mean_of_pairs<const D: usize>(x: Tensor<D>, axes: &[usize]) -> Tensor<D> {
    axes.iter().fold(x, |x, &axis| {
        let mut shape = x.dims();
        let outer: usize = shape.iter().take(axis).product();
        let inner: usize = shape.iter().skip(axis + 1).product();
        let pairs = x.reshape([outer, shape[axis] / 2, 2, inner]);
        shape[axis] /= 2;
        pairs.mean_dim(2).reshape(shape)
    })
}

#[cfg(test)]
mod tests {
    //! Proves: means are taken of neighbours along the axes that are named, and of these alone.
    use super::*;
    use burn::tensor::{Device, TensorData};

    #[test]
    fn pairs_are_neighbours() {
        let values: Vec<f32> = (0..24).map(|n| n as f32).collect();
        let x = Tensor::<3>::from_data(TensorData::new(values, [2, 3, 4]), &Device::flex());
        let found = mean_of_pairs(x, &[0, 2]);
        assert_eq!(found.dims(), [1, 3, 2]);
        // The neighbours are 12 and 1 apart.
        let expected = [6.5, 8.5, 10.5, 12.5, 14.5, 16.5];
        assert_eq!(found.try_into_vec_as::<f32>().unwrap(), expected);
    }
}
