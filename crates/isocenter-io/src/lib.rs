//! Files in and out.
//!
//! | module | what lives there |
//! |---|---|
//! | [`volume`] | CT and label volumes: DICOM series, NIfTI-1, NRRD, MetaImage |
//! | [`image`] | X-ray and DRR images: PNG, TIFF, npy, NIfTI-1 |
//! | [`xray`] | X-rays in DICOM: grey values, camera, view |
//! | [`geometry`] | `pose.json`, `camera.json`, `pose.tfm` |
//! | [`points`] | targets and landmarks: csv, and `fcsv` and `mrk.json` of 3D Slicer |
//! | [`atomic`] | files and folders that appear whole or not at all |
//! | [`tensorboard`] | curves for TensorBoard |
//! | [`text`] | small text files: settings, poses of other programs |
//! | [`error`] | [`FileError`]: which file, what was found, what to do |
//!
//! Every reader takes any bytes without a panic, and the memory it asks for is bounded by what the
//! file can hold. Free text in headers, which may name a patient, is neither printed nor copied; but
//! the description of a DICOM series may be shown, unless it holds a part of the patient's name.

pub mod atomic;
mod dicom;
pub mod error;
pub mod geometry;
pub mod image;
mod metaimage;
mod nifti;
mod nrrd;
mod open;
pub mod points;
mod samples;
pub mod tensorboard;
pub mod text;
pub mod volume;
mod voxels;

pub use dicom::xray;
pub use error::{FileError, FileProblem};
pub use open::check_file;
