//! What is known of a run: the fold of all that happened to it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use motet_engine::StepStatus;
use motet_engine::{Event, Failure, Money, RunId};
use motet_pipeline::{Digest, Plan, Span, StepPath, Timestamp, Value};
use motet_store::RunStatus;

use crate::follow::Progress;

/// A run, as far as it has been told of.
#[derive(Clone, Debug)]
pub struct RunRecord {
    /// The run.
    pub run: RunId,
    /// The pipeline's name.
    pub pipeline: String,
    /// The pinned plan.
    pub plan: Option<Digest>,
    /// On whose behalf.
    pub user: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// What all its randomness comes from.
    pub seed: u64,
    /// What it was given.
    pub inputs: Value,
    /// Where it stands.
    pub status: RunStatus,
    /// Whether nobody drives it any more, though it isn't over.
    pub interrupted: bool,
    /// Whether failures were tolerated or fallbacks taken.
    pub degraded: bool,
    /// When it was accepted.
    pub started_at: Timestamp,
    /// When something last happened to it.
    pub updated_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// For how long nobody drove it, in all.
    pub away: Span,
    /// The step that failed first.
    pub failed_step: Option<StepPath>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Why it was called off or interrupted, in words.
    pub reason: Option<String>,
    /// What it gave, a map.
    pub outputs: Option<Value>,
    /// What its attempts cost so far.
    pub cost: Money,
    /// Its steps and items by path.
    pub steps: BTreeMap<StepPath, StepRecord>,
    /// The outermost steps: in the order of the file, where the plan is known.
    pub order: Vec<StepPath>,
}

/// A step, or an item of one.
#[derive(Clone, Debug)]
pub struct StepRecord {
    /// Where it stands.
    pub status: StepStatus,
    /// The keys of its items, if it is fanned out.
    pub items: Option<Vec<String>>,
    /// Its resolved inputs.
    pub inputs: Option<Value>,
    /// What it gave.
    pub output: Option<Value>,
    /// Every attempt, over all targets.
    pub attempts: Vec<AttemptRecord>,
    /// When all that it waits for was there.
    pub ready_at: Option<Timestamp>,
    /// Until when it sleeps, while it does.
    pub wakes_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Whether its failure is tolerated.
    pub tolerated: bool,
    /// Why it was skipped, called off or sleeps, in words.
    pub reason: Option<String>,
    /// What its attempts cost so far.
    pub cost: Money,
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
    /// Why it failed.
    pub failure: Option<Failure>,
    /// What it cost.
    pub cost: Money,
    /// How far it is, from 0 to 1.
    pub fraction: Option<f64>,
    /// What it is doing, in words.
    pub doing: Option<String>,
}

impl RunRecord {
    /// A run of which nothing is known but its plan.
    pub(super) fn new(run: RunId, plan: Option<&Plan>) -> RunRecord {
        let order: Vec<StepPath> = plan.map_or_else(Vec::new, |plan| {
            plan.root.steps.iter().map(|step| StepPath::root().step(&step.name)).collect()
        });
        RunRecord {
            run,
            pipeline: plan.map(|plan| plan.name.clone()).unwrap_or_default(),
            plan: plan.map(|plan| plan.digest),
            user: None,
            labels: BTreeMap::new(),
            seed: 0,
            inputs: Value::Null,
            status: RunStatus::Running,
            interrupted: false,
            degraded: false,
            started_at: Timestamp::default(),
            updated_at: Timestamp::default(),
            ended_at: None,
            away: Span(0),
            failed_step: None,
            failure: None,
            reason: None,
            outputs: None,
            cost: Money::ZERO,
            steps: order.iter().map(|path| (path.clone(), StepRecord::default())).collect(),
            order,
        }
    }

    /// The step or item at `path`.
    pub fn step(&self, path: &StepPath) -> Option<&StepRecord> {
        self.steps.get(path)
    }

    /// The items of the step at `path`, with their paths, in list order.
    pub fn items_of<'a>(
        &'a self,
        path: &'a StepPath,
    ) -> impl Iterator<Item = (StepPath, Option<&'a StepRecord>)> + 'a {
        let keys = self.steps.get(path).and_then(|step| step.items.as_deref()).unwrap_or_default();
        keys.iter().map(move |key| {
            let item = path.item(key);
            let record = self.steps.get(&item);
            (item, record)
        })
    }

    /// All that lies below `path`: items, steps inside, and theirs.
    pub fn below(&self, path: &StepPath) -> impl Iterator<Item = (&StepPath, &StepRecord)> {
        // `0` and `\` follow `/` and `[`: between lie all paths that go on so, and no others.
        let range = |from: char, to: char| {
            let bound = |last: char| StepPath::from_text(&format!("{path}{last}"));
            self.steps.range(bound(from)..bound(to))
        };
        range('/', '0').chain(range('[', '\\'))
    }

    /// How many of the outermost steps are over.
    pub fn steps_done(&self) -> usize {
        self.order.iter().filter(|path| self.steps.get(*path).is_some_and(StepRecord::is_over)).count()
    }

    /// How long it took, or has been taking until `now`.
    pub fn elapsed(&self, now: Timestamp) -> Span {
        self.ended_at.unwrap_or(now).since(self.started_at)
    }

    fn step_mut(&mut self, path: &StepPath) -> &mut StepRecord {
        let is_outermost = !path.as_str().contains(['/', '[']);
        if is_outermost && !self.steps.contains_key(path) {
            self.order.push(path.clone());
        }
        self.steps.entry(path.clone()).or_default()
    }

    pub(super) fn note_progress(&mut self, progress: Progress) {
        if let Some(attempt) = self.step_mut(&progress.step).attempt_mut(progress.attempt) {
            attempt.fraction = progress.fraction;
            attempt.doing = progress.message;
        }
    }

    /// Takes in one event of the journal.
    pub(super) fn apply(&mut self, event: &Event, at: Timestamp) {
        self.updated_at = at;
        match event {
            Event::RunStarted(started) => {
                self.pipeline = started.pipeline.clone();
                self.plan = Some(started.plan);
                self.user = started.user.clone();
                self.labels = started.labels.clone();
                self.seed = started.seed;
                self.inputs = started.inputs.clone();
                self.started_at = at;
            }
            Event::RunResumed { away } => {
                self.away = Span(self.away.0 + away.0);
                self.interrupted = false;
            }
            Event::CancelRequested { reason, .. } => self.reason = Some(reason.clone()),
            Event::RunCompleted { outputs, degraded } => {
                self.outputs = Some(outputs.clone());
                self.degraded = *degraded;
                self.end(RunStatus::Completed, at);
            }
            Event::RunFailed { step, failure } => {
                self.failed_step = step.clone();
                self.failure = Some(failure.clone());
                self.end(RunStatus::Failed, at);
            }
            Event::RunCancelled { reason } => {
                self.reason = Some(reason.clone());
                self.end(RunStatus::Cancelled, at);
            }
            Event::AttemptSucceeded { cost, .. }
            | Event::AttemptFailed { cost, .. }
            | Event::AttemptEnded { cost, .. } => self.cost += *cost,
            _ => {}
        }
        if let Some(path) = event.step() {
            self.step_mut(path).apply(event, at);
        }
    }

    fn end(&mut self, status: RunStatus, at: Timestamp) {
        self.status = status;
        self.ended_at = Some(at);
    }
}

impl Default for StepRecord {
    fn default() -> StepRecord {
        StepRecord {
            status: StepStatus::Pending,
            items: None,
            inputs: None,
            output: None,
            attempts: Vec::new(),
            ready_at: None,
            wakes_at: None,
            ended_at: None,
            failure: None,
            tolerated: false,
            reason: None,
            cost: Money::ZERO,
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

    fn attempt_mut(&mut self, number: u32) -> Option<&mut AttemptRecord> {
        self.attempts.iter_mut().find(|attempt| attempt.number == number)
    }

    fn apply(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::StepExpanded { items, .. } => {
                self.items = Some(items.keys().map(Cow::into_owned).collect());
                self.begin(StepStatus::Running, at);
            }
            Event::StepReady { inputs: None, .. } => self.begin(StepStatus::Running, at),
            Event::StepReady { inputs, .. } => {
                self.inputs = inputs.clone();
                self.begin(StepStatus::Waiting, at);
            }
            Event::TargetReady { inputs, .. } => {
                self.inputs = Some(inputs.clone());
                self.begin(StepStatus::Waiting, at);
            }
            Event::FallbackTaken { reason, .. } => {
                self.reason = Some(reason.clone());
                self.status = StepStatus::Waiting;
            }
            Event::StepSlept { until, .. } => {
                self.begin(StepStatus::Sleeping, at);
                self.wakes_at = Some(*until);
            }
            Event::RetryScheduled { at: until, reason, .. } => {
                self.begin(StepStatus::Sleeping, at);
                self.wakes_at = Some(*until);
                self.reason = Some(reason.clone());
            }
            Event::StepWoken { .. } => self.begin(StepStatus::Waiting, at),
            Event::AttemptPlanned { attempt, target, operation, .. } => {
                self.begin(StepStatus::Running, at);
                self.attempts.push(AttemptRecord::new(*attempt, *target, operation, at));
            }
            Event::AttemptSucceeded { attempt, cost, .. } => self.book(*attempt, *cost, at, None),
            Event::AttemptFailed { attempt, cost, failure, .. } => {
                self.book(*attempt, *cost, at, Some(failure));
            }
            Event::AttemptEnded { attempt, cost, .. } => self.book(*attempt, *cost, at, None),
            Event::StepSkipped { reason, .. } => {
                self.reason = Some(reason.to_string());
                self.end(StepStatus::Skipped, at);
            }
            Event::StepCompleted { output, .. } => {
                self.output = output.clone();
                self.end(StepStatus::Completed, at);
            }
            Event::StepFailed { failure, tolerated, .. } => {
                self.failure = Some(failure.clone());
                self.tolerated = *tolerated;
                self.end(StepStatus::Failed, at);
            }
            Event::StepCancelled { reason, .. } => {
                self.reason = Some(reason.clone());
                self.end(StepStatus::Cancelled, at);
            }
            _ => {}
        }
    }

    fn begin(&mut self, status: StepStatus, at: Timestamp) {
        self.status = status;
        self.wakes_at = None;
        self.ready_at.get_or_insert(at);
    }

    fn end(&mut self, status: StepStatus, at: Timestamp) {
        self.status = status;
        self.wakes_at = None;
        self.ended_at = Some(at);
    }

    fn book(&mut self, number: u32, cost: Money, at: Timestamp, failure: Option<&Failure>) {
        self.cost += cost;
        if let Some(attempt) = self.attempt_mut(number) {
            attempt.cost += cost;
            attempt.ended_at.get_or_insert(at);
            if let Some(failure) = failure {
                attempt.failure = Some(failure.clone());
            }
        }
    }
}

impl AttemptRecord {
    fn new(number: u32, target: usize, operation: &str, planned_at: Timestamp) -> AttemptRecord {
        AttemptRecord {
            number,
            target,
            operation: operation.to_owned(),
            planned_at,
            ended_at: None,
            failure: None,
            cost: Money::ZERO,
            fraction: None,
            doing: None,
        }
    }
}
