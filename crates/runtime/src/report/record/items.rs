//! The items of a fanned-out step: each in a record of its own, or many in a few numbers.

use std::borrow::Cow;
use std::collections::BTreeMap;

use motet_engine::{AttemptEvent, Event, StepEvent, StepStatus};
use motet_pipeline::{StepPath, Timestamp};
use motet_store::ItemCounts;

use super::{RunRecord, StepRecord};

/// How many items a list may have of which each is kept in a record of its own. Of a longer one only those
/// that are under way, and the first that failed, are; the others are counted.
pub const ITEMS_MAX: usize = 200;

/// How many records of items, and of what is inside them, a run may have: lists that lie in each other may
/// all be short. From there on all that is over is counted.
pub(crate) const RECORDS_MAX: usize = 10_000;

/// How many items that failed are kept of a long list.
pub(crate) const FAILED_MAX: u64 = 100;

/// The items of a fanned-out step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Items {
    /// How many there are.
    pub total: usize,
    /// Their keys, in list order: of a long list the first [`ITEMS_MAX`].
    pub keys: Vec<String>,
    /// How those ended that are over, and what all of them cost so far.
    pub over: ItemCounts,
    /// Whether there are items that are over and have no record.
    pub are_summed_up: bool,
    /// How those stand that are begun, where they are too many for records of their own.
    pub(crate) open: Option<BTreeMap<StepStatus, u64>>,
    /// How many that failed have a record.
    pub(crate) failed_kept: u64,
}

impl Items {
    /// Of `total` items, as they are called.
    pub(crate) fn of<'k>(total: usize, keys: impl Iterator<Item = Cow<'k, str>>) -> Items {
        Items { total, keys: keys.take(ITEMS_MAX).map(Cow::into_owned).collect(), ..Items::default() }
    }

    /// How many items failed that have no record.
    pub fn failed_left_out(&self) -> u64 {
        self.over.failed.saturating_sub(self.failed_kept)
    }

    /// Whether the list is too long for a record of each item.
    pub(crate) fn are_many(&self) -> bool {
        self.total > ITEMS_MAX
    }
}

impl RunRecord {
    /// The items of the step whose path reads `fan_out`, if it is fanned out.
    pub fn items_of(&self, fan_out: &str) -> Option<&Items> {
        self.steps.get(fan_out)?.items.as_deref()
    }

    fn items_mut(&mut self, fan_out: &str) -> Option<&mut Items> {
        self.steps.get_mut(fan_out)?.items.as_deref_mut()
    }

    fn has_many_items(&self, fan_out: &str) -> bool {
        self.items_of(fan_out).is_some_and(Items::are_many)
    }

    /// Takes in an event about the step or item at `path`.
    pub(in crate::report) fn apply_to_step(&mut self, path: &StepPath, event: &Event, at: Timestamp) {
        let cost = event.cost();
        if !cost.is_zero() {
            for fan_out in path.fan_outs() {
                if let Some(items) = self.items_mut(fan_out) {
                    items.over.cost += cost;
                }
            }
        }
        if !self.steps.contains_key(path) {
            // The late end of an attempt of an item that is counted already.
            if is_about_an_attempt(event) {
                return;
            }
            self.insert(path.clone(), StepRecord::default());
        }
        let keeps_values = !path.fan_outs().any(|fan_out| self.has_many_items(fan_out));
        let Some(step) = self.steps.get_mut(path) else { return };
        let was_over = step.is_over();
        step.apply(event, at);
        leave_out_large(step, event, keeps_values, &mut self.room);
        if step.is_over() && !was_over {
            let status = step.status;
            self.count_end(path, status);
        }
    }

    /// Adds a step or item that is not known yet.
    pub(in crate::report) fn insert(&mut self, path: StepPath, step: StepRecord) {
        match path.is_in_items() {
            true => self.items_kept += 1,
            false if !path.as_str().contains('/') => self.order.push(path.clone()),
            false => {}
        }
        self.steps.insert(path, Box::new(step));
    }

    /// Puts a step or item in its place, as it is known from elsewhere.
    pub(in crate::report) fn set(&mut self, path: StepPath, step: StepRecord) {
        self.steps_done += usize::from(step.is_over() && path.is_outermost());
        match self.steps.get_mut(&path) {
            Some(known) => **known = step,
            None => self.insert(path, step),
        }
    }

    /// Takes in an event about a step or item at `path` whose record is not in its place yet.
    pub(in crate::report) fn apply_apart(
        &mut self,
        step: &mut StepRecord,
        path: &StepPath,
        event: &Event,
        at: Timestamp,
    ) {
        step.apply(event, at);
        leave_out_large(step, event, !path.is_in_items(), &mut self.room);
    }

    fn count_end(&mut self, path: &StepPath, status: StepStatus) {
        match path.fan_out() {
            Some(fan_out) => {
                if let Some(items) = self.items_mut(fan_out) {
                    items.over.add(status);
                    items.failed_kept += u64::from(status == StepStatus::Failed);
                }
            }
            None if path.is_outermost() => self.steps_done += 1,
            None => {}
        }
    }

    /// Forgets what is over with `event` and need not be kept. To be called once the event was told.
    pub(in crate::report) fn forget_what_is_over(&mut self, event: &Event) {
        let Some(path) = event.step().filter(|_| event.step_end().is_some()) else { return };
        match path.fan_out() {
            Some(fan_out) => self.forget_item(fan_out, path),
            // Items that were begun and that nobody waits for any more have no end.
            None if self.has_many_items(path.as_str()) => {
                let open = |step: &StepRecord| !step.is_over();
                let items = self.below(path).filter(|(item, step)| item.fan_out().is_some() && open(step));
                let items: Vec<StepPath> = items.map(|(item, _)| item.clone()).collect();
                items.iter().for_each(|item| self.remove(item));
            }
            None => {}
        }
    }

    fn forget_item(&mut self, fan_out: &str, path: &StepPath) {
        let is_full = self.items_kept > RECORDS_MAX;
        if !self.has_many_items(fan_out) && !is_full {
            return;
        }
        let has_failed = self.steps.get(path).is_some_and(|step| step.status == StepStatus::Failed);
        let Some(items) = self.items_mut(fan_out) else { return };
        items.are_summed_up = true;
        if has_failed {
            if items.failed_kept <= FAILED_MAX && !is_full {
                return;
            }
            items.failed_kept -= 1;
        }
        self.remove(path);
    }

    /// Removes a record, and all below it.
    fn remove(&mut self, path: &StepPath) {
        let below: Vec<StepPath> = self.below(path).map(|(below, _)| below.clone()).collect();
        for path in below.iter().chain([path]) {
            let Some(step) = self.steps.remove(path) else { continue };
            self.items_kept -= 1;
            self.errors_left_out += u64::from(step.failure.is_some());
        }
    }
}

/// Takes away the value that `event` brought if values are not kept, or there is no room for it.
fn leave_out_large(step: &mut StepRecord, event: &Event, keeps_values: bool, room: &mut u64) {
    let brought = match event {
        Event::Step { event: StepEvent::Ready { .. }, .. }
        | Event::Step { event: StepEvent::TargetReady { .. }, .. } => &mut step.inputs,
        Event::Step { event: StepEvent::Completed { .. }, .. } => &mut step.output,
        _ => return,
    };
    let Some(value) = brought else { return };
    match room.checked_sub(value.units()).filter(|_| keeps_values) {
        Some(left) => *room = left,
        None => *brought = None,
    }
}

/// Whether `event` can't be the first that is told of a step.
fn is_about_an_attempt(event: &Event) -> bool {
    matches!(
        event,
        Event::Attempt { event: AttemptEvent::Accepted { .. }, .. }
            | Event::Attempt { event: AttemptEvent::Succeeded { .. }, .. }
            | Event::Attempt { event: AttemptEvent::Failed { .. }, .. }
            | Event::Attempt { event: AttemptEvent::Abandoned { .. }, .. }
            | Event::Attempt { event: AttemptEvent::Ended { .. }, .. }
    )
}
