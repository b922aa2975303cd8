//! Succession: what holds between what was done and what was undone, and between a run and the one that continues from it.

use std::collections::{BTreeMap, BTreeSet};

use motet::RunEnd;
use motet::engine::{AttemptEvent, Event, StepEvent, Turn};
use motet::language::{Money, StepPath, Value};
use serde_json::Value as Json;

use crate::laws::{TINY, charged, dollars, run_on};
use crate::play::{End, Played, attempt_of};
use crate::providers::amount;
use crate::sequel::{Sequel, Steps, step_at};
use crate::story::Story;

/// Which of these laws a story broke, in words.
pub fn judge(story: &Story, played: &Played) -> Vec<String> {
    // Those of seeds are JSON; what tests write by hand is YAML, and undoes nothing.
    let Ok(pipeline) = serde_json::from_str::<Json>(&story.pipeline) else { return Vec::new() };
    let runs: Vec<&Played> = std::iter::once(played).chain(played.sequel.as_deref()).collect();
    let acts = Acts { story, pipeline: &pipeline, runs };
    let laws: [(&str, Vec<String>); 8] = [
        ("what was done is undone where that is asked for", acts.undoing()),
        ("nothing is undone twice", acts.undone_twice()),
        ("what waited for it is undone first", acts.order_of_undoing()),
        ("what is finished isn't paid again", acts.paid_again()),
        ("a result is kept where it is made from the same", acts.kept_of_something_else()),
        ("takes stay takes", acts.takes_of_others()),
        ("the budget holds for the lineage", acts.spent_together()),
        ("the limit of resends holds for the lineage", acts.resent_together()),
    ];
    let with_law = |(law, words): (&str, Vec<String>)| {
        words.into_iter().map(|words| format!("{law}: {words}")).collect::<Vec<_>>()
    };
    laws.into_iter().flat_map(with_law).collect()
}

/// A run and the one that continues from it, if there is one.
struct Acts<'s> {
    story: &'s Story,
    pipeline: &'s Json,
    runs: Vec<&'s Played>,
}

impl<'s> Acts<'s> {
    /// What became of the steps of the first run, or of the one after it.
    fn steps(&self, at: usize) -> Option<Steps<'s>> {
        Some(Steps::of(self.pipeline, &self.runs.get(at)?.turns))
    }

    fn undoing(&self) -> Vec<String> {
        let (first, end) = (self.steps(0).expect("there is a run"), &self.runs[0].end);
        let failed = matches!(end, End::Over(RunEnd::Failed { .. } | RunEnd::Cancelled { .. }));
        let undoes = self.pipeline["on_failure"] == "undo" && failed;
        let stays = |step: &&str| !first.has(&format!("{step}/undo"));
        let mut words = Vec::new();
        // Who cancels twice wants it to end without.
        if undoes && !first.is_cut_short {
            words.extend(first.to_undo().filter(stays).map(|step| format!("{step} was not undone")));
        }
        if !undoes && let Some(step) = first.to_undo().find(|step| first.is_touched(step)) {
            words.push(format!("{step} was undone, and nobody asked for it"));
        }
        if let (Some(Sequel::Undo), Some(second)) = (self.story.sequel, self.steps(1)) {
            let paid = self.paid(1);
            words.extend(paid.iter().map(|step| format!("{step} was paid by a run that only undoes")));
            let is_left = |step: &&str| stays(step) && !second.has(&format!("{step}/undo"));
            let left = first.to_undo().filter(|_| self.runs[1].end.is_completed()).filter(is_left);
            words.extend(left.map(|step| format!("{step} was not undone afterwards")));
        }
        words
    }

    fn undone_twice(&self) -> Vec<String> {
        let (Some(Sequel::Undo), Some(first), Some(second)) =
            (self.story.sequel, self.steps(0), self.steps(1))
        else {
            return Vec::new();
        };
        let undone = first.finished().map(|(path, _)| path).filter(|path| path.ends_with("/undo"));
        undone.filter(|undo| second.has(undo)).map(|undo| format!("{undo} was done twice")).collect()
    }

    /// Each undo begins once those of the steps that waited for what it undoes are over.
    fn order_of_undoing(&self) -> Vec<String> {
        let mut words = Vec::new();
        for run in &self.runs {
            let (mut begun, mut over) = (BTreeMap::new(), BTreeMap::new());
            let events = run.turns.iter().flat_map(|turn| &turn.events);
            for (at, event) in events.enumerate() {
                let Event::Step { step, event } = event else { continue };
                let Some(undone) = step.as_str().strip_suffix("/undo") else { continue };
                match event {
                    StepEvent::Ready { .. } => _ = begun.insert(undone.to_owned(), at),
                    StepEvent::Completed { .. } | StepEvent::Failed { .. } | StepEvent::Cancelled { .. } => {
                        over.insert(undone.to_owned(), at);
                    }
                    _ => {}
                }
            }
            for (undone, begins) in &begun {
                let later = |other: &&String| {
                    waits_for(self.pipeline, other, undone) && over.get(*other).is_none_or(|end| end > begins)
                };
                let early = begun.keys().find(later);
                words.extend(early.map(|other| format!("{undone} was undone before {other}")));
            }
        }
        words
    }

    /// The steps that were paid in a run.
    fn paid(&self, at: usize) -> BTreeSet<String> {
        let paid = |line: &Json| Some(attempt_of(line)?.0.to_string());
        self.runs.get(at).map(|run| charged(&run.ledger).filter_map(paid).collect()).unwrap_or_default()
    }

    fn paid_again(&self) -> Vec<String> {
        let (Some(sequel), Some(first)) = (self.runs.get(1), self.steps(0)) else { return Vec::new() };
        if self.story.sequel == Some(Sequel::Undo) {
            return Vec::new();
        }
        let anew = |step: &str| is_fresh(sequel, &StepPath::from_text(step));
        let paid = self.paid(1);
        let kept = first.roots().filter(|step| !first.is_touched(step) && !anew(step));
        let again = kept.filter(|step| paid.contains(*step));
        again.map(|step| format!("{step} was finished, and was paid again afterwards")).collect()
    }

    /// What a step was made from, where it was made: a seed that it wasn't given makes no difference.
    fn made_from(&self, run: &str, step: &StepPath) -> Option<Value> {
        let of_run = |played: &&&Played| played.started().is_some_and(|started| started.run.as_str() == run);
        let turns: &[Turn] = &self.runs.iter().find(of_run)?.turns;
        let mut inputs = turns.iter().flat_map(|turn| &turn.events).filter_map(|event| match event {
            Event::Step { step: of, event: StepEvent::Ready { inputs, .. } } if of == step => inputs.clone(),
            _ => None,
        });
        let is_seeded = !step_at(self.pipeline, step.as_str())["with"]["seed"].is_null();
        let inputs = inputs.next_back()?;
        let others = inputs.as_map().into_iter().flatten().filter(|(name, _)| is_seeded || *name != "seed");
        Some(Value::map(others.map(|(name, value)| (name.clone(), value.clone()))))
    }

    /// The steps that took over a result: where, from which run, and from which step of it.
    fn kept(&self) -> impl Iterator<Item = (&'s Played, &'s StepPath, &'s str, &'s StepPath)> {
        let events =
            |run: &'s Played| run.turns.iter().flat_map(|turn| &turn.events).map(move |event| (run, event));
        self.runs.clone().into_iter().flat_map(events).filter_map(|(run, event)| match event {
            Event::Step { step, event: StepEvent::Completed { reused: Some(reused), .. } } => {
                Some((run, step, reused.run.as_str(), reused.step.as_ref().unwrap_or(step)))
            }
            _ => None,
        })
    }

    fn kept_of_something_else(&self) -> Vec<String> {
        let wrong = self.kept().filter_map(|(run, step, from, of)| {
            let own = run.started()?.run.as_str();
            if is_fresh(run, step) {
                return Some(format!("{step} was to be made afresh, and is that of {from}"));
            }
            let (now, then) = (self.made_from(own, step), self.made_from(from, of));
            (now != then).then(|| format!("{step} is made from {now:?}, and {of} of {from} from {then:?}"))
        });
        wrong.collect()
    }

    /// What has no seed of its own gives another take each time.
    fn takes_of_others(&self) -> Vec<String> {
        let is_seeded = |step: &StepPath| !step_at(self.pipeline, step.as_str())["with"]["seed"].is_null();
        let others = self.kept().filter(|(_, step, _, of)| step != of && !is_seeded(step));
        others.map(|(_, step, from, of)| format!("{step} has the take of {of} in {from}")).collect()
    }

    fn spent_together(&self) -> Vec<String> {
        let (Some(budget), true) = (self.runs[0].budget, self.runs.len() > 1) else { return Vec::new() };
        let lines = || self.runs.iter().flat_map(|run| &run.ledger);
        let charged: f64 = lines().map(|line| amount(&line["charged_usd"])).sum();
        let most = dollars(budget) + self.runs.iter().map(|run| run_on(run)).sum::<f64>();
        let exceeds = charged > most + TINY;
        exceeds.then(|| format!("{charged} was charged of a budget of {budget}")).into_iter().collect()
    }

    fn resent_together(&self) -> Vec<String> {
        let events = self.runs.iter().flat_map(|run| &run.turns).flat_map(|turn| &turn.events);
        let resent: Money = events
            .filter_map(|event| match event {
                Event::Attempt { event: AttemptEvent::Failed { resent: true, cost, .. }, .. } => {
                    Some(cost.amount)
                }
                _ => None,
            })
            .sum();
        let total = self.story.money.resend_total;
        let exceeds = resent > total;
        exceeds.then(|| format!("{resent} was spent on resends, and {total} may be")).into_iter().collect()
    }
}

/// Whether a run was to make a step with another seed.
fn is_fresh(run: &Played, step: &StepPath) -> bool {
    let base = run.started().and_then(|started| started.base.as_ref());
    base.is_some_and(|base| base.fresh.iter().any(|fresh| fresh.holds(step)))
}

/// Whether the step at `later` has something of the step at `earlier`, which stands beside it.
fn waits_for(pipeline: &Json, later: &str, earlier: &str) -> bool {
    let split = |path: &str| {
        let (scope, name) = path.rsplit_once('/').unwrap_or(("", path));
        (scope.to_owned(), name.to_owned())
    };
    let ((scope, _), (beside, name)) = (split(later), split(earlier));
    let with = step_at(pipeline, later)["with"].to_string();
    scope == beside && with.contains(&format!("steps.{name}."))
}
