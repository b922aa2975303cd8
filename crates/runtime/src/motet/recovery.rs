//! Recovery: runs that nobody drives are brought to where they were, many at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use motet_engine::event::Base;
use motet_engine::{Graph, Misuse, Replay, Run, RunId, Turn};
use motet_pipeline::contract::Catalogue;
use motet_pipeline::diagnostic::Diagnostic;
use motet_pipeline::{Artifact, Digest};
use motet_store::{KeptPlan, Past, Store, StoreError};

use super::Motet;
use super::lineage::Lineage;
use crate::Error;
use crate::driver::{Message, guarded};
use crate::pipeline::Pipeline;

/// What runs are resumed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To go on, because it was asked for. A run of which bytes are gone is refused: it would fail for good,
    /// and they may be brought back.
    GoOn,
    /// To go on with all others. A run of which a task isn't registered here is left for whoever has it.
    GoOnWithAll,
    /// The same for those alone that the owner before this one drove.
    Inherit,
    /// To be cancelled, which needs no bytes.
    CallOff,
}

impl Purpose {
    /// Whether nobody asked for the run itself.
    fn is_general(self) -> bool {
        matches!(self, Purpose::GoOnWithAll | Purpose::Inherit)
    }
}

/// What came of a run that was to be resumed.
pub(crate) type Taken = (RunId, Result<(), Error>);

/// Looks at each plan and each artifact once, whichever runs refer to it.
pub(super) struct Recovery {
    motet: Motet,
    purpose: Purpose,
    plans: Mutex<HashMap<Digest, Pinned>>,
    artifacts: Mutex<HashMap<Digest, Result<Option<u64>, StoreError>>>,
}

/// Where what earlier runs refer to is looked up.
pub(super) trait Sources {
    /// Where they are kept.
    fn store(&self) -> &Store;

    /// The graph of the plan that a run is pinned to.
    fn graph(&self, plan: &Digest) -> Result<Arc<Graph>, Error>;

    /// Whether the bytes of an artifact are there. What can't be read, or is damaged, isn't gone: it is an error.
    fn has(&self, artifact: &Artifact) -> Result<bool, Error>;
}

/// A store that is only looked at.
pub(super) struct Shelf<'s> {
    store: &'s Store,
    catalogue: &'s Catalogue,
}

impl<'s> Shelf<'s> {
    pub(super) fn new(store: &'s Store, catalogue: &'s Catalogue) -> Shelf<'s> {
        Shelf { store, catalogue }
    }
}

impl Sources for Shelf<'_> {
    fn store(&self) -> &Store {
        self.store
    }

    fn graph(&self, plan: &Digest) -> Result<Arc<Graph>, Error> {
        Ok(link(self.store, self.catalogue, plan)?.0.graph().clone())
    }

    fn has(&self, artifact: &Artifact) -> Result<bool, Error> {
        Ok(has_whole(self.store, artifact)?)
    }
}

impl Sources for Recovery {
    fn store(&self) -> &Store {
        self.motet.store()
    }

    fn graph(&self, plan: &Digest) -> Result<Arc<Graph>, Error> {
        Recovery::graph(self, plan)
    }

    fn has(&self, artifact: &Artifact) -> Result<bool, Error> {
        Ok(is_whole(self.motet.store(), artifact, self.length_of(&artifact.digest))?)
    }
}

/// Whether the bytes of an artifact are there. What can't be read, or is damaged, isn't gone: it is an error.
pub(crate) fn has_whole(store: &Store, artifact: &Artifact) -> Result<bool, StoreError> {
    is_whole(store, artifact, store.readable_length_of(&artifact.digest))
}

/// The same of one whose file has this length.
fn is_whole(
    store: &Store,
    artifact: &Artifact,
    length: Result<Option<u64>, StoreError>,
) -> Result<bool, StoreError> {
    match judge_length(store, &artifact.digest, artifact.bytes, length) {
        Ok(()) => Ok(true),
        Err(StoreError::NoArtifact { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

fn judge_length(
    store: &Store,
    digest: &Digest,
    bytes: u64,
    length: Result<Option<u64>, StoreError>,
) -> Result<(), StoreError> {
    let file = || store.path_of(digest);
    match length? {
        Some(length) if length == bytes => Ok(()),
        Some(length) => {
            let what = format!("it has {length} bytes instead of {bytes}");
            Err(StoreError::Corrupt { file: file(), what })
        }
        None => Err(StoreError::NoArtifact { digest: *digest, file: file() }),
    }
}

/// A plan that runs are pinned to.
#[derive(Clone)]
enum Pinned {
    /// With the tasks of it that this process doesn't have.
    Graph(Arc<Graph>, Vec<String>),
    /// The texts alone are kept, and have faults.
    Faulty(Vec<Diagnostic>),
    Unusable(String),
    Lost(String),
    /// It has this operation, which whoever kept it couldn't know.
    OfOthers(String),
}

/// The plan with this digest, linked, and what is kept of it.
///
/// # Errors
/// [`Error::LostPlan`] when it is missing or damaged, [`Error::Plan`] when it can't be used here.
pub(crate) fn link(
    store: &Store,
    catalogue: &Catalogue,
    plan: &Digest,
) -> Result<(Pipeline, KeptPlan), Error> {
    let missing = || Error::LostPlan(format!("plan {} is missing", plan.short()));
    let kept = kept_plan(store, plan)?.ok_or_else(missing)?;
    Ok((Pipeline::from_kept(*plan, &kept, catalogue)?, kept))
}

/// What is kept of a plan. That it is damaged concerns its runs alone.
pub(super) fn kept_plan(store: &Store, plan: &Digest) -> Result<Option<KeptPlan>, Error> {
    store.plan(plan).map_err(|error| match error {
        StoreError::Corrupt { what, .. } => Error::LostPlan(what),
        error => error.into(),
    })
}

impl Motet {
    /// Takes a run for the user's own, whoever wrote it, if its store kept no more of its plan than texts: what they mean is
    /// decided now. That a plan can't be had is told to whoever asks for the run.
    pub(crate) fn adopt(&self, run: &RunId) -> Result<(), Error> {
        let (store, catalogue) = (self.store(), &self.inner.hands.catalogue);
        let Some(row) = store.run(run)? else { return Ok(()) };
        match link(store, catalogue, &row.plan) {
            Ok((pipeline, kept)) if pipeline.operation_of_others().is_some() => {
                store.put_plan(&row.plan, &KeptPlan { pin: Some(pipeline.plan().pin()), ..kept })?;
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(error) if error.is_of_one_run() => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Recovery {
    pub(super) fn new(motet: &Motet, purpose: Purpose) -> Recovery {
        Recovery { motet: motet.clone(), purpose, plans: Mutex::default(), artifacts: Mutex::default() }
    }

    /// Reads and replays `runs`, which nobody drives and only the caller may resume now, and hands them to
    /// the driver. Takes as long as that takes.
    pub(super) fn take_up(&self, runs: &[RunId]) -> Vec<Taken> {
        let take_up_one = |id: &RunId| match self.motet.store().past(id) {
            Ok(Some(past)) => self.hand_over(id, &past),
            Ok(None) => Ok(()),
            Err(error) => Err(Error::of_run(error)),
        };
        runs.iter().map(|id| (id.clone(), take_up_one(id))).collect()
    }

    fn hand_over(&self, id: &RunId, past: &Past) -> Result<(), Error> {
        let (_, last_at) = past.last;
        if self.purpose == Purpose::Inherit && !self.motet.was_driven_before(last_at) {
            return Ok(());
        }
        if self.purpose != Purpose::CallOff {
            past.artifacts.iter().try_for_each(|(digest, bytes)| self.judge_artifact(digest, *bytes))?;
        }
        let run = self.replay(id, past)?;
        let standing = &self.motet.inner.standing;
        if self.motet.inner.mail.is_closed() {
            return Err(standing.why_undriven(id));
        }
        self.motet.post(Message::TakeUp { run: Box::new(run), away: self.motet.away(last_at) });
        Ok(())
    }

    fn replay(&self, id: &RunId, past: &Past) -> Result<Run, Error> {
        let graph = self.graph(&past.plan)?;
        if past.is_of_older_format && graph.plan().version != past.plan {
            // Plans were named by their texts. What a newer run kept was never judged for this one.
            let what = format!("plan {} is not of the format of its run", past.plan.short());
            return Err(Error::LostPlan(what));
        }
        let before = self.undone_by(past)?;
        let before: Vec<&[Turn]> = before.iter().map(Vec::as_slice).collect();
        let replayed = guarded(|| {
            self.motet.hands().before_engine(id);
            self.replay_turns(id, past, graph.clone(), &before)
        });
        let replayed = replayed.map_err(|panic| {
            let standing = &self.motet.inner.standing;
            standing.quarantine(id, panic);
            standing.why_undriven(id)
        })?;
        let mut run = replayed?;
        let takes_over = |base: &&Base| !base.undo && self.purpose != Purpose::CallOff;
        if let Some(base) = run.started().base.as_deref().filter(takes_over) {
            let (_, results) = Lineage::read_results(self, &base.run, |_, _| {})?;
            run.reuse_from(Arc::new(results.reusable(self, base, &graph)?));
        }
        Ok(run)
    }

    /// Replays the turns of a run, those that aren't read yet a page at a time: nobody else adds any.
    fn replay_turns(
        &self,
        id: &RunId,
        past: &Past,
        graph: Arc<Graph>,
        before: &[&[Turn]],
    ) -> Result<Run, Error> {
        let misused = |misuse| Error::Journal { run: id.clone(), misuse };
        let (first, others) = past.turns.split_first().ok_or(misused(Misuse::NoStart))?;
        let mut replay = Replay::begin(graph, before, first).map_err(misused)?;
        others.iter().try_for_each(|turn| replay.apply(turn)).map_err(misused)?;
        let (last, _) = past.last;
        let mut done = past.turns.len() as u64;
        if done < last {
            self.motet.store().each_turn_from(id, done + 1, |turn| {
                done = turn.number;
                replay.apply(&turn).map_err(misused)
            })?;
        }
        match done < last {
            true => Err(misused(Misuse::Gap { expected: done + 1, found: last })),
            false => Ok(replay.end()),
        }
    }

    /// The journals of the runs that a run undoes, if that is what it does.
    fn undone_by(&self, past: &Past) -> Result<Vec<Vec<Turn>>, Error> {
        let base = past.turns.first().and_then(|turn| turn.started()?.base.as_deref());
        match base.filter(|base| base.undo) {
            Some(base) => Lineage::read(self.motet.store(), &base.run)?.undone(self.motet.store()),
            None => Ok(Vec::new()),
        }
    }

    /// The graph of the plan that the run is pinned to.
    pub(super) fn graph(&self, plan: &Digest) -> Result<Arc<Graph>, Error> {
        let known = self.plans.lock().unwrap_or_else(PoisonError::into_inner).get(plan).cloned();
        let pinned = match known {
            Some(pinned) => pinned,
            None => {
                let pinned = self.look_up(plan)?;
                let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
                plans.entry(*plan).or_insert(pinned).clone()
            }
        };
        match pinned {
            Pinned::Graph(_, missing) if !missing.is_empty() && self.purpose.is_general() => {
                Err(Error::Tasks(missing))
            }
            Pinned::Graph(graph, _) => Ok(graph),
            Pinned::Faulty(findings) => Err(Error::Check(findings)),
            Pinned::Unusable(why) => Err(Error::Plan(why)),
            Pinned::Lost(what) => Err(Error::LostPlan(what)),
            Pinned::OfOthers(operation) => Err(Error::NotAdopted { operation }),
        }
    }

    fn look_up(&self, plan: &Digest) -> Result<Pinned, Error> {
        let inner = &self.motet.inner;
        let graph = |graph: Arc<Graph>| {
            let missing = inner.hands.missing_tasks(graph.plan());
            Pinned::Graph(graph, missing)
        };
        if let Some(shared) = inner.graphs.get(plan) {
            return Ok(graph(shared));
        }
        let store = self.motet.store();
        let (pipeline, kept) = match link(store, &inner.hands.catalogue, plan) {
            Ok(linked) => linked,
            Err(Error::Check(findings)) => return Ok(Pinned::Faulty(findings)),
            Err(Error::Plan(why)) => return Ok(Pinned::Unusable(why)),
            Err(Error::LostPlan(what)) => return Ok(Pinned::Lost(what)),
            Err(error) => return Err(error),
        };
        if let Err(Error::NotAdopted { operation }) = inner.hands.judge_maker(&pipeline) {
            return Ok(Pinned::OfOthers(operation));
        }
        if kept.pin.is_none() {
            // What was decided now holds from now on, for all of its runs.
            store.put_plan(plan, &KeptPlan { pin: Some(pipeline.plan().pin()), ..kept })?;
        }
        Ok(graph(inner.graphs.share(pipeline.graph())))
    }

    fn judge_artifact(&self, digest: &Digest, bytes: u64) -> Result<(), StoreError> {
        judge_length(self.motet.store(), digest, bytes, self.length_of(digest))
    }

    fn length_of(&self, digest: &Digest) -> Result<Option<u64>, StoreError> {
        let mut lengths = self.artifacts.lock().unwrap_or_else(PoisonError::into_inner);
        lengths.entry(*digest).or_insert_with(|| self.motet.store().readable_length_of(digest)).clone()
    }
}
