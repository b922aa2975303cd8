//! What is known of a run: the fold of all that happened to it.

use std::collections::BTreeMap;

use motet_engine::{Event, RunEvent, RunId, StepEvent, StepStatus};
use motet_pipeline::{Digest, Failure, Money, Plan, Span, StepPath, Timestamp, Value};
use motet_store::RunStatus;

use crate::follow::Progress;

mod billing;
mod items;
mod search;
mod step;

pub use billing::MayBill;
pub(super) use items::{FAILED_MAX, RECORDS_MAX};
pub use items::{ITEMS_MAX, Items};
pub(super) use search::Calls;
pub use search::Search;
pub use step::{AttemptRecord, StepRecord};

/// How much of the inputs and outputs of steps is kept, in units of [`Value::units`]: later ones are left out.
const VALUES_UNITS_MAX: u64 = 32 << 20;

/// A run, as far as its events were received.
#[derive(Clone, Debug)]
pub struct RunRecord {
    /// The run.
    pub run: RunId,
    /// The pipeline's name.
    pub pipeline: String,
    /// The pinned plan.
    pub plan: Option<Digest>,
    /// The version of the pipeline, where the plan is known.
    pub version: Option<Digest>,
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
    /// Whether no process drives it any more, though it isn't over.
    pub interrupted: bool,
    /// Whether failures were tolerated or fallbacks used.
    pub degraded: bool,
    /// When it was accepted.
    pub started_at: Timestamp,
    /// When something last happened to it.
    pub updated_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The step that failed first.
    pub failed_step: Option<StepPath>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Why it was cancelled or interrupted.
    pub reason: Option<String>,
    /// How many steps and items are undone, and how many could not be, once that is known.
    pub undone: Option<(u32, u32)>,
    /// What it gave, a map.
    pub outputs: Option<Value>,
    /// What its attempts cost so far.
    pub cost: Money,
    /// What the earlier runs of its lineage cost.
    pub inherited: Money,
    /// What the results that it took over cost where they were made.
    pub saved: Money,
    /// Its steps and items by path: [`RunRecord::steps`]. Each in a box, for there may be a million.
    steps: BTreeMap<StepPath, Box<StepRecord>>,
    /// The outermost steps: in the order of the file, where the plan is known.
    pub order: Vec<StepPath>,
    /// How many steps and items failed that are not among these.
    pub errors_left_out: u64,
    /// Whether more was tried several times, or failed on its way, than these.
    pub stories_left_out: bool,
    billing: billing::Billing,
    calls: search::Calls,
    steps_done: usize,
    /// How many of the steps are items, or inside one.
    items_kept: usize,
    /// How much more may be kept of their inputs and outputs, in units of [`Value::units`].
    room: u64,
}

impl RunRecord {
    /// A run of which only the plan is known.
    pub(super) fn new(run: RunId, plan: Option<&Plan>) -> RunRecord {
        let order: Vec<StepPath> = plan.map_or_else(Vec::new, |plan| {
            plan.root.steps.iter().map(|step| StepPath::root().step(&step.name)).collect()
        });
        RunRecord {
            run,
            pipeline: plan.map(|plan| plan.name.clone()).unwrap_or_default(),
            plan: plan.map(|plan| plan.digest),
            version: plan.map(|plan| plan.version),
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
            failed_step: None,
            failure: None,
            reason: None,
            undone: None,
            outputs: None,
            cost: Money::ZERO,
            inherited: Money::ZERO,
            saved: Money::ZERO,
            steps: order.iter().map(|path| (path.clone(), Box::default())).collect(),
            order,
            errors_left_out: 0,
            stories_left_out: false,
            billing: billing::Billing::default(),
            calls: plan.map(search::Calls::of).unwrap_or_default(),
            steps_done: 0,
            items_kept: 0,
            room: VALUES_UNITS_MAX,
        }
    }

    /// Its steps and items by path. Of the items of a long list, and of what is inside them, only those
    /// that are under way and the first that failed; [`StepRecord::items`] counts the others.
    pub fn steps(&self) -> impl Iterator<Item = (&StepPath, &StepRecord)> {
        self.steps.iter().map(|(path, step)| (path, &**step))
    }

    /// The step or item at `path`.
    pub fn step(&self, path: &StepPath) -> Option<&StepRecord> {
        self.steps.get(path).map(Box::as_ref)
    }

    /// All that lies below `path`: items, steps inside, and theirs.
    pub fn below(&self, path: &StepPath) -> impl Iterator<Item = (&StepPath, &StepRecord)> {
        // `0` and `\` follow `/` and `[`: between lie all paths that go on so, and no others.
        let range = |from: char, to: char| {
            let bound = |last: char| StepPath::from_text(&format!("{path}{last}"));
            self.steps.range(bound(from)..bound(to)).map(|(path, step)| (path, &**step))
        };
        range('/', '0').chain(range('[', '\\'))
    }

    /// How many of the outermost steps are over.
    pub fn steps_done(&self) -> usize {
        self.steps_done
    }

    /// How many steps and items have an attempt under way.
    pub fn steps_at_work(&self) -> usize {
        let is_at_work = |step: &&StepRecord| step.status == StepStatus::Running && !step.attempts.is_empty();
        self.steps().map(|(_, step)| step).filter(is_at_work).count()
    }

    /// Whether there are items that are over and have no record.
    pub fn is_summed_up(&self) -> bool {
        self.steps.values().any(|step| step.items.as_ref().is_some_and(|items| items.are_summed_up))
    }

    /// The calls that may be billed though nothing came of them, and how many more there are.
    pub fn may_bill(&self) -> (&[MayBill], usize) {
        (&self.billing.listed, self.billing.left_out)
    }

    /// What an event says of calls that may be billed.
    pub(super) fn note_billing(&mut self, event: &Event) {
        self.billing.apply(event);
    }

    /// Whether calls of the step at `path`, or of what is inside of it, have not ended.
    pub fn has_open_calls(&self, path: &StepPath) -> bool {
        self.billing.is_open(path)
    }

    /// How long it took, or has been taking until `now`.
    pub fn elapsed(&self, now: Timestamp) -> Span {
        self.ended_at.unwrap_or(now).since(self.started_at)
    }

    pub(super) fn note_progress(&mut self, progress: Progress) {
        let step = self.steps.get_mut(&progress.step);
        if let Some(attempt) = step.and_then(|step| step.attempt_mut(progress.attempt)) {
            attempt.fraction = progress.fraction;
            attempt.doing = progress.message;
            if let Some(search) = &mut attempt.search {
                search.next_look = progress.next_look;
            }
        }
    }

    /// Takes in one event of the journal.
    pub(super) fn apply(&mut self, event: &Event, at: Timestamp) {
        self.updated_at = at;
        match event {
            Event::Run(RunEvent::Started(started)) => {
                self.pipeline = started.pipeline.clone();
                self.plan = Some(started.plan);
                self.user = started.user.clone();
                self.labels = started.labels.clone();
                self.seed = started.seed;
                self.inputs = started.inputs.clone();
                self.started_at = at;
                self.inherited = started.base.as_ref().map(|base| base.spent).unwrap_or_default();
            }
            Event::Step { event: StepEvent::Completed { reused: Some(reused), .. }, .. } => {
                self.saved += reused.cost;
            }
            Event::Run(RunEvent::Resumed { .. }) => {
                self.interrupted = false;
                self.look_for_unanswered(at);
            }
            Event::Run(RunEvent::CancelRequested { reason, .. }) => self.reason = Some(reason.clone()),
            Event::Run(RunEvent::Parked { reason }) => {
                self.status = RunStatus::Parked;
                self.reason = Some(reason.word().to_owned());
            }
            Event::Run(RunEvent::Unparked {}) => {
                self.status = RunStatus::Running;
                self.reason = None;
            }
            Event::Run(RunEvent::Undone { undone, stuck }) => self.undone = Some((*undone, *stuck)),
            Event::Run(RunEvent::Completed { outputs, degraded }) => {
                self.outputs = Some(outputs.clone());
                self.degraded = *degraded;
                self.end(RunStatus::Completed, at);
            }
            Event::Run(RunEvent::Failed { step, failure }) => {
                self.failed_step = step.clone();
                self.failure = Some(failure.clone());
                self.end(RunStatus::Failed, at);
            }
            Event::Run(RunEvent::Cancelled { reason }) => {
                self.reason = Some(reason.clone());
                self.end(RunStatus::Cancelled, at);
            }
            _ => {}
        }
        self.cost += event.cost();
        self.billing.apply(event);
        if let Some(path) = event.step() {
            self.apply_to_step(path, event, at);
        }
    }

    fn end(&mut self, status: RunStatus, at: Timestamp) {
        self.status = status;
        self.ended_at = Some(at);
    }
}
