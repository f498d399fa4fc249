//! Sacrum, coccyx, hip bones and the heads of the femurs.

use std::sync::Arc;

use nalgebra::Vector3;

use super::frame::Frame;
use super::label;
use super::paint::Solid;
use super::shape::{
    Bounds, Carved, Ellipsoid, Limb, REACH_MM, Shape, SharedShape, Union, rounded_edge,
};
use super::spine::bone;
use super::variation::Variation;
use super::vertebra::Body;

/// Lengths of one piece of the sacrum (mm), in its own frame.
struct Segment {
    height: f64,
    /// How much less than the first it leans to the front (degrees).
    turn_deg: f64,
    half_width: f64,
    half_depth: f64,
    /// Where the wing ends: to the side, to the back.
    wing: [f64; 2],
    wing_radius: f64,
    /// The foramen below: distance from the midline.
    foramen: f64,
}

#[rustfmt::skip]
const SEGMENTS: [Segment; 5] = [
    Segment { height: 19.0, turn_deg: 0.0, half_width: 24.0, half_depth: 15.0, wing: [45.0, 15.0], wing_radius: 11.5, foramen: 22.0 },
    Segment { height: 17.5, turn_deg: 8.0, half_width: 18.0, half_depth: 10.5, wing: [42.0, 14.0], wing_radius: 10.5, foramen: 19.5 },
    Segment { height: 15.5, turn_deg: 28.0, half_width: 15.0, half_depth: 8.5, wing: [30.0, 7.0], wing_radius: 8.0, foramen: 17.0 },
    Segment { height: 14.0, turn_deg: 52.0, half_width: 13.0, half_depth: 7.0, wing: [20.0, 4.0], wing_radius: 6.5, foramen: 14.5 },
    Segment { height: 12.0, turn_deg: 72.0, half_width: 11.0, half_depth: 6.0, wing: [10.0, 2.0], wing_radius: 4.5, foramen: 0.0 },
];

/// The pelvis; the spine stands on its sacrum.
pub(super) struct Pelvis {
    sacrum: SharedShape,
    coccyx: SharedShape,
}

impl Pelvis {
    /// Hung from the middle of the sacrum's upper end plate.
    pub(super) fn new(sacrum_top: &Frame, variation: &mut Variation) -> Self {
        let stations = stations(sacrum_top);
        Self {
            sacrum: sacrum(&stations, variation),
            coccyx: coccyx(&stations[4], SEGMENTS[4].height, variation),
        }
    }

    pub(super) fn sacrum(&self) -> &SharedShape {
        &self.sacrum
    }

    /// All bones of the pelvis.
    pub(super) fn solids(&self, variation: &mut Variation) -> Vec<Solid> {
        let mut solids = Vec::new();
        let sides = [
            (1.0, label::HIP_LEFT, label::FEMUR_LEFT),
            (-1.0, label::HIP_RIGHT, label::FEMUR_RIGHT),
        ];
        for (side, hip, femur) in sides {
            let head = variation.near(23.5, 0.04);
            let center = Vector3::new(
                side * variation.near(88.0, 0.02),
                variation.between(-15.0, -9.0),
                variation.between(-145.0, -140.0),
            );
            let ball: SharedShape = Arc::new(Ellipsoid {
                frame: Frame::new(center, [0.0; 3]),
                semi_axes_mm: Vector3::repeat(head),
            });
            let blade: SharedShape = Arc::new(Blade::new(side, variation));
            let socket = Arc::new(Carved::new(blade, Arc::clone(&ball), 3.0));
            let jointed = Arc::new(Carved::new(socket, Arc::clone(&self.sacrum), 2.0));
            solids.push(Solid::new(jointed, bone(hip, 1.6, 190.0)));
            solids.push(Solid::new(ball, bone(femur, 1.5, 290.0)));
        }
        solids.push(Solid::new(Arc::clone(&self.sacrum), bone(label::SACRUM, 1.1, 160.0)));
        solids.push(Solid::new(Arc::clone(&self.coccyx), bone(label::COCCYX, 1.5, 200.0)));
        solids
    }
}

/// The middle of the upper end of each piece of the sacrum.
fn stations(sacrum_top: &Frame) -> [Frame; 5] {
    let mut origin = sacrum_top.origin();
    SEGMENTS.each_ref().map(|segment| {
        let frame = sacrum_top.leaning_back(segment.turn_deg).moved_to(origin);
        origin = frame.at(0.0, 0.0, -segment.height);
        frame
    })
}

fn sacrum(stations: &[Frame; 5], variation: &mut Variation) -> SharedShape {
    let mut parts: Vec<SharedShape> = Vec::new();
    let mut holes: Vec<SharedShape> = Vec::new();
    let [mut left_tip, mut right_tip] = [None::<(Vector3<f64>, f64)>; 2];
    for (number, (frame, segment)) in stations.iter().zip(&SEGMENTS).enumerate() {
        let Segment { height, half_width, half_depth, wing, wing_radius, foramen, .. } = *segment;
        if number == 0 {
            // The one piece with an end plate, which meets the last disc.
            parts.push(Arc::new(Body {
                frame: frame.moved_to(frame.at(0.0, 0.0, -6.0)),
                half_width,
                half_depth,
                half_height: 6.0,
                waist: 0.0,
                hollow_mm: 1.0,
                wedge: 0.0,
            }));
        }
        let top = if number == 0 { -half_depth } else { 0.0 };
        parts.push(Arc::new(Limb::stretched(
            [frame.at(0.0, 0.0, top), frame.at(0.0, 0.0, -height)],
            [half_depth * 0.94, half_depth * 0.76],
            frame.left(),
            half_width / half_depth,
        )));
        for side in [1.0, -1.0] {
            let tip = (
                frame.at(side * variation.near(wing[0], 0.02), wing[1], -height * 0.6),
                wing_radius,
            );
            let root = frame.at(side * half_width * 0.5, -2.0, -height * 0.4);
            parts.push(Arc::new(Limb::new([root, tip.0], [wing_radius * 0.8, wing_radius])));
            // The lateral mass joins the wings on each side.
            let above = if side > 0.0 { &mut left_tip } else { &mut right_tip };
            if let Some((at, radius)) = above.replace(tip) {
                parts.push(Arc::new(Limb::new([at, tip.0], [radius, tip.1])));
                let inner = |p: Vector3<f64>| p + frame.left() * (-side * 11.0);
                parts.push(Arc::new(Limb::new([inner(at), inner(tip.0)], [radius, tip.1])));
            }
            if foramen > 0.0 {
                let x = side * variation.near(foramen, 0.04);
                holes.push(Arc::new(Limb::new(
                    [frame.at(x, -22.0, -height), frame.at(x * 0.95, 30.0, -height)],
                    [4.6, 2.6],
                )));
            }
        }
        if number < 4 {
            crest(frame, segment, &mut parts, variation);
        }
    }
    // The facets that meet those of L5.
    for side in [1.0, -1.0] {
        parts.push(Arc::new(Limb::new(
            [stations[0].at(side * 23.0, 21.0, -8.0), stations[0].at(side * 24.0, 25.0, 6.0)],
            [6.0, 4.2],
        )));
    }
    for pair in stations.windows(2) {
        holes.push(Arc::new(Limb::stretched(
            [pair[0].at(0.0, 19.0, 12.0), pair[1].at(0.0, 13.0, 0.0)],
            [6.5, 4.5],
            pair[0].left(),
            1.7,
        )));
    }
    Arc::new(Carved::new(Arc::new(Union::new(parts, 6.0)), Arc::new(Union::new(holes, 0.5)), 0.0))
}

/// The roof of the sacral canal and the tubercle on it.
fn crest(
    frame: &Frame,
    segment: &Segment,
    parts: &mut Vec<SharedShape>,
    variation: &mut Variation,
) {
    let back = segment.half_depth + 12.0;
    let low = -segment.height * 0.8;
    for side in [1.0, -1.0] {
        parts.push(Arc::new(Limb::stretched(
            [frame.at(side * 19.0, back - 8.0, low), frame.at(side * 3.0, back, low)],
            [3.2, 3.2],
            frame.up(),
            2.2,
        )));
    }
    let tip = frame.at(variation.between(-1.5, 1.5), back + variation.between(3.0, 8.0), low - 3.0);
    parts.push(Arc::new(Limb::stretched(
        [frame.at(0.0, back, low), tip],
        [2.8, 3.4],
        frame.up(),
        1.6,
    )));
}

/// Three pieces that curve to the front.
fn coccyx(last: &Frame, height: f64, variation: &mut Variation) -> SharedShape {
    let mut parts: Vec<SharedShape> = Vec::new();
    let mut origin = last.at(0.0, 0.0, -height - 4.5);
    for (number, radius) in [6.0, 4.5, 3.4].into_iter().enumerate() {
        let frame = last.leaning_back(6.0 + 10.0 * number as f64).moved_to(origin);
        let end = frame.at(variation.between(-1.0, 1.0), 0.0, -7.5);
        parts.push(Arc::new(Limb::stretched(
            [origin, end],
            [radius, radius * 0.85],
            frame.left(),
            1.5,
        )));
        origin = end + (end - origin) * 0.4;
    }
    Arc::new(Union::new(parts, 1.5))
}

/// A hip bone down to the socket: a curved blade `side * x = surface(y, z)` with a given outline.
struct Blade {
    side: f64,
    size: f64,
    outline: Vec<[f64; 2]>,
}

/// The outline of the blade seen from the side, (y, z) (mm): posterior spines, crest, anterior
/// spines, socket and notch.
const OUTLINE: [[f64; 2]; 17] = [
    [88.0, -68.0],
    [84.0, -52.0],
    [64.0, -30.0],
    [38.0, -17.0],
    [8.0, -14.0],
    [-22.0, -24.0],
    [-46.0, -44.0],
    [-63.0, -70.0],
    [-58.0, -84.0],
    [-46.0, -95.0],
    [-47.0, -112.0],
    [-42.0, -165.0],
    [18.0, -165.0],
    [20.0, -128.0],
    [38.0, -108.0],
    [62.0, -103.0],
    [80.0, -90.0],
];

impl Blade {
    fn new(side: f64, variation: &mut Variation) -> Self {
        let taller = variation.between(-4.0, 4.0);
        let outline = OUTLINE.map(|[y, z]| {
            let crest = ((z + 110.0) / 95.0).clamp(0.0, 1.0);
            [y + variation.between(-1.2, 1.2), z + taller * crest + variation.between(-1.2, 1.2)]
        });
        Self { side, size: variation.near(1.0, 0.02), outline: rounded(&outline) }
    }

    /// `side * x` of the middle of the blade and its slopes along y and z: a quadric through the
    /// spines, the crest, the sacro-iliac joint and the socket.
    fn surface(&self, y: f64, z: f64) -> (f64, f64, f64) {
        let (v, w) = (y / 50.0, (z + 70.0) / 50.0);
        let x = 93.1 - 25.1 * v + 16.9 * w - 3.2 * v * v - 4.7 * v * w + 3.6 * w * w;
        let along_y = (-25.1 - 6.4 * v - 4.7 * w) / 50.0;
        let along_z = (16.9 - 4.7 * v + 7.2 * w) / 50.0;
        (self.size * x, self.size * along_y, self.size * along_z)
    }

    /// Half the thickness: thin in the fossa, thick at the rim, the socket and the joint.
    fn half_thickness(y: f64, z: f64, inside_mm: f64) -> f64 {
        let bump = |cy: f64, cz: f64, radius: f64| {
            let (dy, dz) = ((y - cy) / radius, (z - cz) / radius);
            let r2 = dy * dy + dz * dz;
            1.0 / ((1.0 + r2) * (1.0 + r2))
        };
        let rim = inside_mm / 9.0;
        2.0 + 3.6 / (1.0 + rim * rim)
            + 18.0 * bump(-12.0, -142.0, 30.0)
            + 7.0 * bump(66.0, -72.0, 24.0)
    }
}

/// The greatest half thickness that [`Blade::half_thickness`] gives, rounded up.
const THICKEST_MM: f64 = 26.0;

impl Shape for Blade {
    fn bounds(&self) -> Bounds {
        let [mut low, mut high] = [Vector3::repeat(1e3), Vector3::repeat(-1e3)];
        for &[y, z] in &self.outline {
            let x = self.side * self.surface(y, z).0;
            low = low.inf(&Vector3::new(x, y, z));
            high = high.sup(&Vector3::new(x, y, z));
        }
        // The surface is a quadric: within the outline it leaves the box of its rim by little. The
        // rim is square to the surface, which takes it past the outline by less than 6 mm.
        let margin = Vector3::new(THICKEST_MM, 6.0, 6.0);
        Bounds { low: low - margin, high: high + margin }
    }

    fn signed_distance_mm(&self, point: Vector3<f64>) -> f64 {
        let (x, slope_y, slope_z) = self.surface(point.y, point.z);
        let steepness = (1.0 + slope_y * slope_y + slope_z * slope_z).sqrt();
        let off_surface = (self.side * point.x - x).abs() / steepness;
        if off_surface > THICKEST_MM + REACH_MM {
            return off_surface - THICKEST_MM;
        }
        // The outline counts where the point stands over the surface, so that the rim is square to it.
        let over = (self.side * point.x - x) / (steepness * steepness);
        let (y, z) = (point.y + over * slope_y, point.z + over * slope_z);
        let outside = polygon_distance(&self.outline, y, z);
        let across = off_surface - Self::half_thickness(y, z, (-outside).max(0.0));
        rounded_edge(across, outside, 4.0)
    }
}

/// The polygon with its corners cut twice (Chaikin), which leaves a smooth line.
fn rounded(polygon: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mut line = polygon.to_vec();
    for _ in 0..2 {
        let next = line.iter().cycle().skip(1);
        line = line
            .iter()
            .zip(next)
            .flat_map(|(a, b)| {
                let between = |t: f64| [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t];
                [between(0.25), between(0.75)]
            })
            .collect();
    }
    line
}

/// The distance from the line around a polygon, negative inside.
fn polygon_distance(polygon: &[[f64; 2]], x: f64, y: f64) -> f64 {
    let mut squared = f64::INFINITY;
    let mut inside = false;
    for (a, b) in polygon.iter().zip(polygon.iter().cycle().skip(1)) {
        let (edge_x, edge_y) = (b[0] - a[0], b[1] - a[1]);
        let (from_x, from_y) = (x - a[0], y - a[1]);
        let length2 = edge_x * edge_x + edge_y * edge_y;
        let t = ((from_x * edge_x + from_y * edge_y) / length2).clamp(0.0, 1.0);
        let (dx, dy) = (from_x - edge_x * t, from_y - edge_y * t);
        squared = squared.min(dx * dx + dy * dy);
        // Crossings of the ray to +x.
        if (a[1] > y) != (b[1] > y) && from_x < edge_x * from_y / edge_y {
            inside = !inside;
        }
    }
    if inside { -squared.sqrt() } else { squared.sqrt() }
}
