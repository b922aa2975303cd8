//! Scopes: steps that see each other by name.

use std::collections::{BTreeMap, BTreeSet};

use super::Checker;
use super::cycle;
use super::inference::Dependencies;
use super::presence::Promised;
use crate::Type;
use crate::diagnostic::Code;
use crate::document::place::{Findings, Place};
use crate::document::written::{Part, Written};
use crate::document::{Body, Output, Step};
use crate::expression::TypeScope;
use crate::plan::{OutputSpec, Scope, StepRef};
use crate::suggestion::closest;

/// A scope that is being checked.
pub(super) struct Frame<'d> {
    /// Its steps.
    pub steps: &'d [Step],
    /// Where each name stands among them.
    index: BTreeMap<&'d str, usize>,
    /// What an expression gets from each, as far as they were checked.
    pub types: Vec<Option<Type>>,
    /// Which outputs of each are there for certain, and which never.
    pub promised: Vec<Promised>,
    /// The outputs of each step that are referred to, with one place each.
    pub used_outputs: Vec<BTreeMap<String, Part<'d>>>,
    /// What the other names of expressions stand for.
    pub values: TypeScope,
    /// Names of outer steps that expressions in here refer to.
    outer_names: BTreeMap<String, StepRef>,
}

/// A scope that was checked.
pub(super) struct CheckedScope {
    /// Its steps and outputs.
    pub scope: Scope,
    /// What its outputs wait for in the scopes around it, seen from the scope around it.
    pub outer: Dependencies,
}

impl<'c> Frame<'c> {
    fn new(steps: &'c [Step], values: TypeScope) -> Frame<'c> {
        Frame {
            steps,
            index: steps.iter().enumerate().map(|(index, step)| (step.name.value.as_str(), index)).collect(),
            types: vec![None; steps.len()],
            promised: vec![Promised::default(); steps.len()],
            used_outputs: vec![BTreeMap::new(); steps.len()],
            values,
            outer_names: BTreeMap::new(),
        }
    }

    /// Its step called `name`.
    pub fn find(&self, name: &str) -> Option<&'c Step> {
        self.index.get(name).map(|index| &self.steps[*index])
    }
}

impl<'c> Checker<'c, '_> {
    /// Checks steps that see each other, and their outputs.
    pub fn scope(&mut self, steps: &'c [Step], outputs: &'c [Output], values: TypeScope) -> CheckedScope {
        self.frames.push(Frame::new(steps, values));
        self.levels += 1;
        let order = self.order(steps);
        let mut checked: Vec<_> = steps.iter().map(|_| None).collect();
        for index in order {
            let (step, seen) = self.step(&steps[index]);
            self.frame().types[index] = Some(seen);
            checked[index] = Some(step);
        }
        let mut outer = Dependencies::default();
        let outputs = outputs.iter().map(|output| self.output(output, &mut outer)).collect();
        self.check_fallback_outputs();
        self.levels -= 1;
        let frame = self.frames.pop().expect("the frame of this scope is the last one");
        let own =
            frame.index.iter().map(|(name, index)| ((*name).to_owned(), StepRef { up: 0, index: *index }));
        let scope = Scope {
            steps: checked.into_iter().map(|step| step.expect("the order has all steps")).collect(),
            outputs,
            names: frame.outer_names.into_iter().chain(own).collect(),
        };
        CheckedScope { scope, outer: outer.seen_from_outside() }
    }

    /// The frame of the nearest scope.
    pub fn frame(&mut self) -> &mut Frame<'c> {
        self.frames.last_mut().expect("steps and outputs are checked within a frame")
    }

    /// The step called `name`, the nearest first.
    pub fn resolve(&mut self, name: &str) -> Option<StepRef> {
        let found = self.frames.iter().rev().enumerate().find_map(|(up, frame)| {
            let index = *frame.index.get(name)?;
            Some(StepRef { up, index })
        })?;
        let depth = self.frames.len();
        for (level, frame) in self.frames.iter_mut().enumerate().skip(depth - found.up) {
            let up = found.up - (depth - 1 - level);
            frame.outer_names.insert(name.to_owned(), StepRef { up, ..found });
        }
        Some(found)
    }

    /// The frame that `step` points into.
    pub fn frame_of(&mut self, step: StepRef) -> &mut Frame<'c> {
        let last = self.frames.len() - 1;
        &mut self.frames[last - step.up]
    }

    /// Reports that there is no step called `name`.
    pub fn unknown_step(&mut self, name: &str, place: Place) {
        // To compare a name with all others takes a while: not for what nobody is told.
        let names = self.frames.iter().rev().flat_map(|frame| frame.index.keys().copied());
        let nearest = if self.findings.is_full() { None } else { closest(name, names) };
        self.findings
            .error(place, Code::UnknownStep, format!("there is no step `{name}`"))
            .did_you_mean(nearest);
    }

    fn output(&mut self, output: &'c Output, outer: &mut Dependencies) -> OutputSpec {
        let (inferred, dependencies) = self.infer(&output.value);
        outer.add_all(&dependencies);
        let (ty, schema) = match &output.declared {
            Some((ty, schema)) => (ty.clone(), Some(schema.clone())),
            None => (inferred.clone(), None),
        };
        if output.value.literal().is_none() && !inferred.fits(&ty) {
            let name = &output.name.value;
            self.findings
                .error(output.value.place, Code::Type, format!("the output `{name}` is declared as {ty}"))
                .label(inferred.to_string());
        }
        OutputSpec { name: output.name.value.clone(), value: output.value.template(), ty, schema }
    }

    /// The order in which the steps of the nearest scope are checked; cycles are reported.
    fn order(&mut self, steps: &'c [Step]) -> Vec<usize> {
        let index = &self.frame().index;
        let mentions: Vec<Vec<(usize, Mention)>> = steps
            .iter()
            .map(|step| {
                let mut found = Vec::new();
                collect_mentions(step, &mut Vec::new(), &mut |name, mention| {
                    found.extend(index.get(name).map(|index| (*index, mention)));
                });
                found
            })
            .collect();
        let waits_for: Vec<_> =
            mentions.iter().map(|found| found.iter().map(|(index, _)| *index).collect()).collect();
        let (order, cycles) = cycle::order(&waits_for);
        for cycle in cycles {
            let mention = |from: usize, to: usize| {
                let found = mentions[from].iter().find(|(step, _)| *step == to);
                &found.expect("a cycle goes from mention to mention").1
            };
            let lazy = cycle.windows(2).any(|pair| mention(pair[0], pair[1]).lazy);
            let place = mention(cycle[0], cycle[1]).place(self.findings);
            self.report_cycle(&cycle, place, lazy);
        }
        order
    }

    fn report_cycle(&mut self, cycle: &[usize], place: Place, lazy: bool) {
        const SHOWN: usize = 8;
        let steps = self.frame().steps;
        let name = |index: &usize| steps[*index].name.value.as_str();
        if let [only, _] = cycle {
            let message = format!("the step `{}` waits for itself", name(only));
            let group = matches!(steps[*only].body, Body::Group { .. });
            let finding = self.findings.error(place, Code::Cycle, message);
            if group {
                finding.note("a group is done when its inner steps are, so they can't wait for it");
            }
            return;
        }
        let mut names: Vec<_> = cycle.iter().map(name).collect();
        if names.len() > SHOWN {
            names.splice(SHOWN / 2..names.len() - SHOWN / 2, ["…"]);
        }
        let message = format!("these steps wait for each other: {}", names.join(" → "));
        let finding = self.findings.error(place, Code::Cycle, message);
        if lazy {
            finding.note("references of a `fallback` and an `undo` count too: what they refer to must be there by then");
        }
        finding.help("remove one of these references");
    }
}

/// A place where a step is named.
struct Mention<'d> {
    /// The scalar that names it.
    scalar: Place,
    /// The part of the scalar that is the reference; `None` for a bare name.
    part: Option<Part<'d>>,
    /// Whether only a fallback or an undo names it.
    lazy: bool,
}

impl Mention<'_> {
    fn place(&self, findings: &Findings) -> Place {
        match &self.part {
            Some(part) => part.place(findings),
            None => self.scalar,
        }
    }
}

/// Calls `visit` for every step that `step` names, those that its inner steps name included, and what
/// inner scopes call by that name left out.
fn collect_mentions<'d>(
    step: &'d Step,
    inner: &mut Vec<BTreeSet<&'d str>>,
    visit: &mut impl FnMut(&'d str, Mention<'d>),
) {
    let mut see = |name: &'d str, mention: Mention<'d>, inner: &[BTreeSet<&'d str>]| {
        if !inner.iter().any(|names| names.contains(name)) {
            visit(name, mention);
        }
    };
    for need in &step.needs {
        see(&need.value, Mention { scalar: need.place, part: None, lazy: false }, inner);
    }
    step.for_each_own(&mut |written, lazy| {
        for_each_reference(written, lazy, &mut |name, mention| see(name, mention, inner));
    });
    if let Some(Body::Uses { with, .. }) = step.undo.as_ref().map(|undo| &undo.body) {
        for (_, written) in with {
            for_each_reference(written, true, &mut |name, mention| {
                // It is there when it is undone.
                if name != step.name.value {
                    see(name, mention, inner);
                }
            });
        }
    }
    let Body::Group { steps, outputs } = &step.body else { return };
    inner.push(steps.iter().map(|step| step.name.value.as_str()).collect());
    for output in outputs {
        for_each_reference(&output.value, false, &mut |name, mention| see(name, mention, inner));
    }
    for step in steps {
        collect_mentions(step, inner, visit);
    }
    inner.pop();
}

fn for_each_reference<'d>(written: &'d Written, lazy: bool, visit: &mut impl FnMut(&'d str, Mention<'d>)) {
    written.for_each_scalar(&mut |scalar, text, template| {
        for reference in template.references() {
            if let [root, name, ..] = reference.path.as_slice()
                && root == "steps"
            {
                let part = Part { scalar, text, span: reference.span.clone() };
                visit(name, Mention { scalar, part: Some(part), lazy });
            }
        }
    });
}
