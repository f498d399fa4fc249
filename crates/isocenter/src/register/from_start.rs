//! Optimisers that go their own way from the best candidate: CMA-ES and gradient descent, as others
//! register.

use super::candidate::Candidate;
use super::config::{OptimizerStageConfig, RegisterConfig};
use super::error::RegisterError;
use super::event::TraceRow;
use super::run::{Purpose, Run};
use super::stage::Stage;
use crate::optimize::{
    CmaEs, CmaEsConfig, GradientDescent, GradientDescentConfig, Optimizer, maximize,
};

/// CMA-ES from the best candidate.
#[derive(Debug, Clone)]
pub struct CmaEsStage {
    config: OptimizerStageConfig<CmaEsConfig>,
}

impl CmaEsStage {
    /// Its name.
    pub const NAME: &'static str = "cma-es";

    /// With the settings of a registration.
    #[must_use]
    pub fn new(config: &RegisterConfig) -> Self {
        Self { config: config.cma_es }
    }
}

impl Stage for CmaEsStage {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn run(
        &self,
        run: &mut Run<'_, '_>,
        candidates: Vec<Candidate>,
    ) -> Result<Vec<Candidate>, RegisterError> {
        let OptimizerStageConfig { longest_side_px, scales, optimizer } = self.config;
        let mut optimizer = CmaEs::new(&scales.components(), None, optimizer)?;
        climb(run, Self::NAME, longest_side_px, candidates, &mut optimizer)
    }
}

/// Gradient descent with momentum from the best candidate.
#[derive(Debug, Clone)]
pub struct GradientDescentStage {
    config: OptimizerStageConfig<GradientDescentConfig>,
}

impl GradientDescentStage {
    /// Its name.
    pub const NAME: &'static str = "gradient-descent";

    /// With the settings of a registration.
    #[must_use]
    pub fn new(config: &RegisterConfig) -> Self {
        Self { config: config.gradient_descent }
    }
}

impl Stage for GradientDescentStage {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn run(
        &self,
        run: &mut Run<'_, '_>,
        candidates: Vec<Candidate>,
    ) -> Result<Vec<Candidate>, RegisterError> {
        let OptimizerStageConfig { longest_side_px, scales, optimizer } = self.config;
        let mut optimizer = GradientDescent::new(&scales.components(), optimizer)?;
        climb(run, Self::NAME, longest_side_px, candidates, &mut optimizer)
    }
}

/// An optimiser at work from the best candidate.
fn climb(
    run: &mut Run<'_, '_>,
    stage: &'static str,
    longest_side_px: usize,
    candidates: Vec<Candidate>,
    optimizer: &mut dyn Optimizer,
) -> Result<Vec<Candidate>, RegisterError> {
    let Some(best) = candidates.first() else { return Ok(candidates) };
    let start = best.camera_from_world;
    let margin_mm = run.prior().spread.in_plane_mm;
    let level = run.level(Purpose::Refinement, longest_side_px, &[start], margin_mm)?;
    let longest_side_px = level.longest_side_px();
    run.timed(stage, longest_side_px, 1, |run| {
        let objective = if optimizer.uses_derivatives() {
            level.objective_at(&start)?
        } else {
            level.objective_anywhere()?
        };
        let optimum = maximize(&objective, &start, optimizer, &mut |iteration| {
            let iteration = *iteration;
            run.record(TraceRow {
                stage,
                longest_side_px,
                candidate: 0,
                iteration,
                branches: None,
            });
        })?;
        Ok(vec![Candidate {
            camera_from_world: optimum.camera_from_world,
            similarity: optimum.evaluation.similarity,
            termination: optimum.termination,
        }])
    })
}
