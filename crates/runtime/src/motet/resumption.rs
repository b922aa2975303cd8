//! Going on with runs that nobody drives.

use std::sync::Arc;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use motet_engine::{RunId, call_off_unplanned};
use motet_pipeline::{Span, Timestamp};
use motet_store::{Record, StoreError};
use tokio::sync::oneshot;

use super::latches::{Latch, Subject};
use super::recovery::{Purpose, Recovery, Taken};
use super::{Motet, RunHandle};
use crate::Error;
use crate::driver::Message;
use crate::lock::Door;

/// How many runs are read in one look at the store.
const TOGETHER: usize = 256;

/// How many such looks are at work at once, at most.
const LOOKS_MAX: usize = 8;

impl Motet {
    /// Resumes every unfinished run.
    ///
    /// A run that can't be resumed (a task that isn't registered, an artifact that is missing) is
    /// left as it is and not among those given. [`RunHandle::resume`] says why; for lack of a task it continues
    /// as far as it can.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn resume(&self) -> Result<Vec<RunHandle>, Error> {
        let mut runs = Vec::new();
        for (id, outcome) in self.take_up_all().await? {
            match outcome {
                Ok(()) => runs.push(RunHandle { motet: self.clone(), id }),
                Err(error) if error.is_of_one_run() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(runs)
    }

    /// Takes up every unfinished run; says for each what came of it.
    pub(crate) async fn take_up_all(&self) -> Result<Vec<Taken>, Error> {
        self.recover(self.store().unfinished_ids()?, Purpose::GoOnWithAll).await
    }

    /// Takes up a run, if it is unfinished and not driven already.
    pub(crate) async fn take_up(&self, id: &RunId) -> Result<RunHandle, Error> {
        let _latch = self.latch(id).await;
        self.take_up_latched(id, Purpose::GoOn).await
    }

    /// Takes up the runs that the owner before this one drove, if it ended without a word.
    pub(crate) async fn inherit(&self) -> Result<(), Error> {
        if self.inner.before.owner.as_ref().is_none_or(|owner| owner.door == Door::Left) {
            return Ok(());
        }
        for (_, outcome) in self.recover(self.store().unfinished_ids()?, Purpose::Inherit).await? {
            match outcome {
                Ok(()) => {}
                // It is left as it is; who asks for it is told why.
                Err(error) if error.is_of_one_run() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Calls off a run that is latched and whose plan can't be had: what is open in it is ended as its journal
    /// tells, and nothing of it is at work.
    pub(super) async fn call_off_unplanned(&self, id: &RunId, by: &str, reason: &str) -> Result<(), Error> {
        let store = self.store();
        let turns = call_off_unplanned(&store.turns(id)?, self.hands().world.now(), by, reason);
        if turns.is_empty() {
            return Ok(());
        }
        let record = |turn| Record { run: id.clone(), turn: Arc::new(turn) };
        let (done, appended) = oneshot::channel();
        store.append_all(turns.into_iter().map(record).collect::<Vec<_>>(), move |outcome| {
            // Whoever asked may be gone; it is done all the same.
            let _ = done.send(outcome);
        });
        Ok(appended.await.unwrap_or(Err(StoreError::Closed))?)
    }

    /// Two at a time could replay the same journal, and the slower one would begin with a past that
    /// the other has left behind.
    pub(super) async fn latch(&self, id: &RunId) -> Latch {
        self.inner.latches.sole(Subject::Run(id.clone())).await
    }

    /// Takes up a run that is latched.
    pub(super) async fn take_up_latched(&self, id: &RunId, purpose: Purpose) -> Result<RunHandle, Error> {
        let recovery = Arc::new(Recovery::new(self, purpose));
        for (_, outcome) in self.recover_latched(recovery, vec![id.clone()]).await? {
            outcome?;
        }
        Ok(RunHandle { motet: self.clone(), id: id.clone() })
    }

    /// Takes up runs, in order; a part of them is read while another is replayed.
    async fn recover(&self, runs: Vec<RunId>, purpose: Purpose) -> Result<Vec<Taken>, Error> {
        let recovery = Arc::new(Recovery::new(self, purpose));
        let looks = std::thread::available_parallelism().map_or(1, usize::from).min(LOOKS_MAX);
        let parts: Vec<Vec<RunId>> = runs.chunks(TOGETHER).map(<[RunId]>::to_vec).collect();
        stream::iter(parts)
            .map(|part| {
                let recovery = recovery.clone();
                async move {
                    let mut latches = Vec::with_capacity(part.len());
                    // In the order of the runs, as everybody does who latches several of them.
                    for id in &part {
                        latches.push(self.latch(id).await);
                    }
                    self.recover_latched(recovery, part).await
                }
            })
            .buffered(looks)
            .try_concat()
            .await
    }

    /// Takes up those of some latched runs that nobody drives, and says for each run what came of it.
    async fn recover_latched(&self, recovery: Arc<Recovery>, runs: Vec<RunId>) -> Result<Vec<Taken>, Error> {
        let (answer, live) = oneshot::channel();
        self.post(Message::AreLive { runs: runs.clone(), answer });
        // A driver that is gone drives none, which is told by what takes them up.
        let live = live.await.unwrap_or_else(|_| vec![false; runs.len()]);
        let mut undriven = Vec::new();
        let judge = |(id, is_live): (RunId, bool)| match self.inner.standing.judge(&id) {
            Ok(()) if is_live => Some((id, Ok(()))),
            Ok(()) => {
                undriven.push(id);
                None
            }
            Err(error) => Some((id, Err(error))),
        };
        let taken: Vec<Option<Taken>> = runs.into_iter().zip(live).map(judge).collect();
        if undriven.is_empty() {
            return Ok(taken.into_iter().flatten().collect());
        }
        // Read after they were seen not to be live: what drove them until now is durable.
        let recovered = self.hands().compute_any(move || recovery.take_up(&undriven)).await;
        let mut recovered = recovered.ok_or(Error::Left)?.into_iter();
        // Each gap is one of them, in order.
        Ok(taken.into_iter().filter_map(|taken| taken.or_else(|| recovered.next())).collect())
    }

    /// For how long nobody drove a run whose last turn was at `last`: since the last sign of life of
    /// the owner before, if that owner drove the run (then it recorded a turn of it), else since then.
    pub(super) fn away(&self, last: Timestamp) -> Span {
        let now = self.inner.hands.world.now();
        let seen = self.inner.before.seen_at.filter(|_| self.was_driven_before(last));
        now.since(seen.map_or(last, |seen| seen.max(last)))
    }

    /// Whether a run whose last turn was at `last` was driven by the owner before this one.
    pub(crate) fn was_driven_before(&self, last: Timestamp) -> bool {
        self.inner.before.owner.as_ref().is_some_and(|owner| last >= owner.opened_at)
    }
}

#[cfg(test)]
mod tests {
    use motet_engine::{Event, RunEvent};

    use super::*;
    use crate::Error as MotetError;

    const NAP: &str = r#"
motet: 1
name: nap
inputs: { n: integer }
steps: { nap: { uses: flow/sleep, with: { duration: 7d } } }
"#;

    #[tokio::test]
    async fn runs_of_one_plan_share_its_graph_whether_they_are_started_or_resumed() {
        let folder = tempfile::tempdir().unwrap();
        let first = Motet::open(folder.path()).await.unwrap();
        let pipeline = first.load_text(NAP).unwrap();
        for n in 0..3 {
            first.start(&pipeline, [("n", n)]).await.unwrap();
        }
        first.close().await;

        let second = Motet::open(folder.path()).await.unwrap();
        assert_eq!(second.resume().await.unwrap().len(), 3);
        let pipeline = second.load_text(NAP).unwrap();
        second.start(&pipeline, [("n", 3)]).await.unwrap();
        let shared = second.inner.graphs.get(&pipeline.plan().digest).unwrap();
        // Those of four runs and the one here.
        assert_eq!(Arc::strong_count(&shared), 5);
        second.close().await;
    }

    #[tokio::test]
    async fn however_many_take_up_the_same_runs_each_is_taken_up_once() {
        const RUNS: usize = 2 * TOGETHER + 1;
        let folder = tempfile::tempdir().unwrap();
        let first = Motet::open(folder.path()).await.unwrap();
        let pipeline = first.load_text(NAP).unwrap();
        let starts = (0..RUNS).map(|n| first.start(&pipeline, [("n", n)]));
        let started = futures_util::future::join_all(starts).await;
        assert!(started.iter().all(Result::is_ok));
        drop(started);
        first.close().await;

        let second = Motet::open(folder.path()).await.unwrap();
        let ids = second.store().unfinished_ids().unwrap();
        let one_by_one = async {
            for id in ids.iter().rev() {
                second.take_up(id).await?;
            }
            Ok::<_, MotetError>(())
        };
        let (one, two, rest) = tokio::join!(second.resume(), second.resume(), one_by_one);
        rest.unwrap();
        for resumed in [one.unwrap(), two.unwrap()] {
            assert!(resumed.iter().map(RunHandle::id).eq(&ids), "all of them, in order");
        }
        // What was handed in before this is durable with it.
        second.start(&pipeline, [("n", RUNS)]).await.unwrap();
        for id in &ids {
            let turns = second.store().turns(id).unwrap();
            let resumed = |turn: &&motet_engine::Turn| {
                turn.events.iter().any(|event| matches!(event, Event::Run(RunEvent::Resumed { .. })))
            };
            assert_eq!(turns.iter().filter(resumed).count(), 1, "{id}");
        }
        second.close().await;
    }
}
