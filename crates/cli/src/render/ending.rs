//! The end of a run: what came out, or what went wrong, what is kept, and what to type next.

use std::path::PathBuf;
use std::sync::Arc;

use motet::Artifact;
use motet::engine::{ParkReason, StepStatus};
use motet::language::{StepPath, Timestamp, Value};
use motet::outputs::OutputFile;
use motet::report::{ArtifactPlaces, RunRecord, StepRecord};
use motet::store::RunStatus;

use super::billing;
use super::line::{Line, Look, Tone};
use super::money::sums;
use super::plain::undone_line;
use super::search::command_to_resolve;
use super::table::Table;
use super::words::{brief, bytes, count, duration, measures};
use crate::project::{shown_path, typed_command};

/// What an end is made of.
pub struct Ending<'e> {
    pub record: &'e RunRecord,
    /// The files that the outputs were laid out in.
    pub files: &'e [OutputFile],
    /// Where the store keeps artifacts.
    pub places: &'e ArtifactPlaces,
    /// Whether the store stays, so that the run can be looked at later.
    pub is_kept: bool,
    /// The process that continues a run that isn't over.
    pub driver: Option<u32>,
    /// What goes on with a run that is parked for money.
    pub to_fund: Option<String>,
    pub now: Timestamp,
}

impl Ending<'_> {
    /// What is said about the run. Nothing is cut: this stays, and reasons are to be read in full.
    pub fn lines(&self, look: &Look) -> Vec<Line> {
        let mut lines = match self.record.status {
            RunStatus::Completed => vec![self.completed(look)],
            RunStatus::Failed => self.failed(look),
            RunStatus::Cancelled => vec![self.cancelled(look)],
            RunStatus::Parked => self.parked(look),
            _ => vec![self.interrupted(look)],
        };
        let is_lost = matches!(self.record.status, RunStatus::Failed | RunStatus::Cancelled);
        lines.extend(undone_line(self.record).or_else(|| self.kept().filter(|_| is_lost)));
        lines.extend(billing::lines(self.record));
        lines
    }

    /// The outputs: the data that a run gives.
    pub fn outputs(&self, look: &Look) -> Vec<Line> {
        let Some(outputs) = self.record.outputs.as_ref().and_then(Value::as_map) else { return Vec::new() };
        let mut table = Table::default();
        for (name, value) in outputs {
            let files = self.files_of(name, value);
            if files.is_empty() {
                table.row([(Tone::Strong, name.clone()), (Tone::Plain, shown(value, look))]);
            }
            for (index, (artifact, path)) in files.into_iter().enumerate() {
                let measured = artifact.map_or(String::new(), |artifact| {
                    format!("{}, {}", measures(&artifact, look.symbols.times), bytes(artifact.bytes))
                });
                let label = if index == 0 { name.clone() } else { String::new() };
                let path = path.map_or(String::new(), |path| shown_path(&path));
                table.row([(Tone::Strong, label), (Tone::Plain, measured), (Tone::Plain, path)]);
            }
        }
        // Paths are to be copied, so these lines are never cut.
        table.lines(usize::MAX, &look.symbols)
    }

    /// The files of an output: as they were laid out, else those in the store.
    fn files_of(&self, name: &str, value: &Value) -> Vec<(Option<Arc<Artifact>>, Option<PathBuf>)> {
        let laid_out = self.files.iter().filter(|file| file.output.as_deref() == Some(name));
        let mut files: Vec<_> =
            laid_out.map(|file| (file.artifact.clone(), Some(file.path.clone()))).collect();
        if files.is_empty() {
            value.for_each_artifact(&mut |artifact| {
                files.push((Some(artifact.clone()), self.places.path_of(&artifact.digest)));
            });
        }
        files
    }

    /// What to type next: only what exists.
    pub fn next(&self, look: &Look) -> Option<Line> {
        let run = self.record.run.short();
        let mut commands = Vec::new();
        if self.is_kept {
            match self.record.status {
                RunStatus::Completed => commands.push(typed_command(format!("show {run}"))),
                RunStatus::Failed | RunStatus::Cancelled => {
                    commands.push(typed_command(format!("show {run}")));
                    commands.push(typed_command(format!("retry {run}")));
                }
                RunStatus::Parked => {
                    commands.extend(self.to_fund.clone().or_else(|| resolve_command(self.record)));
                    commands.push(typed_command(format!("show {run}")));
                }
                // To resume a run that another process drives is to follow it again.
                _ => commands.push(typed_command(format!("resume {run}"))),
            }
        }
        let separator = format!(" {} ", look.symbols.between);
        (!commands.is_empty()).then(|| Line::of(Tone::Dim, format!("  {}", commands.join(&separator))))
    }

    fn completed(&self, look: &Look) -> Line {
        let record = self.record;
        let mut line = Line::of(Tone::Good, look.symbols.done)
            .then(Tone::Good, " completed")
            .plain(format!(" in {}", duration(record.elapsed(self.now))));
        for sum in sums(record) {
            line = line.plain(format!(", {sum}"));
        }
        if record.degraded {
            line = line.then(Tone::Doubtful, ", degraded: failures were tolerated or fallbacks used");
        }
        line
    }

    fn failed(&self, look: &Look) -> Vec<Line> {
        let record = self.record;
        let cause = record.failed_step.as_ref().map(|step| self.cause_of(step));
        let step = cause.as_ref().and_then(|path| record.step(path));
        let place = match (&cause, step) {
            (Some(path), Some(step)) => format!(": {path}{}", attempts_in_words(step)),
            (Some(path), None) => format!(": {path}"),
            (None, _) => String::new(),
        };
        let mut lines = vec![
            Line::of(Tone::Bad, look.symbols.failed)
                .then(Tone::Bad, " failed")
                .plain(format!(" after {}{place}", duration(record.elapsed(self.now)))),
        ];
        lines.extend(step.map(|step| attempt_lines(step, look)).unwrap_or_default());
        let said = step.is_some_and(|step| step.attempts.iter().any(|attempt| attempt.failure.is_some()));
        if let (false, Some(failure)) = (said, &record.failure) {
            lines.push(
                Line::new()
                    .plain("  ")
                    .then(Tone::Bad, failure.class.word())
                    .plain(format!("   {}", failure.message)),
            );
        }
        lines
    }

    /// The step or item further in where it went wrong.
    fn cause_of(&self, path: &StepPath) -> StepPath {
        let failed = |step: &StepRecord| step.status == StepStatus::Failed && !step.tolerated;
        let inside = self.record.below(path).filter(|(_, step)| failed(step));
        // Earliest first; of those of the same moment the innermost.
        let first = inside.min_by_key(|(path, step)| (step.ended_at, std::cmp::Reverse(path.as_str().len())));
        first.map_or_else(|| path.clone(), |(path, _)| path.clone())
    }

    fn cancelled(&self, look: &Look) -> Line {
        let after = duration(self.record.elapsed(self.now));
        let reason = self.record.reason.as_deref().unwrap_or_default();
        Line::of(Tone::Doubtful, look.symbols.skipped)
            .then(Tone::Doubtful, " cancelled")
            .plain(format!(" after {after}: {reason}"))
    }

    fn parked(&self, look: &Look) -> Vec<Line> {
        let (done, total) = (self.record.steps_done(), self.record.order.len());
        let head = Line::of(Tone::Doubtful, look.symbols.waiting)
            .then(Tone::Doubtful, " parked")
            .plain(format!(": {done} of {} done", count(total, "step")));
        let steps = self.parked_steps().map(|(path, step)| {
            let line = Line::new().plain("  ").then(Tone::Strong, path.to_string());
            line.plain(format!("  {}", step.reason.as_deref().unwrap_or_default()))
        });
        std::iter::once(head).chain(steps).collect()
    }

    fn parked_steps(&self) -> impl Iterator<Item = (&StepPath, &StepRecord)> {
        self.record.steps().filter(|(_, step)| step.status == StepStatus::Parked)
    }

    fn interrupted(&self, look: &Look) -> Line {
        let (done, total) = (self.record.steps_done(), self.record.order.len());
        let line = Line::of(Tone::Doubtful, look.symbols.waiting);
        if let (Some(pid), None) = (self.driver, &self.record.reason) {
            let steps = count(total, "step");
            return line.plain(format!(" continues in process {pid}: {done} of {steps} done"));
        }
        let line = line.then(Tone::Doubtful, " interrupted");
        // Nothing could be read of it: who knows what is done?
        if let (true, Some(reason)) = (self.record.started_at == Timestamp::default(), &self.record.reason) {
            return line.plain(format!(": {reason}"));
        }
        let interrupted = match self.record.steps_at_work() {
            0 => String::new(),
            steps => format!(", {} interrupted", count(steps, "step")),
        };
        let kept = if self.is_kept { " and kept" } else { "" };
        let line = line.plain(format!(": {done} of {} done{kept}{interrupted}", count(total, "step")));
        match &self.record.reason {
            Some(reason) => line.plain(format!("; {reason}")),
            None => line,
        }
    }

    fn kept(&self) -> Option<Line> {
        if !self.is_kept {
            return None;
        }
        let done = |path: &&StepPath| {
            self.record.step(path).is_some_and(|step| step.status == StepStatus::Completed)
        };
        let names: Vec<&str> = self.record.order.iter().filter(done).map(StepPath::as_str).collect();
        (!names.is_empty()).then(|| Line::of(Tone::Dim, format!("  kept: {}", names.join(", "))))
    }
}

/// What decides about the first step of a run that is parked, or of whose call the outcome is unknown.
pub fn resolve_command(record: &RunRecord) -> Option<String> {
    let is_parked =
        |step: &StepRecord| step.status == StepStatus::Parked && step.parked_for != Some(ParkReason::Budget);
    let parked = record.steps().find(|(_, step)| is_parked(step)).map(|(path, _)| path);
    let undecided = parked.or_else(|| record.searches().next().map(|(path, ..)| path))?;
    Some(command_to_resolve(&record.run, undecided, record.may_name_job(undecided)))
}

fn attempts_in_words(step: &StepRecord) -> String {
    let targets = step.attempts.iter().map(|attempt| attempt.target).max().map_or(0, |last| last + 1);
    match step.attempts_made() {
        0 => String::new(),
        1 => " (1 attempt)".to_owned(),
        attempts if targets > 1 => format!(" ({attempts} attempts at {targets} targets)"),
        attempts => format!(" ({attempts} attempts)"),
    }
}

/// `1  local/speak   unavailable   espeak-ng could not be started`
fn attempt_lines(step: &StepRecord, look: &Look) -> Vec<Line> {
    let mut table = Table::default();
    for attempt in &step.attempts {
        let Some(failure) = &attempt.failure else { continue };
        table.row([
            (Tone::Plain, attempt.number.to_string()),
            (Tone::Plain, attempt.operation.clone()),
            (Tone::Bad, failure.class.word().to_owned()),
            (Tone::Plain, failure.message.clone()),
        ]);
    }
    table.lines(usize::MAX, &look.symbols)
}

/// On a terminal a longer text is cut.
const TEXT_CHARACTERS_MAX: usize = 200;

/// A plain output: a text as it is, unless it has several lines; all else as JSON. In a pipe nothing
/// is lost.
fn shown(value: &Value, look: &Look) -> String {
    match value {
        Value::Text(text) if look.cuts && text.chars().nth(TEXT_CHARACTERS_MAX).is_some() => brief(value),
        Value::Text(text) if !text.contains(char::is_control) => text.to_string(),
        other if look.cuts => brief(other),
        other => {
            serde_json::to_string(&ArtifactPlaces::nowhere().value(other)).expect("a value is plain data")
        }
    }
}
