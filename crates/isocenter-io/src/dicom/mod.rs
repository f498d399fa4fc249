//! DICOM: one file at a time, and what of it a reader of volumes or X-rays asks for.
//!
//! - [`tag`]: the tags that are asked for, with name and type
//! - [`syntax`]: the transfer syntaxes, how a file is written
//! - [`parse`]: the elements of a data set
//! - [`value`]: what stands under a tag, as numbers and texts, or a typed error
//! - [`object`]: a file, opened
//! - [`pixels`]: its pixels, decoded
//! - [`codec`]: the decoders of compressed pixels
//!
//! for X-rays
//!
//! - [`xray`]: what their tags and grey values mean, and their camera
//!
//! and for volumes
//!
//! - [`plane`]: where the images of a file lie
//! - [`series`]: the series of a folder, and the choice of one
//! - [`slices`]: its slices, sorted and held against each other
//! - [`load`]: their pixels, made one volume
//! - [`image`]: a single image, described
//! - [`regrid`]: those that are tilted or at irregular distances
//! - [`warning`]: what is told besides
//!
//! The elements are parsed here and not by a library, since any file must be read without a panic
//! and within memory that its length accounts for: lengths in a file are never believed, each is
//! held against the bytes that are there.
//!
//! # References
//! The DICOM standard, PS3.3 (attributes), PS3.5 (data structures and encoding), PS3.10 (files).

pub(crate) mod codec;
pub(crate) mod error;
mod image;
pub(crate) mod load;
pub(crate) mod object;
pub(crate) mod parse;
pub(crate) mod pixels;
pub(crate) mod plane;
mod regrid;
pub(crate) mod series;
pub(crate) mod slices;
pub(crate) mod syntax;
pub(crate) mod tag;
pub(crate) mod value;
mod warning;
pub mod xray;

#[cfg(test)]
mod tests;

pub use error::DicomError;
pub use image::{DicomImage, read_dicom_image};
pub use plane::Identity;
pub use series::{SeriesChoice, SeriesSummary};
pub use warning::VolumeWarning;
