//! `motet run`: a pipeline file runs, or an unfinished run of it goes on.

use motet::StartOptions;
use motet::engine::RunId;
use motet::session::StartRequest;

use crate::arguments;
use crate::commands::check::load;
use crate::exit::Exit;
use crate::follow::Following;
use crate::inputs;
use crate::problem::Problem;
use crate::project::Project;
use crate::score::missing::refuse_missing;
use crate::stop::Stop;
use crate::terminal::Terminal;

pub async fn run(asked: arguments::Run, terminal: Terminal, stop: Stop) -> Result<Exit, Problem> {
    let project = Project::find_to_follow(Some(&asked.file), &asked.store, &asked.follow)?;
    let pipeline = load(&asked.file, &project.settings.catalogue())?;
    let given = inputs::read(&pipeline.plan().inputs, &asked.inputs, asked.inputs_file.as_deref())?;
    refuse_missing(pipeline.plan(), &project.settings.tools)?;
    let options = options(&asked)?;
    let session = project.open_session_of(&asked.adopt, terminal).await?;
    let mut following = Following::new(&project, &session, &terminal, &asked.follow)?;
    if is_told_by_its_file(&asked) {
        following = following.of_file(&asked.file);
    }
    let request =
        StartRequest { bundle: pipeline.bundle().clone(), inputs: given.values, files: given.files, options };
    let followed = session.start(request).await?;
    following.follow(vec![followed], stop).await
}

/// Whether the file alone, typed again, starts the same anew.
fn is_told_by_its_file(asked: &arguments::Run) -> bool {
    asked.inputs.is_empty() && asked.inputs_file.is_none() && asked.id.is_none()
}

fn options(asked: &arguments::Run) -> Result<StartOptions, Problem> {
    let labels = inputs::labels(&asked.labels)?;
    let id = asked.id.as_deref().map(RunId::new);
    Ok(StartOptions { id, user: asked.user.clone(), labels, new: asked.new })
}
