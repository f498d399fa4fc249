//! 2D/3D registration: brings a pre-operative CT into register with an intra-operative X-ray.
//!
//! | module | what lives there |
//! |---|---|
//! | [`geometry`] | rotations, rigid transforms, the camera, views |
//! | [`volume`] | the CT |
//! | [`project`] | the projector |
//! | [`radiograph`] | X-ray images |
//! | [`similarity`] | measures of how alike two radiographs are, with their derivatives |

pub mod geometry;
pub mod project;
pub mod radiograph;
pub mod similarity;
pub mod volume;
