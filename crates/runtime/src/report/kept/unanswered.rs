//! Calls of a run that are looked for at their provider, as its store tells.

use motet_engine::{AttemptEvent, Event, ParkReason, RunEvent, RunId, StepEvent, StepStatus};
use motet_pipeline::{Plan, StepPath, Timestamp};
use motet_store::{RunRow, StepFilter, Store, StoreError};

use crate::report::record::Calls;

/// How many steps that run are looked at, and how many turns of the run.
const STEPS_MAX: usize = 50;
const TURNS_MAX: usize = 1000;

/// A call that is looked for.
pub(super) struct Unanswered {
    pub(super) step: StepPath,
    pub(super) attempt: u32,
    /// When a process that took the run up began to look for it; nothing if its own events tell.
    pub(super) since: Option<Timestamp>,
}

/// The steps and items of a run whose calls are looked for at their provider, by path: the outcome of each is unknown, and
/// somebody may decide about it. Of very many that run only the first are looked at.
///
/// # Errors
/// When the store can't be read.
pub fn steps_looked_for(store: &Store, row: &RunRow) -> Result<Vec<StepPath>, StoreError> {
    Ok(unanswered(store, row)?.into_iter().map(|call| call.step).collect())
}

/// A step or item about which a person may decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecided {
    /// Which.
    pub step: StepPath,
    /// Whether its call can be a job of its provider that the person may name.
    pub may_name_job: bool,
}

/// The steps and items of a run about which a person may decide: those that are parked, but for money, then those whose calls
/// are looked for. Of very many only the first are looked at.
///
/// # Errors
/// When the store can't be read.
pub fn undecided_steps(store: &Store, row: &RunRow) -> Result<Vec<Undecided>, StoreError> {
    let parked = StepFilter::default().open().with_status(StepStatus::Parked).at_most(STEPS_MAX);
    let mut steps = Vec::new();
    for step in store.steps_where(&row.id, &parked)? {
        match park_reason(store, &row.id, &step.path)? {
            Some(ParkReason::Budget) => {}
            reason => steps.push((step.path, reason)),
        }
    }
    steps.extend(steps_looked_for(store, row)?.into_iter().map(|step| (step, None)));
    if steps.is_empty() {
        return Ok(Vec::new());
    }
    let calls = calls_of(store, row)?;
    let mut undecided = Vec::new();
    for (step, reason) in steps {
        let target = store.step(&row.id, &step)?.and_then(|row| row.target).unwrap_or_default();
        let may_name_job = reason != Some(ParkReason::Stuck) && calls.can_be_job(&step, target);
        undecided.push(Undecided { step, may_name_job });
    }
    Ok(undecided)
}

/// What the plan of a run says of its calls; nothing where it can't be had.
fn calls_of(store: &Store, row: &RunRow) -> Result<Calls, StoreError> {
    let pin = store.plan(&row.plan)?.and_then(|kept| kept.pin);
    let plan = pin.and_then(|pin| Plan::link(&pin, row.plan).ok());
    Ok(plan.as_ref().map(Calls::of).unwrap_or_default())
}

/// What a step or item waits for, if it is parked.
///
/// # Errors
/// When the store can't be read.
pub fn park_reason(store: &Store, run: &RunId, step: &StepPath) -> Result<Option<ParkReason>, StoreError> {
    let mut waits_for = None;
    for told in store.turns_of_step(run, step)? {
        for event in store.known_turn(run, told)?.events.iter().filter(|event| event.step() == Some(step)) {
            match event {
                Event::Step { event: StepEvent::Parked { reason, .. }, .. } => waits_for = Some(*reason),
                _ if event.status().is_some() => waits_for = None,
                _ => {}
            }
        }
    }
    Ok(waits_for)
}

pub(super) fn unanswered(store: &Store, row: &RunRow) -> Result<Vec<Unanswered>, StoreError> {
    if row.status.is_final() || !store.has_step_turns(&row.id)? {
        return Ok(Vec::new());
    }
    let running = StepFilter::default().open().with_status(StepStatus::Running).at_most(STEPS_MAX);
    let mut calls = Vec::new();
    for step in store.steps_where(&row.id, &running)?.into_iter().filter(|step| step.operation.is_some()) {
        calls.extend(call_of(store, &row.id, step.path)?);
    }
    let Some(first) = calls.iter().map(|call| call.told).min() else { return Ok(Vec::new()) };
    let resumed = last_resumption(store, row, first)?;
    let looked_for = calls.into_iter().filter_map(|call| {
        let since = resumed.filter(|(turn, _)| call.told < *turn).map(|(_, at)| at);
        let Call { step, attempt, is_doubted, .. } = call;
        (is_doubted || since.is_some()).then_some(Unanswered { step, attempt, since })
    });
    Ok(looked_for.collect())
}

/// A call that has not ended and has no job, as far as its own events tell.
struct Call {
    step: StepPath,
    attempt: u32,
    /// The last turn that tells of it.
    told: u64,
    /// Whether that says that it is looked for.
    is_doubted: bool,
}

fn call_of(store: &Store, run: &RunId, step: StepPath) -> Result<Option<Call>, StoreError> {
    let mut call = None;
    for told in store.turns_of_step(run, &step)? {
        let turn = store.known_turn(run, told)?;
        for event in turn.events.iter().filter(|event| event.step() == Some(&step)) {
            let Event::Attempt { key, event } = event else { continue };
            let is_doubted = matches!(event, AttemptEvent::Doubted { .. });
            let is_open = is_doubted || matches!(event, AttemptEvent::Planned { intent: Some(_), .. });
            call = is_open.then(|| Call { step: step.clone(), attempt: key.number, told, is_doubted });
        }
    }
    Ok(call)
}

/// The last turn behind `first` in which a process took the run up.
fn last_resumption(store: &Store, row: &RunRow, first: u64) -> Result<Option<(u64, Timestamp)>, StoreError> {
    for number in (first + 1..=row.turns).rev().take(TURNS_MAX) {
        let turn = store.known_turn(&row.id, number)?;
        if turn.events.iter().any(|event| matches!(event, Event::Run(RunEvent::Resumed { .. }))) {
            return Ok(Some((number, turn.at)));
        }
    }
    Ok(None)
}
