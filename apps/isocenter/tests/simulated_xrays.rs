//! Proves: what `isocenter simulate` writes is read back as what it is, in every format; its
//! presets, seeds and settings do what they say; and what it drew is recorded.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod support;

use isocenter::radiograph::{Image, PixelValues};
use isocenter_io::image::read_image;
use serde_json::Value;
use support::Scratch;

#[test]
fn simulated_xrays_are_read_as_they_were_meant() {
    let case = Scratch::new();
    let simulate = "simulate --ct ct.nii --camera camera.json --pose truth.json";
    let read = |name: &str| read_image(case.path(name)).unwrap();

    // The X-ray of the case is what `plain` gives; PNG keeps intensity in steps of 1/65535.
    let said = case.succeed(&format!("{simulate} --seed 1 -o plain.tif"));
    assert!(said.starts_with("plain.tif: 96 x 80 pixels, line integrals, seed 1"), "{said}");
    assert_eq!(read("plain.tif").image, read("xray.tif").image);
    let said = case.succeed(&format!("{simulate} --preset plain --seed 1 -o plain.png"));
    assert!(said.contains("16 bits") && said.contains("30000 photons"), "{said}");
    let register = "register --ct ct.nii --camera camera.json --init start.json";
    case.succeed(&format!("{register} --xray plain.png --out out"));
    // A third of a voxel; a wrong pose is centimeters off.
    assert!(case.mtre_mm("out/pose.json") < 2.0, "{}", case.mtre_mm("out/pose.json"));

    // A screen's picture is the same 8 bits of intensity in every format.
    let hard = format!("{simulate} --preset hard --seed 3");
    for name in ["hard.png", "hard.tif", "hard.npy", "hard.nii.gz"] {
        let said = case.succeed(&format!("{hard} -o {name} --drawn {name}.json"));
        assert!(
            said.contains("intensity of 8 bits, seed 3") && said.contains("display: "),
            "{said}"
        );
        let image = read(name);
        assert_eq!((image.values, image.full_scale), (PixelValues::Intensity, Some(255.0)));
        assert_eq!((image.image.range(), &image.image), ((0.0, 255.0), &read("hard.png").image));
        assert_eq!(case.json(&format!("{name}.json")), case.json("hard.png.json"));
    }
    case.succeed(&format!("{simulate} --preset hard --seed 4 -o other.png"));
    assert_ne!(read("other.png").image, read("hard.png").image);
    let file = case.json("hard.png.json");
    assert_eq!(file["drawn"]["seed"], 3);
    let tools = file["drawn"]["tools"].as_array().unwrap().len();
    assert!((1..=4).contains(&tools));
    assert_eq!(file["config"]["scatter"]["fraction"], serde_json::json!([0.02, 0.08]));

    // What a file does not name is off: here all but a fixed scatter, which lifts the darkest pixel.
    case.write("haze.toml", "[scatter]\nfraction = [0.05, 0.05]\n");
    case.succeed(&format!("{simulate} --preset haze.toml -o haze.npy --drawn haze.json"));
    case.write("nothing.toml", "# All effects are off.\n");
    case.succeed(&format!("{simulate} --preset nothing.toml -o nothing.npy"));
    let (haze, nothing) = (read("haze.npy").image, read("nothing.npy").image);
    // Where least arrives, the haze adds more than its fraction.
    assert!(haze.range().1 < nothing.range().1 - 1.05_f32.ln());
    let intensity =
        |image: &Image| image.pixels().iter().map(|&l| f64::from(-l).exp()).sum::<f64>();
    // Scatter adds its fraction to the mean, within the rounding of f32 pixels.
    assert!((intensity(&haze) / intensity(&nothing) - 1.05).abs() < 1e-5);
    assert_eq!(case.json("haze.json")["drawn"]["noise"], Value::Null);
    case.write("random.toml", "[randomization.erasing]\nprobability = 1.0\n");
    let said = case.succeed(
        &format!("{simulate} --preset random.toml --view ap -o r.npy")
            .replace("--pose truth.json ", ""),
    );
    assert!(said.contains("randomization: ") && said.contains("erasing"), "{said}");
}
