//! Operations: how the work of an attempt is done on this machine.

mod local;
mod media;
pub(crate) mod scratch;
mod stored;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use futures_util::future::BoxFuture;
use motet_engine::{Found, Intent, JobNews, RunId};
use motet_pipeline::contract::{Catalogue, Work as WorkKind};
use motet_pipeline::{Class, Contract, Cost, Failure, Outcome, Plan, Timestamp, Value};
use motet_store::{Store, StoreError, World};

pub(crate) use scratch::Scratch;

use crate::driver::guarded;
use crate::models::{Models, Offers};
use crate::settings::{Budgets, MoneySettings, Stores};
use crate::tools::Tools;
use crate::warning::{OnWarning, Warning};
use crate::work::Work;
use crate::world::SharedWorld;
use crate::{Error, Pipeline};

/// Does the work of one operation, on this machine.
///
/// It must end soon after [`Work::stop`] is cancelled; what it leaves then is dropped.
pub trait Operation: Send + Sync + 'static {
    /// Does the work of one attempt. What it gives is a map of outputs.
    ///
    /// # Errors
    /// A [`Failure`], whose class decides what follows, or that the store can't keep what was made.
    fn perform(&self, work: Work) -> BoxFuture<'static, Result<Outcome, WorkError>>;
}

/// Makes the calls of an operation that is done elsewhere and may cost: one whose contract has a
/// [`motet_pipeline::contract::Call`].
///
/// Each attempt is submitted once. Its progress is recorded before anything else is done for it, so after a
/// crash a job is polled again and never submitted again. All of it must end soon after [`Work::stop`] is
/// cancelled, but for [`RemoteOperation::submit`], which has the time until its reply is there.
pub trait RemoteOperation: Send + Sync + 'static {
    /// The pool in which the next call is made, beside the one that the step names: that of a credential. It must answer at
    /// once: all runs wait for it.
    fn place(&self, _now: Timestamp) -> Option<Arc<str>> {
        None
    }

    /// Makes out what the request of an attempt will be made with, before the attempt is recorded. Nothing that may
    /// cost leaves here; what is asked of the provider before (an upload) may be asked twice. What takes time belongs to
    /// [`Preparation::Later`]: all runs wait until this has answered.
    fn prepare(&self, _work: Work) -> Preparation {
        Preparation::Now(Ok(None))
    }

    /// Sends the request, once.
    ///
    /// # Errors
    /// A [`Failure`]. Its class is `unknown` if it is unknown whether the request arrived.
    fn submit(&self, work: Work) -> BoxFuture<'static, Result<Submitted, WorkError>>;

    /// Asks the provider whether it took the request of an attempt.
    ///
    /// # Errors
    /// A [`Failure`] if the provider took it and it failed. That the provider can't be asked is
    /// [`Found::Unclear`].
    fn reconcile(&self, work: Work) -> BoxFuture<'static, Result<Found, WorkError>>;

    /// Asks for the job until there is news.
    ///
    /// # Errors
    /// A [`Failure`] if the job failed. That the provider can't be reached for a while is none.
    fn poll(&self, work: Work, job: String) -> BoxFuture<'static, Result<JobNews, WorkError>>;

    /// Fetches the result of a job that is done; nothing if the provider has deleted it.
    ///
    /// # Errors
    /// A [`Failure`] if it can't be had or can't be used.
    fn fetch(&self, work: Work, job: String) -> BoxFuture<'static, Result<Option<Outcome>, WorkError>>;

    /// Cancels the job at the provider. Gives its result if it was done already, else nothing.
    ///
    /// # Errors
    /// A [`Failure`] if the job failed before; of class `unknown` if it may continue and be billed.
    fn cancel(&self, work: Work, job: String) -> BoxFuture<'static, Result<Option<Outcome>, WorkError>>;
}

/// What a request will be made with, now or once it is known.
pub enum Preparation {
    /// It is known; or why no request can be made.
    Now(Prepared),
    /// It is known later.
    Later(BoxFuture<'static, Prepared>),
}

/// What a request will be made with, or why none can be made.
pub type Prepared = Result<Option<Arc<Intent>>, Failure>;

/// What the reply to a request is.
#[derive(Clone, Debug, PartialEq)]
pub enum Submitted {
    /// The provider's name for the job.
    Job(String),
    /// The result.
    Done(Outcome),
}

/// Why nothing came of an attempt.
#[derive(Clone, Debug)]
pub enum WorkError {
    /// The attempt failed.
    Failed {
        /// Why.
        failure: Box<Failure>,
        /// What it cost nevertheless.
        cost: Cost,
    },
    /// The store can't keep what was made. That is no answer to the attempt: all work stops, and the attempt is
    /// made again once the store is well.
    StoreFailed(StoreError),
}

impl From<Failure> for WorkError {
    fn from(failure: Failure) -> WorkError {
        WorkError::Failed { failure: Box::new(failure), cost: Cost::NONE }
    }
}

impl From<StoreError> for WorkError {
    fn from(error: StoreError) -> WorkError {
        match error {
            StoreError::NoArtifact { .. } => Failure::new(Class::Unavailable, error.to_string()).into(),
            error => WorkError::StoreFailed(error),
        }
    }
}

/// Who does an operation.
#[derive(Clone)]
pub(crate) enum Performer {
    /// This machine.
    Here(Arc<dyn Operation>),
    /// Somebody else, for money.
    Remote(Arc<dyn RemoteOperation>),
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
    /// How models are called.
    pub(crate) models: Arc<Models>,
    /// What is set about money.
    pub(crate) money: MoneySettings,
    /// What may be spent in a day.
    pub(crate) budgets: Budgets,
    /// The folders of `store/*`, by name.
    pub(crate) stores: Stores,
    /// Whether calls are made in earnest.
    pub(crate) reality: World,
    /// Whether exchanges are written down, or answered from that: then the same run makes the same requests.
    pub(crate) is_taped: bool,
    /// Whether the store is taken for this user's own, whoever made it.
    pub(crate) adopts: bool,
}

/// Operations by name.
pub(crate) type Operations = BTreeMap<String, Performer>;

/// The operations of this machine that come with Motet. Those of the engine have no hands.
pub(crate) fn of_this_machine() -> Operations {
    static MADE: LazyLock<Operations> = LazyLock::new(|| {
        let named = |contract: Contract, performer: &Performer| (contract.operation, performer.clone());
        let media = Performer::Here(Arc::new(media::Media));
        let local = Performer::Here(Arc::new(local::Local));
        let stored = Performer::Here(Arc::new(stored::Stored));
        let media = motet_media::contracts().into_iter().map(|contract| named(contract, &media));
        let local = motet_local::contracts().into_iter().map(|contract| named(contract, &local));
        let stored = store_contracts().into_iter().map(|contract| named(contract, &stored));
        media.chain(local).chain(stored).collect()
    });
    MADE.clone()
}

/// The contracts of `store/*`. Pipelines may use them where the settings name a store.
pub fn store_contracts() -> Vec<Contract> {
    stored::contracts([])
}

/// Makes the stores known to a check: folders of the settings.
pub(crate) fn teach_stores<'n>(catalogue: &mut Catalogue, stores: impl IntoIterator<Item = &'n String>) {
    let mut stores = stores.into_iter().peekable();
    if stores.peek().is_some() {
        stored::contracts(stores).into_iter().for_each(|contract| catalogue.add(contract));
    }
}

/// A catalogue of the operations that come with Motet, and of the models of `offers` in the place of those that do.
pub(crate) fn taught(offers: &Offers) -> Catalogue {
    let mut catalogue = catalogue();
    offers.teach(&mut catalogue);
    catalogue
}

/// The contracts of all operations that come with Motet. They are made once.
pub fn catalogue() -> Catalogue {
    static MADE: LazyLock<Catalogue> = LazyLock::new(|| {
        let contracts = motet_media::contracts().into_iter().chain(motet_local::contracts());
        let mut catalogue = Catalogue::new(contracts.chain(motet_pipeline::builtin::contracts()));
        Offers::default().teach(&mut catalogue);
        catalogue
            .advise("store/", "name a folder in motet.toml first: `[stores.films]` with `path = \"films\"`");
        catalogue
    });
    MADE.clone()
}

impl Hands {
    /// Refuses a pipeline that somebody else may have put into the store, unless that is taken for this user's own.
    ///
    /// # Errors
    /// [`Error::NotAdopted`].
    pub(crate) fn judge_maker(&self, pipeline: &Pipeline) -> Result<(), Error> {
        match pipeline.operation_of_others().filter(|_| !self.adopts) {
            Some(operation) => Err(Error::NotAdopted { operation }),
            None => Ok(()),
        }
    }

    /// What does the work that `contract`, with which a run was started, promises; or why nothing here does.
    pub(crate) fn performer_of(&self, contract: &Contract) -> Result<Performer, String> {
        let name = &contract.operation;
        let Some(performer) = self.operations.get(name) else {
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
            None => Ok(performer.clone()),
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
    pub(crate) async fn compute<T: Send + 'static, E: From<Failure> + Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let failed = |words: String| E::from(Failure::new(Class::Invalid, words));
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

/// There is no room for what an attempt makes.
pub(crate) fn disk_full(store: &Store) -> WorkError {
    WorkError::StoreFailed(StoreError::Full { file: store.folder().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Motet;

    #[tokio::test]
    async fn work_that_panics_beside_the_tasks_says_so() {
        let motet = Motet::builder().open().await.unwrap();
        let failure = motet.hands().compute::<(), Failure>(|| panic!("no such pixel")).await.unwrap_err();
        assert_eq!(
            (failure.class, failure.message.as_str()),
            (Class::Invalid, "the work panicked: no such pixel")
        );
    }
}
