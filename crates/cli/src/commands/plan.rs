//! `motet plan`: the whole score before the first note, and what it may cost, in writing.

use std::path::PathBuf;

use motet::language::StepPath;
use motet::session::StartRequest;
use motet::store::World;
use motet::{Forecast, ForkOptions, Pipeline, Quote, Session, StorePlace};

use crate::arguments;
use crate::commands::check::load;
use crate::commands::lock;
use crate::exit::Exit;
use crate::inputs::{self, Given};
use crate::problem::Problem;
use crate::project::{Project, typed_command, typed_path};
use crate::render::forecast;
use crate::render::line::{Line, Tone};
use crate::render::plan::{self, Bill};
use crate::render::quote;
use crate::render::words::unreal_line;
use crate::score::missing::refuse_missing;
use crate::score::{Score, history};
use crate::terminal::Terminal;

pub fn plan(asked: &arguments::Plan, terminal: &Terminal) -> Result<Exit, Problem> {
    let planned = Planned::read(asked, terminal)?;
    planned.show(asked, terminal);
    planned.end()
}

/// The same, and writes a quote into `out`.
pub async fn quote(asked: arguments::Plan, out: PathBuf, terminal: Terminal) -> Result<Exit, Problem> {
    let planned = Planned::read(&asked, &terminal)?;
    let quote = planned.quote().await?;
    planned.show(&asked, &terminal);
    quote.write(&out)?;
    let file = typed_path(&out);
    let run = typed_command(format!("run {} --quote {file}", typed_path(&asked.file)));
    let same = if asked.given.are_none() { "" } else { " --input …" };
    quote::lines(&quote, &file).iter().for_each(|line| terminal.note_line(line));
    terminal.note_line(&Line::of(Tone::Dim, format!("  {run}{same}")));
    planned.end()
}

/// What a fork of a run would keep, do and cost. The store is only looked at.
pub async fn against(asked: arguments::Plan, run: String, terminal: Terminal) -> Result<Exit, Problem> {
    let planned = Planned::read(&asked, &terminal)?;
    let name = planned.pipeline.plan().name.clone();
    let forecast = planned.forecast(&run, asked.fresh, &terminal).await?;
    if asked.json {
        let told = forecast::json(&name, &forecast);
        let text = serde_json::to_string_pretty(&told).expect("a forecast is plain data");
        terminal.data(&format!("{text}\n"));
    } else {
        unreal_line(planned.project.world()).iter().for_each(|line| terminal.data_line(line));
        let lines = forecast::lines(&name, &forecast, &terminal.out);
        lines.iter().for_each(|line| terminal.data_line(line));
    }
    match planned.project.world() {
        Some(World::Simulated) => Ok(Exit::Good),
        _ => planned.end(),
    }
}

/// A pipeline with what a run of it would be given.
struct Planned {
    project: Project,
    pipeline: Pipeline,
    given: Given,
}

impl Planned {
    fn read(asked: &arguments::Plan, terminal: &Terminal) -> Result<Planned, Problem> {
        let project = Project::find(Some(&asked.file), &asked.store)?;
        let pipeline = load(&asked.file, &project.settings.catalogue())?;
        lock::warn(&asked.file, &pipeline, &project.settings, terminal)?;
        let given = inputs::read(&pipeline.plan().inputs, &asked.given)?;
        Ok(Planned { project, pipeline, given })
    }

    fn show(&self, asked: &arguments::Plan, terminal: &Terminal) {
        let plan = self.pipeline.plan();
        let estimate = plan.estimate(&self.given.known(&plan.inputs));
        let bill = Bill { estimate: &estimate, budget: plan.budget };
        let mut score = Score::new(plan, &history(plan, self.project.history().as_ref()));
        let settings = &self.project.settings;
        score.count_keys(|provider| settings.keys_of(provider).iter().filter(|key| key.is_there).count());
        if asked.json {
            let text =
                serde_json::to_string_pretty(&plan::json(&score, &bill)).expect("a plan is plain data");
            terminal.data(&format!("{text}\n"));
        } else if asked.mermaid {
            terminal.data(&plan::mermaid(&score));
        } else {
            unreal_line(self.project.world()).iter().for_each(|line| terminal.data_line(line));
            plan::lines(&score, &bill, &terminal.out).iter().for_each(|line| terminal.data_line(line));
        }
    }

    /// What it is going to cost, with all inputs and their files looked at; the project's store is left as it is.
    async fn quote(&self) -> Result<Quote, Problem> {
        let session = Session::open(StorePlace::Memory, &self.project.settings).await?;
        let Given { values: inputs, files } = self.given.clone();
        let bundle = self.pipeline.bundle().clone();
        let quote = session.quote(StartRequest { bundle, inputs, files, ..StartRequest::default() }).await;
        session.close().await;
        Ok(quote?)
    }

    async fn forecast(
        &self,
        run: &str,
        fresh: Vec<StepPath>,
        terminal: &Terminal,
    ) -> Result<Forecast, Problem> {
        let store = self.project.read_store(terminal)?;
        let session = Session::open(StorePlace::Memory, &self.project.settings).await?;
        let Given { values, files } = self.given.clone();
        let pipeline = Some(self.pipeline.clone());
        let options = ForkOptions { pipeline, fresh, ..ForkOptions::default() };
        let forecast = session.forecast_fork(&store, run, values, files, &options).await;
        session.close().await;
        Ok(forecast?)
    }

    fn end(&self) -> Result<Exit, Problem> {
        refuse_missing(self.pipeline.plan(), &self.project.settings)?;
        Ok(Exit::Good)
    }
}
