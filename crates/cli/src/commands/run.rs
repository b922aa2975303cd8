//! `motet run`: a pipeline file runs, or an unfinished run of it continues.

use std::path::Path;

use motet::door::Tape;
use motet::engine::RunId;
use motet::session::{Followed, StartRequest};
use motet::store::{RunFilter, RunRow};
use motet::{Error, Pipeline, Quote, StartOptions, read_bundle};

use crate::arguments;
use crate::commands::check::load;
use crate::commands::{lock, resume};
use crate::exit::Exit;
use crate::follow::Following;
use crate::inputs;
use crate::problem::Problem;
use crate::project::{Project, Standing, typed_command, typed_path};
use crate::render::line::{Line, Tone};
use crate::render::words::INTERRUPTED;
use crate::score::asking::{Expense, is_wanted};
use crate::score::missing::refuse_missing;
use crate::stop::Stop;
use crate::terminal::Terminal;

pub async fn run(asked: arguments::Run, terminal: Terminal, stop: Stop) -> Result<Exit, Problem> {
    let project = Project::find_to_follow(Some(&asked.file), &asked.driving.store, &asked.driving.follow)?;
    let project = project.in_world(&asked.world, &asked.driving.store)?;
    let pipeline = load(&asked.file, &project.settings.catalogue())
        .map_err(|error| add_unfinished(error, &project, &asked.file))?;
    lock::warn(&asked.file, &pipeline, &project.settings, &terminal)?;
    let given = inputs::read(&pipeline.plan().inputs, &asked.given)?;
    if !matches!(project.tape, Tape::Replay(_)) {
        refuse_missing(pipeline.plan(), &project.settings)?;
    }
    let options = options(&asked)?;
    let is_answered = asked.yes || asked.budget.is_some() || asked.quote.is_some();
    // Only what is real is paid.
    let is_free = project.settings.is_simulated() || matches!(project.tape, Tape::Replay(_));
    let known = given.known(&pipeline.plan().inputs);
    let expense = Expense::of_plan(&pipeline.plan().estimate(&known));
    if !is_answered && !is_free && !is_wanted(&expense, project.settings.money.ask_above, &terminal)? {
        terminal.note_line(&Line::of(Tone::Plain, "nothing ran and nothing was spent"));
        return Ok(Exit::Good);
    }
    let unfinished = Unfinished::of(&project, &pipeline);
    let session = project.open_session_of(&asked.driving.adopt, terminal).await?;
    let following = Following::new(&project, &session, &terminal, &asked.driving.follow)?;
    let request =
        StartRequest { bundle: pipeline.bundle().clone(), inputs: given.values, files: given.files, options };
    if let (Some(_), Some(id)) = (asked.budget, &asked.id) {
        let over = session.store().run(&RunId::new(id))?.filter(|row| row.status.is_final());
        over.iter().for_each(|row| terminal.note_line(&resume::unused(row)));
    }
    let followed = session.start(request).await.map_err(|error| add_quote(error, &asked))?;
    if let Some(line) = unfinished.and_then(|unfinished| unfinished.line(&followed)) {
        terminal.note_line(&Line::of(Tone::Dim, line));
    }
    following.follow(vec![followed], stop).await
}

/// A run of the same pipeline that isn't over, and that nobody drives.
struct Unfinished {
    run: RunId,
    /// Whether it was started with the same text.
    is_of_this_text: bool,
}

/// Among how many runs of a pipeline an interrupted one is looked for.
const LOOKED_AT: usize = 50;

impl Unfinished {
    /// The newest one.
    fn of(project: &Project, pipeline: &Pipeline) -> Option<Unfinished> {
        let (store, plan) = (project.history()?, pipeline.plan());
        let standing = Standing::of(&store);
        let last =
            RunFilter { pipeline: Some(plan.name.clone()), limit: Some(LOOKED_AT), ..RunFilter::default() };
        let row = store.runs(&last).ok()?.into_iter().find(|row| standing.is_interrupted(row))?;
        let kept = store.plan(&row.plan).ok().flatten();
        let is_of_this_text = kept.is_some_and(|kept| kept.version == plan.version);
        Some(Unfinished { run: row.id, is_of_this_text })
    }

    /// What to say of it beside a new run; nothing if it is the one that continues.
    fn line(&self, followed: &Followed) -> Option<String> {
        let run = self.run.short();
        let text = if self.is_of_this_text { "the same" } else { "an earlier" };
        let command = typed_command(format!("resume {run}"));
        (!followed.found).then(|| format!("run {run} of {text} text is {INTERRUPTED}: {command}"))
    }
}

/// Says which run of the pipeline is unfinished: a rule or contract that changed refuses new ones alone.
fn add_unfinished(error: Error, project: &Project, file: &Path) -> Problem {
    let unfinished = || {
        let version = read_bundle(file).ok()?.version()?;
        let store = project.history()?;
        let is_of_it = |row: &RunRow| {
            let kept = store.plan(&row.plan).ok().flatten();
            kept.is_some_and(|kept| kept.version == version)
        };
        store.unfinished().ok()?.into_iter().rev().find(is_of_it)
    };
    let row = if matches!(error, Error::Check(_)) { unfinished() } else { None };
    match row {
        None => error.into(),
        Some(row) => Problem::from(error).line(format!(
            "run {} of it is unfinished, and continues as it was started: {}",
            row.id.short(),
            typed_command(format!("resume {}", row.id.short()))
        )),
    }
}

/// Says how to make a quote that holds.
fn add_quote(error: Error, asked: &arguments::Run) -> Problem {
    let (Error::Quote(_), Some(remedy)) = (&error, error.hint()) else { return error.into() };
    let quote = asked.quote.as_deref().unwrap_or(Path::new("quote.json"));
    let command = typed_command(format!("plan {} --quote {}", typed_path(&asked.file), typed_path(quote)));
    let inputs = if asked.given.are_none() { "" } else { " --input …" };
    Problem::from(error).line(format!("{remedy}: {command}{inputs}"))
}

fn options(asked: &arguments::Run) -> Result<StartOptions, Problem> {
    let labels = inputs::labels(&asked.labels)?;
    let id = asked.id.as_deref().map(RunId::new);
    let (user, budget) = (asked.user.clone(), asked.budget);
    let quote = asked.quote.as_deref().map(Quote::read).transpose()?;
    Ok(StartOptions {
        id,
        user,
        labels,
        new: asked.new,
        budget,
        quote,
        no_cache: asked.cache.no_cache,
        ..StartOptions::default()
    })
}
