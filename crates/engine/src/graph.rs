//! The static shape of a plan, flattened: which step stands where, and who waits for whom.

use std::collections::BTreeSet;
use std::sync::Arc;

use motet_pipeline::plan::{Dependency, Scope, Step};
use motet_pipeline::{Plan, StepPath};

/// A plan with its steps numbered; shared by all runs of the plan.
#[derive(Debug)]
pub struct Graph {
    plan: Arc<Plan>,
    steps: Vec<StepEntry>,
    /// See [`Graph::with_turns_of`].
    pub(crate) turn_bytes: usize,
}

/// About how many bytes a turn may have before the rest is left for the next one. What is begun is
/// finished, and large values stand in a journal as references: so no turn has more than a mebibyte.
const TURN_BYTES: usize = 256 * 1024;

/// A step of a [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StepId(pub(crate) u32);

#[derive(Debug)]
struct StepEntry {
    /// The indices that lead from the root scope to the step.
    route: Vec<usize>,
    /// The first of the steps inside it (they follow each other), if it has any.
    first_inner: Option<StepId>,
    /// The steps that wait for this one, here or in scopes further in.
    waiters: Vec<StepId>,
    /// What undoes it.
    undo: Option<StepId>,
    /// Whether it is what undoes the step that the route leads to, and not that step.
    is_undo: bool,
}

impl StepEntry {
    fn new(route: Vec<usize>) -> StepEntry {
        StepEntry { route, first_inner: None, waiters: Vec::new(), undo: None, is_undo: false }
    }
}

impl Graph {
    /// Numbers the steps of `plan`.
    pub fn new(plan: Arc<Plan>) -> Arc<Graph> {
        Graph::with_turns_of(TURN_BYTES, plan)
    }

    /// The same for a host that wants turns of about this many bytes. What doesn't fit into a turn is
    /// left for the next one; how long turns are makes no difference to what comes of a run.
    pub fn with_turns_of(turn_bytes: usize, plan: Arc<Plan>) -> Arc<Graph> {
        let mut graph = Graph { plan: plan.clone(), steps: Vec::new(), turn_bytes };
        graph.add_scope(&plan.root, &[]);
        let ids: Vec<StepId> = (0..graph.steps.len() as u32).map(StepId).collect();
        for id in ids {
            let step = graph.step(id);
            let mut awaited: Vec<StepId> =
                dependencies(step).map(|dependency| graph.awaited(id, dependency)).collect();
            awaited.sort();
            awaited.dedup();
            for other in awaited {
                graph.steps[other.0 as usize].waiters.push(id);
            }
        }
        graph.add_undos();
        Arc::new(graph)
    }

    /// What undoes steps comes behind all steps.
    fn add_undos(&mut self) {
        for number in 0..self.steps.len() as u32 {
            if self.step(StepId(number)).undo.is_some() {
                let undo = StepId(self.steps.len() as u32);
                let route = self.steps[number as usize].route.clone();
                self.steps.push(StepEntry { is_undo: true, ..StepEntry::new(route) });
                self.steps[number as usize].undo = Some(undo);
            }
        }
    }

    fn add_scope(&mut self, scope: &Scope, route: &[usize]) -> StepId {
        let first = StepId(self.steps.len() as u32);
        for index in 0..scope.steps.len() {
            let route = [route, &[index]].concat();
            self.steps.push(StepEntry::new(route));
        }
        for (index, step) in scope.steps.iter().enumerate() {
            if let Some(inner) = step.body.scope() {
                let route = self.steps[first.0 as usize + index].route.clone();
                let first_inner = self.add_scope(inner, &route);
                self.steps[first.0 as usize + index].first_inner = Some(first_inner);
            }
        }
        first
    }

    /// The step that `waiting` waits for by `dependency`.
    fn awaited(&self, waiting: StepId, dependency: &Dependency) -> StepId {
        let route = &self.steps[waiting.0 as usize].route;
        let around = &route[..route.len() - 1 - dependency.step.up];
        let first = match around.split_last() {
            None => StepId(0),
            Some(_) => self.inner_of(around),
        };
        StepId(first.0 + dependency.step.index as u32)
    }

    /// The first step inside the step that `route` leads to.
    fn inner_of(&self, route: &[usize]) -> StepId {
        let mut first = StepId(0);
        for index in route {
            let entry = &self.steps[first.0 as usize + index];
            first = entry.first_inner.expect("a route leads through steps that have steps inside");
        }
        first
    }

    /// The plan.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Whether there is a step of this number.
    pub(crate) fn has_step(&self, number: u32) -> bool {
        (number as usize) < self.steps.len()
    }

    pub(crate) fn step(&self, id: StepId) -> &Step {
        let route = &self.steps[id.0 as usize].route;
        let (last, around) = route.split_last().expect("a step's route has at least its own index");
        let mut scope = &self.plan.root;
        for index in around {
            scope =
                scope.steps[*index].body.scope().expect("a route leads through steps that have steps inside");
        }
        let step = &scope.steps[*last];
        match self.steps[id.0 as usize].is_undo {
            true => step.undo.as_ref().expect("what undoes a step was found at it"),
            false => step,
        }
    }

    /// What undoes a step.
    pub(crate) fn undo_of(&self, id: StepId) -> Option<StepId> {
        self.steps[id.0 as usize].undo
    }

    /// The step or item that is undone at `path`, if that is the path of an undo.
    pub(crate) fn undone_at(&self, path: &StepPath) -> Option<StepPath> {
        let (undone, name) = path.as_str().rsplit_once('/')?;
        let undone = StepPath::from_text(undone);
        let undo = self.undo_of(self.find(&undone)?)?;
        (self.step(undo).name == name).then_some(undone)
    }

    /// Whether it undoes another step.
    pub(crate) fn is_undo(&self, id: StepId) -> bool {
        self.steps[id.0 as usize].is_undo
    }

    /// Whether any step can be undone.
    pub fn has_undo(&self) -> bool {
        self.steps.last().is_some_and(|last| last.is_undo)
    }

    /// Whether some step always runs.
    pub(crate) fn has_always(&self) -> bool {
        self.plan.root.steps.iter().any(|step| step.always)
    }

    /// The step at `path`, whatever items it is in.
    pub(crate) fn find(&self, path: &StepPath) -> Option<StepId> {
        let mut scope = Some((&self.plan.root, StepId(0)));
        let mut found = None;
        for segment in path.segments() {
            let (steps, first) = scope?;
            let index = steps.steps.iter().position(|step| step.name == segment.name)?;
            let id = StepId(first.0 + index as u32);
            scope = self.scope_inside(id);
            found = Some(id);
        }
        found
    }

    /// Whether there is a step at `path`, whatever items it is in.
    pub fn has(&self, path: &StepPath) -> bool {
        self.find(path).is_some()
    }

    /// The steps that wait for the step at `path`, for what is around it, or for one of these in turn, with all that
    /// is inside of them.
    pub(crate) fn dependents(&self, path: &StepPath) -> BTreeSet<StepId> {
        let mut after = BTreeSet::new();
        let mut left: Vec<StepId> = self.around(path);
        while let Some(id) = left.pop() {
            for waiter in self.waiters(id) {
                for step in self.with_inner(*waiter) {
                    if after.insert(step) {
                        left.push(step);
                    }
                }
            }
        }
        after
    }

    /// The step at `path` and those around it.
    fn around(&self, path: &StepPath) -> Vec<StepId> {
        let mut at = StepPath::root();
        let ids = path.segments().map(|segment| {
            at = at.step(segment.name);
            self.find(&at)
        });
        ids.flatten().collect()
    }

    /// A step and all inside of it.
    fn with_inner(&self, id: StepId) -> Vec<StepId> {
        let route = &self.steps[id.0 as usize].route;
        let is_inside = |other: &StepEntry| !other.is_undo && other.route.starts_with(route);
        let ids = self.steps.iter().zip(0..).filter(|(entry, _)| is_inside(entry));
        ids.map(|(_, number)| StepId(number)).collect()
    }

    /// The scope inside the step, and the number of its first step.
    pub(crate) fn scope_inside(&self, id: StepId) -> Option<(&Scope, StepId)> {
        let first = self.steps[id.0 as usize].first_inner?;
        self.step(id).body.scope().map(|scope| (scope, first))
    }

    pub(crate) fn waiters(&self, id: StepId) -> &[StepId] {
        &self.steps[id.0 as usize].waiters
    }

    /// The indices that lead from the scope that `outer` stands in down to `inner`.
    pub(crate) fn route_between(&self, outer: StepId, inner: StepId) -> &[usize] {
        let depth = self.steps[outer.0 as usize].route.len() - 1;
        &self.steps[inner.0 as usize].route[depth..]
    }
}

/// What a step waits for, at its first target or a later one.
pub(crate) fn dependencies(step: &Step) -> impl Iterator<Item = &Dependency> {
    step.waits_for.iter().chain(step.body.targets().iter().flat_map(|target| &target.waits_for))
}
