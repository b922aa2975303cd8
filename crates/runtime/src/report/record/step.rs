//! What is known of a step or item: the fold of all that happened to it.

use motet_engine::event::Reused;
use motet_engine::{AttemptEvent, Event, ParkReason, StepEvent, StepStatus};
use motet_pipeline::{Failure, Money, Span, Timestamp, Value};

use super::{Items, Search};

/// A step, or an item of one.
#[derive(Clone, Debug)]
pub struct StepRecord {
    /// Its status.
    pub status: StepStatus,
    /// Its items, if it is fanned out.
    pub items: Option<Box<Items>>,
    /// Its resolved inputs. Not kept of items of a long list, nor once all that is kept is large.
    pub inputs: Option<Value>,
    /// What it gave; kept as its inputs are.
    pub output: Option<Value>,
    /// Which target it is at: 0 is the first, then the fallbacks.
    pub target: usize,
    /// Its attempts, over all targets: of very many the last ones.
    pub attempts: Vec<AttemptRecord>,
    /// How many attempts there were before these.
    pub attempts_left_out: usize,
    /// When all that it waits for was there.
    pub ready_at: Option<Timestamp>,
    /// Until when it sleeps, while it does.
    pub wakes_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Why it failed.
    pub failure: Option<Box<Failure>>,
    /// What it waits for while it is parked.
    pub parked_for: Option<ParkReason>,
    /// Whether its failure or cancellation is tolerated.
    pub tolerated: bool,
    /// Why it was skipped, cancelled or sleeps.
    pub reason: Option<String>,
    /// What its attempts cost so far.
    pub cost: Money,
    /// Where its result comes from, if it wasn't made in this run.
    pub reused: Option<Box<Reused>>,
}

/// One try of a step at one target.
#[derive(Clone, Debug)]
pub struct AttemptRecord {
    /// Counts from 1.
    pub number: u32,
    /// Which target: 0 is the first, then the fallbacks.
    pub target: usize,
    /// The operation.
    pub operation: String,
    /// When it was planned.
    pub planned_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The provider's name for its job.
    pub job: Option<String>,
    /// Why it failed.
    pub failure: Option<Box<Failure>>,
    /// The search for it, while its outcome is unknown and its provider is asked about it.
    pub search: Option<Box<Search>>,
    /// Whether nobody looks for it any more, though it may not have ended: nobody wants it, or nobody can tell.
    pub(crate) is_given_up: bool,
    /// What it cost.
    pub cost: Money,
    /// How far it is, from 0 to 1.
    pub fraction: Option<f64>,
    /// A short description of what it is doing.
    pub doing: Option<String>,
}

/// How many attempts of a step are kept.
const ATTEMPTS_MAX: usize = 100;

impl Default for StepRecord {
    fn default() -> StepRecord {
        StepRecord {
            status: StepStatus::Pending,
            items: None,
            inputs: None,
            output: None,
            target: 0,
            attempts: Vec::new(),
            attempts_left_out: 0,
            ready_at: None,
            wakes_at: None,
            ended_at: None,
            failure: None,
            parked_for: None,
            tolerated: false,
            reason: None,
            cost: Money::ZERO,
            reused: None,
        }
    }
}

impl StepRecord {
    /// Whether nothing changes it any more.
    pub fn is_over(&self) -> bool {
        self.status.is_terminal()
    }

    /// How long it took from when it was ready, if it is over.
    pub fn duration(&self) -> Option<Span> {
        Some(self.ended_at?.since(self.ready_at?))
    }

    /// The attempt under way, or the last one.
    pub fn last_attempt(&self) -> Option<&AttemptRecord> {
        self.attempts.last()
    }

    /// How many attempts were made.
    pub fn attempts_made(&self) -> usize {
        self.attempts_left_out + self.attempts.len()
    }

    pub(super) fn attempt_mut(&mut self, number: u32) -> Option<&mut AttemptRecord> {
        self.attempts.iter_mut().find(|attempt| attempt.number == number)
    }

    pub(crate) fn apply(&mut self, event: &Event, at: Timestamp) {
        if let Some(status) = event.status() {
            self.status = status;
            self.wakes_at = None;
            self.parked_for = None;
        }
        match event {
            Event::Run(_) => {}
            Event::Step { event, .. } => self.apply_to_step(event, at),
            Event::Attempt { key, event } => self.apply_to_attempt(key.number, event, at),
        }
    }

    fn apply_to_step(&mut self, event: &StepEvent, at: Timestamp) {
        match event {
            StepEvent::Expanded { items } => {
                self.items = Some(Box::new(Items::of(items.len(), items.keys())));
                self.begin(at);
            }
            StepEvent::Ready { inputs, .. } => {
                self.inputs = inputs.clone();
                self.begin(at);
            }
            StepEvent::TargetReady { inputs, .. } => self.inputs = Some(inputs.clone()),
            StepEvent::FallbackTaken { target, reason } => {
                self.target = *target;
                self.reason = Some(reason.clone());
            }
            StepEvent::Slept { until } => self.wakes_at = Some(*until),
            StepEvent::RetryScheduled { at: until, reason, .. } => {
                self.wakes_at = Some(*until);
                self.reason = Some(reason.clone());
            }
            StepEvent::Woken {} | StepEvent::Resolved { .. } | StepEvent::Funded {} => {}
            StepEvent::Parked { reason, message } => {
                self.parked_for = Some(*reason);
                self.reason = Some(message.clone());
            }
            StepEvent::Skipped { reason } => {
                self.reason = Some(reason.to_string());
                self.ended_at = Some(at);
            }
            StepEvent::Completed { output, reused, .. } => {
                self.reused = reused.clone();
                self.output = output.clone();
                self.ended_at = Some(at);
            }
            StepEvent::Failed { failure, tolerated } => {
                self.failure = Some(Box::new(failure.clone()));
                self.tolerated = *tolerated;
                self.ended_at = Some(at);
            }
            StepEvent::Cancelled { reason, tolerated, .. } => {
                self.reason = Some(reason.clone());
                self.tolerated = *tolerated;
                self.ended_at = Some(at);
            }
        }
    }

    fn apply_to_attempt(&mut self, number: u32, event: &AttemptEvent, at: Timestamp) {
        if let (Some(search), Some(attempt)) = (Search::after(event), self.attempt_mut(number)) {
            // Of what nobody waits for there is nothing to decide.
            attempt.search = search.filter(|_| !attempt.is_given_up).map(Box::new);
            attempt.is_given_up |= matches!(
                event,
                AttemptEvent::Abandoned { .. } | AttemptEvent::Failed { .. } | AttemptEvent::Unknown { .. }
            );
        }
        match event {
            AttemptEvent::Planned { target, operation, .. } => {
                self.begin(at);
                if self.attempts.len() == ATTEMPTS_MAX {
                    self.attempts.remove(0);
                    self.attempts_left_out += 1;
                }
                self.attempts.push(AttemptRecord::new(number, *target, operation, at));
            }
            AttemptEvent::Succeeded { cost, .. } => self.book(number, cost.amount, at, None),
            AttemptEvent::Failed { cost, failure, .. } => {
                self.book(number, cost.amount, at, Some(failure));
            }
            AttemptEvent::Ended { cost, .. } => self.book(number, cost.amount, at, None),
            AttemptEvent::Accepted { job, .. } | AttemptEvent::AcceptedLate { job } => {
                if let Some(attempt) = self.attempt_mut(number) {
                    attempt.job = Some(job.clone());
                }
            }
            AttemptEvent::Absent {}
            | AttemptEvent::Doubted { .. }
            | AttemptEvent::Began { .. }
            | AttemptEvent::Finished {}
            | AttemptEvent::Unknown { .. }
            | AttemptEvent::Warned { .. }
            | AttemptEvent::Abandoned { .. } => {}
        }
    }

    fn begin(&mut self, at: Timestamp) {
        self.ready_at.get_or_insert(at);
    }

    fn book(&mut self, number: u32, cost: Money, at: Timestamp, failure: Option<&Failure>) {
        self.cost += cost;
        if let Some(attempt) = self.attempt_mut(number) {
            attempt.cost += cost;
            attempt.ended_at.get_or_insert(at);
            if let Some(failure) = failure {
                attempt.failure = Some(Box::new(failure.clone()));
            }
        }
    }
}

impl AttemptRecord {
    pub(crate) fn new(number: u32, target: usize, operation: &str, planned_at: Timestamp) -> AttemptRecord {
        AttemptRecord {
            number,
            target,
            operation: operation.to_owned(),
            planned_at,
            ended_at: None,
            job: None,
            failure: None,
            search: None,
            is_given_up: false,
            cost: Money::ZERO,
            fraction: None,
            doing: None,
        }
    }
}
