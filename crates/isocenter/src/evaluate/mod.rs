//! How good a registration is, where the truth is known.
//!
//! - [`targets`] - [`Targets`] and the errors at them
//!
//! Of many, by a protocol:
//! - [`protocol`] - [`Protocol`], what is evaluated; [`check`] - what it may be
//! - [`plan`] - from a case's number to its condition, CT, camera and view
//! - [`draw`] - its poses and seeds
//! - [`alteration`] - [`Alteration`], a CT that is changed before it is X-rayed
//! - [`cut`] - [`Cut`], what is registered covers less than the X-ray; [`cut_volume`] - what it leaves
//! - [`patient`] - [`Patient`], a CT ready for all of it
//! - [`registered`] - [`Registered`], what is registered of it
//! - [`evaluation`] - [`Evaluation`], which runs the cases
//! - [`scene`] - [`Scene`], the X-rays and poses of a case
//! - [`case_result`] - [`CaseResult`], what came out of one
//! - [`statistics`] - of numbers; [`summary`] - [`Summary`], of cases
//! - [`published`] - numbers of others; [`table`] - all of it as text

pub mod alteration;
pub mod case_result;
pub mod check;
pub mod cut;
pub mod cut_volume;
pub mod draw;
pub mod evaluation;
pub mod patient;
pub mod plan;
pub mod protocol;
pub mod published;
pub mod registered;
pub mod scene;
pub mod statistics;
pub mod summary;
pub mod table;
pub mod targets;

pub use alteration::{Alteration, AlterationError};
pub use case_result::{CaseResult, Judged, MethodResult, Offset, PoseErrors, XraySource};
pub use check::{ProtocolError, START, check_names};
pub use cut::{Cut, CutAbout, CutError, CutLabels, DrawnCut, OneLabel, OneOfLabels, WholeCt};
pub use cut_volume::KeptCt;
pub use draw::{CasePoses, Draws};
pub use evaluation::{CaseError, Evaluation};
pub use patient::{Patient, PatientError, PatientProblem};
pub use plan::CasePlan;
pub use protocol::{
    About, CameraEntry, Condition, CtEntry, Hopeless, Method, Pivot, PoseDistribution, Protocol,
};
pub use registered::Registered;
pub use scene::{Scene, SceneXray};
pub use statistics::{Best, Statistics};
pub use summary::{Group, Summary};
pub use table::markdown;
pub use targets::{TargetError, TargetErrors, Targets};

/// Two coarse phantoms before a small C-arm: eight cases of two conditions.
#[cfg(test)]
fn protocol_of_tests() -> Protocol {
    let json = r#"{
        "title": "a test", "seed": 1, "cases": 4,
        "prior": {"rotation_deg": 6.0, "in_plane_mm": 12.0, "depth_mm": 25.0},
        "cts": [
            {"name": "one", "phantom": {"seed": 1, "spacing_mm": 5.0}, "moved_label": 22},
            {"name": "two", "phantom": {"seed": 2, "spacing_mm": 5.0}, "moved_label": 22}
        ],
        "cameras": [{"name": "c-arm", "source_to_detector_mm": 1020.0,
            "pixel_spacing_mm": [3.6, 3.6], "size_px": [96, 80], "source_to_isocenter_mm": 700.0}],
        "conditions": [
            {"name": "near", "simulation": "plain",
             "truth": {"rotation_deg": 4.0, "in_plane_mm": 5.0, "depth_mm": 10.0},
             "start": {"rotation_deg": 4.0, "in_plane_mm": 5.0, "depth_mm": 10.0, "about": "truth"}},
            {"name": "altered", "simulation": "plain",
             "truth": {"rotation_deg": 4.0, "in_plane_mm": 5.0, "depth_mm": 10.0},
             "start": {"rotation_deg": 4.0, "in_plane_mm": 5.0, "depth_mm": 10.0, "about": "truth"},
             "alteration": {"hu_scale": 1.03, "couch": true, "moved_mm": [1.0, 0.0, 0.0],
                            "grid_factor": 1.25}}
        ],
        "methods": [{"name": "ours", "search": {"samples": 200}}]
    }"#;
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}"))
}
