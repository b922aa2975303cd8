//! Lineages: runs that continue from earlier ones, and take over what those finished.

use std::sync::Arc;

use motet_engine::event::{Base, Resends};
use motet_engine::{AttemptEvent, Earlier, Event, Graph, RunEvent, RunId, RunStarted, StepEvent, Turn};
use motet_pipeline::contract::Catalogue;
use motet_pipeline::value::Map;
use motet_pipeline::{Money, StepPath, Timestamp};
use motet_store::{RunRow, RunStatus, Store, StoreError};
use serde::{Deserialize, Serialize};

use super::recovery::{Purpose, Recovery, Sources, link};
use super::{Motet, RunHandle, StartOptions, run_row, undo};
use crate::Error;
use crate::driver::Origin;
use crate::error::BaseFault;
use crate::pipeline::Pipeline;

/// The earlier run from which a run is to continue, and what of it is to be done again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Continued {
    /// The earlier run, which is over.
    pub run: RunId,
    /// Steps and items that are done again, with all that depends on them.
    #[serde(default)]
    pub again: Vec<StepPath>,
    /// Steps and items that are done again with another seed.
    #[serde(default)]
    pub fresh: Vec<StepPath>,
    /// Whether the new run does nothing but undo what that one did.
    #[serde(default)]
    pub undo: bool,
}

impl Continued {
    /// Whether a run of this base is what is asked for.
    pub(super) fn is(&self, base: &Base) -> bool {
        let Continued { run, again, fresh, undo } = self;
        (run, again, fresh, *undo) == (&base.run, &base.again, &base.fresh, base.undo)
    }
}

/// How a run is to be done over: see [`Motet::retry`].
#[derive(Clone, Debug, Default)]
pub struct RetryOptions {
    /// The step or item from which on everything is done again.
    pub from: Option<StepPath>,
    /// What the new run may spend; else what is left of the budget that the lineage has.
    pub budget: Option<Money>,
    /// On whose behalf.
    pub user: Option<String>,
    /// Whether its steps with `cache` take nothing from other runs, but for those that it continues from.
    pub no_cache: bool,
}

/// What is changed where a run is forked: see [`Motet::fork`].
#[derive(Clone, Debug, Default)]
pub struct ForkOptions {
    /// Another pipeline, such as an edited text of the same; else that of the run.
    pub pipeline: Option<Pipeline>,
    /// Steps and items that get another seed, and are done again.
    pub fresh: Vec<StepPath>,
    /// What the new run may spend; else what is left of the budget that the lineage has.
    pub budget: Option<Money>,
    /// On whose behalf.
    pub user: Option<String>,
    /// Whether its steps with `cache` take nothing from other runs, but for those that it continues from.
    pub no_cache: bool,
}

impl RetryOptions {
    /// What the new run is started with.
    pub(crate) fn of(self, run: &RunId) -> StartOptions {
        let RetryOptions { from, budget, user, no_cache } = self;
        let again = from.into_iter().collect();
        let continued = Continued { run: run.clone(), again, fresh: Vec::new(), undo: false };
        StartOptions { no_cache, ..start_options(continued, budget, user) }
    }
}

impl ForkOptions {
    /// What the new run is started with.
    pub(crate) fn of(self, run: &RunId) -> StartOptions {
        let ForkOptions { fresh, budget, user, no_cache, .. } = self;
        let continued = Continued { run: run.clone(), again: Vec::new(), fresh, undo: false };
        StartOptions { no_cache, ..start_options(continued, budget, user) }
    }
}

pub(super) fn start_options(
    continued: Continued,
    budget: Option<Money>,
    user: Option<String>,
) -> StartOptions {
    StartOptions { continues: Some(continued), budget, user, ..StartOptions::default() }
}

/// A run and all that it continues from, oldest first.
pub(super) struct Lineage {
    runs: Vec<Ancestor>,
}

pub(super) struct Ancestor {
    pub(super) started: RunStarted,
    pub(super) started_at: Timestamp,
    /// What its attempts cost.
    spent: Money,
    /// What was spent on calls that were made again because that was cheap.
    resent: Money,
    /// What a person said last that it may spend.
    budget_set: Option<Option<Money>>,
}

/// What the runs of a lineage have finished, whatever becomes of it.
pub(super) struct Results(Earlier);

/// What a run takes over from its lineage.
pub(super) struct Inheritance {
    pub(super) base: Base,
    pub(super) seed: u64,
    pub(super) from: Origin,
    /// What it may spend.
    pub(super) budget: Option<Money>,
    /// What the lineage has spent on calls that were made again because that was cheap.
    pub(super) resent: Money,
}

impl Motet {
    /// Does a run over that failed, was cancelled, or tolerated failures: a new run of the same plan and inputs takes over
    /// each step and item that was finished, and does the others. With [`RetryOptions::from`] what follows from there is
    /// done again, also in a run that completed. While such a run is unfinished, it continues instead of another one.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), motet::Error> {
    /// # let motet = motet::Motet::builder().open().await?;
    /// # let text = r#"{"motet": 1, "name": "t",
    /// #   "steps": {"a": {"uses": "data/transform", "with": {"value": "{{ run.id }}"}},
    /// #             "b": {"uses": "flow/fail", "with": {"message": "no {{ steps.a.value }}"}}}}"#;
    /// # let pipeline = motet.load_text(text)?;
    /// let run = motet.start(&pipeline, ()).await?;
    /// assert!(run.outputs().await.is_err());
    /// let again = motet.retry(run.id(), motet::RetryOptions::default()).await?;
    /// assert!(again.outputs().await.is_err(), "`b` was done again, `a` was not");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Base`] when there is nothing to retry, it was retried by a run that completed, or there is no such step; else
    /// as [`Motet::start`].
    pub async fn retry(&self, run: &RunId, options: RetryOptions) -> Result<RunHandle, Error> {
        let (pipeline, inputs) = retried(self.store(), &self.inner.hands.catalogue, run, &options)?;
        Ok(self.start_as(&pipeline, inputs, options.of(run), None).await?.run)
    }

    /// A new run from one that is over, with something changed: inputs, the pipeline, or a new take of some steps. Each
    /// step and item is taken over whose operation and inputs are the same.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), motet::Error> {
    /// # let motet = motet::Motet::builder().open().await?;
    /// # let text = r#"{"motet": 1, "name": "t", "inputs": {"a": "string", "b": "string"},
    /// #   "steps": {"a": {"uses": "data/transform", "with": {"value": "{{ inputs.a }}"}},
    /// #             "b": {"uses": "data/transform", "with": {"value": "{{ steps.a.value }}{{ inputs.b }}"}}},
    /// #   "outputs": {"b": "{{ steps.b.value }}"}}"#;
    /// # let pipeline = motet.load_text(text)?;
    /// let run = motet.start(&pipeline, [("a", "x"), ("b", "y")]).await?;
    /// run.outputs().await?;
    /// let fork = motet.fork(run.id(), [("b", "z")], motet::ForkOptions::default()).await?;
    /// assert_eq!(fork.outputs().await?.get("b").and_then(|b| b.as_str()), Some("xz"), "`a` was taken over");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Base`] when the run isn't over, or has no such step; else as [`Motet::start`].
    pub async fn fork(
        &self,
        run: &RunId,
        inputs: impl serde::Serialize,
        options: ForkOptions,
    ) -> Result<RunHandle, Error> {
        let (pipeline, mut given) = forked(self.store(), &self.inner.hands.catalogue, run, &options)?;
        given.extend(super::start::read_inputs(inputs)?);
        Ok(self.start_as(&pipeline, given, options.of(run), None).await?.run)
    }

    /// What a run of the plan of `graph` takes over that continues from another.
    pub(super) async fn inherit_from(
        &self,
        continued: &Continued,
        graph: &Arc<Graph>,
        budget: Option<Money>,
    ) -> Result<Inheritance, Error> {
        let (motet, continued, graph) = (self.clone(), continued.clone(), graph.clone());
        let read = move || {
            ended(motet.store(), &continued.run)?;
            let recovery = Recovery::new(&motet, Purpose::GoOn);
            let (lineage, base, from) = if continued.undo {
                let lineage = Lineage::read(motet.store(), &continued.run)?;
                let undone = lineage.undone(motet.store())?;
                let base = lineage.base(continued);
                (lineage, base, Origin::Undone(undone))
            } else {
                let (lineage, results) = Lineage::read_results(&recovery, &continued.run, |_, _| {})?;
                let base = lineage.base(continued);
                let earlier = results.reusable(&recovery, &base, &graph)?;
                (lineage, base, Origin::Earlier(Arc::new(earlier)))
            };
            let limit = match budget {
                Some(_) => budget,
                None => lineage.limit(graph.plan().budget).map(|limit| limit.less(base.spent)),
            };
            Ok(Inheritance { seed: lineage.seed(), from, budget: limit, resent: lineage.resent(), base })
        };
        self.hands().compute_any(read).await.ok_or(Error::Left)?
    }
}

/// The plan and the inputs of a run that is to be retried.
pub(crate) fn retried(
    store: &Store,
    catalogue: &Catalogue,
    run: &RunId,
    options: &RetryOptions,
) -> Result<(Pipeline, Map), Error> {
    let row = ended(store, run)?;
    undo::judge_origin(store, run)?;
    if row.status == RunStatus::Completed && !row.degraded && options.from.is_none() {
        return Err(Error::Base { run: run.clone(), fault: BaseFault::Completed });
    }
    if let (None, Some(by)) = (&options.from, retried_by(store, &row)?) {
        return Err(Error::Base { run: run.clone(), fault: BaseFault::Retried(by) });
    }
    let (pipeline, _) = link(store, catalogue, &row.plan)?;
    judge_steps(store, run, &pipeline, options.from.as_slice())?;
    Ok((pipeline, inputs_of(store, run)?))
}

/// The run that did all of a run over, if there is one whose results are still there. It would be bought again.
fn retried_by(store: &Store, run: &RunRow) -> Result<Option<RunId>, Error> {
    for later in store.continued_by(&run.id)? {
        let Some(row) = store.run(&later)? else { continue };
        let is_whole = row.status == RunStatus::Completed && !row.degraded;
        let is_of_same = (row.plan, row.inputs_digest) == (run.plan, run.inputs_digest);
        if is_whole && is_of_same && !undo::has_begun(store, &later)? {
            return Ok(Some(later));
        }
    }
    Ok(None)
}

/// The plan of a run that forks from another, and those inputs of that one which the plan has.
pub(crate) fn forked(
    store: &Store,
    catalogue: &Catalogue,
    run: &RunId,
    options: &ForkOptions,
) -> Result<(Pipeline, Map), Error> {
    let row = ended(store, run)?;
    undo::judge_origin(store, run)?;
    let pipeline = match &options.pipeline {
        Some(pipeline) => pipeline.clone(),
        None => link(store, catalogue, &row.plan)?.0,
    };
    judge_steps(store, run, &pipeline, &options.fresh)?;
    let has = |name: &String| pipeline.plan().inputs.iter().any(|input| input.name == *name);
    let inputs = inputs_of(store, run)?.into_iter().filter(|(name, _)| has(name)).collect();
    Ok((pipeline, inputs))
}

/// A run that is over.
pub(super) fn ended(store: &Store, run: &RunId) -> Result<RunRow, Error> {
    let row = run_row(store, run)?;
    match row.status.is_final() {
        true => Ok(row),
        false => Err(Error::Base { run: run.clone(), fault: BaseFault::Unfinished }),
    }
}

/// Refuses steps that the pipeline doesn't have, and items that were not in the lists of the run.
fn judge_steps(store: &Store, run: &RunId, pipeline: &Pipeline, steps: &[StepPath]) -> Result<(), Error> {
    let fault = |fault| Err(Error::Base { run: run.clone(), fault });
    if let Some(step) = steps.iter().find(|step| !pipeline.graph().has(step)) {
        return fault(BaseFault::NoStep(step.clone()));
    }
    if !steps.iter().any(StepPath::is_in_items) {
        return Ok(());
    }
    store.each_turn(run, |turn| {
        for event in &turn.events {
            let Event::Step { step: list, event: StepEvent::Expanded { items } } = event else { continue };
            let is_unknown =
                |path: &&StepPath| path.key_in(list).is_some_and(|key| items.position(&key).is_none());
            if let Some(path) = steps.iter().find(is_unknown) {
                return fault(BaseFault::NoItem(path.clone()));
            }
        }
        Ok(())
    })
}

pub(super) fn inputs_of(store: &Store, run: &RunId) -> Result<Map, Error> {
    Ok(started(store, run)?.and_then(|started| started.inputs.as_map().cloned()).unwrap_or_default())
}

/// What a run was started with.
pub(super) fn started(store: &Store, run: &RunId) -> Result<Option<RunStarted>, Error> {
    match store.known_turn(run, 1) {
        Ok(first) => Ok(first.started().cloned()),
        Err(StoreError::NoRun { .. } | StoreError::DeletedRun { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl Lineage {
    /// A run and all that it continues from. A run of it that can't be read is an error: what it finished would be
    /// bought again.
    pub(super) fn read(store: &Store, run: &RunId) -> Result<Lineage, Error> {
        let mut runs = Lineage::begun(store, run)?;
        runs.iter_mut().try_for_each(|ancestor| ancestor.read(store, |_| {}))?;
        Ok(Lineage { runs })
    }

    /// The same, with what its runs have finished. `tell` is called for each turn, with the graph of its run; few turns
    /// are in memory at once.
    pub(super) fn read_results(
        sources: &impl Sources,
        run: &RunId,
        mut tell: impl FnMut(&Graph, &Turn),
    ) -> Result<(Lineage, Results), Error> {
        let (store, mut earlier) = (sources.store(), Earlier::new());
        let mut runs = Lineage::begun(store, run)?;
        for ancestor in &mut runs {
            let (id, graph) = (ancestor.started.run.clone(), sources.graph(&ancestor.started.plan)?);
            let mut finished = earlier.begin(&id, &graph);
            ancestor.read(store, |turn| {
                finished.add(turn);
                tell(&graph, turn);
            })?;
        }
        for Ancestor { started, .. } in &runs {
            let graph = sources.graph(&started.plan)?;
            undo::each_turn(store, &started.run, |turn| earlier.forget_undone(&started.run, &graph, turn))?;
        }
        Ok((Lineage { runs }, Results(earlier)))
    }

    /// How each of its runs began, oldest first.
    fn begun(store: &Store, run: &RunId) -> Result<Vec<Ancestor>, Error> {
        let (mut runs, mut next) = (Vec::new(), Some(run.clone()));
        while let Some(id) = next {
            let first = store.known_turn(&id, 1).map_err(|error| Lineage::fault(&runs, error))?;
            let started = first.started().cloned().ok_or_else(|| Error::NoRun(id.to_string()))?;
            next = started.base.as_ref().map(|base| base.run.clone());
            runs.push(Ancestor {
                started,
                started_at: first.at,
                spent: Money::ZERO,
                resent: Money::ZERO,
                budget_set: None,
            });
        }
        runs.reverse();
        Ok(runs)
    }

    /// What it means for `later`, newest first, that the run before them can't be read.
    fn fault(later: &[Ancestor], error: StoreError) -> Error {
        match (later.last(), error) {
            (Some(later), StoreError::DeletedRun { run, at }) => {
                let fault = BaseFault::Deleted { earlier: run, at };
                Error::Base { run: later.started.run.clone(), fault }
            }
            (_, error) => error.into(),
        }
    }

    pub(super) fn base(&self, continued: Continued) -> Base {
        let (first, last) = (&self.runs[0], self.last());
        let (root, root_at) = match &first.started.base {
            Some(base) => (base.root.clone(), base.root_at),
            None => (first.started.run.clone(), first.started_at),
        };
        let spent = last.spent_before() + last.spent;
        let Continued { run, again, fresh, undo } = continued;
        Base { run, root, root_at, spent, again, fresh, undo }
    }

    /// The journals of what a run is to undo that continues from it: that of the last run which did something else,
    /// and of those that undid a part of it since.
    pub(super) fn undone(&self, store: &Store) -> Result<Vec<Vec<Turn>>, Error> {
        let undoes = |ancestor: &Ancestor| ancestor.started.base.as_ref().is_some_and(|base| base.undo);
        let first = self.runs.iter().rposition(|ancestor| !undoes(ancestor)).unwrap_or(0);
        self.runs[first..].iter().map(|ancestor| Ok(store.turns(&ancestor.started.run)?)).collect()
    }

    /// The run itself.
    pub(super) fn last(&self) -> &Ancestor {
        &self.runs[self.runs.len() - 1]
    }

    /// What all its randomness comes from.
    pub(super) fn seed(&self) -> u64 {
        self.last().started.seed
    }

    /// What the whole lineage may spend: what was said last, or what the pipeline says.
    fn limit(&self, of_plan: Option<Money>) -> Option<Money> {
        // Each says what is left for it.
        let said = |ancestor: &Ancestor| {
            let limit = ancestor.budget_set.or(ancestor.started.budget.map(Some))?;
            Some(limit.map(|limit| limit + ancestor.spent_before()))
        };
        self.runs.iter().rev().find_map(said).unwrap_or(of_plan)
    }

    /// What was spent on calls that were made again because that was cheap.
    fn resent(&self) -> Money {
        self.runs.iter().map(|ancestor| ancestor.resent).sum()
    }
}

impl Results {
    /// What of it the run that continues by `base` may reuse in the plan of `graph`.
    pub(super) fn reusable(
        self,
        sources: &impl Sources,
        base: &Base,
        graph: &Graph,
    ) -> Result<Earlier, Error> {
        let Results(mut earlier) = self;
        earlier.forget(base, graph);
        earlier.retain_whole(|artifact| sources.has(artifact))?;
        Ok(earlier)
    }
}

impl Ancestor {
    /// Reads its journal. `tell` is called for each turn.
    fn read(&mut self, store: &Store, mut tell: impl FnMut(&Turn)) -> Result<(), Error> {
        let run = self.started.run.clone();
        store.each_turn(&run, |turn| {
            turn.events.iter().for_each(|event| self.take_in(event));
            tell(&turn);
            Ok::<_, Error>(())
        })
    }

    fn take_in(&mut self, event: &Event) {
        self.spent += event.cost();
        match event {
            Event::Run(RunEvent::BudgetSet { limit, .. }) => self.budget_set = Some(*limit),
            Event::Attempt { event: AttemptEvent::Failed { resent: true, cost, .. }, .. } => {
                self.resent += cost.amount;
            }
            _ => {}
        }
    }

    /// What all runs before it cost.
    fn spent_before(&self) -> Money {
        self.started.base.as_ref().map(|base| base.spent).unwrap_or_default()
    }
}

/// What is left of the resends of a lineage.
pub(super) fn left_of(resends: Resends, resent: Money) -> Resends {
    Resends { total: resends.total.less(resent), ..resends }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAP: &str = r#"
motet: 1
name: nap
steps:
  word: { uses: data/transform, with: { value: good night } }
  nap: { uses: flow/sleep, with: { duration: 7d }, needs: word }
"#;

    /// A store with a run of [`NAP`] that was cancelled.
    async fn cancelled(folder: &std::path::Path) -> (Motet, RunId) {
        let motet = Motet::open(folder).await.unwrap();
        let run = motet.start(&motet.load_text(NAP).unwrap(), ()).await.unwrap();
        run.cancel("ada", "not tonight").await.unwrap();
        assert!(run.outputs().await.is_err());
        let id = run.id().clone();
        (motet, id)
    }

    #[tokio::test]
    async fn a_retry_that_is_asked_for_twice_is_one_run() {
        let folder = tempfile::tempdir().unwrap();
        let (motet, first) = cancelled(folder.path()).await;
        let one = motet.retry(&first, RetryOptions::default()).await.unwrap();
        let two = motet.retry(&first, RetryOptions::default()).await.unwrap();
        assert_eq!(one.id(), two.id());
        let from = Some(StepPath::from_text("word"));
        let other = motet.retry(&first, RetryOptions { from, ..RetryOptions::default() }).await.unwrap();
        assert_ne!(one.id(), other.id());
        let refused = motet.retry(one.id(), RetryOptions::default()).await.err().unwrap();
        assert_eq!(refused.code(), "run_unfinished");
        motet.close().await;
    }

    #[tokio::test]
    async fn a_run_that_is_resumed_still_takes_over_what_the_one_before_it_finished() {
        let folder = tempfile::tempdir().unwrap();
        let (motet, first) = cancelled(folder.path()).await;
        let second = motet.retry(&first, RetryOptions::default()).await.unwrap().id().clone();
        motet.close().await;

        let motet = Motet::open(folder.path()).await.unwrap();
        assert_eq!(motet.resume().await.unwrap().len(), 1);
        assert_eq!(Lineage::read(motet.store(), &second).unwrap().runs.len(), 2);
        let turns = motet.store().turns(&second).unwrap();
        let reused = turns.iter().flat_map(|turn| &turn.events).filter(|event| {
            matches!(event, Event::Step { event: StepEvent::Completed { reused: Some(reused), .. }, .. }
                if reused.run == first)
        });
        assert_eq!(reused.count(), 1);
        motet.close().await;
    }
}
