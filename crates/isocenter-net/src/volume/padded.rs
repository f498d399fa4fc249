//! Several values per voxel, with a frame of zeros around, so that a kernel needs no case for
//! borders.

use crate::error::NetError;

/// Voxels of a row that are worked on together.
pub(crate) const LANES: usize = 16;

/// Channels of a volume. Rows of voxels are padded with zeros to a multiple of sixteen and one more
/// voxel on either side, so are rows and slices by one.
#[derive(Debug, Clone, PartialEq)]
pub struct PaddedVolume {
    channels: usize,
    dims: [usize; 3],
    data: Vec<f32>,
}

impl PaddedVolume {
    /// All zero.
    #[must_use]
    pub fn zeros(channels: usize, dims: [usize; 3]) -> Self {
        let mut volume = Self { channels, dims, data: Vec::new() };
        volume.data = vec![0.0; channels * volume.channel_len()];
        volume
    }

    /// From channels of i * j * k values, i fastest.
    ///
    /// # Errors
    /// If a channel has another number of values.
    pub fn from_channels(channels: &[&[f32]], dims: [usize; 3]) -> Result<Self, NetError> {
        let [columns, rows, slices] = dims;
        for values in channels {
            if values.len() != columns * rows * slices {
                let (found, expected) = (vec![values.len()], dims.to_vec());
                return Err(NetError::Shape { what: "a channel of the volume", found, expected });
            }
        }
        Ok(Self::from_rows(channels.len(), dims, |channel, j, k| {
            &channels[channel][(k * rows + j) * columns..]
        }))
    }

    /// From rows of a channel, j and k, each with at least as many values as there are columns.
    pub(crate) fn from_rows<'a>(
        channels: usize,
        dims: [usize; 3],
        row_at: impl Fn(usize, usize, usize) -> &'a [f32],
    ) -> Self {
        let mut volume = Self::zeros(channels, dims);
        let [columns, rows, slices] = dims;
        for channel in 0..channels {
            for (k, j) in (0..slices).flat_map(|k| (0..rows).map(move |j| (k, j))) {
                let at = volume.row_start(channel, j, k);
                let row = &row_at(channel, j, k)[..columns];
                volume.data[at..at + columns].copy_from_slice(row);
            }
        }
        volume
    }

    /// The number of channels.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Voxels along i, j and k.
    #[must_use]
    pub fn dims(&self) -> [usize; 3] {
        self.dims
    }

    /// A channel without its frame.
    #[must_use]
    pub fn channel(&self, channel: usize) -> Vec<f32> {
        let mut values = Vec::with_capacity(self.dims.iter().product());
        self.append_channel(channel, &mut values);
        values
    }

    /// Appends a channel without its frame.
    pub(crate) fn append_channel(&self, channel: usize, values: &mut Vec<f32>) {
        (0..self.dims[2]).for_each(|k| self.append_slice(channel, k, values));
    }

    /// Appends the values of a channel in a slice.
    fn append_slice(&self, channel: usize, k: usize, values: &mut Vec<f32>) {
        let [columns, rows, _] = self.dims;
        for j in 0..rows {
            let at = self.row_start(channel, j, k);
            values.extend_from_slice(&self.data[at..at + columns]);
        }
    }

    /// The sum over each channel.
    pub(super) fn sums(&self) -> Vec<f32> {
        let channels = self.data.chunks_exact(self.channel_len().max(1));
        let of_slices = |channel: &[f32]| -> f64 {
            let slices = channel.chunks_exact(self.slice_len().max(1));
            slices.map(|slice| f64::from(slice.iter().sum::<f32>())).sum()
        };
        channels.map(|channel| of_slices(channel) as f32).collect()
    }

    /// Sets to zero what is not above zero in another volume of the same shape: the derivative of
    /// ReLU, given its result.
    pub(crate) fn mask_by(&mut self, result: &Self) {
        for (value, &result) in self.data.iter_mut().zip(&result.data) {
            if result <= 0.0 {
                *value = 0.0;
            }
        }
    }

    /// Values of a row, with padding.
    pub(super) fn row_len(&self) -> usize {
        self.tiles() * LANES + 2
    }

    /// How often sixteen voxels go into a row, the last ones incomplete.
    pub(super) fn tiles(&self) -> usize {
        self.dims[0].div_ceil(LANES)
    }

    /// Values of a slice, with padding.
    pub(super) fn slice_len(&self) -> usize {
        self.row_len() * (self.dims[1] + 2)
    }

    /// Values of a channel, with padding.
    pub(super) fn channel_len(&self) -> usize {
        self.slice_len() * (self.dims[2] + 2)
    }

    /// Where the first voxel of a row is.
    pub(super) fn row_start(&self, channel: usize, j: usize, k: usize) -> usize {
        self.padded_row_start(channel, j + 1, k + 1) + 1
    }

    /// Where the first value of a row of the frame or the volume is; the frame counts.
    pub(super) fn padded_row_start(&self, channel: usize, j: usize, k: usize) -> usize {
        channel * self.channel_len() + k * self.slice_len() + j * self.row_len()
    }

    pub(super) fn data(&self) -> &[f32] {
        &self.data
    }

    /// The rows of all channels in bands, without those of the frame: for work that is shared band by
    /// band.
    pub(super) fn bands_mut(&mut self) -> Vec<Band<'_>> {
        let [_, rows, slices] = self.dims;
        let (row_len, slice_len, channel_len) =
            (self.row_len(), self.slice_len(), self.channel_len());
        let mut bands = Band::empty(self.dims, [row_len, 1]);
        for channel in self.data.chunks_exact_mut(channel_len) {
            let slices = channel.chunks_exact_mut(slice_len).skip(1).take(slices);
            let pieces = slices.flat_map(|slice| {
                slice[row_len..][..rows * row_len].chunks_mut(BAND_ROWS * row_len)
            });
            bands.iter_mut().zip(pieces).for_each(|(band, piece)| band.channels.push(piece));
        }
        bands
    }
}

/// Rows of a slice that one thread does at a time.
const BAND_ROWS: usize = 16;

/// Rows of a slice, in all channels.
pub(super) struct Band<'a> {
    /// j and k of the first row.
    pub(super) place: [usize; 2],
    /// Values of a row, with padding, and those in front of the first voxel.
    row_len: usize,
    begin: usize,
    /// The rows of each channel.
    channels: Vec<&'a mut [f32]>,
}

impl<'a> Band<'a> {
    fn empty([_, rows, slices]: [usize; 3], [row_len, begin]: [usize; 2]) -> Vec<Self> {
        let of_slice = rows.div_ceil(BAND_ROWS);
        let place = |n: usize| [n % of_slice * BAND_ROWS, n / of_slice];
        let band = |n| Self { place: place(n), row_len, begin, channels: Vec::new() };
        (0..of_slice * slices).map(band).collect()
    }

    /// Of images [batch, channels, rows, columns]; a batch counts as slices.
    pub(super) fn of_images(
        values: &'a mut [f32],
        channels: usize,
        [columns, rows, batch]: [usize; 3],
    ) -> Vec<Self> {
        let mut bands = Self::empty([columns, rows, batch], [columns, 0]);
        let of_image = rows.div_ceil(BAND_ROWS).max(1);
        let images = values.chunks_exact_mut((channels * rows * columns).max(1));
        for (bands, image) in bands.chunks_mut(of_image).zip(images) {
            for channel in image.chunks_exact_mut((rows * columns).max(1)) {
                let pieces = channel.chunks_mut(BAND_ROWS * columns);
                bands.iter_mut().zip(pieces).for_each(|(band, piece)| band.channels.push(piece));
            }
        }
        bands
    }

    /// j of its rows.
    pub(super) fn rows(&self) -> std::ops::Range<usize> {
        let [first, _] = self.place;
        let count = self.channels.first().map_or(0, |rows| rows.len() / self.row_len.max(1));
        first..first + count
    }

    /// The channels from one on, at a place of row j.
    pub(super) fn channels_at(
        &mut self,
        channel: usize,
        [i, j]: [usize; 2],
        count: usize,
    ) -> impl Iterator<Item = &mut [f32]> {
        let at = (j - self.place[0]) * self.row_len + self.begin + i;
        self.channels.iter_mut().skip(channel).map(move |rows| &mut rows[at..at + count])
    }
}
