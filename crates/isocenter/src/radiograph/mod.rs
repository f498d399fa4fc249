//! X-ray images and their preparation.
//!
//! - [`image`] - [`Image`], a grid of pixels, and [`ImageFlip`]
//! - [`mask`] - [`Mask`], which pixels count
//! - [`attenuation`] - [`PixelValues`], and line integrals from intensities
//! - [`noise`] - quantum noise

pub mod attenuation;
pub mod image;
pub mod mask;
pub mod noise;

pub use attenuation::{ParsePixelValuesError, PixelValues, attenuation_of_intensity};
pub use image::{Image, ImageError, ImageFlip, ParseFlipError};
pub use mask::Mask;
pub use noise::with_quantum_noise;
