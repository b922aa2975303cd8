//! Bounds: what one evaluation may cost, so that no template can use up time or memory (law L9).
//!
//! Everything that makes or reads something of a size that isn't fixed asks the [`Budget`] *before*
//! it does so. A unit is about a byte made or a nanosecond of work.

use crate::value::{DEPTH_MAX, ITEM_UNITS};
use crate::{Class, Value};

/// The longest text that an expression may make, in bytes.
pub(super) const TEXT_BYTES_MAX: usize = 1 << 20;
/// The longest list that an expression may make.
pub(super) const LIST_ITEMS_MAX: usize = 100_000;
/// What one evaluation may cost, in units.
const EVALUATION_UNITS: u64 = 16 << 20;
/// What all that is worked out while one template is compiled may cost, in units: so much, and so much
/// more for each byte of it. A file takes time by its size, not by what it asks for.
const COMPILATION_UNITS: u64 = 32 << 10;
const COMPILATION_UNITS_A_BYTE: u64 = 1 << 10;
/// What the parts of one list or map of templates may hold together, in units.
const COMPOSITION_UNITS: u64 = 32 << 20;
/// What a step of the evaluator costs.
const STEP_UNITS: u64 = 16;

/// Why an evaluation stopped.
#[derive(Debug)]
pub(super) struct Failure {
    /// A sentence without a full stop.
    pub message: String,
    pub cause: Cause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The values don't fit what is done with them.
    Values,
    /// Something would get too large.
    Size,
    /// The budget is used up.
    Work,
}

impl Failure {
    pub fn class(&self) -> Class {
        match self.cause {
            Cause::Values => Class::Invalid,
            Cause::Size | Cause::Work => Class::TooLarge,
        }
    }
}

/// What an evaluation step gives.
pub(super) type Outcome<T> = Result<T, Failure>;

/// Something is wrong with the values.
pub(super) fn wrong<T>(message: impl Into<String>) -> Outcome<T> {
    Err(Failure { message: message.into(), cause: Cause::Values })
}

/// Something would get too large.
pub(super) fn runaway<T>(message: impl Into<String>) -> Outcome<T> {
    Err(Failure { message: message.into(), cause: Cause::Size })
}

/// What is left of what an evaluation may cost.
#[derive(Debug)]
pub(super) struct Budget {
    units_left: u64,
}

impl Budget {
    /// The budget of one evaluation.
    pub fn of_evaluation() -> Budget {
        Budget { units_left: EVALUATION_UNITS }
    }

    /// What was spent of the budget of one evaluation.
    pub fn spent(&self) -> u64 {
        EVALUATION_UNITS - self.units_left
    }

    /// The budget of what is worked out while a template of `bytes` is compiled.
    pub fn of_compilation(bytes: usize) -> Budget {
        Budget { units_left: COMPILATION_UNITS + bytes as u64 * COMPILATION_UNITS_A_BYTE }
    }

    /// The budget of what a list or map of templates may hold: what its parts hand on is shared here,
    /// but each is written down by itself.
    pub fn of_composition() -> Budget {
        Budget { units_left: COMPOSITION_UNITS }
    }

    /// Pays for one step of the evaluator.
    pub fn step(&mut self) -> Outcome<()> {
        self.pay(STEP_UNITS)
    }

    /// Pays for `count` steps.
    pub fn steps(&mut self, count: usize) -> Outcome<()> {
        self.pay(count as u64 * STEP_UNITS)
    }

    /// Pays for a text of `bytes` that is about to be made.
    pub fn text(&mut self, bytes: usize) -> Outcome<()> {
        if bytes > TEXT_BYTES_MAX {
            return runaway(format!("this makes a text of more than {TEXT_BYTES_MAX} bytes"));
        }
        self.pay(bytes as u64)
    }

    /// Pays for a list of `length` items that is about to be made.
    pub fn list(&mut self, length: usize) -> Outcome<()> {
        if length > LIST_ITEMS_MAX {
            return runaway(format!("this makes a list of more than {LIST_ITEMS_MAX} items"));
        }
        self.pay(length as u64 * ITEM_UNITS)
    }

    /// Pays for reading `bytes` (searching, comparing).
    pub fn read(&mut self, bytes: usize) -> Outcome<()> {
        self.pay(bytes as u64 / 8)
    }

    /// Pays for comparing a name of `bytes` with some others.
    pub fn compare(&mut self, bytes: usize) -> Outcome<()> {
        self.pay(bytes as u64)
    }

    /// Pays for holding `value` once more than it is held already. A shared value that is put into a
    /// list a thousand times costs no memory here, but does when it is written down.
    pub fn hold(&mut self, value: &Value) -> Outcome<()> {
        self.hold_at(value, 1)
    }

    /// As [`Budget::hold`], for a value that is `depth` levels inside of another one.
    pub fn hold_at(&mut self, value: &Value, depth: usize) -> Outcome<()> {
        let weight = value.weight();
        if depth as u64 + weight.depth() > DEPTH_MAX as u64 {
            return runaway(format!("lists and objects are nested more than {DEPTH_MAX} deep"));
        }
        self.pay(weight.units())
    }

    fn pay(&mut self, units: u64) -> Outcome<()> {
        match self.units_left.checked_sub(units) {
            Some(left) => {
                self.units_left = left;
                Ok(())
            }
            None => {
                self.units_left = 0;
                let message = "this takes too much work or makes too much data".to_owned();
                Err(Failure { message, cause: Cause::Work })
            }
        }
    }
}

/// A list value of `items`, paid for with all that is in it. Absent items are dropped.
pub(super) fn list(mut items: Vec<Value>, budget: &mut Budget) -> Outcome<Value> {
    items.retain(|item| !item.is_absent());
    budget.list(items.len())?;
    items.iter().try_for_each(|item| budget.hold(item))?;
    Ok(Value::list(items))
}

/// A list value of items that were in one list before and are in it no more often now: only the list
/// itself is paid for.
pub(super) fn rearranged(items: Vec<Value>, budget: &mut Budget) -> Outcome<Value> {
    budget.list(items.len())?;
    Ok(Value::list(items))
}
