//! Proves: fields of any convex shape are found, letters beside them are not taken for field, dark
//! places in them do not tear them; wires and screws are found and bone is not; grey values by
//! rank do not depend on the display; and images without any of these come out as they went in.
use super::*;
use crate::geometry::{Camera, View};
use crate::project::Projector;
use crate::radiograph::simulation::{
    BeamHardeningConfig, MaterialImages, MaterialVolumes, SimulationConfig, simulate,
};
use crate::volume::{AttenuationMap, Phantom, PhantomConfig};
use nalgebra::Vector3;

fn camera() -> Camera {
    Camera::new(1020.0, [1.6, 1.6], [192, 192]).unwrap()
}

/// Water and bone of a lower back.
fn back() -> MaterialImages {
    let config = PhantomConfig { spacing_mm: 4.0, ..PhantomConfig::default() };
    let ct = Phantom::generate(&config).unwrap().ct;
    let pose = View::AP.camera_from_world(Vector3::zeros(), 700.0);
    let hardening = BeamHardeningConfig::default();
    let volumes =
        MaterialVolumes::from_hounsfield(ct, &AttenuationMap::default(), Some(&hardening));
    let render = |v: &_| Projector::new(Clone::clone(v)).forward(&camera(), &pose);
    volumes.unwrap().render(render).unwrap()
}

fn overlap(found: &Mask, expected: &Mask) -> f64 {
    let both = found.and(expected).count() as f64;
    both / (found.count() + expected.count() - found.and(expected).count()) as f64
}

#[test]
fn what_a_screen_shows_is_found_out() {
    let images = back();
    let (mut hit, mut read) = (0.0, 0);
    for seed in 0..20 {
        let xray = simulate(&images, &camera(), 700.0, &SimulationConfig::hard(), seed).unwrap();
        let found = prepare(&xray.image, xray.values, xray.full_scale, &PrepareConfig::default());
        let found = found.unwrap();
        assert!(found.by_rank);
        // All but the seam along its border, which is left out on purpose.
        let field = found.field.as_ref().unwrap();
        assert!(overlap(field, &xray.field) > 0.88, "{seed} {}", overlap(field, &xray.field));
        assert_eq!(field.and(&xray.field.inverted()).count(), 0, "{seed}");
        assert_eq!((&found.text, &found.unmeasured), (&None, &None), "{seed}");
        read += usize::from(text::text(&xray.image).is_some());
        // Metal: little that is none is taken for it.
        let metal = found.metal.as_ref().map_or(0, Mask::count);
        assert!((metal as f64) < 0.25 * field.count() as f64, "{seed} {metal}");
        hit += f64::from(u8::from(metal > 0)) / 20.0;
    }
    // Nobody has written anything.
    assert!(read <= 1, "{read}");
    // Some wires are thinner than a pixel and lie over bone.
    assert!(hit >= 0.8, "{hit}");
}

#[test]
fn what_is_not_there_is_not_found() {
    let images = back();
    let xray = simulate(&images, &camera(), 700.0, &SimulationConfig::plain(), 1).unwrap();
    let found = prepare(&xray.image, xray.values, None, &PrepareConfig::default()).unwrap();
    assert_eq!((found.field, found.by_rank), (None, false));
    assert_eq!(found.line_integral, xray.image);
    // Bone is not metal.
    assert_eq!(found.metal, None);
    let off = PrepareConfig {
        field: false,
        metal: false,
        ranks: RankValues::Never,
        ..PrepareConfig::default()
    };
    let nothing = prepare(&xray.image, xray.values, None, &off).unwrap();
    assert_eq!((nothing.mask, nothing.line_integral), (None, xray.image));
}

#[test]
fn letters_and_dark_places_are_no_border() {
    let pixel = |n: usize| {
        let (column, row) = (n % 192, n / 192);
        let field = (30..150).contains(&column) && (20..170).contains(&row);
        // A letter outside, and a dark notch from the border into the field.
        let letter = (170..178).contains(&column) && (10..20).contains(&row);
        let notch = (30..60).contains(&column) && (90..100).contains(&row);
        if letter || (field && !notch) { 100.0 + (column % 7) as f32 } else { 0.0 }
    };
    let image = Image::new([192, 192], (0..192 * 192).map(pixel).collect()).unwrap();
    let config = PrepareConfig { metal: false, ..PrepareConfig::default() };
    let found = prepare(&image, PixelValues::Intensity, Some(255.0), &config).unwrap();
    let field = found.field.unwrap();
    assert_eq!(field.get(174, 15), Some(false));
    assert_eq!((field.get(45, 95), field.get(90, 95)), (Some(true), Some(true)));
    assert_eq!((field.get(31, 50), field.get(35, 50)), (Some(false), Some(true)));
    assert_eq!(field.get(20, 95), Some(false));
}

/// The letters of a 5 x 7 font that the test of text needs, scaled.
fn letters(column: usize, row: usize, scale: usize) -> bool {
    const LETTERS: [[u8; 7]; 4] = [
        [0b01110, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001],
        [0b11110, 0b10001, 0b10001, 0b11110, 0b10000, 0b10000, 0b10000],
        [0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110],
        [0b11111, 0b00010, 0b00100, 0b00010, 0b00001, 0b10001, 0b01110],
    ];
    let (letter, row) = (column / (6 * scale), row / scale);
    let column = column % (6 * scale) / scale;
    letter < 4 && row < 7 && column < 5 && LETTERS[letter][row] >> (4 - column) & 1 == 1
}

#[test]
fn letters_in_the_field_are_text_and_do_not_count() {
    let images = back();
    let config = PrepareConfig { text: Some(true), ..PrepareConfig::default() };
    let render = |v: &MaterialImages| {
        simulate(v, &camera(), 700.0, &SimulationConfig::plain(), 3).unwrap().image
    };
    let intensity = render(&images).map(|l| (4000.0 * (-l).exp()).round());
    let plain = prepare_within(&intensity, PixelValues::Intensity, None, &config);
    assert_eq!(plain.unwrap().text, None);
    for (scale, value) in [(1, 4095.0), (1, 5000.0)] {
        let mut written = intensity.clone();
        let at = |n: usize| (n % 192, n / 192);
        let letter = |n: usize| {
            let (column, row) = at(n);
            column >= 60 && row >= 100 && letters(column - 60, row - 100, scale)
        };
        for (n, pixel) in written.pixels_mut().iter_mut().enumerate() {
            *pixel = if letter(n) { value } else { *pixel };
        }
        let found = prepare_within(&written, PixelValues::Intensity, None, &config);
        let found = found.unwrap();
        let (text, mask) = (found.text.unwrap(), found.mask.unwrap());
        for n in 0..192 * 192 {
            assert!(!letter(n) || (text.used()[n] && !mask.used()[n]), "{:?}", at(n));
        }
        assert!(text.count() < 30 * 13 * scale * scale, "{}", text.count());
        // Whoever sees the image cannot read it: it may name the patient.
        let painted = (0..192 * 192).filter(|&n| text.used()[n]);
        let values: Vec<f32> = painted.map(|n| found.line_integral.pixels()[n]).collect();
        let (low, high) = found.line_integral.range();
        assert!(values.iter().all(|&v| v == values[0] && low < v && v < high));
    }
}

#[test]
fn thin_bone_on_a_screen_is_no_metal() {
    let noise = |n: usize| ((n * 7919) % 1009) as f32 / 10_090.0;
    let is_thin = |n: usize, column: usize| n % 256 / 6 == column && (60..200).contains(&(n / 256));
    let (is_wire, is_bone) = (|n: usize| is_thin(n, 10), |n: usize| is_thin(n, 32));
    // Thick tissue on the left, with a wire in it; thin tissue on the right, with a bone in it that is
    // denser than all around it, but not than the left.
    let line_integral = |n: usize| {
        let tissue = if n % 256 < 128 { 3.0 } else { 1.0 };
        let dense = f32::from(u8::from(is_wire(n))) * 2.0 + f32::from(u8::from(is_bone(n))) * 0.8;
        tissue + (n / 256) as f32 / 1000.0 + dense + noise(n)
    };
    let intensity = |n: usize| (4000.0 * (-line_integral(n)).exp()).round();
    let image = Image::new([256, 256], (0..256 * 256).map(intensity).collect()).unwrap();
    let config = PrepareConfig { ranks: RankValues::Always, ..PrepareConfig::default() };
    let found = prepare_within(&image, PixelValues::Intensity, None, &config).unwrap();
    let metal = found.metal.unwrap();
    for n in 0..256 * 256 {
        assert!(!is_wire(n) || metal.used()[n], "{n}");
        assert!(!is_bone(n) || !metal.used()[n], "{n}");
    }
}

#[test]
fn the_level_of_air_is_not_that_of_a_hot_pixel() {
    let pixel = |n: usize| if n == 77 { 60_000.0 } else { 1000.0 - (n % 64) as f32 };
    let image = Image::new([64, 64], (0..4096).map(pixel).collect()).unwrap();
    let config =
        PrepareConfig { metal: false, ranks: RankValues::Never, ..PrepareConfig::default() };
    let found = prepare_within(&image, PixelValues::Intensity, None, &config).unwrap();
    let (low, high) = found.line_integral.range();
    assert!(low == 0.0 && (high - (1000.0_f32 / 937.0).ln()).abs() < 1e-3, "{low} {high}");
}

#[test]
fn ranks_do_not_depend_on_the_display() {
    let pixel = |n: usize| 1.0 + ((n * 7919) % 1000) as f32;
    let image = Image::new([64, 64], (0..4096).map(pixel).collect()).unwrap();
    let config = PrepareConfig {
        ranks: RankValues::Always,
        field: false,
        metal: false,
        ..PrepareConfig::default()
    };
    let ranks = |image: &Image| {
        prepare(image, PixelValues::Attenuation, None, &config).unwrap().line_integral
    };
    let curved = image.clone().map(|p| (p / 300.0).powf(1.7).ln());
    assert_eq!(ranks(&image), ranks(&curved));
    // Symmetric about the middle, as the normal distribution is.
    let (low, high) = ranks(&image).range();
    assert!((low + high).abs() < 0.01 && high > 2.0);
}

#[test]
fn odd_images_break_nothing() {
    for size in [[1, 2], [2, 1], [3, 3], [300, 1], [1, 300], [65, 2]] {
        for values in [PixelValues::Intensity, PixelValues::Attenuation] {
            let pixels = (0..size[0] * size[1]).map(|n| (n % 3) as f32).collect();
            let image = Image::new(size, pixels).unwrap();
            let found = prepare(&image, values, None, &PrepareConfig::default());
            if let Some(mask) = found.unwrap().mask {
                assert_eq!(mask.size_px(), size);
            }
        }
    }
    let blank = Image::zeros([8, 8]);
    assert!(prepare(&blank, PixelValues::Attenuation, None, &Default::default()).is_err());
}

#[test]
fn metal_can_be_taken_back() {
    let images = back();
    let xray = simulate(&images, &camera(), 700.0, &SimulationConfig::hard(), 0).unwrap();
    let found = |config: &PrepareConfig| {
        prepare(&xray.image, xray.values, xray.full_scale, config).unwrap()
    };
    let (with, without) = (
        found(&PrepareConfig::default()),
        found(&PrepareConfig { metal: false, ..PrepareConfig::default() }),
    );
    let metal = with.metal.clone();
    assert!(metal.is_some());
    assert_eq!(with.clone().with_metal(None).mask, without.mask);
    assert_eq!(with.clone().with_metal(metal).mask, with.mask);
    assert_eq!(with.clone().with_metal(Some(Mask::all([3, 3]))).mask, without.mask);
}

#[test]
fn a_region_is_a_part_of_what_is_found_in_the_whole() {
    let images = back();
    let xray = simulate(&images, &camera(), 700.0, &SimulationConfig::hard(), 4).unwrap();
    let prepared = |config: &PrepareConfig| {
        prepare(&xray.image, xray.values, xray.full_scale, config).unwrap()
    };
    let whole = prepared(&PrepareConfig::default());
    let region = PixelRegion::new([70, 90], [60, 40]).unwrap();
    let part = prepared(&PrepareConfig { region: Some(region), ..PrepareConfig::default() });
    assert_eq!(part.line_integral.size_px(), [70, 90]);
    let cropped = |mask: &Option<Mask>| {
        mask.as_ref().map_or(Mask::all([192, 192]), Clone::clone).cropped(&region).unwrap()
    };
    let all = || Mask::all([70, 90]);
    assert_eq!(part.mask.clone().unwrap_or_else(all), cropped(&whole.mask));
    assert_eq!(part.field.unwrap_or_else(all), cropped(&whole.field));
    // Ranks are those of the region: they center about 0 there, in the same order as in the whole.
    let counts = part.mask.unwrap_or_else(all);
    let of_whole = whole.line_integral.cropped(&region).unwrap();
    let pairs = of_whole.pixels().iter().zip(part.line_integral.pixels()).zip(counts.used());
    let mut pairs: Vec<(f32, f32)> =
        pairs.filter_map(|((&a, &b), &used)| used.then_some((a, b))).collect();
    let mean = pairs.iter().map(|pair| pair.1).sum::<f32>() / pairs.len() as f32;
    assert!(mean.abs() < 0.05, "{mean}");
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    assert!(pairs.windows(2).all(|pair| pair[0].0 == pair[1].0 || pair[0].1 <= pair[1].1));
    // A region outside is refused.
    let outside = PixelRegion::new([70, 90], [123, 40]).unwrap();
    let config = PrepareConfig { region: Some(outside), ..PrepareConfig::default() };
    let error = prepare(&xray.image, xray.values, xray.full_scale, &config).unwrap_err();
    assert!(matches!(error, ImageError::Region(RegionError::Outside { .. })), "{error}");
}
