//! Simulated X-rays: from line integrals to what a C-arm's screen shows.
//!
//! What a projector renders is the logarithm of an ideal exposure. [`simulate`] takes such line
//! integrals, from any projector, and follows the photons:
//!
//! 1. **beam** ([`beam`]): many energies, of which the soft ones are absorbed first, through water
//!    and bone ([`materials`]) and through steel ([`metal`]);
//! 2. **collimator** ([`collimator`]): lead keeps the beam from the rest of the detector;
//! 3. **scatter** ([`scatter`]): a broad haze, a few percent of the light;
//! 4. **detector** ([`detector`]): it counts photons, its light spreads, its electronics rustle;
//! 5. **randomization** ([`randomization`]): the changes by which networks are trained to be
//!    indifferent to appearance;
//! 6. **display** ([`display`]): the unknown curve to the 8 bits of a screen.
//!
//! Each is a table of [`SimulationConfig`], and off where the table is absent. Ranges `[low, high]`
//! are drawn from; what was drawn is part of the result ([`Drawn`]). Each effect draws from its own
//! stream of the one seed, so that switching one on or off leaves the draws of the others as they
//! were.
//!
//! # Examples
//! ```
//! use isocenter::geometry::Camera;
//! use isocenter::radiograph::Image;
//! use isocenter::radiograph::simulation::{MaterialImages, SimulationConfig, simulate};
//! let camera = Camera::new(1020.0, [1.2, 1.2], [64, 64]).unwrap();
//! let water = Image::new([64, 64], (0..4096).map(|n| (n % 64) as f32 / 20.0).collect()).unwrap();
//! let images = MaterialImages { water, bone: None };
//! let xray = simulate(&images, &camera, 700.0, &SimulationConfig::hard(), 7).unwrap();
//! assert_eq!(xray.full_scale, Some(255.0)); // eight bits
//! let again = simulate(&images, &camera, 700.0, &SimulationConfig::hard(), 7).unwrap();
//! assert_eq!(xray.image, again.image); // same seed, same image
//! ```

pub mod beam;
mod blur;
pub mod collimator;
pub mod config;
pub mod detector;
pub mod display;
mod draw;
pub mod error;
mod mass_attenuation;
pub mod materials;
pub mod metal;
mod plane;
pub mod randomization;
pub mod scatter;
mod setting;
pub mod xray;

pub use beam::{BeamHardeningConfig, Spectrum};
pub use collimator::{Aperture, CollimatorConfig, CollimatorShape};
pub use config::SimulationConfig;
pub use detector::{DetectorBlurConfig, NoiseConfig};
pub use display::{DisplayConfig, DisplayCurve};
pub use error::SimulationError;
pub use materials::{MaterialImages, MaterialVolumes};
pub use metal::{Cylinder, MetalConfig, Tool, ToolKind};
pub use randomization::{Randomization, RandomizationConfig};
pub use scatter::{KernelChoice, Scatter, ScatterConfig, ScatterKernel};
pub use setting::Range;
pub use xray::{Drawn, SimulatedXray, simulate};
