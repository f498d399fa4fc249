//! The usual mistakes: what an image may be that its user took it not for.
//!
//! Where a registration is poor, the search's first look is taken again at the image mirrored, and
//! with the patient upside down or seen from the other side. If one of these fits clearly better, it
//! is what the user should try.

use std::f64::consts::PI;
use std::fmt;

use nalgebra::Vector3;
use serde::{Deserialize, Serialize};

use crate::geometry::PivotMotion;
use crate::register::candidate::Candidate;
use crate::register::case::Case;
use crate::register::config::RegisterConfig;
use crate::register::error::RegisterError;
use crate::register::event::Event;
use crate::register::prior::Prior;
use crate::register::run::Run;
use crate::register::search::SearchStage;
use crate::register::stage::Stage;

/// How much better another reading must fit to be worth a word, of a correlation that is 1 at most.
const CLEARLY: f64 = 0.08;

/// A usual mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mistake {
    /// Left and right of the image are exchanged.
    Mirrored,
    /// The image stands on its head.
    UpsideDown,
    /// The patient is seen from the other side.
    OtherSide,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mirrored => "the image appears mirrored: try --flip columns",
            Self::UpsideDown => "the image appears to stand on its head: try --flip both",
            Self::OtherSide => {
                "the patient appears to be seen from the other side: try --view pa instead of ap, or the other lateral"
            }
        })
    }
}

/// The mistake that explains a case clearly better than what was assumed, if there is one.
/// `as_assumed` is what the search found for that, where it has been run.
pub(in crate::register) fn look_for_mistake(
    case: &Case,
    prior: &Prior,
    config: &RegisterConfig,
    depth_mm: f64,
    as_assumed: Option<f64>,
) -> Result<Option<Mistake>, RegisterError> {
    let best = |case: &Case, prior: &Prior| -> Result<f64, RegisterError> {
        let mut ignore = |_: &Event<'_>| ();
        let mut run = Run::new(case, prior, config, depth_mm, &mut ignore);
        let center = Candidate::new(prior.center_camera_from_world);
        let found = SearchStage::new(config).run(&mut run, vec![center])?;
        Ok(found.first().map_or(f64::NEG_INFINITY, |best| best.similarity))
    };
    let turned = |axis: Vector3<f64>| {
        let half_turn = PivotMotion { omega_rad: axis * PI, tau_mm: Vector3::zeros() };
        let center = half_turn.apply(&prior.center_camera_from_world, case.pivot_world_mm());
        Prior { center_camera_from_world: center, spread: prior.spread }
    };
    let as_assumed = match as_assumed {
        Some(similarity) => similarity,
        None => best(case, prior)?,
    };
    let readings = [
        (Mistake::Mirrored, best(&case.mirrored(), prior)),
        (Mistake::UpsideDown, best(case, &turned(Vector3::z()))),
        (Mistake::OtherSide, best(case, &turned(Vector3::y()))),
    ];
    let mut found = None;
    let mut highest = as_assumed + CLEARLY;
    for (mistake, similarity) in readings {
        // A reading that cannot be rendered explains nothing.
        let similarity = similarity.unwrap_or(f64::NEG_INFINITY);
        if similarity > highest {
            (found, highest) = (Some(mistake), similarity);
        }
    }
    Ok(found)
}
