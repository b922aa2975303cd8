//! Steps and their policies.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::time::Duration;

use motet_pipeline::contract::Catalogue;
use motet_pipeline::plan::Quorum;
use motet_pipeline::{Class, MediaKind, Type};

use super::expression::{Expression, Form, ItemId};
use super::scope::Scope;
use crate::operation;

/// A step, and a handle of what it will give. Cheap to clone; all clones are the same step.
#[derive(Clone)]
pub struct Step(Arc<Mutex<Definition>>);

/// What is written of a step so far.
#[derive(Clone, Default)]
pub(super) struct Definition {
    /// The scope that it was added to; nothing for a step that stands where it is used.
    pub(super) home: Option<usize>,
    pub(super) name: Option<String>,
    pub(super) body: Body,
    pub(super) description: Option<String>,
    pub(super) condition: Option<Expression>,
    pub(super) needs: Vec<Step>,
    pub(super) each: Option<Each>,
    pub(super) retry: Vec<Retry>,
    pub(super) timeout: Option<Duration>,
    pub(super) total: Option<Duration>,
    pub(super) fallback: Vec<(Vec<Class>, Step)>,
    pub(super) checks: Vec<(Expression, Option<String>)>,
    pub(super) optional: bool,
    pub(super) always: bool,
    pub(super) undo: Option<Step>,
    pub(super) cache: bool,
    /// How old what is taken from the cache may be.
    pub(super) ttl: Option<Duration>,
    pub(super) labels: BTreeMap<String, String>,
    /// Words that mean nothing where they were said.
    pub(super) misplaced: Vec<&'static str>,
}

/// What a step does.
#[derive(Clone)]
pub(super) enum Body {
    Operation { uses: String, with: Vec<(String, Expression)> },
    Group(Scope),
}

impl Default for Body {
    fn default() -> Body {
        Body::Operation { uses: String::new(), with: Vec::new() }
    }
}

/// How a step fans out.
#[derive(Clone)]
pub(super) struct Each {
    pub(super) list: Expression,
    pub(super) item: ItemId,
    pub(super) key: Option<Expression>,
    pub(super) max_parallel: Option<usize>,
    pub(super) quorum: Option<Quorum>,
    pub(super) early: bool,
}

/// When a step is tried again.
///
/// ```
/// use motet::{Class, builder::{Retry, operation}};
/// use std::time::Duration;
/// operation("task/draw")
///     .retry(Retry::attempts(5).on([Class::Throttled]).backoff(Duration::from_secs(2)))
///     .retry(Retry::attempts(2).on([Class::Timeout]));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Retry {
    pub(super) attempts: u32,
    pub(super) on: Vec<Class>,
    pub(super) backoff: Option<Duration>,
    pub(super) factor: Option<f64>,
    pub(super) max_backoff: Option<Duration>,
    pub(super) jitter: Option<bool>,
}

impl Retry {
    /// Up to `count` attempts in all, the first included.
    pub fn attempts(count: u32) -> Retry {
        Retry { attempts: count, ..Retry::default() }
    }

    /// Only after failures of these classes. Without this: those that may pass by themselves.
    pub fn on(mut self, classes: impl IntoIterator<Item = Class>) -> Retry {
        self.on = classes.into_iter().collect();
        self
    }

    /// The pause before the second attempt.
    pub fn backoff(mut self, pause: Duration) -> Retry {
        self.backoff = Some(pause);
        self
    }

    /// By what the pause grows with each attempt.
    pub fn factor(mut self, factor: f64) -> Retry {
        self.factor = Some(factor);
        self
    }

    /// The longest pause.
    pub fn max_backoff(mut self, pause: Duration) -> Retry {
        self.max_backoff = Some(pause);
        self
    }

    /// Whether a pause is drawn between zero and its full length, as it is by default.
    pub fn jitter(mut self, jitter: bool) -> Retry {
        self.jitter = Some(jitter);
        self
    }
}

/// One item of a list that a step goes through.
#[derive(Clone, Debug)]
pub struct Item(pub(super) ItemId);

impl Item {
    /// A field of the item.
    pub fn field(&self, name: &str) -> Expression {
        Expression::from(self).field(name)
    }

    /// Where the item stands in the list, from 0.
    pub fn index(&self) -> Expression {
        Expression(Form::Index(self.0))
    }
}

impl From<&Item> for Expression {
    fn from(item: &Item) -> Expression {
        Expression(Form::Item(item.0))
    }
}

impl From<Item> for Expression {
    fn from(item: Item) -> Expression {
        Expression(Form::Item(item.0))
    }
}

impl Step {
    pub(super) fn new(name: Option<&str>, body: Body) -> Step {
        let name = name.map(str::to_owned);
        Step(Arc::new(Mutex::new(Definition { name, body, ..Definition::default() })))
    }

    fn lock(&self) -> MutexGuard<'_, Definition> {
        self.0.lock().expect("nothing panics while it changes a step")
    }

    /// A copy of what is written so far: steps may refer to each other in circles, so nothing is
    /// looked at under the lock.
    pub(super) fn definition(&self) -> Definition {
        self.lock().clone()
    }

    pub(super) fn settle(&self, scope: usize) {
        self.lock().home = Some(scope);
    }

    /// Tells this step from every other one.
    pub(super) fn id(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }

    fn change(self, change: impl FnOnce(&mut Definition)) -> Step {
        change(&mut self.lock());
        self
    }

    /// Gives `value` to the parameter `name`. A step is its best-known output here: the picture of a
    /// scene, the video of a merge. What a task of your own gives is named: [`Step::output`].
    pub fn with(self, name: &str, value: impl Into<Expression>) -> Step {
        let (name, value) = (name.to_owned(), value.into());
        self.change(|definition| match &mut definition.body {
            Body::Operation { with, .. } => {
                with.retain(|(given, _)| *given != name);
                with.push((name, value));
            }
            Body::Group(_) => definition.misplaced.push("with"),
        })
    }

    /// Gives the step a name of its own, which events, errors and files show.
    pub fn named(self, name: &str) -> Step {
        self.change(|definition| definition.name = Some(name.to_owned()))
    }

    /// What the step gives under `name`.
    pub fn output(&self, name: &str) -> Expression {
        Expression(Form::Output(self.clone(), name.to_owned()))
    }

    /// What the items of the step gave, a list of objects in the order of the list.
    pub fn items(&self) -> Expression {
        self.output("items")
    }

    /// What the items of the step gave under `name`, in the order of the list.
    pub fn all(&self, name: &str) -> Expression {
        self.items().pipe(&format!("map(attribute='{name}') | list"))
    }

    /// Runs only when `condition` holds; else the step is absent.
    pub fn when(self, condition: impl Into<Expression>) -> Step {
        let condition = condition.into();
        self.change(|definition| definition.condition = Some(condition))
    }

    /// Starts after `step` without taking anything from it.
    pub fn needs(self, step: &Step) -> Step {
        self.change(|definition| definition.needs.push(step.clone()))
    }

    /// Does the step once for every item of `list`, all at the same time.
    pub fn each(self, list: impl Into<Expression>, body: impl FnOnce(Step, &Item) -> Step) -> Step {
        let item = self.fan_out(list.into());
        body(self, &item)
    }

    pub(super) fn fan_out(&self, list: Expression) -> Item {
        let item = fresh_item();
        let each = Each { list, item, key: None, max_parallel: None, quorum: None, early: false };
        self.lock().each = Some(each);
        Item(item)
    }

    fn change_each(self, word: &'static str, change: impl FnOnce(&mut Each)) -> Step {
        self.change(|definition| match &mut definition.each {
            Some(each) => change(each),
            None => definition.misplaced.push(word),
        })
    }

    /// Names every item by `key`, so that it stays itself when the list changes.
    pub fn key(self, key: impl Into<Expression>) -> Step {
        let key = key.into();
        self.change_each("key", |each| each.key = Some(key))
    }

    /// How many items may be at work at the same time.
    pub fn max_parallel(self, count: usize) -> Step {
        self.change_each("max_parallel", |each| each.max_parallel = Some(count))
    }

    /// How many items must succeed.
    pub fn quorum(self, quorum: Quorum) -> Step {
        self.change_each("quorum", |each| each.quorum = Some(quorum))
    }

    /// Continues as soon as the quorum is reached; the other items are cancelled.
    pub fn early(self) -> Step {
        self.change_each("early", |each| each.early = true)
    }

    /// Tries again by `rule`. Of several rules the first that names the failure's class holds.
    pub fn retry(self, rule: Retry) -> Step {
        self.change(|definition| definition.retry.push(rule))
    }

    /// How long one attempt may take.
    pub fn timeout(self, time: Duration) -> Step {
        self.change(|definition| definition.timeout = Some(time))
    }

    /// How long the step may take with all of its attempts and fallbacks.
    pub fn total_timeout(self, time: Duration) -> Step {
        self.change(|definition| definition.total = Some(time))
    }

    /// What is done instead when this fails in a way that another target may help. It takes over what
    /// this was given, unless it has its own. It can be made from what other steps give, but not from
    /// unnamed steps of its own: those would run in any case.
    pub fn fallback(self, next: Step) -> Step {
        self.fallback_on([], next)
    }

    /// What is done instead when this fails with one of `classes`.
    pub fn fallback_on(self, classes: impl IntoIterator<Item = Class>, next: Step) -> Step {
        self.change(|definition| definition.fallback.push((classes.into_iter().collect(), next)))
    }

    /// Refuses an output for which `that` doesn't hold, with the failure class `bad_output`.
    pub fn check(self, that: impl FnOnce(&Expression) -> Expression, message: &str) -> Step {
        let that = that(&Expression(Form::OwnOutput));
        self.change(|definition| definition.checks.push((that, Some(message.to_owned()))))
    }

    /// Runs it at the end of the run, whatever happened: cleaning up, giving notice. It changes nothing about how the run
    /// ends. Only a step of the pipeline itself can do so, not one inside a group.
    pub fn always(self) -> Step {
        self.change(|definition| definition.always = true)
    }

    /// What undoes the step once it was done, made from its `output`: when the run fails and is to be undone, and by
    /// [`Motet::undo`](crate::Motet::undo).
    pub fn undo(self, by: impl FnOnce(&Expression) -> Step) -> Step {
        let by = by(&Expression(Form::OwnOutput));
        self.change(|definition| definition.undo = Some(by))
    }

    /// Tolerates its failure: then it is absent, and the run is degraded.
    pub fn optional(self) -> Step {
        self.change(|definition| definition.optional = true)
    }

    /// Takes the result of another run that was made of the same, and keeps its own for others.
    pub fn cache(self) -> Step {
        self.change(|definition| definition.cache = true)
    }

    /// The same, but takes none that is older than `ttl`.
    pub fn cache_for(self, ttl: Duration) -> Step {
        self.cache().change(|definition| definition.ttl = Some(ttl))
    }

    /// Says what the step is for.
    pub fn describe(self, description: &str) -> Step {
        self.change(|definition| definition.description = Some(description.to_owned()))
    }

    /// Adds a label.
    pub fn label(self, name: &str, value: &str) -> Step {
        self.change(|definition| drop(definition.labels.insert(name.to_owned(), value.to_owned())))
    }
}

/// A number that no other `each` of this process has.
fn fresh_item() -> ItemId {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// By its name alone: steps may refer to each other in circles.
impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let definition = self.definition();
        let uses = match &definition.body {
            Body::Operation { uses, .. } => uses,
            Body::Group(_) => "group",
        };
        write!(f, "Step({}, {uses})", definition.name.as_deref().unwrap_or("unnamed"))
    }
}

impl Definition {
    /// The one output that is meant where a step is given as a value: the only one, or the only one
    /// that is a picture, a video or sound; of `media/merge` the film, of `local/scene` a film if it has a `length`. The
    /// outputs of your own operations aren't known here.
    pub(super) fn main_output(&self) -> Option<&'static str> {
        static KNOWN: LazyLock<Catalogue> = LazyLock::new(operation::catalogue);
        let Body::Operation { uses, with, .. } = &self.body else { return None };
        match uses.as_str() {
            // Of sounds alone it makes a sound, which is then asked for by its name.
            "media/merge" => return Some("video"),
            "local/scene" if with.iter().any(|(name, _)| name == "length") => return Some("video"),
            "local/scene" => return Some("image"),
            _ => {}
        }
        let outputs = &KNOWN.get(uses)?.outputs;
        let is_shown = |ty: &Type| matches!(ty, Type::Media(kinds) if !kinds.contains(&MediaKind::File));
        let mut shown = outputs.iter().filter(|(_, ty)| outputs.len() == 1 || is_shown(ty));
        match (shown.next(), shown.next()) {
            (Some((name, _)), None) => Some(name),
            _ => None,
        }
    }

    /// Every expression that the step waits for where it stands. Those of fallbacks wait until they are
    /// needed; see [`Definition::for_each_late_expression`].
    pub(super) fn for_each_expression(&self, visit: &mut impl FnMut(&Expression)) {
        if let Body::Operation { with, .. } = &self.body {
            with.iter().for_each(|(_, value)| value.for_each(visit));
        }
        let each = self.each.iter().flat_map(|each| std::iter::once(&each.list).chain(&each.key));
        each.chain(&self.condition).for_each(|value| value.for_each(visit));
        self.checks.iter().for_each(|(that, _)| that.for_each(visit));
        self.needs.iter().for_each(|step| visit(&Expression(Form::Step(step.clone()))));
    }

    /// Every expression of the step's fallbacks, and of what undoes it.
    pub(super) fn for_each_late_expression(&self, visit: &mut impl FnMut(&Expression)) {
        for next in self.fallback.iter().map(|(_, next)| next).chain(&self.undo) {
            next.definition().for_each_expression(visit);
        }
    }
}
