//! 2D/3D registration: brings a pre-operative CT into register with an intra-operative X-ray.
//!
//! | module | what lives there |
//! |---|---|
//! | [`geometry`] | rotations, rigid transforms, the camera, views, other programs' poses |
//! | [`volume`] | the CT: attenuation, masks, pyramids, a phantom |
//! | [`radiograph`] | X-ray images, real and simulated |
//! | [`project`] | the projector: line integrals and their pose derivatives |
//! | [`similarity`] | how alike two images are, with derivatives |
//! | [`optimize`] | optimisers of poses |
//! | [`register`] | the registration itself |
//! | [`evaluate`] | errors where the truth is known |
//!
//! Arrows point down this table: a module uses those above it, never one below.

pub mod evaluate;
pub mod geometry;
pub mod optimize;
mod parts;
pub mod project;
pub mod radiograph;
pub mod register;
pub mod similarity;
mod statistics;
pub mod volume;
