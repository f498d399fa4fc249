//! Proves: once a projector has been used, rendering into buffers of the caller allocates nothing
//! (the contracted jet: a few numbers per band of rows), and a batch of thousand images no more than
//! its results. One thread, so that no other test and no idle worker is counted.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use isocenter::geometry::{Camera, PivotMotion};
use isocenter::project::Projector;
use nalgebra::Vector6;
use support::{body, pivot_world_mm, poses};

/// Counts the bytes asked for.
struct Counting;

static ASKED_BYTES: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all work is the system's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ASKED_BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// The bytes that the second of two calls asks for.
fn asked(mut call: impl FnMut()) -> usize {
    call();
    let before = ASKED_BYTES.load(Ordering::Relaxed);
    call();
    ASKED_BYTES.load(Ordering::Relaxed) - before
}

#[test]
fn nothing_is_allocated_twice() {
    let projector = Projector::new(body(0.01, 61));
    let camera = Camera::new(1000.0, [2.0, 2.0], [130, 111]).unwrap();
    let small = Camera::new(1000.0, [8.0, 8.0], [32, 32]).unwrap();
    let all = poses(1000, 62);
    let pivot = pivot_world_mm();
    let motion = PivotMotion::from_vector(&Vector6::repeat(1.0));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| {
        let exposure = projector.expose(&camera, &all[0]).unwrap();
        let number = exposure.image_len();
        let (mut image, mut tangent) = (vec![0.0; number], vec![0.0; number]);
        let mut jacobian = vec![[0.0; 6]; number];
        let mut volume = vec![0.0; exposure.volume_len()];
        assert_eq!(asked(|| exposure.forward_into(&mut image).unwrap()), 0);
        assert_eq!(asked(|| exposure.jet_into(pivot, &mut image, &mut jacobian).unwrap()), 0);
        let tangents = || {
            exposure.tangent_into(pivot, &motion, &mut image, &mut tangent).unwrap();
        };
        assert_eq!(asked(tangents), 0);
        assert_eq!(asked(|| exposure.adjoint_into(&image, &mut volume).unwrap()), 0);
        let adjoints = || {
            let (y, y_tangent) = (&image, &tangent);
            exposure.tangent_adjoint_into(pivot, &motion, y, y_tangent, &mut volume).unwrap();
        };
        assert_eq!(asked(adjoints), 0);
        // Fourteen bands of six f64.
        let contracted = || {
            exposure.contracted_jet(pivot, &image).unwrap();
        };
        assert_eq!(asked(contracted), 14 * 48);
        let batch = || {
            drop(projector.forward_each(&small, &all, |_, i| i.map_or(0.0, |i| i.iter().sum())));
        };
        // An f32 per pose, one image of 4 KiB, and some for sharing the work.
        let bytes = asked(batch);
        assert!(bytes < 1000 * 4 + 4096 + 8192, "{bytes}");
    });
}
