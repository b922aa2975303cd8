//! The library's door: open a store, load pipelines, start and follow runs.

mod collection;
mod dead;
mod forecast;
mod graphs;
mod handle;
mod hooks;
mod latches;
mod lineage;
mod recovery;
mod resumption;
mod setup;
mod start;
mod undo;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use motet_engine::dispatcher::Limits;
use motet_engine::{Allowance, Decision, Event, Input, RunEvent, RunId};
use motet_pipeline::bundle::Bundle;
use motet_pipeline::contract::Catalogue;
use motet_pipeline::{StepPath, Timestamp};
use motet_store::{FoundRun, RunRow, Store, StoreError};
use tokio::sync::{mpsc, oneshot};

pub use collection::Swept;
pub use forecast::{Forecast, StepForecast};
pub use handle::{RunEnd, RunHandle};
pub use lineage::{Continued, ForkOptions, RetryOptions};
pub use setup::Builder;
pub use start::{StartOptions, Started};
pub use undo::UndoOptions;

pub(crate) use latches::Latch;
pub(crate) use lineage::{forked, retried};
pub(crate) use recovery::{has_whole, link};
pub(crate) use start::{made_id, warn_of_difference};
pub(crate) use undo::{Undoing, undoing};

use graphs::Graphs;
use latches::Latches;
use recovery::Purpose;

use crate::Error;
use crate::door::Tape;
use crate::driver::{Accepted, Message, Standing};
use crate::follow::{Events, Happening};
use crate::lock::{Door, Note};
use crate::models::Offers;
use crate::operation::{self, Hands};
use crate::pipeline::Pipeline;
use crate::report::undecided_steps;
use crate::settings::{Pools, Stores};
use crate::tools::Tools;
use crate::world::live::LiveWorld;

/// A store with the process that drives its runs. Cheap to clone.
///
/// It drives them as long as a clone or a [`RunHandle`] is there. With the last of these all work stops
/// as by [`Motet::close`], which can be waited for; the runs continue when the store is opened again
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
    mail: mpsc::UnboundedSender<Message>,
    /// Who is about to start a run or to take one up.
    latches: Latches,
    /// The graphs that runs share.
    graphs: Graphs,
    /// How the driver and its runs stand; holds the store's lock.
    standing: Arc<Standing>,
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
    /// Has the driver stop all work, then release the store. Does nothing the second time.
    fn leave(&self) -> oneshot::Receiver<()> {
        let (left, answer) = oneshot::channel();
        // A driver that is gone already has nothing to stop.
        let _ = self.mail.send(Message::Leave { left });
        answer
    }
}

impl Motet {
    /// Begins to set up a store and its driver.
    pub fn builder() -> Builder {
        let (operations, offers) = (operation::of_this_machine(), Offers::default());
        let mut catalogue = operation::catalogue();
        catalogue.set_pools(Pools::new().into_keys());
        Builder {
            folder: None,
            adopts: false,
            shared: None,
            tools: Tools::default(),
            world: Arc::new(LiveWorld::default()),
            limits: Limits::processors(std::thread::available_parallelism().map_or(1, usize::from)),
            catalogue,
            operations,
            offers,
            settings: None,
            stores: Stores::new(),
            tape: Tape::Off,
            environment: None,
            on_warning: Arc::new(|_| {}),
        }
        .at_the_prices_of_the_day()
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
        &self.inner.hands.catalogue
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
        Pipeline::load(path.as_ref(), &self.inner.hands.catalogue)
    }

    /// Checks the text of a pipeline (YAML or JSON).
    ///
    /// # Errors
    /// [`Error::Check`] with all that is wrong.
    pub fn load_text(&self, text: &str) -> Result<Pipeline, Error> {
        Pipeline::from_bundle(Bundle::of_text("pipeline.yaml", text), &self.inner.hands.catalogue)
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
        Ok(RunHandle { motet: self.clone(), id: run_row(self.store(), id)?.id })
    }

    /// Cancels a run. A run that no process drives is driven to its end; returns when the request is durable.
    pub(crate) async fn cancel_durably(&self, id: &RunId, by: &str, reason: &str) -> Result<(), Error> {
        let run = self.find_by_id(id)?;
        {
            let _latch = self.latch(id).await;
            match self.take_up_latched(id, Purpose::CallOff).await {
                Err(error) if error.is_of_plan() => return self.call_off_unplanned(id, by, reason).await,
                taken => taken?,
            };
        }
        let Some(feed) = run.feed().await else {
            let is_over = self.store().run(id)?.is_some_and(|row| row.status.is_final());
            return is_over.then_some(()).ok_or_else(|| Error::Interrupted(id.clone()));
        };
        let (last, is_cancelling, is_closing) = feed.standing();
        // Asked for the second time, no turn would say so.
        if is_cancelling {
            return Ok(());
        }
        let mut events = Events::new(self.hands().clone(), id.clone(), Some(feed), last);
        let (by, reason) = (by.to_owned(), reason.to_owned());
        let input = match is_closing {
            false => Input::Cancel { by, reason },
            true => Input::CutShort { by, reason },
        };
        self.post(Message::Input { run: id.clone(), input });
        while let Some(happening) = events.next().await {
            match happening {
                Happening::Turn(turn) => {
                    let is_heard = |event: &Event| {
                        // What was to be cancelled may have come to its end just now.
                        let closes = |event: &RunEvent| {
                            matches!(event, RunEvent::CancelRequested { .. } | RunEvent::Closing { .. })
                        };
                        matches!(event, Event::Run(event) if closes(event)) || event.ends_run()
                    };
                    if turn.events.iter().any(is_heard) {
                        return Ok(());
                    }
                }
                Happening::StoreFailed(error) => return Err(Error::Store((*error).clone())),
                Happening::Interrupted | Happening::Lost(_) => break,
                Happening::Progress(_) => {}
            }
        }
        Err(self.inner.standing.why_undriven(id))
    }

    /// Cancels a step or item of a run. A run that no process drives is resumed; returns when the request is durable.
    pub(crate) async fn cancel_step_durably(
        &self,
        id: &RunId,
        step: StepPath,
        by: String,
        reason: String,
    ) -> Result<(), Error> {
        self.take_up(id).await?;
        let (answer, answered) = oneshot::channel();
        let accepted = Accepted { answer, latches: Vec::new() };
        self.post(Message::CancelStep { run: id.clone(), step: step.clone(), by, reason, accepted });
        let is_over = || Ok::<_, Error>(self.store().run(id)?.is_some_and(|row| row.status.is_final()));
        match answered.await {
            Ok(Err(Error::Undriven(_))) if is_over()? => {
                let status = self.store().step(id, &step)?.map_or("not there", |row| row.status.word());
                Err(Error::NotCancelled { run: id.clone(), step, status: status.to_owned() })
            }
            Ok(Err(Error::Undriven(_))) | Err(_) => Err(self.inner.standing.why_undriven(id)),
            Ok(outcome) => outcome,
        }
    }

    /// Decides about a parked step. A run that no process drives is resumed; returns when the decision is durable.
    pub(crate) async fn resolve_durably(
        &self,
        id: &RunId,
        step: StepPath,
        decision: Decision,
        by: String,
    ) -> Result<(), Error> {
        self.take_up(id).await?;
        let refusal = self.why_unresolved(id, &step, &decision)?;
        let (answer, answered) = oneshot::channel();
        let input = Input::Resolve { step, decision, by };
        let accepted = Accepted { answer, latches: Vec::new() };
        self.post(Message::Ask { run: id.clone(), input, accepted, refusal: Box::new(refusal) });
        answered.await.unwrap_or_else(|_| Err(self.inner.standing.why_undriven(id)))
    }

    /// Why a decision about a step is refused, if it is.
    fn why_unresolved(&self, id: &RunId, step: &StepPath, decision: &Decision) -> Result<Error, Error> {
        let (run, row) = (id.clone(), self.store().step(id, step)?);
        if let (Decision::Job(_), Some(row), Some(of_run)) = (decision, &row, self.store().run(id)?) {
            let undecided = undecided_steps(self.store(), &of_run)?;
            if undecided.iter().any(|undecided| undecided.step == *step && !undecided.may_name_job) {
                let operation = row.operation.clone().unwrap_or_default();
                return Ok(Error::NoJobs { run, step: step.clone(), operation });
            }
        }
        let status = row.map_or("not there", |row| row.status.word()).to_owned();
        Ok(Error::NotParked { run, step: step.clone(), status })
    }

    /// Has what is parked in a run for money ask again; sets what the run may spend, if that is given. A run that no
    /// process drives is resumed; one that is over stays as it is. Returns when this is durable.
    pub(crate) async fn fund_durably(
        &self,
        id: &RunId,
        allowance: Option<Allowance>,
        by: String,
    ) -> Result<(), Error> {
        let run = self.take_up(id).await?;
        let (answer, answered) = oneshot::channel();
        let accepted = Accepted { answer, latches: Vec::new() };
        let refusal = Box::new(Error::Undriven(id.clone()));
        self.post(Message::Ask { run: id.clone(), input: Input::Fund { allowance, by }, accepted, refusal });
        match answered.await {
            // Nothing waits for money and the limit is that one already, or the run is over.
            Ok(Err(Error::Undriven(_))) if run.feed().await.is_some() => Ok(()),
            Ok(Err(Error::Undriven(_))) if self.store().run(id)?.is_some_and(|row| row.status.is_final()) => {
                Ok(())
            }
            Ok(Err(Error::Undriven(_))) | Err(_) => Err(self.inner.standing.why_undriven(id)),
            Ok(outcome) => outcome,
        }
    }

    /// The runs that this process drives no more because Motet itself panicked over them, and what the
    /// panic said: see [`Error::Quarantined`].
    pub fn quarantined(&self) -> BTreeMap<RunId, String> {
        self.inner.standing.quarantined()
    }

    /// Completes when this process no longer drives the store.
    pub(crate) async fn is_left(&self) {
        self.inner.mail.closed().await;
    }

    /// Stops all work, keeps what came of it, and releases the store. Unfinished runs can be resumed.
    pub async fn close(self) {
        // A driver that is gone already has nothing to stop.
        let _ = self.inner.leave().await;
    }

    /// Whether this process holds the store's lock.
    pub fn is_owner(&self) -> bool {
        self.inner.standing.is_owner()
    }

    /// Tells other processes how to reach this one.
    pub(crate) fn announce(&self, door: &Door) -> Result<(), Error> {
        self.inner.standing.announce(door)
    }

    fn post(&self, message: Message) {
        // Whoever waits for an answer learns from its absence that the driver has left.
        let _ = self.inner.mail.send(message);
    }
}

/// The run of this name; where there is none, the error tells whether it was deleted.
pub(crate) fn run_row(store: &Store, run: &RunId) -> Result<RunRow, Error> {
    store.run(run)?.map_or_else(|| Err(no_run(store, run.as_str())?), Ok)
}

/// Why there is no run whose id ends with `ending`.
fn no_run(store: &Store, ending: &str) -> Result<Error, Error> {
    Ok(match store.deleted_run(ending)? {
        Some(deleted) => StoreError::from(deleted).into(),
        None => Error::NoRun(ending.into()),
    })
}

/// The run whose id ends with `ending`.
///
/// # Errors
/// [`Error::NoRun`] and [`Error::AmbiguousRun`]; [`StoreError::DeletedRun`] where such a run was deleted.
pub fn find_run(store: &Store, ending: &str) -> Result<RunRow, Error> {
    match store.find_run(ending)? {
        FoundRun::One(row) => Ok(*row),
        FoundRun::None => Err(no_run(store, ending)?),
        FoundRun::Several(runs) => Err(Error::AmbiguousRun { ending: ending.into(), runs }),
    }
}
