//! Mass attenuation coefficients of water, cortical bone, iron and aluminum.
//!
//! # References
//! J. H. Hubbell, S. M. Seltzer, *Tables of X-Ray Mass Attenuation Coefficients*, NIST Standard
//! Reference Database 126, NISTIR 5632 (1995, 2004), doi:10.18434/T4D01F: water (liquid), bone
//! (cortical, ICRU-44), iron, aluminum.

/// Photon energies of the tables (keV).
const ENERGIES_KEV: [f64; 8] = [20.0, 30.0, 40.0, 50.0, 60.0, 80.0, 100.0, 150.0];

/// A material: its mass attenuation coefficients (cm^2/g) at [`ENERGIES_KEV`].
pub(super) struct Material([f64; 8]);

pub(super) const WATER: Material =
    Material([0.8096, 0.3756, 0.2683, 0.2269, 0.2059, 0.1837, 0.1707, 0.1505]);
pub(super) const CORTICAL_BONE: Material =
    Material([4.001, 1.331, 0.6655, 0.4242, 0.3148, 0.2229, 0.1855, 0.1480]);
/// Of steel, more than two thirds is iron, and its other metals are iron's neighbors.
pub(super) const IRON: Material =
    Material([25.68, 8.176, 3.629, 1.958, 1.205, 0.5952, 0.3717, 0.1964]);
pub(super) const ALUMINUM: Material =
    Material([3.441, 1.128, 0.5685, 0.3681, 0.2778, 0.2018, 0.1704, 0.1378]);

impl Material {
    /// The coefficient (cm^2/g) at an energy of 20 to 150 keV: straight between the tabulated
    /// energies in a log-log plot. None of these materials has an absorption edge there.
    pub(super) fn cm2_per_g(&self, energy_kev: f64) -> f64 {
        let above = ENERGIES_KEV.partition_point(|&e| e < energy_kev).clamp(1, 7);
        // `above` is 1 to 7.
        let (low, high) = (ENERGIES_KEV[above - 1], ENERGIES_KEV[above]);
        let along = (energy_kev / low).ln() / (high / low).ln();
        let (from, to) = (self.0[above - 1], self.0[above]);
        from * (to / from).powf(along)
    }
}

#[cfg(test)]
mod tests {
    //! Proves: the tables are returned at their energies and fall between them.
    use super::*;

    #[test]
    fn the_tables_are_met_and_fall() {
        for material in [WATER, CORTICAL_BONE, IRON, ALUMINUM] {
            for (energy, expected) in ENERGIES_KEV.into_iter().zip(material.0) {
                assert!((material.cm2_per_g(energy) / expected - 1.0).abs() < 1e-12);
            }
            let fine: Vec<f64> = (20..=150).map(|e| material.cm2_per_g(f64::from(e))).collect();
            assert!(fine.windows(2).all(|pair| pair[1] < pair[0]));
        }
    }
}
