//! Beam hardening: a beam of many energies through water, bone and steel.
//!
//! **Spectrum.** Behind a tube at `V` kilovolt and a filter of aluminum, a detector that stops all
//! photons and sums their energies weighs the energy `E` with
//!
//! ```text
//! w(E) ~ (V - E) exp(-mu_Al(E) t_Al),      20 keV < E < V
//! ```
//!
//! (Kramers' law of bremsstrahlung); eight energies stand for the continuum. Characteristic lines,
//! which a tungsten tube adds above 70 kV, are left out.
//!
//! **Line integral.** With the linear map's line integrals through water `L_w` and bone `L_b` and the
//! length `t` in steel, the detector sees
//!
//! ```text
//! L = -ln sum_E w(E) exp(-c_w(E) L_w - c_b(E) L_b - mu_s(E) t)
//! c_w(E) = m_w(E) / M,   c_b(E) = m_b(E) m_w(70) / (m_b(70) M),   M = sum_E w(E) m_w(E)
//! ```
//!
//! where `m` are mass attenuation coefficients: a thin layer of water attenuates as the linear map
//! says, 0.02/mm, whatever the tube's voltage. The density of bone is what a CT of 70 keV effective
//! energy tells. Bone and steel are scaled as water is, so that all three fit together.
//!
//! # References
//! - H. A. Kramers, Phil. Mag. 46, 836 (1923), doi:10.1080/14786442308565244
//! - P. M. Joseph, R. D. Spital, *A method for correcting bone induced artifacts in computed
//!   tomography scanners*, J. Comput. Assist. Tomogr. 2(1), 100 (1978),
//!   doi:10.1097/00004728-197801000-00017

use serde::{Deserialize, Serialize};

use super::draw::{Draw, Effect};
use super::error::SimulationError;
use super::mass_attenuation::{ALUMINUM, CORTICAL_BONE, IRON, WATER};
use super::setting::{Range, check_range, check_value, refused};
use crate::volume::attenuation::WATER_PER_MM;

/// How many energies stand for the continuum.
const ENERGIES: usize = 8;
/// Below, no photon leaves the filter (keV).
const LOWEST_KEV: f64 = 20.0;
/// The effective energy of a CT at 120 kV (keV).
const CT_KEV: f64 = 70.0;
/// Densities (g/cm^3).
const ALUMINUM_DENSITY: f64 = 2.699;
const STEEL_DENSITY: f64 = 7.9;

/// A beam of many energies, and what of the CT is bone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BeamHardeningConfig {
    /// The tube's voltage (kV), 40 to 150.
    pub tube_kv: Range,
    /// Thickness of the aluminum filter (mm), with what in the tube is worth as much.
    pub aluminum_mm: Range,
    /// What attenuates less is taken as water, in proportion to its density (HU).
    pub soft_tissue_hu: f64,
    /// What attenuates more is taken as bone; in between the share of bone grows evenly (HU).
    pub bone_hu: f64,
}

impl Default for BeamHardeningConfig {
    fn default() -> Self {
        Self {
            tube_kv: [65.0, 90.0],
            aluminum_mm: [3.0, 6.0],
            soft_tissue_hu: 100.0,
            bone_hu: 500.0,
        }
    }
}

impl BeamHardeningConfig {
    pub(super) fn check(&self) -> Result<(), SimulationError> {
        check_range("beam_hardening.tube_kv", self.tube_kv, [40.0, 150.0])?;
        check_range("beam_hardening.aluminum_mm", self.aluminum_mm, [0.0, 30.0])?;
        check_value("beam_hardening.soft_tissue_hu", self.soft_tissue_hu, [-1000.0, 5000.0])?;
        check_value("beam_hardening.bone_hu", self.bone_hu, [-1000.0, 5000.0])?;
        if self.bone_hu <= self.soft_tissue_hu {
            return refused("beam_hardening.bone_hu", self.bone_hu, "above soft_tissue_hu");
        }
        Ok(())
    }

    pub(super) fn draw(&self, seed: u64) -> Beam {
        let mut draw = Draw::new(seed, Effect::Beam);
        Beam { tube_kv: draw.between(self.tube_kv), aluminum_mm: draw.between(self.aluminum_mm) }
    }

    /// How much of a voxel's attenuation is bone's: 0 to 1.
    #[must_use]
    pub fn bone_share(&self, hu: f32) -> f32 {
        let share = (f64::from(hu) - self.soft_tissue_hu) / (self.bone_hu - self.soft_tissue_hu);
        share.clamp(0.0, 1.0) as f32
    }
}

/// The beam that was drawn.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Beam {
    /// The tube's voltage (kV).
    pub tube_kv: f64,
    /// The filter (mm).
    pub aluminum_mm: f64,
}

/// Energies with their weights, and what attenuates them.
///
/// # Examples
/// ```
/// use isocenter::radiograph::simulation::Spectrum;
/// let spectrum = Spectrum::new(80.0, 3.0).unwrap();
/// // 0.1 mm of water attenuate as the linear map says, 200 mm less: the beam has hardened.
/// assert!((spectrum.line_integral(0.002, 0.0, 0.0) / 0.002 - 1.0).abs() < 1e-3);
/// assert!(spectrum.line_integral(4.0, 0.0, 0.0) < 3.8);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Spectrum {
    lines: Vec<Line>,
}

/// One energy.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Line {
    weight: f64,
    /// Factors on the line integrals of the linear map.
    water: f64,
    bone: f64,
    steel_per_mm: f64,
}

impl Spectrum {
    /// The spectrum behind a tube (kV) and an aluminum filter (mm), see the [module](self).
    ///
    /// # Errors
    /// If the voltage is not 40 to 150 kV or the filter not 0 to 30 mm.
    pub fn new(tube_kv: f64, aluminum_mm: f64) -> Result<Self, SimulationError> {
        check_value("beam_hardening.tube_kv", tube_kv, [40.0, 150.0])?;
        check_value("beam_hardening.aluminum_mm", aluminum_mm, [0.0, 30.0])?;
        Ok(Self::of(&Beam { tube_kv, aluminum_mm }))
    }

    pub(super) fn of(beam: &Beam) -> Self {
        let width = (beam.tube_kv - LOWEST_KEV) / ENERGIES as f64;
        let energy = |n: usize| LOWEST_KEV + (n as f64 + 0.5) * width;
        let filtered = |kev: f64| {
            let per_mm = ALUMINUM.cm2_per_g(kev) * ALUMINUM_DENSITY / 10.0;
            (kev, (beam.tube_kv - kev) * (-per_mm * beam.aluminum_mm).exp())
        };
        Self::from_weights((0..ENERGIES).map(|n| filtered(energy(n))).collect())
    }

    /// One energy, the CT's: line integrals add as the linear map has them.
    #[must_use]
    pub fn monochromatic() -> Self {
        Self::from_weights(vec![(CT_KEV, 1.0)])
    }

    fn from_weights(weights: Vec<(f64, f64)>) -> Self {
        let sum: f64 = weights.iter().map(|(_, w)| w).sum();
        let mean: f64 = weights.iter().map(|(kev, w)| w / sum * WATER.cm2_per_g(*kev)).sum();
        let ct = WATER.cm2_per_g(CT_KEV) / CORTICAL_BONE.cm2_per_g(CT_KEV);
        let line = |(kev, weight): (f64, f64)| Line {
            weight: weight / sum,
            water: WATER.cm2_per_g(kev) / mean,
            bone: CORTICAL_BONE.cm2_per_g(kev) * ct / mean,
            // The density of water is 1 g/cm^3.
            steel_per_mm: IRON.cm2_per_g(kev) * STEEL_DENSITY / mean * WATER_PER_MM,
        };
        Self { lines: weights.into_iter().map(line).collect() }
    }

    /// What the detector sees as line integral behind water and bone, given as line integrals of
    /// the linear map, and steel (mm).
    #[must_use]
    pub fn line_integral(&self, water: f64, bone: f64, steel_mm: f64) -> f64 {
        let exponent =
            |line: &Line| line.water * water + line.bone * bone + line.steel_per_mm * steel_mm;
        // The least exponent is taken out: what is left does not vanish.
        let least = self.lines.iter().map(exponent).fold(f64::INFINITY, f64::min);
        match self.lines[..] {
            [_] => least,
            _ => {
                let seen = |line: &Line| line.weight * (least - exponent(line)).exp();
                least - self.lines.iter().map(seen).sum::<f64>().ln()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    //! Proves: the attenuation of water per length falls with thickness from 0.02/mm, bone hardens
    //! the beam more than water, more voltage or filter hardens it less, and one energy adds line
    //! integrals exactly.
    use super::*;

    #[test]
    fn water_attenuates_less_the_thicker_it_is() {
        let spectrum = Spectrum::new(80.0, 3.0).unwrap();
        let per_mm = |mm: f64| spectrum.line_integral(mm * WATER_PER_MM, 0.0, 0.0) / mm;
        // The second-order term of a layer of 1 um is its variance, some 1e-6 of the first.
        assert!((per_mm(1e-3) - 0.02).abs() < 1e-6, "{}", per_mm(1e-3));
        let thicknesses = [1.0, 10.0, 50.0, 100.0, 200.0, 400.0];
        assert!(thicknesses.windows(2).all(|t| per_mm(t[1]) < per_mm(t[0])));
        // True water never attenuates less than at the highest energy.
        let least = WATER.cm2_per_g(80.0) / WATER.cm2_per_g(45.0) * 0.02;
        assert!(per_mm(400.0) > least, "{} {least}", per_mm(400.0));
    }

    #[test]
    fn bone_hardens_more_than_water() {
        let spectrum = Spectrum::new(80.0, 3.0).unwrap();
        let loss = |water: f64, bone: f64| {
            let thin = spectrum.line_integral(1e-6 * water, 1e-6 * bone, 0.0) * 1e6;
            1.0 - spectrum.line_integral(water, bone, 0.0) / thin
        };
        assert!(loss(0.0, 2.0) > 2.0 * loss(2.0, 0.0), "{} {}", loss(0.0, 2.0), loss(2.0, 0.0));
        // Below the CT's energy bone stands out more than in the CT.
        assert!(spectrum.line_integral(0.0, 1e-3, 0.0) > 1.2e-3);
        let filtered = Spectrum::new(80.0, 10.0).unwrap();
        let harder = Spectrum::new(120.0, 10.0).unwrap();
        let seen = |s: &Spectrum| s.line_integral(4.0, 1.0, 0.0);
        assert!(seen(&filtered) < 5.0 * 1.2 && seen(&harder) < seen(&filtered));
        // The relative contrast of bone falls with voltage.
        let contrast =
            |s: &Spectrum| s.line_integral(4.0, 1.0, 0.0) - s.line_integral(4.0, 0.0, 0.0);
        assert!(contrast(&harder) < contrast(&filtered));
    }

    #[test]
    fn one_energy_adds_exactly() {
        let spectrum = Spectrum::monochromatic();
        assert_eq!(spectrum.line_integral(2.3, 1.7, 0.0), 2.3 + 1.7);
        // Iron at 70 keV is some 4.3 times water by mass and 7.9 times by density.
        let steel = spectrum.line_integral(0.0, 0.0, 1.0) / 0.02;
        let expected = IRON.cm2_per_g(70.0) / WATER.cm2_per_g(70.0) * 7.9;
        assert!((steel - expected).abs() < 1e-9 && (30.0..40.0).contains(&steel), "{steel}");
    }

    #[test]
    fn thick_metal_stays_finite() {
        let seen = Spectrum::new(70.0, 0.0).unwrap().line_integral(50.0, 50.0, 1e4);
        assert!(seen.is_finite() && seen > 100.0);
        assert!(Spectrum::new(f64::NAN, 3.0).is_err() && Spectrum::new(200.0, 3.0).is_err());
    }
}
