//! Where a radiograph shows the CT and not where the CT ends.
//!
//! What was scanned ends somewhere within the patient, most of all where a narrow slab was scanned. Its
//! cut faces make the strongest edges of a radiograph, straight ones, which fit at wrong poses as well:
//! nothing tells where along its border a half-plane is. Whether an X-ray shows the same patient is seen
//! in between: within the shadow, away from the edges of the box that holds the CT.

use nalgebra::Vector3;

use super::error::RegisterError;
use crate::geometry::{Camera, RigidTransform};
use crate::project::Projector;
use crate::radiograph::Mask;

/// The part of a pixel from one point of an edge to the next.
const STEP_PX: f64 = 0.5;

/// How far before the source what is seen begins (mm).
const NEAREST_MM: f64 = 1.0;

/// How near to an edge of the box is too near (pixels): blur, and the neighbors of a derivative.
const BORDER_PX: usize = 3;

/// The pixels that show the CT at a pose and lie away from the edges of its box.
///
/// # Errors
/// If the pose cannot be rendered.
pub(super) fn interior(
    projector: &Projector,
    camera: &Camera,
    camera_from_world: &RigidTransform,
) -> Result<Mask, RegisterError> {
    let shadow = shadow(projector, camera, &[*camera_from_world])?;
    let edges = edges(projector, camera, camera_from_world)?.dilated(BORDER_PX);
    Ok(shadow.and(&edges.inverted()))
}

/// The pixels that show the CT from any of the camera's poses.
///
/// # Errors
/// If a pose cannot be rendered.
pub(super) fn shadow(
    projector: &Projector,
    camera: &Camera,
    cameras_from_world: &[RigidTransform],
) -> Result<Mask, RegisterError> {
    let [columns, rows] = camera.size_px();
    let mut seen = vec![false; columns * rows];
    for pose in cameras_from_world {
        let image = projector.forward(camera, pose)?;
        seen.iter_mut().zip(image.pixels()).for_each(|(seen, &l)| *seen |= l > 0.0);
    }
    Ok(Mask::new(camera.size_px(), seen)?)
}

/// The pixels in which the edges of the box are seen.
fn edges(
    projector: &Projector,
    camera: &Camera,
    camera_from_world: &RigidTransform,
) -> Result<Mask, RegisterError> {
    let ct = projector.volume();
    let [lower, upper] = ct.content().with_border();
    let corner = |number: usize| {
        let index = [0, 1, 2].map(|a| if number >> a & 1 == 1 { upper[a] } else { lower[a] });
        camera_from_world.point(ct.volume().world_from_index().point(Vector3::from(index)))
    };
    let mut seen = vec![false; camera.size_px().iter().product()];
    for (number, axis) in (0..8_usize).flat_map(|number| (0..3).map(move |axis| (number, axis))) {
        if number >> axis & 1 == 0 {
            draw_edge(&mut seen, camera, [corner(number), corner(number | 1 << axis)]);
        }
    }
    Ok(Mask::new(camera.size_px(), seen)?)
}

/// Marks the pixels in which an edge is seen, of which the ends lie in the camera frame (mm).
fn draw_edge(seen: &mut [bool], camera: &Camera, [a, b]: [Vector3<f64>; 2]) {
    // What lies behind the source is not seen.
    let before = |end: Vector3<f64>, other: Vector3<f64>| {
        let part = ((NEAREST_MM - end.z) / (other.z - end.z)).clamp(0.0, 1.0);
        if end.z < NEAREST_MM { end + part * (other - end) } else { end }
    };
    let [from, to] = [before(a, b), before(b, a)].map(|end| camera.project(end));
    let (Some(from), Some(to)) = (from, to) else { return };
    let [columns, rows] = camera.size_px();
    let (along_u, along_v) = (to[0] - from[0], to[1] - from[1]);
    // The part of the edge that is in the image.
    let (mut first, mut last) = (0.0_f64, 1.0_f64);
    for (start, along, size) in [(from[0], along_u, columns), (from[1], along_v, rows)] {
        let (low, high) = (-0.5 - start, size as f64 - 0.5 - start);
        if along.abs() > f64::EPSILON {
            let [a, b] = [low / along, high / along];
            (first, last) = (first.max(a.min(b)), last.min(a.max(b)));
        } else if low > 0.0 || high < 0.0 {
            return;
        }
    }
    let length_px = along_u.hypot(along_v) * (last - first);
    if !length_px.is_finite() || last < first {
        return;
    }
    let steps = (length_px / STEP_PX).ceil().max(1.0);
    for step in 0..=steps as usize {
        let place = first + step as f64 / steps * (last - first);
        // Half a pixel beside the last is in the image still.
        let column = (from[0] + place * along_u).round().clamp(0.0, columns as f64 - 1.0);
        let row = (from[1] + place * along_v).round().clamp(0.0, rows as f64 - 1.0);
        if let Some(pixel) = seen.get_mut(row as usize * columns + column as usize) {
            *pixel = true;
        }
    }
}

#[cfg(test)]
mod tests {
    //! Proves: the interior is within the shadow, leaves out the straight borders of a cut CT and
    //! nothing else.
    use super::*;
    use crate::geometry::View;
    use crate::volume::{Affine, AttenuationVolume, Volume};

    #[test]
    fn borders_are_left_out() {
        // A box of water, 40 mm wide, that fills the image from top to bottom.
        let affine = Affine::from_spacing([2.0; 3], [-20.0, -50.0, -150.0]).unwrap();
        let dims = [20, 50, 150];
        let water = Volume::new(dims, vec![0.02_f32; dims.iter().product()], affine).unwrap();
        let pivot = water.center_world_mm();
        let projector = Projector::new(AttenuationVolume::from_per_mm(water).unwrap());
        let camera = Camera::new(1000.0, [1.5, 1.5], [64, 64]).unwrap();
        let pose = View::AP.camera_from_world(pivot, 700.0);
        let interior = interior(&projector, &camera, &pose).unwrap();
        let shadow = projector.forward(&camera, &pose).unwrap();
        let row = |row: usize| (0..64).filter(|&c| interior.get(c, row) == Some(true)).count();
        let shown = (0..64).filter(|&c| shadow.pixels()[32 * 64 + c] > 0.0).count();
        // 40 mm, 60 at the detector: nearer to the source a little more. Borders of front and back face
        // lie within two pixels, and three pixels to either side of each are left out.
        assert!((40..=46).contains(&shown), "{shown}");
        assert!((shown - 18..=shown - 12).contains(&row(32)), "{} of {shown}", row(32));
        // The ends are out of view.
        assert_eq!(row(0), row(63));
        for (at, used) in interior.used().iter().enumerate() {
            assert!(!used || shadow.pixels()[at] > 0.0);
        }
    }
}
