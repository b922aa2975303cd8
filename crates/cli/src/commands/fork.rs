//! `motet fork`: a new run continues from one that is over, with something changed.

use motet::{ForkOptions, Pipeline};

use crate::arguments::{self, DrivingFlags};
use crate::commands::check::load;
use crate::commands::lock;
use crate::commands::retry::decline;
use crate::exit::Exit;
use crate::follow::Following;
use crate::inputs;
use crate::problem::Problem;
use crate::project::{Project, find_run};
use crate::score::asking::{Expense, is_wanted};
use crate::stop::Stop;
use crate::terminal::Terminal;

pub async fn fork(asked: arguments::Fork, terminal: Terminal, stop: Stop) -> Result<Exit, Problem> {
    let DrivingFlags { follow, store, adopt } = &asked.driving;
    let project = Project::find_to_follow(asked.pipeline.as_deref(), store, follow)?;
    let edited =
        asked.pipeline.as_deref().map(|file| load(file, &project.settings.catalogue())).transpose()?;
    if let (Some(file), Some(edited)) = (&asked.pipeline, &edited) {
        lock::warn(file, edited, &project.settings, &terminal)?;
    }
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
    if asked.spending.is_to_be_asked(&project) {
        let (inputs, files) = (given.values.clone(), given.files.clone());
        let store = session.store();
        let forecast = session.forecast_fork(store, &asked.run, inputs, files, &options).await?;
        if !is_wanted(&Expense::of_forecast(&forecast), project.settings.money.ask_above, &terminal)? {
            return Ok(decline(session, &terminal).await);
        }
    }
    let run = session.fork(&asked.run, given.values, given.files, options).await?;
    following.follow(vec![run], stop).await
}
