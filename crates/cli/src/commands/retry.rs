//! `motet retry`: a run that is over is done over, except for what is finished.

use motet::RetryOptions;

use crate::arguments::{self, DrivingFlags};
use crate::exit::Exit;
use crate::follow::Following;
use crate::problem::Problem;
use crate::project::Project;
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
    let run = session.retry(&asked.run, options).await?;
    following.follow(vec![run], stop).await
}
