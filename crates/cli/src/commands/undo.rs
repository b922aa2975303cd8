//! `motet undo`: what a run did that is over is undone.

use motet::UndoOptions;

use crate::arguments::{self, DrivingFlags};
use crate::exit::Exit;
use crate::follow::Following;
use crate::problem::Problem;
use crate::project::Project;
use crate::stop::Stop;
use crate::terminal::Terminal;

pub async fn undo(asked: arguments::Undo, terminal: Terminal, stop: Stop) -> Result<Exit, Problem> {
    let DrivingFlags { follow, store, adopt } = &asked.driving;
    let project = Project::find_to_follow(None, store, follow)?;
    let session = project.reopen_session(adopt, terminal).await?;
    let following = Following::new(&project, &session, &terminal, follow)?;
    let options = UndoOptions { budget: asked.spending.budget, user: None };
    let run = session.undo(&asked.run, options).await?;
    following.follow(vec![run], stop).await
}
