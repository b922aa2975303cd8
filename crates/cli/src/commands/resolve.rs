//! `motet resolve`: a person decides about a parked step.

use motet::Error;
use motet::engine::{Decision, ParkReason, RunId};
use motet::language::StepPath;
use motet::report::{Undecided, park_reason, undecided_steps};
use motet::store::{Store, StoreError};

use crate::arguments::{self, AdoptFlag};
use crate::exit::Exit;
use crate::follow::Following;
use crate::problem::Problem;
use crate::project::{Project, typed_command, user_name};
use crate::render::search::command_to_resolve;
use crate::render::words::count;
use crate::score::shortage::command_to_fund;
use crate::stop::Stop;
use crate::terminal::Terminal;

/// How many steps are named that wait for a decision.
const LISTED_MAX: usize = 2;

pub async fn resolve(asked: arguments::Resolve, terminal: Terminal, stop: Stop) -> Result<Exit, Problem> {
    let project = Project::find_to_follow(None, &asked.store, &asked.follow)?;
    let session = project.reopen_session(&AdoptFlag::default(), terminal).await?;
    let following = Following::new(&project, &session, &terminal, &asked.follow)?;
    let user = user_name();
    let step = StepPath::from_text(&asked.step);
    match session.resolve(&asked.run, &step, asked.decision, &user).await {
        Ok(run) => following.follow(vec![run], stop).await,
        Err(error) => Err(with_next_step(error, session.store())),
    }
}

/// The refusal of a decision, with what can be done instead.
fn with_next_step(error: Error, store: &Store) -> Problem {
    let Error::NotParked { run, step, .. } = &error else { return error.into() };
    let (run, step) = (run.clone(), step.clone());
    let problem = Problem::from(error);
    match next_steps(store, &run, &step) {
        Ok(steps) => steps.into_iter().fold(problem, Problem::line),
        // What couldn't be read is told by the next command.
        Err(_) => problem,
    }
}

fn next_steps(store: &Store, run: &RunId, step: &StepPath) -> Result<Vec<String>, StoreError> {
    if park_reason(store, run, step)? == Some(ParkReason::Budget) {
        return Ok(vec![format!("it waits for money: {}", command_to_fund(store, run))]);
    }
    let Some(row) = store.run(run)? else { return Ok(Vec::new()) };
    if row.status.is_final() {
        return Ok(vec![format!(
            "see the status of its steps: {}",
            typed_command(format!("show {}", run.short()))
        )]);
    }
    let undecided = undecided_steps(store, &row)?;
    let command = |it: &Undecided| command_to_resolve(run, &it.step, it.may_name_job);
    let mut lines: Vec<String> = undecided.iter().take(LISTED_MAX).map(command).collect();
    match undecided.len() {
        0 => lines.push(format!(
            "nothing in this run waits for a decision: {}",
            typed_command(format!("show {}", run.short()))
        )),
        several if several > LISTED_MAX => {
            let more = count(several - LISTED_MAX, "more step");
            lines.push(format!("… and {more}: {}", typed_command(format!("show {}", run.short()))));
        }
        _ => {}
    }
    Ok(lines)
}

/// Reads `send`, `fail` or `job=ID`.
pub fn read_decision(text: &str) -> Result<Decision, String> {
    match (text, text.strip_prefix("job=")) {
        ("send", _) => Ok(Decision::Send),
        ("fail", _) => Ok(Decision::Fail),
        (_, Some(job)) if !job.is_empty() => Ok(Decision::Job(job.to_owned())),
        _ => Err("write `send` (a new attempt, which may cost again), `fail`, or `job=ID`".to_owned()),
    }
}
