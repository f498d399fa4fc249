//! The part of a volume that was scanned: a box, and within it a round field of view where there is one.
//!
//! A scan ends where its box ends, and where the scanner wrote padding: values below any tissue, around a
//! round field or beyond the last slices. What lies outside is not air but unknown. [`Scanned`] keeps
//! where the scan ends in the volume's index space; [`super::beyond`] continues the patient from there.

use nalgebra::Vector3;
use rayon::prelude::*;

use super::grid::Volume;

/// Below this (HU) no scanner measures: air is -1000, and the lowest of twelve bits -1024.
const PADDING_BELOW_HU: f32 = -1100.0;

/// The highest constant value (HU) that may be padding where its shape is that of a round field.
const HIGHEST_PADDING_HU: f32 = -900.0;

/// How far from a circle (voxels) the edge of a round field may lie.
const CIRCLE_TOLERANCE: f64 = 1.5;

/// That distance over the radius, at most: what is smaller cannot be told from a square.
const LARGEST_TOLERANCE: f64 = 0.08;

/// The part of the voxels on the wrong side of the circle that noise may account for.
const WRONG_SIDE: f64 = 0.005;

/// A round field of view: an elliptic cylinder in index space along one index axis.
#[derive(Debug, Clone, Copy, PartialEq)]
struct RoundField {
    /// The index axis along the cylinder.
    axis: usize,
    /// Center along the two other axes, in ascending order.
    center: [f64; 2],
    /// Radii along them.
    radii: [f64; 2],
}

/// Where a volume was scanned, in its index space: voxel `n` reaches from `n - 1/2` to `n + 1/2`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scanned {
    lower: [f64; 3],
    upper: [f64; 3],
    field: Option<RoundField>,
}

impl Scanned {
    /// All of a volume.
    #[must_use]
    pub fn whole<T: Copy>(volume: &Volume<T>) -> Self {
        let upper = volume.dims().map(|n| n as f64 - 0.5);
        Self { lower: [-0.5; 3], upper, field: None }
    }

    /// The part of a CT that is not padding.
    ///
    /// # Units
    /// Hounsfield units.
    #[must_use]
    pub fn of_hounsfield(ct: &Volume<f32>) -> Self {
        let mut scanned = Self::whole(ct);
        if let Some((lower, upper)) = bounds_of_measured(ct) {
            scanned.lower = lower.map(|n| n as f64 - 0.5);
            scanned.upper = upper.map(|n| n as f64 + 0.5);
        }
        scanned.field = (0..3).rev().find_map(|axis| round_field(ct, axis));
        scanned
    }

    /// The same of the volume whose voxels are blocks of `factors` voxels.
    #[must_use]
    pub(super) fn binned(&self, factors: [usize; 3]) -> Self {
        let place = |a: usize, n: f64| (n + 0.5) / factors[a].max(1) as f64 - 0.5;
        let of = |corner: [f64; 3]| std::array::from_fn(|a| place(a, corner[a]));
        let field = self.field.map(|field| {
            let [a, b] = other_axes(field.axis);
            RoundField {
                center: [place(a, field.center[0]), place(b, field.center[1])],
                radii: [
                    field.radii[0] / factors[a].max(1) as f64,
                    field.radii[1] / factors[b].max(1) as f64,
                ],
                ..field
            }
        });
        Self { lower: of(self.lower), upper: of(self.upper), field }
    }

    /// Whether the field is round.
    #[must_use]
    pub fn has_round_field(&self) -> bool {
        self.field.is_some()
    }

    /// The first and the last voxel along an axis that lie within the box altogether.
    pub(super) fn whole_voxels(&self, axis: usize) -> [f64; 2] {
        const ROUNDING: f64 = 1e-6;
        let first = (self.lower[axis] + 0.5 - ROUNDING).ceil();
        let last = (self.upper[axis] - 0.5 + ROUNDING).floor();
        [first, last.max(first)]
    }

    /// The part of a voxel that lies within the box along an axis, 0 to 1.
    pub(super) fn share_along(&self, axis: usize, index: f64) -> f64 {
        let (low, high) = (index - 0.5, index + 0.5);
        (high.min(self.upper[axis]) - low.max(self.lower[axis])).clamp(0.0, 1.0)
    }

    /// Whether the middle of a voxel lies within the round field, or beside no such field.
    pub(super) fn in_field(&self, index: [f64; 3]) -> bool {
        self.field.is_none_or(|field| field.eccentricity_squared(index) <= 1.0)
    }

    /// The center of the scanned voxel nearest to an index.
    pub(super) fn nearest(&self, index: [f64; 3]) -> [f64; 3] {
        let mut nearest = index;
        if let Some(field) = self.field {
            nearest = field.pulled_in(nearest);
        }
        std::array::from_fn(|a| {
            let [first, last] = self.whole_voxels(a);
            nearest[a].round().clamp(first, last)
        })
    }
}

impl RoundField {
    /// The square of the distance from the axis over the radius.
    fn eccentricity_squared(&self, index: [f64; 3]) -> f64 {
        let [a, b] = other_axes(self.axis);
        let x = (index[a] - self.center[0]) / self.radii[0];
        let y = (index[b] - self.center[1]) / self.radii[1];
        x * x + y * y
    }

    /// An index within the field, a voxel from its edge, on the same ray from the axis.
    fn pulled_in(&self, index: [f64; 3]) -> [f64; 3] {
        let most = 1.0 - CIRCLE_TOLERANCE / self.radii[0].min(self.radii[1]).max(2.0);
        let eccentricity = self.eccentricity_squared(index).sqrt();
        if eccentricity <= most {
            return index;
        }
        let mut pulled = index;
        for (n, a) in other_axes(self.axis).into_iter().enumerate() {
            pulled[a] = self.center[n] + (index[a] - self.center[n]) * most / eccentricity;
        }
        pulled
    }
}

/// The two other axes, in ascending order.
fn other_axes(axis: usize) -> [usize; 2] {
    match axis {
        0 => [1, 2],
        1 => [0, 2],
        _ => [0, 1],
    }
}

/// First and last index along each axis of what is no padding; `None` where all is.
fn bounds_of_measured(ct: &Volume<f32>) -> Option<([usize; 3], [usize; 3])> {
    let [ni, nj, _] = ct.dims();
    let of_slice = |(k, slice): (usize, &[f32])| {
        let mut found: Option<([usize; 3], [usize; 3])> = None;
        for (j, row) in slice.chunks_exact(ni).enumerate() {
            let measured = |hu: &f32| *hu >= PADDING_BELOW_HU;
            let Some(first) = row.iter().position(measured) else { continue };
            let last = row.iter().rposition(measured).unwrap_or(first);
            found = Some(united(found, ([first, j, k], [last, j, k])));
        }
        found
    };
    let slices = ct.voxels().par_chunks(ni * nj).enumerate();
    slices.filter_map(of_slice).reduce_with(|a, b| united(Some(a), b))
}

type Bounds = ([usize; 3], [usize; 3]);

fn united(a: Option<Bounds>, b: Bounds) -> Bounds {
    let Some(a) = a else { return b };
    let low = std::array::from_fn(|n| a.0[n].min(b.0[n]));
    (low, std::array::from_fn(|n| a.1[n].max(b.1[n])))
}

/// The round field about an index axis, if padding leaves one in the middle slice across it.
fn round_field(ct: &Volume<f32>, axis: usize) -> Option<RoundField> {
    let [a, b] = other_axes(axis);
    let (na, nb) = (ct.dims()[a], ct.dims()[b]);
    let middle = ct.dims()[axis] / 2;
    let at = |i: usize, j: usize| {
        let mut index = [middle; 3];
        (index[a], index[b]) = (i, j);
        ct.get(index).unwrap_or(f32::NAN)
    };
    let corners = [at(0, 0), at(na - 1, 0), at(0, nb - 1), at(na - 1, nb - 1)];
    let padding = corners[0];
    let is_constant = corners.iter().all(|&hu| hu == padding);
    if !is_constant || padding > HIGHEST_PADDING_HU {
        return None;
    }
    let (mut low, mut high) = ([usize::MAX; 2], [0; 2]);
    for (i, j) in (0..nb).flat_map(|j| (0..na).map(move |i| (i, j))) {
        if at(i, j) != padding {
            low = [low[0].min(i), low[1].min(j)];
            high = [high[0].max(i), high[1].max(j)];
        }
    }
    if low[0] >= high[0] || low[1] >= high[1] {
        return None;
    }
    let center = [0, 1].map(|n| (low[n] + high[n]) as f64 / 2.0);
    let radii = [0, 1].map(|n| (high[n] - low[n]) as f64 / 2.0 + 0.5);
    let field = RoundField { axis, center, radii };
    // In millimetres it is a circle.
    let spacing = ct.world_from_index().spacing_mm();
    let aspect = radii[0] * spacing[a] / (radii[1] * spacing[b]);
    let tolerance = CIRCLE_TOLERANCE / radii[0].min(radii[1]);
    if tolerance > LARGEST_TOLERANCE || (aspect - 1.0).abs() > 2.0 * tolerance.max(0.005) {
        return None;
    }
    let mut wrong = 0_usize;
    for (i, j) in (0..nb).flat_map(|j| (0..na).map(move |i| (i, j))) {
        let mut index = [0.0; 3];
        (index[a], index[b]) = (i as f64, j as f64);
        let eccentricity = field.eccentricity_squared(index).sqrt();
        let is_padding = at(i, j) == padding;
        wrong += usize::from(is_padding && eccentricity < 1.0 - tolerance);
        wrong += usize::from(!is_padding && eccentricity > 1.0 + tolerance);
    }
    (wrong as f64 <= WRONG_SIDE * (na * nb) as f64).then_some(field)
}

impl Scanned {
    /// The distance (mm) between two indices of a volume.
    pub(super) fn distance_mm(volume: &Volume<f32>, from: [f64; 3], to: [f64; 3]) -> f64 {
        let step = Vector3::from(from) - Vector3::from(to);
        (volume.world_from_index().linear() * step).norm()
    }
}

#[cfg(test)]
mod tests {
    //! Proves: padding beyond slices and around a round field is not scanned, constant air around a
    //! body that is not round is, and blocks keep the place of the scan's end.
    use super::*;
    use crate::volume::Affine;

    fn ct(dims: [usize; 3], hu: impl Fn([usize; 3]) -> f32) -> Volume<f32> {
        let affine = Affine::from_spacing([1.0, 1.0, 2.0], [0.0; 3]).unwrap();
        let empty = Volume::new(dims, vec![0.0_f32; dims.iter().product()], affine).unwrap();
        let voxels = (0..dims.iter().product()).map(|at| hu(empty.index_of(at))).collect();
        Volume::new(dims, voxels, affine).unwrap()
    }

    #[test]
    fn padded_slices_are_not_scanned() {
        let padded = ct([20, 20, 10], |[_, _, k]| if k < 3 { -2048.0 } else { 0.0 });
        let scanned = Scanned::of_hounsfield(&padded);
        assert_eq!(scanned.lower, [-0.5, -0.5, 2.5]);
        assert_eq!(scanned.nearest([5.0, -7.0, 0.0]), [5.0, 0.0, 3.0]);
        assert_eq!((scanned.share_along(2, 2.0), scanned.share_along(2, 3.0)), (0.0, 1.0));
        // Blocks of two: the first with something in it is half scanned.
        let binned = scanned.binned([2, 2, 2]);
        assert_eq!(binned.share_along(2, 1.0), 0.5);
        assert_eq!(binned.whole_voxels(2), [2.0, 4.0]);
    }

    #[test]
    fn a_round_field_is_found_and_a_body_in_air_is_not_one() {
        let inside = |[i, j, _]: [usize; 3], a: f64, b: f64| {
            ((i as f64 - 29.5) / a).hypot((j as f64 - 29.5) / b) < 1.0
        };
        for padding in [-2048.0, -1024.0, -1000.0] {
            let round = ct([60, 60, 6], |at| if inside(at, 25.0, 25.0) { 30.0 } else { padding });
            let scanned = Scanned::of_hounsfield(&round);
            assert!(scanned.has_round_field(), "{padding}");
            assert!(!scanned.in_field([2.0, 30.0, 3.0]));
            let [i, j, _] = scanned.nearest([-40.0, 29.5, 3.0]);
            assert!((4.0..8.0).contains(&i) && (29.0..=30.0).contains(&j), "{i} {j}");
        }
        let body = ct([60, 60, 6], |at| if inside(at, 25.0, 18.0) { 30.0 } else { -1000.0 });
        assert_eq!(Scanned::of_hounsfield(&body), Scanned::whole(&body));
    }
}
