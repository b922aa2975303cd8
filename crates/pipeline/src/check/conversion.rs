//! Conversions: what `fit: auto` puts in front of a step.
//!
//! A step whose media may measure more than its operation takes becomes a group: a step of `media/fit` for each such
//! input, and the call itself, which is given what came of that. It is written out before anything is checked, so that
//! all that follows — the check, the plan, its estimate, the engine — knows groups and nothing else.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::builtin;
use crate::contract::{Catalogue, Contract, Limits};
use crate::diagnostic::Code;
use crate::document::place::{Findings, Place};
use crate::document::written::{Shape, Written};
use crate::document::{At, Body, Document, Output, Step, Timeout, yaml};
use crate::expression::Template;
use crate::{MediaKind, Type, Value};

/// The operation that makes media fit, and leaves alone what fits already: `fit: auto` puts it in front of a step.
pub const FIT: &str = "media/fit";

/// Writes out all conversions that the steps of a file ask for.
pub(super) fn write_out(document: &mut Document, catalogue: &Catalogue, findings: &mut Findings) {
    let mut names = BTreeSet::new();
    add_names(&document.steps, &mut names);
    let builtins = builtin::catalogue();
    let mut writer = Writer { catalogue, builtins, names, own: BTreeSet::new(), findings };
    document.steps.iter_mut().for_each(|step| writer.step(step));
}

fn add_names(steps: &[Step], names: &mut BTreeSet<String>) {
    for step in steps {
        names.insert(step.name.value.clone());
        if let Body::Group { steps, .. } = &step.body {
            add_names(steps, names);
        }
    }
}

struct Writer<'w, 't> {
    catalogue: &'w Catalogue,
    builtins: &'w Catalogue,
    /// The names of the author's steps: an inner step must hide none that an expression refers to.
    names: BTreeSet<String>,
    /// The names of the steps of the group that is being made.
    own: BTreeSet<String>,
    findings: &'w mut Findings<'t>,
}

impl Writer<'_, '_> {
    fn step(&mut self, step: &mut Step) {
        if let Body::Group { steps, .. } = &mut step.body {
            return steps.iter_mut().for_each(|step| self.step(step));
        }
        let Some(place) = step.fit else { return };
        let contracts = self.contracts(step);
        let Some(first) = contracts.first().cloned() else { return };
        let Body::Uses { with, .. } = &mut step.body else { return };
        let mut conversions = Vec::new();
        self.own.clear();
        for (key, value) in with {
            if let Some((kind, limits)) = demand(&contracts, &key.value) {
                self.convert(&key.value, value, kind, &limits, &mut conversions);
            }
        }
        if conversions.is_empty() {
            let operation = &first.operation;
            let message = format!(
                "`fit: auto` changes nothing: {operation} sets no limits that a conversion could meet"
            );
            self.findings.warning(place, Code::Unneeded, message).help("remove it");
            return;
        }
        self.group(step, conversions, &contracts);
    }

    /// The contracts of the targets of a step, those that are known.
    fn contracts(&self, step: &Step) -> Vec<Arc<Contract>> {
        let Body::Uses { uses, fallback, .. } = &step.body else { return Vec::new() };
        let find = |name: &String| self.catalogue.get(name).or_else(|| self.builtins.get(name)).cloned();
        let Some(first) = find(&uses.value).filter(|_| !yaml::is_file(&uses.value)) else {
            return Vec::new();
        };
        std::iter::once(first).chain(fallback.iter().filter_map(|target| find(&target.uses.value))).collect()
    }

    /// Puts a conversion in front of `value`, or of each of its items.
    fn convert(
        &mut self,
        name: &str,
        value: &mut Written,
        kind: MediaKind,
        limits: &Limits,
        into: &mut Vec<Step>,
    ) {
        match &mut value.shape {
            Shape::List(items) => {
                items.iter_mut().for_each(|item| self.convert(name, item, kind, limits, into))
            }
            // An address isn't fetched here, and so not converted.
            Shape::Scalar { template, .. } if template.as_literal().is_none() => {
                let step_name = self.free_name(&format!("fit_{name}"));
                let text = format!("{{{{ steps.{step_name}.{kind} }}}}");
                let converted = Written { place: value.place, shape: expression(text) };
                let given = std::mem::replace(value, converted);
                into.push(conversion(step_name, given, kind, limits));
            }
            _ => {}
        }
    }

    fn free_name(&mut self, wanted: &str) -> String {
        let numbered = (2..).map(|number| format!("{wanted}_{number}"));
        let mut all = std::iter::once(wanted.to_owned()).chain(numbered);
        let is_free = |name: &String| !self.names.contains(name) && !self.own.contains(name);
        let name = all.find(is_free).expect("there are numbers enough");
        self.own.insert(name.clone());
        name
    }

    /// Makes `step` a group of its conversions and of what it did.
    fn group(&mut self, step: &mut Step, conversions: Vec<Step>, contracts: &[Arc<Contract>]) {
        let place = step.name.place;
        let call = self.free_name("call");
        let output = |name: &String| Output {
            name: At { value: name.clone(), place },
            value: Written { place, shape: expression(format!("{{{{ steps.{call}.{name} }}}}")) },
            declared: None,
        };
        let outputs = outputs_of_all(contracts).iter().map(output).collect();
        let body = std::mem::replace(&mut step.body, Body::Unreadable);
        let own = Step {
            on_unknown: step.on_unknown.take(),
            cache: step.cache.take(),
            body,
            checks: std::mem::take(&mut step.checks),
            timeout: Timeout { total: None, ..step.timeout },
            ..Step::plain(At { value: call, place })
        };
        step.timeout = Timeout { total: step.timeout.total, ..Timeout::default() };
        step.body = Body::Group { steps: conversions.into_iter().chain([own]).collect(), outputs };
    }
}

/// What media given as `name` must measure so that every target takes it that takes it at all; nothing if no conversion
/// is needed for that.
fn demand(contracts: &[Arc<Contract>], name: &str) -> Option<(MediaKind, Limits)> {
    let parameters: Vec<_> = contracts.iter().filter_map(|contract| contract.parameter(name)).collect();
    let kind = only_kind(&contracts.first()?.parameter(name)?.ty)?;
    let limits = parameters.iter().fold(Limits::default(), |limits, parameter| limits.and(&parameter.limits));
    limits.is_mechanical().then_some((kind, limits))
}

/// The one kind of media that a type holds, itself or in a list.
fn only_kind(ty: &Type) -> Option<MediaKind> {
    match ty {
        Type::Media(kinds) if kinds.len() == 1 => {
            kinds.first().copied().filter(|kind| *kind != MediaKind::File)
        }
        Type::List(item) => only_kind(item),
        Type::OneOf(options) => options.iter().find_map(only_kind),
        _ => None,
    }
}

/// The outputs that each target gives which gives any.
fn outputs_of_all(contracts: &[Arc<Contract>]) -> Vec<String> {
    let mut giving = contracts.iter().filter(|contract| contract.succeeds);
    let Some(first) = giving.next() else { return Vec::new() };
    let of_all =
        |name: &&String| giving.clone().all(|other| other.open_outputs || other.outputs.contains_key(*name));
    first.outputs.keys().filter(of_all).cloned().collect()
}

/// A step that makes `given` fit.
fn conversion(name: String, given: Written, kind: MediaKind, limits: &Limits) -> Step {
    let place = given.place;
    let at = |value: &str| At { value: value.to_owned(), place };
    let mut with = vec![(at(kind.word()), given)];
    let numbers = [
        ("max_side", limits.max_side.map(|side| Value::from(i64::from(side)))),
        ("max_seconds", limits.max_seconds.map(Value::from)),
        ("mono", limits.mono.then_some(Value::Bool(true))),
    ];
    with.extend(numbers.into_iter().filter_map(|(name, value)| Some((at(name), literal(value?, place)))));
    if !limits.formats.is_empty() {
        let words =
            limits.formats.iter().map(|format| literal(Value::from(format.as_str()), place)).collect();
        with.push((at("formats"), Written { place, shape: Shape::List(words) }));
    }
    let uses = at(FIT);
    let body = Body::Uses { uses, with, retry: None, pool: None, fallback: Vec::new() };
    Step { body, ..Step::plain(At { value: name, place }) }
}

fn literal(value: Value, place: Place) -> Written {
    let text = value.as_str().map_or_else(|| value.to_json().to_string(), str::to_owned);
    Written { place, shape: Shape::Scalar { text, template: Template::literal(value) } }
}

fn expression(text: String) -> Shape {
    let template = Template::text(&text).expect("a reference to a step is an expression");
    Shape::Scalar { text, template }
}
