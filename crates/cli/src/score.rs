//! The score: a plan as people read it, before the first note or beside the running piece.

pub mod asking;
pub mod critical_path;
pub mod missing;
pub mod shortage;

use std::collections::{BTreeMap, BTreeSet};

use motet::language::check::FIT;
use motet::language::contract::{Contract, Encoding, Work};
use motet::language::expression::Template;
use motet::language::plan::{
    Body, Cache, Dependency, Each, InputSpec, OnFailure, Quorum, Scope, Step, Target, Timeouts,
};
use motet::language::value::Map;
use motet::language::{Plan, Span, Value};
use motet::store::Store;

use crate::render::words::count;

/// A plan in the words of the screens.
#[derive(Clone, Debug)]
pub struct Score {
    pub name: String,
    pub description: Option<String>,
    /// The content hash, whole and as it is shown.
    pub digest: String,
    pub digest_short: String,
    pub inputs: Vec<InputSpec>,
    pub parts: Vec<Part>,
    /// Where each of the parts is among them.
    places: BTreeMap<String, usize>,
    pub timeout: Option<Span>,
    pub on_failure: &'static str,
}

/// A step.
#[derive(Clone, Debug)]
pub struct Part {
    pub name: String,
    /// What it does: the operation, and what it falls back to; or the file that it uses.
    pub does: Vec<String>,
    pub description: Option<String>,
    /// The steps beside it that it waits for, and those that only a fallback waits for.
    pub waits_for: Vec<String>,
    pub fallback_waits_for: Vec<String>,
    /// Runs once for every item of a list.
    pub each: Option<String>,
    /// How many items go on at once: 1 without a list, nothing if only the run can tell.
    pub items_at_once: Option<usize>,
    /// Runs only under a condition.
    pub conditional: bool,
    pub optional: bool,
    /// Runs at the end, whatever happened.
    pub always: bool,
    /// The operation that undoes it.
    pub undo: Option<String>,
    /// May take the result of another run: one that is at most so old, or however old.
    pub cache: Option<Cache>,
    pub usual: Usual,
    /// The most attempts that it, or one item of it, can make.
    pub attempts_max: u32,
    /// How many of these are made only because a key was refused or is out of credit, and another one is there.
    pub further_keys: u32,
    /// Parameters that are not written, and what is taken.
    pub defaults: Vec<(String, Value)>,
    /// Of a conversion (`media/fit`): what it makes of media, as far as that is written.
    pub converts_to: Vec<(String, Value)>,
    /// Those of its targets that encode the pictures of a video, or may: the operation, and whether.
    pub encodings: Vec<(String, Encoding)>,
    /// The limits of its first target, if work leaves the engine.
    pub timeouts: Option<Timeouts>,
    /// The limits of the others.
    pub fallback_timeouts: Vec<Timeouts>,
    /// The pool of each of its targets.
    pub target_pools: Vec<Option<String>>,
    pub total_timeout: Option<Span>,
    /// The steps inside.
    pub inner: Vec<Part>,
}

/// How long something usually takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usual {
    pub low: Span,
    pub high: Span,
    /// How many attempts of this store that is known from; 0 if only the contract says so.
    pub samples: usize,
}

/// How long operations usually took here.
pub type History = BTreeMap<String, Usual>;

/// What the store knows of the operations of a plan. A store that can't be read knows nothing.
pub fn history(plan: &Plan, store: Option<&Store>) -> History {
    let known = |operation: &str| {
        let known = store?.usual_duration(operation).ok()??;
        Some(Usual { low: known.median, high: known.median, samples: known.samples })
    };
    history_from(plan, known)
}

/// Asks once for every operation of a plan, whatever is known of it.
fn history_from(plan: &Plan, mut known: impl FnMut(&str) -> Option<Usual>) -> History {
    let mut asked = BTreeMap::new();
    for_each_target(&plan.root, &mut |_, target| {
        let operation = &target.contract.operation;
        if !asked.contains_key(operation) {
            asked.insert(operation.clone(), known(operation));
        }
    });
    asked.into_iter().filter_map(|(operation, usual)| Some((operation, usual?))).collect()
}

/// Calls `visit` for every target of every step, with its step.
pub fn for_each_target<'p>(scope: &'p Scope, visit: &mut impl FnMut(&'p Step, &'p Target)) {
    for step in &scope.steps {
        step.targets().for_each(|target| visit(step, target));
        if let Some(inner) = step.body.scope() {
            for_each_target(inner, visit);
        }
    }
}

impl Score {
    pub fn new(plan: &Plan, history: &History) -> Score {
        let parts = parts(&plan.root, history);
        Score {
            name: plan.name.clone(),
            description: plan.description.clone(),
            digest: plan.version.to_string(),
            digest_short: plan.version.short(),
            inputs: plan.inputs.clone(),
            places: parts.iter().enumerate().map(|(place, part)| (part.name.clone(), place)).collect(),
            parts,
            timeout: plan.timeout,
            on_failure: match plan.on_failure {
                OnFailure::Fail => "fail",
                OnFailure::Finish => "finish",
                OnFailure::Undo => "undo",
            },
        }
    }

    /// Counts the keys of each provider: one that is refused is followed by the next, at once and with another attempt.
    pub fn count_keys(&mut self, keys: impl Fn(&str) -> usize) {
        self.parts.iter_mut().for_each(|part| part.count_keys(&keys));
    }

    /// The part called `name` among the outermost ones.
    pub fn part(&self, name: &str) -> Option<&Part> {
        self.places.get(name).map(|place| &self.parts[*place])
    }

    /// How many steps there are: `3 steps`, `3 steps and 2 inside`.
    pub fn steps_in_words(&self) -> String {
        fn inside(parts: &[Part]) -> usize {
            parts.iter().map(|part| part.inner.len() + inside(&part.inner)).sum()
        }
        let steps = count(self.parts.len(), "step");
        match inside(&self.parts) {
            0 => steps,
            inside => format!("{steps} and {inside} inside"),
        }
    }
}

fn parts(scope: &Scope, history: &History) -> Vec<Part> {
    let named = |found: Vec<usize>| -> Vec<String> {
        found.into_iter().map(|index| scope.steps[index].name.clone()).collect()
    };
    let awaited = |step: &Step| {
        let (mut first, mut fallback) = (BTreeSet::new(), BTreeSet::new());
        add_awaited(step, 0, &mut first, &mut fallback);
        fallback.retain(|index| !first.contains(index));
        (named(first.into_iter().collect()), named(fallback.into_iter().collect()))
    };
    let part = |step: &Step| {
        let (waits_for, fallback_waits_for) = awaited(step);
        Part::new(step, waits_for, fallback_waits_for, history)
    };
    scope.steps.iter().map(part).collect()
}

/// The steps that `step`, or a step inside it, waits for: those of the scope that is `depth` scopes
/// further out.
fn add_awaited(step: &Step, depth: usize, first: &mut BTreeSet<usize>, fallback: &mut BTreeSet<usize>) {
    let here = |dependencies: &[Dependency]| -> Vec<usize> {
        let found = dependencies.iter().filter(|dependency| dependency.step.up == depth);
        found.map(|dependency| dependency.step.index).collect()
    };
    first.extend(here(&step.waits_for));
    match &step.body {
        Body::Operation(targets) => {
            fallback.extend(targets.iter().flat_map(|target| here(&target.waits_for)));
        }
        Body::Group(scope) => {
            scope.steps.iter().for_each(|inner| add_awaited(inner, depth + 1, first, fallback));
        }
        // The steps of another file see nothing of what is around.
        Body::Pipeline { .. } => {}
    }
}

impl Part {
    fn new(step: &Step, waits_for: Vec<String>, fallback_waits_for: Vec<String>, history: &History) -> Part {
        let inner = step.body.scope().map(|scope| parts(scope, history)).unwrap_or_default();
        let mut part = Part {
            name: step.name.clone(),
            does: Vec::new(),
            description: step.description.clone(),
            waits_for,
            fallback_waits_for,
            each: step.each.as_ref().map(each_in_words),
            items_at_once: step.each.as_ref().map_or(Some(1), items_at_once),
            conditional: step.condition.is_some(),
            optional: step.optional,
            always: step.always,
            undo: step.undo.as_ref().and_then(|undo| Some(undo.targets().next()?.contract.operation.clone())),
            cache: step.cache,
            usual: critical_path::length(&inner),
            attempts_max: 0,
            further_keys: 0,
            defaults: Vec::new(),
            converts_to: Vec::new(),
            encodings: Vec::new(),
            timeouts: None,
            fallback_timeouts: Vec::new(),
            target_pools: Vec::new(),
            total_timeout: step.total_timeout,
            inner,
        };
        match &step.body {
            Body::Operation(targets) => part.add_targets(targets, history),
            Body::Group(_) => part.does.push("a group of steps".to_owned()),
            Body::Pipeline { file, .. } => part.does.push(file.clone()),
        }
        part
    }

    fn count_keys(&mut self, keys: &impl Fn(&str) -> usize) {
        let of_target = |operation: &String| {
            let provider = operation.split('/').next().unwrap_or_default();
            u32::try_from(keys(provider).saturating_sub(1)).unwrap_or(u32::MAX)
        };
        let is_operation = self.inner.is_empty() && self.attempts_max > 0;
        self.further_keys = if is_operation { self.does.iter().map(of_target).sum() } else { 0 };
        self.attempts_max += self.further_keys;
        self.inner.iter_mut().for_each(|part| part.count_keys(keys));
    }

    /// The pools that its targets run in, each once.
    pub fn pools(&self) -> BTreeSet<&str> {
        self.target_pools.iter().flatten().map(String::as_str).collect()
    }

    fn add_targets(&mut self, targets: &[Target], history: &History) {
        let first = &targets[0];
        self.usual =
            history.get(&first.contract.operation).copied().unwrap_or_else(|| of_contract(&first.contract));
        self.does = targets.iter().map(|target| target.contract.operation.clone()).collect();
        self.attempts_max = targets.iter().map(attempts_max).sum();
        self.timeouts = (first.contract.work != Work::Engine).then_some(first.timeouts);
        self.fallback_timeouts = targets[1..].iter().map(|target| target.timeouts).collect();
        self.target_pools =
            targets.iter().map(|target| target.pool.as_ref().map(ToString::to_string)).collect();
        if first.contract.operation == FIT {
            let known = first
                .with
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), value.as_literal()?.clone())));
            self.converts_to = known.collect();
        }
        let encodings = targets.iter().map(|target| {
            let contract = &target.contract;
            (contract.operation.clone(), contract.encoding(&given(target)))
        });
        self.encodings = encodings.filter(|(_, encoding)| *encoding != Encoding::Never).collect();
        let written: Vec<&str> = first.with.iter().map(|(name, _)| name.as_str()).collect();
        let left_out =
            first.contract.inputs.iter().filter(|parameter| !written.contains(&parameter.name.as_str()));
        self.defaults = left_out
            .filter_map(|parameter| Some((parameter.name.clone(), parameter.default.clone()?)))
            .collect();
    }
}

/// The inputs of a target; what only the run can tell is absent.
fn given(target: &Target) -> Map {
    let known = |value: &Template| value.as_literal().cloned().unwrap_or(Value::Absent);
    target.with.iter().map(|(name, value)| (name.clone(), known(value))).collect()
}

fn attempts_max(target: &Target) -> u32 {
    let most = target.retry.iter().map(|rule| rule.attempts).max();
    match target.contract.work {
        Work::Engine => 0,
        _ => most.unwrap_or(1),
    }
}

/// How long an operation usually takes, as its contract says.
pub fn of_contract(contract: &Contract) -> Usual {
    let (low, high) = contract.usual_seconds;
    let span = |seconds: f64| Span((seconds.max(0.0) * 1000.0) as u64);
    Usual { low: span(low), high: span(high), samples: 0 }
}

fn items_at_once(each: &Each) -> Option<usize> {
    let known = each.list.as_literal().and_then(Value::as_list).map(<[Value]>::len);
    // A list may be shorter than what may go on at once, but not longer than itself.
    [known, each.max_parallel].into_iter().flatten().min()
}

fn each_in_words(each: &Each) -> String {
    let mut words = "each item".to_owned();
    if let Some(most) = each.max_parallel {
        words.push_str(&format!(", {most} at once"));
    }
    match each.quorum {
        Quorum::All => {}
        Quorum::Any => words.push_str(", any must succeed"),
        Quorum::Count(count) => words.push_str(&format!(", {count} must succeed")),
        Quorum::Percent(percent) => words.push_str(&format!(", {percent}% must succeed")),
    }
    words
}

#[cfg(test)]
mod tests {
    use motet::Pipeline;
    use motet::language::Bundle;

    use super::*;

    #[test]
    fn an_operation_of_which_nothing_is_known_is_asked_for_once_however_many_steps_use_it() {
        let steps = |number| format!("  s{number}: {{ uses: data/transform, with: {{ value: 1 }} }}\n");
        let text = format!("motet: 1\nname: many\nsteps:\n{}", (0..50).map(steps).collect::<String>());
        let catalogue = motet::operation::catalogue();
        let pipeline = Pipeline::from_bundle(Bundle::of_text("many.yaml", &text), &catalogue).unwrap();
        let mut asked = Vec::new();
        let history = history_from(pipeline.plan(), |operation| {
            asked.push(operation.to_owned());
            None
        });
        assert_eq!((asked.as_slice(), history.len()), (&["data/transform".to_owned()][..], 0));
    }
}
