//! The simulation from line integrals to a picture: [`simulate`].

use serde::Serialize;

use super::beam::{Beam, Spectrum};
use super::collimator::Aperture;
use super::config::SimulationConfig;
use super::detector::{Noise, detect};
use super::display::{DisplayCurve, FULL_SCALE};
use super::error::SimulationError;
use super::materials::MaterialImages;
use super::metal::{Tool, steel_mm};
use super::plane::Plane;
use super::randomization::Randomization;
use super::scatter::Scatter;
use crate::geometry::Camera;
use crate::radiograph::{Image, ImageError, Mask, PixelValues, attenuation_of_intensity};

/// The line integral of lead: `exp(-12)` of the beam is less than half a step of 16 bits.
const LEAD: f32 = 12.0;

/// The percentiles that become 0 and 1 for the randomization.
const NORMALIZED_PERCENT: [f64; 2] = [0.5, 99.5];

/// All that was drawn for one X-ray.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drawn {
    /// The seed of all draws.
    pub seed: u64,
    /// The beam; `None` is one energy.
    pub beam: Option<Beam>,
    /// Wires and screws.
    pub tools: Vec<Tool>,
    /// The field of the beam; `None` is the whole detector.
    pub aperture: Option<Aperture>,
    /// Scattered radiation.
    pub scatter: Option<Scatter>,
    /// Noise.
    pub noise: Option<Noise>,
    /// Spread of light in the detector: standard deviation (mm).
    pub detector_blur_sigma_mm: Option<f64>,
    /// Domain randomization.
    pub randomization: Option<Randomization>,
    /// The curve to 8 bits; `None` leaves line integrals.
    pub display: Option<DisplayCurve>,
}

/// A simulated X-ray, as if it had been read from a file.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedXray {
    /// The pixels: with a display whole numbers from 0 to 255, else line integrals.
    pub image: Image,
    /// What they are.
    pub values: PixelValues,
    /// The value of white, where there is a display.
    pub full_scale: Option<f32>,
    /// The pixels that the beam reaches.
    pub field: Mask,
    /// What was drawn.
    pub drawn: Drawn,
}

impl SimulatedXray {
    /// Line integrals, as far as the picture tells: what a registration makes of it.
    ///
    /// # Errors
    /// If the picture is black all over.
    pub fn attenuation(&self) -> Result<Image, ImageError> {
        match self.values {
            PixelValues::Attenuation => Ok(self.image.clone()),
            PixelValues::Intensity => attenuation_of_intensity(&self.image, self.full_scale),
        }
    }
}

/// Simulates an X-ray. The [module](super) says how, and has an example.
///
/// # Units
/// `images` hold line integrals of the linear attenuation map, water 0.02/mm, from any projector
/// with this camera. `patient_depth_mm` is the distance of the patient's middle from the source
/// along the camera's axis: metal lies near it.
///
/// # Errors
/// If a setting makes no sense, the images do not fit the camera, a line integral is not finite, or
/// the patient is not in front of the source.
pub fn simulate(
    images: &MaterialImages,
    camera: &Camera,
    patient_depth_mm: f64,
    config: &SimulationConfig,
    seed: u64,
) -> Result<SimulatedXray, SimulationError> {
    config.check()?;
    images.check(camera.size_px())?;
    if !(patient_depth_mm.is_finite() && patient_depth_mm > 0.0) {
        return Err(SimulationError::PatientDepth { found: patient_depth_mm });
    }
    let drawn = config.draw(camera, patient_depth_mm, seed);
    let all = Mask::all(camera.size_px());
    let field = drawn.aperture.as_ref().map_or(all, |aperture| aperture.mask(camera.size_px()));
    let mut line_integral = expose(images, camera, &field, &drawn);
    if let Some(randomization) = &drawn.randomization {
        line_integral = randomized(&line_integral, &field, randomization);
    }
    let (image, values, full_scale) = match &drawn.display {
        Some(curve) => {
            let shown = curve.apply(&line_integral, &field, camera.pixel_spacing_mm());
            (shown, PixelValues::Intensity, Some(FULL_SCALE))
        }
        None => (behind_lead(line_integral, &field), PixelValues::Attenuation, None),
    };
    Ok(SimulatedXray { image, values, full_scale, field, drawn })
}

/// The line integrals that the detector measures.
fn expose(images: &MaterialImages, camera: &Camera, field: &Mask, drawn: &Drawn) -> Image {
    let spectrum = drawn.beam.as_ref().map_or_else(Spectrum::monochromatic, Spectrum::of);
    let mut plane = Plane::of(&images.water);
    let bone = images.bone.as_ref().map(Plane::of);
    let steel = (!drawn.tools.is_empty()).then(|| steel_mm(&drawn.tools, camera));
    let at = |plane: &Option<Plane>, n: usize| {
        plane.as_ref().and_then(|plane| plane.values.get(n).copied()).unwrap_or(0.0)
    };
    for (n, (value, open)) in plane.values.iter_mut().zip(field.used()).enumerate() {
        let line_integral = spectrum.line_integral(*value, at(&bone, n), at(&steel, n));
        *value = if *open { (-line_integral).exp() } else { 0.0 };
    }
    let spacing = camera.pixel_spacing_mm();
    if let Some(scatter) = &drawn.scatter {
        plane = scatter.add(&plane, spacing);
    }
    let blur = drawn.detector_blur_sigma_mm;
    let mut plane = detect(plane, drawn.noise.as_ref(), blur, spacing, drawn.seed);
    plane.values.iter_mut().for_each(|value| *value = -value.ln());
    let mut image = images.water.clone();
    plane.write_to(&mut image);
    image
}

/// Randomizes line integrals between their percentiles in the field; the rest is taken as the mean.
fn randomized(line_integral: &Image, field: &Mask, randomization: &Randomization) -> Image {
    let in_field = |image: &Image| -> Vec<f32> {
        image.pixels().iter().zip(field.used()).filter_map(|(p, used)| used.then_some(*p)).collect()
    };
    let pixels = in_field(line_integral);
    let Ok(kept) = Image::new([pixels.len(), 1], pixels) else { return line_integral.clone() };
    let [low, high] = NORMALIZED_PERCENT.map(|percent| kept.quantile(percent / 100.0));
    // A blank image stays blank.
    let width = if high > low { high - low } else { 1.0 };
    let mut unit = line_integral.clone().map(|l| ((l - low) / width).clamp(0.0, 1.0));
    let kept = in_field(&unit);
    let mean = kept.iter().sum::<f32>() / kept.len() as f32;
    for (pixel, _) in unit.pixels_mut().iter_mut().zip(field.used()).filter(|(_, used)| !**used) {
        *pixel = mean;
    }
    randomization.apply(&unit).map(|x| low + width * x)
}

/// What lies outside the field is covered.
fn behind_lead(mut line_integral: Image, field: &Mask) -> Image {
    let outside =
        line_integral.pixels_mut().iter_mut().zip(field.used()).filter(|(_, used)| !**used);
    outside.for_each(|(pixel, _)| *pixel = LEAD);
    line_integral
}

#[cfg(test)]
mod tests {
    //! Proves: nothing switched on changes nothing, `plain` is quantum noise to the bit, effects
    //! draw the same whichever others are on, the same seed is the same image, metal is dark and
    //! lead black, scatter takes contrast away, `hard` gives 8 bits, and what makes no sense is refused by name.
    use super::*;
    use crate::radiograph::simulation::{
        CollimatorConfig, DisplayConfig, MetalConfig, NoiseConfig, RandomizationConfig,
        ScatterConfig,
    };
    use crate::radiograph::with_quantum_noise;

    fn camera() -> Camera {
        Camera::new(1020.0, [2.4, 2.4], [96, 80]).unwrap()
    }

    /// A cylinder of water with a rod of bone.
    fn images() -> MaterialImages {
        let pixel = |n: usize| [(n % 96) as f32 / 48.0 - 1.0, (n / 96) as f32 / 40.0 - 1.0];
        let image = |f: &dyn Fn([f32; 2]) -> f32| {
            Image::new([96, 80], (0..96 * 80).map(|n| f(pixel(n))).collect()).unwrap()
        };
        MaterialImages {
            water: image(&|[x, _]| 4.0 * (0.8 - x * x).max(0.0).sqrt()),
            bone: Some(image(&|[_, y]| (0.04 - y * y).max(0.0).sqrt() * 5.0)),
        }
    }

    fn run(config: &SimulationConfig, seed: u64) -> SimulatedXray {
        simulate(&images(), &camera(), 700.0, config, seed).unwrap()
    }

    #[test]
    fn nothing_changes_nothing() {
        let xray = run(&SimulationConfig::default(), 1);
        let MaterialImages { water, bone } = images();
        for ((&seen, &water), &bone) in
            xray.image.pixels().iter().zip(water.pixels()).zip(bone.unwrap().pixels())
        {
            assert!((seen - water - bone).abs() < 1e-6);
        }
        assert_eq!((xray.values, xray.full_scale), (PixelValues::Attenuation, None));
        assert_eq!(xray.field.count(), 96 * 80);
    }

    #[test]
    fn plain_is_quantum_noise() {
        let images = MaterialImages { bone: None, ..images() };
        for seed in [1, 99] {
            let xray = simulate(&images, &camera(), 700.0, &SimulationConfig::plain(), seed);
            assert_eq!(xray.unwrap().image, with_quantum_noise(&images.water, 30_000.0, seed));
        }
    }

    #[test]
    fn draws_do_not_depend_on_other_effects() {
        for seed in 0..20 {
            let all = run(&SimulationConfig::hard(), seed).drawn;
            let mut config =
                SimulationConfig { scatter: None, metal: None, ..SimulationConfig::hard() };
            config.randomization = Some(RandomizationConfig::default());
            let fewer = run(&config, seed).drawn;
            assert_eq!(
                (&all.beam, &all.aperture, &all.noise),
                (&fewer.beam, &fewer.aperture, &fewer.noise)
            );
            assert_eq!(
                (all.display, all.detector_blur_sigma_mm),
                (fewer.display, fewer.detector_blur_sigma_mm)
            );
        }
    }

    #[test]
    fn a_seed_decides_all() {
        let hard = SimulationConfig::hard();
        assert_eq!(run(&hard, 3), run(&hard, 3));
        assert_ne!(run(&hard, 3).image, run(&hard, 4).image);
    }

    #[test]
    fn hard_gives_eight_bits_with_black_lead() {
        for seed in 0..30 {
            let xray = run(&SimulationConfig::hard(), seed);
            assert_eq!((xray.values, xray.full_scale), (PixelValues::Intensity, Some(255.0)));
            assert_eq!(xray.image.range(), (0.0, 255.0));
            assert!(xray.image.pixels().iter().all(|p| p.fract() == 0.0));
            let outside =
                xray.image.pixels().iter().zip(xray.field.used()).filter(|(_, used)| !**used);
            assert!(outside.clone().count() > 100 && outside.into_iter().all(|(&p, _)| p == 0.0));
            assert!((1..=4).contains(&xray.drawn.tools.len()));
            assert!((0.02..=0.08).contains(&xray.drawn.scatter.unwrap().fraction));
            assert!(xray.attenuation().unwrap().check_has_content().is_ok());
        }
    }

    #[test]
    fn metal_is_dark_and_lead_opaque() {
        let config = SimulationConfig {
            metal: Some(MetalConfig::default()),
            collimator: Some(CollimatorConfig::default()),
            ..SimulationConfig::default()
        };
        let plain = run(&SimulationConfig::default(), 0).image;
        let mut darker = 0;
        for seed in 0..10 {
            let xray = run(&config, seed);
            let steel = steel_mm(&xray.drawn.tools, &camera());
            let per_mm = Spectrum::monochromatic().line_integral(0.0, 0.0, 1.0);
            for (n, (&seen, &used)) in xray.image.pixels().iter().zip(xray.field.used()).enumerate()
            {
                let through = f64::from(plain.pixels()[n]) + per_mm * steel.values[n];
                let expected = if used { through } else { f64::from(LEAD) };
                assert!((f64::from(seen) - expected).abs() < 1e-5 * expected.max(1.0));
                darker += usize::from(used && steel.values[n] > 1.0);
            }
        }
        assert!(darker > 500, "{darker}");
    }

    #[test]
    fn scatter_takes_contrast_away() {
        let contrast = |config: &SimulationConfig| {
            let image = run(config, 5).image;
            // Behind the rod and beside it, in the middle of the water.
            image.get(48, 40).unwrap() - image.get(48, 10).unwrap()
        };
        let ideal = contrast(&SimulationConfig::default());
        let scatter = Some(ScatterConfig { fraction: [0.08; 2], ..ScatterConfig::default() });
        let hazy = contrast(&SimulationConfig { scatter, ..SimulationConfig::default() });
        assert!(hazy < 0.9 * ideal, "{hazy} {ideal}");
    }

    #[test]
    fn randomization_stays_between_the_percentiles() {
        let config = SimulationConfig {
            randomization: Some(RandomizationConfig::default()),
            ..SimulationConfig::default()
        };
        let plain = run(&SimulationConfig::default(), 0).image;
        let (low, high) = (plain.quantile(0.005), plain.quantile(0.995));
        for seed in 0..20 {
            let (least, most) = run(&config, seed).image.range();
            assert!(least >= low - 1e-5 && most <= high + 1e-5, "{least} {low} {most} {high}");
        }
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        let refused = |config: SimulationConfig, name: &str| {
            let error = simulate(&images(), &camera(), 700.0, &config, 0).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        };
        let none = SimulationConfig::default;
        let noise = |photons| Some(NoiseConfig { photons, ..NoiseConfig::default() });
        refused(
            SimulationConfig { noise: noise([f64::NAN, 3.0]), ..none() },
            "noise.photons is [NaN, 3]",
        );
        refused(SimulationConfig { noise: noise([5.0, 3.0]), ..none() }, "noise.photons is [5, 3]");
        let display = DisplayConfig { gamma: [0.0, 1.0], ..DisplayConfig::default() };
        refused(SimulationConfig { display: Some(display), ..none() }, "display.gamma is [0, 1]");
        let metal = MetalConfig { count: [3, 1], ..MetalConfig::default() };
        refused(SimulationConfig { metal: Some(metal), ..none() }, "metal.count is [3, 1]");
        let collimator = CollimatorConfig { shapes: vec![], ..CollimatorConfig::default() };
        refused(
            SimulationConfig { collimator: Some(collimator), ..none() },
            "collimator.shapes is empty",
        );
        let mut randomization = RandomizationConfig::default();
        randomization.smoothing.widths_px = vec![3, 4];
        let name = "randomization.smoothing.widths_px is [3, 4]";
        refused(SimulationConfig { randomization: Some(randomization), ..none() }, name);

        let other = Camera::new(1020.0, [2.4, 2.4], [95, 80]).unwrap();
        let error = simulate(&images(), &other, 700.0, &none(), 0).unwrap_err();
        assert!(matches!(error, SimulationError::Size { material: "water", .. }));
        for depth in [0.0, -5.0, f64::NAN] {
            let error = simulate(&images(), &camera(), depth, &none(), 0).unwrap_err();
            assert!(matches!(error, SimulationError::PatientDepth { .. }));
        }
        let nan = MaterialImages { water: images().water.map(|_| f32::NAN), bone: None };
        let error = simulate(&nan, &camera(), 700.0, &none(), 0).unwrap_err();
        assert!(matches!(error, SimulationError::NotFinite { material: "water", .. }));
    }
}
