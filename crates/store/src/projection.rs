//! From events to rows: what each event changes in the tables that are made from the journal.
//!
//! [`Changes`] collects what some turns change; [`Changes::project`] is the only place that knows
//! what an event means for a table, live and when all tables are made again. Changes are shaped so
//! that collecting two turns and writing once is the same as writing each by itself: the last
//! status wins, the first start stays, costs add up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use motet_engine::event::RunStarted;
use motet_engine::{AttemptEvent, Event, ParkReason, RunEvent, StepEvent, StepStatus, Turn};
use motet_pipeline::value::Compared;
use motet_pipeline::{Artifact, Digest, Money, StepPath, Timestamp, Value};

use crate::cache::CacheChange;
use crate::charges::ChargeChange;
use crate::savings::SavingChange;
use crate::{ItemCounts, RunStatus};

/// All turns that projections are made from: what is left of deleted runs tells nothing.
pub(crate) const TURNS: &str =
    "SELECT * FROM journal WHERE run NOT IN (SELECT number FROM deleted_runs) ORDER BY sequence";

/// What some turns change in the projections. Runs go by their numbers in the database.
#[derive(Default)]
pub(crate) struct Changes<'t> {
    pub(crate) runs: BTreeMap<i64, RunChange<'t>>,
    /// In the order in which they happen; several of one step add up.
    pub(crate) steps: Vec<(i64, StepPath, StepChange)>,
    pub(crate) references: Vec<(i64, &'t Reference)>,
    pub(crate) long_values: BTreeSet<(i64, &'t [u8])>,
    /// What more is over of the items of fanned-out steps, and what more they cost.
    pub(crate) items: BTreeMap<i64, BTreeMap<StepPath, ItemCounts>>,
    /// What attempts cost.
    pub(crate) charges: BTreeMap<(i64, StepPath, u32), ChargeChange>,
    /// What is kept for other runs.
    pub(crate) cache: BTreeMap<(i64, StepPath), CacheChange>,
    /// What results cost elsewhere that were taken over.
    pub(crate) savings: BTreeMap<(i64, StepPath), SavingChange>,
}

/// Among how many of the last steps one is looked for.
const STEPS_NEAR: usize = 4;

#[derive(Default)]
pub(crate) struct RunChange<'t> {
    pub(crate) started: Option<Start<'t>>,
    /// Whether it is parked, and why, if that changed.
    pub(crate) parked: Option<Option<ParkReason>>,
    pub(crate) end: Option<RunEnd>,
    pub(crate) cost: Money,
}

pub(crate) struct Start<'t> {
    pub(crate) started: &'t RunStarted,
    pub(crate) inputs_digest: Digest,
    pub(crate) at: Timestamp,
}

pub(crate) struct RunEnd {
    pub(crate) status: RunStatus,
    pub(crate) at: Timestamp,
    pub(crate) turn: u64,
    pub(crate) degraded: bool,
    pub(crate) failed_step: Option<StepPath>,
    pub(crate) class: Option<&'static str>,
    pub(crate) message: Option<String>,
}

#[derive(Default)]
pub(crate) struct StepChange {
    /// Its status, and until when it sleeps.
    pub(crate) state: Option<(StepStatus, Option<Timestamp>)>,
    pub(crate) items: Option<usize>,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) attempt: Option<Attempt>,
    pub(crate) cost: Money,
    pub(crate) end: Option<StepEnd>,
    /// What it is parked for, in words.
    pub(crate) parked: Option<String>,
    pub(crate) first_turn: Option<u64>,
    /// The turns that tell of it, beside its first, its last and that of its last attempt, and beside `between`.
    turns: BTreeSet<u64>,
    /// The last turn that began it, ended it or planned an attempt: its row knows it.
    known_turn: Option<u64>,
    /// The last turn that did nothing of that.
    between: Option<u64>,
}

pub(crate) struct Attempt {
    pub(crate) turn: u64,
    pub(crate) number: u32,
    pub(crate) target: usize,
    pub(crate) operation: String,
    pub(crate) at: Timestamp,
    /// Whether an attempt that was written before comes before it, and the others that it stands for.
    pub(crate) follows_another: bool,
}

pub(crate) struct StepEnd {
    pub(crate) at: Timestamp,
    pub(crate) turn: u64,
    pub(crate) tolerated: bool,
    pub(crate) class: Option<&'static str>,
    pub(crate) message: Option<String>,
}

/// What the tables need of the values of a turn: worked out before the turn is written, because values
/// may be large.
#[derive(Default)]
pub(crate) struct Extract {
    /// Of a turn that starts a run.
    inputs_digest: Option<Digest>,
    references: Vec<Reference>,
}

/// An artifact, and which step of a run refers to it.
pub(crate) struct Reference {
    pub(crate) step: StepPath,
    pub(crate) output: String,
    pub(crate) position: i64,
    pub(crate) artifact: Arc<Artifact>,
}

impl Extract {
    pub(crate) fn of(turn: &Turn) -> Extract {
        let mut extract = Extract::default();
        for event in &turn.events {
            match event {
                Event::Run(RunEvent::Started(started)) => {
                    extract.inputs_digest = Some(inputs_digest(&started.inputs));
                    extract.refer(&StepPath::root(), "inputs.", &started.inputs);
                }
                Event::Run(RunEvent::Completed { outputs, .. }) => {
                    extract.refer(&StepPath::root(), "outputs.", outputs);
                }
                Event::Step { step, event: StepEvent::Completed { output: Some(output), .. } } => {
                    extract.refer(step, "", output);
                }
                Event::Attempt { key, event: AttemptEvent::Ended { output: Some(output), .. } } => {
                    extract.refer(&key.step, &format!("attempts.{}.", key.number), output);
                }
                _ => {}
            }
        }
        extract
    }

    /// Adds a reference for every artifact in the map `outputs`, under its first name in it.
    fn refer(&mut self, step: &StepPath, prefix: &str, outputs: &Value) {
        for (name, value) in outputs.as_map().into_iter().flatten() {
            let mut position = 0;
            value.for_each_artifact(&mut |artifact| {
                self.references.push(Reference {
                    step: step.clone(),
                    output: format!("{prefix}{name}"),
                    position,
                    artifact: artifact.clone(),
                });
                position += 1;
            });
        }
    }
}

impl<'t> Changes<'t> {
    /// Adds what `turn` changes, of which `extract` was made.
    pub(crate) fn add(&mut self, run: i64, turn: &'t Turn, extract: &'t Extract) {
        for event in &turn.events {
            self.project(run, turn, event, extract.inputs_digest);
        }
        self.references.extend(extract.references.iter().map(|reference| (run, reference)));
    }

    /// Adds the long values that a turn refers to, by their digests.
    pub(crate) fn add_long_values(&mut self, run: i64, digests: impl Iterator<Item = &'t [u8]>) {
        self.long_values.extend(digests.map(|digest| (run, digest)));
    }

    /// Adds what one event of `turn` changes.
    fn project(&mut self, run: i64, turn: &Turn, event: &'t Event, inputs_digest: Option<Digest>) {
        let Some(step) = event.step() else {
            if let Event::Run(event) = event {
                self.runs.entry(run).or_default().project(turn, event, inputs_digest);
            }
            return;
        };
        let change = self.step(run, step);
        change.project(turn, event);
        if happens_between(event) {
            change.note_turn_between(turn.number);
        }
        self.book(run, step, event.cost());
        if let Event::Attempt { key, event } = event
            && let Some(change) = ChargeChange::of(event, turn.at)
        {
            let row = (run, key.step.clone(), key.number);
            self.charges.entry(row).or_default().join(change);
        }
        if let Some(change) = CacheChange::of(event, turn) {
            self.cache.insert((run, step.clone()), change);
        }
        if let Event::Step { event: StepEvent::Completed { reused: Some(reused), .. }, .. } = event
            && !reused.cost.is_zero()
        {
            let change = SavingChange { at: turn.at, reused: (**reused).clone() };
            self.savings.insert((run, step.clone()), change);
        }
        if let (Some(status), Some(fan_out)) = (event.step_end(), step.fan_out()) {
            self.items_of(run, fan_out).add(status);
        }
    }

    /// What changes of a step: what a turn tells of one stands close together, so it is looked for among the last ones
    /// only.
    fn step(&mut self, run: i64, path: &StepPath) -> &mut StepChange {
        let is_it = |(of_run, of_path, _): &(i64, StepPath, _)| *of_run == run && of_path == path;
        let last = self.steps.len().saturating_sub(STEPS_NEAR);
        let index = self.steps[last..].iter().rposition(is_it).map_or_else(
            || {
                self.steps.push((run, path.clone(), StepChange::default()));
                self.steps.len() - 1
            },
            |found| last + found,
        );
        &mut self.steps[index].2
    }

    fn items_of(&mut self, run: i64, fan_out: &str) -> &mut ItemCounts {
        let items = self.items.entry(run).or_default();
        // A path of its own is made for the first of many items only.
        if !items.contains_key(fan_out) {
            items.insert(StepPath::from_text(fan_out), ItemCounts::default());
        }
        items.get_mut(fan_out).expect("it was put in if it was not there")
    }

    /// Books a cost of the step at `path` for the run and for every fanned-out step around it.
    fn book(&mut self, run: i64, path: &StepPath, cost: Money) {
        if cost.is_zero() {
            return;
        }
        self.runs.entry(run).or_default().cost += cost;
        for fan_out in path.fan_outs() {
            self.items_of(run, fan_out).cost += cost;
        }
    }
}

impl<'t> RunChange<'t> {
    fn project(&mut self, turn: &Turn, event: &'t RunEvent, inputs_digest: Option<Digest>) {
        match event {
            RunEvent::Started(started) => {
                let inputs_digest =
                    inputs_digest.expect("an extract has the inputs of a turn that starts a run");
                self.started = Some(Start { started, inputs_digest, at: turn.at });
            }
            RunEvent::Resumed { .. }
            | RunEvent::CancelRequested { .. }
            | RunEvent::StepCancelRequested { .. }
            | RunEvent::BudgetSet { .. }
            | RunEvent::Closing { .. }
            | RunEvent::Undone { .. } => {}
            RunEvent::Parked { reason } => self.parked = Some(Some(*reason)),
            RunEvent::Unparked {} => self.parked = Some(None),
            RunEvent::Completed { degraded, .. } => {
                let end = RunEnd::new(RunStatus::Completed, turn);
                self.end = Some(RunEnd { degraded: *degraded, ..end });
            }
            RunEvent::Failed { step, failure } => {
                let end = RunEnd::new(RunStatus::Failed, turn);
                let (class, message) = (Some(failure.class.word()), Some(failure.message.clone()));
                self.end = Some(RunEnd { failed_step: step.clone(), class, message, ..end });
            }
            RunEvent::Cancelled { reason } => {
                let end = RunEnd::new(RunStatus::Cancelled, turn);
                self.end = Some(RunEnd { message: Some(reason.clone()), ..end });
            }
        }
    }
}

/// Whether `event` tells of a step what neither its beginning nor its end does, nor the plan of its attempt.
fn happens_between(event: &Event) -> bool {
    match event {
        Event::Run(_) => false,
        Event::Step { event, .. } => matches!(
            event,
            StepEvent::Slept { .. }
                | StepEvent::Woken {}
                | StepEvent::Parked { .. }
                | StepEvent::Resolved { .. }
                | StepEvent::Funded {}
        ),
        Event::Attempt { event, .. } => {
            !matches!(event, AttemptEvent::Planned { .. } | AttemptEvent::Succeeded { .. })
        }
    }
}

impl RunEnd {
    fn new(status: RunStatus, turn: &Turn) -> RunEnd {
        RunEnd {
            status,
            at: turn.at,
            turn: turn.number,
            degraded: false,
            failed_step: None,
            class: None,
            message: None,
        }
    }
}

impl StepChange {
    fn project(&mut self, turn: &Turn, event: &Event) {
        self.cost += event.cost();
        if let Some(status) = event.status() {
            self.state = Some((status, None));
        }
        match event {
            Event::Run(_) => {}
            Event::Step { event, .. } => self.project_step(turn, event),
            Event::Attempt { key, event } => {
                if let AttemptEvent::Planned { target, operation, .. } = event {
                    self.plan(key.number, *target, operation, turn);
                    self.start(turn);
                }
            }
        }
    }

    fn project_step(&mut self, turn: &Turn, event: &StepEvent) {
        match event {
            StepEvent::Expanded { items } => {
                self.items = Some(items.len());
                self.start(turn);
            }
            StepEvent::Ready { .. } => self.start(turn),
            StepEvent::Slept { until } => self.sleep(*until),
            StepEvent::Woken {} => {}
            StepEvent::RetryScheduled { at, .. } => {
                self.turns.insert(turn.number);
                self.sleep(*at);
            }
            StepEvent::FallbackTaken { .. } | StepEvent::TargetReady { .. } => {
                self.turns.insert(turn.number);
                self.start(turn);
            }
            StepEvent::Parked { message, .. } => self.parked = Some(message.clone()),
            StepEvent::Resolved { .. } | StepEvent::Funded {} => {}
            StepEvent::Skipped { reason } => self.end(turn).message = Some(reason.to_string()),
            StepEvent::Completed { .. } => _ = self.end(turn),
            StepEvent::Failed { failure, tolerated } => {
                let end = self.end(turn);
                end.tolerated = *tolerated;
                end.class = Some(failure.class.word());
                end.message = Some(failure.message.clone());
            }
            StepEvent::Cancelled { reason, tolerated, .. } => {
                let end = self.end(turn);
                end.tolerated = *tolerated;
                end.message = Some(reason.clone());
            }
        }
    }

    fn start(&mut self, turn: &Turn) {
        self.started_at.get_or_insert(turn.at);
        self.first_turn.get_or_insert(turn.number);
        self.know(turn.number);
    }

    fn plan(&mut self, number: u32, target: usize, operation: &str, turn: &Turn) {
        let before = self.attempt.take();
        let is_first = number == 1;
        let follows_another = before.as_ref().map_or(!is_first, |before| before.follows_another);
        self.turns.extend(before.filter(|_| !is_first).map(|before| before.turn));
        let (turn, at, operation) = (turn.number, turn.at, operation.to_owned());
        self.attempt = Some(Attempt { turn, number, target, operation, at, follows_another });
    }

    /// The turns that tell of it, and that its row doesn't know.
    pub(crate) fn turns(&self) -> impl Iterator<Item = u64> {
        self.turns.iter().copied().chain(self.between)
    }

    fn note_turn_between(&mut self, turn: u64) {
        if self.known_turn != Some(turn) {
            self.turns.extend(self.between.replace(turn));
        }
    }

    /// The row of the step knows of `turn`.
    fn know(&mut self, turn: u64) {
        self.known_turn = Some(turn);
        self.between = self.between.filter(|between| *between != turn);
    }

    fn sleep(&mut self, until: Timestamp) {
        self.state = Some((StepStatus::Sleeping, Some(until)));
    }

    fn end(&mut self, turn: &Turn) -> &mut StepEnd {
        self.know(turn.number);
        let (at, turn) = (turn.at, turn.number);
        self.end.insert(StepEnd { at, turn, tolerated: false, class: None, message: None })
    }
}

/// What tells runs with the same inputs from others: the digest of their canonical JSON, with
/// numbers by what they are worth: `2` and `2.0` are the same.
///
/// ```
/// use motet_pipeline::Value;
/// use motet_store::inputs_digest;
/// let one: Value = serde_json::from_str(r#"{"a":1,"b":2}"#).unwrap();
/// let same: Value = serde_json::from_str(r#"{"b":2,"a":1}"#).unwrap();
/// assert_eq!(inputs_digest(&one), inputs_digest(&same));
/// let number: Value = serde_json::from_str(r#"{"a":1.0,"b":2e0}"#).unwrap();
/// assert_eq!(inputs_digest(&one), inputs_digest(&number));
/// ```
pub fn inputs_digest(inputs: &Value) -> Digest {
    Digest::of(&serde_json::to_vec(&Compared(inputs)).expect("a value is plain data with text keys"))
}
