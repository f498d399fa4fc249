//! What is asked of the commands that convert.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use isocenter::geometry::conversion::{Convention, Orientation};
use isocenter_io::geometry::camera_from::CameraFormat;
use isocenter_io::volume::dicom::SeriesChoice;
#[cfg(feature = "network")]
use isocenter_net::scene::Descent;

#[cfg(feature = "network")]
use super::values::descent;
use super::values::{PointArg, length_mm, orientation, size_px, spacing_mm};

#[derive(Debug, Args)]
pub(crate) struct VolumeConvertArgs {
    /// Volume or DICOM folder to read
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,
    /// Volume to write: .nii, .nii.gz, .nrrd, .nhdr, .mha or .mhd
    #[arg(value_name = "OUT")]
    pub(crate) output: PathBuf,
    /// Which series of a DICOM folder: its number, description or UID
    #[arg(long, value_name = "SERIES")]
    pub(crate) series: Option<SeriesChoice>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PoseCommand {
    /// Convert a pose from one program's convention to another's
    Convert(ConvertArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    /// Convention of IN: isocenter, diffdrr, nanodrr, plastimatch, prost
    #[arg(long)]
    pub(crate) from: Convention,
    /// Convention of OUT
    #[arg(long)]
    pub(crate) to: Convention,
    /// Pose to read
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,
    /// Pose to write
    #[arg(value_name = "OUT")]
    pub(crate) output: PathBuf,
    /// CT of the pose: gives the volume's center (diffdrr) and grid (prost)
    #[arg(long, value_name = "CT")]
    pub(crate) ct: Option<PathBuf>,
    /// Volume's center (mm, LPS), instead of --ct
    #[arg(long, value_name = "X,Y,Z", conflicts_with = "ct", allow_hyphen_values = true)]
    pub(crate) volume_center_mm: Option<PointArg>,
    /// Orientation of a diffdrr or nanodrr OUT: ap or pa
    #[arg(long, default_value = "ap", value_parser = orientation)]
    pub(crate) orientation: Orientation,
    /// Distance from source to isocenter (mm): plastimatch, prost
    #[arg(long, value_name = "MM", allow_negative_numbers = true, value_parser = length_mm)]
    pub(crate) source_to_isocenter_mm: Option<f64>,
    /// Distance from source to detector (mm): prost
    #[arg(long, value_name = "MM", allow_negative_numbers = true, value_parser = length_mm)]
    pub(crate) source_to_detector_mm: Option<f64>,
    /// prost: its argument zRot90
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    pub(crate) zrot90: bool,
    /// prost: its argument ISFlip
    #[arg(long, value_name = "BOOL", default_value_t = false, action = clap::ArgAction::Set)]
    pub(crate) isflip: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CameraCommand {
    /// Convert a camera from another program's file to camera.json and pose.json
    Convert(CameraConvertArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CameraConvertArgs {
    /// Format of IN: matrix (3x4 projection matrix: text, JSON, .npy), opencv (YAML, JSON), xreg (HDF5),
    /// mayacam
    #[arg(long, value_name = "FORMAT")]
    pub(crate) from: CameraFormat,
    /// Camera to read
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,
    /// Camera to write
    #[arg(long, value_name = "CAMERA.json")]
    pub(crate) out_camera: PathBuf,
    /// Pose to write
    #[arg(long, value_name = "POSE.json")]
    pub(crate) out_pose: Option<PathBuf>,
    /// Size of the image, where the file does not tell it
    #[arg(long, value_name = "COLUMNS,ROWS", value_parser = size_px)]
    pub(crate) size: Option<[usize; 2]>,
    /// Size of a pixel at the detector (mm), where the file does not tell it
    #[arg(long, value_name = "MM|COLUMN,ROW", conflicts_with = "sdd", allow_hyphen_values = true, value_parser = spacing_mm)]
    pub(crate) pixel_spacing: Option<[f64; 2]>,
    /// Distance from source to detector (mm), instead of the size of a pixel
    #[arg(long, value_name = "MM", allow_negative_numbers = true, value_parser = length_mm)]
    pub(crate) sdd: Option<f64>,
    /// Which of several cameras, from 0
    #[arg(long, value_name = "N")]
    pub(crate) index: Option<usize>,
    /// A point (mm, LPS) that the camera sees: it tells the sign of a projection matrix
    #[arg(long, value_name = "X,Y,Z", allow_hyphen_values = true)]
    pub(crate) sees: Option<PointArg>,
}

#[cfg(feature = "network")]
#[derive(Debug, Args)]
pub(crate) struct WeightsConvertArgs {
    /// State dict of the published dual-branch network (cdreg) or of ProST: .pt or .pth, as `torch.save`
    /// writes it
    #[arg(value_name = "IN.pt")]
    pub(crate) input: PathBuf,
    /// Checkpoint to write
    #[arg(value_name = "OUT.safetensors")]
    pub(crate) output: PathBuf,
    /// Size of the network's images, where they are not square (cdreg) or not 128 x 128 (ProST)
    #[arg(long, value_name = "COLUMNS,ROWS", value_parser = size_px)]
    pub(crate) size: Option<[usize; 2]>,
    /// Voxels of the moving volume, about (mm)
    #[arg(long, value_name = "MM", default_value = "1", allow_negative_numbers = true, value_parser = length_mm)]
    pub(crate) voxel_spacing_mm: f64,
    /// What is descended: sigmoid-product or sum, of both branches' outputs [default: as published, sum for
    /// ProST, which has one output]
    #[arg(long, value_name = "WHAT", value_parser = descent)]
    pub(crate) descent: Option<Descent>,
}
