//! `motet show`: what happened in a run.

use motet::follow::Happening;
use motet::language::{StepPath, Timestamp};
use motet::report::{ArtifactPlaces, EndRecord, PublicEvent, Reporter};
use motet::store::{RunRow, RunStatus, Store};
use serde_json::Value as Json;

use crate::arguments;
use crate::exit::Exit;
use crate::follow::now;
use crate::problem::Problem;
use crate::project::{Project, find_run, pinned_pipeline, silent_since};
use crate::render::line::Line;
use crate::render::progress::View;
use crate::render::{journal, show, timeline};
use crate::score::{History, Score};
use crate::terminal::Terminal;

/// A run as its journal tells it.
pub(super) struct Told {
    pub(super) reporter: Reporter,
    events: Vec<PublicEvent>,
    last_turn: u64,
    score: Option<Score>,
    /// Until when it is told: its end, the last sign of life of who drove it, or now.
    until: Timestamp,
}

pub fn show(asked: &arguments::Show, terminal: &Terminal) -> Result<Exit, Problem> {
    let store = Project::find(None, &asked.store)?.read_store()?;
    let row = find_run(&store, &asked.run)?;
    let told = Told::read(&store, &row)?;
    match (&asked.step, asked.json) {
        (Some(path), json) => told.show_step(path, json, terminal)?,
        (None, true) if asked.journal => told.write_journal_json(terminal),
        (None, true) => terminal.data(&format!("{:#}\n", told.json())),
        (None, false) if asked.journal => {
            write(&journal::lines(&told.events), terminal);
            let end = told.end().map(|end| journal::end_line(&end, told.last_turn));
            end.iter().for_each(|line| terminal.data_line(line));
        }
        (None, false) if asked.timeline => write(&timeline::lines(&told.view(terminal)), terminal),
        (None, false) => write(&show::run_lines(&told.view(terminal)), terminal),
    }
    Ok(Exit::Good)
}

fn write(lines: &[Line], terminal: &Terminal) {
    lines.iter().for_each(|line| terminal.data_line(line));
}

impl Told {
    pub(super) fn read(store: &Store, row: &RunRow) -> Result<Told, Problem> {
        let pipeline = pinned_pipeline(store, &motet::operation::catalogue(), &row.id);
        let plan = pipeline.as_ref().map(|pipeline| &**pipeline.plan());
        let mut reporter = Reporter::new(row.id.clone(), plan, ArtifactPlaces::in_store(store.clone()));
        let mut events = Vec::new();
        let mut last_turn = 0;
        for turn in store.turns(&row.id)? {
            last_turn = turn.number;
            events.extend(reporter.tell(&Happening::Turn(turn.into()), now()));
        }
        let until = row.ended_at.or(silent_since(store, row, now())?).unwrap_or_else(now);
        Ok(Told {
            reporter,
            events,
            last_turn,
            score: plan.map(|plan| Score::new(plan, &History::new())),
            until,
        })
    }

    fn view<'v>(&'v self, terminal: &'v Terminal) -> View<'v> {
        let (record, score) = (self.reporter.record(), self.score.as_ref());
        View { record, score, now: self.until, look: &terminal.out }
    }

    /// How the run ended, if it is over.
    fn end(&self) -> Option<EndRecord> {
        self.reporter.record().status.is_final().then(|| self.reporter.end(self.until))
    }

    /// The same lines as `motet run --json`.
    fn write_journal_json(&self, terminal: &Terminal) {
        let events = self.events.iter().map(serde_json::to_string);
        let end = self.end().map(|end| serde_json::to_string(&end));
        for line in events.chain(end) {
            terminal.data(&format!("{}\n", line.expect("events and ends are plain data")));
        }
    }

    /// The end record, with what the run was given. Of a run that isn't over the event is its status.
    fn json(&self) -> Json {
        let end = self.reporter.end(self.until);
        let mut json = serde_json::to_value(&end).expect("an end is plain data");
        let record = self.reporter.record();
        let more = [
            ("inputs", self.reporter.places().value_json(&record.inputs)),
            ("plan", serde_json::to_value(record.plan).expect("a digest is a text")),
            ("started_at", record.started_at.to_string().into()),
        ];
        for (name, value) in more {
            json[name] = value;
        }
        if record.status == RunStatus::Running {
            json["event"] = "run.running".into();
        }
        json
    }

    fn show_step(&self, path: &str, json: bool, terminal: &Terminal) -> Result<(), Problem> {
        let record = self.reporter.record();
        let path = StepPath::from_text(path);
        let Some(step) = record.step(&path) else {
            let names = record.steps.keys().map(StepPath::as_str);
            let problem = Problem::usage(format!("run {} has no step `{path}`", record.run.short()));
            return Err(match motet::language::suggestion::closest(path.as_str(), names) {
                Some(meant) => problem.line(format!("did you mean `{meant}`?")),
                None => problem.line(format!("`motet show {}` lists its steps", record.run.short())),
            });
        };
        if json {
            let text = format!("{:#}\n", show::step_json(&path, step, self.reporter.places()));
            terminal.data(&text);
        } else {
            write(&show::step_lines(&self.view(terminal), &path, step, self.reporter.places()), terminal);
        }
        Ok(())
    }
}
