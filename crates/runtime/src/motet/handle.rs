//! One run, as those who asked for it see it: its events, its end, its outputs.

use std::sync::Arc;

use motet_engine::{Event, Failure, RunId};
use motet_pipeline::{StepPath, Value};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot};

use super::Motet;
use crate::Error;
use crate::driver::Message;
use crate::follow::{Follower, Happening};

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
        /// Whether failures were tolerated or fallbacks taken.
        degraded: bool,
    },
    /// It failed.
    Failed {
        /// The step that failed first, if it was a step.
        step: Option<StepPath>,
        /// Why.
        failure: Failure,
    },
    /// It was called off.
    Cancelled {
        /// Why, in words.
        reason: String,
    },
}

impl RunEnd {
    /// The end that an event tells of, if it does.
    pub fn of(event: &Event) -> Option<RunEnd> {
        match event {
            Event::RunCompleted { outputs, degraded } => {
                Some(RunEnd::Completed { outputs: outputs.clone(), degraded: *degraded })
            }
            Event::RunFailed { step, failure } => {
                Some(RunEnd::Failed { step: step.clone(), failure: failure.clone() })
            }
            Event::RunCancelled { reason } => Some(RunEnd::Cancelled { reason: reason.clone() }),
            _ => None,
        }
    }
}

impl RunHandle {
    /// The run's name.
    pub fn id(&self) -> &RunId {
        &self.id
    }

    pub(crate) async fn follow_live(&self, follower: Follower) -> bool {
        let (live, answer) = oneshot::channel();
        self.motet.post(Message::Follow { run: self.id.clone(), follower, live });
        answer.await.unwrap_or(false)
    }

    /// All that happened so far, then all that happens, to the end of the run.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), motet::Error> {
    /// # let motet = motet::Motet::builder().open().await?;
    /// # let text = r#"{"motet": 1, "name": "t", "steps": {"add": {"uses": "data/transform", "with": {"value": 1}}}}"#;
    /// # let run = motet.start(&motet.load_text(text)?, ()).await?;
    /// use motet::{engine::Event, follow::Happening};
    ///
    /// let mut completed = Vec::new();
    /// let mut events = run.events().await?;
    /// while let Some(happening) = events.next().await {
    ///     match happening {
    ///         Happening::Turn(turn) => {                       // durable: it will never be taken back
    ///             for event in &turn.events {
    ///                 if let Event::StepCompleted { step, .. } = event {
    ///                     completed.push(step.to_string());
    ///                 }
    ///             }
    ///         }
    ///         Happening::Progress(progress) => println!("{}: {:?}", progress.step, progress.fraction),
    ///         other => println!("nobody drives the run any more: {other:?}"),
    ///     }
    /// }
    /// assert_eq!(completed, ["add"]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When the store fails.
    pub async fn events(&self) -> Result<Events, Error> {
        self.events_after(0).await
    }

    /// The same from the turn after `last` on.
    pub(crate) async fn events_after(&self, last: u64) -> Result<Events, Error> {
        let (follower, live) = mpsc::unbounded_channel();
        // Followed first and read then, so nothing is missed between the two; what comes twice is
        // told by its number.
        let is_live = self.follow_live(Follower::All(follower)).await;
        let past = self.motet.store().turns_from(&self.id, last + 1)?;
        Ok(Events { past: past.into(), live, is_live, last })
    }

    /// Waits for the end of the run.
    ///
    /// # Errors
    /// [`Error::Interrupted`] when nobody drives the run any more, or what else it came by:
    /// [`Error::Quarantined`], [`Error::DriverPanicked`]; and when the store fails.
    pub async fn wait(&self) -> Result<RunEnd, Error> {
        let (follower, end) = oneshot::channel();
        let last = match self.follow_live(Follower::End(follower)).await {
            true => match end.await {
                Ok(Happening::Turn(turn)) => Some(turn),
                Ok(Happening::StoreFailed(error)) => return Err(Error::Store((*error).clone())),
                // Why, if it is more than that the driver left, is known below.
                _ => None,
            },
            false => self.last_turn()?,
        };
        let end = last.and_then(|turn| turn.events.last().and_then(RunEnd::of));
        end.ok_or_else(|| self.motet.inner.standing.why_undriven(&self.id))
    }

    /// The last turn that is kept.
    fn last_turn(&self) -> Result<Option<Arc<motet_engine::Turn>>, Error> {
        let store = self.motet.store();
        let row = store.run(&self.id)?.ok_or_else(|| Error::NoRun(self.id.to_string()))?;
        Ok(store.turns_from(&self.id, row.turns)?.pop().map(Arc::new))
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

    /// Goes on with the run, if it isn't over and nobody drives it.
    ///
    /// # Errors
    /// [`Error::Check`] when its pipeline doesn't check here any more, such as for a task that isn't
    /// registered; [`Error::Journal`] when its journal can't be followed; and when the store fails.
    pub async fn resume(&self) -> Result<(), Error> {
        self.motet.take_up(&self.id).await.map(drop)
    }

    /// Asks the run to end, on behalf of `by` and for a `reason`; returns when it is durable that it
    /// was asked. It ends once what is in flight has stopped: see [`RunHandle::wait`]. A run that is
    /// over stays as it is.
    ///
    /// # Errors
    /// As [`RunHandle::resume`]: a run that nobody drives is taken up, to end in order.
    pub async fn cancel(&self, by: &str, reason: &str) -> Result<(), Error> {
        self.motet.cancel_durably(&self.id, by, reason).await
    }
}

/// What happens to a run, in order.
pub struct Events {
    past: std::collections::VecDeque<motet_engine::Turn>,
    live: mpsc::UnboundedReceiver<Happening>,
    is_live: bool,
    last: u64,
}

impl Events {
    /// What happens next; nothing after the end of the run, or when nobody drives it.
    pub async fn next(&mut self) -> Option<Happening> {
        if let Some(turn) = self.past.pop_front() {
            self.last = turn.number;
            return Some(Happening::Turn(Arc::new(turn)));
        }
        if !self.is_live {
            return None;
        }
        loop {
            match self.live.recv().await? {
                Happening::Turn(turn) if turn.number <= self.last => {}
                Happening::Turn(turn) => {
                    self.last = turn.number;
                    return Some(Happening::Turn(turn));
                }
                happening => return Some(happening),
            }
        }
    }
}
