//! Proves: images that NumPy, SimpleITK, Pillow and tifffile wrote are read pixel by pixel with the
//! right meaning; what is written is read back; what is no gray image is refused by reason.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

use std::fs;
use std::path::{Path, PathBuf};

use isocenter::radiograph::PixelValues;
use isocenter::radiograph::{Image, ImageError};
use isocenter_io::FileProblem;
use isocenter_io::image::{
    LoadedImage, RasterError, read_image, write_line_integral, write_png_gray16, write_png_rgb8,
};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn read(name: &str) -> LoadedImage {
    read_image(fixture(name)).unwrap()
}

/// Checks size, pixels (the rule of `make_fixtures.py`), meaning and full scale.
fn check(name: &str, size_px: [usize; 2], start: f32, step: f32, full_scale: Option<f32>) {
    let loaded = read(name);
    let ramp: Vec<f32> = (0..size_px[0] * size_px[1]).map(|at| start + step * at as f32).collect();
    assert_eq!(loaded.image.size_px(), size_px, "{name}");
    assert_eq!(loaded.image.pixels(), ramp, "{name}");
    assert_eq!(loaded.full_scale, full_scale, "{name}");
    let values =
        if full_scale.is_some() { PixelValues::Intensity } else { PixelValues::Attenuation };
    assert_eq!(loaded.values, values, "{name}");
}

#[test]
fn npy() {
    for (name, start, full_scale) in [
        ("u1", 0.0, Some(255.0)),
        ("i1", -60.0, Some(127.0)),
        ("le_u2", 0.0, Some(65535.0)),
        ("be_u2", 0.0, Some(65535.0)),
        ("le_i2", -60.0, Some(32767.0)),
        ("be_i2", -60.0, Some(32767.0)),
        ("le_u4", 0.0, Some(u32::MAX as f32)),
        ("le_i4", -60.0, Some(i32::MAX as f32)),
        ("be_i4", -60.0, Some(i32::MAX as f32)),
        ("le_i8", -60.0, Some(i64::MAX as f32)),
        ("le_f4", -60.0, None),
        ("be_f4", -60.0, None),
        ("le_f8", -60.0, None),
        ("be_f8", -60.0, None),
        ("fortran", -60.0, None),
        ("single_slice", -60.0, None),
        ("version_2", -60.0, None),
    ] {
        check(&format!("{name}.npy"), [5, 6], start, 2.0, full_scale);
    }
}

#[test]
fn png() {
    check("itk_u8.png", [5, 6], 0.0, 7.0, Some(255.0));
    check("itk_u16.png", [5, 6], 0.0, 2000.0, Some(65535.0));
    check("gray_alpha.png", [5, 6], 0.0, 7.0, Some(255.0));
    check("gray_as_rgb.png", [5, 6], 0.0, 7.0, Some(255.0));
    check("gray_as_rgba.png", [5, 6], 0.0, 7.0, Some(255.0));
    check("palette.png", [5, 6], 0.0, 7.0, Some(255.0));
    for (at, &pixel) in read("one_bit.png").image.pixels().iter().enumerate() {
        assert_eq!(pixel, if at % 2 == 1 { 255.0 } else { 0.0 });
    }
    // Red counts for 0.299 of the luminance (ITU-R BT.601).
    for (at, &pixel) in read("red.png").image.pixels().iter().enumerate() {
        assert!((pixel - 0.299 * 7.0 * at as f32).abs() < 1e-4);
    }
}

#[test]
fn tiff() {
    for (name, start, full_scale) in [
        ("u1", 0.0, Some(255.0)),
        ("i1", -60.0, Some(127.0)),
        ("u2", 0.0, Some(65535.0)),
        ("i2", -60.0, Some(32767.0)),
        ("u4", 0.0, Some(u32::MAX as f32)),
        ("i4", -60.0, Some(i32::MAX as f32)),
        ("f4", -60.0, None),
        ("f8", -60.0, None),
        ("deflate", -60.0, None),
        ("itk_f32", -60.0, None),
    ] {
        check(&format!("{name}.tif"), [5, 6], start, 2.0, full_scale);
    }
    for name in ["big_endian", "lzw", "strips", "big"] {
        check(&format!("{name}.tif"), [5, 6], 0.0, 2000.0, Some(65535.0));
    }
    check("tiles.tif", [50, 40], 0.0, 2.0, Some(65535.0));
    check("white_is_zero.tif", [5, 6], 255.0, -2.0, Some(255.0));
}

#[test]
fn nifti() {
    check("slice_u16.nii.gz", [5, 6], 0.0, 2000.0, Some(65535.0));
    check("flat_f32.nii", [5, 6], -60.0, 2.0, None);
}

#[test]
fn what_is_no_gray_image_is_refused_by_reason() {
    let problem = |name: &str| read_image(fixture(name)).unwrap_err().problem;
    assert!(matches!(problem("rgb.tif"), FileProblem::Raster(RasterError::Pixels { .. })));
    assert!(matches!(problem("two_pages.tif"), FileProblem::Raster(RasterError::Several)));
    let error = read_image(fixture("oblique.nii.gz")).unwrap_err().to_string();
    assert!(error.contains("[5, 4, 3]") && error.contains("extract one"), "{error}");

    let folder = tempfile::tempdir().unwrap();
    let message = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        read_image(&path).unwrap_err().to_string()
    };
    for name in ["a.png", "a.tif", "a.npy", "a.nii"] {
        assert!(message(name, b"").contains("the file is empty"));
        let garbage = message(name, b"garbage");
        assert!(garbage.contains(name) && !garbage.contains('\n'), "{garbage}");
    }
    assert!(message("a.jpg", b"x").contains("'.jpg': supported here are .png"));
    assert!(read_image(folder.path()).unwrap_err().to_string().contains("this is a folder"));
    let missing = read_image(folder.path().join("no.png")).unwrap_err().to_string();
    assert!(missing.contains("no.png: there is no such file"), "{missing}");
    // Neither the name's format nor its lack of one is what is wrong then.
    for name in ["no.jpg", "no"] {
        let missing = read_image(folder.path().join(name)).unwrap_err().to_string();
        assert!(missing.ends_with(&format!("{name}: there is no such file: check the path")));
    }
}

#[test]
fn pixels_that_are_not_numbers_are_found_and_constants_pass() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let mut bytes = fs::read(fixture("le_f4.npy")).unwrap();
    let at = bytes.len() - 4 * 23; // Pixel 7: column 2 of row 1.
    bytes[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(
        read_image(&path).unwrap_err().problem,
        FileProblem::Image(ImageError::NotFinite { column: 2, row: 1, .. })
    ));
    write_line_integral(&path, &Image::zeros([4, 3])).unwrap();
    assert_eq!(read_image(&path).unwrap().image, Image::zeros([4, 3]));
}

#[test]
fn line_integrals_are_written_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let pixels: Vec<f32> = (0..35).map(|at| (at as f32 * 0.31).sin() + 1.1).collect();
    let drr = Image::new([7, 5], pixels).unwrap();
    for name in ["a.npy", "a.tif", "a.tiff", "a.nii", "a.nii.gz", "a.NPY"] {
        let path = folder.path().join(name);
        write_line_integral(&path, &drr).unwrap();
        let back = read_image(&path).unwrap();
        assert_eq!(back.image, drr, "{name}");
        assert_eq!((back.values, back.full_scale), (PixelValues::Attenuation, None));
    }
    let error = write_line_integral(folder.path().join("a.jpg"), &drr).unwrap_err();
    assert!(matches!(error.problem, FileProblem::Extension { .. }));
    let nan = Image::new([2, 1], vec![f32::NAN, 0.0]).unwrap();
    assert!(write_line_integral(folder.path().join("nan.png"), &nan).is_err());
    assert!(!folder.path().join("nan.png").exists());
}

#[test]
fn png_holds_intensity() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    let drr = Image::new([4, 1], vec![0.0, 1.0, 20.0, -0.5]).unwrap();
    write_line_integral(&path, &drr).unwrap();
    let back = read_image(&path).unwrap();
    // round(65535 exp(-1)) = 24109; a negative line integral is noise and saturates.
    assert_eq!(back.image.pixels(), [65535.0, 24109.0, 0.0, 65535.0]);
    assert_eq!((back.values, back.full_scale), (PixelValues::Intensity, Some(65535.0)));
}

#[test]
fn pngs_are_written_as_given() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    write_png_gray16(&path, [3, 2], &[0, 1, 256, 65535, 7, 8]).unwrap();
    assert_eq!(read_image(&path).unwrap().image.pixels(), [0.0, 1.0, 256.0, 65535.0, 7.0, 8.0]);
    write_png_rgb8(&path, [2, 1], &[9, 9, 9, 10, 20, 30]).unwrap();
    let back = read_image(&path).unwrap();
    assert_eq!((back.image.get(0, 0), back.full_scale), (Some(9.0), Some(255.0)));
    assert!((back.image.get(1, 0).unwrap() - 18.15).abs() < 1e-4); // 2.99 + 11.74 + 3.42
    for wrong in [write_png_gray16(&path, [3, 2], &[0; 5]), write_png_rgb8(&path, [0, 1], &[])] {
        assert!(matches!(wrong.unwrap_err().problem, FileProblem::Raster(_)));
    }
}

#[test]
fn numpy_images_of_other_programs_open() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/drr");
    if !folder.is_dir() {
        println!("skipped: there is no ../shared/reference beside the checkout");
        return;
    }
    let arrays = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    for path in arrays.filter(|p| p.extension().is_some_and(|e| e == "npy")) {
        let loaded = read_image(&path).unwrap();
        assert_eq!(loaded.image.size_px(), [256, 256], "{path:?}");
        assert_eq!(loaded.values, PixelValues::Attenuation);
    }
}
