//! Where the patient may be, from the command line: a pose, landmarks, a view, or nothing.

use anyhow::{Context, Result};
use isocenter::geometry::{Camera, RigidTransform, View};
use isocenter::register::{LandmarkConfig, PoseSpread, Prior, RotationSpread};
use isocenter_io::geometry::read_pose;
use nalgebra::Vector3;
use serde::Deserialize;

use crate::cli::{PriorArg, StartArgs, ViewArgs};
use crate::input;
use crate::landmarks::{self, LandmarkReport, LandmarkStart};
use crate::xrays::{ReadXray, view_words};

/// What is known before the images are compared.
pub(crate) struct Known {
    pub(crate) prior: Prior,
    /// What its center is called in messages.
    pub(crate) name: String,
    pub(crate) remarks: Vec<String>,
    /// How well the landmarks fit, where there are some.
    pub(crate) landmarks: Option<LandmarkReport>,
}

/// A prior's file: a view to look about, and how far.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriorFile {
    view: Option<String>,
    rotation_deg: Option<RotationSpread>,
    in_plane_mm: Option<f64>,
    depth_mm: Option<f64>,
}

impl PriorFile {
    /// The spread, with the usual values where the file has none.
    fn spread(&self) -> PoseSpread {
        let usual = PoseSpread::default();
        PoseSpread {
            rotation_deg: self.rotation_deg.unwrap_or(usual.rotation_deg),
            in_plane_mm: self.in_plane_mm.unwrap_or(usual.in_plane_mm),
            depth_mm: self.depth_mm.unwrap_or(usual.depth_mm),
        }
    }
}

/// What the command line says, before the CT is read.
pub(crate) struct PriorReader<'a> {
    args: &'a StartArgs,
    camera: &'a Camera,
    init: Option<RigidTransform>,
    landmarks: Option<LandmarkStart>,
    /// Of `--prior`.
    view: Option<View>,
    /// Of the X-ray's tags.
    view_of_tags: Option<View>,
    /// The turn of the image against that of a view.
    camera_from_view: RigidTransform,
    spread: Option<PoseSpread>,
}

impl<'a> PriorReader<'a> {
    /// Reads the files that are named.
    pub(crate) fn new(
        args: &'a StartArgs,
        xrays: &'a [ReadXray],
        config: &LandmarkConfig,
    ) -> Result<Self> {
        let first = xrays.first().context("an X-ray is needed: give --xray")?;
        let camera = first.xray.camera();
        let (view, spread) = match &args.prior {
            None => (None, None),
            Some(PriorArg::Any) => (None, Some(PoseSpread::ANY)),
            Some(PriorArg::File(path)) => {
                let named = || path.display().to_string();
                let (file, _): (PriorFile, _) = input::toml_file(path)?;
                let view = file.view.as_ref().map(|view| view.parse());
                let spread = file.spread();
                spread.check().with_context(named)?;
                (view.transpose().with_context(named)?, Some(spread))
            }
        };
        let init = args.init.as_ref().map(read_pose).transpose()?;
        let landmarks =
            landmarks::start(&args.landmarks, &first.camera_of_image, first.flip, config)?;
        let (view_of_tags, camera_from_view) = (first.view, first.camera_from_view);
        Ok(Self { args, camera, init, landmarks, view, view_of_tags, camera_from_view, spread })
    }

    /// The prior about the pivot of the CT.
    pub(crate) fn about(self, pivot_world_mm: Vector3<f64>) -> Result<Known> {
        let Self { args, camera, init, landmarks, view, view_of_tags, camera_from_view, spread } =
            self;
        let near = if args.search { PoseSpread::default() } else { PoseSpread::ABOUT_A_START };
        let of_file = |path: &std::path::Path| path.display().to_string();
        let (center, spread, name, remarks, landmarks) = match (init, landmarks) {
            (Some(pose), _) => {
                let name = args.init.as_deref().map(of_file).unwrap_or_default();
                (pose, spread.unwrap_or(near), name, Vec::new(), None)
            }
            (None, Some(start)) => {
                let name = args.landmarks.landmarks_3d.as_deref().map(of_file).unwrap_or_default();
                let spread = spread.unwrap_or(near);
                (start.camera_from_world, spread, name, start.remarks, Some(start.report))
            }
            (None, None) => {
                let given = args.view.view.or(view);
                let chosen = given.or(view_of_tags);
                let view = ViewArgs { view: Some(chosen.unwrap_or(View::AP)), ..args.view.clone() };
                let (pose, remark) = input::view_pose(&view, camera, pivot_world_mm)?;
                let assumed = match (given, view_of_tags) {
                    (Some(_), _) => None,
                    (None, Some(of_tags)) => {
                        Some(format!("start from the view of the tags: {}", view_words(&of_tags)))
                    }
                    (None, None) => Some(
                        "view assumed to be ap, as no start is given: say with --view how the C-arm stood"
                            .to_owned(),
                    ),
                };
                let remarks = assumed.into_iter().chain(remark).collect();
                let name = input::pose_name(None, &view);
                let pose = camera_from_view * pose;
                (pose, spread.unwrap_or_default(), name, remarks, None)
            }
        };
        let prior = Prior { center_camera_from_world: center, spread };
        Ok(Known { prior, name, remarks, landmarks })
    }
}
