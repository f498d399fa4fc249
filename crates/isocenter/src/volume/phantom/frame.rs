//! Where an anatomical part stands and how it is turned.

use nalgebra::{Matrix3, Vector3};

use super::shape::Bounds;

/// A part's own axes: x to the patient's left, y to the back, z to the head, before it is turned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    origin: Vector3<f64>,
    world_from_local: Matrix3<f64>,
}

impl Frame {
    /// At `origin`, turned by the given angles (degrees): `sagittal` (the upper end leans to the
    /// front), then `coronal` (to the left), then `axial` (the front turns to the left).
    pub(super) fn new(origin: Vector3<f64>, [sagittal, coronal, axial]: [f64; 3]) -> Self {
        let (sin, cos) = sin_cos_degrees(sagittal);
        let about_x = Matrix3::new(1.0, 0.0, 0.0, 0.0, cos, -sin, 0.0, sin, cos);
        let (sin, cos) = sin_cos_degrees(coronal);
        let about_y = Matrix3::new(cos, 0.0, sin, 0.0, 1.0, 0.0, -sin, 0.0, cos);
        let (sin, cos) = sin_cos_degrees(axial);
        let about_z = Matrix3::new(cos, -sin, 0.0, sin, cos, 0.0, 0.0, 0.0, 1.0);
        Self { origin, world_from_local: about_z * about_y * about_x }
    }

    /// The same axes elsewhere.
    pub(super) fn moved_to(&self, origin: Vector3<f64>) -> Self {
        Self { origin, ..*self }
    }

    /// The same part leaning less to the front, in its own axes.
    pub(super) fn leaning_back(&self, degrees: f64) -> Self {
        let turn = Self::new(Vector3::zeros(), [-degrees, 0.0, 0.0]);
        Self {
            origin: self.origin,
            world_from_local: self.world_from_local * turn.world_from_local,
        }
    }

    pub(super) fn origin(&self) -> Vector3<f64> {
        self.origin
    }

    /// A point given in local coordinates (mm), in the world.
    pub(super) fn at(&self, x: f64, y: f64, z: f64) -> Vector3<f64> {
        self.origin + self.world_from_local * Vector3::new(x, y, z)
    }

    /// A world point in local coordinates (mm).
    pub(super) fn to_local(self, point: Vector3<f64>) -> Vector3<f64> {
        self.world_from_local.tr_mul(&(point - self.origin))
    }

    /// The unit vector to the part's left.
    pub(super) fn left(&self) -> Vector3<f64> {
        self.world_from_local.column(0).into()
    }

    /// The unit vector to the part's head end.
    pub(super) fn up(&self) -> Vector3<f64> {
        self.world_from_local.column(2).into()
    }

    /// The world box around the local box of the given half lengths about the origin.
    pub(super) fn bounds_of_box(&self, half: Vector3<f64>) -> Bounds {
        let extent = self.world_from_local.abs() * half;
        Bounds { low: self.origin - extent, high: self.origin + extent }
    }
}

/// Sine and cosine with the same bits on every machine, which the standard library's have not.
pub(super) fn sin_cos_degrees(degrees: f64) -> (f64, f64) {
    libm::sincos(degrees * (std::f64::consts::PI / 180.0))
}

#[cfg(test)]
mod tests {
    //! Proves: the senses of the three angles, and that local and world coordinates are inverses.
    use super::*;

    #[test]
    fn positive_angles_lean_to_the_front_to_the_left_and_turn_to_the_left() {
        let lean = |angles| Frame::new(Vector3::zeros(), angles);
        // LPS: the front is -y, the left is +x.
        assert!(lean([30.0, 0.0, 0.0]).up().y < -0.4);
        assert!(lean([0.0, 30.0, 0.0]).up().x > 0.4);
        assert!(lean([0.0, 0.0, 30.0]).at(0.0, -1.0, 0.0).x > 0.4);
    }

    #[test]
    fn local_undoes_world() {
        let frame = Frame::new(Vector3::new(5.0, -7.0, 11.0), [20.0, -35.0, 10.0]);
        let local = Vector3::new(3.0, 1.0, -2.0);
        let back = frame.to_local(frame.at(local.x, local.y, local.z));
        assert!((back - local).norm() < 1e-12);
    }
}
