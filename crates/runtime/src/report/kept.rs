//! A run as its store tells of it afterwards: what is shown, without reading all of its journal.
//!
//! Rows of steps say where each stands. What they don't say is in a few turns, whose numbers they know. It
//! is taken in from there as it would be while the run continues, so that both tell the same. Of runs that an
//! older version began the rows don't know as much: of these the whole journal is read.

mod outline;
mod unanswered;

use std::collections::{BTreeMap, BTreeSet};

use motet_engine::{Event, RunEvent, RunId, StepEvent, StepStatus, Turn};
use motet_pipeline::{Class, Failure, Money, Plan, StepPath};
use motet_store::{RunRow, RunStatus, StepFilter, StepRow, Store, StoreError};

use self::outline::Outline;
pub use self::unanswered::{Undecided, park_reason, steps_looked_for, undecided_steps};
use super::record::{AttemptRecord, Items, StepRecord};
use super::{ArtifactPlaces, Reporter};
use crate::follow::Happening;

impl Reporter {
    /// A reporter that has read all that the store holds of a run, as [`Reporter::tell`] would have. Of
    /// a large run the record has what is worth to be shown: see [`super::RunRecord::steps`].
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn of_kept(
        store: &Store,
        row: &RunRow,
        plan: Option<&Plan>,
        places: ArtifactPlaces,
    ) -> Result<Reporter, StoreError> {
        let mut reporter = Reporter::new(row.id.clone(), plan, places);
        if store.has_step_turns(&row.id)? {
            Reading { store, run: &row.id, reporter: &mut reporter }.read(row)?;
        } else {
            store.each_turn(&row.id, |turn| {
                reporter.note(&Happening::Turn(turn.into()));
                Ok::<_, StoreError>(())
            })?;
        }
        Ok(reporter)
    }

    /// All that the store holds of one step or item, with its inputs and outputs; nothing if there is
    /// no such step, or nothing happened to it. `path` is as this reporter shows it.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn step_in_full(&mut self, store: &Store, path: &StepPath) -> Result<Option<StepRecord>, StoreError> {
        let (run, original) = (self.record.run.clone(), self.mask.original(path));
        if self.mask.path(&original) != *path {
            return Ok(None);
        }
        let mut step = None;
        let mut take_in = |reporter: &mut Reporter, turn: &Turn| {
            for event in &turn.events {
                let is_it = event.step() == Some(&original);
                let event = reporter.mask.event(event);
                if is_it {
                    step.get_or_insert_with(StepRecord::default).apply(&event, turn.at);
                }
            }
        };
        if store.has_step_turns(&run)? {
            for number in store.turns_of_step(&run, &original)? {
                take_in(self, &store.known_turn(&run, number)?);
            }
        } else {
            store.each_turn(&run, |turn| {
                take_in(self, &turn);
                Ok::<_, StoreError>(())
            })?;
        }
        Ok(step)
    }

    /// The step or item of a row of the store, with its path as it is shown. Of one that was
    /// tried several times a row tells of the last attempt only.
    pub fn step_of_row(&mut self, row: &StepRow) -> (StepPath, StepRecord) {
        self.mask.learn_keys(&row.path);
        (self.mask.path(&row.path), self.record_of_row(row))
    }

    /// The path in the store of the step or item that is shown as `path`.
    pub fn stored_path(&self, path: &StepPath) -> StepPath {
        self.mask.original(path)
    }

    fn record_of_row(&self, row: &StepRow) -> StepRecord {
        let message = row.message.as_deref().map(|message| self.mask.text(message));
        let class = row.class.as_deref().and_then(|class| class.parse::<Class>().ok());
        let failure = class.map(|class| Box::new(Failure::new(class, message.clone().unwrap_or_default())));
        let attempt = row.operation.as_ref().zip(row.attempted_at).map(|(operation, planned_at)| {
            let is_known = matches!(row.status, StepStatus::Completed | StepStatus::Failed);
            AttemptRecord {
                ended_at: row.ended_at.filter(|_| is_known),
                failure: failure.clone(),
                cost: row.cost,
                ..AttemptRecord::new(row.attempts, row.target.unwrap_or(0), operation, planned_at)
            }
        });
        StepRecord {
            status: row.status,
            items: row.items.map(|total| {
                let total = usize::try_from(total).unwrap_or(usize::MAX);
                Box::new(Items { over: row.items_over, ..Items::of(total, std::iter::empty()) })
            }),
            target: row.target.unwrap_or(0),
            attempts_left_out: (row.attempts as usize).saturating_sub(usize::from(attempt.is_some())),
            attempts: attempt.into_iter().collect(),
            ready_at: row.started_at,
            wakes_at: row.wakes_at,
            ended_at: row.ended_at,
            tolerated: row.tolerated,
            reason: message.filter(|_| failure.is_none()),
            failure,
            cost: row.cost,
            ..StepRecord::default()
        }
    }
}

/// Of how many steps with calls that may be billed the turns are read.
const STEPS_THAT_BILL_MAX: usize = 1000;

/// A run that is being read.
struct Reading<'r> {
    store: &'r Store,
    run: &'r RunId,
    reporter: &'r mut Reporter,
}

/// What is read of a step in its turns.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Everything,
    Output,
}

impl Reading<'_> {
    fn read(&mut self, row: &RunRow) -> Result<(), StoreError> {
        // First of all: nothing may be shown before it is known what must not be.
        self.take_in_the_start()?;
        self.learn_inputs_of_used_pipelines()?;
        let outline = Outline::read(self.store, self.run)?;
        let known = outline.rows.values().flat_map(|row| [row.first_turn, row.ended_turn]).flatten().max();
        self.store.judge_journal(self.run, known.unwrap_or_default())?;
        let may_be_undone = outline.rows.keys().any(|path| path.as_str().ends_with("/undo"));
        self.learn_keys(&outline)?;
        let told = self.read_turns(&outline)?;
        self.take_in_steps(outline, told)?;
        self.take_in_billing()?;
        self.take_in_searches(row)?;
        self.take_in_standing(row);
        if may_be_undone {
            self.take_in_what_is_undone(row)?;
        }
        self.take_in_the_end(row)?;
        self.count_failures()
    }

    fn take_in(&mut self, turn: &Turn, which: impl Fn(&Event) -> bool) {
        for event in turn.events.iter().filter(|event| which(event)) {
            let event = self.reporter.mask.event(event);
            self.reporter.record.apply(&event, turn.at);
        }
    }

    /// A run that isn't over may be parked; what for, its row knows.
    fn take_in_standing(&mut self, row: &RunRow) {
        if row.status == RunStatus::Parked {
            self.reporter.record.status = row.status;
            self.reporter.record.reason = row.message.clone();
        }
    }

    fn take_in_the_start(&mut self) -> Result<(), StoreError> {
        let first = self.store.known_turn(self.run, 1)?;
        self.take_in(&first, |event| matches!(event, Event::Run(RunEvent::Started(_))));
        Ok(())
    }

    /// Learns what the sensitive inputs of the pipelines hold that are used as steps.
    fn learn_inputs_of_used_pipelines(&mut self) -> Result<(), StoreError> {
        let patterns: BTreeSet<String> = self.reporter.mask.used_pipelines().map(str::to_owned).collect();
        let mut turns = BTreeSet::new();
        for pattern in &patterns {
            let name = pattern.split('/').next().unwrap_or(pattern);
            let mut filter = StepFilter::at_or_below(name).at_most(1000);
            loop {
                let page = self.store.steps_where(self.run, &filter)?;
                let Some(last) = page.last() else { break };
                filter = filter.behind(&last.path);
                let used = page.iter().filter(|row| row.path.without_keys() == *pattern);
                turns.extend(used.filter_map(|row| row.first_turn));
            }
        }
        for number in turns {
            for event in &self.store.known_turn(self.run, number)?.events {
                if event.step().is_some_and(|step| patterns.contains(&step.without_keys())) {
                    self.reporter.mask.event(event);
                }
            }
        }
        Ok(())
    }

    /// Learns which keys of items hold secrets, in the order in which the lists became known.
    fn learn_keys(&mut self, outline: &Outline) -> Result<(), StoreError> {
        if !self.reporter.mask.hides_something() {
            return Ok(());
        }
        let fan_outs = outline.rows.values().filter(|row| row.items.is_some());
        let turns: BTreeSet<u64> = fan_outs.filter_map(|row| row.first_turn).collect();
        for number in turns {
            for event in &self.store.known_turn(self.run, number)?.events {
                if event.step().is_some_and(|step| outline.rows.contains_key(step))
                    && matches!(event, Event::Step { event: StepEvent::Expanded { .. }, .. })
                {
                    self.reporter.mask.event(event);
                }
            }
        }
        Ok(())
    }

    /// What turns tell of steps: all of eventful ones, of the outermost ones what they gave.
    fn read_turns(&mut self, outline: &Outline) -> Result<BTreeMap<StepPath, StepRecord>, StoreError> {
        let mut wanted: BTreeMap<u64, BTreeMap<&StepPath, Part>> = BTreeMap::new();
        for (path, row) in &outline.rows {
            if row.is_eventful {
                for number in self.store.turns_of_step(self.run, path)? {
                    wanted.entry(number).or_default().insert(path, Part::Everything);
                }
            } else if row.status == StepStatus::Completed && path.is_outermost() {
                let turn = wanted.entry(row.ended_turn.unwrap_or_default()).or_default();
                turn.insert(path, Part::Output);
            }
        }
        let mut told: BTreeMap<StepPath, StepRecord> = BTreeMap::new();
        for (number, steps) in wanted {
            let turn = self.store.known_turn(self.run, number)?;
            for event in &turn.events {
                let Some((path, part)) = event.step().and_then(|step| steps.get_key_value(step)) else {
                    continue;
                };
                if *part == Part::Everything
                    || matches!(event, Event::Step { event: StepEvent::Completed { .. }, .. })
                {
                    let event = self.reporter.mask.event(event);
                    let step = told.entry((*path).clone()).or_default();
                    self.reporter.record.apply_apart(step, path, &event, turn.at);
                }
            }
        }
        Ok(told)
    }

    fn take_in_steps(
        &mut self,
        outline: Outline,
        mut told: BTreeMap<StepPath, StepRecord>,
    ) -> Result<(), StoreError> {
        let Outline { rows, summed_up, stories_left_out } = outline;
        self.reporter.record.stories_left_out = stories_left_out;
        let mut failed_kept: BTreeMap<String, u64> = BTreeMap::new();
        for row in rows.values().filter(|row| row.status == StepStatus::Failed) {
            if let Some(fan_out) = row.path.fan_out() {
                *failed_kept.entry(fan_out.to_owned()).or_default() += 1;
            }
        }
        for (path, row) in rows {
            let (shown_path, plain) = self.reporter.step_of_row(&row);
            let mut step = match told.remove(&path) {
                Some(told) if row.is_eventful => StepRecord { items: plain.items, ..told },
                Some(told) => StepRecord { output: told.output, reused: told.reused, ..plain },
                None => plain,
            };
            if step.status == StepStatus::Parked && step.parked_for.is_none() {
                step.parked_for = park_reason(self.store, self.run, &path)?;
            }
            if let Some(items) = &mut step.items {
                items.are_summed_up = summed_up.contains_key(path.as_str());
                items.open = summed_up.get(path.as_str()).cloned().flatten();
                items.failed_kept = failed_kept.get(path.as_str()).copied().unwrap_or_default();
            }
            self.reporter.record.set(shown_path, step);
        }
        Ok(())
    }

    /// Which calls may be billed though nothing came of them: the ledger knows of which steps, and their turns tell the rest.
    fn take_in_billing(&mut self) -> Result<(), StoreError> {
        let steps: BTreeSet<StepPath> =
            self.store.steps_that_may_bill(self.run, STEPS_THAT_BILL_MAX)?.into_iter().collect();
        let mut turns = BTreeSet::new();
        for step in &steps {
            turns.extend(self.store.turns_of_step(self.run, step)?);
        }
        for number in turns {
            let turn = self.store.known_turn(self.run, number)?;
            for event in turn.events.iter().filter(|event| event.step().is_some_and(|it| steps.contains(it)))
            {
                let event = self.reporter.mask.event(event);
                self.reporter.record.note_billing(&event);
            }
        }
        Ok(())
    }

    /// That calls are looked for whose replies nobody received, the turns of their steps don't say.
    fn take_in_searches(&mut self, row: &RunRow) -> Result<(), StoreError> {
        for call in unanswered::unanswered(self.store, row)? {
            if let Some(at) = call.since {
                let step = self.reporter.mask.path(&call.step);
                self.reporter.record.look_for(&step, call.attempt, at);
            }
        }
        Ok(())
    }

    fn take_in_the_end(&mut self, row: &RunRow) -> Result<(), StoreError> {
        if let Some(turn) = self.store.end_turn(self.run)? {
            self.take_in(&turn, Event::ends_run);
        }
        let mut saved = Money::ZERO;
        self.store.savings(Some(self.run), |saving| {
            saved += saving.amount;
            true
        })?;
        let record = &mut self.reporter.record;
        record.updated_at = row.updated_at;
        (record.cost, record.saved) = (row.cost, saved);
        Ok(())
    }

    /// What was undone is told before what always runs, which are few turns.
    fn take_in_what_is_undone(&mut self, row: &RunRow) -> Result<(), StoreError> {
        const TURNS_MAX: usize = 10_000;
        for number in (1..=row.turns).rev().take(TURNS_MAX) {
            let turn = self.store.known_turn(self.run, number)?;
            self.take_in(&turn, |event| matches!(event, Event::Run(RunEvent::Undone { .. })));
            let begins = |event: &Event| matches!(event, Event::Run(RunEvent::Closing { .. }));
            if self.reporter.record.undone.is_some() || turn.events.iter().any(begins) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn count_failures(&mut self) -> Result<(), StoreError> {
        let all = self.store.count_failed_steps(self.run)?;
        let record = &mut self.reporter.record;
        let kept = record.steps().filter(|(_, step)| step.failure.is_some()).count() as u64;
        record.errors_left_out = all.saturating_sub(kept);
        Ok(())
    }
}
