//! Allowances: what a run may spend.

use std::collections::BTreeMap;

use motet_pipeline::{Money, StepPath};

/// What a run may spend, and what single steps may spend of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    /// The most that all attempts may cost; nothing for no limit.
    pub limit: Option<Money>,
    /// The most that all attempts of a step may cost, with those of all of its items: what a quote says of the steps whose
    /// price follows from an earlier output. Steps are named without keys of items, as in `shots/still`.
    pub quoted: BTreeMap<String, Money>,
}

impl Allowance {
    /// So much for the run, however it is spent.
    pub fn of(limit: Money) -> Allowance {
        Allowance { limit: Some(limit), quoted: BTreeMap::new() }
    }

    /// What the step at `path` may spend of it.
    pub(crate) fn of_step(&self, path: &StepPath) -> Option<(String, Money)> {
        if self.quoted.is_empty() {
            return None;
        }
        let step = path.without_keys();
        let limit = *self.quoted.get(&step)?;
        Some((step, limit))
    }
}
