//! `motet resolve`: a person decides about a parked step.

use motet::engine::Decision;
use motet::language::StepPath;

use crate::arguments::{self, AdoptFlag};
use crate::exit::Exit;
use crate::follow::Following;
use crate::problem::Problem;
use crate::project::{Project, user_name};
use crate::stop::Stop;
use crate::terminal::Terminal;

pub async fn resolve(asked: arguments::Resolve, terminal: Terminal, stop: Stop) -> Result<Exit, Problem> {
    let project = Project::find_to_follow(None, &asked.store, &asked.follow)?;
    let session = project.reopen_session(&AdoptFlag::default(), terminal).await?;
    let following = Following::new(&project, &session, &terminal, &asked.follow)?;
    let user = user_name();
    let step = StepPath::from_text(&asked.step);
    let run = session.resolve(&asked.run, &step, asked.decision, &user).await?;
    following.follow(vec![run], stop).await
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
