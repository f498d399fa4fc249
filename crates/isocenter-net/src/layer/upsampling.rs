//! Larger maps.

use burn::tensor::{Device, Tensor, TensorData};

use crate::dual::Dual;

/// Twice the rows and columns, linear in between: the corners of both maps coincide.
///
/// # Shapes
/// [batch, channels, rows, columns] to [batch, channels, 2 rows, 2 columns]
#[must_use]
pub fn upsample_2x(x: Dual<4>) -> Dual<4> {
    let turned = |x: Tensor<4>| x.swap_dims(2, 3);
    x.linear(|x| turned(twice_the_columns(turned(twice_the_columns(x)))))
}

fn twice_the_columns(x: Tensor<4>) -> Tensor<4> {
    let [batch, channels, rows, columns] = x.dims();
    let weights = weights(columns, &x.device());
    let rows_apart = x.reshape([batch * channels * rows, columns]);
    rows_apart.matmul(weights).reshape([batch, channels, rows, 2 * columns])
}

/// What each of some columns counts in each of twice as many.
fn weights(columns: usize, device: &Device) -> Tensor<2> {
    let twice = 2 * columns;
    let mut weights = vec![0.0; columns * twice];
    // Counted in (2 n - 1)ths of the way from a column to the next: exact.
    let (way, steps) = (twice - 1, columns - 1);
    for column in 0..twice {
        let (before, past) = (column * steps / way, column * steps % way);
        let share = past as f32 / way as f32;
        weights[before * twice + column] = 1.0 - share;
        if past > 0 {
            weights[(before + 1) * twice + column] = share;
        }
    }
    Tensor::from_data(TensorData::new(weights, [columns, twice]), device)
}
