//! Setting up: what a [`Motet`] is made of, and how its store is opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use motet_engine::Dispatcher;
use motet_engine::dispatcher::{Limits, PoolLimit};
use motet_pipeline::Timestamp;
use motet_pipeline::contract::Catalogue;
use motet_providers::Provider;
use motet_providers::catalogue::Entry;
use motet_providers::prices::PriceBook;
use motet_store::{Store, World, while_opening};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::graphs::Graphs;
use super::latches::Latches;
use super::{Before, Inner, Motet};
use crate::Error;
use crate::door::{Door as HttpDoor, Tape};
use crate::driver::{Driver, Standing};
use crate::heart::Heart;
use crate::lock::{Door, Lock};
use crate::models::{Models, Offers};
use crate::operation::{self, Hands, Operation, Operations, Performer};
use crate::process::children;
use crate::settings::{Settings, Stores};
use crate::task::{Task, TaskContext, TaskError};
use crate::tools::Tools;
use crate::warning::{OnWarning, Warning};
use crate::world::SharedWorld;

/// Where environment variables are looked up, if not in the process's own environment.
pub(super) type Environment = Option<Arc<dyn Fn(&str) -> Option<String> + Send + Sync>>;

/// What a [`Motet`] is made of.
pub struct Builder {
    pub(super) folder: Option<PathBuf>,
    /// Whether the store may be one that somebody else made.
    pub(super) adopts: bool,
    /// A store that is there already, for the test kit.
    pub(super) shared: Option<Store>,
    pub(super) tools: Tools,
    pub(super) world: SharedWorld,
    pub(super) limits: Limits,
    pub(super) catalogue: Catalogue,
    pub(super) operations: Operations,
    pub(super) offers: Offers,
    pub(super) settings: Option<Settings>,
    pub(super) stores: Stores,
    pub(super) tape: Tape,
    pub(super) environment: Environment,
    pub(super) on_warning: OnWarning,
}

impl Builder {
    /// Keeps everything in `folder`. Without this everything is kept in memory and lost at the end.
    pub fn store(mut self, folder: impl Into<PathBuf>) -> Builder {
        self.folder = Some(folder.into());
        self
    }

    /// Takes the store for this user's own, also if another user or another machine made it: its
    /// unfinished runs can then be resumed here. A store that says it is older than models and requests doesn't tell who
    /// made it; those of its runs that use such operations are resumed only with this.
    pub fn adopt(mut self) -> Builder {
        self.adopts = true;
        self
    }

    /// Keeps everything in a store that is open already, which nobody else drives: for tests, in which one process
    /// ends and the next continues.
    pub fn shared_store(mut self, store: Store) -> Builder {
        self.shared = Some(store);
        self
    }

    /// Where this machine's programs are.
    pub fn tools(mut self, tools: Tools) -> Builder {
        self.tools = tools;
        self
    }

    /// How much work that keeps a processor busy may run at once; the number of processors by
    /// default.
    pub fn processors(mut self, count: usize) -> Builder {
        self.limits.processors = count.max(1);
        self
    }

    /// Adds a pool, which steps name with `pool`: how many of their attempts may be at work at once, and how
    /// often one may begin, over all runs. A later one takes the place of an earlier one of the same name.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), motet::Error> {
    /// use motet::engine::dispatcher::PoolLimit;
    /// let gpu = PoolLimit { slots: Some(1), rate: Some("30/1m".parse().unwrap()) };
    /// let motet = motet::Motet::builder().pool("gpu", gpu).open().await?;
    /// assert!(motet.load_text("
    /// motet: 1
    /// steps: { title: { uses: local/scene, with: { prompt: a boat }, pool: gpu } }
    /// ").is_ok());
    /// # motet.close().await; Ok(()) }
    /// ```
    pub fn pool(mut self, name: &str, limit: PoolLimit) -> Builder {
        self.limits.pools.insert(name.into(), limit);
        self.catalogue.set_pools(self.limits.pools.keys().map(|name| name.to_string()));
        self
    }

    /// Where keys are and where requests to providers go, what models cost and what may be spent in a day, as a
    /// person has set it. Without this, keys are those of the environment that each provider's own SDK reads.
    pub fn settings(mut self, settings: &Settings) -> Builder {
        self.settings = Some(settings.clone());
        self.catalogue.set_secrets(settings.secrets.keys());
        self.stores.extend(settings.stores.clone());
        operation::teach_stores(&mut self.catalogue, self.stores.keys());
        if !settings.models.is_empty() {
            self.offers.add_models(settings.models.iter().map(|file| file.entry.clone()));
            self.offers.teach(&mut self.catalogue);
        }
        match &settings.prices {
            Some(prices) => self.prices(prices.book()),
            None => self,
        }
    }

    /// Adds a store of `store/put`, `store/get` and `store/delete`: a folder with files that other programs read.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), motet::Error> {
    /// # let folder = std::env::temp_dir().join(format!("motet-films-{}", std::process::id()));
    /// let motet = motet::Motet::builder().files("films", &folder).open().await?;
    /// let pipeline = motet.load_text("
    /// motet: 1
    /// steps: { put: { uses: store/put, with: { store: films, name: note.txt, text: a boat } } }
    /// ")?;
    /// motet.start(&pipeline, ()).await?.outputs().await?;
    /// assert_eq!(std::fs::read_to_string(folder.join("note.txt")).unwrap(), "a boat");
    /// # std::fs::remove_dir_all(&folder).unwrap();
    /// # motet.close().await; Ok(()) }
    /// ```
    pub fn files(mut self, name: &str, folder: impl Into<PathBuf>) -> Builder {
        self.stores.insert(name.to_owned(), folder.into());
        operation::teach_stores(&mut self.catalogue, self.stores.keys());
        self
    }

    /// Where keys of providers that are named by environment variables are looked up; the process's own by default.
    pub fn environment(
        mut self,
        look_up: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Builder {
        self.environment = Some(Arc::new(look_up));
        self
    }

    /// Writes down all exchanges with providers, without secrets, or answers from what was written down.
    pub fn tape(mut self, tape: Tape) -> Builder {
        self.tape = tape;
        self
    }

    /// Adds a provider, with its models: `NAME/MODEL` in pipelines.
    pub fn provider(mut self, provider: impl Provider, models: impl IntoIterator<Item = Entry>) -> Builder {
        self.offers.add(Arc::new(provider), models.into_iter().collect());
        self.offers.teach(&mut self.catalogue);
        self
    }

    /// Lays prices over those that come with Motet.
    pub fn prices(mut self, prices: PriceBook) -> Builder {
        self.offers.price(prices);
        self.offers.teach(&mut self.catalogue);
        self
    }

    /// The world to run in; the real one by default.
    pub fn world(mut self, world: SharedWorld) -> Builder {
        self.world = world;
        self.at_the_prices_of_the_day()
    }

    /// Takes the prices that hold today.
    pub(super) fn at_the_prices_of_the_day(mut self) -> Builder {
        self.offers.price_on(self.world.now());
        self.offers.teach(&mut self.catalogue);
        self
    }

    /// Calls `told` with each warning: what deserves attention though nothing failed. It is called from threads
    /// that have other work to do, so it must be quick.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), motet::Error> {
    /// let (tell, warnings) = std::sync::mpsc::channel();
    /// let builder = motet::Motet::builder().on_warning(move |warning| {
    ///     let _ = tell.send(warning.to_string());
    /// });
    /// let motet = builder.open().await?;
    /// assert!(warnings.try_recv().is_err(), "all is well");
    /// # motet.close().await; Ok(()) }
    /// ```
    pub fn on_warning(mut self, told: impl Fn(&Warning) + Send + Sync + 'static) -> Builder {
        self.on_warning = Arc::new(told);
        self
    }

    /// Adds an async closure as an operation of your own, such as `task/shout`; its contract comes
    /// from its types. See [`Task::new`].
    ///
    /// The closure shares its thread with other work: what takes long without waiting belongs into
    /// `tokio::task::spawn_blocking`. One that holds the thread for two seconds is reported as
    /// [`Warning::ThreadHeld`].
    pub fn task<Input, Output, Closure, Performing>(self, name: &str, closure: Closure) -> Builder
    where
        Input: DeserializeOwned + JsonSchema + Send + 'static,
        Output: Serialize + JsonSchema + Send + 'static,
        Closure: Fn(TaskContext, Input) -> Performing + Send + Sync + 'static,
        Performing: Future<Output = Result<Output, TaskError>> + Send + 'static,
    {
        self.add_task(Task::new(name, closure))
    }

    /// Who is told of warnings.
    pub(crate) fn warning_listener(&self) -> OnWarning {
        self.on_warning.clone()
    }

    /// Adds a task. A later one takes the place of an earlier one of the same name.
    pub fn add_task(mut self, task: Task) -> Builder {
        let (contract, performer) = task.into_parts();
        self.operations.insert(contract.operation.clone(), performer);
        self.catalogue.add(contract);
        self
    }

    /// Has `operation` done by `stand_in` instead; its contract stays, but for the programs that it
    /// needs. For tests there is more in [`crate::kit`].
    pub fn stand_in(mut self, operation: &str, stand_in: impl Operation) -> Builder {
        if let Some(contract) = self.catalogue.get(operation) {
            let contract = (**contract).clone();
            self.catalogue.add(motet_pipeline::Contract { tools: Vec::new(), ..contract });
        }
        self.operations.insert(operation.into(), Performer::Here(Arc::new(stand_in)));
        self
    }

    /// Opens the store and starts to drive it.
    ///
    /// # Errors
    /// When the store can't be used, or another process drives it.
    pub async fn open(self) -> Result<Motet, Error> {
        self.check_clock()?;
        match self.folder.clone() {
            None => {
                let store = self.shared.clone().map_or_else(Store::in_memory, Ok)?;
                self.drive(store, None, Before::default())
            }
            Some(folder) => {
                let lock = Lock::take(&folder, self.world.now())?;
                let motet = self.open_locked(&folder, lock)?;
                motet.announce(&Door::Closed)?;
                Ok(motet)
            }
        }
    }

    /// Refuses a clock that can't be right: names of runs count the time since 1970, and what is recorded
    /// stays.
    pub(crate) fn check_clock(&self) -> Result<(), Error> {
        let now = self.world.now();
        if now < Timestamp(0) { Err(Error::Clock(now)) } else { Ok(()) }
    }

    /// Opens the store in `folder`, whose lock is held.
    pub(crate) fn open_locked(self, folder: &Path, lock: Lock) -> Result<Motet, Error> {
        let store = self.open_store(folder)?;
        // Programs first: they would go on writing.
        children::end_left(&store.children());
        store.sweep_scratch();
        let before = Before { owner: lock.previous().cloned(), seen_at: store.last_heartbeat()? };
        self.drive(store, Some(lock), before)
    }

    /// Opens the store in `folder`, to write into it.
    pub(crate) fn open_store(&self, folder: &Path) -> Result<Store, Error> {
        if let Ok(Some(why)) = Store::doubt_of_mark(folder) {
            // Before it is opened, which writes the mark anew.
            let (store, why) = (folder.to_owned(), why.to_owned());
            (self.on_warning)(&Warning::MarkUnreadable { store, why });
        }
        let (store, warn) = (folder.to_owned(), self.on_warning.clone());
        let told = move |lock| warn(&Warning::of_lock(store.clone(), lock));
        let open = || if self.adopts { Store::adopt(folder) } else { Store::open(folder) };
        Ok(while_opening(told, open)?)
    }

    fn drive(self, store: Store, lock: Option<Lock>, before: Before) -> Result<Motet, Error> {
        let stream = store.gate()?;
        let (mut limits, now) = (self.limits.clone(), self.world.now());
        let heart = Heart::new(lock.is_some());
        let standing = Arc::new(Standing::new(lock));
        let hands = Arc::new(self.into_hands(store)?);
        hands.models.limit(&mut limits);
        let dispatcher = Dispatcher::replay(limits, &stream.entries, now);
        warn_of_locks(&hands);
        if stream.unread > 0 {
            let store = hands.store.folder().to_owned();
            hands.warn(&Warning::GateUnread { store, entries: stream.unread });
        }
        let mail = Driver::spawn(hands.clone(), dispatcher, heart, standing.clone());
        let (latches, graphs) = (Latches::default(), Graphs::default());
        Ok(Motet { inner: Arc::new(Inner { hands, mail, latches, graphs, standing, before }) })
    }

    /// All that operations work with, in `store`.
    ///
    /// # Errors
    /// When the settings can't be used, or the store belongs to another world.
    pub(crate) fn into_hands(self, store: Store) -> Result<Hands, Error> {
        let (reality, is_taped) = (self.reality(), !matches!(self.tape, Tape::Off));
        judge_world(&store, store.world()?.unwrap_or(reality), reality)?;
        let Builder { world, tools, catalogue, mut operations, .. } = self;
        let Builder { offers, settings, tape, environment, on_warning, stores, adopts, .. } = self;
        let profiles = offers.registry.iter().map(|provider| provider.profile());
        let mut door = HttpDoor::builder(world.clone(), store.clone()).providers(profiles).tape(tape);
        if let Some(settings) = &settings {
            door = door.settings(settings);
        }
        if let Some(look_up) = environment {
            door = door.environment(move |name| look_up(name));
        }
        let warn = on_warning.clone();
        let door = door.on_warning(move |warning| warn(warning)).build()?;
        let (money, budgets) =
            settings.map(|settings| (settings.money, settings.budgets)).unwrap_or_default();
        let models = Arc::new(Models::new(door, offers.registry.clone()));
        for (name, performer) in models.operations(&offers) {
            // Stand-ins of a test come first.
            operations.entry(name).or_insert(performer);
        }
        Ok(Hands {
            world,
            store,
            tools,
            catalogue,
            operations,
            on_warning,
            models,
            money,
            budgets,
            stores,
            reality,
            is_taped,
            adopts,
        })
    }

    /// Whether calls are made in earnest.
    pub(crate) fn reality(&self) -> World {
        match &self.tape {
            Tape::Replay(_) => World::Replay,
            _ if self.settings.as_ref().is_some_and(Settings::is_simulated) => World::Simulated,
            _ => World::Real,
        }
    }

    pub(crate) fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    pub(crate) fn shared_world(&self) -> &SharedWorld {
        &self.world
    }
}

/// Refuses calls in another world than the store's.
pub(super) fn judge_world(store: &Store, known: World, wanted: World) -> Result<(), Error> {
    let store = || store.folder().to_owned();
    if known == wanted { Ok(()) } else { Err(Error::OtherWorld { store: store(), known, wanted }) }
}

/// Has it told when another program holds a lock on the store.
fn warn_of_locks(hands: &Arc<Hands>) {
    // The store is one of the hands.
    let hands_of_store = Arc::downgrade(hands);
    hands.store.on_lock(move |lock| {
        let Some(hands) = hands_of_store.upgrade() else { return };
        let store = hands.store.folder().to_owned();
        hands.warn(&Warning::of_lock(store, lock));
    });
}
