//! Places: in which scope every step stands, and what it is called.

use std::collections::{BTreeMap, BTreeSet};

use super::super::PipelineBuilder;
use super::super::expression::{Expression, Form};
use super::super::scope::Scope;
use super::super::step::{Body, Step};

/// Where every step of a pipeline stands.
#[derive(Default)]
pub(super) struct Places {
    /// The scopes around each step, outermost first.
    scopes: BTreeMap<usize, Vec<usize>>,
    /// Every step that has a place.
    known: BTreeMap<usize, Step>,
    /// The steps of each scope, in the order in which they are written.
    steps: BTreeMap<usize, Vec<Step>>,
    /// All steps, outer scopes before inner ones. The order decides names, so it must be the same in
    /// every process.
    all: Vec<Step>,
    names: BTreeMap<usize, String>,
}

impl Places {
    pub(super) fn of(film: &PipelineBuilder) -> Places {
        let mut places = Places::default();
        places.settle(&film.scope, &[]);
        places.place_scope(&film.scope, &[]);
        places.widen();
        places.order(&film.scope, &[]);
        places.name();
        places
    }

    /// Notes where the steps stand that were added to a scope.
    fn settle(&mut self, scope: &Scope, around: &[usize]) {
        let path = [around, &[scope.id()]].concat();
        for step in scope.content().steps {
            self.scopes.insert(step.id(), path.clone());
            self.known.insert(step.id(), step.clone());
            if let Body::Group(inner) = step.definition().body {
                self.settle(&inner, &path);
            }
        }
    }

    /// Finds a place for every unnamed step that the scope's steps and outputs lead to.
    fn place_scope(&mut self, scope: &Scope, around: &[usize]) {
        let path = [around, &[scope.id()]].concat();
        let content = scope.content();
        for step in &content.steps {
            for used in used_by(step) {
                self.place(&used, &path);
            }
            if let Body::Group(inner) = step.definition().body {
                self.place_scope(&inner, &path);
            }
        }
        for used in content.outputs.iter().flat_map(|(_, value)| steps_in(value)) {
            self.place(&used, &path);
        }
    }

    /// Moves unnamed steps outwards until the fallbacks that use them see them too. What serves a
    /// fallback alone gets no place: it would run in any case.
    fn widen(&mut self) {
        loop {
            let before = self.scopes.clone();
            for step in self.known.clone().values() {
                let path = self.scopes[&step.id()].clone();
                for used in used_late(step).iter().filter(|used| before.contains_key(&used.id())) {
                    self.place(used, &path);
                }
            }
            if self.scopes == before {
                return;
            }
        }
    }

    /// Places `step`, which is used in the scope at `path`: in the innermost scope around all uses.
    fn place(&mut self, step: &Step, path: &[usize]) {
        if step.definition().home.is_some() {
            return;
        }
        let shared = match self.scopes.get(&step.id()) {
            Some(before) => before.iter().zip(path).take_while(|(a, b)| a == b).map(|(a, _)| *a).collect(),
            None => path.to_vec(),
        };
        self.known.insert(step.id(), step.clone());
        // Its place only ever moves outwards, so circles come to rest.
        if self.scopes.insert(step.id(), shared.clone()).as_ref() != Some(&shared) {
            for used in used_by(step) {
                self.place(&used, &shared);
            }
        }
    }

    /// Puts the steps of a scope in order: those that were added as they came, unnamed ones before
    /// what uses them.
    fn order(&mut self, scope: &Scope, around: &[usize]) {
        let path = [around, &[scope.id()]].concat();
        let content = scope.content();
        let mut ordered = Vec::new();
        let mut seen = BTreeSet::new();
        let outputs = content.outputs.iter().flat_map(|(_, value)| steps_in(value));
        for step in content.steps.iter().cloned().chain(outputs) {
            self.add_after_used(&step, &path, &mut seen, &mut ordered);
        }
        self.all.extend(ordered.iter().cloned());
        self.steps.insert(scope.id(), ordered);
        for step in &content.steps {
            if let Body::Group(inner) = step.definition().body {
                self.order(&inner, &path);
            }
        }
    }

    fn add_after_used(
        &self,
        step: &Step,
        path: &[usize],
        seen: &mut BTreeSet<usize>,
        ordered: &mut Vec<Step>,
    ) {
        if !seen.insert(step.id()) {
            return;
        }
        let mut used = used_by(step);
        used.extend(used_within(step));
        for used in used.iter().filter(|used| used.definition().home.is_none()) {
            self.add_after_used(used, path, seen, ordered);
        }
        if self.scopes.get(&step.id()).is_some_and(|place| place == path) {
            ordered.push(step.clone());
        }
    }

    /// Gives every step a name; that of an unnamed one comes from its operation.
    fn name(&mut self) {
        let named = |step: &Step| Some((step.id(), step.definition().name?));
        self.names = self.all.iter().filter_map(named).collect();
        let mut taken: BTreeSet<String> = self.names.values().cloned().collect();
        for step in &self.all {
            self.names.entry(step.id()).or_insert_with(|| {
                let name = free_name(&stem(step), &taken);
                taken.insert(name.clone());
                name
            });
        }
    }

    /// The steps of a scope, in the order in which they are written.
    pub(super) fn steps_of(&self, scope: &Scope) -> &[Step] {
        self.steps.get(&scope.id()).map_or(&[], Vec::as_slice)
    }

    pub(super) fn name_of(&self, step: &Step) -> String {
        let name = self.names.get(&step.id()).cloned();
        name.or(step.definition().name).unwrap_or_else(|| stem(step))
    }

    /// The scopes around a step; nothing if it isn't of this pipeline.
    pub(super) fn scopes_around(&self, step: &Step) -> Option<&[usize]> {
        self.scopes.get(&step.id()).map(Vec::as_slice)
    }

    /// The step that `name` means in the scope at `path`: the nearest one.
    pub(super) fn find(&self, name: &str, path: &[usize]) -> Option<&Step> {
        path.iter().rev().find_map(|scope| {
            let steps = self.steps.get(scope)?;
            steps.iter().find(|step| self.names.get(&step.id()).is_some_and(|other| other == name))
        })
    }
}

/// The steps that an expression refers to.
fn steps_in(value: &Expression) -> Vec<Step> {
    let mut steps = Vec::new();
    value.for_each(&mut |expression| steps.extend(step_of(expression)));
    steps
}

/// The steps that a step refers to where it stands, but for its fallbacks.
fn used_by(step: &Step) -> Vec<Step> {
    let mut steps = Vec::new();
    step.definition().for_each_expression(&mut |expression| steps.extend(step_of(expression)));
    steps
}

/// The steps that a step's fallbacks refer to.
fn used_late(step: &Step) -> Vec<Step> {
    let mut steps = Vec::new();
    step.definition().for_each_late_expression(&mut |expression| steps.extend(step_of(expression)));
    steps
}

fn step_of(expression: &Expression) -> Option<Step> {
    match &expression.0 {
        Form::Step(step) | Form::Output(step, _) => Some(step.clone()),
        _ => None,
    }
}

/// The steps that what is in a group refers to.
fn used_within(step: &Step) -> Vec<Step> {
    let Body::Group(scope) = step.definition().body else { return Vec::new() };
    let content = scope.content();
    let mut used: Vec<Step> = content.outputs.iter().flat_map(|(_, value)| steps_in(value)).collect();
    for step in &content.steps {
        used.extend(used_by(step));
        used.extend(used_within(step));
    }
    used
}

/// What an unnamed step is called, but for a number: `extract_audio` for `media/extract-audio`.
fn stem(step: &Step) -> String {
    let Body::Operation { uses, .. } = step.definition().body else { return "group".into() };
    let last = uses.rsplit('/').next().unwrap_or_default();
    let letters = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    match last.starts_with(|c: char| c.is_ascii_alphabetic()) {
        true => last.chars().map(letters).collect(),
        false => "step".into(),
    }
}

fn free_name(stem: &str, taken: &BTreeSet<String>) -> String {
    let numbered = (2..).map(|number| format!("{stem}_{number}"));
    let mut names = std::iter::once(stem.to_owned()).chain(numbered);
    names.find(|name| !taken.contains(name)).expect("there are more numbers than steps")
}
