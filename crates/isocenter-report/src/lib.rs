//! Pictures of a registration: how a CT and an X-ray lie over one another.
//!
//! Pure functions from images to [`RgbImage`]s; writing files is `isocenter-io`'s work.
//!
//! | function | what it shows |
//! |---|---|
//! | [`display`] | one image in grey, bone bright |
//! | [`overlay`] | the X-ray in grey, the edges of the DRR in green upon it |
//! | [`overlay_before_after`] | that, before and after a registration, side by side |
//! | [`fused`] | the X-ray in magenta, the DRR in green; grey where they agree |
//! | [`side_by_side`] | pictures of one size with a label each and a caption |
//! | [`edges`] | the edges themselves, as points |
//!
//! **Values.** Every image that comes in is *attenuation* (a line integral, or an X-ray's
//! `-ln(I/I0)`), so that bone is high and is shown bright. A pixel that is not a number is shown as
//! the darkest one; plus infinity, where nothing came through, as the brightest. No image, however
//! odd, is an error; only sizes that disagree are.
//!
//! **Orientation.** Images come in as the camera has them, seen from the source. The
//! [`ImageFlip`](isocenter::radiograph::ImageFlip) that was applied when the X-ray was read is
//! undone, and the picture stands as its file did.
//!
//! **Size.** Pictures of two images (all but [`display`]) have a longest side of at least
//! 384 pixels: smaller images are enlarged by a whole factor, smoothly. Images of 2048 pixels and
//! more are reduced by a whole factor to 1024 to 2047.

mod display;
mod edges;
mod error;
mod font;
mod fused;
mod legible;
mod overlay;
mod panels;
mod pen;
mod rgb;
mod text;

pub use display::display;
pub use edges::{Edges, edges};
pub use error::PictureError;
pub use fused::fused;
pub use overlay::{overlay, overlay_before_after};
pub use panels::side_by_side;
pub use rgb::RgbImage;
