//! Operations: how the work of an attempt is done on this machine.

mod local;
mod media;
pub(crate) mod scratch;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use motet_engine::RunId;
use motet_pipeline::contract::{Catalogue, Work as WorkKind};
use motet_pipeline::{Class, Contract, Failure, Plan, Value};
use motet_store::{Store, StoreError};

pub(crate) use scratch::Scratch;

use crate::driver::guarded;
use crate::tools::Tools;
use crate::warning::{OnWarning, Warning};
use crate::work::Work;
use crate::world::SharedWorld;

/// Does the work of one operation.
///
/// It must end soon after [`Work::stop`] is cancelled; what it leaves then is dropped.
pub trait Operation: Send + Sync + 'static {
    /// Does the work of one attempt and gives its outputs, a map.
    ///
    /// # Errors
    /// A [`Failure`], whose class decides what follows.
    fn perform(&self, work: Work) -> BoxFuture<'static, Result<Value, Failure>>;
}

/// All that operations work with.
pub(crate) struct Hands {
    pub(crate) world: SharedWorld,
    pub(crate) store: Store,
    pub(crate) tools: Tools,
    /// The contracts that new runs are started with.
    pub(crate) catalogue: Catalogue,
    pub(crate) operations: Operations,
    pub(crate) on_warning: OnWarning,
}

/// Operations by name.
pub(crate) type Operations = BTreeMap<String, Arc<dyn Operation>>;

/// The operations that come with Motet, with their contracts. Those of the engine have no hands.
pub(crate) fn all() -> (Vec<Contract>, Operations) {
    let media = motet_media::contracts();
    let local = motet_local::contracts();
    let mut operations = Operations::new();
    for contract in &media {
        operations.insert(contract.operation.clone(), Arc::new(media::Media));
    }
    for contract in &local {
        operations.insert(contract.operation.clone(), Arc::new(local::Local));
    }
    let engine = motet_pipeline::builtin::contracts();
    (media.into_iter().chain(local).chain(engine).collect(), operations)
}

/// The contracts of all operations that come with Motet.
pub fn catalogue() -> Catalogue {
    Catalogue::new(all().0)
}

impl Hands {
    /// What does the work that `contract`, with which a run was started, promises; or why nothing here does.
    pub(crate) fn operation_of(&self, contract: &Contract) -> Result<Arc<dyn Operation>, String> {
        let name = &contract.operation;
        let Some(operation) = self.operations.get(name) else {
            return Err(match contract.work {
                WorkKind::Task => {
                    format!("{name} is not known to this process: register it before the run is resumed")
                }
                _ => format!(
                    "{name} is not known to this version of Motet: resume the run with the version that started it"
                ),
            });
        };
        match self.catalogue.get(name).and_then(|present| contract.broken_by(present)) {
            None => Ok(operation.clone()),
            Some(broken) => Err(format!(
                "{name} has changed since the run was started (its version was {}): {broken}; register it as it \
                 was before the run is resumed",
                contract.version
            )),
        }
    }

    /// What an operation gave, without the outputs that came to its contract after a run was started by
    /// `contract`: its expressions must not see them.
    pub(crate) fn as_promised(&self, contract: &Contract, output: Value) -> Value {
        let Some(present) = self.catalogue.get(&contract.operation) else { return output };
        let came_later =
            |name: &str| present.outputs.contains_key(name) && !contract.outputs.contains_key(name);
        match output {
            Value::Map(entries) if !contract.open_outputs && entries.keys().any(|name| came_later(name)) => {
                let promised = entries.iter().filter(|(name, _)| !came_later(name));
                Value::map(promised.map(|(name, value)| (name.clone(), value.clone())))
            }
            output => output,
        }
    }

    /// The tasks of a plan that this process doesn't have.
    pub(crate) fn missing_tasks(&self, plan: &Plan) -> Vec<String> {
        let is_missing = |(name, contract): &(&str, &Contract)| {
            contract.work == WorkKind::Task && !self.operations.contains_key(*name)
        };
        plan.contracts().into_iter().filter(is_missing).map(|(name, _)| name.to_owned()).collect()
    }

    /// Does `work` beside the tasks and gives its result.
    pub(crate) async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let failed = |words: String| Failure::new(Class::Invalid, words);
        match self.compute_any(move || guarded(work)).await {
            Some(Ok(result)) => result,
            Some(Err(panic)) => Err(failed(format!("the work panicked: {panic}"))),
            None => Err(failed("the work was dropped".to_owned())),
        }
    }

    /// The same for any work; nothing comes of it if it panics.
    pub(crate) async fn compute_any<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (result, computed) = tokio::sync::oneshot::channel();
        self.world
            .compute(Box::new(move || {
                // Whoever asked may have been dropped meanwhile.
                let _ = result.send(work());
            }))
            .await;
        computed.await.ok()
    }

    /// Tells of a warning; a panic of whoever is told ends nothing else.
    pub(crate) fn warn(&self, warning: &Warning) {
        drop(guarded(|| (self.on_warning)(warning)));
    }

    /// Is called before the engine is told something about `run`: where a simulation may have it panic.
    pub(crate) fn before_engine(&self, run: &RunId) {
        #[cfg(feature = "simulation")]
        self.world.before_engine(run);
        #[cfg(not(feature = "simulation"))]
        let _ = run;
    }
}

/// A failure of the store while an attempt was at work. But for bytes that are missing, that is no
/// answer to the attempt: the driver stops, and the attempt is made again once the store is well.
pub(crate) fn store_failure(error: StoreError) -> Failure {
    match error {
        StoreError::Full { .. } => disk_full(),
        StoreError::NoArtifact { .. } => Failure::new(Class::Unavailable, error.to_string()),
        error => of_store(STORE_FAILED, error.to_string()),
    }
}

/// There is no room for what an attempt makes: as [`store_failure`].
pub(crate) fn disk_full() -> Failure {
    of_store(DISK_FULL, "the disk is full; free some space and resume".into())
}

fn of_store(code: &str, message: String) -> Failure {
    Failure { provider_code: Some(code.into()), ..Failure::new(Class::Unavailable, message) }
}

/// The failure of `store` that stops the driver, if `failure` is one.
pub(crate) fn store_error(failure: &Failure, store: &Store) -> Option<StoreError> {
    let file = store.folder().to_owned();
    match failure.provider_code.as_deref()? {
        DISK_FULL => Some(StoreError::Full { file }),
        STORE_FAILED => {
            let source = Arc::new(std::io::Error::other(failure.message.clone()));
            Some(StoreError::Io { doing: "keep a file in", file, source })
        }
        _ => None,
    }
}

const DISK_FULL: &str = "motet:disk_full";
const STORE_FAILED: &str = "motet:store_failed";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Motet;

    #[tokio::test]
    async fn work_that_panics_beside_the_tasks_says_so() {
        let motet = Motet::builder().open().await.unwrap();
        let failure = motet.hands().compute::<()>(|| panic!("no such pixel")).await.unwrap_err();
        assert_eq!(
            (failure.class, failure.message.as_str()),
            (Class::Invalid, "the work panicked: no such pixel")
        );
    }
}
