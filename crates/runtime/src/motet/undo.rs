//! Undoing a run that is over: a new run that does nothing else.

use motet_engine::{Event, Run, RunEvent, RunId, RunStarted, Turn};
use motet_pipeline::Money;
use motet_pipeline::contract::Catalogue;
use motet_pipeline::value::Map;
use motet_store::{Store, StoreError};

use super::lineage::{Continued, Lineage, ended, inputs_of, start_options, started};
use super::recovery::link;
use super::{Motet, RunHandle, StartOptions};
use crate::Error;
use crate::error::BaseFault;
use crate::pipeline::Pipeline;

/// How a run is to be undone: see [`Motet::undo`].
#[derive(Clone, Debug, Default)]
pub struct UndoOptions {
    /// What undoing may spend; else what is left of the budget of the run.
    pub budget: Option<Money>,
    /// On whose behalf.
    pub user: Option<String>,
}

/// A run that undoes another, before it begins.
pub(crate) struct Undoing {
    pub(crate) pipeline: Pipeline,
    pub(crate) inputs: Map,
    pub(crate) options: StartOptions,
}

impl Motet {
    /// Undoes a run that is over, in whatever way it ended: a new run does what `undo` says for each step and item that the
    /// run finished itself, in reverse order, and nothing else. What it was undone of already stays so. Whoever asks twice
    /// gets the same run.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), motet::Error> {
    /// # let motet = motet::Motet::builder().open().await?;
    /// let text = r#"{"motet": 1, "name": "t",
    ///   "steps": {"room": {"uses": "local/scene", "with": {"prompt": "a room", "width": 64, "height": 64},
    ///             "undo": {"uses": "data/transform", "with": {"value": "no {{ inputs }}"}}}}}"#;
    /// let run = motet.start(&motet.load_text(text)?, ()).await?;
    /// run.outputs().await?;
    /// motet.undo(run.id(), motet::UndoOptions::default()).await?.outputs().await?;
    ///
    /// let again = motet.undo(run.id(), motet::UndoOptions::default()).await.err().expect("it is undone");
    /// assert_eq!(again.code(), "run_undone");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Base`] when the run isn't over or there is nothing to undo; else as [`Motet::start`].
    pub async fn undo(&self, run: &RunId, options: UndoOptions) -> Result<RunHandle, Error> {
        let Undoing { pipeline, inputs, options } =
            undoing(self.store(), &self.inner.hands.catalogue, run, options)?;
        Ok(self.start_as(&pipeline, inputs, options, None).await?.run)
    }
}

/// How a run is undone. The new run has a name of its own, so that it is one run however often it is asked for; if it
/// could not undo everything, the next one does the rest.
pub(crate) fn undoing(
    store: &Store,
    catalogue: &Catalogue,
    run: &RunId,
    options: UndoOptions,
) -> Result<Undoing, Error> {
    let run = &origin(store, run)?.unwrap_or_else(|| run.clone());
    let row = ended(store, run)?;
    let (pipeline, _) = link(store, catalogue, &row.plan)?;
    let fault = |fault| Err(Error::Base { run: run.clone(), fault });
    let (mut base, mut number) = (run.clone(), 1);
    let id = loop {
        let id = undo_id(run, number);
        match store.run(&id)? {
            // It is followed.
            Some(row) if !row.status.is_final() => break id,
            Some(_) => (base, number) = (id, number + 1),
            None => match is_left(store, &pipeline, &base)? {
                true => break id,
                false if number > 1 => return fault(BaseFault::Undone(base)),
                false if undid(store, run)? => return fault(BaseFault::Undone(base)),
                false => return fault(BaseFault::NothingToUndo),
            },
        }
    };
    let UndoOptions { budget, user } = options;
    let continued = Continued { run: base, again: Vec::new(), fresh: Vec::new(), undo: true };
    let options = StartOptions { id: Some(id), ..start_options(continued, budget, user) };
    Ok(Undoing { pipeline, inputs: inputs_of(store, run)?, options })
}

/// The run that `run` undoes, if that is all it does.
fn origin(store: &Store, run: &RunId) -> Result<Option<RunId>, Error> {
    let mut found = None;
    while let Some(base) = started(store, found.as_ref().unwrap_or(run))?.and_then(|started| started.base) {
        match base.undo {
            true => found = Some(base.run),
            false => break,
        }
    }
    Ok(found)
}

/// Refuses to continue from a run that only undoes another one.
pub(super) fn judge_origin(store: &Store, run: &RunId) -> Result<(), Error> {
    match origin(store, run)? {
        Some(origin) => Err(Error::Base { run: run.clone(), fault: BaseFault::Undoes(origin) }),
        None => Ok(()),
    }
}

/// Calls `visit` for each turn of the runs that undid `run`, or are at it.
pub(super) fn each_turn(store: &Store, run: &RunId, mut visit: impl FnMut(&Turn)) -> Result<(), Error> {
    for number in 1.. {
        let id = undo_id(run, number);
        if store.run(&id)?.is_none() {
            break;
        }
        store.each_turn(&id, |turn| {
            visit(&turn);
            Ok::<_, StoreError>(())
        })?;
    }
    Ok(())
}

/// Whether somebody has begun to undo `run`, which is over.
pub(super) fn has_begun(store: &Store, run: &RunId) -> Result<bool, Error> {
    Ok(store.run(&undo_id(run, 1))?.is_some())
}

/// The name of the run that undoes `run`, of which there may be several.
fn undo_id(run: &RunId, number: u32) -> RunId {
    match number {
        1 => RunId::new(format!("{run}-undo")),
        _ => RunId::new(format!("{run}-undo-{number}")),
    }
}

/// Whether there is anything to undo for a run that would continue from `base`.
fn is_left(store: &Store, pipeline: &Pipeline, base: &RunId) -> Result<bool, Error> {
    let lineage = Lineage::read(store, base)?;
    let continued = Continued { run: base.clone(), again: Vec::new(), fresh: Vec::new(), undo: true };
    let begun =
        RunStarted { base: Some(Box::new(lineage.base(continued))), ..lineage.last().started.clone() };
    let (graph, at) = (pipeline.graph().clone(), lineage.last().started_at);
    let before = lineage.undone(store)?;
    let before: Vec<&[Turn]> = before.iter().map(Vec::as_slice).collect();
    let undoing = Run::start_undo(graph, begun, &before, at);
    let (run, _) = undoing.map_err(|misuse| Error::Journal { run: base.clone(), misuse })?;
    Ok(run.undoable().next().is_some())
}

/// Whether a run undid something itself.
fn undid(store: &Store, run: &RunId) -> Result<bool, Error> {
    let is_undone = |event: &Event| matches!(event, Event::Run(RunEvent::Undone { undone: 1.., .. }));
    Ok(store.turns(run)?.iter().flat_map(|turn| &turn.events).any(is_undone))
}
