//! `motet fork`: a new run continues from one that is over, with something changed.

use motet::ForkOptions;

use crate::arguments;
use crate::commands::check::load;
use crate::exit::Exit;
use crate::follow::Following;
use crate::inputs;
use crate::problem::Problem;
use crate::project::Project;
use crate::stop::Stop;
use crate::terminal::Terminal;

pub async fn fork(asked: arguments::Fork, terminal: Terminal, stop: Stop) -> Result<Exit, Problem> {
    let project = Project::find_to_follow(asked.pipeline.as_deref(), &asked.store, &asked.follow)?;
    drop(project.read_store()?);
    let catalogue = project.settings.catalogue();
    let edited = asked.pipeline.as_deref().map(|file| load(file, &catalogue)).transpose()?;
    let session = project.open_session_of(&asked.adopt, terminal).await?;
    let pipeline = match &edited {
        Some(pipeline) => pipeline.clone(),
        None => session.pipeline_of(&asked.run)?,
    };
    let given = inputs::read(&pipeline.plan().inputs, &asked.given)?;
    let following = Following::new(&project, &session, &terminal, &asked.follow)?;
    let budget = asked.spending.budget;
    let options = ForkOptions { pipeline: edited, fresh: asked.fresh, budget, user: None };
    let run = session.fork(&asked.run, given.values, given.files, options).await?;
    following.follow(vec![run], stop).await
}
