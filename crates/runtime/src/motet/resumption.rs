//! Going on with runs that nobody drives.

use motet_engine::{Run, RunId};
use motet_pipeline::{Span, Timestamp};
use motet_store::{RunRow, Store, StoreError};

use super::latches::{Latch, Subject};
use super::{Motet, RunHandle};
use crate::Error;
use crate::driver::{Message, guarded};
use crate::lock::Door;
use crate::pipeline::Pipeline;

impl Motet {
    /// Goes on with every unfinished run.
    ///
    /// A run that can't be gone on with (a task that isn't registered, an artifact that is missing) is
    /// left as it is and not among those given; [`RunHandle::resume`] says why.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn resume(&self) -> Result<Vec<RunHandle>, Error> {
        let mut runs = Vec::new();
        for row in self.inner.hands.store.unfinished()? {
            match self.take_up(&row.id).await {
                Ok(run) => runs.push(run),
                Err(error) if error.is_of_one_run() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(runs)
    }

    /// Takes up a run, if it is unfinished and not driven already.
    pub(crate) async fn take_up(&self, id: &RunId) -> Result<RunHandle, Error> {
        let _latch = self.latch(id).await;
        self.take_up_latched(id).await
    }

    /// Two at a time could replay the same journal, and the slower one would begin with a past that
    /// the other has left behind.
    pub(super) async fn latch(&self, id: &RunId) -> Latch {
        self.inner.latches.sole(Subject::Run(id.clone())).await
    }

    /// The same for who has latched the run.
    pub(super) async fn take_up_latched(&self, id: &RunId) -> Result<RunHandle, Error> {
        let run = self.find_by_id(id)?;
        if let Some(row) = self.undriven(&run).await? {
            judge_artifacts(self.store(), id)?;
            self.replay(&row)?;
        }
        Ok(run)
    }

    /// The run, if it is unfinished and nobody drives it.
    pub(super) async fn undriven(&self, run: &RunHandle) -> Result<Option<RunRow>, Error> {
        self.inner.standing.judge(&run.id)?;
        if run.is_live().await {
            return Ok(None);
        }
        // Read after it was seen not to be live: what drove it until now is durable.
        Ok(self.store().run(&run.id)?.filter(|row| !row.status.is_final()))
    }

    /// Brings a run that nobody drives to where it was, and drives it from there.
    pub(super) fn replay(&self, row: &RunRow) -> Result<(), Error> {
        let (store, id) = (self.store(), &row.id);
        let bundle = store.plan(&row.plan)?.ok_or_else(|| StoreError::Corrupt {
            file: store.folder().to_owned(),
            what: format!("the pipeline of run {id} is gone"),
        })?;
        let pipeline = Pipeline::from_stored(&bundle, &self.inner.catalogue)?;
        let turns = store.turns(id)?;
        let replayed = guarded(|| {
            self.inner.hands.before_engine(id);
            Run::replay(pipeline.graph().clone(), &turns)
        });
        let standing = &self.inner.standing;
        let run = replayed.map_err(|panic| {
            standing.quarantine(id, panic);
            standing.why_undriven(id)
        })?;
        let run = run.map_err(|misuse| Error::Journal { run: id.clone(), misuse })?;
        if self.inner.mail.is_closed() {
            return Err(standing.why_undriven(id));
        }
        let away = turns.last().map_or(Span(0), |turn| self.away(turn.at));
        self.post(Message::TakeUp { run: Box::new(run), away });
        Ok(())
    }

    /// For how long nobody drove a run whose last turn was at `last`: since the last sign of life of
    /// the owner before, if that owner drove the run (then it recorded a turn of it), else since then.
    fn away(&self, last: Timestamp) -> Span {
        let now = self.inner.hands.world.now();
        let seen = self.inner.before.seen_at.filter(|_| self.was_driven_before(last));
        now.since(seen.map_or(last, |seen| seen.max(last)))
    }

    /// Whether a run whose last turn was at `last` was driven by the owner before this one.
    pub(crate) fn was_driven_before(&self, last: Timestamp) -> bool {
        self.inner.before.owner.as_ref().is_some_and(|owner| last >= owner.opened_at)
    }

    /// Takes up the runs that the owner before this one drove, if it ended without a word.
    pub(crate) async fn inherit(&self) -> Result<(), Error> {
        if self.inner.before.owner.as_ref().is_none_or(|owner| owner.door == Door::Left) {
            return Ok(());
        }
        for row in self.inner.hands.store.unfinished()? {
            if !self.was_driven_before(row.updated_at) {
                continue;
            }
            match self.take_up(&row.id).await {
                Ok(_) => {}
                // It is left as it is; who asks for it is told why.
                Err(error) if error.is_of_one_run() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Refuses a run of which bytes are gone: it would fail for good, and they may be brought back.
fn judge_artifacts(store: &Store, run: &RunId) -> Result<(), StoreError> {
    for row in store.artifacts(run)? {
        let (digest, bytes) = (row.artifact.digest, row.artifact.bytes);
        let file = || store.path_of(&digest);
        match store.length_of(&digest) {
            Some(length) if length == bytes => {}
            Some(length) => {
                let what = format!("it has {length} bytes instead of {bytes}");
                return Err(StoreError::Corrupt { file: file(), what });
            }
            None => return Err(StoreError::NoArtifact { digest, file: file() }),
        }
    }
    Ok(())
}
