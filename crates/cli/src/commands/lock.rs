//! `motet lock`: which models, contracts and prices a pipeline was made with; and what has changed since, for all
//! commands that use a pipeline.

use std::path::Path;

use motet::language::versions::{Change, Versions};
use motet::reading::folder_of;
use motet::settings::Settings;
use motet::{Error, LockFile, Pipeline};

use crate::arguments;
use crate::commands::check::load;
use crate::doubt::Doubt;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::project::{shown_path, typed_path, working_folder};
use crate::render::line::{Line, Tone};
use crate::render::words::count;
use crate::terminal::Terminal;

/// The most warnings that are written before a run.
const WARNINGS_MAX: usize = 5;

pub fn lock(asked: &arguments::Lock, terminal: &Terminal) -> Result<Exit, Problem> {
    let file = &asked.file;
    let proposal = Settings::find(Some(file), &working_folder()?)?;
    let pipeline = load(file, &proposal.catalogue())?;
    let now = proposal.versions(pipeline.plan());
    let operations = count(now.operations.len(), "operation");
    let told = || {
        let words = format!(
            ": another program holds a lock on {}; this one waits until it is released",
            shown_path(folder_of(file))
        );
        terminal.note_line(&Line::of(Tone::Doubtful, "warning").plain(words));
    };
    let (mut lock, _hold) = LockFile::hold_after(file, told)?;
    let changes = lock.versions(file).map(|locked| locked.changes(&now));
    let (state, mut told) = match changes {
        None => ("is locked", Vec::new()),
        Some(changes) if !changes.is_empty() && !asked.update => {
            return Err(differs(file, &changes, terminal));
        }
        Some(changes) if changes.is_empty() => ("is locked as it is", Vec::new()),
        Some(changes) => ("is locked anew", changes.iter().map(ToString::to_string).collect()),
    };
    if asked.update {
        told.extend(lock.gone().into_iter().map(gone_words));
        lock.forget_gone();
    }
    lock.lock(file, now);
    lock.write()?;
    let what = if told.is_empty() { "" } else { ". What had changed:" };
    let verdict = format!("{}: {} {state}, {operations}{what}", shown_path(lock.path()), file.display());
    terminal.data_line(&Line::of(Tone::Good, verdict));
    told.iter().for_each(|change| terminal.data_line(&Line::of(Tone::Plain, format!("  {change}"))));
    Ok(Exit::Good)
}

/// Shows what has changed, all of it, and says what to do.
fn differs(file: &Path, changes: &[Change], terminal: &Terminal) -> Problem {
    for change in changes {
        terminal.note_line(&Line::of(Tone::Doubtful, "changed").plain(format!(": {change}")));
    }
    let what = format!("{} has changed since it was locked, so motet.lock is left as it is", file.display());
    Problem::usage(what).line(format!("take what is there now: {}", update(file)))
}

fn gone_words(name: &str) -> String {
    format!("{name} is locked and isn't there any more")
}

/// The command that takes what is there now.
fn update(file: &Path) -> String {
    format!("motet lock {} --update", typed_path(file))
}

/// What has changed since `file` was locked, if it was; `now` gives the present versions.
///
/// # Errors
/// When the lock file can't be read.
pub fn doubts(file: &Path, now: impl FnOnce() -> Versions) -> Result<Vec<Doubt>, Error> {
    let lock = LockFile::beside(file)?;
    let doubt = |code, message, line, help| {
        let place = format!("{}:{line}", shown_path(lock.path()));
        Doubt { code, message, file: lock.path().to_owned(), line, column: 1, place, help }
    };
    let changes = lock.versions(file).map_or_else(Vec::new, |locked| locked.changes(&now()));
    let changed = changes.iter().map(|change| {
        let (code, help) = match change {
            Change::Added { .. } => ("not-locked", "lock it"),
            Change::Unused { .. } => ("lock-unused", "remove it"),
            Change::Moved { .. } => ("lock-changed", "take what is there now"),
        };
        let line = lock.line(file, change.operation());
        doubt(code, change.to_string(), line, format!("{help}: {}", update(file)))
    });
    let gone = lock.gone().into_iter().map(|name| {
        let message = gone_words(name);
        doubt("lock-unused", message, 1, format!("remove it: {}", update(file)))
    });
    Ok(changed.chain(gone).collect())
}

/// Writes to standard error what has changed since `file` was locked.
///
/// # Errors
/// As [`doubts`].
pub fn warn(file: &Path, pipeline: &Pipeline, settings: &Settings, terminal: &Terminal) -> Result<(), Error> {
    let doubts = doubts(file, || settings.versions(pipeline.plan()))?;
    for doubt in doubts.iter().take(WARNINGS_MAX) {
        terminal.note_line(&doubt.headline());
    }
    let more = doubts.len().saturating_sub(WARNINGS_MAX);
    if more > 0 {
        let line = format!("  … and {more} more: motet check {}", typed_path(file));
        terminal.note_line(&Line::of(Tone::Plain, line));
    }
    if let Some(doubt) = doubts.first() {
        terminal.note_line(&Line::of(Tone::Plain, format!("  {}", doubt.help)));
    }
    Ok(())
}
