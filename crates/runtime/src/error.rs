//! The one error of the library.

use std::path::PathBuf;

use motet_engine::{Misuse, RunId};
use motet_pipeline::contract::Misfit;
use motet_pipeline::diagnostic::Diagnostic;
use motet_pipeline::{Failure, StepPath, Timestamp};
use motet_store::StoreError;

use crate::settings::Power;
use crate::tools::MissingTool;

/// Why something asked of the library was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The pipeline has faults; nothing ran.
    #[error("{}", first_words(.0))]
    Check(Vec<Diagnostic>),
    /// The plan that the run was started with can't be used here. The run is as it was, and can be cancelled.
    #[error(
        "the plan {0}: cancel the run and start it again, or resume it with the version of Motet that started it"
    )]
    Plan(String),
    /// The run needs tasks that this process doesn't have; nothing was done.
    #[error("the run needs {}: register {} with the program that resumes it", .0.join(", "), them(.0))]
    Tasks(Vec<String>),
    /// The inputs don't fit the pipeline; nothing ran.
    #[error("{}", misfit_words(.0))]
    Inputs(Vec<Misfit>),
    /// The machine lacks programs that the pipeline needs; nothing ran.
    #[error("{}", tool_words(.0))]
    Tools(Vec<MissingTool>),
    /// The store could not be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another process drives the store; or this one, under another [`Motet`](crate::Motet) that is
    /// still open or whose runs are still held.
    #[error("{} drives the store {}", owner_words(*pid), store.display())]
    Owned {
        /// The store.
        store: PathBuf,
        /// The process; 0 if it isn't known which one it is.
        pid: u32,
    },
    /// Another process drives the store, and can't do it for this one.
    #[error(
        "another process (pid {pid}) drives the store {}, with {what}: wait until it ends, or end it",
        store.display()
    )]
    OwnerDiffers {
        /// The store.
        store: PathBuf,
        /// The process.
        pid: u32,
        /// What differs, in words.
        what: String,
    },
    /// Another process drives the store, and gives no sign of life: somebody has stopped it.
    #[error(
        "{} drives the store {}, and doesn't respond: continue it if it is suspended, or end it",
        other_words(*pid), store.display()
    )]
    OwnerSilent {
        /// The store.
        store: PathBuf,
        /// The process; 0 if it isn't known which one it is.
        pid: u32,
    },
    /// The process that drives the store refused.
    #[error("the process that drives the store (pid {pid}) refused: {message}")]
    Refused {
        /// The process.
        pid: u32,
        /// Why, in its words.
        message: String,
    },
    /// A file that is given as an input can't be taken.
    #[error("{}: {message}", path.display())]
    Import {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The outputs of a completed run could not be laid out.
    #[error("run {run} is completed, but its outputs can't be written to {}: {error}; they are kept in the store", folder.display())]
    LayOut {
        /// The run.
        run: RunId,
        /// Where they were to lie.
        folder: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// There is no such run.
    #[error("there is no run `{0}`; `motet runs` lists them")]
    NoRun(String),
    /// The step isn't parked because of its attempt, so there is nothing to decide.
    #[error(
        "`{step}` of run {run} is {status}: only a step that is parked because the outcome of its attempt is \
         unknown can be resolved"
    )]
    NotParked {
        /// The run.
        run: RunId,
        /// The step or item.
        step: StepPath,
        /// Where it stands.
        status: String,
    },
    /// The ending matches several runs.
    #[error("`{ending}` matches several runs: {}", .runs.iter().map(RunId::as_str).collect::<Vec<_>>().join(", "))]
    AmbiguousRun {
        /// What was asked for.
        ending: String,
        /// The runs that it fits.
        runs: Vec<RunId>,
    },
    /// A run of this name exists with another pipeline or other inputs.
    #[error("there is a run `{0}` with another pipeline or other inputs; choose another name for this one")]
    RunDiffers(RunId),
    /// A run can't have this name, which is also that of a folder below `out/`.
    #[error(
        "a run can't be called `{0}`: its name has letters, digits, `-`, `_` and `.`, at most 100 of them, no `.` first"
    )]
    RunName(RunId),
    /// The journal of a run can't be followed.
    #[error("the journal of run {run} can't be followed: {misuse}")]
    Journal {
        /// The run.
        run: RunId,
        /// What is wrong.
        misuse: Misuse,
    },
    /// The run failed.
    #[error("the run failed{}: {failure}", step.as_ref().map(|step| format!(" at `{step}`")).unwrap_or_default())]
    RunFailed {
        /// The step that failed first.
        step: Option<StepPath>,
        /// Why.
        failure: Failure,
    },
    /// The run was cancelled.
    #[error("the run was cancelled: {0}")]
    RunCancelled(String),
    /// Nobody drives the run any more; it can be resumed.
    #[error("run {0} was interrupted; it can be resumed")]
    Interrupted(RunId),
    /// The process that drives the store doesn't drive this run.
    #[error(
        "run {0} is not driven by the process that drives its store; it can be resumed when that has ended"
    )]
    Undriven(RunId),
    /// The engine panicked while it handled the run, which this process leaves alone from then on.
    #[error(
        "run {run} is quarantined: Motet panicked while handling it ({panic}). What it recorded is kept, and all other \
         runs continue. Please report this; a new process, preferably of a newer version, can resume it"
    )]
    Quarantined {
        /// The run.
        run: RunId,
        /// What the panic said.
        panic: String,
    },
    /// The engine panicked while a run was to begin.
    #[error(
        "the run was not started: Motet panicked while handling it ({panic}). Nothing of it is kept. Please report this"
    )]
    StartPanicked {
        /// What the panic said.
        panic: String,
    },
    /// What drives the store in this process has panicked; it has stopped all work and released the store.
    #[error(
        "Motet panicked ({panic}), stopped all work and released the store. What was recorded is kept. \
         Please report this; open the store again to resume its runs"
    )]
    DriverPanicked {
        /// What the panic said.
        panic: String,
    },
    /// This process has released the store.
    #[error("this process was asked to stop and has released the store")]
    Left,
    /// The outputs of a run don't have the shape that was asked for.
    #[error("the outputs don't have the shape that was asked for: {0}")]
    Outputs(#[source] serde_json::Error),
    /// A file could not be read or written.
    #[error("failed to {verb} {}: {error}", path.display())]
    File {
        /// What was tried.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        error: std::io::Error,
    },
    /// A project's settings have powers that nobody has granted; nothing was done.
    #[error("{}: {}", file.display(), power_words(powers))]
    Untrusted {
        /// The file of the settings, or the project's folder if there is none.
        file: PathBuf,
        /// What waits for a person's word.
        powers: Vec<Power>,
        /// Whether the project was trusted as it was before.
        changed: bool,
    },
    /// A person's word about a project can't be kept.
    #[error("what you trust can't be saved: {0}")]
    Memory(String),
    /// The machine's clock is set before 1970; nothing ran.
    #[error("this machine's clock is set before 1970 ({0}): set it")]
    Clock(Timestamp),
    /// A setting in `motet.toml` is wrong.
    #[error("{}:{line}:{column}: {message}", path.display())]
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

impl Error {
    pub(crate) fn file(verb: &'static str, path: impl Into<PathBuf>, error: std::io::Error) -> Error {
        Error::File { verb, path: path.into(), error }
    }

    /// Whether this says that the plan of a run can't be had: its journal may be well.
    pub(crate) fn is_of_plan(&self) -> bool {
        matches!(self, Error::Check(_) | Error::Plan(_))
    }

    /// Whether this is about one run alone: others can be resumed.
    pub(crate) fn is_of_one_run(&self) -> bool {
        match self {
            Error::Check(_)
            | Error::Plan(_)
            | Error::Tasks(_)
            | Error::Journal { .. }
            | Error::NoRun(_)
            | Error::Quarantined { .. }
            | Error::Refused { .. } => true,
            Error::Store(error) => matches!(
                error,
                StoreError::Corrupt { .. } | StoreError::NewerRun { .. } | StoreError::NoArtifact { .. }
            ),
            _ => false,
        }
    }
}

fn them(names: &[String]) -> &'static str {
    if names.len() == 1 { "it" } else { "them" }
}

fn owner_words(pid: u32) -> String {
    match pid == std::process::id() {
        true => format!("this process already (pid {pid})"),
        false => other_words(pid),
    }
}

fn other_words(pid: u32) -> String {
    if pid == 0 { "another process".into() } else { format!("another process (pid {pid})") }
}

fn first_words(diagnostics: &[Diagnostic]) -> String {
    match diagnostics {
        [] => "the pipeline has faults".into(),
        [only] => format!("{}:{}: {}", only.file, only.line, only.message),
        [first, rest @ ..] => {
            format!("{}:{}: {} (and {} more)", first.file, first.line, first.message, rest.len())
        }
    }
}

fn misfit_words(misfits: &[Misfit]) -> String {
    misfits.iter().map(|misfit| misfit.message.as_str()).collect::<Vec<_>>().join("; ")
}

fn power_words(powers: &[Power]) -> String {
    let words: Vec<String> =
        powers.iter().map(|power| format!("`{}` waits for trust: it {power}", power.setting)).collect();
    words.join("; ")
}

fn tool_words(missing: &[MissingTool]) -> String {
    let words =
        missing.iter().map(|missing| format!("{} isn't on this machine: {}", missing.name, missing.install));
    words.collect::<Vec<_>>().join("; ")
}
