//! Sequels: what somebody does once the run is over, and what the pipeline says for that.

use std::collections::BTreeSet;

use motet::engine::{AttemptEvent, Event, RunEvent, RunId, StepEvent, StepStatus, Turn};
use motet::language::StepPath;
use motet::store::RunFilter;
use motet::{Error, ForkOptions, Motet, RetryOptions, RunHandle, UndoOptions};
use serde_json::{Map, Value as Json, json};

use crate::dice::Dice;

/// How a run is continued that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sequel {
    /// What failed is done over.
    Retry,
    /// Its first step is taken anew.
    Fork,
    /// It is forked with another input, which some steps have.
    Change,
    /// What it did is undone.
    Undo,
}

/// What it draws is drawn apart from the rest of its story, which stays as it is without.
const APART: u64 = 0x7365_7175_656c;

impl Sequel {
    pub fn of_seed(seed: u64) -> Option<Sequel> {
        let mut dice = Dice::new(seed ^ APART);
        *dice.pick(&[
            None,
            None,
            Some(Sequel::Retry),
            Some(Sequel::Retry),
            Some(Sequel::Fork),
            Some(Sequel::Change),
            Some(Sequel::Undo),
        ])
    }

    /// Begins it, or goes on with it; there may be nothing to do.
    pub async fn begin(self, motet: &Motet, first: &RunId) -> Result<Option<RunHandle>, Error> {
        let runs = motet.store().runs(&RunFilter::default())?;
        if let Some(row) = runs.iter().find(|row| row.id != *first) {
            let run = motet.find(row.id.as_str())?;
            run.resume().await?;
            return Ok(Some(run));
        }
        let begun = match self {
            Sequel::Retry => motet.retry(first, RetryOptions::default()).await,
            Sequel::Fork => {
                let fresh = Sequel::fresh(motet, first)?;
                motet.fork(first, Map::new(), ForkOptions { fresh, ..ForkOptions::default() }).await
            }
            Sequel::Change => motet.fork(first, [("tone", "stormy")], ForkOptions::default()).await,
            Sequel::Undo => motet.undo(first, UndoOptions::default()).await,
        };
        match begun {
            Ok(run) => Ok(Some(run)),
            Err(Error::Base { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The first step that was finished, by path; an item counts as one.
    fn fresh(motet: &Motet, first: &RunId) -> Result<Vec<StepPath>, Error> {
        let steps = motet.store().steps(first)?;
        let finished = steps.into_iter().find(|row| row.status == StepStatus::Completed);
        Ok(finished.map(|row| row.path).into_iter().collect())
    }
}

/// The pool of one slot in which the models of some stories are.
pub const LANE: &str = "lane";

/// The pipeline of a story with results for other runs, with what undoes its steps, with an input that some of them have,
/// and with a pool.
pub fn with_recovery(seed: u64, pipeline: &str, is_quiet: bool) -> String {
    let mut dice = Dice::new(seed ^ APART ^ 1);
    let mut document: Json = serde_json::from_str(pipeline).expect("a story writes JSON");
    let (shares, undoes) = (dice.chance(30), dice.chance(40));
    if undoes && !is_quiet && dice.chance(60) {
        document["on_failure"] = json!("undo");
    }
    for_each_model(&mut document["steps"], &mut |step| {
        if shares && dice.chance(70) {
            step.insert("cache".into(), json!(true));
        }
        if undoes && dice.chance(70) {
            step.insert("undo".into(), json!({ "uses": "task/revert" }));
        }
    });
    let (changes, is_narrow) = (Sequel::of_seed(seed) == Some(Sequel::Change), dice.chance(20));
    if changes {
        document["inputs"] = json!({ "tone": { "type": "string", "default": "calm" } });
    }
    let prompts = document.pointer_mut("/steps/shots/each").and_then(Json::as_array_mut);
    if let Some(prompts) = prompts.filter(|_| shares && dice.chance(60)) {
        prompts[1] = prompts[0].clone();
    }
    for_each_model(&mut document["steps"], &mut |step| {
        let with = &mut step["with"];
        if with["prompt"] == "{{ item }}" && shares && dice.chance(70) {
            with["seed"] = json!(7);
        }
        for name in ["prompt", "text"] {
            if let Some(text) = with[name].as_str().filter(|_| changes && dice.chance(50)) {
                with[name] = json!(format!("{text} {{{{ inputs.tone }}}}"));
            }
        }
        if is_narrow {
            step.insert("pool".into(), json!(LANE));
        }
    });
    document.to_string()
}

fn for_each_model(steps: &mut Json, change: &mut impl FnMut(&mut Map<String, Json>)) {
    for step in steps.as_object_mut().into_iter().flat_map(Map::values_mut) {
        if let Some(inside) = step.get_mut("steps") {
            for_each_model(inside, change);
        } else if step["uses"].as_str().is_some_and(|uses| !uses.starts_with("task/")) {
            step.as_object_mut().into_iter().for_each(&mut *change);
        }
    }
}

/// What the pipeline says of the step at `path`.
pub fn step_at<'p>(pipeline: &'p Json, path: &str) -> &'p Json {
    let names = path.split('/').map(|name| name.split('[').next().unwrap_or_default());
    names.fold(pipeline, |scope, name| &scope["steps"][name])
}

/// What became of the steps of a run.
pub struct Steps<'p> {
    pipeline: &'p Json,
    /// Whether somebody cancelled it at its end.
    pub is_cut_short: bool,
    events: Vec<(String, &'p StepEvent)>,
    late: BTreeSet<String>,
}

impl<'p> Steps<'p> {
    pub fn of(pipeline: &'p Json, turns: &'p [Turn]) -> Steps<'p> {
        let step = |event: &'p Event| match event {
            Event::Step { step, event } => Some((step.to_string(), event)),
            _ => None,
        };
        let events = || turns.iter().flat_map(|turn| &turn.events);
        let mut of_run = events();
        let is_closing = |event: &Event| matches!(event, Event::Run(RunEvent::Closing { .. }));
        let is_cancelled = |event: &Event| matches!(event, Event::Run(RunEvent::CancelRequested { .. }));
        let is_cut_short = of_run.any(is_closing) && of_run.any(is_cancelled);
        let late = events().filter_map(|event| match event {
            Event::Attempt { key, event: AttemptEvent::Ended { output: Some(_), .. } } => {
                Some(key.step.to_string())
            }
            _ => None,
        });
        let (late, events) = (late.collect(), events().filter_map(step).collect());
        Steps { pipeline, is_cut_short, events, late }
    }

    /// Those that are finished, in order, with whether they were made in this run.
    pub fn finished(&self) -> impl Iterator<Item = (&str, bool)> {
        self.events.iter().filter_map(|(path, event)| match event {
            StepEvent::Completed { reused, .. } => Some((path.as_str(), reused.is_none())),
            _ => None,
        })
    }

    /// Whether the step at `path` is finished.
    pub fn has(&self, path: &str) -> bool {
        self.finished().any(|(finished, _)| finished == path)
    }

    /// Whether what the step at `path` gave is undone, or is being undone.
    pub fn is_touched(&self, path: &str) -> bool {
        let undo = format!("{path}/undo");
        self.events.iter().any(|(path, _)| *path == undo)
    }

    /// Those whose result came when nobody waited for it any more.
    fn late(&self) -> impl Iterator<Item = &str> {
        self.late.iter().map(String::as_str).filter(|path| !self.has(path))
    }

    /// Those that were made in this run, and say what undoes them.
    pub fn to_undo(&self) -> impl Iterator<Item = &str> {
        let made = self.finished().filter(|(_, is_made)| *is_made);
        made.map(|(path, _)| path)
            .chain(self.late())
            .filter(|path| !step_at(self.pipeline, path)["undo"].is_null())
    }

    /// Those that nothing else of the run leads to, and that are finished.
    pub fn roots(&self) -> impl Iterator<Item = &str> {
        let is_root = |path: &&str| {
            let step = step_at(self.pipeline, path);
            let with = step["with"].to_string();
            !step["uses"].is_null() && !with.contains("steps.") && !with.contains("inputs.")
        };
        self.finished().map(|(path, _)| path).filter(is_root)
    }
}
