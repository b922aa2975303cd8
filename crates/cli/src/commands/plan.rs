//! `motet plan`: the whole score before the first note.

use crate::arguments;
use crate::commands::check::load;
use crate::exit::Exit;
use crate::inputs;
use crate::problem::Problem;
use crate::project::Project;
use crate::render::plan::{self, Bill};
use crate::render::words::unreal_line;
use crate::score::missing::refuse_missing;
use crate::score::{Score, history};
use crate::terminal::Terminal;

pub fn plan(asked: &arguments::Plan, terminal: &Terminal) -> Result<Exit, Problem> {
    let project = Project::find(Some(&asked.file), &asked.store)?;
    let pipeline = load(&asked.file, &project.settings.catalogue())?;
    let given = inputs::read(&pipeline.plan().inputs, &asked.given)?;
    let estimate = pipeline.plan().estimate(&given.known(&pipeline.plan().inputs));
    let bill = Bill { estimate: &estimate, budget: pipeline.plan().budget };
    let score = Score::new(pipeline.plan(), &history(pipeline.plan(), project.history().as_ref()));
    if asked.json {
        let text = serde_json::to_string_pretty(&plan::json(&score, &bill)).expect("a plan is plain data");
        terminal.data(&format!("{text}\n"));
    } else if asked.mermaid {
        terminal.data(&plan::mermaid(&score));
    } else {
        unreal_line(project.world()).iter().for_each(|line| terminal.data_line(line));
        plan::lines(&score, &bill, &terminal.out).iter().for_each(|line| terminal.data_line(line));
    }
    refuse_missing(pipeline.plan(), &project.settings)?;
    Ok(Exit::Good)
}
