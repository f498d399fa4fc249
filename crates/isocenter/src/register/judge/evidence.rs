//! What a verdict rests on, measured at a pose.

use nalgebra::{Matrix6, Vector6};
use serde::{Deserialize, Serialize};

use super::uncertainty;
use crate::geometry::RigidTransform;
use crate::optimize::Evaluation;
use crate::register::case::Compares;
use crate::register::config::SimilarityConfig;
use crate::register::error::RegisterError;
use crate::register::level::Part;
use crate::register::run::{Purpose, Rivals, Run};

/// The sides of the images that the judge looks at: one that noise hardly reaches, and one that shows
/// a millimetre.
const SIDES_PX: [usize; 2] = [64, 128];

/// The fields along each side of an X-ray that are asked one by one.
const FIELDS_PER_SIDE: usize = 4;

/// What a verdict rests on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Correlation of the whole images, 64 pixels wide.
    pub ncc: f64,
    /// Correlation of their derivatives, 64 pixels wide.
    pub gradient_ncc: f64,
    /// The same, 128 pixels wide, of what shows the CT away from where it ends.
    pub fine_gradient_ncc: f64,
    /// Mean correlation of patches, likewise.
    pub patch_ncc: f64,
    /// How much less similar the next distinct optimum was; the largest possible, 1, where a search
    /// found none, and small where there was no search.
    pub lead: f64,
    /// The expected error by the covariance (mm), likewise.
    pub expected_tre_mm: f64,
    /// The expected error by how fields of the image disagree about the pose (mm), likewise.
    pub disagreement_mm: f64,
    /// Correlation of the derivatives of all rays, cut ones too, 64 pixels wide.
    #[serde(default)]
    pub all_gradient_ncc: f64,
    /// The part of the compared pixels whose rays are complete: 1 where the CT cuts nothing off.
    #[serde(default = "all_complete")]
    pub complete_share: f64,
    /// The part of the compared pixels that show the CT.
    pub coverage: f64,
    /// How many standard deviations of the prior the pose is from its center: root mean square over
    /// the six components.
    pub prior_deviation: f64,
}

/// A share of evidence that was written before there were cut rays.
fn all_complete() -> f64 {
    1.0
}

/// Measures; also gives the covariance.
pub(super) fn gather(
    run: &mut Run<'_, '_>,
    pose: &RigidTransform,
    rivals: Option<&Rivals>,
) -> Result<(Evidence, Matrix6<f64>), RegisterError> {
    let [coarse, fine] = SIDES_PX;
    let only = |ncc, gradient_ncc, patch_ncc| SimilarityConfig { ncc, gradient_ncc, patch_ncc };
    let coarse = run.level(Purpose::Refinement, coarse, &[*pose], MARGIN_MM)?;
    let fine = run.level(Purpose::Refinement, fine, &[*pose], MARGIN_MM)?;
    let fine = match run.case().compares() {
        // Complete rays keep away from where the CT ends.
        Compares::Everywhere if !run.compares_complete_rays() => fine.interior(pose)?,
        // A structure ends where its shadow does, not at a box.
        _ => fine.whole(pose)?,
    };
    // Where nothing can be compared, nothing agrees.
    let measured = |part: &Part<'_>, config| match part.measured_near(pose, &config) {
        Err(error) if error.is_of_the_pose() => Ok(NOTHING),
        other => other,
    };
    let compared = coarse.whole(pose)?;
    let ncc = measured(&compared, only(1.0, 0.0, 0.0))?;
    let gradient = measured(&compared, only(0.0, 1.0, 0.0))?;
    let all_gradient = measured(&coarse.all_rays(), only(0.0, 1.0, 0.0))?;
    let fine_gradient = measured(&fine, only(0.0, 1.0, 0.0))?;
    let patch = measured(&fine, only(0.0, 0.0, 1.0))?;
    let covariance = uncertainty::covariance(
        fine_gradient.similarity,
        &fine_gradient.curvature.unwrap_or_else(Matrix6::zeros),
        fine.pixels(),
    );
    let fields = fine.measured_by_field_near(pose, &only(0.0, 1.0, 0.0), FIELDS_PER_SIDE)?;
    let disagreement = uncertainty::disagreement(&fields);
    let (deviations, _) = run.prior().deviations(pose, run.case().pivot_world_mm());
    let evidence = Evidence {
        ncc: ncc.similarity,
        gradient_ncc: gradient.similarity,
        fine_gradient_ncc: fine_gradient.similarity,
        patch_ncc: patch.similarity,
        lead: lead(run, rivals),
        expected_tre_mm: uncertainty::expected_error_about_mm(&covariance),
        disagreement_mm: uncertainty::expected_error_about_mm(&disagreement),
        all_gradient_ncc: all_gradient.similarity,
        complete_share: coarse.complete_share(pose)?,
        coverage: coarse.coverage(pose)?,
        prior_deviation: (deviations.norm_squared() / 6.0).sqrt(),
    };
    Ok((evidence, covariance))
}

/// How much less similar the next distinct optimum was.
fn lead(run: &Run<'_, '_>, rivals: Option<&Rivals>) -> f64 {
    match (rivals, run.first_search_similarity()) {
        (Some(rivals), Some(_)) => rivals.lead().clamp(0.0, 1.0),
        (None, Some(_)) => 1.0,
        // What a stage found beside the best is not all that there is.
        (Some(rivals), None) => rivals.lead().clamp(0.0, UNKNOWN_LEAD),
        (None, None) => UNKNOWN_LEAD,
    }
}

/// Where nobody looked for other optima, there may be one almost as good.
const UNKNOWN_LEAD: f64 = 0.02;

/// What images have in common that cannot be compared.
const NOTHING: Evaluation = Evaluation {
    similarity: 0.0,
    gradient: Vector6::new(0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    curvature: None,
};

/// How far around a structure's shadow the judge looks (mm).
const MARGIN_MM: f64 = 10.0;
