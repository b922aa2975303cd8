//! `motet resume`: unfinished runs continue.

use crate::arguments;
use crate::exit::Exit;
use crate::follow::Following;
use crate::problem::Problem;
use crate::project::{Project, user_name};
use crate::render::line::{Line, Tone};
use crate::stop::Stop;
use crate::terminal::Terminal;

pub async fn resume(asked: arguments::Resume, terminal: Terminal, stop: Stop) -> Result<Exit, Problem> {
    let project = Project::find_to_follow(None, &asked.store, &asked.follow)?;
    // Without a store nothing can be unfinished; opening one to write would make it.
    drop(project.read_store()?);
    let session = project.open_session_of(&asked.adopt, terminal).await?;
    let following = Following::new(&project, &session, &terminal, &asked.follow)?;
    let runs = match (&asked.run, asked.budget) {
        (Some(run), Some(budget)) => vec![session.fund(run, budget, &user_name()).await?],
        (run, _) => session.resume(run.as_deref()).await?,
    };
    if runs.is_empty() {
        terminal.note_line(&Line::of(Tone::Plain, "nothing to resume: every run is over"));
    }
    following.follow(runs, stop).await
}
