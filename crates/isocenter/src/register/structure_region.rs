//! The region of an X-ray around a structure: where a CT keeps one bone of a patient, the images are compared
//! about its shadow, and as finely as its size asks for instead of the X-ray's.

use super::case::{Case, Xray};
use super::error::RegisterError;
use super::interior::shadow;
use super::level_xray::smaller_pixel_side_mm;
use crate::geometry::{PixelRegion, RigidTransform};

/// The longest side of the images in which the shadow is looked for.
const LOOKED_AT_PX: usize = 128;

/// The shortest side of a region (px).
const SHORTEST_PX: usize = 32;

/// The region about the shadow from any of the poses, widened by a margin at the depth of the patient; `None`
/// where nothing is seen, or all of the image is about the shadow.
///
/// # Errors
/// If a pose cannot be rendered.
pub(super) fn region_about_shadow(
    case: &Case,
    xray: &Xray,
    poses: &[RigidTransform],
    margin_mm: f64,
    depth_mm: f64,
) -> Result<Option<PixelRegion>, RegisterError> {
    let size_px = xray.camera().size_px();
    let factor = size_px[0].max(size_px[1]).div_ceil(LOOKED_AT_PX).max(1);
    let camera = xray.camera().binned(factor);
    let to_patient = depth_mm / camera.source_to_detector_mm();
    let spacing_mm = smaller_pixel_side_mm(&camera) * to_patient;
    let projector = case.coarse_projectors().get(case.projector(), spacing_mm, None)?;
    let poses: Vec<_> = poses.iter().map(|pose| camera.camera_from_world(pose)).collect();
    let seen = shadow(&projector, &camera, &poses)?;
    let margin_px =
        (margin_mm / (smaller_pixel_side_mm(xray.camera()) * to_patient)).ceil() as usize;
    let columns = camera.size_px()[0];
    let places = seen.used().iter().enumerate().filter(|(_, seen)| **seen).map(|(at, _)| at);
    let of_axis = |axis: usize| {
        let along = |at: usize| if axis == 0 { at % columns } else { at / columns };
        let (least, most) = (places.clone().map(along).min()?, places.clone().map(along).max()?);
        let first = (least * factor).saturating_sub(margin_px);
        let end = ((most + 1) * factor + margin_px).min(size_px[axis]);
        let missing = SHORTEST_PX.saturating_sub(end.saturating_sub(first));
        let first = first.saturating_sub(missing.div_ceil(2));
        Some((first, (end + missing).min(size_px[axis]).saturating_sub(first)))
    };
    let (Some((left, width)), Some((top, height))) = (of_axis(0), of_axis(1)) else {
        return Ok(None);
    };
    let region = PixelRegion::new([width, height], [left, top]).ok();
    Ok(region.filter(|region| region.size_px() != size_px && region.check_within(size_px).is_ok()))
}

#[cfg(test)]
mod tests {
    //! Proves: the region holds the shadow of a small bone and its margin, and little more.
    use super::*;
    use crate::geometry::{Camera, View};
    use crate::radiograph::Image;
    use crate::volume::{Affine, AttenuationVolume, Volume};
    use nalgebra::Vector3;

    #[test]
    fn the_region_is_that_of_the_shadow() {
        let affine = Affine::from_spacing([2.0; 3], [-9.0; 3]).unwrap();
        let bone = Volume::new([10; 3], vec![0.02_f32; 1000], affine).unwrap();
        let bone = AttenuationVolume::from_per_mm(bone).unwrap();
        let camera = Camera::new(1000.0, [0.5, 0.5], [800, 600]).unwrap();
        let noise = (0..480_000).map(|n| (n % 97) as f32).collect();
        let xray = Image::new([800, 600], noise).unwrap();
        let case = Case::new(bone, camera, xray, Vector3::zeros()).unwrap();
        let pose = View::AP.camera_from_world(Vector3::zeros(), 500.0);
        let region =
            region_about_shadow(&case, case.first_xray(), &[pose], 10.0, 500.0).unwrap().unwrap();
        // 20 mm, magnified twice, are 80 pixels; its border and its near side make some 90, and 10 mm are 40.
        let [width, height] = region.size_px();
        assert!((160..190).contains(&width) && (160..190).contains(&height), "{region:?}");
        let middle = region.first_px()[0] as f64 + width as f64 / 2.0;
        assert!((middle - 400.0).abs() < 8.0, "{region:?}");
    }
}
