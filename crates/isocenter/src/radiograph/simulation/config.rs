//! The settings of a simulation: at once presets, configuration file and record.

use serde::{Deserialize, Serialize};

use super::beam::BeamHardeningConfig;
use super::collimator::CollimatorConfig;
use super::detector::{DetectorBlurConfig, NoiseConfig};
use super::display::DisplayConfig;
use super::error::SimulationError;
use super::metal::MetalConfig;
use super::randomization::RandomizationConfig;
use super::scatter::ScatterConfig;
use super::xray::Drawn;
use crate::geometry::Camera;

/// Which effects there are, and what is drawn for them. An effect whose table is absent is off; a
/// key that is absent has the value of the preset `hard`, those of `randomization` the published
/// ones.
///
/// # Examples
/// ```
/// use isocenter::radiograph::simulation::{ScatterConfig, SimulationConfig};
/// let mut config = SimulationConfig { scatter: Some(ScatterConfig::default()), ..SimulationConfig::plain() };
/// assert!(config.check().is_ok());
/// config.scatter = Some(ScatterConfig { fraction: [0.1, -1.0], ..ScatterConfig::default() });
/// let error = config.check().unwrap_err().to_string();
/// assert!(error.contains("scatter.fraction is [0.1, -1]"), "{error}");
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SimulationConfig {
    /// A beam of many energies, hardened by water, bone and steel.
    pub beam_hardening: Option<BeamHardeningConfig>,
    /// Wires and screws.
    pub metal: Option<MetalConfig>,
    /// The field of the beam.
    pub collimator: Option<CollimatorConfig>,
    /// Scattered radiation.
    pub scatter: Option<ScatterConfig>,
    /// Quantum and electronic noise.
    pub noise: Option<NoiseConfig>,
    /// Spread of light in the detector.
    pub detector_blur: Option<DetectorBlurConfig>,
    /// The published domain randomization, of line integrals scaled to 0..1.
    pub randomization: Option<RandomizationConfig>,
    /// The curve to 8 bits.
    pub display: Option<DisplayConfig>,
}

impl SimulationConfig {
    /// Quantum noise only, of 30000 photons per pixel: an ideal detector that shows what it counts.
    #[must_use]
    pub fn plain() -> Self {
        let noise = NoiseConfig { photons: [30_000.0; 2], electronic_photons: [0.0; 2] };
        Self { noise: Some(noise), ..Self::default() }
    }

    /// What a C-arm's screen really gives: all but the randomization.
    #[must_use]
    pub fn hard() -> Self {
        Self {
            beam_hardening: Some(BeamHardeningConfig::default()),
            metal: Some(MetalConfig::default()),
            collimator: Some(CollimatorConfig::default()),
            scatter: Some(ScatterConfig::default()),
            noise: Some(NoiseConfig::default()),
            detector_blur: Some(DetectorBlurConfig::default()),
            randomization: None,
            display: Some(DisplayConfig::default()),
        }
    }

    /// Checks that the settings make sense.
    ///
    /// # Errors
    /// The first setting that does not, by its name in the configuration file.
    pub fn check(&self) -> Result<(), SimulationError> {
        self.beam_hardening.as_ref().map_or(Ok(()), BeamHardeningConfig::check)?;
        self.metal.as_ref().map_or(Ok(()), MetalConfig::check)?;
        self.collimator.as_ref().map_or(Ok(()), CollimatorConfig::check)?;
        self.scatter.as_ref().map_or(Ok(()), ScatterConfig::check)?;
        self.noise.as_ref().map_or(Ok(()), NoiseConfig::check)?;
        self.detector_blur.as_ref().map_or(Ok(()), DetectorBlurConfig::check)?;
        self.randomization.as_ref().map_or(Ok(()), RandomizationConfig::check)?;
        self.display.as_ref().map_or(Ok(()), DisplayConfig::check)
    }

    /// Draws all that is left open.
    pub(super) fn draw(&self, camera: &Camera, patient_depth_mm: f64, seed: u64) -> Drawn {
        let size_px = camera.size_px();
        let metal = self.metal.as_ref().map(|m| m.draw(camera, patient_depth_mm, seed));
        Drawn {
            seed,
            beam: self.beam_hardening.as_ref().map(|beam| beam.draw(seed)),
            tools: metal.unwrap_or_default(),
            aperture: self.collimator.as_ref().and_then(|c| c.draw(size_px, seed)),
            scatter: self.scatter.as_ref().map(|scatter| scatter.draw(seed)),
            noise: self.noise.as_ref().map(|noise| noise.draw(seed)),
            detector_blur_sigma_mm: self.detector_blur.as_ref().map(|blur| blur.draw(seed)),
            randomization: self.randomization.as_ref().map(|r| r.draw(size_px, seed)),
            display: self.display.as_ref().map(|display| display.draw(seed)),
        }
    }
}
