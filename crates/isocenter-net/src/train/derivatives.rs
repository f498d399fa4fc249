//! The derivatives of a step: those of its samples, averaged.
//!
//! Samples do not affect each other, since there is one only where statistics are taken over a batch. They
//! are computed side by side, each with leaves of its own in the framework's graph. The mean is taken in their order:
//! the same for any number of cores.

use std::num::NonZero;

use burn::module::Module;

use super::sample::Sample;
use super::sample_step::SampleStep;
use crate::error::NetError;
use crate::loss::Balance;
use crate::model::Model;
use crate::weights::{self, Arrays};

/// What is trained.
#[derive(Debug, Clone)]
pub(super) struct Trained {
    pub(super) model: Model,
    pub(super) balance: Balance,
}

/// A sample's step and its derivatives.
pub(super) struct Derived {
    pub(super) step: SampleStep,
    model: Arrays,
    balance: Arrays,
}

/// The mean derivatives.
pub(super) struct Mean {
    pub(super) model: Arrays,
    pub(super) balance: Arrays,
}

impl Trained {
    /// The same weights as other leaves.
    fn copied(&self) -> Result<Self, NetError> {
        fn copied<M: Module>(module: &M) -> Result<M, NetError> {
            weights::changed(module.clone(), |_, _, _| Ok(()))
        }
        Ok(Self { model: copied(&self.model)?, balance: copied(&self.balance)? })
    }

    fn derived(&self, step: SampleStep) -> Result<Derived, NetError> {
        let (mut model, mut balance) = (Arrays::new(), Arrays::new());
        for gradients in step.gradients() {
            model.extend(weights::gradients_of(&self.model, gradients)?);
            if self.balance.is_learned() {
                balance.extend(weights::gradients_of(&self.balance, gradients)?);
            }
        }
        Ok(Derived { step, model, balance })
    }

    /// The derivatives of each sample, in order.
    pub(super) fn of_each(
        &self,
        samples: &[Sample],
        step: impl Fn(&Self, &Sample) -> Result<SampleStep, NetError> + Sync,
    ) -> Result<Vec<Derived>, NetError> {
        if samples.len() < 2 {
            return samples.iter().map(|sample| self.derived(step(self, sample)?)).collect();
        }
        // Threads, not tasks of the pool: a task that waits for the graph's lock would keep a worker from
        // what the lock's owner waits for.
        let one = |sample: &Sample| {
            let own = self.copied()?;
            own.derived(step(&own, sample)?)
        };
        // Not more than there are cores: each needs memory for a whole step.
        let at_a_time = std::thread::available_parallelism().map_or(1, NonZero::get);
        let mut all = Vec::with_capacity(samples.len());
        for some in samples.chunks(at_a_time) {
            all.extend(side_by_side(some, &one)?);
        }
        Ok(all)
    }
}

/// A function of each sample, in a thread of its own.
fn side_by_side(
    samples: &[Sample],
    one: &(impl Fn(&Sample) -> Result<Derived, NetError> + Sync),
) -> Result<Vec<Derived>, NetError> {
    std::thread::scope(|scope| {
        let begin = |sample| {
            let thread = std::thread::Builder::new().spawn_scoped(scope, move || one(sample));
            thread.map_err(NetError::Thread)
        };
        let threads = samples.iter().map(begin).collect::<Result<Vec<_>, _>>()?;
        let joined = threads.into_iter().map(|thread| match thread.join() {
            Ok(derived) => derived,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.collect::<Vec<_>>().into_iter().collect()
    })
}

/// The mean over samples.
pub(super) fn mean(of: &[Derived]) -> Mean {
    Mean {
        model: mean_of(of.iter().map(|derived| &derived.model)),
        balance: mean_of(of.iter().map(|derived| &derived.balance)),
    }
}

fn mean_of<'a>(all: impl ExactSizeIterator<Item = &'a Arrays>) -> Arrays {
    let share = 1.0 / all.len().max(1) as f32;
    let mut mean = Arrays::new();
    for arrays in all {
        for (path, array) in arrays {
            match mean.get_mut(path) {
                None => {
                    mean.insert(path.clone(), array.clone());
                }
                Some(sum) => {
                    sum.values.iter_mut().zip(&array.values).for_each(|(sum, value)| *sum += value);
                }
            }
        }
    }
    if share < 1.0 {
        mean.values_mut().flat_map(|array| &mut array.values).for_each(|value| *value *= share);
    }
    mean
}
