//! Metal: wires, screws and instruments, which the CT does not have.
//!
//! A grey opening of the line integrals by a square that is wider than they are removes them. It also
//! removes much of thin bone: fingers, ribs, cortex. So the parts that it removes are suspects, and a
//! suspect is metal where its edges are as sharp as the image allows and it is
//!
//! - **saturated**: among the darkest of the field, as screws and instruments are, or
//! - **a wire**: thin, straight, and of one width.
//!
//! Suspects are sought at several thresholds, since metal over bone merges with it at low ones. What is
//! found of a straight tool is continued along its axis.

mod confirm;
mod filters;
mod shape;

use crate::parts::parts;
use crate::radiograph::{Image, Mask};
pub use confirm::{ConfirmError, confirmed};
use filters::{means, opened, steepest};
use shape::Shape;

/// Half the square's side as a part of the image's longer side: wider than a screw's half width.
const RADIUS: f64 = 0.028;
/// Metal is darker than its surroundings by more than this many times the noise there ...
const TIMES_NOISE: f32 = 4.0;
/// ... by more than this many times what the opening typically removes ...
const TIMES_TYPICAL: f32 = 5.0;
/// ... and by at least this part of the range of gray values.
const LEAST_OF_RANGE: f32 = 0.1;
/// The thresholds at which suspects are sought, as multiples of the least one.
const LEVELS: [f32; 4] = [1.0, 1.4, 2.0, 2.8];
/// The threshold along the axis of what was found.
const CONTINUED: f32 = 0.5;
/// The shortest piece of metal, as a part of the image's longer side.
const SHORTEST: f64 = 0.08;
/// Around metal, where an edge filter has changed the image too (part of the longer side).
const SEAM: f64 = 0.008;
/// Edges are measured over twice this part of the longer side, at least two pixels: the blur of
/// detectors.
const BLUR: f64 = 1.0 / 600.0;
/// More metal than this is none, but a part of the patient.
const MOST_OF_FIELD: f64 = 0.25;

/// More of a suspect along the border of the field than this is the border's own shade.
const MOST_AT_BORDER: f64 = 0.1;
/// The share of the field that is brighter than the dark tenth of saturated metal, the part of the
/// range by which its edges rise within the blur, and that rise as a part of its excess. What is
/// darker may be less sharp.
const SATURATED: [(f64, f32, f32); 2] = [(0.975, 0.15, 0.45), (0.99, 0.12, 0.4)];
/// A wire's length over its width, at least ...
const WIRE_ASPECT: f64 = 8.0;
/// ... its width as a part of the image's longer side, at most ...
const WIRE_WIDTH: f64 = 0.013;
/// ... how much of its box along its axis it fills, at least: a curve fills less ...
const WIRE_FILL: f64 = 0.7;
/// ... the part of the range by which its edges rise, and that rise as a part of its excess ...
const WIRE_EDGE: (f32, f32) = (0.15, 0.5);
/// ... and the share of the field that is brighter: threads on the skin are not metal.
const WIRE_DARKNESS: f64 = 0.35;
/// A tool is continued along its axis if it is that much longer than wide and fills this of its box.
const STRAIGHT: (f64, f64) = (4.0, 0.5);

/// What the scale of the gray values, which rise with attenuation, tells of metal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MetalScale {
    /// Metal is darker than its surroundings by at least this much.
    pub least_excess: f32,
    /// Metal is at least this dark.
    pub least_value: f32,
}

impl MetalScale {
    /// Of line integrals: what a millimeter of steel adds, and hardly any bone that is as thin.
    pub const LINE_INTEGRAL: Self = Self { least_excess: 0.6, least_value: f32::NEG_INFINITY };
    /// Of ranks, which say nothing.
    pub const RANK: Self = Self { least_excess: 0.0, least_value: f32::NEG_INFINITY };
    /// Of ranks in a large image of all that a C-arm sees: metal is among its darkest tenth (1.28 standard
    /// deviations), where a thin layer of dense bone is not.
    pub const DARK_RANK: Self = Self { least_excess: 0.0, least_value: 1.28 };
}

/// The pixels of metal in an image whose gray values rise with attenuation, within the field; `None`
/// where there is none.
#[must_use]
pub fn metal(image: &Image, field: &Mask, scale: MetalScale) -> Option<Mask> {
    let scene = Scene::new(image, field, scale)?;
    let mut used = vec![false; image.pixels().len()];
    for level in LEVELS {
        for part in parts(&scene.darker_by(level), scene.size_px) {
            let Some(shape) = Shape::of(&part, scene.size_px) else { continue };
            if scene.is_metal(&part, &shape) {
                part.iter().for_each(|&at| used[at] = true);
                scene.continue_along(&part, &shape, &mut used);
            }
        }
    }
    let found = used.iter().filter(|&&metal| metal).count();
    if found == 0 || found as f64 > MOST_OF_FIELD * field.count() as f64 {
        return None;
    }
    let seam = (SEAM * scene.longer()).ceil() as usize;
    Some(Mask { size_px: scene.size_px, used }.dilated(seam))
}

/// An image, what the opening removes from it, and how steep it is.
struct Scene<'a> {
    size_px: [usize; 2],
    field: &'a Mask,
    /// The pixels of the field at its border.
    border: Vec<bool>,
    smooth: Vec<f32>,
    excess: Vec<f32>,
    /// The least excess of a suspect, at each pixel.
    least: Vec<f32>,
    /// The steepest rise near each pixel, over the blur.
    steepest: Vec<f32>,
    /// The gray values in the field, in order.
    sorted: Vec<f32>,
    range: f32,
    least_value: f32,
}

impl<'a> Scene<'a> {
    fn new(image: &Image, field: &'a Mask, scale: MetalScale) -> Option<Self> {
        let size_px = image.size_px();
        let longer = size_px[0].max(size_px[1]) as f64;
        let radius = (RADIUS * longer).ceil().max(2.0) as usize;
        let in_field = |values: &[f32]| -> Vec<f32> {
            values.iter().zip(field.used()).filter_map(|(v, used)| used.then_some(*v)).collect()
        };
        let smooth = means(image.pixels(), field, size_px, 1);
        let mut sorted = in_field(&smooth);
        if sorted.len() < 64 {
            return None;
        }
        sorted.sort_unstable_by(f32::total_cmp);
        let rough: Vec<f32> =
            image.pixels().iter().zip(&smooth).map(|(pixel, mean)| (pixel - mean).abs()).collect();
        let noise = means(&rough, field, size_px, radius);
        let opened = opened(&smooth, field, size_px, radius);
        let excess: Vec<f32> = smooth.iter().zip(&opened).map(|(l, o)| (l - o).max(0.0)).collect();
        let quantile = |values: Vec<f32>, fraction: f64| {
            Image::new([values.len(), 1], values).map_or(0.0, |image| image.quantile(fraction))
        };
        let values = in_field(image.pixels());
        let range = quantile(values.clone(), 0.98) - quantile(values, 0.02);
        let typical = quantile(in_field(&excess), 0.5);
        let least = (TIMES_TYPICAL * typical).max(LEAST_OF_RANGE * range).max(scale.least_excess);
        let least = noise.iter().map(|noise| least.max(TIMES_NOISE * noise)).collect();
        let blur = (BLUR * longer).round().max(1.0) as usize;
        let inner = field.inverted().dilated(2).inverted();
        let border = field.used().iter().zip(inner.used()).map(|(&f, &i)| f && !i).collect();
        let steepest = steepest(&smooth, field, size_px, blur);
        let least_value = scale.least_value;
        Some(Self {
            size_px,
            field,
            border,
            smooth,
            excess,
            least,
            steepest,
            sorted,
            range,
            least_value,
        })
    }

    fn longer(&self) -> f64 {
        self.size_px[0].max(self.size_px[1]) as f64
    }

    /// The pixels that are darker than their surroundings by a multiple of the least excess.
    fn darker_by(&self, level: f32) -> Vec<bool> {
        let darker = |at: usize| {
            self.field.used()[at]
                && self.excess[at] > level * self.least[at]
                && self.smooth[at] >= self.least_value
        };
        (0..self.smooth.len()).map(darker).collect()
    }

    /// The share of the field that is brighter than a quantile of a part.
    fn darkness(&self, part: &[usize], fraction: f64) -> f64 {
        let value = quantile_at(&self.smooth, part, fraction);
        self.sorted.partition_point(|&v| v < value) as f64 / self.sorted.len() as f64
    }

    fn is_metal(&self, part: &[usize], shape: &Shape) -> bool {
        if shape.extent_px < SHORTEST * self.longer() {
            return false;
        }
        let at_border = part.iter().filter(|&&at| self.border[at]).count() as f64;
        if at_border >= MOST_AT_BORDER * part.len() as f64 {
            return false;
        }
        let rise = quantile_at(&self.steepest, &shape.rim, 0.5);
        let (edge, sharpness) = (rise / self.range, rise / quantile_at(&self.excess, part, 0.9));
        let is_sharp = |least: (f32, f32)| edge >= least.0 && sharpness >= least.1;
        let darkest = self.darkness(part, 0.9);
        let is_saturated = SATURATED
            .into_iter()
            .any(|(dark, edge, sharpness)| darkest >= dark && is_sharp((edge, sharpness)));
        let is_wire = is_sharp(WIRE_EDGE)
            && shape.length_px >= WIRE_ASPECT * shape.width_px
            && shape.width_px < WIRE_WIDTH * self.longer()
            && shape.fill > WIRE_FILL
            && self.darkness(part, 0.5) > WIRE_DARKNESS;
        is_saturated || is_wire
    }

    /// Adds what continues a straight tool along its axis, in its width.
    fn continue_along(&self, part: &[usize], shape: &Shape, used: &mut [bool]) {
        let (aspect, fill) = STRAIGHT;
        if shape.length_px < aspect * shape.width_px || shape.fill <= fill {
            return;
        }
        let mut strip = self.darker_by(CONTINUED);
        for (at, set) in strip.iter_mut().enumerate() {
            *set &= shape.is_along(at, self.size_px[0]);
        }
        part.iter().for_each(|&at| strip[at] = true);
        let Some(&start) = part.first() else { return };
        let whole = parts(&strip, self.size_px).into_iter().find(|whole| whole.contains(&start));
        whole.into_iter().flatten().for_each(|at| used[at] = true);
    }
}

/// A quantile of the values at some places; zero of none.
fn quantile_at(values: &[f32], places: &[usize], fraction: f64) -> f32 {
    let values: Vec<f32> = places.iter().filter_map(|&at| values.get(at).copied()).collect();
    Image::new([values.len(), 1], values).map_or(0.0, |image| image.quantile(fraction))
}
