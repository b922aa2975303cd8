//! Drawing up the document: where unnamed steps stand, what they are called, how references read.

mod code;
mod place;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use motet_pipeline::diagnostic::{Code, Diagnostic};
use motet_pipeline::{Class, Span};

use super::scope::Scope;
use super::step::{Body, Definition, Each, Retry, Step};
use super::written::Written;
use super::{OnFailure, PipelineBuilder, Quorum};
use crate::Error;

use code::Writer;
use place::Places;

type Entries = Vec<(String, Written)>;

/// What is wrong with how the builder was used.
type Fault = (Code, String);

/// The document of a pipeline.
pub(super) fn draw_up(film: &PipelineBuilder) -> Result<Written, Error> {
    let places = Places::of(film);
    let mut draft = Draft { writer: Writer::new(film, &places), places: &places };
    let mut entries = Entries::new();
    add(&mut entries, "motet", Written::Scalar(1.into()));
    add(&mut entries, "name", Written::text(&film.name));
    add(&mut entries, "description", film.description.as_ref().map(Written::text));
    let inputs = film.lock_inputs().clone();
    let schemas = inputs.iter().map(|(name, input)| (name.clone(), Written::of(input.schema())));
    add(&mut entries, "inputs", some_map(schemas.collect()));
    add(&mut entries, "timeout", film.timeout.map(duration));
    let on_failure = match film.on_failure {
        OnFailure::Fail => None,
        OnFailure::Finish => Some("finish"),
        OnFailure::Undo => Some("undo"),
    };
    add(&mut entries, "on_failure", on_failure.map(Written::text));
    add(&mut entries, "labels", labels(&film.labels));
    draft.write_scope(&film.scope, &mut entries);
    let mut faults = draft.writer.faults;
    faults.extend(doubles(inputs.iter().map(|(name, _)| name), "inputs"));
    if faults.is_empty() {
        return Ok(Written::Map(entries));
    }
    let file = format!("{}.yaml", film.name);
    let diagnostic = |(code, message): Fault| Diagnostic::of_file(&file, code, message);
    Err(Error::Check(faults.into_iter().map(diagnostic).collect()))
}

/// Writes a pipeline's steps.
struct Draft<'f> {
    writer: Writer<'f>,
    places: &'f Places,
}

impl Draft<'_> {
    fn write_scope(&mut self, scope: &Scope, entries: &mut Entries) {
        self.writer.enter(scope.id());
        let steps = self.places.steps_of(scope);
        let names: Vec<_> = steps.iter().map(|step| self.places.name_of(step)).collect();
        self.writer.faults.extend(doubles(names.iter(), "steps"));
        let steps = names.into_iter().zip(steps).map(|(name, step)| (name, self.write_step(step)));
        let steps = Written::Map(steps.collect());
        add(entries, "steps", steps);
        let outputs = scope.content().outputs;
        self.writer.faults.extend(doubles(outputs.iter().map(|(name, _)| name), "outputs"));
        let outputs = outputs.iter().map(|(name, value)| (name.clone(), self.writer.value(value)));
        let outputs = outputs.collect();
        add(entries, "outputs", some_map(outputs));
        self.writer.leave();
    }

    fn write_step(&mut self, step: &Step) -> Written {
        let definition = step.definition();
        let mut entries = Entries::new();
        add(&mut entries, "description", definition.description.as_ref().map(Written::text));
        let needs: Vec<_> = definition.needs.iter().map(|step| self.writer.step_name(step)).collect();
        add(&mut entries, "needs", some_list(needs.into_iter().map(Written::text).collect()));
        if let Some(each) = &definition.each {
            self.write_each(each, &mut entries);
        }
        let condition = definition.condition.as_ref().map(|condition| self.writer.value(condition));
        add(&mut entries, "if", condition);
        match &definition.body {
            Body::Operation { .. } => self.write_target(&definition, &mut entries),
            Body::Group(scope) => {
                self.write_scope(scope, &mut entries);
                add(&mut entries, "timeout", timeout(&definition));
                if !definition.retry.is_empty() {
                    self.misplaced(step, "retry");
                }
            }
        }
        let fallback = definition.fallback.iter().map(|(on, next)| self.write_fallback(on, next));
        let fallback = fallback.collect();
        add(&mut entries, "fallback", some_list(fallback));
        let checks = definition.checks.iter().map(|(that, message)| {
            let mut check = vec![("that".to_owned(), self.writer.value(that))];
            add(&mut check, "message", message.as_ref().map(Written::text));
            Written::Map(check)
        });
        let checks = checks.collect();
        add(&mut entries, "check", some_list(checks));
        add(&mut entries, "optional", definition.optional.then(|| Written::Scalar(true.into())));
        add(&mut entries, "always", definition.always.then(|| Written::Scalar(true.into())));
        let undo = definition.undo.as_ref().map(|by| self.write_undo(by));
        add(&mut entries, "undo", undo);
        add(&mut entries, "cache", definition.cache.then(|| cache(definition.ttl)));
        add(&mut entries, "labels", labels(&definition.labels));
        if definition.each.is_some() {
            self.writer.leave_item();
        }
        for word in definition.misplaced {
            self.misplaced(step, word);
        }
        Written::Map(entries)
    }

    /// Writes what an operation and a fallback have in common.
    fn write_target(&mut self, definition: &Definition, entries: &mut Entries) {
        if let Body::Operation { uses, with } = &definition.body {
            add(entries, "uses", Written::text(uses));
            let with = with.iter().map(|(name, value)| (name.clone(), self.writer.value(value)));
            let with = with.collect();
            add(entries, "with", some_map(with));
        }
        add(entries, "retry", retry(&definition.retry));
        add(entries, "timeout", timeout(definition));
    }

    fn write_fallback(&mut self, on: &[Class], next: &Step) -> Written {
        let mut entries = self.write_alone(next, "a fallback");
        add(&mut entries, "on", some_list(on.iter().map(|class| Written::text(class.word())).collect()));
        Written::Map(entries)
    }

    fn write_undo(&mut self, by: &Step) -> Written {
        Written::Map(self.write_alone(by, "an undo"))
    }

    /// Writes an operation that stands at another step, as `what`.
    fn write_alone(&mut self, step: &Step, what: &str) -> Entries {
        let definition = step.definition();
        let mut entries = Entries::new();
        self.write_target(&definition, &mut entries);
        let policies = definition.each.is_some()
            || definition.condition.is_some()
            || definition.optional
            || definition.always
            || definition.undo.is_some()
            || definition.cache
            || !(definition.needs.is_empty()
                && definition.checks.is_empty()
                && definition.fallback.is_empty());
        if policies || matches!(definition.body, Body::Group(_)) {
            let message = format!(
                "{what} is an operation with `with`, `retry` and `timeout`; everything else belongs to the step"
            );
            self.writer.faults.push((Code::MisplacedKey, message));
        }
        entries
    }

    /// From here on the item can be named.
    fn write_each(&mut self, each: &Each, entries: &mut Entries) {
        add(entries, "each", self.writer.value(&each.list));
        let name = self.writer.enter_item(each.item);
        add(entries, "as", (name != "item").then(|| Written::text(name)));
        add(entries, "key", each.key.as_ref().map(|key| self.writer.value(key)));
        add(entries, "max_parallel", each.max_parallel.map(|count| Written::Scalar(count.into())));
        add(entries, "quorum", each.quorum.map(quorum));
        add(entries, "early", each.early.then(|| Written::Scalar(true.into())));
    }

    fn misplaced(&mut self, step: &Step, word: &str) {
        let name = self.places.name_of(step);
        let message = format!("`{word}` means nothing for the step `{name}` as it is");
        self.writer.faults.push((Code::MisplacedKey, message));
    }
}

fn add(entries: &mut Entries, key: &str, value: impl Into<Option<Written>>) {
    entries.extend(value.into().map(|value| (key.to_owned(), value)));
}

fn some_map(entries: Entries) -> Option<Written> {
    (!entries.is_empty()).then_some(Written::Map(entries))
}

fn some_list(items: Vec<Written>) -> Option<Written> {
    (!items.is_empty()).then_some(Written::List(items))
}

fn doubles<'n>(names: impl Iterator<Item = &'n String>, what: &str) -> Vec<Fault> {
    let mut seen = BTreeSet::new();
    let doubles = names.filter(|name| !seen.insert(*name));
    doubles.map(|name| (Code::DuplicateKey, format!("there are two {what} called `{name}`"))).collect()
}

fn labels(labels: &BTreeMap<String, String>) -> Option<Written> {
    some_map(labels.iter().map(|(name, value)| (name.clone(), Written::text(value))).collect())
}

fn duration(time: Duration) -> Written {
    Written::text(Span(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)).to_string())
}

fn timeout(definition: &Definition) -> Option<Written> {
    let job = definition.timeout.map(duration);
    if definition.total.is_none() {
        return job;
    }
    let mut entries = Entries::new();
    add(&mut entries, "job", job);
    add(&mut entries, "total", definition.total.map(duration));
    Some(Written::Map(entries))
}

fn cache(ttl: Option<Duration>) -> Written {
    let whatever_its_age = || Written::Scalar(true.into());
    ttl.map_or_else(whatever_its_age, |ttl| Written::Map(vec![("ttl".to_owned(), duration(ttl))]))
}

fn retry(rules: &[Retry]) -> Option<Written> {
    let mut rules: Vec<_> = rules.iter().map(retry_rule).collect();
    match rules.len() {
        0 | 1 => rules.pop(),
        _ => Some(Written::List(rules)),
    }
}

fn retry_rule(rule: &Retry) -> Written {
    let mut entries = Entries::new();
    add(&mut entries, "on", some_list(rule.on.iter().map(|class| Written::text(class.word())).collect()));
    add(&mut entries, "attempts", Written::Scalar(rule.attempts.into()));
    add(&mut entries, "backoff", rule.backoff.map(duration));
    add(&mut entries, "factor", rule.factor.map(|factor| Written::Scalar(factor.into())));
    add(&mut entries, "max_backoff", rule.max_backoff.map(duration));
    add(&mut entries, "jitter", rule.jitter.map(|jitter| Written::Scalar(jitter.into())));
    Written::Map(entries)
}

fn quorum(quorum: Quorum) -> Written {
    match quorum {
        Quorum::All => Written::text("all"),
        Quorum::Any => Written::text("any"),
        Quorum::Count(count) => Written::Scalar(count.into()),
        Quorum::Percent(percent) => Written::text(format!("{percent}%")),
    }
}
