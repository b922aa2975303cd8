//! The one error of the library.

#[cfg(test)]
mod tests;
mod words;

use std::path::PathBuf;

use motet_engine::{Misuse, RunId};
use motet_pipeline::contract::Misfit;
use motet_pipeline::diagnostic::Diagnostic;
use motet_pipeline::estimate::StepEstimate;
use motet_pipeline::{Failure, Money, StepPath, Timestamp};
use motet_store::{Need, StoreError, World};
use serde::{Deserialize, Serialize};

use crate::settings::Power;
use crate::tools::MissingTool;

/// Why something asked of the library was not done.
///
/// It says what is wrong ([`what`](Error::what)) and what to do ([`hint`](Error::hint)); printed, it says both, also by a
/// `main` that returns it. Programs match on it, or on its [`code`](Error::code).
#[non_exhaustive]
pub enum Error {
    /// The pipeline has faults; nothing ran.
    Check(Vec<Diagnostic>),
    /// The plan that the run was started with can't be used here. The run is as it was, and can be cancelled.
    Plan(String),
    /// The plan that the run was started with is missing or damaged: what the run does and hides can't be known. The
    /// run is as it was, and can be cancelled.
    LostPlan(String),
    /// The run was begun in a store of format 1 or 2, which doesn't say who made it, and uses an operation that no store
    /// of such a format had. It is driven once it is adopted ([`Builder::adopt`](crate::Builder::adopt)).
    NotAdopted {
        /// The operation.
        operation: String,
    },
    /// The run needs tasks that this process doesn't have; nothing was done.
    Tasks(Vec<String>),
    /// The inputs don't fit the pipeline; nothing ran.
    Inputs(Vec<Misfit>),
    /// The run has a budget, and nobody knows what these steps cost; nothing ran.
    Unpriced(Vec<UnpricedStep>),
    /// The file is no quote, or can't be read.
    NoQuote {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// The run was to be started by a quote that doesn't hold for it; nothing ran.
    Quote(QuoteFault),
    /// The machine lacks programs that the pipeline needs; nothing ran.
    Tools(Vec<MissingTool>),
    /// The store could not be used.
    Store(StoreError),
    /// The store belongs to another world: what is simulated is never mixed with what is real.
    OtherWorld {
        /// The store.
        store: PathBuf,
        /// The world that it belongs to.
        known: World,
        /// The world in which calls would be made.
        wanted: World,
    },
    /// Another process drives the store; or this one, under another [`Motet`](crate::Motet) that is
    /// still open or whose runs are still held.
    Owned {
        /// The store.
        store: PathBuf,
        /// The process; 0 if it isn't known which one it is.
        pid: u32,
    },
    /// Another process drives the store, and can't do it for this one.
    OwnerDiffers {
        /// The store.
        store: PathBuf,
        /// The process.
        pid: u32,
        /// What differs, in words.
        what: String,
    },
    /// Another process drives the store, and gives no sign of life: somebody has stopped it.
    OwnerSilent {
        /// The store.
        store: PathBuf,
        /// The process; 0 if it isn't known which one it is.
        pid: u32,
    },
    /// The process that drives the store refused.
    Refused {
        /// The process.
        pid: u32,
        /// The code of its error.
        code: String,
        /// What is wrong, in its words.
        message: String,
        /// What to do, in its words.
        hint: Option<String>,
    },
    /// A file that is given as an input can't be taken.
    Import {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The outputs of a completed run could not be laid out.
    LayOut {
        /// The run.
        run: RunId,
        /// Where they were to lie.
        folder: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// There is no such run.
    NoRun(String),
    /// The step isn't parked because of its attempt, so there is nothing to decide.
    NotParked {
        /// The run.
        run: RunId,
        /// The step or item.
        step: StepPath,
        /// Where it stands.
        status: String,
    },
    /// The call of the step whose outcome is unknown can't be a job of its provider, so none can be named.
    NoJobs {
        /// The run.
        run: RunId,
        /// The step or item.
        step: StepPath,
        /// The operation that was called.
        operation: String,
    },
    /// The step or item is over, or not there, so it can't be cancelled.
    NotCancelled {
        /// The run.
        run: RunId,
        /// The step or item.
        step: StepPath,
        /// Where it stands.
        status: String,
    },
    /// The run is needed, so it isn't deleted.
    Needed {
        /// The run.
        run: RunId,
        /// What for.
        need: Need,
    },
    /// The run didn't end in failure, so it is no dead letter.
    NotDead {
        /// The run.
        run: RunId,
        /// Where it stands.
        status: String,
    },
    /// No run can continue from this one as it was asked to; nothing ran.
    Base {
        /// The earlier run.
        run: RunId,
        /// Why not.
        fault: BaseFault,
    },
    /// The ending matches several runs.
    AmbiguousRun {
        /// What was asked for.
        ending: String,
        /// The runs that it fits.
        runs: Vec<RunId>,
    },
    /// A run of this name exists with another pipeline or other inputs.
    RunDiffers(RunId),
    /// A run can't have this name, which is also that of a folder below `out/`.
    RunName(RunId),
    /// The journal of a run can't be followed.
    Journal {
        /// The run.
        run: RunId,
        /// What is wrong.
        misuse: Misuse,
    },
    /// The run failed.
    RunFailed {
        /// The step that failed first.
        step: Option<StepPath>,
        /// Why.
        failure: Failure,
    },
    /// The run was cancelled.
    RunCancelled(String),
    /// Nobody drives the run any more; it can be resumed.
    Interrupted(RunId),
    /// The process that drives the store doesn't drive this run.
    Undriven(RunId),
    /// The engine panicked while it handled the run, which this process leaves alone from then on.
    Quarantined {
        /// The run.
        run: RunId,
        /// What the panic said.
        panic: String,
    },
    /// The engine panicked while a run was to begin.
    StartPanicked {
        /// What the panic said.
        panic: String,
    },
    /// What drives the store in this process has panicked; it has stopped all work and released the store.
    DriverPanicked {
        /// What the panic said.
        panic: String,
    },
    /// This process has released the store.
    Left,
    /// The outputs of a run don't have the shape that was asked for.
    Outputs(serde_json::Error),
    /// A file could not be read or written.
    File {
        /// What was tried.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        error: std::io::Error,
    },
    /// A project's settings have powers that nobody has granted; nothing was done.
    Untrusted {
        /// The file of the settings, or the project's folder if there is none.
        file: PathBuf,
        /// What waits for a person's word.
        powers: Vec<Power>,
        /// Whether the project was trusted as it was before.
        changed: bool,
    },
    /// A person's word about a project can't be kept.
    Memory(String),
    /// The machine's clock is set before 1970; nothing ran.
    Clock(Timestamp),
    /// The settings speak of a provider, or of one of its addresses, that there isn't.
    Providers(String),
    /// A provider doesn't describe a model, so that it can't be added.
    NotDescribed {
        /// The model, as it was asked for.
        name: String,
        /// Why not.
        why: String,
    },
    /// A data file of a project's own model can't be used, or not be written.
    ModelFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A lock file can't be read, or isn't one.
    LockFile {
        /// The file.
        path: PathBuf,
        /// Line and column, if what is wrong has a place: both from 1, the column in characters.
        place: Option<(usize, usize)>,
        /// What is wrong.
        message: String,
        /// Whether it is of a newer format, so that a newer version of Motet can read it.
        is_newer: bool,
    },
    /// A setting in `motet.toml` is wrong.
    Settings {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
}

/// Why no run can continue from an earlier one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BaseFault {
    /// It isn't over.
    Unfinished,
    /// It completed: there is nothing to do over.
    Completed,
    /// It was done over already, by this run, which completed.
    Retried(RunId),
    /// It has no such step.
    NoStep(StepPath),
    /// The list of the step had no such item.
    NoItem(StepPath),
    /// It continues from a run that was deleted, and what that had finished would be paid again.
    Deleted {
        /// The deleted run.
        earlier: RunId,
        /// When it was deleted.
        at: Timestamp,
    },
    /// Nothing that it did can be undone: no step that it finished has an `undo`.
    NothingToUndo,
    /// It does nothing but undo this run.
    Undoes(RunId),
    /// All that can be undone is undone, by this run or by the run itself.
    Undone(RunId),
}

/// Why a quote doesn't hold for a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuoteFault {
    /// It is about another version of the pipeline.
    Pipeline,
    /// It is about other inputs.
    Inputs,
    /// Prices have changed since; the steps whose high end is another one: name, then, now.
    Prices(Vec<(String, Money, Money)>),
    /// It was valid until this.
    Expired(Timestamp),
}

/// A step of which nobody knows what it costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnpricedStep {
    /// The step: names with `/` between them.
    pub step: String,
    /// The operation that has no price.
    pub operation: String,
    /// Why.
    pub reason: String,
}

impl UnpricedStep {
    /// A step of an estimate, if it has no price.
    pub fn of(estimate: &StepEstimate) -> Option<UnpricedStep> {
        let (operation, reason) = estimate.unpriced.clone()?;
        Some(UnpricedStep { step: estimate.step.clone(), operation, reason })
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // It says what the store's error says.
            Error::Store(error) => error.source(),
            Error::Outputs(error) => Some(error),
            _ => None,
        }
    }
}

impl From<QuoteFault> for Error {
    fn from(fault: QuoteFault) -> Error {
        Error::Quote(fault)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Error {
        Error::Store(error)
    }
}

impl Error {
    /// What the store says of a run that was asked for.
    pub(crate) fn of_run(error: StoreError) -> Error {
        match error {
            StoreError::NoRun { run } => Error::NoRun(run.to_string()),
            error => error.into(),
        }
    }

    pub(crate) fn file(verb: &'static str, path: impl Into<PathBuf>, error: std::io::Error) -> Error {
        Error::File { verb, path: path.into(), error }
    }

    /// Whether this says that the plan of a run can't be had: its journal may be well.
    pub(crate) fn is_of_plan(&self) -> bool {
        matches!(self, Error::Check(_) | Error::Plan(_) | Error::LostPlan(_) | Error::NotAdopted { .. })
    }

    /// Whether this is about one run alone: others can be resumed.
    pub fn is_of_one_run(&self) -> bool {
        match self {
            Error::Check(_)
            | Error::Plan(_)
            | Error::LostPlan(_)
            | Error::NotAdopted { .. }
            | Error::Tasks(_)
            | Error::Journal { .. }
            | Error::NoRun(_)
            | Error::Base { .. }
            | Error::Quarantined { .. }
            | Error::Refused { .. } => true,
            Error::Store(error) => matches!(
                error,
                StoreError::Corrupt { .. }
                    | StoreError::NewerRun { .. }
                    | StoreError::DeletedRun { .. }
                    | StoreError::NoArtifact { .. }
            ),
            _ => false,
        }
    }
}
