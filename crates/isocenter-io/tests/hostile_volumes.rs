//! Proves: no NRRD file, and no DICOM file in a series or by itself, cut off anywhere or with any
//! bytes changed, makes a reader panic, hang, or ask for memory that the files cannot account for.
//!
//! As `hostile.rs`, but the memory of all threads is counted: series are read by many. So one test
//! runs at a time. `ISOCENTER_MUTATIONS=1000000` gives each parser a million changed files.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicIsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use isocenter_io::volume::dicom::read_dicom_image;
use isocenter_io::volume::{load_ct, read_ct, read_labels};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use support::{COMPRESSED, LONGEST, PLAIN, rounds};

/// Remembers the most memory in use at once.
struct Watch;

static IN_USE: AtomicIsize = AtomicIsize::new(0);
static MOST: AtomicIsize = AtomicIsize::new(0);

fn count(bytes: isize) {
    let now = IN_USE.fetch_add(bytes, Ordering::Relaxed) + bytes;
    MOST.fetch_max(now, Ordering::Relaxed);
}

// SAFETY: every call is passed on to the system's allocator unchanged; the counters never allocate.
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

/// What a reader may use besides what the files' own bytes account for: buffers, for each thread.
const FIXED: usize = 4 << 20;

/// The same where a file is compressed. Up to a million pixels are decoded however short it is: pixels,
/// and some copies as floats.
const FIXED_COMPRESSED: usize = 48 << 20;

/// Whether a file says of itself that it is compressed: the numbers of transfer syntaxes that are.
fn is_compressed(bytes: &[u8]) -> bool {
    let starts = [&b"1.2.840.10008.1.2.5"[..], b"1.2.840.10008.1.2.4.", b"1.2.840.10008.1.2.1.99"];
    let head = bytes.get(..1000).unwrap_or(bytes);
    let has = |text: &[u8]| head.windows(text.len()).any(|window| window == text);
    starts.into_iter().any(has) || has(b"encoding: gzip")
}

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads a changed file; `others` is how many bytes are read besides.
fn read(path: &Path, bytes: &[u8], others: usize, reader: &impl Fn() -> bool) -> bool {
    let _ = fs::remove_file(path);
    fs::write(path, bytes).unwrap();
    let before = IN_USE.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let start = Instant::now();
    let ok = reader();
    let used = (MOST.load(Ordering::Relaxed) - before) as usize;
    let (fixed, per_byte) =
        if is_compressed(bytes) { (FIXED_COMPRESSED, COMPRESSED) } else { (FIXED, PLAIN) };
    let bound = fixed + per_byte * (bytes.len() + others);
    assert!(used < bound, "{used} bytes for files of {}", bytes.len() + others);
    assert!(start.elapsed() < LONGEST, "{:?}", start.elapsed());
    ok
}

fn mutated(random: &mut ChaCha8Rng, file: &[u8], head: usize) -> Vec<u8> {
    let mut bytes = file.to_vec();
    if random.random_range(0..8) == 0 {
        bytes.truncate(random.random_range(0..bytes.len()));
    }
    if bytes.is_empty() {
        return bytes;
    }
    for _ in 0..random.random_range(1..=6) {
        let end = if random.random() { bytes.len() } else { bytes.len().min(head) };
        // The preamble of DICOM means nothing.
        let start = if head > 400 && end > 132 { 128 } else { 0 };
        let at = random.random_range(start..end);
        bytes[at] = match random.random_range(0..4) {
            0 => 0,
            1 => 0xff,
            2 => bytes[at] ^ (1 << random.random_range(0..8)),
            _ => random.random(),
        };
    }
    bytes
}

fn fixtures(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(folder)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn nrrd_files() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nrrd");
    let seeds: Vec<Vec<u8>> = files(&fixtures("nrrd"))
        .iter()
        .filter(|path| path.extension().is_some_and(|e| e == "nrrd"))
        .map(|path| fs::read(path).unwrap())
        .collect();
    let reader = || {
        let _ = read_labels(&path);
        read_ct(&path).is_ok()
    };
    let mut random = ChaCha8Rng::seed_from_u64(31);
    for seed in &seeds {
        assert!(read(&path, seed, 0, &reader));
    }
    let (mut opened, total) = (0, rounds(20_000));
    for round in 0..total {
        let bytes = mutated(&mut random, &seeds[round % seeds.len()], 400);
        opened += usize::from(read(&path, &bytes, 0, &reader));
    }
    // Some changes do not matter; most do.
    assert!((total / 40..total * 9 / 10).contains(&opened), "{opened} of {total}");
}

#[test]
fn nrrd_pairs() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let [header, data] = ["axes_xnynzp.nhdr", "axes_xnynzp.raw"].map(|n| folder.path().join(n));
    let from = files(&fixtures("nrrd"));
    let found = from.iter().find(|p| p.extension().is_some_and(|e| e == "nhdr")).unwrap();
    let seed = fs::read(found).unwrap();
    let text = String::from_utf8(seed).unwrap();
    let name = text.lines().find_map(|l| l.strip_prefix("data file: ")).unwrap();
    let data_seed = fs::read(found.with_file_name(name)).unwrap();
    let text = text.replace(name, "axes_xnynzp.raw");
    fs::write(&data, &data_seed).unwrap();
    let reader = || read_ct(&header).is_ok();
    let mut random = ChaCha8Rng::seed_from_u64(32);
    for _ in 0..rounds(10_000) {
        let bytes = mutated(&mut random, text.as_bytes(), 400);
        read(&header, &bytes, data_seed.len(), &reader);
    }
    fs::write(&header, &text).unwrap();
    for _ in 0..rounds(10_000) {
        let bytes = mutated(&mut random, &data_seed, 400);
        read(&data, &bytes, text.len(), &reader);
    }
    assert!(read(&data, &data_seed, text.len(), &reader));
}

/// A slice among others: of every encoding, and with every kind of tag.
#[test]
fn dicom_series() {
    let _alone = alone();
    let mut folders = files(&fixtures("dicom/encodings"));
    folders.extend(["tilt", "gap", "localizer"].map(|name| fixtures("dicom").join(name)));
    let each = rounds(24_000).div_ceil(folders.len());
    let mut random = ChaCha8Rng::seed_from_u64(33);
    let (mut opened, mut total) = (0, 0);
    for from in &folders {
        let folder = tempfile::tempdir().unwrap();
        let mut others = 0;
        let seeds: Vec<Vec<u8>> =
            files(from).iter().take(3).map(|path| fs::read(path).unwrap()).collect();
        for (n, seed) in seeds.iter().enumerate().skip(1) {
            others += seed.len();
            fs::write(folder.path().join(n.to_string()), seed).unwrap();
        }
        let path = folder.path().join("changed");
        let reader = || load_ct(folder.path(), None).is_ok();
        assert!(read(&path, &seeds[0], others, &reader), "{}", from.display());
        for _ in 0..each {
            let bytes = mutated(&mut random, &seeds[0], 800);
            opened += usize::from(read(&path, &bytes, others, &reader));
            total += 1;
        }
    }
    assert!(total >= 20_000);
    // Pixels make up half of the bytes.
    assert!((total / 20..total * 19 / 20).contains(&opened), "{opened} of {total}");
}

/// A file of many images, and images by themselves.
#[test]
fn dicom_files() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.dcm");
    let mut random = ChaCha8Rng::seed_from_u64(34);
    let names = ["enhanced.dcm", "enhanced_implicit.dcm", "enhanced_rle.dcm"];
    let each = rounds(20_000).div_ceil(names.len());
    for name in names {
        let seed = fs::read(fixtures("dicom").join(name)).unwrap();
        let reader = || {
            let _ = read_dicom_image(&path);
            load_ct(&path, None).is_ok()
        };
        assert!(read(&path, &seed, 0, &reader));
        for _ in 0..each {
            read(&path, &mutated(&mut random, &seed, 1600), 0, &reader);
        }
        for end in (0..seed.len()).step_by(13) {
            read(&path, &seed[..end], 0, &reader);
        }
    }
}

/// Codestreams, where only they change: the decoders see every byte of it.
#[test]
fn dicom_codestreams() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.dcm");
    let reader = || read_dicom_image(&path).is_ok();
    let mut random = ChaCha8Rng::seed_from_u64(35);
    let of_decoders: [&[&str]; 3] =
        [&["jpeg2000_i16", "jpeg2000_u8"], &["jpeg_i16", "jpeg_u8", "baseline_u8"], &["rle_i16"]];
    let each = |names: &[&'static str]| rounds(20_000).div_ceil(names.len());
    let files_of =
        of_decoders.iter().flat_map(|names| names.iter().map(|name| (*name, each(names))));
    for (name, each) in files_of {
        let seed = files(&fixtures("dicom/encodings").join(name))[0].clone();
        let seed = fs::read(seed).unwrap();
        let mark = [0xe0, 0x7f, 0x10, 0];
        let start = seed.windows(4).position(|window| window == mark).unwrap();
        let (head, codestream) = seed.split_at(start);
        assert!(read(&path, &seed, 0, &reader), "{name}");
        for _ in 0..each {
            let bytes = [head, &mutated(&mut random, codestream, 120)].concat();
            read(&path, &bytes, 0, &reader);
        }
    }
}
