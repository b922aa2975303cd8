//! Latches: whoever starts a run or resumes one latches what must not be started or resumed twice.
//! Others who want the same wait; all else goes on beside it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use motet_engine::RunId;
use motet_pipeline::Digest;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

/// What is latched. Who latches both begins with the likeness.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Subject {
    /// All runs that are alike.
    Like(Likeness),
    /// A run by its name, whether it is there yet or not.
    Run(RunId),
    /// That runs begin: shared by all that do, alone by whoever deletes what one that begins may need.
    Starts,
}

/// What runs have in common of which one is found instead of another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Likeness {
    /// The version of their pipeline, whatever contracts and rules their plans were made with.
    pub(super) version: Digest,
    /// The digest of their inputs.
    pub(super) inputs: Digest,
}

/// All latches that are held or waited for.
#[derive(Clone, Debug, Default)]
pub(super) struct Latches(Arc<Mutex<HashMap<Subject, Arc<RwLock<()>>>>>);

/// A latch, held until it is dropped.
#[derive(Debug)]
pub(crate) struct Latch {
    latches: Latches,
    subject: Subject,
    /// Nothing only while the latch is dropped.
    lock: Option<Arc<RwLock<()>>>,
    guard: Guard,
}

#[derive(Debug)]
#[expect(dead_code, reason = "a guard is only held")]
enum Guard {
    /// Not yet.
    Waiting,
    /// By all who don't look for what is there, but must be seen by who does.
    Shared(OwnedRwLockReadGuard<()>),
    Sole(OwnedRwLockWriteGuard<()>),
}

impl Latches {
    /// Waits until nobody else has latched `subject`.
    pub(super) async fn sole(&self, subject: Subject) -> Latch {
        let (mut latch, lock) = self.wait_for(subject);
        latch.guard = Guard::Sole(lock.write_owned().await);
        latch
    }

    /// Waits until nobody has latched `subject` alone.
    pub(super) async fn shared(&self, subject: Subject) -> Latch {
        let (mut latch, lock) = self.wait_for(subject);
        latch.guard = Guard::Shared(lock.read_owned().await);
        latch
    }

    /// A latch that waits; dropped while it does, it leaves nothing behind.
    fn wait_for(&self, subject: Subject) -> (Latch, Arc<RwLock<()>>) {
        let lock = self.table(|table| table.entry(subject.clone()).or_default().clone());
        let latch = Latch { latches: self.clone(), subject, lock: Some(lock.clone()), guard: Guard::Waiting };
        (latch, lock)
    }

    fn table<T>(&self, change: impl FnOnce(&mut HashMap<Subject, Arc<RwLock<()>>>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Latch {
    fn drop(&mut self) {
        self.guard = Guard::Waiting;
        let lock = self.lock.take();
        self.latches.table(|table| {
            drop(lock);
            // Clones are made and dropped under the table's lock alone, but for those that wait, whose own
            // latches come here after them.
            if table.get(&self.subject).is_some_and(|lock| Arc::strong_count(lock) == 1) {
                table.remove(&self.subject);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn run(name: &str) -> Subject {
        Subject::Run(RunId::new(name))
    }

    #[tokio::test]
    async fn a_latch_waits_for_the_same_one_alone_and_leaves_nothing_behind() {
        let latches = Latches::default();
        let first = latches.sole(run("a")).await;
        let other = latches.sole(run("b")).now_or_never().expect("another subject is free");
        let mut second = Box::pin(latches.sole(run("a")));
        assert!((&mut second).now_or_never().is_none());
        let mut third = Box::pin(latches.shared(run("a")));
        assert!((&mut third).now_or_never().is_none());
        drop((first, second)); // the second stops to wait
        let third = third.now_or_never().expect("nobody latches it alone");
        let fourth = latches.shared(run("a")).now_or_never().expect("it is shared");
        assert!(latches.sole(run("a")).now_or_never().is_none());
        drop((third, fourth, other));
        assert_eq!(latches.table(|table| table.len()), 0);
    }
}
