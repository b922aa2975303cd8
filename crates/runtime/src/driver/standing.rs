//! How the driver and its runs stand, for those outside of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use motet_engine::RunId;
use motet_store::StoreError;
use tokio_util::sync::CancellationToken;

use super::guard::Panic;
use crate::Error;
use crate::lock::{Door, Lock};

/// Shared by the driver and those who ask it for something.
pub(crate) struct Standing {
    /// Held as long as this process drives the store; the driver releases it last.
    lock: Mutex<Option<Lock>>,
    /// The runs that are driven no more because the engine panicked, and what it said.
    quarantined: Mutex<BTreeMap<RunId, Panic>>,
    /// What the driver itself said when it panicked.
    fallen: OnceLock<Panic>,
    /// Why the store keeps nothing more.
    broken: OnceLock<Arc<StoreError>>,
    /// Cancelled when it doesn't.
    failed: CancellationToken,
}

impl Standing {
    /// Of a driver that holds `lock`, if its store has one.
    pub(crate) fn new(lock: Option<Lock>) -> Standing {
        Standing {
            lock: Mutex::new(lock),
            quarantined: Mutex::default(),
            fallen: OnceLock::new(),
            broken: OnceLock::new(),
            failed: CancellationToken::new(),
        }
    }

    /// Whether this process holds the store's lock.
    pub(crate) fn is_owner(&self) -> bool {
        self.lock().is_some()
    }

    /// Tells other processes how to reach this one.
    pub(crate) fn announce(&self, door: &Door) -> Result<(), Error> {
        self.lock().as_mut().map_or(Ok(()), |lock| lock.announce(door))
    }

    /// Releases the store in good order.
    pub(super) fn release(&self) {
        self.lock().take().into_iter().for_each(Lock::release);
    }

    /// Notes that the driver itself panicked.
    pub(super) fn fall(&self, panic: Panic) {
        // What it said first is what it fell by.
        let _ = self.fallen.set(panic);
    }

    /// Notes that the store keeps nothing more.
    pub(super) fn fail(&self, error: Arc<StoreError>) {
        // What was noticed first is why.
        let _ = self.broken.set(error);
        self.failed.cancel();
    }

    /// Whether the store keeps nothing more.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.is_cancelled()
    }

    /// Completes when the store keeps nothing more.
    pub(crate) async fn is_failed(&self) {
        self.failed.cancelled().await;
    }

    /// Why nothing is driven any more.
    pub(crate) fn why_nothing_is_driven(&self) -> Error {
        match (self.fallen.get(), self.broken.get()) {
            (Some(panic), _) => Error::DriverPanicked { panic: panic.to_string() },
            (None, Some(error)) => Error::Store((**error).clone()),
            (None, None) => Error::Left,
        }
    }

    /// Notes that `run` is driven no more.
    pub(crate) fn quarantine(&self, run: &RunId, panic: Panic) {
        self.quarantine_list().insert(run.clone(), panic);
    }

    /// The runs that are driven no more, and why.
    pub(crate) fn quarantined(&self) -> BTreeMap<RunId, String> {
        self.quarantine_list().iter().map(|(run, panic)| (run.clone(), panic.to_string())).collect()
    }

    /// Refuses what this process can't do for `run` any more.
    ///
    /// # Errors
    /// [`Error::DriverPanicked`] and [`Error::Quarantined`].
    pub(crate) fn judge(&self, run: &RunId) -> Result<(), Error> {
        if let Some(panic) = self.fallen.get() {
            return Err(Error::DriverPanicked { panic: panic.to_string() });
        }
        match self.quarantine_list().get(run) {
            Some(panic) => Err(Error::Quarantined { run: run.clone(), panic: panic.to_string() }),
            None => Ok(()),
        }
    }

    /// Why nobody drives `run` any more.
    pub(crate) fn why_undriven(&self, run: &RunId) -> Error {
        self.judge(run).err().unwrap_or_else(|| Error::Interrupted(run.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Lock>> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn quarantine_list(&self) -> MutexGuard<'_, BTreeMap<RunId, Panic>> {
        self.quarantined.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
