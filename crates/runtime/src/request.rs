//! Requests about runs: the same for the library, a guest of the store and the command line.

use motet_engine::{Allowance, Decision, RunId};
use motet_pipeline::{Money, StepPath};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::control::Start;
use crate::motet::{Motet, Swept};

/// A request to the process that drives the store.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    /// Start a run, or resume one like it.
    Start(Box<Start>),
    /// Take a run that a store of an older format has for the user's own, whoever wrote it: see [`Builder::adopt`](crate::Builder::adopt).
    Adopt { run: RunId },
    /// Drive a run.
    Resume { run: RunId },
    /// Ask a run to end.
    Cancel { run: RunId, by: String, reason: String },
    /// Cancel one step or item of a run.
    CancelStep { run: RunId, step: StepPath, by: String, reason: String },
    /// Decide about a parked step.
    Resolve { run: RunId, step: StepPath, decision: Decision, by: String },
    /// Drive a run; what is parked in it for money asks again. It may spend `limit` from now on, if that is given.
    Fund { run: RunId, limit: Option<Money>, by: String },
    /// Delete runs that are over.
    Delete { runs: Vec<RunId> },
    /// Remove what nobody needs any more.
    Sweep,
    /// Make the tables again that are made from the journal.
    RebuildTables,
    /// Note that a failed run was dealt with.
    Discard { run: RunId, by: String, why: String },
    /// Take that back.
    UndoDiscard { run: RunId },
}

/// What came of a request.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// It is durable that the run was asked for; `found` tells whether it was there before.
    Started { run: RunId, found: bool },
    /// It is done, and durable.
    Done,
    /// These runs are deleted.
    Deleted { runs: Vec<RunId> },
    /// This was removed.
    Swept(Swept),
}

impl Motet {
    /// Carries out the request; returns when that is durable.
    pub(crate) async fn carry_out(&self, request: Request) -> Result<Answer, Error> {
        match request {
            Request::Start(start) => {
                let (options, inputs) = (start.options(), start.inputs());
                let pipeline = start.pipeline(self.catalogue())?;
                if start.adopts {
                    self.adopt_for(&pipeline, inputs.clone(), &options)?;
                }
                let fresh = start.fresh;
                let started = self.start_as(&pipeline, inputs, options, Some(fresh)).await?;
                return Ok(Answer::Started { run: started.run.id().clone(), found: started.found });
            }
            Request::Adopt { run } => self.adopt(&run)?,
            Request::Resume { run } => drop(self.take_up(&run).await?),
            Request::Cancel { run, by, reason } => self.cancel_durably(&run, &by, &reason).await?,
            Request::CancelStep { run, step, by, reason } => {
                self.cancel_step_durably(&run, step, by, reason).await?;
            }
            Request::Resolve { run, step, decision, by } => {
                self.resolve_durably(&run, step, decision, by).await?;
            }
            Request::Fund { run, limit, by } => {
                self.fund_durably(&run, limit.map(Allowance::of), by).await?;
            }
            Request::Delete { runs } => return Ok(Answer::Deleted { runs: self.delete(&runs).await? }),
            Request::RebuildTables => self.rebuild_tables().await?,
            Request::Sweep => return Ok(Answer::Swept(self.sweep_soon().await?)),
            Request::Discard { run, by, why } => self.discard(&run, &by, &why).await?,
            Request::UndoDiscard { run } => self.undo_discard(&run).await?,
        }
        Ok(Answer::Done)
    }
}
