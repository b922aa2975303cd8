//! `motet show`: what happened in a run.

use std::collections::BTreeMap;

use motet::Error;
use motet::engine::{ParkReason, StepStatus, Turn};
use motet::follow::Happening;
use motet::language::{StepPath, Timestamp, Value};
use motet::report::{ArtifactPlaces, Detail, Reporter, StepRecord};
use motet::store::{RunFilter, RunRow, RunStatus, StepFilter, Store};

use crate::arguments;
use crate::exit::Exit;
use crate::follow::now;
use crate::problem::Problem;
use crate::project::{Project, Standing, find_run, pinned_pipeline, typed_command};
use crate::render::line::{Line, Tone};
use crate::render::progress::View;
use crate::render::words::unreal_line;
use crate::render::{items, journal, show, timeline};
use crate::score::shortage::command_to_fund;
use crate::score::{History, Score};
use crate::terminal::{Stream, Terminal};

/// A run that is looked at.
pub(super) struct Shown<'s> {
    store: &'s Store,
    row: RunRow,
    pub(super) reporter: Reporter,
    score: Option<Score>,
    /// Until when it is told: its end, the last sign of life of who drove it, or now.
    until: Timestamp,
    /// Whether it isn't over and nobody drives it.
    is_interrupted: bool,
}

pub fn show(asked: &arguments::Show, terminal: &Terminal) -> Result<Exit, Problem> {
    let store = Project::find(None, &asked.store)?.read_store(terminal)?;
    let row = match &asked.run {
        Some(ending) => find_run(&store, ending)?,
        None => newest(&store)?,
    };
    if asked.journal {
        write_journal(&store, row, asked.json, terminal)?;
        return Ok(Exit::Good);
    }
    let mut shown = Shown::read(&store, row)?;
    match (&asked.step, &asked.items) {
        (Some(path), _) => shown.write_step(path, asked.json, terminal)?,
        (None, Some(path)) => shown.write_items(path, asked, terminal)?,
        (None, None) if asked.json => Stream::new(*terminal).pretty_json(&shown.details()),
        (None, None) if asked.timeline => shown.write_timeline(terminal)?,
        (None, None) => {
            unreal_line(store.world()?).iter().for_each(|line| terminal.data_line(line));
            let lines = show::run_lines(&shown.view(terminal), shown.is_interrupted, shown.command_to_fund());
            write(&lines, terminal);
        }
    }
    Ok(Exit::Good)
}

/// The run that was started last.
fn newest(store: &Store) -> Result<RunRow, Problem> {
    let newest = store.runs(&RunFilter { limit: Some(1), ..RunFilter::default() })?.pop();
    newest.ok_or_else(|| {
        Problem::usage("there are no runs yet").line(format!("`{}` starts one", typed_command("run FILE")))
    })
}

fn write(lines: &[Line], terminal: &Terminal) {
    let mut stream = Stream::new(*terminal);
    lines.iter().for_each(|line| stream.line(line));
}

/// Writes every event of a run and its end, turn by turn.
fn write_journal(store: &Store, row: RunRow, json: bool, terminal: &Terminal) -> Result<(), Problem> {
    let pipeline = match pinned_pipeline(store, &motet::operation::catalogue(), &row.id) {
        Err(error @ Error::LostPlan(_)) => {
            terminal.note_line(&without_plan(&error));
            None
        }
        pipeline => pipeline?,
    };
    let plan = pipeline.as_ref().map(|pipeline| &**pipeline.plan());
    let mut reporter = Reporter::new(row.id.clone(), plan, ArtifactPlaces::in_store(store.clone()));
    let mut last_turn = 0;
    let mut stream = Stream::new(*terminal);
    store.each_turn(&row.id, |turn: Turn| {
        last_turn = turn.number;
        reporter.tell_each(&Happening::Turn(turn.into()), now(), |_, event| match json {
            true => stream.json(&event),
            false => journal::line(&event).iter().for_each(|line| stream.line(line)),
        });
        Ok::<(), Problem>(())
    })?;
    if reporter.record().status.is_final() {
        let end = reporter.end(Standing::of(store).until(&row, now())?);
        match json {
            true => stream.json(&end),
            false => stream.line(&journal::end_line(&end, last_turn)),
        }
    }
    Ok(())
}

/// That a journal is told without the plan of its run.
fn without_plan(error: &Error) -> Line {
    Line::of(Tone::Doubtful, "warning").plain(format!(": {}, so every input is hidden", error.what()))
}

/// How many items are read at once.
const PAGE: usize = 1000;

impl<'s> Shown<'s> {
    pub(super) fn read(store: &'s Store, row: RunRow) -> Result<Shown<'s>, Problem> {
        let pipeline = pinned_pipeline(store, &motet::operation::catalogue(), &row.id).map_err(|error| {
            let journal = typed_command(format!("show {} --journal", row.id.short()));
            let is_lost = matches!(error, Error::LostPlan(_));
            let problem = Problem::from(error);
            if is_lost { problem.line(format!("what was recorded of it: {journal}")) } else { problem }
        })?;
        let plan = pipeline.as_ref().map(|pipeline| &**pipeline.plan());
        let places = ArtifactPlaces::in_store(store.clone());
        let mut reporter = Reporter::of_kept(store, &row, plan, places)?;
        let score = plan.map(|plan| Score::new(plan, &History::new()));
        let standing = Standing::of(store);
        let (until, is_interrupted) = (standing.until(&row, now())?, standing.is_interrupted(&row));
        if is_interrupted {
            reporter.note(&Happening::Interrupted);
        }
        Ok(Shown { store, row, reporter, score, until, is_interrupted })
    }

    /// What goes on with the run, if it is parked for money.
    fn command_to_fund(&self) -> Option<String> {
        let record = self.reporter.record();
        let is_short =
            record.status == RunStatus::Parked && record.reason.as_deref() == Some(ParkReason::Budget.word());
        is_short.then(|| command_to_fund(self.store, &record.run))
    }

    fn view<'v>(&'v self, terminal: &'v Terminal) -> View<'v> {
        let (record, score) = (self.reporter.record(), self.score.as_ref());
        View { record, score, now: self.until, is_live: false, look: &terminal.out }
    }

    /// The end record, with what the run was given. Of a run that isn't over the event is its status.
    fn details(&self) -> BTreeMap<String, Detail> {
        let record = self.reporter.record();
        let mut end = self.reporter.end(self.until);
        if record.status == RunStatus::Running {
            end.event = "run.running";
        }
        let outputs = std::mem::replace(&mut end.outputs, self.reporter.places().value(&Value::Null));
        let mut details = show::details_of(&end);
        details.insert("outputs".into(), outputs.into());
        details.insert("inputs".into(), self.reporter.places().value(&record.inputs).into());
        details.insert("plan".into(), record.plan.map(|plan| plan.to_string()).into());
        details.insert("started_at".into(), record.started_at.to_string().into());
        details.insert("interrupted".into(), self.is_interrupted.into());
        details
    }

    fn write_step(&mut self, path: &str, json: bool, terminal: &Terminal) -> Result<(), Problem> {
        let path = StepPath::from_text(path);
        let step = self.step(&path)?;
        let places = self.reporter.places();
        match json {
            true => Stream::new(*terminal).pretty_json(&show::step_details(&path, &step, places)),
            false => write(&show::step_lines(&self.view(terminal), &path, &step, places), terminal),
        }
        Ok(())
    }

    /// Writes the items of a step, as they come from the store.
    fn write_items(
        &mut self,
        path: &str,
        asked: &arguments::Show,
        terminal: &Terminal,
    ) -> Result<(), Problem> {
        let path = StepPath::from_text(path);
        let known = self.reporter.record().step(&path);
        let has_items = known.is_some_and(|step| step.items.is_some());
        if !has_items && self.step(&path)?.items.is_none() {
            return Err(Problem::usage(format!("step `{path}` of run {} has no items", self.row.id.short())));
        }
        let mut filter = StepFilter::only_items_of(self.reporter.stored_path(&path).as_str()).at_most(PAGE);
        if let Some(word) = &asked.status {
            let status = StepStatus::ALL.into_iter().find(|status| status.word() == word);
            filter = filter.with_status(status.expect("clap takes only the words of statuses"));
        }
        let mut stream = Stream::new(*terminal);
        loop {
            let page = self.store.steps_where(&self.row.id, &filter)?;
            let Some(last) = page.last() else { return Ok(()) };
            filter = filter.behind(&last.path);
            for row in &page {
                let (path, step) = self.reporter.step_of_row(row);
                match asked.json {
                    true => stream.text(&items::record(&path, &step).to_string()),
                    false => stream.line(&items::line(&self.view(terminal), &path, &step)),
                }
            }
        }
    }

    /// Draws a bar for every step and item, in the order in which they began.
    fn write_timeline(&mut self, terminal: &Terminal) -> Result<(), Problem> {
        if !self.reporter.record().is_summed_up() {
            write(&timeline::lines(&self.view(terminal)), terminal);
            return Ok(());
        }
        let mut stream = Stream::new(*terminal);
        let scale = timeline::Scale::of_many(&self.view(terminal));
        stream.line(&self.view(terminal).header());
        let (store, run) = (self.store, self.row.id.clone());
        store.each_step_by_start(&run, |row| {
            let (path, plain) = self.reporter.step_of_row(&row);
            let step = self.reporter.record().step(&path).unwrap_or(&plain);
            stream.line(&timeline::line(&self.view(terminal), &scale, &path, step));
            true
        })?;
        stream.line(&timeline::legend(&self.view(terminal), &scale));
        Ok(())
    }

    /// All that is known of a step or item: of one to which nothing happened yet, that it is there.
    fn step(&mut self, path: &StepPath) -> Result<StepRecord, Problem> {
        let step = self.reporter.step_in_full(self.store, path)?;
        step.or_else(|| self.reporter.record().step(path).cloned()).ok_or_else(|| self.no_step(path))
    }

    /// The step that is meant where an item's key is typed as it is, and not as it stands in a path.
    fn with_key_as_in_paths(&self, path: &StepPath) -> Option<StepPath> {
        let (step, rest) = path.as_str().split_once('[')?;
        let (key, inner) = rest.rsplit_once(']')?;
        let meant = StepPath::from_text(&format!("{}{inner}", StepPath::from_text(step).item(key)));
        let found = self.store.step(&self.row.id, &self.reporter.stored_path(&meant)).ok().flatten();
        found.map(|_| meant).filter(|meant| meant != path)
    }

    fn no_step(&self, path: &StepPath) -> Problem {
        let record = self.reporter.record();
        if let Some(meant) = self.with_key_as_in_paths(path) {
            return Problem::usage(format!("run {} has no step `{path}`", record.run.short()))
                .line(format!("did you mean `{meant}`?"));
        }
        let names = record.steps().map(|(path, _)| path.as_str());
        let problem = Problem::usage(format!("run {} has no step `{path}`", record.run.short()));
        match motet::language::suggestion::closest(path.as_str(), names) {
            Some(meant) => problem.line(format!("did you mean `{meant}`?")),
            None => problem
                .line(format!("`{}` lists its steps", typed_command(format!("show {}", record.run.short())))),
        }
    }
}
