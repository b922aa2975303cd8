//! `motet retry`: a run that is over is done over, except for what is finished.

use motet::{RetryOptions, Session};

use crate::arguments::{self, DrivingFlags, SpendingFlags};
use crate::exit::Exit;
use crate::follow::Following;
use crate::problem::Problem;
use crate::project::Project;
use crate::render::line::{Line, Tone};
use crate::score::asking::{Expense, is_wanted};
use crate::stop::Stop;
use crate::terminal::Terminal;

pub async fn retry(asked: arguments::Retry, terminal: Terminal, stop: Stop) -> Result<Exit, Problem> {
    let DrivingFlags { follow, store, adopt } = &asked.driving;
    let project = Project::find_to_follow(None, store, follow)?;
    let session = project.reopen_session(adopt, terminal).await?;
    let following = Following::new(&project, &session, &terminal, follow)?;
    let options = RetryOptions {
        from: asked.from,
        budget: asked.spending.budget,
        user: None,
        no_cache: asked.cache.no_cache,
    };
    if asked.spending.is_to_be_asked(&project) {
        let forecast = session.forecast_retry(session.store(), &asked.run, &options)?;
        if !is_wanted(&Expense::of_forecast(&forecast), project.settings.money.ask_above, &terminal)? {
            return Ok(decline(session, &terminal).await);
        }
    }
    let run = session.retry(&asked.run, options).await?;
    following.follow(vec![run], stop).await
}

impl SpendingFlags {
    /// Whether somebody is to be asked before much is spent: only what is real is paid.
    pub fn is_to_be_asked(&self, project: &Project) -> bool {
        !self.yes && self.budget.is_none() && project.world() != Some(motet::store::World::Simulated)
    }
}

/// Leaves everything as it is, because somebody said no.
pub async fn decline(session: Session, terminal: &Terminal) -> Exit {
    session.close().await;
    terminal.note_line(&Line::of(Tone::Plain, "nothing ran and nothing was spent"));
    Exit::Good
}
