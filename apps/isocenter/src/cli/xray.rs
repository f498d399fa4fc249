//! The X-rays, and what is known of their geometry.

use std::path::PathBuf;

use clap::Args;
use isocenter::geometry::PixelRegion;
use isocenter::radiograph::{ImageFlip, PixelValues};

use super::values::{frame, length_mm, position_px, spacing_mm};

/// The X-rays of one patient.
#[derive(Debug, Args)]
pub(crate) struct XrayArgs {
    /// X-ray image: DICOM, .png, .tif, .npy, .nii. Once for each X-ray of the patient
    #[arg(long, value_name = "XRAY", required = true)]
    pub(crate) xray: Vec<PathBuf>,
    /// Its camera, if not that of the DICOM tags; from the second X-ray on with
    /// camera_from_reference_camera
    #[arg(
        long,
        value_name = "CAMERA.json",
        conflicts_with_all = ["sdd", "pixel_spacing", "principal_point"]
    )]
    pub(crate) camera: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

/// How X-rays are read where their files do not tell, or tell wrongly.
#[derive(Debug, Clone, Args)]
pub(crate) struct ReadingArgs {
    #[command(flatten)]
    pub(crate) geometry: GeometryArgs,
    /// Flip the image as stored: none, columns (stored as seen from the detector), rows, both.
    /// Once for all X-rays, or once for each [default: what the DICOM tags say, else none]
    #[arg(long, value_name = "FLIP")]
    pub(crate) flip: Vec<ImageFlip>,
    /// What the X-ray's pixels mean, if not what the format suggests: intensity, attenuation.
    /// Once for all X-rays, or once for each
    #[arg(long, value_name = "MEANING")]
    pub(crate) xray_values: Vec<PixelValues>,
    /// Frame of a DICOM file, from 1. Once for all X-rays, or once for each
    #[arg(long, value_name = "N", value_parser = frame, allow_negative_numbers = true)]
    pub(crate) frame: Vec<usize>,
    /// Compare a region of the X-ray, in pixels after --flip, from 0. Once for all X-rays, or once for
    /// each
    #[arg(long, value_name = "COLSxROWS+X+Y", allow_hyphen_values = true)]
    pub(crate) roi: Vec<PixelRegion>,
}

/// What a DICOM file's tags do not tell, or tell wrongly; without a camera.
#[derive(Debug, Clone, Args)]
pub(crate) struct GeometryArgs {
    /// Distance from source to detector (mm), where no camera's file tells it
    #[arg(long, value_name = "MM", allow_negative_numbers = true, value_parser = length_mm)]
    pub(crate) sdd: Option<f64>,
    /// Size of a pixel at the detector (mm), where no camera's file tells it
    #[arg(long, value_name = "MM|COLUMN,ROW", allow_hyphen_values = true, value_parser = spacing_mm)]
    pub(crate) pixel_spacing: Option<[f64; 2]>,
    /// Where the perpendicular from the source meets the image as stored (column and row, px), where
    /// no camera's file tells it
    #[arg(long, value_name = "COLUMN,ROW", allow_hyphen_values = true, value_parser = position_px)]
    pub(crate) principal_point: Option<[f64; 2]>,
}
