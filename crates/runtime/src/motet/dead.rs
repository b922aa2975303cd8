//! Dead letters: failed runs that wait for somebody to do them over, or to say that it isn't needed.

use motet_engine::RunId;
use motet_store::{DeadFilter, DeadRun, Discard, StoreError};

use super::{Motet, run_row};
use crate::Error;

impl Motet {
    /// The failed runs that no other run continues and that nobody has dealt with, newest first.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), motet::Error> {
    /// # let motet = motet::Motet::builder().open().await?;
    /// # let text = r#"{"motet": 1, "name": "t", "steps": {"a": {"uses": "flow/fail", "with": {"message": "no"}}}}"#;
    /// # let run = motet.start(&motet.load_text(text)?, ()).await?;
    /// # assert!(run.outputs().await.is_err());
    /// use motet::store::DeadFilter;
    /// use motet::RetryOptions;
    ///
    /// for dead in motet.dead(&DeadFilter { pipeline: Some("t".into()), ..DeadFilter::default() })? {
    ///     motet.retry(&dead.run.id, RetryOptions::default()).await?.wait().await?;
    /// }
    /// let dead = motet.dead(&DeadFilter::default())?;
    /// assert_eq!(dead.len(), 1, "the first run is continued by another, which failed as well");
    /// motet.discard(&dead[0].run.id, "ada", "the message is meant to be so").await?;
    /// assert!(motet.dead(&DeadFilter::default())?.is_empty());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn dead(&self, filter: &DeadFilter) -> Result<Vec<DeadRun>, Error> {
        Ok(self.store().dead(filter)?)
    }

    /// Notes, on behalf of `by`, that a failed run was dealt with, and why it needn't be done over: it is no dead letter
    /// any more. Nothing of the run is deleted, and it can still be retried. Returns when that is durable.
    ///
    /// # Errors
    /// [`Error::NotDead`] when the run didn't fail; when there is no such run, or the store fails.
    pub async fn discard(&self, run: &RunId, by: &str, why: &str) -> Result<(), Error> {
        let row = run_row(self.store(), run)?;
        if self.store().dead_run(run)?.is_none() {
            return Err(Error::NotDead { run: run.clone(), status: row.status.word().to_owned() });
        }
        let discard = Discard { at: self.hands().world.now(), by: by.to_owned(), why: why.to_owned() };
        let (store, run) = (self.store().clone(), run.clone());
        let noted = self.hands().compute_any(move || store.discard(&run, &discard)).await;
        Ok(noted.unwrap_or(Err(StoreError::Closed))?)
    }

    /// Takes back what [`Motet::discard`] noted: the run is a dead letter again, unless another one continues it.
    ///
    /// # Errors
    /// When there is no such run, or the store fails.
    pub async fn undo_discard(&self, run: &RunId) -> Result<(), Error> {
        run_row(self.store(), run)?;
        let (store, run) = (self.store().clone(), run.clone());
        let noted = self.hands().compute_any(move || store.undo_discard(&run)).await;
        Ok(noted.unwrap_or(Err(StoreError::Closed))?)
    }
}
