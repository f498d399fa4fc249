//! Frames, poses, cameras and views. `docs/conventions.md` has the whole picture.
//!
//! - [`rotation`] - SO(3), the exponential map and its Jacobian
//! - [`rigid`] - SE(3), [`RigidTransform`]
//! - [`motion`] - [`PivotMotion`], the six parameters of every optimiser
//! - [`affine`] - [`Affine`], where voxels lie
//! - [`camera`] - [`Camera`], the point source and the detector
//! - [`flip`] - [`ImageFlip`], the side an image is seen from
//! - [`pixel_region`] - [`PixelRegion`], a rectangle that is cropped from an image
//! - [`view`] - [`View`], DICOM positioner angles and named views
//! - [`conversion`] - poses from and to DiffDRR, nanodrr, plastimatch and ProST; projection matrices

pub mod affine;
pub mod camera;
pub mod conversion;
pub mod flip;
pub mod motion;
pub mod pixel_region;
pub mod rigid;
pub mod rotation;
pub mod view;

pub use affine::{Affine, AffineError};
pub use camera::{Camera, CameraError};
pub use flip::{ImageFlip, ParseFlipError};
pub use motion::PivotMotion;
pub use pixel_region::{ParseRegionError, PixelRegion, RegionError};
pub use rigid::{RigidError, RigidTransform};
pub use view::{ParseViewError, View};
