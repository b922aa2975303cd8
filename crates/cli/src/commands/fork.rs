//! `motet fork`: a new run continues from one that is over, with something changed.

use motet::{ForkOptions, Pipeline};

use crate::arguments::{self, DrivingFlags};
use crate::commands::check::load;
use crate::exit::Exit;
use crate::follow::Following;
use crate::inputs;
use crate::problem::Problem;
use crate::project::{Project, find_run};
use crate::stop::Stop;
use crate::terminal::Terminal;

pub async fn fork(asked: arguments::Fork, terminal: Terminal, stop: Stop) -> Result<Exit, Problem> {
    let DrivingFlags { follow, store, adopt } = &asked.driving;
    let project = Project::find_to_follow(asked.pipeline.as_deref(), store, follow)?;
    let edited =
        asked.pipeline.as_deref().map(|file| load(file, &project.settings.catalogue())).transpose()?;
    let session = project.reopen_session(adopt, terminal).await?;
    let pipeline = match edited {
        Some(edited) => edited,
        None => {
            let run = find_run(session.store(), &asked.run)?.id;
            Pipeline::of_run(session.store(), session.catalogue(), &run)?
        }
    };
    let given = inputs::read(&pipeline.plan().inputs, &asked.given)?;
    let following = Following::new(&project, &session, &terminal, follow)?;
    let budget = asked.spending.budget;
    let options = ForkOptions {
        pipeline: Some(pipeline),
        fresh: asked.fresh,
        budget,
        user: None,
        no_cache: asked.cache.no_cache,
    };
    let run = session.fork(&asked.run, given.values, given.files, options).await?;
    following.follow(vec![run], stop).await
}
