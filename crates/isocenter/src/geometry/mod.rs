//! Frames, poses, cameras and views. `docs/conventions.md` has the whole picture.
//!
//! - [`rotation`] - SO(3), the exponential map and its Jacobian
//! - [`rigid`] - SE(3), [`RigidTransform`]
//! - [`motion`] - [`PivotMotion`], the six parameters of every optimiser
//! - [`camera`] - [`Camera`], the point source and the detector
//! - [`view`] - [`View`], DICOM positioner angles and named views
//! - [`conversion`] - poses from and to DiffDRR, nanodrr, plastimatch and ProST

pub mod camera;
pub mod conversion;
pub mod motion;
pub mod rigid;
pub mod rotation;
pub mod view;

pub use camera::{Camera, CameraError};
pub use motion::PivotMotion;
pub use rigid::{RigidError, RigidTransform};
pub use view::{ParseViewError, View};
