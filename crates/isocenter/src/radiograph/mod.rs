//! X-ray images and their preparation.
//!
//! - [`image`] - [`Image`], a grid of pixels, and [`ImageFlip`]

pub mod image;

pub use image::{Image, ImageError, ImageFlip, ParseFlipError};
