//! Why landmarks give no pose.

use super::{FEWEST_LANDMARKS, Landmark};

/// Why landmarks give no pose. Numbers of landmarks count from 1.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LandmarkError {
    /// There are too few.
    #[error(
        "{count} landmarks: at least {FEWEST_LANDMARKS} are needed, better 6 or more; add some"
    )]
    TooFew {
        /// How many there are.
        count: usize,
    },
    /// A coordinate is NaN, infinite or beyond any room.
    #[error(
        "landmark {number} holds {value}: every coordinate must be a finite number, at most {largest:.0e} mm or px",
        largest = Landmark::LARGEST
    )]
    Coordinate {
        /// Which landmark.
        number: usize,
        /// The value.
        value: f64,
    },
    /// Two points of the patient are one.
    #[error(
        "landmarks {first} and {second} are at the same place in the patient ({distance_mm:.1e} mm apart): keep one of them"
    )]
    Coincident {
        /// The first landmark.
        first: usize,
        /// The second landmark.
        second: usize,
        /// Their distance (mm).
        distance_mm: f64,
    },
    /// The points of the patient lie on a line.
    #[error(
        "the landmarks lie on a line ({across_mm:.2} mm across it, {along_mm:.1} mm along it, standard deviations): the turn about it cannot be found; add landmarks beside the line"
    )]
    Collinear {
        /// Standard deviation along the line (mm).
        along_mm: f64,
        /// The largest one across it (mm).
        across_mm: f64,
    },
    /// The landmarks are seen in one place.
    #[error(
        "all landmarks are seen within {spread_px:.2} px of one place: give columns and rows in pixels of this image"
    )]
    OnePixel {
        /// The largest distance from their mean (px).
        spread_px: f64,
    },
    /// No pose has the landmarks in front of the source.
    #[error(
        "no pose shows the {count} landmarks in front of the X-ray source: check their order or labels, the flip and the camera"
    )]
    NoPose {
        /// How many there are.
        count: usize,
    },
    /// Few landmarks, and they contradict each other.
    #[error(
        "the {count} landmarks contradict each other: the best pose misses them by {rms_px:.1} px (RMS), at most {inlier_px} is allowed; check their order or labels, the flip and the camera, or raise landmarks.inlier_px"
    )]
    Disagree {
        /// How many there are.
        count: usize,
        /// Root mean square residual (px).
        rms_px: f64,
        /// What is allowed (px).
        inlier_px: f64,
    },
    /// Too few of many landmarks agree on a pose.
    #[error(
        "no more than {agreeing} of {count} landmarks agree on a pose within {inlier_px} px, at least {needed} must: check their order or labels, the flip and the camera, or raise landmarks.inlier_px"
    )]
    NoConsensus {
        /// How many agree.
        agreeing: usize,
        /// How many there are.
        count: usize,
        /// How many must agree.
        needed: usize,
        /// Within which distance (px).
        inlier_px: f64,
    },
    /// The landmarks agree on too many poses.
    #[error(
        "the landmarks leave the pose open (one pixel of error turns it by {rotation_deg_per_px:.0} degrees, moves it by {depth_mm_per_px:.0} mm in depth): add landmarks further apart, not on one line and not in one plane"
    )]
    Undetermined {
        /// Uncertainty of the rotation for one pixel of noise (degrees).
        rotation_deg_per_px: f64,
        /// Uncertainty of the depth for one pixel of noise (mm).
        depth_mm_per_px: f64,
    },
    /// A setting makes no sense.
    #[error("the setting landmarks.{name} is {found}: it must be {expected}")]
    Setting {
        /// Which one.
        name: &'static str,
        /// Its value.
        found: f64,
        /// What it must be.
        expected: &'static str,
    },
}
