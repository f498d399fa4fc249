//! Proves: an X-ray in DICOM is registered by its tags alone, whichever way it is stored; what they do
//! not say is asked for by its flag; `info` tells what is read and names nobody; cameras of other
//! programs are converted; and a couch is taken out of the CT.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod support;

use isocenter::radiograph::{Image, ImageFlip};
use isocenter::volume::Volume;
use isocenter_io::geometry::read_camera;
use isocenter_io::image::read_image;
use isocenter_io::volume::{read_ct, write_volume_f32};
use support::Scratch;

/// A file of elements in explicit VR, little endian.
struct Dicom(Vec<u8>);

impl Dicom {
    fn new(modality: &str) -> Self {
        let mut file = Self([vec![0; 128], b"DICM".to_vec()].concat());
        file.text(0x0002_0010, b"UI", "1.2.840.10008.1.2.1");
        file.text(0x0008_0020, b"DA", "20010203");
        file.text(0x0008_0060, b"CS", modality);
        file.text(0x0010_0010, b"PN", "Secret^Name");
        file.text(0x0010_0020, b"LO", "SECRET-ID");
        file
    }

    fn head(&mut self, tag: u32, vr: &[u8; 2]) {
        self.0.extend(((tag >> 16) as u16).to_le_bytes());
        self.0.extend((tag as u16).to_le_bytes());
        self.0.extend(vr);
    }

    fn text(&mut self, tag: u32, vr: &[u8; 2], text: &str) {
        let padded =
            if text.len().is_multiple_of(2) { text.to_owned() } else { format!("{text} ") };
        self.head(tag, vr);
        self.0.extend((padded.len() as u16).to_le_bytes());
        self.0.extend(padded.as_bytes());
    }

    fn number(&mut self, tag: u32, value: u16) {
        self.head(tag, b"US");
        self.0.extend(2_u16.to_le_bytes());
        self.0.extend(value.to_le_bytes());
    }

    /// The tags of a grey image of 16 bits, and its pixels; it is linear in the light.
    fn finish(mut self, image: &Image) -> Vec<u8> {
        let [columns, rows] = image.size_px();
        self.number(0x0028_0002, 1);
        self.text(0x0028_0004, b"CS", "MONOCHROME2");
        self.number(0x0028_0010, rows as u16);
        self.number(0x0028_0011, columns as u16);
        self.number(0x0028_0100, 16);
        self.number(0x0028_0101, 16);
        self.number(0x0028_0102, 15);
        self.number(0x0028_0103, 0);
        self.text(0x0028_1040, b"CS", "LIN");
        self.head(0x7fe0_0010, b"OW");
        self.0.extend([0, 0]);
        self.0.extend((2 * image.pixels().len() as u32).to_le_bytes());
        self.0.extend(image.pixels().iter().flat_map(|&p| (p.round() as u16).to_le_bytes()));
        self.0
    }
}

/// The light that the case's X-ray stands for, as stored from one side or the other.
fn light(case: &Scratch, flip: ImageFlip) -> Image {
    let line_integral = read_image(case.path("xray.tif")).unwrap().image.flipped(flip);
    line_integral.map(|l| 50_000.0 * (-l).exp() + 1.0)
}

/// The case's X-ray with all that a C-arm writes, but for what is left out.
fn write_xray(case: &Scratch, name: &str, side: Option<&str>, flip: ImageFlip, without: &[u32]) {
    let mut file = Dicom::new("XA");
    let tags: [(u32, &[u8; 2], &str); 5] = [
        (0x0018_1110, b"DS", "1020"),
        (0x0018_1111, b"DS", "700"),
        (0x0018_1164, b"DS", "3.6\\3.6"),
        (0x0018_1510, b"DS", "180"),
        (0x0018_1511, b"DS", "0"),
    ];
    for (tag, vr, text) in tags {
        if !without.contains(&tag) {
            file.text(tag, vr, text);
        }
    }
    if let Some(side) = side {
        file.text(0x0020_0020, b"CS", side);
    }
    case.write(name, file.finish(&light(case, flip)));
}

#[test]
fn the_tags_alone_are_enough() {
    let case = Scratch::new();
    // From the source an ap image has the patient's left on the right; from the detector on the left.
    for (name, side, flip) in [
        ("usual.dcm", None, ImageFlip::Columns),
        ("told.dcm", Some("R\\F"), ImageFlip::Columns),
        ("source.dcm", Some("L\\F"), ImageFlip::None),
        ("turned.dcm", Some("R\\H"), ImageFlip::Both),
    ] {
        write_xray(&case, name, side, flip, &[]);
        let out = format!("out-{name}");
        let said = case.succeed(&format!("register --ct ct.nii --xray {name} --out {out}"));
        assert!(said.contains("start from the view of the tags"), "{said}");
        assert_eq!(said.contains("--flip none if it is not"), side.is_none(), "{said}");
        // A turned image is not mirrored: it is registered as it is, upside down.
        let result = case.json(&format!("{out}/result.json"));
        let expected = if flip == ImageFlip::Columns { "columns" } else { "none" };
        assert_eq!(result["image_flip"][0], expected, "{name}");
        assert_eq!(result["verdict"], "good", "{name}: {said}");
        for entry in std::fs::read_dir(case.path(&out)).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            for secret in ["Secret", "SECRET-ID", "20010203"] {
                let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                assert!(!found, "{secret} in {out}");
            }
        }
        if flip != ImageFlip::Both {
            let error = case.mtre_mm(&format!("{out}/pose.json"));
            assert!(error < 1.0, "{name}: {error} mm");
        }
    }
}

#[test]
fn what_the_tags_do_not_say_is_asked_for_and_given() {
    let case = Scratch::new();
    write_xray(
        &case,
        "bare.dcm",
        None,
        ImageFlip::None,
        &[0x0018_1110, 0x0018_1164, 0x0018_1510, 0x0018_1511],
    );
    let refused = |arguments: &str| {
        let output =
            case.run(&format!("register --ct ct.nii --xray bare.dcm --out out {arguments}"));
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refused("").contains("--sdd"));
    assert!(refused("--sdd 1020").contains("--pixel-spacing"));
    assert!(refused("--camera camera.json --sdd 1020").contains("--sdd"));
    assert!(refused("--sdd 1020 --pixel-spacing 3.6 --frame 2").contains("--frame 1 to 1"));
    let said = case.succeed(
        "register --ct ct.nii --xray bare.dcm --sdd 1020 --pixel-spacing 3.6 --flip none --view ap --out out",
    );
    assert!(!said.contains("view of the tags"), "{said}");
    assert!(case.mtre_mm("out/pose.json") < 1.0);
    // A part of the X-ray, in which the perpendicular from the source does not meet the middle.
    let whole = light(&case, ImageFlip::None);
    let [columns, rows] = [76, 80];
    let pixel = |n: usize| whole.get(n % columns + 20, n / columns).unwrap();
    let part = Image::new([columns, rows], (0..columns * rows).map(pixel).collect()).unwrap();
    case.write("part.dcm", Dicom::new("XA").finish(&part));
    case.succeed(
        "register --ct ct.nii --xray part.dcm --sdd 1020 --pixel-spacing 3.6 --flip none \
         --principal-point 27.5,39.5 --init start.json --out part",
    );
    assert!(case.mtre_mm("part/pose.json") < 1.0, "{}", case.mtre_mm("part/pose.json"));
    // Another format has no tags, but flags do.
    let output = case.run("register --ct ct.nii --xray xray.tif --out other");
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("--camera CAMERA.json, or --sdd"), "{message}");
    case.succeed(
        "register --ct ct.nii --xray xray.tif --sdd 1020 --pixel-spacing 3.6 --init start.json --out other",
    );
    assert!(case.mtre_mm("other/pose.json") < 1.0);
}

#[test]
fn info_tells_what_is_read_and_names_nobody() {
    let case = Scratch::new();
    write_xray(&case, "xray.dcm", None, ImageFlip::Columns, &[]);
    let said = case.succeed("info xray.dcm");
    for part in
        ["X-ray, XA", "96 x 80 pixels", "3.60000", "1020 mm", "700 mm", "behind the patient", "180"]
    {
        assert!(said.contains(part), "'{part}' is not in: {said}");
    }
    let json = case.succeed("info xray.dcm --json");
    for name in ["Secret", "SECRET", "2001"] {
        assert!(!said.contains(name) && !json.contains(name), "{said}{json}");
    }
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json[0]["kind"], "xray");
    assert_eq!(json[0]["positioner_deg"], serde_json::json!([180.0, 0.0]));
    assert_eq!(json[0]["pixel_spacing_mm"], serde_json::json!([3.6, 3.6]));
    assert!(case.succeed("info xray.dcm --show-identity").contains("Secret^Name"));
    case.succeed("info xray.dcm --preview seen.png");
    let seen = read_image(case.path("seen.png")).unwrap().image;
    assert!(seen.size_px()[0] >= 2 * 96 && seen.range().1 > seen.range().0);
}

#[test]
fn cameras_of_other_programs_are_converted() {
    let case = Scratch::new();
    case.write("matrix.txt", "2500 0 320 0\n0 2500 240 0\n0 0 1 700\n");
    let refused = |arguments: &str| {
        let output = case.run(&format!(
            "camera convert --from matrix matrix.txt --out-camera c.json {arguments}"
        ));
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refused("").contains("--size"));
    assert!(refused("--size 640,480").contains("--pixel-spacing or --sdd"));
    assert!(refused("--size 640,480 --sdd 1000 --out-pose c.json").contains("name two"));
    let said = case.succeed(
        "camera convert --from matrix matrix.txt --out-camera c.json --out-pose p.json --size 640,480 --sdd 1000",
    );
    assert!(said.contains("--sees"), "{said}");
    let camera = read_camera(case.path("c.json")).unwrap();
    assert_eq!(camera.pixel_spacing_mm(), [0.4, 0.4]);
    assert_eq!(camera.principal_point_px(), [320.0, 240.0]);
    assert!(case.succeed("info p.json").contains("pose"));
}

/// The case's CT in a wide field of air, on a couch.
fn on_couch(case: &Scratch) -> Volume<f32> {
    let ct = read_ct(case.path("ct.nii")).unwrap();
    let [ni, nj, nk] = ct.dims();
    let (pad, wide) = (8, [ni + 16, nj + 30, nk]);
    let mut voxels = vec![-1000.0; wide.iter().product()];
    let front_is_first = ct.world_from_index().linear()[(1, 1)] > 0.0;
    let shift = if front_is_first { 5 } else { 25 };
    for (at, &voxel) in ct.voxels().iter().enumerate() {
        let [i, j, k] = ct.index_of(at);
        voxels[(i + pad) + wide[0] * ((j + shift) + wide[1] * k)] = voxel;
    }
    for k in 0..nk {
        for i in 4..wide[0] - 4 {
            let row = if front_is_first { wide[1] - 6 } else { 5 };
            voxels[i + wide[0] * (row + wide[1] * k)] = 100.0;
        }
    }
    let linear = *ct.world_from_index().linear();
    let corner = nalgebra::Vector3::new(-(pad as f64), -(shift as f64), 0.0);
    let affine =
        isocenter::volume::Affine::new(linear, ct.world_from_index().point(corner)).unwrap();
    Volume::new(wide, voxels, affine).unwrap()
}

#[test]
fn a_couch_is_taken_out() {
    let case = Scratch::new();
    write_volume_f32(case.path("couch.nii"), &on_couch(&case)).unwrap();
    let drr = "drr --camera camera.json --pose truth.json";
    let plain = case.succeed(&format!("{drr} --ct ct.nii -o plain.npy"));
    assert!(!plain.contains("couch"), "{plain}");
    let said = case.succeed(&format!("{drr} --ct couch.nii -o without.npy"));
    assert!(said.contains("couch found and removed") && said.contains("--keep-table"), "{said}");
    let kept = case.succeed(&format!("{drr} --ct couch.nii --keep-table -o kept.npy"));
    assert!(!kept.contains("couch found"), "{kept}");
    let image = |name: &str| read_image(case.path(name)).unwrap().image;
    let differ = |a: &str, b: &str| {
        let (a, b) = (image(a), image(b));
        a.pixels().iter().zip(b.pixels()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    };
    assert!(differ("plain.npy", "without.npy") < 2e-3, "{}", differ("plain.npy", "without.npy"));
    assert!(differ("plain.npy", "kept.npy") > 0.05);

    let said = case.succeed("info couch.nii --preview couch.png");
    assert!(
        said.contains("  couch        found, ") && said.contains("--keep-table keeps it"),
        "{said}"
    );
    let said = case.succeed("info couch.nii --keep-table --preview kept.png");
    assert!(said.contains("  couch        found, ") && said.contains("; kept"), "{said}");
    assert!(!case.succeed("info ct.nii").contains("couch"));
    let json: serde_json::Value =
        serde_json::from_str(&case.succeed("info couch.nii --json")).unwrap();
    assert_eq!(json[0]["couch"]["removed"], true);
    assert!(json[0]["couch"]["volume_ml"].as_f64().unwrap() > 10.0, "{json}");
    // The picture shows what is removed, in colour: a line along the table in the axial slice.
    let (without, kept) = (image("couch.png"), image("kept.png"));
    assert_eq!(without.size_px()[0], kept.size_px()[0]);
    let side = without.size_px()[0] / 5;
    let marked = |row: usize| {
        let differs = |&column: &usize| without.get(column, row) != kept.get(column, row);
        (0..side).filter(differs).count()
    };
    let rows = kept.size_px()[1].min(without.size_px()[1]);
    let widest = (0..rows).map(marked).max().unwrap();
    assert!(widest > side / 4, "{widest} of {side} px");
}
