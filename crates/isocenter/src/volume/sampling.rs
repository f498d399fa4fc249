//! Values between voxels.

use nalgebra::Vector3;

use super::Volume;

impl<T: Copy> Volume<T> {
    /// The value at a place between voxels, linear along each axis; `value` tells what a voxel counts, and
    /// what lies outside does.
    ///
    /// # Units
    /// The place in voxels, the first voxel's center being 0.
    ///
    /// # Examples
    /// ```
    /// use isocenter::volume::{Affine, Volume};
    /// use nalgebra::Vector3;
    /// let affine = Affine::from_spacing([1.0; 3], [0.0; 3]).unwrap();
    /// let volume = Volume::new([2, 2, 2], (0..8).collect(), affine).unwrap();
    /// let zero_outside = |voxel: Option<u16>| f64::from(voxel.unwrap_or(0));
    /// assert_eq!(volume.trilinear(Vector3::new(0.25, 0.5, 1.0), zero_outside), 5.25);
    /// assert_eq!(volume.trilinear(Vector3::new(0.0, 0.0, 1.5), zero_outside), 2.0);
    /// ```
    #[must_use]
    pub fn trilinear(&self, index: Vector3<f64>, value: impl Fn(Option<T>) -> f64) -> f64 {
        let base = index.map(f64::floor);
        let place = index - base;
        let mut sum = 0.0;
        for corner in 0..8 {
            let upper = [0, 1, 2].map(|a| corner >> a & 1 == 1);
            let weight: f64 =
                (0..3).map(|a| if upper[a] { place[a] } else { 1.0 - place[a] }).product();
            let at = [0, 1, 2].map(|a| base[a] + f64::from(u8::from(upper[a])));
            let inside = at.iter().all(|&n| n >= 0.0);
            let voxel = if inside { self.get(at.map(|n| n as usize)) } else { None };
            sum += weight * value(voxel);
        }
        sum
    }
}
