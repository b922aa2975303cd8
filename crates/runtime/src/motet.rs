//! The library's door: open a store, load pipelines, start and follow runs.

mod handle;
mod setup;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use motet_engine::{Event, Input, Run, RunId, RunStarted};
use motet_pipeline::bundle::Bundle;
use motet_pipeline::contract::{Catalogue, Misfit};
use motet_pipeline::value::Map;
use motet_pipeline::{Digest, Span, Timestamp, Value};
use motet_store::{FoundRun, RunRow, Store, StoreError};
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

pub use handle::{Events, RunEnd, RunHandle};
pub use setup::Builder;

use crate::Error;
use crate::driver::Message;
use crate::follow::Happening;
use crate::import::judge_kept;
use crate::lock::{Door, Lock, Note};
use crate::operation::{self, Hands};
use crate::pipeline::Pipeline;
use crate::tools::Tools;
use crate::world::live::LiveWorld;

/// A store with the process that drives its runs. Cheap to clone.
///
/// It drives them as long as a clone or a [`RunHandle`] is there. With the last of these all work stops
/// as by [`Motet::close`], which can be waited for; the runs go on when the store is opened again
/// ([`Motet::resume`]).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), motet::Error> {
/// let motet = motet::Motet::builder().open().await?;      // in memory, nothing stays behind
/// let pipeline = motet.load_text(r#"
/// motet: 1
/// name: greeting
/// inputs: { who: string }
/// steps:
///   greet: { uses: data/transform, with: { value: "Hello, {{ inputs.who }}" } }
/// outputs: { text: "{{ steps.greet.value }}" }
/// "#)?;
/// let run = motet.start(&pipeline, [("who", "world")]).await?;
/// let outputs = run.outputs().await?;
/// assert_eq!(outputs.get("text").and_then(|text| text.as_str()), Some("Hello, world"));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Motet {
    inner: Arc<Inner>,
}

struct Inner {
    hands: Arc<Hands>,
    catalogue: Catalogue,
    mail: mpsc::UnboundedSender<Message>,
    /// Taking runs up, and starting those that may be found instead, one after the other.
    order: tokio::sync::Mutex<()>,
    /// Held as long as this process drives the store; the driver lets go of it when it has left.
    lock: Mutex<Option<Lock>>,
    /// Who drove the store before, and when it last gave a sign of life.
    before: Before,
}

/// What the store and its lock told when they were opened.
#[derive(Default)]
struct Before {
    owner: Option<Note>,
    seen_at: Option<Timestamp>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Inner {
    /// Has the driver stop all work, then let go of the store. Does nothing the second time.
    fn leave(&self) -> oneshot::Receiver<()> {
        let lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (left, answer) = oneshot::channel();
        // A driver that is gone already has nothing to stop.
        let _ = self.mail.send(Message::Leave { lock, left });
        answer
    }
}

/// What a run is started with, besides its inputs.
#[derive(Clone, Debug, Default)]
pub struct StartOptions {
    /// Its name; made by the machine if not given.
    pub id: Option<RunId>,
    /// On whose behalf.
    pub user: Option<String>,
    /// Labels, added to those of the pipeline.
    pub labels: BTreeMap<String, String>,
    /// Another run even if an unfinished one has the same plan and inputs.
    pub new: bool,
}

/// The longest name of a run, in bytes.
const NAME_BYTES_MAX: usize = 100;

impl StartOptions {
    /// Judges the run's name, if one is given.
    pub(crate) fn judge(&self) -> Result<(), Error> {
        let Some(id) = &self.id else { return Ok(()) };
        let name = id.as_str();
        let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        let is_short = (1..=NAME_BYTES_MAX).contains(&name.len());
        let is_good = is_short && !name.starts_with('.') && name.chars().all(is_plain);
        is_good.then_some(()).ok_or_else(|| Error::RunName(id.clone()))
    }
}

/// A run that was asked for: started, or found.
pub struct Started {
    /// The run.
    pub run: RunHandle,
    /// Whether an unfinished or named run was found and is gone on with, instead of a new one.
    pub found: bool,
}

impl Motet {
    /// Begins to set up a store and its driver.
    pub fn builder() -> Builder {
        let (contracts, operations) = operation::all();
        Builder {
            folder: None,
            shared: None,
            tools: Tools::default(),
            world: Arc::new(LiveWorld),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            catalogue: Catalogue::new(contracts),
            operations,
        }
    }

    /// Opens the store in `folder` (made if needed) and drives it.
    ///
    /// # Errors
    /// When the store can't be used, or another process drives it.
    pub async fn open(folder: impl Into<PathBuf>) -> Result<Motet, Error> {
        Motet::builder().store(folder).open().await
    }

    /// The operations that pipelines may use here.
    pub fn catalogue(&self) -> &Catalogue {
        &self.inner.catalogue
    }

    pub(crate) fn hands(&self) -> &Arc<Hands> {
        &self.inner.hands
    }

    /// What happened so far, for reading.
    pub fn store(&self) -> &Store {
        &self.inner.hands.store
    }

    /// Reads and checks the pipeline file at `path` and all files that it uses.
    ///
    /// # Errors
    /// [`Error::Check`] with all that is wrong.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Pipeline, Error> {
        Pipeline::load(path.as_ref(), &self.inner.catalogue)
    }

    /// Checks the text of a pipeline (YAML or JSON).
    ///
    /// # Errors
    /// [`Error::Check`] with all that is wrong.
    pub fn load_text(&self, text: &str) -> Result<Pipeline, Error> {
        Pipeline::from_bundle(Bundle::of_text("pipeline.yaml", text), &self.inner.catalogue)
    }

    /// Starts a run of `pipeline`; returns once it is durable that it was asked for.
    ///
    /// Inputs are whatever serde writes as an object: a struct, a map, `json!({…})`. Pairs of name and
    /// value will do as well, and `()` where there is nothing to give.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), motet::Error> {
    /// # let motet = motet::Motet::builder().open().await?;
    /// # let text = r#"{"motet": 1, "name": "t", "inputs": {"lines": {"type": "array"}, "loud": {"type": "boolean", "default": true}},
    /// #   "steps": {"count": {"uses": "data/transform", "with": {"value": "{{ inputs.lines | length }}"}}},
    /// #   "outputs": {"count": "{{ steps.count.value }}"}}"#;
    /// # let pipeline = motet.load_text(text)?;
    /// #[derive(serde::Serialize)]
    /// struct Poem { lines: Vec<String>, loud: bool }
    /// #[derive(serde::Deserialize)]
    /// struct Measured { count: usize }
    ///
    /// let poem = Poem { lines: vec!["O Rose".into(), "thou art sick".into()], loud: false };
    /// let run = motet.start(&pipeline, &poem).await?;
    /// assert_eq!(run.typed_outputs::<Measured>().await?.count, 2);
    ///
    /// motet.start(&pipeline, serde_json::json!({ "lines": ["one"], "loud": true })).await?;
    /// motet.start(&pipeline, [("lines", ["one", "two"])]).await?;
    ///
    /// let refused = motet.start(&pipeline, ()).await.err().expect("an input is missing");
    /// assert_eq!(refused.to_string(), "the input `lines` is missing (list of anything)");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Inputs`] when the inputs don't fit, [`Error::Tools`] when tools are missing,
    /// [`Error::Store`] when the store fails.
    pub async fn start(&self, pipeline: &Pipeline, inputs: impl Serialize) -> Result<RunHandle, Error> {
        let options = StartOptions { new: true, ..StartOptions::default() };
        Ok(self.start_with(pipeline, inputs, options).await?.run)
    }

    /// Starts a run, or goes on with an unfinished one of the same plan and inputs.
    ///
    /// A run that `options.id` names is gone on with, or told again if it has ended.
    ///
    /// # Errors
    /// As [`Motet::start`]; [`Error::RunDiffers`] when the name belongs to another run, and
    /// [`Error::RunName`] when it is none.
    pub async fn start_with(
        &self,
        pipeline: &Pipeline,
        inputs: impl Serialize,
        options: StartOptions,
    ) -> Result<Started, Error> {
        self.start_as(pipeline, read_inputs(inputs)?, options, None).await
    }

    /// The same; a new run gets the name `fresh` if none is asked for. If a run has it already, this
    /// was asked before, by somebody who didn't hear the answer.
    pub(crate) async fn start_as(
        &self,
        pipeline: &Pipeline,
        inputs: Map,
        options: StartOptions,
        fresh: Option<RunId>,
    ) -> Result<Started, Error> {
        options.judge()?;
        let plan = pipeline.plan();
        let Hands { store, tools, .. } = &*self.inner.hands;
        let inputs = motet_pipeline::inputs::accept(&plan.inputs, inputs).map_err(Error::Inputs)?;
        judge_kept(store, &inputs).map_err(Error::Inputs)?;
        let missing = tools.missing(pipeline.tools());
        if !missing.is_empty() {
            return Err(Error::Tools(missing));
        }
        let inputs = Value::Map(inputs.into());
        let _turn = match options.new && options.id.is_none() {
            true => None,
            false => Some(self.inner.order.lock().await),
        };
        if let Some(row) = fresh.as_ref().map_or(Ok(None), |fresh| store.run(fresh))? {
            let run = self.take_up_in_turn(&row.id).await?;
            return Ok(Started { run, found: false });
        }
        match self.find_started(plan.digest, &inputs, &options)? {
            Some(row) => Ok(Started { run: self.take_up_in_turn(&row.id).await?, found: true }),
            None => Ok(Started { run: self.begin(pipeline, inputs, options, fresh).await?, found: false }),
        }
    }

    /// The run that is gone on with instead of a new one.
    fn find_started(
        &self,
        plan: Digest,
        inputs: &Value,
        options: &StartOptions,
    ) -> Result<Option<RunRow>, Error> {
        let inputs = motet_store::inputs_digest(inputs);
        match &options.id {
            Some(id) => match self.store().run(id)? {
                Some(row) if row.plan != plan || row.inputs_digest != inputs => {
                    Err(Error::RunDiffers(id.clone()))
                }
                row => Ok(row),
            },
            None if options.new => Ok(None),
            None => Ok(self.store().unfinished_like(&plan, &inputs)?),
        }
    }

    /// Begins a new run; returns once that is durable.
    async fn begin(
        &self,
        pipeline: &Pipeline,
        inputs: Value,
        options: StartOptions,
        fresh: Option<RunId>,
    ) -> Result<RunHandle, Error> {
        let Hands { store, world, .. } = &*self.inner.hands;
        let plan = pipeline.plan();
        store.put_plan(&plan.digest, &pipeline.stored_bundle())?;
        let id = options.id.or(fresh).unwrap_or_else(|| made_id(world.draw()));
        let mut labels = plan.labels.clone();
        labels.extend(options.labels);
        let started = RunStarted {
            schema: motet_engine::event::SCHEMA,
            run: id.clone(),
            pipeline: plan.name.clone(),
            plan: plan.digest,
            inputs,
            seed: world.draw() as u64,
            user: options.user,
            labels,
        };
        let (accepted, answer) = oneshot::channel();
        let graph = pipeline.graph().clone();
        self.post(Message::Start { graph, started: Box::new(started), accepted });
        answer.await.map_err(|_| Error::Interrupted(id.clone()))??;
        Ok(RunHandle { motet: self.clone(), id })
    }

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

    /// A handle of the run whose id ends with `ending`, as it is, driven or not.
    ///
    /// # Errors
    /// When no run, or more than one, has that ending.
    pub fn find(&self, ending: &str) -> Result<RunHandle, Error> {
        let row = find_run(&self.inner.hands.store, ending)?;
        Ok(RunHandle { motet: self.clone(), id: row.id })
    }

    /// A handle of a run by its whole id.
    pub(crate) fn find_by_id(&self, id: &RunId) -> Result<RunHandle, Error> {
        let row = self.store().run(id)?.ok_or_else(|| Error::NoRun(id.to_string()))?;
        Ok(RunHandle { motet: self.clone(), id: row.id })
    }

    /// Asks a run to end, drives it if nobody does, and returns when it is durable that it was asked.
    pub(crate) async fn cancel_durably(&self, id: &RunId, by: &str, reason: &str) -> Result<(), Error> {
        let run = self.find_by_id(id)?;
        {
            let _turn = self.inner.order.lock().await;
            if let Some(row) = self.undriven(&run).await? {
                self.replay(&row)?;
            }
        }
        let mut events = run.events().await?;
        let input = Input::Cancel { by: by.into(), reason: reason.into() };
        self.post(Message::Input { run: id.clone(), input });
        while let Some(happening) = events.next().await {
            match happening {
                Happening::Turn(turn) => {
                    let is_heard =
                        |event: &Event| matches!(event, Event::CancelRequested { .. }) || event.ends_run();
                    if turn.events.iter().any(is_heard) {
                        return Ok(());
                    }
                }
                Happening::StoreFailed(error) => return Err(Error::Store((*error).clone())),
                Happening::Interrupted | Happening::Lost(_) => break,
                Happening::Progress(_) => {}
            }
        }
        Err(Error::Interrupted(id.clone()))
    }

    /// Takes up a run, if it is unfinished and not driven already.
    pub(crate) async fn take_up(&self, id: &RunId) -> Result<RunHandle, Error> {
        let _turn = self.inner.order.lock().await;
        self.take_up_in_turn(id).await
    }

    /// Two at a time could replay the same journal, and the slower one would begin with a past that
    /// the other has left behind.
    async fn take_up_in_turn(&self, id: &RunId) -> Result<RunHandle, Error> {
        let run = self.find_by_id(id)?;
        if let Some(row) = self.undriven(&run).await? {
            judge_artifacts(self.store(), id)?;
            self.replay(&row)?;
        }
        Ok(run)
    }

    /// The run, if it is unfinished and nobody drives it.
    async fn undriven(&self, run: &RunHandle) -> Result<Option<RunRow>, Error> {
        if run.is_live().await {
            return Ok(None);
        }
        // Read after it was seen not to be live: what drove it until now is durable.
        Ok(self.store().run(&run.id)?.filter(|row| !row.status.is_final()))
    }

    /// Brings a run that nobody drives to where it was, and drives it from there.
    fn replay(&self, row: &RunRow) -> Result<(), Error> {
        let (store, id) = (self.store(), &row.id);
        let bundle = store.plan(&row.plan)?.ok_or_else(|| Error::NoRun(id.to_string()))?;
        let pipeline = Pipeline::from_stored(&bundle, &self.inner.catalogue)?;
        let turns = store.turns(id)?;
        let run = Run::replay(pipeline.graph().clone(), &turns)
            .map_err(|misuse| Error::Journal { run: id.clone(), misuse })?;
        if self.inner.mail.is_closed() {
            return Err(Error::Interrupted(id.clone()));
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

    /// Stops all work, keeps what came of it, and lets go of the store. Unfinished runs can be resumed.
    pub async fn close(self) {
        if self.is_owner() {
            let (store, now) = (self.store().clone(), self.inner.hands.world.now());
            // A store that keeps nothing more is let go of all the same.
            let beat = Box::new(move || drop(store.heartbeat(now)));
            self.inner.hands.world.compute(beat).await;
        }
        // A driver that is gone already has nothing to stop.
        let _ = self.inner.leave().await;
    }

    /// Whether this process holds the store's lock.
    pub fn is_owner(&self) -> bool {
        self.inner.lock.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Tells other processes how to reach this one.
    pub(crate) fn announce(&self, door: &Door) -> Result<(), Error> {
        let mut lock = self.inner.lock.lock().unwrap_or_else(PoisonError::into_inner);
        lock.as_mut().map_or(Ok(()), |lock| lock.announce(door))
    }

    fn post(&self, message: Message) {
        // Whoever waits for an answer learns from its absence that the driver has left.
        let _ = self.inner.mail.send(message);
    }
}

/// Refuses a run of which bytes are gone: it would fail for good, and they may be brought back.
fn judge_artifacts(store: &Store, run: &RunId) -> Result<(), StoreError> {
    for row in store.artifacts(run)? {
        let (digest, file) = (row.artifact.digest, store.path_of(&row.artifact.digest));
        match std::fs::metadata(&file) {
            Ok(found) if found.len() == row.artifact.bytes => {}
            Ok(found) => {
                let what = format!("it has {} bytes instead of {}", found.len(), row.artifact.bytes);
                return Err(StoreError::Corrupt { file, what });
            }
            Err(_) => return Err(StoreError::NoArtifact { digest, file }),
        }
    }
    Ok(())
}

/// Inputs by name, as serde writes them.
fn read_inputs(inputs: impl Serialize) -> Result<Map, Error> {
    let unfit = |message: String| Error::Inputs(vec![Misfit { parameter: String::new(), message }]);
    let written = serde_json::to_value(inputs)
        .map_err(|error| unfit(format!("the inputs can't be written as JSON: {error}")))?;
    let pairs = match Value::from(written) {
        Value::Null => return Ok(Map::new()),
        Value::Map(inputs) => return Ok(Arc::unwrap_or_clone(inputs)),
        Value::List(pairs) => pairs.iter().map(name_and_value).collect(),
        _ => None,
    };
    pairs.ok_or_else(|| unfit("the inputs must be an object, or pairs of name and value".into()))
}

fn name_and_value(pair: &Value) -> Option<(String, Value)> {
    match pair.as_list()? {
        [name, value] => Some((name.as_str()?.to_owned(), value.clone())),
        _ => None,
    }
}

/// The run whose id ends with `ending`.
pub(crate) fn find_run(store: &Store, ending: &str) -> Result<RunRow, Error> {
    match store.find_run(ending)? {
        FoundRun::One(row) => Ok(*row),
        FoundRun::None => Err(Error::NoRun(ending.into())),
        FoundRun::Several(runs) => Err(Error::AmbiguousRun { ending: ending.into(), runs }),
    }
}

/// An id from 128 bits: 26 characters that sort as the bits do, without those that look alike.
pub(crate) fn made_id(bits: u128) -> RunId {
    const CHARACTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let digit = |place: u32| CHARACTERS[((bits >> (5 * place)) & 31) as usize] as char;
    RunId::new((0..26).rev().map(digit).collect::<String>())
}
