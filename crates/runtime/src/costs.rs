//! Costs: what was spent, by run, step, model, day or user, from the store's ledger.

use std::collections::BTreeMap;

use motet_engine::RunId;
use motet_pipeline::money::Basis;
use motet_pipeline::{Money, Timestamp};
use motet_store::{Charge, Store, StoreError};
use serde::Serialize;

/// What was spent, by how it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sum {
    /// Reported by whoever did the work.
    pub billed: Money,
    /// Computed from what was used, by a price book.
    pub computed: Money,
    /// The most that may be billed for calls of which nobody knows.
    pub maybe_billed: Money,
    /// What would have been spent again if results had not been kept.
    pub saved: Money,
    /// What of all this was spent on attempts that gave nothing, or in runs that failed or were cancelled.
    pub wasted: Money,
}

/// Attempts that haven't ended, and the most that they may cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Open {
    /// How many.
    pub attempts: u64,
    /// What is reserved for them.
    pub reserved: Money,
}

/// A part of all costs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Group {
    /// What has this in common: a run, a step of a pipeline, an operation, a day, a user.
    pub name: String,
    /// What was spent.
    #[serde(flatten)]
    pub sum: Sum,
    /// What isn't known yet.
    pub open: Open,
}

/// What costs are put together by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Each run.
    Run,
    /// Each step of a pipeline, with all of its items.
    Step,
    /// Each model, or whatever else costs.
    Model,
    /// Each day of UTC on which attempts began.
    Day,
    /// Each user on whose behalf runs were started.
    User,
}

/// What was spent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Costs {
    /// All of it.
    pub total: Sum,
    /// What isn't known yet.
    pub open: Open,
    /// Its parts: runs and days in their order, all else by name.
    pub groups: Vec<Group>,
}

impl Costs {
    /// What was spent in one run, or in all.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn read(store: &Store, run: Option<&RunId>, by: By) -> Result<Costs, StoreError> {
        let mut costs = Costs::default();
        let mut places = BTreeMap::new();
        store.charges(run, Timestamp(0), |charge| {
            costs.add(&charge, by, &mut places);
            true
        })?;
        if !matches!(by, By::Run) {
            costs.groups.sort_by(|one, other| one.name.cmp(&other.name));
        }
        Ok(costs)
    }

    fn add(&mut self, charge: &Charge, by: By, places: &mut BTreeMap<String, usize>) {
        let name = name_of(charge, by);
        let place = *places.entry(name.clone()).or_insert_with(|| {
            self.groups.push(Group { name, ..Group::default() });
            self.groups.len() - 1
        });
        let group = &mut self.groups[place];
        if charge.ended_at.is_some() {
            self.total.add(charge);
            group.sum.add(charge);
        } else {
            self.open.add(charge);
            group.open.add(charge);
        }
    }
}

impl Sum {
    /// All that was spent, or may have been.
    pub fn spent(&self) -> Money {
        self.billed + self.computed + self.maybe_billed
    }

    fn add(&mut self, charge: &Charge) {
        let amount = charge.cost.amount;
        let part = match charge.cost.basis {
            Basis::Billed => &mut self.billed,
            Basis::Computed => &mut self.computed,
            Basis::Maybe => &mut self.maybe_billed,
        };
        *part += amount;
        if charge.failed || charge.is_of_lost_run {
            self.wasted += amount;
        }
    }
}

impl Open {
    fn add(&mut self, charge: &Charge) {
        self.attempts += 1;
        self.reserved += charge.estimate;
    }
}

fn name_of(charge: &Charge, by: By) -> String {
    match by {
        By::Run => charge.run.to_string(),
        // Keys of items may be secret.
        By::Step => format!("{}/{}", charge.pipeline, charge.step.without_keys()),
        By::Model => charge.operation.clone(),
        By::Day => charge.at.to_string().split('T').next().unwrap_or_default().to_owned(),
        By::User => charge.user.clone().unwrap_or_default(),
    }
}
