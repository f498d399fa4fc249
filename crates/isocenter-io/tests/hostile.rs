//! Proves: no file, cut off anywhere or with any bytes changed, makes a reader panic, hang or ask for
//! memory that the file cannot account for: 16 bytes for a byte of an encoding that is not compressed.
//!
//! `ISOCENTER_MUTATIONS=1000000` gives each parser a million changed files.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::time::Instant;

use isocenter::radiograph::Image;
use isocenter_io::geometry::camera_from::{CameraFormat, read_foreign_camera};
use isocenter_io::geometry::{read_camera, read_pose};
use isocenter_io::image::{read_image, write_intensity8};
use isocenter_io::points::read_points;
use isocenter_io::volume::{read_ct, read_labels};
use isocenter_io::xray::{GivenGeometry, read_xray};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use support::{COMPRESSED, LONGEST, PLAIN, rounds};

/// Remembers, for each thread, the most memory in use at once.
struct Watch;

thread_local! {
    static IN_USE: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    let now = IN_USE.get() + bytes;
    IN_USE.set(now);
    MOST.set(MOST.get().max(now));
}

// SAFETY: every call is passed on to the system's allocator unchanged; the counters are plain
// cells without a destructor, so that using them never allocates.
unsafe impl GlobalAlloc for Watch {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static WATCH: Watch = Watch;

/// What a reader may use besides what the file's own bytes account for: buffers and the tables of
/// the decoders.
const FIXED: usize = 1 << 20;

fn read(path: &Path, bytes: &[u8], per_byte: usize, reader: &impl Fn(&Path) -> bool) -> bool {
    // A new file: some systems wait for the disk where an old one is replaced.
    let _ = fs::remove_file(path);
    fs::write(path, bytes).unwrap();
    let before = IN_USE.get();
    MOST.set(before);
    let start = Instant::now();
    let ok = reader(path);
    assert!(start.elapsed() < LONGEST, "{:?}", start.elapsed());
    let used = (MOST.get() - before) as usize;
    assert!(used < FIXED + per_byte * bytes.len(), "{used} bytes for a file of {}", bytes.len());
    ok
}

/// Reads truncations and mutations of all the files; at least one must be refused and, unchanged,
/// all must be read.
fn torment(
    name: &str,
    files: &[Vec<u8>],
    per_byte: usize,
    seed: u64,
    reader: impl Fn(&Path) -> bool,
) {
    let folder = tempfile::tempdir().unwrap();
    torment_at(&folder.path().join(name), files, per_byte, seed, rounds(20_000), reader);
}

/// The same at a place, with so many mutations.
fn torment_at(
    path: &Path,
    files: &[Vec<u8>],
    per_byte: usize,
    seed: u64,
    mutations: usize,
    reader: impl Fn(&Path) -> bool,
) {
    assert!(!files.is_empty());
    let mut refused = 0;
    for file in files {
        assert!(read(path, file, per_byte, &reader));
        for end in (0..file.len()).step_by(7) {
            refused += usize::from(!read(path, &file[..end], per_byte, &reader));
        }
    }
    assert!(refused > 0);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    for round in 0..mutations {
        let mut bytes = files[round % files.len()].clone();
        for _ in 0..random.random_range(1..=6) {
            // Headers, where the numbers are that matter, lie within the first bytes.
            let end = if random.random() { bytes.len() } else { bytes.len().min(400) };
            let at = random.random_range(0..end);
            bytes[at] = match random.random_range(0..4) {
                0 => 0,
                1 => 0xff,
                2 => bytes[at] ^ (1 << random.random_range(0..8)),
                _ => random.random(),
            };
        }
        read(path, &bytes, per_byte, &reader);
    }
}

/// The fixtures whose names end so, less those that are wrong on purpose.
fn fixtures(ending: &str, but: &[&str]) -> Vec<Vec<u8>> {
    fixtures_in("tests/fixtures", ending, but)
}

fn fixtures_in(folder: &str, ending: &str, but: &[&str]) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut names: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(ending) && !but.contains(&name.as_str()))
        .collect();
    names.sort();
    names.iter().map(|name| fs::read(folder.join(name)).unwrap()).collect()
}

#[test]
fn volumes() {
    let wrong = ["two_volumes.nii", "version_2.nii", "rgb.nii", "flat_f32.nii"];
    let files = fixtures(".nii", &wrong);
    torment("a.nii", &files, PLAIN, 1, |p| {
        let _ = read_labels(p);
        read_ct(p).is_ok()
    });
    let files = fixtures(".nii.gz", &["slice_u16.nii.gz"]);
    torment("a.nii.gz", &files, COMPRESSED, 2, |p| read_ct(p).is_ok());
}

/// A header that announces more than there is: nothing is set aside for it.
#[test]
fn volumes_that_announce_too_much() {
    let folder = tempfile::tempdir().unwrap();
    for (ending, file) in [
        (".nii", fixtures("qform_only.nii", &[]).remove(0)),
        (".nii.gz", {
            use std::io::Read;
            let mut bytes = Vec::new();
            let gz = fixtures("oblique.nii.gz", &[]).remove(0);
            flate2::read::GzDecoder::new(&gz[..]).read_to_end(&mut bytes).unwrap();
            bytes
        }),
    ] {
        let mut bytes = file;
        for axis in [42, 44, 46] {
            bytes[axis..axis + 2].copy_from_slice(&32767_i16.to_le_bytes());
        }
        if ending == ".nii.gz" {
            use std::io::Write;
            let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gz.write_all(&bytes).unwrap();
            bytes = gz.finish().unwrap();
        }
        let path = folder.path().join(format!("a{ending}"));
        let message = std::cell::RefCell::new(String::new());
        let ok = read(&path, &bytes, PLAIN, &|p: &Path| match read_ct(p) {
            Ok(_) => true,
            Err(error) => {
                message.replace(error.to_string());
                false
            }
        });
        assert!(!ok);
        assert!(message.borrow().contains("where 70362301923326"), "{}", message.borrow());
    }
}

const METAIMAGES: &str = "tests/fixtures/metaimage";

/// Bytes anywhere, in single files.
#[test]
fn metaimage_files() {
    let folder = tempfile::tempdir().unwrap();
    // Its voxels lie in another file.
    let files = fixtures_in(METAIMAGES, ".mha", &["not_local.mha"]);
    let is_compressed = |file: &Vec<u8>| {
        let key = b"CompressedData = True";
        file.windows(key.len()).any(|window| window == key)
    };
    let (compressed, plain) = files.into_iter().partition(is_compressed);
    for (files, per_byte, seed) in [(plain, PLAIN, 12), (compressed, COMPRESSED, 16)] {
        let files: Vec<Vec<u8>> = files;
        let path = folder.path().join("a.mha");
        torment_at(&path, &files, per_byte, seed, rounds(10_000), |p| {
            let _ = read_labels(p);
            read_ct(p).is_ok()
        });
    }
}

/// Bytes anywhere, in headers whose voxels lie in another file, and in such a file.
#[test]
fn metaimage_pairs() {
    let folder = tempfile::tempdir().unwrap();
    let [header, data] = ["axes_xnynzn.mhd", "axes_xnynzn.zraw"]
        .map(|name| fixtures_in(METAIMAGES, name, &[]).remove(0));
    let [header_path, data_path] =
        ["axes_xnynzn.mhd", "axes_xnynzn.zraw"].map(|name| folder.path().join(name));
    fs::write(&data_path, &data).unwrap();
    torment_at(&header_path, std::slice::from_ref(&header), COMPRESSED, 13, rounds(10_000), |p| {
        read_ct(p).is_ok()
    });
    fs::write(&header_path, &header).unwrap();
    torment_at(&data_path, &[data], COMPRESSED, 14, rounds(10_000), |_| {
        read_ct(&header_path).is_ok()
    });
}

/// Words and lines, which bytes at random seldom make: values that mean something elsewhere, lines
/// that are missing, doubled or out of order.
#[test]
fn metaimage_words() {
    const WORDS: [&str; 20] = [
        "0",
        "-1",
        "1",
        "2",
        "3",
        "1e308",
        "-1e-308",
        "nan",
        "inf",
        "32767",
        "4294967296",
        "18446744073709551615",
        "True",
        "False",
        "MET_CHAR",
        "MET_DOUBLE",
        "MET_LONG_LONG",
        "LOCAL",
        "LIST",
        "",
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mha");
    let files = fixtures_in(METAIMAGES, ".mha", &["not_local.mha"]);
    let mut random = ChaCha8Rng::seed_from_u64(15);
    let mut read_so_far = 0;
    let total = rounds(20_000);
    for round in 0..total {
        let file = &files[round % files.len()];
        let last = b"ElementDataFile = LOCAL\n";
        let Some(end) = file.windows(last.len()).position(|w| w == last) else { continue };
        let (header, data) = file.split_at(end + last.len());
        let mut lines: Vec<String> =
            String::from_utf8_lossy(header).lines().map(str::to_owned).collect();
        for _ in 0..random.random_range(1..=3) {
            let [at, to] = [0, 1].map(|_| random.random_range(0..lines.len()));
            match random.random_range(0..6) {
                0 => lines.swap(at, to),
                1 => lines.insert(to, lines[at].clone()),
                2 if lines.len() > 1 => drop(lines.remove(at)),
                _ => {
                    let mut words: Vec<&str> = lines[at].split(' ').collect();
                    let word = random.random_range(0..words.len());
                    words[word] = WORDS[random.random_range(0..WORDS.len())];
                    lines[at] = words.join(" ");
                }
            }
        }
        let bytes = [lines.join("\n").as_bytes(), b"\n", data].concat();
        read_so_far += usize::from(read(&path, &bytes, COMPRESSED, &|p: &Path| read_ct(p).is_ok()));
    }
    // Some changes do not matter; most do.
    assert!((total / 60..total * 2 / 3).contains(&read_so_far), "{read_so_far} of {total}");
}

/// A small file that becomes a large one: what the header does not vouch for is not made room for,
/// and what no compressed data can hold is refused before it is decompressed.
#[test]
fn metaimages_that_expand() {
    use std::io::Write;
    let count = 256 * 256 * 256;
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    zlib.write_all(&vec![0; count]).unwrap();
    let compressed = zlib.finish().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mha");
    for (dims, message) in [
        ("32767 32767 32767", "compressed bytes cannot hold"),
        ("2 2 2", "make 8 bytes, but more follow"),
        ("256 256 256", ""),
    ] {
        let header = format!(
            "NDims = 3\nElementSpacing = 1 1 1\nDimSize = {dims}\nElementType = MET_UCHAR\n\
             CompressedData = True\nElementDataFile = LOCAL\n"
        );
        fs::write(&path, [header.as_bytes(), &compressed].concat()).unwrap();
        let before = IN_USE.get();
        MOST.set(before);
        let read = read_ct(&path);
        let used = (MOST.get() - before) as usize;
        // Floats, while they move to a place of twice the size.
        let most = if message.is_empty() { 3 * 4 * count / 2 + FIXED } else { FIXED };
        assert!(used < most, "{used} bytes for {dims}");
        match read {
            Ok(_) => assert!(message.is_empty()),
            Err(error) => assert!(error.to_string().contains(message), "{error}"),
        }
    }
}

/// Files of which a byte is a pixel, so large that no buffer hides what is set aside for them.
#[test]
fn memory_is_in_proportion_to_what_is_not_compressed() {
    const SIDE: usize = 2048;
    let folder = tempfile::tempdir().unwrap();
    let pixels: Vec<u8> = (0..SIDE * SIDE).map(|n| (n / 7) as u8).collect();
    let with = |header: &str| [header.as_bytes(), &pixels].concat();
    let mha = "NDims = 3\nElementSpacing = 1 1 1\nDimSize = 2048 1024 2\nElementType = MET_UCHAR\n\
               ElementDataFile = LOCAL\n";
    let nrrd = "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 2048 1024 2\nspacings: 1 1 1\n\
                encoding: raw\n\n";
    let mut nifti = fixtures("qform_only.nii", &[]).remove(0);
    nifti.truncate(352);
    // dim and datatype.
    for (at, number) in [(42, 2048_i16), (44, 1024), (46, 2), (70, 2)] {
        nifti[at..at + 2].copy_from_slice(&number.to_le_bytes());
    }
    let nifti = [&nifti, &pixels[..]].concat();
    let mut npy = b"\x93NUMPY\x01\0\x76\0".to_vec();
    let header = "{'descr': '|u1', 'fortran_order': True, 'shape': (2048, 2048)}";
    npy.extend(format!("{header:<117}\n").bytes());
    npy.extend(&pixels);
    let mut xray = fixtures_in("tests/fixtures/xray", "grey_log.dcm", &[]).remove(0);
    let at = xray.windows(6).position(|w| w == b"\xe0\x7f\x10\0OW").unwrap();
    xray.truncate(at + 8);
    xray.extend((pixels.len() as u32).to_le_bytes());
    xray.extend(&pixels);
    for (element, number) in [(0x10, 1024_u16), (0x11, 2048)] {
        let head = [0x28, 0, element, 0, b'U', b'S', 2, 0];
        let at = xray.windows(8).position(|w| w == head).unwrap() + 8;
        xray[at..at + 2].copy_from_slice(&number.to_le_bytes());
    }
    let screen = Image::new([SIDE; 2], pixels.iter().map(|&p| f32::from(p)).collect()).unwrap();
    let tiff = folder.path().join("written.tif");
    write_intensity8(&tiff, &screen).unwrap();
    let volume: fn(&Path) -> bool = |p| read_ct(p).is_ok();
    let image: fn(&Path) -> bool = |p| read_image(p).is_ok();
    for (name, bytes, reader) in [
        ("a.mha", with(mha), volume),
        ("a.nrrd", with(nrrd), volume),
        ("a.nii", nifti, volume),
        ("a.npy", npy, image),
        ("a.tif", fs::read(tiff).unwrap(), image),
        ("a.dcm", xray, |p| read_xray(p, None, None).is_ok()),
    ] {
        assert!(read(&folder.path().join(name), &bytes, PLAIN, &reader), "{name}");
    }
}

#[test]
fn nifti_images() {
    let files = [fixtures("flat_f32.nii", &[]), fixtures("slice_u16.nii.gz", &[])].concat();
    torment("a.nii", &files, COMPRESSED, 3, |p| read_image(p).is_ok());
}

#[test]
fn npy() {
    torment("a.npy", &fixtures(".npy", &[]), PLAIN, 4, |p| read_image(p).is_ok());
}

#[test]
fn png() {
    torment("a.png", &fixtures(".png", &[]), COMPRESSED, 5, |p| read_image(p).is_ok());
}

#[test]
fn tiff() {
    let files = fixtures(".tif", &["rgb.tif", "two_pages.tif"]);
    torment("a.tif", &files, COMPRESSED, 6, |p| read_image(p).is_ok());
}

#[test]
fn poses_and_cameras() {
    let pose = br#"{"camera_from_world": [[1, 0, 0, 0.5], [0, 0, -1, 1e-3], [0, 1, 0, 700],
        [0, 0, 0, 1]], "world": "LPS", "unit": "mm"}"#;
    torment("pose.json", &[pose.to_vec()], PLAIN, 7, |p| read_pose(p).is_ok());
    let camera = r#"{"source_to_detector_mm": 1020.0, "pixel_spacing_mm": [1.4, 1.5],
        "size_px": [256, 200], "principal_point_px": [100.5, 99], "source_to_isocenter_mm": 7e2}"#;
    torment("camera.json", &[camera.into()], PLAIN, 8, |p| read_camera(p).is_ok());
}

#[test]
fn points() {
    let csv = "# mm\nx,y,z,name\n1.5,-2,3e2,\"L4, \"\"left\"\"\"\n0.1,0.2,0.3,\n";
    let files = [csv, "1,2,3\n4,5,6\n"].map(|text| text.as_bytes().to_vec());
    torment("a.csv", &files, PLAIN, 9, |p| read_points(p).is_ok());
    let fcsv = "# Markups fiducial file version = 4.11\n# CoordinateSystem = 0\n\
        # columns = id,x,y,z,label,desc\n1,1.5,-2,3e2,\"a, b\",\n2,4,5,6,c,\"d\"\n";
    torment("a.fcsv", &[fcsv.into()], PLAIN, 10, |p| read_points(p).is_ok());
    let markups = r#"{"markups": [{"type": "Fiducial", "coordinateSystem": "RAS",
        "coordinateUnits": ["mm", "UCUM", "millimeter"], "display": {"color": [1, [0], {}]},
        "controlPoints": [{"label": "a", "position": [1.5, -2, 3e2]},
        {"label": "b", "position": "", "positionStatus": "undefined"}]}]}"#;
    torment("a.mrk.json", &[markups.into()], PLAIN, 11, |p| read_points(p).is_ok());
}

/// The longest files, of little but separators: what is set aside stays in proportion.
#[test]
fn points_that_are_all_separators() {
    const LONGEST: usize = 1 << 22;
    // A `{}` is a control point that holds three values, in a vector that has just been doubled.
    const PER_SEPARATOR_BYTE: usize = 128;
    let folder = tempfile::tempdir().unwrap();
    for (name, start, filler) in [
        ("a.csv", "x", ","),
        ("a.csv", "\"", "\""),
        ("a.fcsv", "# CoordinateSystem = LPS\n# columns = ", ","),
        ("a.json", "", "["),
        ("a.json", "{\"markups\": [{\"coordinateSystem\": ", "["),
        ("a.json", "{\"markups\": [", "{},"),
        ("a.json", "{\"markups\": [{\"controlPoints\": [", "{},"),
        ("a.json", "{\"markups\": [{\"controlPoints\": [{\"position\": [", "0,"),
    ] {
        let text = format!("{start}{}", filler.repeat((LONGEST - start.len()) / filler.len()));
        let path = folder.path().join(name);
        fs::write(&path, &text).unwrap();
        let before = IN_USE.get();
        MOST.set(before);
        assert!(read_points(&path).is_err());
        let used = (MOST.get() - before) as usize;
        assert!(used < PER_SEPARATOR_BYTE * LONGEST, "{used} bytes for {start}{filler}");
    }
}

#[test]
fn x_rays() {
    let files =
        fixtures_in("tests/fixtures/xray", ".dcm", &["bad_modality.dcm", "bad_only_padding.dcm"]);
    let folder = tempfile::tempdir().unwrap();
    torment_at(&folder.path().join("a.dcm"), &files, PLAIN, 21, rounds(20_000), |p| {
        let Ok(file) = read_xray(p, None, None) else { return false };
        // What is wrong with the geometry comes to light here.
        let _ = file.header.geometry.camera(&GivenGeometry::default());
        let _ = file.header.geometry.warnings();
        true
    });
}

#[test]
fn cameras_of_other_programs() {
    let folder = tempfile::tempdir().unwrap();
    let one = |ending: &str, but: &[&str]| fixtures_in("tests/fixtures/cameras", ending, but);
    for (files, format, seed) in [
        (one(".npy", &[]), CameraFormat::Matrix, 22),
        (one("matrix.txt", &[]), CameraFormat::Matrix, 23),
        (one(".json", &["opencv.json", "expected.json"]), CameraFormat::Matrix, 24),
        (one(".yml", &["opencv_distorted.yml"]), CameraFormat::OpenCv, 25),
        (one("opencv.json", &[]), CameraFormat::OpenCv, 26),
        (one("mayacam.txt", &[]), CameraFormat::MayaCam, 27),
        (one(".h5", &["xreg_on_detector.h5"]), CameraFormat::XReg, 28),
    ] {
        let per_byte = if format == CameraFormat::XReg { COMPRESSED } else { PLAIN };
        torment_at(&folder.path().join("camera"), &files, per_byte, seed, rounds(20_000), |p| {
            let Ok(foreign) = read_foreign_camera(p, format, Some(0)) else { return false };
            let scale = isocenter::geometry::conversion::PixelScale::Spacing([0.4; 2]);
            let _ = foreign.projection.to_camera([640, 480], scale, foreign.depth);
            true
        });
    }
}
