//! `motet resume`: unfinished runs continue.

use motet::store::RunRow;

use crate::arguments::{self, DrivingFlags};
use crate::exit::Exit;
use crate::follow::Following;
use crate::problem::Problem;
use crate::project::{Project, find_run, user_name};
use crate::render::line::{Line, Tone};
use crate::stop::Stop;
use crate::terminal::Terminal;

/// That a run that is over spends nothing any more.
pub fn unused(row: &RunRow) -> Line {
    let (run, status) = (row.id.short(), row.status.word());
    Line::of(Tone::Doubtful, "warning").plain(format!(": run {run} is {status}, so --budget changes nothing"))
}

pub async fn resume(asked: arguments::Resume, terminal: Terminal, stop: Stop) -> Result<Exit, Problem> {
    let DrivingFlags { follow, store, adopt } = &asked.driving;
    let project = Project::find_to_follow(None, store, follow)?;
    let session = project.reopen_session(adopt, terminal).await?;
    let following = Following::new(&project, &session, &terminal, follow)?;
    let runs = match (&asked.run, asked.budget) {
        (Some(run), Some(budget)) => {
            let row = find_run(session.store(), run)?;
            if row.status.is_final() {
                terminal.note_line(&unused(&row));
            }
            vec![session.fund(run, budget, &user_name()).await?]
        }
        (run, _) => session.resume(run.as_deref()).await?,
    };
    if runs.is_empty() {
        terminal.note_line(&Line::of(Tone::Plain, "nothing to resume: every run is over"));
    }
    following.follow(runs, stop).await
}
