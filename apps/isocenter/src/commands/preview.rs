//! `isocenter info --preview`: what the program sees of a file.

use std::path::Path;

use anyhow::{Context, Result};
use isocenter::geometry::{Camera, ImageFlip, View};
use isocenter::project::Projector;
use isocenter::radiograph::{Image, Mask, PreparedXray};
use isocenter::volume::{AttenuationMap, AttenuationVolume, Couch, Volume};
use isocenter_report::{RgbImage, compared, display, side_by_side};
use nalgebra::Vector3;

use crate::input::AIR_HU;

/// The side of a panel of a CT.
const SIDE_PX: usize = 512;

/// An X-ray as it is compared, in words what was done to it, and beside it what is left out of the
/// comparison.
pub(super) fn xray(prepared: &PreparedXray, taken: &str) -> Result<RgbImage> {
    let image = &prepared.line_integral;
    let all = Mask::all(image.size_px());
    let seen = compared(image, &all, ImageFlip::None)?;
    let left_out = compared(image, prepared.mask.as_ref().unwrap_or(&all), ImageFlip::None)?;
    Ok(side_by_side(&[(taken, &seen), ("orange: left out", &left_out)], None)?)
}

/// Three slices through the middle of a CT with the couch that is removed, and two radiographs without
/// it.
pub(super) fn ct(path: &Path, mut volume: Volume<f32>, couch: Option<&Couch>) -> Result<RgbImage> {
    let (x, y, z) = (Vector3::x(), Vector3::y(), Vector3::z());
    let slices = [("axial", x, y), ("coronal", x, -z), ("sagittal", y, -z)];
    let mut panels = Vec::new();
    for (name, across, down) in slices {
        let (image, kept) = slice(&volume, couch, across, down)?;
        panels.push((name, compared(&image, &kept, ImageFlip::None)?));
    }
    if let Some(couch) = couch {
        couch.remove(&mut volume, AIR_HU);
    }
    let volume = AttenuationVolume::from_hounsfield(volume, &AttenuationMap::default());
    let projector = Projector::new(volume.with_context(|| path.display().to_string())?);
    for (name, view) in [("ap", View::AP), ("lateral-right", View::LATERAL_RIGHT)] {
        panels.push((name, display(&radiograph(&projector, view)?, ImageFlip::None)));
    }
    let caption = couch.map(|_| "orange: the couch, removed");
    let panels: Vec<(&str, &RgbImage)> =
        panels.iter().map(|(name, image)| (*name, image)).collect();
    Ok(side_by_side(&panels, caption)?)
}

/// A slice through the middle, and which of its pixels are kept.
fn slice(
    volume: &Volume<f32>,
    couch: Option<&Couch>,
    across: Vector3<f64>,
    down: Vector3<f64>,
) -> Result<(Image, Mask)> {
    let center = volume.center_world_mm();
    let corners = volume.corners_world_mm();
    let extent = |axis: Vector3<f64>| {
        corners.iter().map(|corner| (corner - center).dot(&axis).abs()).fold(0.0, f64::max)
    };
    let spacing_mm = 2.0 * extent(across).max(extent(down)) / SIDE_PX as f64;
    let index_from_world = volume.world_from_index().inverse();
    let middle = (SIDE_PX as f64 - 1.0) / 2.0;
    let (mut pixels, mut kept) = (Vec::new(), Vec::new());
    for row in 0..SIDE_PX {
        for column in 0..SIDE_PX {
            let (u, v) = (column as f64 - middle, row as f64 - middle);
            let point = center + (across * u + down * v) * spacing_mm;
            let nearest = index_from_world.point(point).map(f64::round);
            let index = nearest.map(|n| n as usize).into();
            let voxel = volume.get(index).filter(|_| nearest.iter().all(|&n| n >= 0.0));
            // Where it matters what is seen: not in metal, nor below air.
            pixels.push(voxel.unwrap_or(AIR_HU).clamp(AIR_HU, 800.0));
            kept.push(voxel.is_none() || !couch.is_some_and(|couch| couch.contains(index)));
        }
    }
    let size = [SIDE_PX; 2];
    Ok((Image::new(size, pixels)?, Mask::new(size, kept)?))
}

/// A radiograph that shows all of a volume, from far away.
fn radiograph(projector: &Projector, view: View) -> Result<Image> {
    let volume = projector.volume().volume();
    let center = volume.center_world_mm();
    let corners = volume.corners_world_mm();
    let radius_mm = corners.iter().map(|c| (c - center).norm()).fold(1.0, f64::max);
    let distance_mm = 4.0 * radius_mm;
    let spacing_mm = 2.2 * radius_mm / SIDE_PX as f64;
    let camera = Camera::new(distance_mm, [spacing_mm; 2], [SIDE_PX; 2])?;
    Ok(projector.forward(&camera, &view.camera_from_world(center, distance_mm))?)
}
