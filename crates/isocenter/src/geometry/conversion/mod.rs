//! Poses from and to the conventions of other programs.
//!
//! Each program has one struct that is its pose as a file: the keys are the program's own parameter
//! names in the program's own units, and beside them stands what the program leaves implicit. The
//! struct implements [`ForeignPose`], which leads to `camera_from_world` and back.
//!
//! | [`Convention`] | struct | what is implicit there |
//! |---|---|---|
//! | `diffdrr` | [`DiffDrrPose`] | `volume_center_world_mm`: DiffDRR moves the CT onto the origin |
//! | `nanodrr` | [`NanoDrrPose`] | nothing, its world is the CT's (RAS) |
//! | `plastimatch` | [`PlastimatchPose`] | nothing, its world is ours (LPS) |
//! | `prost` | [`ProStPose`] | `volume`: ProST turns the CT and scales it to a cube of side 2 |
//!
//! **Mirrors.** Some setups draw a mirrored image (`PA` of DiffDRR and nanodrr, ProST with most
//! volumes). No rigid pose does that: such a pose converts to the pose of an unmirrored camera and a
//! flip of the image's columns ([`ConvertedPose::image_flip`]). After a column flip the principal
//! point moves too, from `cx` to `columns - 1 - cx`.
//!
//! **Cameras.** [`ProjectionMatrix`] takes a 3x4 matrix apart into camera, pose and flip.
//!
//! `docs/conventions.md` has the formulas side by side, with a worked example. They are tested
//! against numbers that the programs themselves produced (ProST's against its published formulas).

mod diffdrr;
mod error;
mod nanodrr;
mod orbit;
mod plastimatch;
mod projection;
mod prost;

use std::fmt;
use std::str::FromStr;

use nalgebra::{Matrix3, Vector3};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::rigid::RigidTransform;
use crate::geometry::ImageFlip;

pub use diffdrr::{DiffDrrPose, EulerConvention, Parameterization};
pub use error::{ConversionError, ParseConventionError};
pub use nanodrr::NanoDrrPose;
pub use plastimatch::PlastimatchPose;
pub use projection::{ConvertedCamera, Depth, PixelScale, ProjectionError, ProjectionMatrix};
pub use prost::{ProStPose, ProStVolume};

/// A pose in our convention, and how the other program's image must be flipped to fit it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConvertedPose {
    /// The pose (mm), world = LPS.
    pub camera_from_world: RigidTransform,
    /// The flip between the image that the other program draws and the one our camera sees.
    pub image_flip: ImageFlip,
}

/// The pose of another program, as it stands in a file.
///
/// # Examples
/// ```
/// use isocenter::geometry::RigidTransform;
/// use isocenter::geometry::conversion::{ForeignPose, NanoDrrPose, Orientation, TargetGeometry};
/// use isocenter::radiograph::ImageFlip;
/// use nalgebra::Vector3;
/// // nanodrr, source 700 mm in front of the patient.
/// let pose = NanoDrrPose {
///     rotation: [0.0; 3],
///     translation: [0.0, 700.0, 0.0],
///     orientation: Orientation::Ap,
///     isocenter: None,
/// };
/// let converted = pose.to_camera_from_world().unwrap();
/// assert_eq!(converted.image_flip, ImageFlip::None);
/// let source_world = converted.camera_from_world.inverse().point(Vector3::zeros());
/// assert!((source_world - Vector3::new(0.0, -700.0, 0.0)).norm() < 1e-9);
/// // And back.
/// let target = TargetGeometry::default();
/// let back = NanoDrrPose::from_camera_from_world(&converted.camera_from_world, &target).unwrap();
/// assert!((back.translation[1] - 700.0).abs() < 1e-9);
/// ```
pub trait ForeignPose: Sized + Serialize + DeserializeOwned {
    /// Which program's pose this is.
    const CONVENTION: Convention;

    /// This pose in our convention.
    ///
    /// # Errors
    /// If a number is not finite or the numbers describe no pose.
    fn to_camera_from_world(&self) -> Result<ConvertedPose, ConversionError>;

    /// Our pose in this convention. It converts back to the same pose up to rounding; the image
    /// that the program draws with it is ours after the flip that
    /// [`to_camera_from_world`](Self::to_camera_from_world) of the result tells.
    ///
    /// # Errors
    /// If the pose is not finite or `target` lacks something that the program needs.
    fn from_camera_from_world(
        camera_from_world: &RigidTransform,
        target: &TargetGeometry,
    ) -> Result<Self, ConversionError>;
}

/// What a program's parameters need and a pose does not hold. Give what the target asks for:
///
/// | target | needed | used if given |
/// |---|---|---|
/// | `diffdrr` | `volume_center_world_mm` | `orientation` |
/// | `nanodrr` | | `orientation`, `volume_center_world_mm` |
/// | `plastimatch` | `source_to_isocenter_mm` | |
/// | `prost` | `source_to_isocenter_mm`, `source_to_detector_mm`, `prost_volume` | |
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TargetGeometry {
    /// The orientation of DiffDRR and nanodrr; a mirroring one means that the image is flipped.
    pub orientation: Orientation,
    /// The centre of the CT, `world_from_index ((shape - 1) / 2)` (mm, LPS).
    pub volume_center_world_mm: Option<[f64; 3]>,
    /// Distance from the source to the isocenter (mm).
    pub source_to_isocenter_mm: Option<f64>,
    /// Distance from the source to the detector (mm).
    pub source_to_detector_mm: Option<f64>,
    /// The CT as ProST reads it.
    pub prost_volume: Option<ProStVolume>,
}

/// The fixed turn that DiffDRR and nanodrr put between the pose and the camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Orientation {
    /// Source in front of the patient for a positive `translation[1]`; does not mirror.
    #[default]
    Ap,
    /// `AP` with one axis reversed, a mirror: the source stands behind the patient for a negative
    /// `translation[1]`, and the image is flipped in columns.
    Pa,
}

/// The conventions that a pose file can be in.
///
/// # Examples
/// ```
/// use isocenter::geometry::conversion::Convention;
/// assert_eq!("diffdrr".parse::<Convention>().unwrap(), Convention::DiffDrr);
/// assert!("itk".parse::<Convention>().unwrap_err().to_string().contains("plastimatch"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Convention {
    /// Ours: `camera_from_world`, LPS, millimetres.
    Isocenter,
    /// [`DiffDrrPose`].
    DiffDrr,
    /// [`NanoDrrPose`].
    NanoDrr,
    /// [`PlastimatchPose`].
    Plastimatch,
    /// [`ProStPose`].
    ProSt,
}

impl Convention {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Isocenter, Self::DiffDrr, Self::NanoDrr, Self::Plastimatch, Self::ProSt];

    /// The name, as `--from` and `--to` take it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Isocenter => "isocenter",
            Self::DiffDrr => "diffdrr",
            Self::NanoDrr => "nanodrr",
            Self::Plastimatch => "plastimatch",
            Self::ProSt => "prost",
        }
    }
}

impl fmt::Display for Convention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Convention {
    type Err = ParseConventionError;

    fn from_str(text: &str) -> Result<Self, ParseConventionError> {
        Self::ALL
            .into_iter()
            .find(|convention| convention.name() == text)
            .ok_or_else(|| ParseConventionError { found: text.to_owned() })
    }
}

/// RAS from LPS, and LPS from RAS.
fn ras_from_lps() -> Matrix3<f64> {
    Matrix3::from_diagonal(&Vector3::new(-1.0, -1.0, 1.0))
}

/// The axes of a camera, its columns reversed if they mirror, and the flip of the image that does
/// the same.
fn unmirrored(camera_axes: Matrix3<f64>) -> (Matrix3<f64>, ImageFlip) {
    if camera_axes.determinant() < 0.0 {
        let reversed = Matrix3::from_diagonal(&Vector3::new(-1.0, 1.0, 1.0));
        (reversed * camera_axes, ImageFlip::Columns)
    } else {
        (camera_axes, ImageFlip::None)
    }
}

/// The components, none of them a negative zero: a file shows them.
fn components(vector: Vector3<f64>) -> [f64; 3] {
    (vector + Vector3::zeros()).into()
}

/// The numbers of a key, if all are finite.
fn finite<const N: usize>(
    key: &'static str,
    values: [f64; N],
) -> Result<[f64; N], ConversionError> {
    match values.iter().find(|value| !value.is_finite()) {
        Some(&value) => Err(ConversionError::NotFinite { key, value }),
        None => Ok(values),
    }
}

/// The length of a key, if it is one.
fn positive(key: &'static str, value: f64) -> Result<f64, ConversionError> {
    if value.is_finite() && value > 0.0 {
        Ok(value)
    } else {
        Err(ConversionError::NotPositive { key, value })
    }
}

/// What the target needs, or the error that names it.
fn needed<T>(
    target: Convention,
    key: &'static str,
    value: Option<T>,
) -> Result<T, ConversionError> {
    value.ok_or(ConversionError::Missing { target, key })
}

/// Refuses a pose that holds NaN or infinity.
fn check_pose(camera_from_world: &RigidTransform) -> Result<(), ConversionError> {
    RigidTransform::from_matrix(&camera_from_world.to_matrix())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    //! Proves: names round-trip, every convention's pose converts back to the pose it came from,
    //! every missing piece is named, and nothing that is not finite passes. Equality with the
    //! programs themselves is proved in `tests/foreign_poses.rs`.
    use super::*;
    use proptest::prelude::*;

    fn target(orientation: Orientation, z_rot_90: bool, is_flip: bool) -> TargetGeometry {
        TargetGeometry {
            orientation,
            volume_center_world_mm: Some([12.0, -150.0, 431.5]),
            source_to_isocenter_mm: Some(710.0),
            source_to_detector_mm: Some(1020.0),
            prost_volume: Some(ProStVolume {
                affine: [
                    [-1.5, 0.0, 0.0, 90.0],
                    [0.0, 1.5, 0.0, -70.0],
                    [0.0, 0.0, 1.5, 300.0],
                    [0.0, 0.0, 0.0, 1.0],
                ],
                shape: [120, 100, 90],
                z_rot_90,
                is_flip,
            }),
        }
    }

    fn distance(a: &RigidTransform, b: &RigidTransform) -> f64 {
        (a.to_matrix() - b.to_matrix()).amax()
    }

    fn round_trip<P: ForeignPose>(pose: &RigidTransform, target: &TargetGeometry) -> f64 {
        let foreign = P::from_camera_from_world(pose, target).unwrap();
        distance(&foreign.to_camera_from_world().unwrap().camera_from_world, pose)
    }

    proptest! {
        #[test]
        fn every_convention_converts_back(
            omega in prop::array::uniform3(-3.0..3.0f64),
            translation in prop::array::uniform3(-900.0..900.0f64),
            pa: bool, z_rot_90: bool, is_flip: bool,
        ) {
            let pose = RigidTransform::from_rotation_vector(omega.into(), translation.into());
            let orientation = if pa { Orientation::Pa } else { Orientation::Ap };
            let target = target(orientation, z_rot_90, is_flip);
            // Translations of 1e3 mm in f64 and a handful of products: 1e-10 mm is a thousandfold slack.
            prop_assert!(round_trip::<DiffDrrPose>(&pose, &target) < 1e-10);
            prop_assert!(round_trip::<NanoDrrPose>(&pose, &target) < 1e-10);
            prop_assert!(round_trip::<PlastimatchPose>(&pose, &target) < 1e-10);
            prop_assert!(round_trip::<ProStPose>(&pose, &target) < 1e-10);
        }
    }

    #[test]
    fn names_round_trip_and_unknown_ones_list_the_known() {
        for convention in Convention::ALL {
            assert_eq!(convention.to_string().parse::<Convention>().unwrap(), convention);
        }
        let message = "DiffDRR".parse::<Convention>().unwrap_err().to_string();
        for convention in Convention::ALL {
            assert!(message.contains(convention.name()), "{message}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let pose = RigidTransform::identity();
        let without = |change: fn(&mut TargetGeometry)| {
            let mut target = target(Orientation::Ap, false, false);
            change(&mut target);
            target
        };
        let missing = |result: Result<(), ConversionError>, name: &str| {
            let error = result.unwrap_err();
            assert!(matches!(error, ConversionError::Missing { key, .. } if key == name));
            assert!(error.to_string().contains(name), "{error}");
        };
        let no_center = without(|t| t.volume_center_world_mm = None);
        let no_isocenter = without(|t| t.source_to_isocenter_mm = None);
        let no_detector = without(|t| t.source_to_detector_mm = None);
        let no_volume = without(|t| t.prost_volume = None);
        fn try_to<P: ForeignPose>(
            pose: &RigidTransform,
            target: &TargetGeometry,
        ) -> Result<(), ConversionError> {
            P::from_camera_from_world(pose, target).map(|_| ())
        }
        missing(try_to::<DiffDrrPose>(&pose, &no_center), "volume_center_world_mm");
        missing(try_to::<PlastimatchPose>(&pose, &no_isocenter), "source_to_isocenter_mm");
        missing(try_to::<ProStPose>(&pose, &no_isocenter), "source_to_isocenter_mm");
        missing(try_to::<ProStPose>(&pose, &no_detector), "source_to_detector_mm");
        missing(try_to::<ProStPose>(&pose, &no_volume), "prost_volume");
        // nanodrr needs nothing.
        assert!(try_to::<NanoDrrPose>(&pose, &no_center).is_ok());
    }

    #[test]
    fn poses_that_are_not_finite_are_refused() {
        let nan = RigidTransform::from_translation(Vector3::new(0.0, f64::NAN, 0.0));
        let target = target(Orientation::Ap, false, false);
        assert!(DiffDrrPose::from_camera_from_world(&nan, &target).is_err());
        assert!(NanoDrrPose::from_camera_from_world(&nan, &target).is_err());
        assert!(PlastimatchPose::from_camera_from_world(&nan, &target).is_err());
        assert!(ProStPose::from_camera_from_world(&nan, &target).is_err());
    }
}
