//! Scopes: steps that see each other.

use std::sync::{Arc, Mutex, MutexGuard};

use super::expression::Expression;
use super::step::{Body, Item, Step};

/// The steps of a pipeline, or of a group in it.
#[derive(Clone, Default)]
pub struct Scope(Arc<Mutex<Content>>);

/// What is in a scope so far.
#[derive(Clone, Default)]
pub(super) struct Content {
    pub(super) steps: Vec<Step>,
    pub(super) outputs: Vec<(String, Expression)>,
}

impl Scope {
    fn lock(&self) -> MutexGuard<'_, Content> {
        self.0.lock().expect("nothing panics while it changes a scope")
    }

    /// A copy of what is there so far.
    pub(super) fn content(&self) -> Content {
        self.lock().clone()
    }

    /// Tells this scope from every other one.
    pub(super) fn id(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }

    /// Adds a step that does `uses`, such as `media/animate` or `task/shout`.
    pub fn step(&self, name: &str, uses: &str) -> Step {
        let body = Body::Operation { uses: uses.to_owned(), with: Vec::new() };
        self.add(Step::new(Some(name), body))
    }

    /// Adds a group of steps, which gives what `fill` says it does.
    pub fn group(&self, name: &str, fill: impl FnOnce(&Scope)) -> Step {
        let scope = Scope::default();
        fill(&scope);
        self.add(Step::new(Some(name), Body::Group(scope)))
    }

    /// Adds a group that every item of `list` flows through on its own: none waits for the others.
    pub fn group_each(
        &self,
        name: &str,
        list: impl Into<Expression>,
        fill: impl FnOnce(&Scope, &Item),
    ) -> Step {
        let scope = Scope::default();
        let step = Step::new(Some(name), Body::Group(scope.clone()));
        let item = step.fan_out(list.into());
        fill(&scope, &item);
        self.add(step)
    }

    /// Says what the scope gives under `name`.
    pub fn output(&self, name: &str, value: impl Into<Expression>) {
        self.lock().outputs.push((name.to_owned(), value.into()));
    }

    fn add(&self, step: Step) -> Step {
        step.settle(self.id());
        self.lock().steps.push(step.clone());
        step
    }
}
