//! What is wrong with landmarks before any pose is sought.

use nalgebra::{Matrix3, Vector3};

use super::reprojection::centroid_mm;
use super::{FEWEST_LANDMARKS, Landmark, LandmarkError};

/// Points whose spread across a line is a smaller part of that along it than this are on the line.
const COLLINEAR_RATIO: f64 = 0.01;

/// Points closer than this are one (mm).
const COINCIDENT_MM: f64 = 1e-3;

/// Landmarks that are seen within this distance of their mean are seen in one place (px).
const ONE_PIXEL: f64 = 0.5;

impl Landmark {
    /// Coordinates beyond this are mistakes (mm, px).
    pub const LARGEST: f64 = 1e5;
}

pub(super) fn check(landmarks: &[Landmark]) -> Result<(), LandmarkError> {
    for (number, landmark) in (1..).zip(landmarks) {
        let mut values = landmark.world_mm.iter().chain(&landmark.image_px);
        let wrong = values.find(|v| v.is_nan() || v.abs() > Landmark::LARGEST);
        if let Some(&value) = wrong {
            return Err(LandmarkError::Coordinate { number, value });
        }
    }
    if landmarks.len() < FEWEST_LANDMARKS {
        return Err(LandmarkError::TooFew { count: landmarks.len() });
    }
    distinct(landmarks)?;
    not_on_a_line(landmarks)?;
    not_in_one_pixel(landmarks)
}

fn distinct(landmarks: &[Landmark]) -> Result<(), LandmarkError> {
    for (second, b) in landmarks.iter().enumerate() {
        for (first, a) in landmarks[..second].iter().enumerate() {
            let distance_mm = (a.world_mm - b.world_mm).norm();
            if distance_mm < COINCIDENT_MM {
                let (first, second) = (first + 1, second + 1);
                return Err(LandmarkError::Coincident { first, second, distance_mm });
            }
        }
    }
    Ok(())
}

fn not_on_a_line(landmarks: &[Landmark]) -> Result<(), LandmarkError> {
    let center = centroid_mm(landmarks);
    let offsets = landmarks.iter().map(|l| l.world_mm - center);
    let scatter: Matrix3<f64> = offsets.map(|d| d * d.transpose()).sum();
    // Finite and bounded entries: the eigenvalues of a symmetric matrix are found.
    let mut spreads: Vec<f64> = scatter
        .symmetric_eigenvalues()
        .iter()
        .map(|e| (e.max(0.0) / landmarks.len() as f64).sqrt())
        .collect();
    spreads.sort_by(f64::total_cmp);
    match spreads[..] {
        [_, across_mm, along_mm] if across_mm < COLLINEAR_RATIO * along_mm => {
            Err(LandmarkError::Collinear { along_mm, across_mm })
        }
        _ => Ok(()),
    }
}

fn not_in_one_pixel(landmarks: &[Landmark]) -> Result<(), LandmarkError> {
    let seen = || landmarks.iter().map(|l| Vector3::new(l.image_px[0], l.image_px[1], 0.0));
    let mean = seen().sum::<Vector3<f64>>() / landmarks.len() as f64;
    let spread_px = seen().map(|p| (p - mean).norm()).fold(0.0, f64::max);
    if spread_px < ONE_PIXEL { Err(LandmarkError::OnePixel { spread_px }) } else { Ok(()) }
}
