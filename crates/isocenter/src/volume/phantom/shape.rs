//! Implicit solids: a signed distance (negative inside) and a box around each.
//!
//! Distances are first-order: a level function divided by the length of its gradient. Near the
//! surface they are good to a few percent, which is what anti-aliasing and the cortical shell
//! need. Farther out than [`REACH_MM`] they are only bounds: a shape is never nearer than half the
//! distance it answers, so that whoever walks along a line may go on by that much.

use std::sync::Arc;

use nalgebra::Vector3;

use super::frame::Frame;

/// How far from its surface a shape's distance has to be about right (mm).
pub(super) const REACH_MM: f64 = 6.0;

/// The distance a shape may answer where it is certainly far away (mm).
const FAR_MM: f64 = 1e3;

/// An axis-aligned box in the world (mm).
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) low: Vector3<f64>,
    pub(super) high: Vector3<f64>,
}

impl Bounds {
    pub(super) const EVERYWHERE: Self = Self {
        low: Vector3::new(-FAR_MM, -FAR_MM, -FAR_MM),
        high: Vector3::new(FAR_MM, FAR_MM, FAR_MM),
    };

    const NOWHERE: Self = Self { low: Self::EVERYWHERE.high, high: Self::EVERYWHERE.low };

    fn around(center: Vector3<f64>, half: Vector3<f64>) -> Self {
        Self { low: center - half, high: center + half }
    }

    fn union(&self, other: &Self) -> Self {
        Self { low: self.low.inf(&other.low), high: self.high.sup(&other.high) }
    }

    fn intersection(&self, other: &Self) -> Self {
        Self { low: self.low.sup(&other.low), high: self.high.inf(&other.high) }
    }

    /// A lower bound of the distance to the box (mm); negative inside.
    fn distance_mm(&self, point: Vector3<f64>) -> f64 {
        let outside = (self.low - point).sup(&(point - self.high));
        outside.x.max(outside.y).max(outside.z)
    }
}

/// A solid.
pub(super) trait Shape: Send + Sync {
    /// A box that holds the solid.
    fn bounds(&self) -> Bounds;

    /// The distance from the surface (mm), negative inside.
    fn signed_distance_mm(&self, point: Vector3<f64>) -> f64;
}

/// A solid that several others may refer to.
pub(super) type SharedShape = Arc<dyn Shape>;

/// The smaller of two distances, rounded where they are within `blend_mm` of each other, so that
/// two solids flow into one.
fn smooth_min(a: f64, b: f64, blend_mm: f64) -> f64 {
    let overlap = (blend_mm - (a - b).abs()).max(0.0);
    a.min(b) - 0.25 * overlap * overlap / blend_mm
}

fn smooth_max(a: f64, b: f64, blend_mm: f64) -> f64 {
    -smooth_min(-a, -b, blend_mm)
}

/// The distance from what two solids have in common, with its edge rounded to a radius.
pub(super) fn rounded_edge(a: f64, b: f64, radius_mm: f64) -> f64 {
    let (past_a, past_b) = ((a + radius_mm).max(0.0), (b + radius_mm).max(0.0));
    let corner = (past_a * past_a + past_b * past_b).sqrt();
    corner + (a.max(b) + radius_mm).min(0.0) - radius_mm
}

/// A rod with round ends whose radius runs from one end to the other, and whose section may be
/// stretched along one axis: pedicles, processes, ribs, vessels, muscles.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limb {
    start: Vector3<f64>,
    along: Vector3<f64>,
    radius_start_mm: f64,
    radius_end_mm: f64,
    axis: Vector3<f64>,
    stretch: f64,
    /// One over the squared length of the limb in its own metric.
    inverse_length2: f64,
}

impl Limb {
    /// From the two ends of the core line and the radii there.
    pub(super) fn new(ends: [Vector3<f64>; 2], radii_mm: [f64; 2]) -> Self {
        Self::stretched(ends, radii_mm, Vector3::z(), 1.0)
    }

    /// The same with the section `stretch` times as long along the unit vector `axis`.
    pub(super) fn stretched(
        [start, end]: [Vector3<f64>; 2],
        [radius_start_mm, radius_end_mm]: [f64; 2],
        axis: Vector3<f64>,
        stretch: f64,
    ) -> Self {
        let along = end - start;
        let mut limb = Self {
            start,
            along,
            radius_start_mm,
            radius_end_mm,
            axis,
            stretch,
            inverse_length2: 0.0,
        };
        limb.inverse_length2 = 1.0 / limb.metric(along).dot(&along).max(1e-12);
        limb
    }

    /// The metric in which the section is round.
    fn metric(&self, v: Vector3<f64>) -> Vector3<f64> {
        let squeeze = 1.0 - 1.0 / (self.stretch * self.stretch);
        v - self.axis * (squeeze * self.axis.dot(&v))
    }
}

impl Shape for Limb {
    fn bounds(&self) -> Bounds {
        let radius = self.radius_start_mm.max(self.radius_end_mm);
        let half =
            self.axis.map(|n| radius * (1.0 + (self.stretch * self.stretch - 1.0) * n * n).sqrt());
        Bounds::around(self.start, half).union(&Bounds::around(self.start + self.along, half))
    }

    fn signed_distance_mm(&self, point: Vector3<f64>) -> f64 {
        let from_start = point - self.start;
        let fraction =
            (self.metric(self.along).dot(&from_start) * self.inverse_length2).clamp(0.0, 1.0);
        let radius = self.radius_start_mm + (self.radius_end_mm - self.radius_start_mm) * fraction;
        let away = from_start - self.along * fraction;
        let metric_away = self.metric(away);
        let level = metric_away.dot(&away).max(0.0).sqrt();
        let gradient = metric_away.norm();
        if gradient < 1e-9 { -radius } else { (level - radius) * level / gradient }
    }
}

/// An ellipsoid along the axes of a frame: organs, gas bubbles, femoral heads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ellipsoid {
    /// Its center and axes.
    pub(super) frame: Frame,
    /// Half its length along each axis.
    pub(super) semi_axes_mm: Vector3<f64>,
}

impl Shape for Ellipsoid {
    fn bounds(&self) -> Bounds {
        self.frame.bounds_of_box(self.semi_axes_mm)
    }

    fn signed_distance_mm(&self, point: Vector3<f64>) -> f64 {
        let scaled = self.frame.to_local(point).component_div(&self.semi_axes_mm);
        let level = scaled.norm();
        let gradient = scaled.component_div(&self.semi_axes_mm).norm();
        if gradient < 1e-9 { -self.semi_axes_mm.min() } else { (level - 1.0) * level / gradient }
    }
}

/// The half of space where `normal . point <= offset_mm`.
#[derive(Debug, Clone, Copy)]
pub(super) struct HalfSpace {
    pub(super) normal: Vector3<f64>,
    pub(super) offset_mm: f64,
}

impl Shape for HalfSpace {
    fn bounds(&self) -> Bounds {
        Bounds::EVERYWHERE
    }

    fn signed_distance_mm(&self, point: Vector3<f64>) -> f64 {
        self.normal.dot(&point) - self.offset_mm
    }
}

/// Several solids that flow into one.
pub(super) struct Union {
    parts: Vec<(Bounds, SharedShape)>,
    blend_mm: f64,
}

impl Union {
    /// From parts that melt together where they are within `blend_mm` of each other.
    pub(super) fn new(parts: Vec<SharedShape>, blend_mm: f64) -> Self {
        Self { parts: parts.into_iter().map(|p| (p.bounds(), p)).collect(), blend_mm }
    }
}

impl Shape for Union {
    fn bounds(&self) -> Bounds {
        let mut bounds = Bounds::NOWHERE;
        for (part, _) in &self.parts {
            bounds = bounds.union(part);
        }
        bounds
    }

    fn signed_distance_mm(&self, point: Vector3<f64>) -> f64 {
        let mut distance = FAR_MM;
        for (bounds, part) in &self.parts {
            let to_box = bounds.distance_mm(point);
            distance = if to_box > REACH_MM {
                distance.min(to_box)
            } else {
                smooth_min(distance, part.signed_distance_mm(point), self.blend_mm)
            };
        }
        distance
    }
}

/// What two solids have in common.
pub(super) struct Intersection {
    pub(super) a: SharedShape,
    pub(super) b: SharedShape,
}

impl Shape for Intersection {
    fn bounds(&self) -> Bounds {
        self.a.bounds().intersection(&self.b.bounds())
    }

    fn signed_distance_mm(&self, point: Vector3<f64>) -> f64 {
        let a = self.a.signed_distance_mm(point);
        if a > REACH_MM { a } else { smooth_max(a, self.b.signed_distance_mm(point), 2.0) }
    }
}

/// A solid that keeps `gap_mm` away from another: joints, canals and foramina.
pub(super) struct Carved {
    base: SharedShape,
    hole: SharedShape,
    hole_bounds: Bounds,
    gap_mm: f64,
}

impl Carved {
    pub(super) fn new(base: SharedShape, hole: SharedShape, gap_mm: f64) -> Self {
        let hole_bounds = hole.bounds();
        Self { base, hole, hole_bounds, gap_mm }
    }
}

impl Shape for Carved {
    fn bounds(&self) -> Bounds {
        self.base.bounds()
    }

    fn signed_distance_mm(&self, point: Vector3<f64>) -> f64 {
        let base = self.base.signed_distance_mm(point);
        if base > REACH_MM || self.hole_bounds.distance_mm(point) > REACH_MM {
            return base;
        }
        smooth_max(base, self.gap_mm - self.hole.signed_distance_mm(point), 1.0)
    }
}

/// A solid with its surface moved outwards by `offset_mm` (inwards if negative).
pub(super) struct Grown {
    pub(super) base: SharedShape,
    pub(super) offset_mm: f64,
}

impl Shape for Grown {
    fn bounds(&self) -> Bounds {
        let Bounds { low, high } = self.base.bounds();
        let offset = Vector3::repeat(self.offset_mm.max(0.0));
        Bounds { low: low - offset, high: high + offset }
    }

    fn signed_distance_mm(&self, point: Vector3<f64>) -> f64 {
        self.base.signed_distance_mm(point) - self.offset_mm
    }
}

#[cfg(test)]
mod tests {
    //! Proves: close to its surface every primitive's distance is one (gradient of length 1,
    //! zero on known surface points), bounds hold the solid, and carving leaves the gap it names.
    use super::*;

    fn gradient_length(shape: &dyn Shape, point: Vector3<f64>) -> f64 {
        let step = 1e-4;
        let gradient = Vector3::from_fn(|axis, _| {
            let mut offset = Vector3::zeros();
            offset[axis] = step;
            (shape.signed_distance_mm(point + offset) - shape.signed_distance_mm(point - offset))
                / (2.0 * step)
        });
        gradient.norm()
    }

    fn limb() -> Limb {
        let axis = Vector3::new(0.6, 0.0, 0.8);
        Limb::stretched(
            [Vector3::new(-10.0, 0.0, 0.0), Vector3::new(10.0, 4.0, 2.0)],
            [5.0, 4.0],
            axis,
            2.0,
        )
    }

    #[test]
    fn a_limb_ends_where_its_radius_says() {
        let round = Limb::new([Vector3::zeros(), Vector3::new(20.0, 0.0, 0.0)], [3.0, 5.0]);
        assert!(round.signed_distance_mm(Vector3::new(10.0, 4.0, 0.0)).abs() < 1e-12);
        assert!(round.signed_distance_mm(Vector3::new(-3.0, 0.0, 0.0)).abs() < 1e-12);
        let tall = Limb::stretched(
            [Vector3::zeros(), Vector3::new(20.0, 0.0, 0.0)],
            [3.0, 3.0],
            Vector3::z(),
            2.0,
        );
        assert!(tall.signed_distance_mm(Vector3::new(10.0, 0.0, 6.0)).abs() < 1e-12);
        assert!(tall.signed_distance_mm(Vector3::new(10.0, 3.0, 0.0)).abs() < 1e-12);
    }

    #[test]
    fn distances_grow_by_a_millimetre_per_millimetre_at_the_surface() {
        let frame = Frame::new(Vector3::new(1.0, 2.0, 3.0), [20.0, -10.0, 5.0]);
        let ellipsoid = Ellipsoid { frame, semi_axes_mm: Vector3::new(20.0, 12.0, 9.0) };
        let limb = limb();
        let shapes: [&dyn Shape; 2] = [&ellipsoid, &limb];
        for shape in shapes {
            for direction in 0..40 {
                let t = f64::from(direction);
                let ray =
                    Vector3::new((3.1 * t).sin(), (1.7 * t).cos(), (0.7 * t).sin()).normalize();
                // March out from the middle until the surface is crossed.
                let mut at = Vector3::new(1.0, 2.0, 1.5);
                while shape.signed_distance_mm(at) < 0.0 {
                    at += ray * 0.05;
                }
                // 15 %: the limb's taper, and the second order that a step of 0.05 mm leaves.
                let length = gradient_length(shape, at);
                assert!((length - 1.0).abs() < 0.15, "direction {direction}: {length}");
                assert!(
                    shape.bounds().distance_mm(at) < 0.1,
                    "direction {direction} leaves the box"
                );
            }
        }
    }

    #[test]
    fn carving_leaves_a_gap() {
        let neighbor: SharedShape = Arc::new(limb());
        let base: SharedShape = Arc::new(Limb::new([Vector3::zeros(), Vector3::z()], [30.0, 30.0]));
        let carved = Carved::new(base, Arc::clone(&neighbor), 2.0);
        for step in 0..2000 {
            let t = f64::from(step);
            let point = Vector3::new((3.1 * t).sin(), (1.7 * t).cos(), (0.7 * t).sin()) * 15.0;
            if carved.signed_distance_mm(point) < 0.0 {
                assert!(neighbor.signed_distance_mm(point) > 2.0 - 1e-9);
            }
        }
    }

    #[test]
    fn a_union_holds_its_parts_and_flows_between_them() {
        let parts: Vec<SharedShape> = vec![
            Arc::new(Limb::new([Vector3::zeros(), Vector3::x()], [5.0, 5.0])),
            Arc::new(Limb::new(
                [Vector3::new(0.0, 9.9, 0.0), Vector3::new(1.0, 9.9, 0.0)],
                [5.0; 2],
            )),
        ];
        let union = Union::new(parts, 3.0);
        assert!(union.signed_distance_mm(Vector3::new(0.0, 0.0, 0.0)) < -4.0);
        // In the notch between the two the blend fills what neither part holds alone.
        let notch = Vector3::new(0.5, 4.95, 1.2);
        assert!(union.parts.iter().all(|(_, part)| part.signed_distance_mm(notch) > 0.0));
        assert!(union.signed_distance_mm(notch) < 0.0);
    }
}
