//! Calls whose outcome is unknown: what happened, what is done about it now, and what a person may do.

use std::path::Path;

use motet::engine::RunId;
use motet::language::StepPath;
use motet::report::{RunRecord, Search};

use super::line::{Line, Tone};
use super::words::clock_time;
use crate::project::{typed_command, typed_path};

/// A call that is looked for at its provider.
pub struct LookedFor<'s> {
    run: &'s RunId,
    step: &'s StepPath,
    operation: &'s str,
    search: &'s Search,
    may_name_job: bool,
    /// Whether no process drives the run, so that nobody looks.
    is_interrupted: bool,
}

impl<'s> LookedFor<'s> {
    /// All of a run, by path.
    pub fn of(record: &'s RunRecord) -> impl Iterator<Item = LookedFor<'s>> {
        record.searches().map(|(step, operation, search)| LookedFor::new(record, step, operation, search))
    }

    /// That of one step.
    pub fn at(record: &'s RunRecord, step: &'s StepPath) -> Option<LookedFor<'s>> {
        let attempt = record.step(step)?.last_attempt()?;
        Some(LookedFor::new(record, step, &attempt.operation, attempt.search.as_deref()?))
    }

    fn new(
        record: &'s RunRecord,
        step: &'s StepPath,
        operation: &'s str,
        search: &'s Search,
    ) -> LookedFor<'s> {
        let (run, may_name_job) = (&record.run, record.may_name_job(step));
        LookedFor { run, step, operation, search, may_name_job, is_interrupted: record.interrupted }
    }

    pub fn step(&self) -> &StepPath {
        self.step
    }

    /// `outcome unknown: looking for the request at replicate until 14:05:10, next look at 14:03:20`
    pub fn state(&self) -> String {
        format!("outcome unknown: {}", self.what_goes_on())
    }

    fn what_goes_on(&self) -> String {
        if self.is_interrupted {
            return "no process looks for the request now".to_owned();
        }
        let provider = self.operation.split('/').next().unwrap_or_default();
        let until = self.search.until.map_or(String::new(), |until| format!(" until {}", clock_time(until)));
        let next =
            self.search.next_look.map_or(String::new(), |at| format!(", next look at {}", clock_time(at)));
        format!("looking for the request at {provider}{until}{next}")
    }

    /// What a person may do.
    pub fn advice(&self) -> String {
        format!("to decide now: {}", command_to_resolve(self.run, self.step, self.may_name_job))
    }

    /// `outcome unknown: no reply to a request that may be billed (the connection was lost); looking for …; to decide now: …`
    pub fn in_full(&self) -> String {
        let why = &self.search.why;
        format!(
            "outcome unknown: no reply to a request that may be billed ({why}); {}; {}",
            self.what_goes_on(),
            self.advice()
        )
    }

    /// The same for a screen that shows the state of the step already: what happened, and what a person may do.
    pub fn lines(&self) -> [Line; 2] {
        let what = format!("  {}: no reply to a request that may be billed ({})", self.step, self.search.why);
        [Line::of(Tone::Doubtful, what), Line::of(Tone::Plain, format!("    {}", self.advice()))]
    }
}

/// What decides about the step at `path`, whose job can be named if there may be one.
pub fn command_to_resolve(run: &RunId, path: &StepPath, may_name_job: bool) -> String {
    let step = typed_path(Path::new(path.as_str()));
    let choices = if may_name_job { "send|fail|job=ID" } else { "send|fail" };
    typed_command(format!("resolve {} {step} {choices}", run.short()))
}
