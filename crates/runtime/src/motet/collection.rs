//! Collection: runs that are over are deleted, and what nobody needs any more is removed.

use std::time::Duration;

use motet_engine::RunId;
use motet_store::{Store, StoreError, SweptFiles};
use serde::{Deserialize, Serialize};

use super::latches::Subject;
use super::{Motet, RunHandle};
use crate::Error;

/// What was removed that nobody needed any more, and what was left for now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swept {
    /// How many files were removed.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// How many were left because they were used so lately that somebody may be about to refer to them.
    pub recent_files: u64,
    /// The size of those in bytes.
    pub recent_bytes: u64,
}

/// How many runs are deleted in a transaction. Starts wait meanwhile.
const RUNS_AT_ONCE: usize = 100;

/// How long files stay that nothing refers to, where somebody may be about to: much longer than it takes from the
/// first file that is kept to the turn that refers to it.
const GRACE: Duration = Duration::from_secs(3600);

impl Motet {
    /// Deletes runs that are over, as a whole: their journals and all that is told of them. Says which ones: one that
    /// isn't over is left as it is, and so is one that an unfinished run continues from, or of which a call has not
    /// ended. What they cost stays in the ledger and in all budgets. [`Motet::sweep`] then frees the room.
    ///
    /// Which runs may go says [`Store::leaving`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), motet::Error> {
    /// # let motet = motet::Motet::builder().open().await?;
    /// # let text = r#"{"motet": 1, "name": "t", "steps": {"a": {"uses": "data/transform", "with": {"value": 1}}}}"#;
    /// # let run = motet.start(&motet.load_text(text)?, ()).await?;
    /// # run.outputs().await?;
    /// use motet::store::{Retention, RunStatus};
    ///
    /// let old = Retention { statuses: [RunStatus::Completed].into(), ..Retention::default() };
    /// let leaving = motet.store().leaving(&old)?;
    /// assert_eq!(motet.delete(&leaving.runs).await?, leaving.runs);
    /// motet.sweep(std::time::Duration::from_secs(3600)).await?;
    /// assert_eq!(motet.find(run.id().as_str()).err().unwrap().code(), "run_deleted");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete(&self, runs: &[RunId]) -> Result<Vec<RunId>, Error> {
        let mut deleted = Vec::new();
        for some in runs.chunks(RUNS_AT_ONCE) {
            let _alone = self.inner.latches.sole(Subject::Starts).await;
            let some = self.undriven(some).await;
            let now = self.hands().world.now();
            deleted.extend(self.change(move |store| store.delete_runs(&some, now)).await?);
        }
        while self.change(Store::sweep_rows).await? {}
        Ok(deleted)
    }

    /// Makes the tables that are made from the journal again, in one transaction: for where
    /// [`Store::verify`](motet_store::Store::verify) finds a wrong row. Turns wait meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if a turn can't be read: the tables are then as before; and when the store fails.
    pub async fn rebuild_tables(&self) -> Result<(), Error> {
        self.change(Store::rebuild_projections).await
    }

    /// Removes what nothing in the store refers to: rows and plans of deleted runs, and files, but for those that were
    /// written or used within `grace`. Give more than it takes from files that you keep in the store by yourself to
    /// the start of the run that has them as inputs.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sweep(&self, grace: Duration) -> Result<Swept, Error> {
        while self.change(Store::sweep_rows).await? {}
        {
            let _alone = self.inner.latches.sole(Subject::Starts).await;
            self.change(Store::sweep_plans).await?;
        }
        self.change(Store::sweep_artifacts).await?;
        let SweptFiles { files, bytes, recent, recent_bytes } =
            self.change(move |store| store.sweep_files(grace)).await?;
        Ok(Swept { files, bytes, recent_files: recent, recent_bytes })
    }

    /// The same for whoever keeps files by sessions alone: at once, where nobody can be about to refer to one.
    pub(crate) async fn sweep_soon(&self) -> Result<Swept, Error> {
        let store = self.store();
        let is_quiet = store.unfinished_ids()?.is_empty() && store.open_calls()?.is_empty();
        // Held until all is swept.
        let alone = if is_quiet { store.stop_imports() } else { None };
        self.sweep(if alone.is_some() { Duration::ZERO } else { GRACE }).await
    }

    /// Those of `runs` that nothing is done for here: a run that is over may still wait for a late result.
    async fn undriven(&self, runs: &[RunId]) -> Vec<RunId> {
        let mut undriven = Vec::new();
        for id in runs {
            let run = RunHandle { motet: self.clone(), id: id.clone() };
            if run.feed().await.is_none() {
                undriven.push(run.id);
            }
        }
        undriven
    }

    async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Error> {
        let store = self.store().clone();
        let changed = self.hands().compute_any(move || change(&store)).await;
        Ok(changed.unwrap_or(Err(StoreError::Closed))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::follow::Happening;

    const FILM: &str = r#"
motet: 1
name: film
steps:
  title: { uses: data/transform, with: { value: a boat } }
"#;

    #[tokio::test]
    async fn whoever_follows_a_deleted_run_is_told_so() {
        let motet = Motet::builder().open().await.unwrap();
        let pipeline = motet.load_text(FILM).unwrap();
        let run = motet.start(&pipeline, ()).await.unwrap();
        run.outputs().await.unwrap();
        let mut events = run.events().await.unwrap();
        assert_eq!(motet.delete(&[run.id().clone(), RunId::new("none")]).await.unwrap(), [run.id().clone()]);
        let mut told = None;
        while let Some(happening) = events.next().await {
            told = Some(happening);
        }
        let Some(Happening::Lost(error)) = told else { panic!("it was told {told:?}") };
        assert_eq!(error.code(), "run_deleted");
        assert_eq!(motet.find(run.id().as_str()).err().unwrap().code(), "run_deleted");
        // Its plan went with it, and is kept again for the next run.
        motet.sweep(Duration::ZERO).await.unwrap();
        let next = motet.start(&pipeline, ()).await.unwrap();
        next.outputs().await.unwrap();
        assert!(crate::Pipeline::of_run(motet.store(), motet.catalogue(), next.id()).is_ok());
    }
}
