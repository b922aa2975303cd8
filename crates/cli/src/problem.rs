//! Problems: what, where, why, what to do, in at most five lines; and the exit code that goes with
//! each. The only place where errors of the library become words for people.

use std::path::Path;

use motet::engine::RunId;
use motet::language::Diagnostic;
use motet::reading::Unread;
use motet::settings::{MODELS_FOLDER, Power, Setting};
use motet::store::{StoreError, limit_remedy};
use motet::trust::Trust;
use motet::{BaseFault, Error};
use serde_json::{Value as Json, json};

use crate::exit::Exit;
use crate::project::{shown_path, typed_command, typed_path, working_folder};
use crate::render::line::{Line, Tone};
use crate::render::words::count;
use crate::terminal::Terminal;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub struct Problem {
    /// The stable code of its kind.
    code: String,
    /// What is wrong.
    what: String,
    /// Where, why, and what to do: a line each.
    lines: Vec<String>,
    /// What lies behind it, for `-v`.
    causes: Vec<String>,
    /// Findings in pipeline files, drawn instead of all else.
    findings: Vec<Diagnostic>,
    /// How the program ends.
    pub exit: Exit,
}

/// How many runs are named where several fit.
const RUNS_MAX: usize = 4;

/// How many lines there are below the first.
const LINES_MAX: usize = 4;

impl Problem {
    /// Something wrong with what was typed.
    pub fn usage(what: impl Into<String>) -> Problem {
        Problem::new(Exit::Usage, what)
    }

    pub fn new(exit: Exit, what: impl Into<String>) -> Problem {
        Problem {
            code: exit.problem_code().to_owned(),
            what: without_number(&what.into()),
            lines: Vec::new(),
            causes: Vec::new(),
            findings: Vec::new(),
            exit,
        }
    }

    /// Something that the system refused.
    pub fn refused(what: &str, error: &std::io::Error) -> Problem {
        let problem = Problem::new(Exit::Machine, format!("failed to {what}: {}", reason_of(error)));
        problem.hint(limit_remedy(error).map(str::to_owned))
    }

    /// Data for standard output that it didn't take.
    pub fn data_lost(error: &std::io::Error) -> Problem {
        Problem::new(Exit::Machine, format!("failed to write to standard output: {}", reason_of(error)))
            .line("what was to be written there is incomplete")
    }

    /// Adds a line that says where, why, or what to do.
    pub fn line(mut self, line: impl Into<String>) -> Problem {
        self.lines.push(without_number(&line.into()));
        self
    }

    /// Adds what to do, if there is something.
    fn hint(self, hint: Option<String>) -> Problem {
        match hint {
            Some(hint) => self.line(hint),
            None => self,
        }
    }

    /// Findings of a check, as they are.
    pub fn findings(findings: Vec<Diagnostic>) -> Problem {
        let file = findings.first().map_or("", |finding| &finding.file);
        let what = verdict(file, &findings);
        Problem { findings, ..Problem::new(Exit::Usage, what) }
    }

    /// Writes it to standard error.
    pub fn show(&self, terminal: &Terminal, verbose: bool) {
        if self.findings.is_empty() {
            terminal.note_line(&Line::of(Tone::Bad, "error").plain(": ").then(Tone::Strong, &self.what));
        } else {
            terminal.note_findings(&self.findings);
            terminal.note_line(&Line::new());
            terminal.note_line(&Line::of(Tone::Bad, &self.what));
        }
        for line in self.shown_lines() {
            terminal.note_line(&Line::of(Tone::Plain, format!("  {line}")));
        }
        if verbose {
            terminal.note_line(&Line::of(Tone::Dim, format!("  code: {}", self.code)));
            for cause in &self.causes {
                terminal.note_line(&Line::of(Tone::Dim, format!("  because: {cause}")));
            }
        }
    }

    /// What is wrong, and all else in one line.
    pub fn in_two(self) -> (String, String) {
        (self.what, self.lines.join("; "))
    }

    /// The stable code of its kind.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The same for programs: the last line of what `--json` prints.
    pub fn record(&self) -> Json {
        let mut record = json!({
            "event": "error", "code": self.code, "message": self.what, "details": self.lines,
        });
        if !self.findings.is_empty() {
            record["findings"] = json!(self.findings);
        }
        record
    }

    fn shown_lines(&self) -> Vec<String> {
        if self.lines.len() <= LINES_MAX {
            return self.lines.clone();
        }
        // The last line says what to do, so it stays.
        let (last, others) = self.lines.split_last().expect("there are more lines than fit");
        let mut shown = others[..LINES_MAX - 2].to_vec();
        shown.push(format!("… and {} more", others.len() - (LINES_MAX - 2)));
        shown.push(last.clone());
        shown
    }
}

/// What findings come to: `film.yaml: 2 errors. Nothing ran, nothing was spent.`
pub fn verdict(file: &str, findings: &[Diagnostic]) -> String {
    let errors = findings.iter().filter(|finding| finding.is_error()).count();
    format!("{file}: {}. Nothing ran, nothing was spent.", count(errors, "error"))
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        let mut problem = Problem { code: error.code().to_owned(), ..words_for(&error) };
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            problem.causes.push(cause.to_string());
            source = cause.source();
        }
        problem
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        Error::from(error).into()
    }
}

fn words_for(error: &Error) -> Problem {
    match error {
        Error::Check(findings) => Problem::findings(findings.clone()),
        Error::Plan(why) => Problem::new(Exit::Machine, format!("the plan of the run {why}"))
            .line("it is kept as it is: cancel it and start it again, or resume it with the version of Motet that started it"),
        Error::LostPlan(_) => Problem::new(Exit::Machine, error.what())
            .line("restore a backup, or start the same pipeline again, which keeps its plan anew")
            .line("else a run that isn't over can only be cancelled"),
        Error::NotAdopted { .. } => Problem::new(Exit::Usage, error.what())
            .line(format!("see what was recorded of it: {}", typed_command("show RUN")))
            .line(format!(
                "if it is yours, adopt it once: {}, or cancel it: {}",
                typed_command("resume RUN --adopt"),
                typed_command("cancel RUN")
            )),
        Error::Tasks(names) => Problem::new(Exit::Machine, format!("the run needs {}", names.join(", ")))
            .line("it is kept as it is: resume it with the program that registers them"),
        Error::Inputs(misfits) => {
            let problem = Problem::usage("the inputs don't fit the pipeline; nothing ran");
            let problem = misfits.iter().fold(problem, |problem, misfit| problem.line(&misfit.message));
            problem
                .line("give inputs as --input NAME=VALUE, files as NAME=@FILE; `motet plan FILE` lists them")
        }
        Error::NoQuote { path, why } => {
            Problem::usage(format!("{} can't be used as a quote: {why}", shown_path(path)))
        }
        Error::Quote(_) => Problem::usage(format!("{}; nothing ran", error.what())),
        Error::Tools(missing) => {
            let names: Vec<&str> = missing.iter().map(|tool| tool.name.as_str()).collect();
            let what = format!("this machine lacks {}; nothing ran", names.join(" and "));
            missing.iter().fold(Problem::new(Exit::Machine, what), |problem, tool| {
                problem.line(format!(
                    "install it: {}   (or set its path in motet.toml: {})",
                    tool.install, tool.setting
                ))
            })
        }
        Error::Store(error) => store_words(error),
        Error::Owned { store, pid } => {
            Problem::new(Exit::Machine, format!("{} drives the store", owner_words(*pid)))
                .line(format!("the store: {}", shown_path(store)))
                .line("wait until it ends, or use another store with --store DIR")
        }
        Error::NotParked { run, step, status } => Problem::usage(format!(
            "`{step}` of run {} is {status}, so there is nothing to decide",
            run.short()
        ))
        .line("only a step with a call whose outcome is unknown can be resolved"),
        Error::NoJobs { run, step, operation } => {
            Problem::usage(format!("`{step}` of run {} can't be given a job: {operation} has no jobs", run.short()))
                .line("its provider answers a request at once, so there is nothing to wait for or to fetch")
                .line(format!(
                    "a new attempt, which may cost again: {}",
                    typed_command(format!("resolve {} {} send", run.short(), typed_path(Path::new(step.as_str()))))
                ))
                .line(format!(
                    "or end this one as failed: {}",
                    typed_command(format!("resolve {} {} fail", run.short(), typed_path(Path::new(step.as_str()))))
                ))
        }
        Error::NotCancelled { run, step, .. } => {
            Problem::usage(format!("run {} has no step or item `{step}` that could be cancelled", run.short()))
                .line("an item can be cancelled once the list of its step is known")
                .line(format!("see its steps and items: {}", typed_command(format!("show {}", run.short()))))
        }
        Error::Needed { run, .. } => Problem::usage(error.what())
            .line(format!("{}: {}", error.hint().unwrap_or_default(), typed_command(format!("show {}", run.short()))))
            .line("nothing was deleted"),
        Error::NotDead { run, status } => {
            Problem::usage(format!("run {} is {status}, so there is nothing to discard", run.short()))
                .line(format!("`{}` lists the runs that failed", typed_command("dead list")))
        }
        Error::NoRun(ending) => Problem::usage(format!("there is no run `{ending}` in this store")).line(
            format!("`{}` lists the runs; any unique ending of an id is enough", typed_command("runs")),
        ),
        Error::Base { run, fault } => base_words(run, fault),
        Error::AmbiguousRun { ending, runs } => {
            let mut ids: Vec<&str> = runs.iter().take(RUNS_MAX).map(|run| run.as_str()).collect();
            if runs.len() > RUNS_MAX {
                ids.push("…");
            }
            Problem::usage(format!("`{ending}` matches {}", count(runs.len(), "run")))
                .line(ids.join(", "))
                .line("type more characters of the id")
        }
        Error::RunName(_) => Problem::usage(error.to_string()),
        Error::RunDiffers(run) => Problem::usage(format!(
            "there is a run `{run}` already, of another pipeline or with other inputs"
        ))
        .line(format!("see it: {}", typed_command(format!("show {run}"))))
        .line("name this one differently with --id NAME, or leave --id out"),
        Error::Interrupted(run) => Problem::new(
            Exit::Interrupted,
            format!("run {} was interrupted; what is done is kept", run.short()),
        )
        .line(format!("resume it: {}", typed_command(format!("resume {}", run.short())))),
        Error::File { verb, path, error } => Problem::new(
            Exit::Machine,
            format!("failed to {verb} {}: {}", shown_path(path), reason_of(error)),
        ),
        Error::Settings { path, line, column, message } => {
            Problem::usage(message).line(format!("{}:{line}:{column}", shown_path(path)))
        }
        Error::LockFile { path, place, message, .. } => {
            let place = place.map_or_else(String::new, |(line, column)| format!(":{line}:{column}"));
            Problem::usage(format!("motet.lock can't be read: {message}"))
                .line(format!("{}{place}", shown_path(path)))
                .hint(error.hint())
        }
        Error::NotDescribed { .. } => Problem::usage(error.what()),
        Error::ModelFile { path, message } => {
            Problem::usage(message).line(shown_path(path)).hint(error.hint())
        }
        Error::Untrusted { file, powers, changed } => untrusted_words(file, powers, *changed),
        Error::Clock(now) => {
            Problem::new(Exit::Machine, "this machine's clock is set before 1970; nothing ran")
                .line(format!("it says {now}: set it, then try again"))
        }
        Error::OwnerDiffers { store, pid, what } => {
            Problem::new(Exit::Machine, format!("another process (pid {pid}) drives the store, with {what}"))
                .line(format!("the store: {}", shown_path(store)))
                .line(format!("wait until it ends, or end it: kill {pid}"))
        }
        Error::OwnerSilent { store, pid } => {
            let what = format!("{} drives the store, and doesn't respond", owner_words(*pid));
            let problem = Problem::new(Exit::Machine, what).line(format!("the store: {}", shown_path(store)));
            match pid {
                // To this number a signal must never be sent: it would reach the shell of the reader.
                0 => problem.line("if it is suspended, continue it: `fg` where it was started"),
                pid => problem
                    .line(format!(
                        "if it is suspended, continue it: kill -CONT {pid} (or `fg` where it was started)"
                    ))
                    .line(format!("or end it: kill -9 {pid}; what is done is kept")),
            }
        }
        Error::Refused { pid, message, hint, .. } => Problem::new(Exit::Machine, message)
            .hint(hint.clone())
            .line(format!("reported by the process that drives the store (pid {pid})")),
        Error::Import { path, message } => {
            Problem::usage(format!("{} can't be used as an input: {message}", shown_path(path)))
                .line("nothing ran")
        }
        Error::LayOut { run, folder, error } => {
            let what = format!("run {} is completed, but its outputs can't be written", run.short());
            Problem::new(Exit::Machine, what)
                .line(format!("to {}: {}", shown_path(folder), reason_of(error)))
                .line(format!(
                    "they are kept in the store: {}",
                    typed_command(format!("artifacts {}", run.short()))
                ))
        }
        Error::RunFailed { .. } => Problem::new(Exit::Failed, error.to_string()),
        Error::RunCancelled(_) => Problem::new(Exit::Cancelled, error.to_string()),
        Error::Journal { run, misuse } => {
            Problem::new(Exit::Machine, format!("the journal of run {} can't be followed", run.short()))
                .line(misuse.to_string())
                .line(format!("`{}` checks whether the store is damaged", typed_command("doctor")))
        }
        other => Problem::new(Exit::Machine, other.what()).hint(other.hint()),
    }
}

/// Why no run continues from another.
fn base_words(run: &RunId, fault: &BaseFault) -> Problem {
    let run = run.short();
    match fault {
        BaseFault::Unfinished => Problem::usage(format!("run {run} isn't over"))
            .line(format!("resume it: {}", typed_command(format!("resume {run}"))))
            .line(format!("or cancel it first: {}", typed_command(format!("cancel {run}")))),
        BaseFault::Completed => Problem::usage(format!("run {run} completed: there is nothing to do over"))
            .line(format!(
                "do it again from a step on: {}",
                typed_command(format!("retry {run} --from STEP"))
            ))
            .line(format!("or change something: {}", typed_command(format!("fork {run} --input …")))),
        BaseFault::Deleted { earlier, at } => Problem::usage(format!(
            "run {run} continues from run {}, which was deleted at {at}; nothing ran",
            earlier.short()
        ))
        .line("what that had finished would be paid again")
        .line("restore a backup, or start it anew, which pays for all of it: motet run FILE"),
        BaseFault::NothingToUndo => Problem::usage(format!("there is nothing to undo in run {run}"))
            .line("no step that it finished itself has an `undo`; what it took over is undone in the run that made it")
            .line(format!("see its steps: {}", typed_command(format!("show {run}")))),
        BaseFault::Undoes(origin) => {
            let origin = origin.short();
            Problem::usage(format!("run {run} does nothing but undo run {origin}: nothing continues from it"))
                .line(format!("what is left of it: {}", typed_command(format!("undo {origin}"))))
        }
        BaseFault::Undone(by) if by.short() == run => {
            Problem::usage(format!("run {run} was undone already, when it ended"))
                .line(format!("see what was undone: {}", typed_command(format!("show {run}"))))
        }
        BaseFault::Undone(by) => {
            let by = by.short();
            Problem::usage(format!("run {run} was undone already, by run {by}"))
                .line(format!("see what was undone: {}", typed_command(format!("show {by}"))))
        }
        BaseFault::Retried(by) => {
            let by = by.short();
            Problem::usage(format!("run {run} was retried already, by run {by}, which completed"))
                .line(format!("see what it did: {}", typed_command(format!("show {by}"))))
                .line(format!(
                    "do it again from a step on: {}",
                    typed_command(format!("retry {run} --from STEP"))
                ))
        }
        BaseFault::NoItem(item) => Problem::usage(format!("run {run} had no item `{item}`"))
            .line(format!("see its items: {}", typed_command(format!("show {run}")))),
        BaseFault::NoStep(step) => Problem::usage(format!("the pipeline of run {run} has no step `{step}`"))
            .line(format!("see its steps: {}", typed_command(format!("show {run}")))),
    }
}

/// Whoever drives the store.
fn owner_words(pid: u32) -> String {
    match pid {
        0 => "another process".to_owned(),
        pid => format!("another process (pid {pid})"),
    }
}

/// Stores that are not this user's, or none at all.
fn folder_words(error: &StoreError) -> Option<Problem> {
    let problem = |what: String| Problem::new(Exit::Machine, what);
    Some(match error {
        StoreError::Missing { folder } => {
            Problem::usage(format!("there is no store in {}: nothing ran here yet", shown_path(folder)))
                .line("the first `motet run FILE` creates it; use --store DIR for another one")
        }
        StoreError::Gone { folder } => {
            problem(format!("there was a store in {}, but its motet.db is gone", shown_path(folder)))
                .line("put it back, or restore a backup")
                .line("to start afresh, move the folder away")
        }
        StoreError::Lost { folder, what } => {
            let mark = typed_path(&folder.join("mark"));
            problem(format!("the store in {} is not complete: {what}", shown_path(folder)))
                .line("put motet.db and motet.db-wal back as they were, or restore a backup")
                .line(format!("to continue with what is left: rm {mark}"))
        }
        StoreError::LogRemoved { folder } => problem(format!(
            "the store in {} lost its motet.db-wal while it was in use, and with it the last turns",
            shown_path(folder)
        ))
        .line("put it back, or restore a backup"),
        StoreError::Occupied { folder, holds } => {
            problem(format!("{} is not a store and not empty, so it is left as it is", shown_path(folder)))
                .line(format!("it holds {holds}"))
                .line("name an empty folder, or one that doesn't exist yet: --store DIR")
        }
        StoreError::NotEmpty { folder, holds } => {
            Problem::usage(format!("{} is not empty, so nothing is copied there", shown_path(folder)))
                .line(format!("it holds {holds}"))
                .line("name an empty folder, or one that doesn't exist yet")
        }
        StoreError::Unwanted { folder } => {
            Problem::new(Exit::Interrupted, "interrupted: the copy was not whole, so nothing is left of it")
                .line(format!(
                    "make it again: {}",
                    typed_command(format!("store backup {}", typed_path(folder)))
                ))
        }
        StoreError::InsideItself { folder } => Problem::usage(format!(
            "{} is inside the store to be copied, so nothing is copied there",
            shown_path(folder)
        ))
        .line("name a folder outside of it"),
        StoreError::NotAFolder { file, is } => {
            Problem::usage(format!("{} is {is}, and a copy is a folder", shown_path(file)))
                .line("name an empty folder, or one that doesn't exist yet")
        }
        StoreError::NoFolder { path, is } => {
            problem(format!("{} is {is}, and a store is a folder", shown_path(path)))
                .line("move it away, or use another store: --store DIR")
        }
        StoreError::NotPlain { file, is } => problem(format!("{} is {is}", shown_path(file)))
            .line("Motet never creates one there: in a copied project it may lead anywhere")
            .line("move it away, or use another store: --store DIR"),
        StoreError::NotPrivate { folder, user } => {
            problem(format!("{} belongs to another user (number {user})", shown_path(folder)))
                .line("who could read and change what is kept in it")
                .line("use a folder of your own, for instance one below it: --store DIR")
        }
        StoreError::MadeByOthers { folder, by } => {
            problem(format!("the store in {} was made by {by}", shown_path(folder)))
                .line(format!("it can be read: {}, {}", typed_command("runs"), typed_command("show RUN")))
                .line(format!(
                    "to use it as your own, adopt it once: {}, or {}",
                    typed_command("run FILE --adopt"),
                    typed_command("resume --adopt")
                ))
        }
        _ => return None,
    })
}

fn untrusted_words(file: &Path, powers: &[Power], changed: bool) -> Problem {
    let what = match changed {
        true => "this project has changed since it was trusted; nothing was done",
        false => "this project asks for more than it may do by itself; nothing was done",
    };
    let problem = powers
        .iter()
        .map(|power| format!("{}: {} {power}", power_place(file, power), power.setting))
        .fold(Problem::usage(what), Problem::line);
    if let Some(memory) = Trust::of_environment().open_to_others() {
        return problem
            .line(format!("nothing saved in {} is trusted: other users can write there", shown_path(memory)))
            .line(format!("chmod 700 {}, then {}", typed_path(memory), trust_command(file)));
    }
    problem.line(format!("read it, and if you trust it: {}   (once: MOTET_TRUST=1)", trust_command(file)))
}

/// Where a power stands: `motet.toml:2:10`; or the project's folder, in which a link is, or a model.
pub fn power_place(file: &Path, power: &Power) -> String {
    match power.place {
        Some((line, column)) => format!("{}:{line}:{column}", shown_path(file)),
        None if power.setting == Setting::Models => {
            let models = project_of(file).join(MODELS_FOLDER);
            shown_path(&models)
        }
        None => format!("a link in {}", shown_path(project_of(file))),
    }
}

/// What is typed to trust a project whose settings are `file`, or its folder.
pub fn trust_command(file: &Path) -> String {
    match working_folder() {
        Ok(here) if here == project_of(file) => "motet trust".to_owned(),
        _ => format!("motet trust {}", typed_path(project_of(file))),
    }
}

fn project_of(file: &Path) -> &Path {
    if file.is_dir() { file } else { file.parent().unwrap_or(file) }
}

/// Errors of the store, with what to type where there is something to type.
fn store_words(error: &StoreError) -> Problem {
    let exit = match error {
        StoreError::NoRun { .. } | StoreError::DeletedRun { .. } => Exit::Usage,
        _ => Exit::Machine,
    };
    folder_words(error).unwrap_or_else(|| Problem::new(exit, error.what()).hint(error.hint()))
}

/// What the system says, without its number.
pub fn reason_of(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "it doesn't exist".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        std::io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        _ => without_number(&error.to_string()).to_lowercase(),
    }
}

/// Why a file isn't read.
pub fn reason_unread(unread: &Unread) -> String {
    match unread {
        Unread::Io(error) => reason_of(error),
        other => other.to_string(),
    }
}

/// The system's words without its number, which nobody remembers.
pub fn without_number(text: &str) -> String {
    match text.split_once(" (os error ") {
        Some((before, rest)) => {
            format!("{before}{}", rest.split_once(')').map_or("", |(_, after)| after))
        }
        None => text.to_owned(),
    }
}
