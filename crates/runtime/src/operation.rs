//! Operations: how the work of an attempt is done on this machine.

mod local;
mod media;
pub(crate) mod scratch;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use motet_engine::Failure;
use motet_pipeline::contract::Catalogue;
use motet_pipeline::{Class, Contract, Value};
use motet_store::Store;

pub(crate) use scratch::Scratch;

use crate::tools::Tools;
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
    pub(crate) operations: Operations,
}

/// Operations by name.
pub(crate) type Operations = BTreeMap<String, Arc<dyn Operation>>;

/// The operations that come with Motet, with their contracts. Those of the engine have no hands.
pub(crate) fn all() -> (Vec<Contract>, Operations) {
    let media = motet_media::contracts();
    let local = motet_providers::local::contracts();
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
    /// Does `work` beside the tasks and gives its result.
    pub(crate) async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (result, computed) = tokio::sync::oneshot::channel();
        self.world
            .compute(Box::new(move || {
                // Whoever asked may have been dropped meanwhile.
                let _ = result.send(work());
            }))
            .await;
        computed.await.unwrap_or_else(|_| Err(Failure::new(Class::Invalid, "the work panicked")))
    }
}

/// A failure of the store while an attempt was at work.
pub(crate) fn store_failure(error: motet_store::StoreError) -> Failure {
    match error {
        motet_store::StoreError::Full { .. } => disk_full(),
        error => Failure::new(Class::Unavailable, error.to_string()),
    }
}

/// There is no room for what an attempt makes. That is no answer to the attempt: the driver stops,
/// and the attempt is made again once there is room.
pub(crate) fn disk_full() -> Failure {
    let failure = Failure::new(Class::Unavailable, "the disk is full; free some space and resume");
    Failure { provider_code: Some(DISK_FULL.into()), ..failure }
}

/// Whether a failure is that of [`disk_full`].
pub(crate) fn is_disk_full(failure: &Failure) -> bool {
    failure.provider_code.as_deref() == Some(DISK_FULL)
}

const DISK_FULL: &str = "motet:disk_full";
