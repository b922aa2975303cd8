//! What killed runs have lost and what was paid, by the ledger of the simulator and by their journals.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value as Json;

use crate::load::{Load, journal, shown};
use crate::project::Project;
use crate::simulator::Simulator;

/// What must be nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Runs that were accepted and aren't over, and outputs whose bytes aren't there.
    pub lost: Vec<String>,
    /// Calls that were charged though what they give was there, or whose outcome nobody had asked about.
    pub paid_twice: Vec<String>,
    /// Charges that no attempt has booked.
    pub unaccounted: Vec<String>,
}

/// What became of an attempt, by the journal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Booked {
    Nothing,
    /// It cost something, or may have.
    Something,
    /// It cost something, and its result was kept.
    Kept,
}

pub fn judge(load: &Load, simulator: &Simulator) -> Verdict {
    let mut verdict = Verdict::default();
    let mut charges: BTreeMap<(String, String), Vec<u64>> = BTreeMap::new();
    let mut seen = std::collections::BTreeSet::new();
    for line in simulator.ledger() {
        let key = line["attempt_key"].as_str().unwrap_or_default().to_owned();
        if !line["violation"].is_null() || !seen.insert(key.clone()) {
            verdict.paid_twice.push(format!("{key} was sent twice, or wrongly: {line}"));
        }
        if line["charged_usd"].as_f64().is_some_and(|usd| usd > 0.0) {
            let (run, rest) = key.split_once('/').unwrap();
            let (step, number) = rest.rsplit_once('/').unwrap();
            charges.entry((run.into(), step.into())).or_default().push(number.parse().unwrap());
        }
    }
    for run in &load.runs {
        judge_run(&load.project, run, &mut charges, &mut verdict);
    }
    judge_undoing(load, &mut verdict);
    verdict.unaccounted.extend(charges.into_keys().map(|(run, step)| format!("{run}/{step}: of no run")));
    verdict
}

fn judge_run(
    project: &Project,
    run: &str,
    charges: &mut BTreeMap<(String, String), Vec<u64>>,
    verdict: &mut Verdict,
) {
    let end = shown(project, run);
    if !["completed", "failed", "cancelled"].contains(&end["status"].as_str().unwrap_or_default()) {
        verdict.lost.push(format!("{run} is {}", end["status"]));
    }
    for path in
        end["outputs"].as_object().into_iter().flatten().filter_map(|(_, value)| value["path"].as_str())
    {
        if !Path::new(path).is_file() {
            verdict.lost.push(format!("{run}: {path} isn't there"));
        }
    }
    let events = journal(project, run);
    for step in
        events.iter().filter(|event| !event["reused"].is_null()).filter_map(|event| event["step"].as_str())
    {
        if charges.contains_key(&(run.to_owned(), step.to_owned())) {
            verdict.paid_twice.push(format!("{run}/{step} was kept from an earlier run, and was paid again"));
        }
    }
    let booked = booked(&events);
    let own: Vec<_> = charges.keys().filter(|(of, _)| of == run).cloned().collect();
    for key in own {
        let numbers = charges.remove(&key).unwrap_or_default();
        let of = |number: &u64| booked.get(&(key.1.clone(), *number)).copied().unwrap_or(Booked::Nothing);
        for (index, number) in numbers.iter().enumerate() {
            let name = || format!("{run}/{}/{number}", key.1);
            if of(number) == Booked::Nothing {
                verdict.unaccounted.push(name());
            }
            if index + 1 < numbers.len() && of(number) == Booked::Kept {
                verdict.paid_twice.push(format!("{} was there, and was paid again", name()));
            }
        }
    }
}

/// What a run has undone itself, no other run undoes again; what completed is undone by the run that undoes it.
fn judge_undoing(load: &Load, verdict: &mut Verdict) {
    for undoing in load.runs.iter().filter(|run| run.ends_with("-undo")) {
        let undone = |run: &str| -> std::collections::BTreeSet<String> {
            let events = journal(&load.project, run);
            let over = events.iter().filter(|event| event["event"] == "step.completed");
            let steps = over.filter_map(|event| event["step"].as_str());
            steps.filter(|step| step.ends_with("/undo")).map(str::to_owned).collect()
        };
        let run = undoing.trim_end_matches("-undo");
        let again = undone(run).intersection(&undone(undoing)).cloned().collect::<Vec<_>>();
        verdict.paid_twice.extend(again.into_iter().map(|step| format!("{run}/{step} was done twice")));
    }
}

/// What each attempt has booked, by step and number.
fn booked(events: &[Json]) -> BTreeMap<(String, u64), Booked> {
    let mut booked = BTreeMap::new();
    for event in events {
        let (Some(step), Some(number)) = (event["step"].as_str(), event["attempt"].as_u64()) else {
            continue;
        };
        let costs = event["cost"].as_str().is_some_and(|cost| cost != "0");
        let is_kept = event["event"] == "attempt.succeeded";
        if costs {
            let now = if is_kept { Booked::Kept } else { Booked::Something };
            booked.insert((step.to_owned(), number), now);
        }
    }
    booked
}
