//! Events: what is recorded, in the past tense. A run is the fold of its events.
//!
//! Three families: what happens to a run as a whole, to a step or item, and to an attempt of one. Names and
//! shapes are fixed: stores written by any version hold them (`event/written.rs` says how). A field may be added if
//! it has a default; none may change its meaning. A field with a [`Value`] is read by
//! [`motet_pipeline::value::journal`]: a value by itself is read plainly, as JSON of others is.

mod attempt;
mod run;
mod step;
mod written;

use motet_pipeline::{Money, StepPath, Timestamp, Value};
use serde::{Deserialize, Serialize};

pub use attempt::{AttemptEvent, LateEnd};
pub use run::{Base, Ending, Resends, RunEvent, RunStarted};
pub use step::{CacheKey, ParkReason, Reused, SkipReason, StepEvent};

use crate::table::Change;
use crate::{AttemptKey, StepStatus};

/// The number of the event format. A journal of a newer format is refused. Format 1 held the items of a
/// fan-out one by one.
pub const SCHEMA: u32 = 2;

/// What one input led to: the unit that is appended to a journal, whole or not at all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// Counts the turns of a run, from 1.
    pub number: u64,
    /// When it was decided.
    pub at: Timestamp,
    /// What happened, in order. Never empty.
    pub events: Vec<Event>,
}

impl Turn {
    /// What the run was started with, if this is its first turn.
    pub fn started(&self) -> Option<&RunStarted> {
        match self.events.first()? {
            Event::Run(RunEvent::Started(started)) => Some(started),
            _ => None,
        }
    }
}

/// Something that happened to a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// To the run as a whole.
    Run(RunEvent),
    /// To a step, or to an item of one.
    Step {
        /// The step or item.
        step: StepPath,
        /// What.
        event: StepEvent,
    },
    /// To an attempt of a step or item.
    Attempt {
        /// Which attempt of which step or item.
        key: AttemptKey,
        /// What.
        event: AttemptEvent,
    },
}

impl Event {
    /// The step or item that the event is about; nothing for events of the run.
    pub fn step(&self) -> Option<&StepPath> {
        match self {
            Event::Run(_) => None,
            Event::Step { step, .. } => Some(step),
            Event::Attempt { key, .. } => Some(&key.step),
        }
    }

    /// The same, to be changed: what shows events may have to hide a part of it.
    pub fn step_mut(&mut self) -> Option<&mut StepPath> {
        match self {
            Event::Run(_) => None,
            Event::Step { step, .. } => Some(step),
            Event::Attempt { key, .. } => Some(&mut key.step),
        }
    }

    /// The values that the event carries: inputs, items, outputs.
    pub fn values(&self) -> impl Iterator<Item = &Value> {
        let values = match self {
            Event::Run(event) => [event.value(), None],
            Event::Step { event, .. } => event.values(),
            Event::Attempt { event, .. } => [event.value(), None],
        };
        values.into_iter().flatten()
    }

    /// The same, to be changed: a store keeps long ones apart.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        let values = match self {
            Event::Run(event) => [event.value_mut(), None],
            Event::Step { event, .. } => event.values_mut(),
            Event::Attempt { event, .. } => [event.value_mut(), None],
        };
        values.into_iter().flatten()
    }

    /// About how many bytes the event takes in a journal, where large values stand as references.
    pub(crate) fn weight(&self) -> usize {
        const USUAL_BYTES: usize = 120;
        let step = self.step().map_or(0, |step| step.as_str().len());
        USUAL_BYTES + step + self.values().map(weight).sum::<usize>()
    }

    /// Where the step or item stands after this event; nothing if that makes no difference to it.
    pub fn status(&self) -> Option<StepStatus> {
        Change::of(self).map(Change::status)
    }

    /// How a step or item ended with this event, if one did.
    pub fn step_end(&self) -> Option<StepStatus> {
        self.status().filter(|status| status.is_terminal())
    }

    /// What was spent, as this event tells.
    pub fn cost(&self) -> Money {
        match self {
            Event::Attempt { event, .. } => event.cost().amount,
            Event::Run(_) | Event::Step { .. } => Money::ZERO,
        }
    }

    /// Whether the run is over with this event.
    pub fn ends_run(&self) -> bool {
        match self {
            Event::Run(event) => event.ends_run(),
            Event::Step { .. } | Event::Attempt { .. } => false,
        }
    }
}

/// About how many bytes a value takes in a journal.
fn weight(value: &Value) -> usize {
    /// What is larger stands in a journal as a reference.
    const KEPT_BESIDE_BYTES: u64 = 64 * 1024;
    const REFERENCE_BYTES: usize = 256;
    match value.units() {
        units @ ..=KEPT_BESIDE_BYTES => units as usize,
        _ => REFERENCE_BYTES,
    }
}
