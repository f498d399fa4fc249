//! X-ray images and their preparation.
//!
//! - [`image`]: [`Image`], a grid of pixels, and [`ImageFlip`]
//! - [`mask`]: [`Mask`], which pixels of an image count

pub mod image;
pub mod mask;

pub use image::{Image, ImageError, ImageFlip, ParseFlipError};
pub use mask::Mask;
