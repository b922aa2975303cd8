//! One run, as those who asked for it see it: its events, its end, its outputs.

use std::sync::Arc;

use motet_engine::{Allowance, Decision, Event, RunEvent, RunId};
use motet_pipeline::{Failure, Money, StepPath, Value};
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

use super::{Motet, run_row};
use crate::Error;
use crate::driver::Message;
use crate::follow::{Events, Feed, Happening};

/// One run of a store.
#[derive(Clone)]
pub struct RunHandle {
    pub(super) motet: Motet,
    pub(super) id: RunId,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum RunEnd {
    /// With its outputs, a map.
    Completed {
        /// What it gave.
        outputs: Value,
        /// Whether failures were tolerated or fallbacks used.
        degraded: bool,
    },
    /// It failed.
    Failed {
        /// The step that failed first, if it was a step.
        step: Option<StepPath>,
        /// Why.
        failure: Failure,
    },
    /// It was cancelled.
    Cancelled {
        /// Why.
        reason: String,
    },
}

impl RunEnd {
    /// The end that an event tells of, if it does.
    pub fn of(event: &Event) -> Option<RunEnd> {
        match event {
            Event::Run(RunEvent::Completed { outputs, degraded }) => {
                Some(RunEnd::Completed { outputs: outputs.clone(), degraded: *degraded })
            }
            Event::Run(RunEvent::Failed { step, failure }) => {
                Some(RunEnd::Failed { step: step.clone(), failure: failure.clone() })
            }
            Event::Run(RunEvent::Cancelled { reason }) => Some(RunEnd::Cancelled { reason: reason.clone() }),
            _ => None,
        }
    }
}

impl RunHandle {
    /// The run's name.
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// Where to hear of the run, if somebody drives it here.
    pub(crate) async fn feed(&self) -> Option<Arc<Feed>> {
        let (feed, answer) = oneshot::channel();
        self.motet.post(Message::Follow { run: self.id.clone(), feed });
        answer.await.ok().flatten()
    }

    /// All that happened so far, then all that happens, to the end of the run.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), motet::Error> {
    /// # let motet = motet::Motet::builder().open().await?;
    /// # let text = r#"{"motet": 1, "name": "t", "steps": {"add": {"uses": "data/transform", "with": {"value": 1}}}}"#;
    /// # let run = motet.start(&motet.load_text(text)?, ()).await?;
    /// use motet::engine::{Event, StepEvent};
    /// use motet::follow::Happening;
    ///
    /// let mut completed = Vec::new();
    /// let mut events = run.events().await?;
    /// while let Some(happening) = events.next().await {
    ///     match happening {
    ///         Happening::Turn(turn) => {                       // durable: it will never be taken back
    ///             for event in &turn.events {
    ///                 if let Event::Step { step, event: StepEvent::Completed { .. } } = event {
    ///                     completed.push(step.to_string());
    ///                 }
    ///             }
    ///         }
    ///         Happening::Progress(progress) => println!("{}: {:?}", progress.step, progress.fraction),
    ///         other => println!("the run is no longer driven: {other:?}"),
    ///     }
    /// }
    /// assert_eq!(completed, ["add"]);
    /// # Ok(()) }
    /// ```
    ///
    /// However far back this begins and however slowly it is read, little of it is in memory: turns are
    /// read from the store as they are asked for. That this fails is reported as [`Happening::Lost`].
    ///
    /// # Errors
    /// None today.
    pub async fn events(&self) -> Result<Events, Error> {
        Ok(self.events_after(0).await)
    }

    /// The same from the turn after `last` on.
    pub(crate) async fn events_after(&self, last: u64) -> Events {
        let feed = self.feed().await;
        Events::new(self.motet.hands().clone(), self.id.clone(), feed, last)
    }

    /// Waits for the end of the run.
    ///
    /// # Errors
    /// [`Error::Interrupted`] when no process drives the run any more, or whatever else ended it:
    /// [`Error::Quarantined`], [`Error::DriverPanicked`]; and when the store fails.
    pub async fn wait(&self) -> Result<RunEnd, Error> {
        let last = match self.feed().await {
            Some(feed) => match feed.end().await {
                Happening::Turn(turn) => Some(turn),
                Happening::StoreFailed(error) => return Err(Error::Store((*error).clone())),
                _ => None,
            },
            None => self.last_turn()?,
        };
        let end = last.and_then(|turn| turn.events.last().and_then(RunEnd::of));
        end.ok_or_else(|| self.motet.inner.standing.why_undriven(&self.id))
    }

    /// The last turn that is kept.
    fn last_turn(&self) -> Result<Option<Arc<motet_engine::Turn>>, Error> {
        let store = self.motet.store();
        let row = run_row(store, &self.id)?;
        Ok(Some(Arc::new(store.known_turn(&self.id, row.turns)?)))
    }

    /// Waits for the end of the run and gives its outputs.
    ///
    /// # Errors
    /// [`Error::RunFailed`] and [`Error::RunCancelled`] when it ended so; else as [`RunHandle::wait`].
    pub async fn outputs(&self) -> Result<Value, Error> {
        match self.wait().await? {
            RunEnd::Completed { outputs, .. } => Ok(outputs),
            RunEnd::Failed { step, failure } => Err(Error::RunFailed { step, failure }),
            RunEnd::Cancelled { reason } => Err(Error::RunCancelled(reason)),
        }
    }

    /// Waits for the end of the run and gives its outputs in a shape of your own.
    ///
    /// # Errors
    /// As [`RunHandle::outputs`], and [`Error::Outputs`] when they don't have that shape.
    pub async fn typed_outputs<T: DeserializeOwned>(&self) -> Result<T, Error> {
        self.outputs().await?.to().map_err(Error::Outputs)
    }

    /// Resumes the run, if it isn't over and no process drives it: as it was started, whatever has become of
    /// contracts and rules. An attempt at an operation that this process doesn't have fails as
    /// [`Class::Unavailable`](motet_pipeline::Class::Unavailable).
    ///
    /// # Errors
    /// [`Error::Plan`] when its plan can't be used here, [`Error::LostPlan`] when that is lost; [`Error::Journal`] when its journal can't be followed; and when the store fails.
    pub async fn resume(&self) -> Result<(), Error> {
        self.motet.take_up(&self.id).await.map(drop)
    }

    /// Decides, on behalf of `by`, what becomes of a step that is parked because it is unknown how its attempt
    /// ended; returns when that is durable. The run continues by it.
    ///
    /// # Errors
    /// [`Error::NotParked`] when the step isn't parked for this; else as [`RunHandle::resume`].
    pub async fn resolve(&self, step: &StepPath, decision: Decision, by: &str) -> Result<(), Error> {
        self.motet.resolve_durably(&self.id, step.clone(), decision, by.to_owned()).await
    }

    /// Has what is parked in the run for money ask again, on behalf of `by`. With a `limit`, the run may spend that much
    /// from now on, with what it has spent already. Returns when that is durable. A run that is over stays as it is.
    ///
    /// # Errors
    /// As [`RunHandle::resume`].
    pub async fn fund(&self, limit: Option<Money>, by: &str) -> Result<(), Error> {
        self.motet.fund_durably(&self.id, limit.map(Allowance::of), by.to_owned()).await
    }

    /// Cancels one step, group, fan-out or item (`shots[k3]`, `shots[k3]/still`), on behalf of `by` and for a `reason`;
    /// returns when that is durable. What of it is under way is stopped, jobs are cancelled at their providers, and
    /// what hasn't begun never begins. If it is `optional`, the run continues without it; else what needs it ends as
    /// after a failure, and the run as cancelled. Asked for twice, it changes nothing.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), motet::Error> {
    /// # let motet = motet::Motet::builder().open().await?;
    /// let pipeline = motet.load_text(r#"
    /// motet: 1
    /// name: patience
    /// steps:
    ///   nap: { uses: flow/sleep, with: { duration: 7d }, optional: true }
    ///   told: { uses: data/transform, with: { value: "{{ steps.nap.status }}" } }
    /// outputs: { told: "{{ steps.told.value }}" }
    /// "#)?;
    /// let run = motet.start(&pipeline, ()).await?;
    /// run.cancel_step(&motet::language::StepPath::from_text("nap"), "ada", "not today").await?;
    /// assert_eq!(run.outputs().await?.get("told").and_then(|told| told.as_str()), Some("cancelled"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::NotCancelled`] when it is over, or not there; else as [`RunHandle::resume`].
    pub async fn cancel_step(&self, step: &StepPath, by: &str, reason: &str) -> Result<(), Error> {
        self.motet.cancel_step_durably(&self.id, step.clone(), by.to_owned(), reason.to_owned()).await
    }

    /// Asks the run to end, on behalf of `by` and for a `reason`; returns when it is durable that it
    /// was asked. It ends once what is in flight has stopped: see [`RunHandle::wait`]. A run that is
    /// over stays as it is.
    ///
    /// # Errors
    /// As [`RunHandle::resume`]: a run that no process drives is resumed, to end in order.
    pub async fn cancel(&self, by: &str, reason: &str) -> Result<(), Error> {
        self.motet.cancel_durably(&self.id, by, reason).await
    }
}
