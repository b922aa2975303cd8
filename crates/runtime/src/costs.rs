//! Costs: what was spent, by run, step, model, day or user, from the store's ledger.

use std::collections::BTreeMap;

use motet_engine::RunId;
use motet_pipeline::money::Basis;
use motet_pipeline::{Money, StepPath, Timestamp};
use motet_store::{Charge, Saving, Store, StoreError};
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
    /// How many more calls may be billed, at a price that nobody knows.
    pub unpriced: u64,
    /// What results cost where they were made that were taken over: it would have been spent again.
    pub saved: Money,
    /// What of all this was spent on attempts that gave nothing, or in runs that failed or were cancelled; but what
    /// another run took over was not wasted.
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
    /// Of one run: what the earlier runs of its lineage cost. It is no part of the sums.
    pub inherited: Money,
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
        store.savings(run, |saving| {
            costs.total.saved += saving.amount;
            costs.group(Name::from(&saving).by(by), &mut places).sum.saved += saving.amount;
            true
        })?;
        if let Some(run) = run {
            costs.inherited = inherited(store, run)?;
        }
        if !matches!(by, By::Run) {
            costs.groups.sort_by(|one, other| one.name.cmp(&other.name));
        }
        Ok(costs)
    }

    fn add(&mut self, charge: &Charge, by: By, places: &mut BTreeMap<String, usize>) {
        let group = self.group(Name::from(charge).by(by), places);
        if charge.ended_at.is_some() {
            group.sum.add(charge);
            self.total.add(charge);
        } else {
            group.open.add(charge);
            self.open.add(charge);
        }
    }

    /// The part of this name.
    fn group(&mut self, name: String, places: &mut BTreeMap<String, usize>) -> &mut Group {
        let place = *places.entry(name.clone()).or_insert_with(|| {
            self.groups.push(Group { name, ..Group::default() });
            self.groups.len() - 1
        });
        &mut self.groups[place]
    }
}

/// What the earlier runs of the lineage of `run` cost.
fn inherited(store: &Store, run: &RunId) -> Result<Money, StoreError> {
    let first = match store.known_turn(run, 1) {
        // Nothing but what it cost itself is kept of it.
        Err(StoreError::NoRun { .. } | StoreError::DeletedRun { .. }) => return Ok(Money::ZERO),
        first => first?,
    };
    let base = first.started().and_then(|started| started.base.as_ref());
    Ok(base.map(|base| base.spent).unwrap_or_default())
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
        self.unpriced += u64::from(charge.cost.basis == Basis::Maybe && amount.is_zero());
        if (charge.failed || charge.is_of_lost_run) && !charge.is_reused {
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

/// What an entry of the ledger is put together by.
struct Name<'e> {
    run: &'e RunId,
    pipeline: &'e str,
    step: &'e StepPath,
    operation: &'e str,
    at: Timestamp,
    user: Option<&'e str>,
}

impl Name<'_> {
    fn by(&self, by: By) -> String {
        match by {
            By::Run => self.run.to_string(),
            // Keys of items may be secret.
            By::Step => format!("{}/{}", self.pipeline, self.step.without_keys()),
            By::Model => self.operation.to_owned(),
            By::Day => self.at.day(),
            By::User => self.user.unwrap_or_default().to_owned(),
        }
    }
}

impl<'e> From<&'e Charge> for Name<'e> {
    fn from(charge: &'e Charge) -> Name<'e> {
        let Charge { run, pipeline, step, operation, at, user, .. } = charge;
        Name { run, pipeline, step, operation, at: *at, user: user.as_deref() }
    }
}

impl<'e> From<&'e Saving> for Name<'e> {
    fn from(saving: &'e Saving) -> Name<'e> {
        let Saving { run, pipeline, step, operation, at, user, .. } = saving;
        Name { run, pipeline, step, operation, at: *at, user: user.as_deref() }
    }
}
