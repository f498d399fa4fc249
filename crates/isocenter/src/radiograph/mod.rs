//! X-ray images and their preparation.
//!
//! - [`image`] - [`Image`], a grid of pixels
//! - [`mask`] - [`Mask`], which pixels count
//! - [`attenuation`] - [`PixelValues`], and line integrals from intensities
//! - [`noise`] - quantum noise
//! - [`mod@prepare`] - field, metal and grey values of an X-ray that came from a screen
//! - [`simulation`] - simulated X-rays: beam, metal, collimator, scatter, detector, display

pub mod attenuation;
pub mod image;
pub mod mask;
pub mod noise;
pub mod prepare;
pub mod simulation;

pub use crate::geometry::{ImageFlip, ParseFlipError};
pub use attenuation::{
    ParsePixelValuesError, PixelValues, attenuation_of_intensity, attenuation_of_intensity_within,
};
pub use image::{Image, ImageError};
pub use mask::Mask;
pub use noise::with_quantum_noise;
pub use prepare::{PrepareConfig, PreparedXray, RankValues, prepare, prepare_within};
