//! Pictures of a registration: how a CT and an X-ray lie over one another.
//!
//! Pure functions from images to [`RgbImage`]s, and from plain data to HTML pages; writing files is `isocenter-io`'s work.
//!
//! | function | what it shows |
//! |---|---|
//! | [`display`] | one image in grey, bone bright |
//! | [`overlay`] | the X-ray in grey, the edges of the DRR in green upon it |
//! | [`overlay_before_after`] | that, before and after a registration, side by side |
//! | [`fused`] | the X-ray in magenta, the DRR in green; grey where they agree |
//! | [`side_by_side`] | pictures of one size with a label each and a caption |
//! | [`blend`] | the X-ray and the DRR mixed in grey |
//! | [`checkerboard`] | both in alternate tiles |
//! | [`compared`] | the X-ray with the pixels that are not compared covered |
//! | [`edges`] | the edges themselves, as points |
//! | [`png_data_url`] | a picture as text, for a page |
//! | [`registration_report`] | all about one registration, as an HTML page |
//! | [`evaluation_report`] | all about the run of a protocol, as an HTML page |
//! | [`training_report`] | all about the training of a network, as an HTML page |
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

mod blend;
mod chart;
mod checkerboard;
mod compared;
mod data_url;
mod display;
mod edges;
mod error;
mod font;
mod fused;
mod legible;
mod overlay;
mod panels;
mod pen;
mod report;
mod rgb;
mod text;

pub use blend::blend;
pub use checkerboard::checkerboard;
pub use compared::compared;
pub use data_url::{PngError, png_data_url};
pub use display::display;
pub use edges::{Edges, edges};
pub use error::PictureError;
pub use fused::fused;
pub use overlay::{overlay, overlay_before_after};
pub use panels::side_by_side;
pub use report::{
    CaseRow, Curve, EvaluationReport, LandscapeAxis, MethodCases, NetworkFeatures, OptimumRow,
    RegistrationReport, ReportError, Setting, StageSeconds, Table, TracePoint, TrainingLandscape,
    TrainingReport, TrueErrors, Verdict, ViewImages, WorstCase, evaluation_report,
    registration_report, trace_points, training_report,
};
pub use rgb::RgbImage;
