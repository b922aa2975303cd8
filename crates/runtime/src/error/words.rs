//! What an error says: a stable code, what is wrong, and what to do. The same for a program that embeds the
//! library, for the command line, and for the guests of another process.

use std::fmt;

use motet_pipeline::Money;
use motet_pipeline::contract::Misfit;
use motet_pipeline::diagnostic::{Diagnostic, render};

use super::{BaseFault, Error, QuoteFault};
use crate::settings::Power;
use motet_store::Need;

impl Error {
    /// A stable word for the kind of error, in `snake_case`: for programs, and to look it up by. An error of
    /// the store has the code of [`StoreError::code`](motet_store::StoreError::code), and one that another
    /// process reported has the code that it had there.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), motet::Error> {
    /// let motet = motet::Motet::builder().open().await?;
    /// let error = motet.load_text("motet: 1").unwrap_err();
    /// assert_eq!(error.code(), "check_failed");
    /// # Ok(()) }
    /// ```
    pub fn code(&self) -> &str {
        match self {
            Error::Check(_) => "check_failed",
            Error::Plan(_) => "plan_unusable",
            Error::LostPlan(_) => "plan_lost",
            Error::NotAdopted { .. } => "run_not_adopted",
            Error::Tasks(_) => "tasks_missing",
            Error::Inputs(_) => "inputs_invalid",
            Error::Unpriced(_) => "price_unknown",
            Error::NoQuote { .. } => "quote_unreadable",
            Error::Quote(QuoteFault::Pipeline) => "quote_pipeline_changed",
            Error::Quote(QuoteFault::Inputs) => "quote_inputs_changed",
            Error::Quote(QuoteFault::Prices(_)) => "quote_prices_changed",
            Error::Quote(QuoteFault::Expired(_)) => "quote_expired",
            Error::Tools(_) => "tools_missing",
            Error::Store(error) => error.code(),
            Error::OtherWorld { .. } => "world_differs",
            Error::Owned { .. } => "store_owned",
            Error::OwnerDiffers { .. } => "owner_differs",
            Error::OwnerSilent { .. } => "owner_silent",
            Error::Refused { code, .. } => code,
            Error::Import { .. } => "file_unusable",
            Error::LayOut { .. } => "outputs_not_written",
            Error::NoRun(_) => "no_run",
            Error::NotParked { .. } => "step_not_parked",
            Error::NoJobs { .. } => "no_jobs",
            Error::NotCancelled { .. } => "step_not_cancelled",
            Error::NotDead { .. } => "run_not_dead",
            Error::Base { fault: BaseFault::Unfinished, .. } => "run_unfinished",
            Error::Base { fault: BaseFault::Completed, .. } => "run_completed",
            Error::Base { fault: BaseFault::Retried(_), .. } => "run_retried",
            Error::Base { fault: BaseFault::NoStep(_), .. } => "no_step",
            Error::Base { fault: BaseFault::NoItem(_), .. } => "no_item",
            Error::Base { fault: BaseFault::Deleted { .. }, .. } => "lineage_deleted",
            Error::Needed { .. } => "run_needed",
            Error::Base { fault: BaseFault::NothingToUndo, .. } => "nothing_to_undo",
            Error::Base { fault: BaseFault::Undone(_), .. } => "run_undone",
            Error::Base { fault: BaseFault::Undoes(_), .. } => "run_undoes",
            Error::AmbiguousRun { .. } => "run_ambiguous",
            Error::RunDiffers(_) => "run_differs",
            Error::RunName(_) => "run_name_invalid",
            Error::Journal { .. } => "journal_unreadable",
            Error::RunFailed { .. } => "run_failed",
            Error::RunCancelled(_) => "run_cancelled",
            Error::Interrupted(_) => "run_interrupted",
            Error::Undriven(_) => "run_not_driven",
            Error::Quarantined { .. } => "run_quarantined",
            Error::StartPanicked { .. } => "start_panicked",
            Error::DriverPanicked { .. } => "driver_panicked",
            Error::Left => "store_released",
            Error::Outputs(_) => "outputs_unreadable",
            Error::File { .. } => "file_failed",
            Error::Untrusted { .. } => "project_untrusted",
            Error::Memory(_) => "trust_not_saved",
            Error::Clock(_) => "clock_before_1970",
            Error::Providers(_) => "provider_unknown",
            Error::NotDescribed { .. } => "model_not_described",
            Error::ModelFile { .. } => "model_file_invalid",
            Error::LockFile { is_newer: true, .. } => "lock_file_newer",
            Error::LockFile { .. } => "lock_file_invalid",
            Error::Settings { .. } => "settings_invalid",
        }
    }

    /// What is wrong, where and why, in one line, without the [`hint`](Error::hint).
    pub fn what(&self) -> String {
        match self {
            Error::Check(findings) => first_words(findings),
            Error::Plan(why) => format!("the plan {why}"),
            Error::LostPlan(what) => format!("the plan of the run is lost: {what}"),
            Error::NotAdopted { operation } => format!(
                "the run uses {operation}, and was begun in a store of an older format, which had no such operation: \
                 somebody else may have made it"
            ),
            Error::Tasks(names) => format!("the run needs {}", names.join(", ")),
            Error::Inputs(misfits) => misfit_words(misfits),
            Error::Unpriced(steps) => format!(
                "there is a budget, and the price is unknown of {}",
                each_of(steps, |step| format!("`{}` ({}: {})", step.step, step.operation, step.reason))
            ),
            Error::NoQuote { path, why } => format!("{}: {why}", path.display()),
            Error::Quote(fault) => quote_words(fault),
            Error::Tools(missing) => each_of(missing, |tool| format!("{} isn't on this machine", tool.name)),
            Error::Store(error) => error.what(),
            Error::OtherWorld { store, known, wanted } => {
                format!("the runs of the store {} are {known}, and this would be {wanted}", store.display())
            }
            Error::Owned { store, pid } => {
                format!("{} drives the store {}", owner_words(*pid), store.display())
            }
            Error::OwnerDiffers { store, pid, what } => {
                format!("another process (pid {pid}) drives the store {}, with {what}", store.display())
            }
            Error::OwnerSilent { store, pid } => {
                format!("{} drives the store {}, and doesn't respond", other_words(*pid), store.display())
            }
            Error::Refused { pid, message, .. } => {
                format!("the process that drives the store (pid {pid}) refused: {message}")
            }
            Error::Import { path, message } => format!("{}: {message}", path.display()),
            Error::LayOut { run, folder, error } => format!(
                "run {run} is completed, but its outputs can't be written to {}: {error}",
                folder.display()
            ),
            Error::NoRun(name) => format!("there is no run `{name}`"),
            Error::NotParked { run, step, status } => format!(
                "`{step}` of run {run} is {status}: only a step with a call whose outcome is unknown can be resolved"
            ),
            Error::NoJobs { run, step, operation } => {
                format!("`{step}` of run {run} can't be given a job: `{operation}` has no jobs")
            }
            Error::NotCancelled { run, step, status } => {
                format!("`{step}` of run {run} is {status}: only a step that isn't over can be cancelled")
            }
            Error::NotDead { run, status } => {
                format!("run {run} is {status}: only a run that failed can be discarded")
            }
            Error::Base { run, fault: BaseFault::Unfinished } => format!("run {run} isn't over"),
            Error::Base { run, fault: BaseFault::Completed } => {
                format!("run {run} completed: there is nothing to do over")
            }
            Error::Base { run, fault: BaseFault::Retried(by) } => {
                format!("run {run} was retried already, by run {by}, which completed")
            }
            Error::Base { run, fault: BaseFault::NoItem(item) } => {
                format!("run {run} had no item `{item}`")
            }
            Error::Base { run, fault: BaseFault::NoStep(step) } => {
                format!("the pipeline of run {run} has no step `{step}`")
            }
            Error::Base { run, fault: BaseFault::Deleted { earlier, at } } => format!(
                "run {run} continues from run {earlier}, which was deleted at {at}: what that had finished would be \
                 paid again"
            ),
            Error::Needed { run, need: Need::Unfinished } => format!("run {run} isn't over"),
            Error::Needed { run, need: Need::Lineage(later) } => {
                format!("run {later} continues from run {run}, and isn't over")
            }
            Error::Needed { run, need: Need::OpenCalls } => {
                format!("a call of run {run} has not ended at its provider")
            }
            Error::Base { run, fault: BaseFault::NothingToUndo } => {
                format!(
                    "there is nothing to undo in run {run}: no step that it finished itself has an `undo`"
                )
            }
            Error::Base { run, fault: BaseFault::Undoes(origin) } => {
                format!("run {run} does nothing but undo run {origin}: nothing continues from it")
            }
            Error::Base { run, fault: BaseFault::Undone(by) } if by == run => {
                format!("run {run} was undone already, when it ended")
            }
            Error::Base { run, fault: BaseFault::Undone(by) } => {
                format!("run {run} was undone already, by run {by}")
            }
            Error::AmbiguousRun { ending, runs } => {
                format!("`{ending}` matches several runs: {}", each_of(runs, ToString::to_string))
            }
            Error::RunDiffers(run) => format!("there is a run `{run}` with another pipeline or other inputs"),
            Error::RunName(run) => format!(
                "a run can't be called `{run}`: its name has letters, digits, `-`, `_` and `.`, at most 100 of \
                 them, no `.` first"
            ),
            Error::Journal { run, misuse } => {
                format!("the journal of run {run} can't be followed: {misuse}")
            }
            Error::RunFailed { step: Some(step), failure } => {
                format!("the run failed at `{step}`: {failure}")
            }
            Error::RunFailed { step: None, failure } => format!("the run failed: {failure}"),
            Error::RunCancelled(reason) => format!("the run was cancelled: {reason}"),
            Error::Interrupted(run) => format!("run {run} was interrupted"),
            Error::Undriven(run) => format!("run {run} is not driven by the process that drives its store"),
            Error::Quarantined { run, panic } => format!(
                "run {run} is quarantined: Motet panicked while handling it ({panic}). What it recorded is kept, \
                 and all other runs continue"
            ),
            Error::StartPanicked { panic } => format!(
                "the run was not started: Motet panicked while handling it ({panic}). Nothing of it is kept"
            ),
            Error::DriverPanicked { panic } => format!(
                "Motet panicked ({panic}), stopped all work and released the store. What was recorded is kept"
            ),
            Error::Left => "this process was asked to stop and has released the store".into(),
            Error::Outputs(error) => {
                format!("the outputs don't have the shape that was asked for: {error}")
            }
            Error::File { verb, path, error } => format!("failed to {verb} {}: {error}", path.display()),
            Error::Untrusted { file, powers, .. } => format!("{}: {}", file.display(), power_words(powers)),
            Error::Memory(why) => format!("what you trust can't be saved: {why}"),
            Error::Providers(message) => message.clone(),
            Error::NotDescribed { name, why } => format!("`{name}` can't be added: {why}"),
            Error::ModelFile { path, message } => format!("{}: {message}", path.display()),
            Error::Clock(now) => format!("this machine's clock is set before 1970 ({now})"),
            Error::LockFile { path, place: None, message, .. } => format!("{}: {message}", path.display()),
            Error::LockFile { path, place: Some((line, column)), message, .. }
            | Error::Settings { path, line, column, message } => {
                format!("{}:{line}:{column}: {message}", path.display())
            }
        }
    }

    /// What to do about it, if there is something to do.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Error::Plan(_) => {
                "cancel the run and start it again, or resume it with the version of Motet that started it"
            }
            Error::LostPlan(_) => {
                "restore a backup, or start the same pipeline again, which keeps its plan anew; else the run can only be cancelled"
            }
            Error::NotAdopted { .. } => {
                "if it is yours, adopt it once: `motet resume RUN --adopt`, or cancel it"
            }
            Error::Tasks(names) if names.len() == 1 => "register it with the program that resumes the run",
            Error::Tasks(_) => "register them with the program that resumes the run",
            Error::Unpriced(_) => {
                "give it a price in a price book (`prices` in motet.toml), or write `allow_unpriced: true` in the pipeline"
            }
            Error::Quote(QuoteFault::Inputs) => {
                "give the inputs of the quote, or make a new quote with these"
            }
            Error::Quote(_) => "make a new quote and read it",
            Error::Tools(missing) => return Some(each_of(missing, |tool| tool.install.to_owned())),
            Error::Store(error) => return error.hint(),
            Error::OtherWorld { .. } => "use another store: --store DIR",
            Error::OwnerDiffers { .. } => "wait until it ends, or end it",
            Error::OwnerSilent { .. } => "continue it if it is suspended, or end it",
            Error::Refused { hint, .. } => return hint.clone(),
            Error::LayOut { .. } => "they are kept in the store",
            Error::NoRun(_) => "`motet runs` lists them",
            Error::NoJobs { .. } => {
                "decide `send`, a new attempt that may cost again, or `fail`, which ends this one as failed"
            }
            Error::Base { fault: BaseFault::Unfinished, .. } => {
                "resume it, or cancel it and wait for its end"
            }
            Error::Base { fault: BaseFault::Completed, .. } => {
                "name the step from which on to do it again, or fork it with other inputs"
            }
            Error::Base { fault: BaseFault::NothingToUndo, .. } => {
                "what a run takes over is undone in the run that made it: `motet show` names it"
            }
            Error::Base { fault: BaseFault::Undoes(_), .. } => "undo that one again: what is left is undone",
            Error::Base { fault: BaseFault::Undone(_), .. } => "`motet show` lists what was undone",
            Error::Base { fault: BaseFault::Retried(_), .. } => {
                "name the step from which on to do it again, or fork it with other inputs"
            }
            Error::Base { fault: BaseFault::NoStep(_) | BaseFault::NoItem(_), .. } => {
                "name steps as `motet show` lists them"
            }
            Error::Base { fault: BaseFault::Deleted { .. }, .. } => {
                "restore a backup, or start it anew: a new run pays for all of it"
            }
            Error::Needed { need: Need::OpenCalls, .. } => "wait for its end, or resume the run",
            Error::Needed { .. } => "resume it, or cancel it and wait for its end",
            Error::RunDiffers(_) => "choose another name for this one",
            Error::Interrupted(_) => "it can be resumed",
            Error::Undriven(_) => "it can be resumed when that has ended",
            Error::Quarantined { .. } => {
                "please report this; a new process, preferably of a newer version, can resume it"
            }
            Error::StartPanicked { .. } => "please report this",
            Error::DriverPanicked { .. } => "please report this; open the store again to resume its runs",
            Error::Clock(_) => "set it",
            Error::ModelFile { .. } => {
                "mend it, remove it, or write it anew: motet models add NAME --replace"
            }
            Error::LockFile { is_newer: true, .. } => {
                "use the version of Motet that wrote it, or a newer one"
            }
            Error::LockFile { .. } => "restore it, or delete it and write it anew: motet lock FILE",
            Error::Check(_)
            | Error::Inputs(_)
            | Error::NoQuote { .. }
            | Error::Owned { .. }
            | Error::Import { .. }
            | Error::NotParked { .. }
            | Error::NotCancelled { .. }
            | Error::NotDead { .. }
            | Error::AmbiguousRun { .. }
            | Error::RunName(_)
            | Error::Journal { .. }
            | Error::RunFailed { .. }
            | Error::RunCancelled(_)
            | Error::Left
            | Error::Outputs(_)
            | Error::File { .. }
            | Error::Untrusted { .. }
            | Error::Memory(_)
            | Error::Providers(_)
            | Error::NotDescribed { .. }
            | Error::Settings { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

/// What is wrong, then what to do.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let what = self.what();
        match self.hint() {
            Some(hint) if what.contains(": ") => write!(f, "{what}; {hint}"),
            Some(hint) => write!(f, "{what}: {hint}"),
            None => f.write_str(&what),
        }
    }
}

/// As a `main` shows it that returns it: what is wrong, and below it what to do. The findings of a check are drawn.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if let Error::Check(findings) = self {
            return write!(f, "the pipeline can't run\n\n{}", render(findings, false).trim_end());
        }
        f.write_str(&self.what())?;
        self.hint().map_or(Ok(()), |hint| write!(f, "\n  {hint}"))
    }
}

fn quote_words(fault: &QuoteFault) -> String {
    const SHOWN_MAX: usize = 3;
    match fault {
        QuoteFault::Pipeline => "the quote is about another version of this pipeline".into(),
        QuoteFault::Inputs => "the quote is about other inputs".into(),
        QuoteFault::Prices(changes) if changes.is_empty() => {
            "prices have changed since the quote was made".into()
        }
        QuoteFault::Prices(changes) => {
            let shown = &changes[..changes.len().min(SHOWN_MAX)];
            let more = if changes.len() > SHOWN_MAX { ", …" } else { "" };
            let change = |(step, then, now): &(String, Money, Money)| {
                format!("`{step}` costs up to ${now} (quoted: ${then})")
            };
            format!("prices have changed since the quote was made: {}{more}", each_of(shown, change))
        }
        QuoteFault::Expired(until) => format!("the quote was valid until {until}"),
    }
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

fn each_of<T>(items: &[T], words: impl Fn(&T) -> String) -> String {
    items.iter().map(words).collect::<Vec<_>>().join(", ")
}
