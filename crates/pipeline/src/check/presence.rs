//! Presence: what is known of inputs before a run, and what of it is there for certain. A step may be skipped and an input
//! left out, so most of what an expression gives may be absent: nothing can be held against that.

use std::collections::BTreeSet;

use super::Checker;
use super::closing::Part;
use super::parameter::Given;
use crate::Type;
use crate::contract::{Contract, Sketch, Sketches};
use crate::diagnostic::Code;
use crate::document::place::Place;
use crate::document::written::{Shape, Written};
use crate::document::{self, At};
use crate::expression::Template;

/// What is known of the outputs of a step.
#[derive(Clone, Debug, Default)]
pub(super) struct Promised {
    operation: String,
    /// Those that are there for certain when another step is given them.
    certain: BTreeSet<String>,
    /// Those that never are.
    never: BTreeSet<String>,
}

impl Promised {
    /// What an operation gives for certain, where it isn't skipped for want of an input, and what it never gives.
    pub fn of(contract: &Contract, given: &Sketches) -> Promised {
        let needed = contract.inputs.iter().filter(|input| input.required && input.default.is_none());
        let mut needed = needed.map(|input| contract.ways(&input.name).any(|way| given.is_there(way)));
        let (certain, never) = contract.promised(given);
        let certain = if needed.all(|is_there| is_there) { certain } else { Vec::new() };
        let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        Promised { operation: contract.operation.clone(), certain: owned(certain), never: owned(never) }
    }
}

impl<'c> Checker<'c, '_> {
    /// What is known of the inputs in `given` that the operation takes.
    pub fn sketches(&mut self, contract: &Contract, given: &Given<'c>) -> Sketches {
        let taken = given.iter().filter(|(key, ..)| contract.parameter(&key.value).is_some());
        taken.map(|(key, value, ty)| (key.value.clone(), self.sketch(value, Some(ty)))).collect()
    }

    /// What is known of a value; its type, if that was inferred.
    fn sketch(&mut self, written: &'c Written, inferred: Option<&Type>) -> Sketch {
        if let Some(value) = written.literal() {
            return Sketch::Value(value);
        }
        match &written.shape {
            Shape::List(items) => Sketch::List(items.iter().map(|item| self.sketch(item, None)).collect()),
            Shape::Map(entries) => {
                let entry = |(key, entry): &'c (At<String>, _)| (key.value.clone(), self.sketch(entry, None));
                Sketch::Map(entries.iter().map(entry).collect())
            }
            Shape::Scalar { template, .. } => {
                let is_there =
                    template.paths().is_some_and(|paths| paths.iter().all(|path| self.is_certain(path)));
                let ty = inferred.cloned().unwrap_or_else(|| self.infer_again(written));
                Sketch::Unknown { ty, is_there }
            }
            Shape::Broken => Sketch::Unknown { ty: Type::Any, is_there: false },
        }
    }

    /// Whether what `path` names is neither absent nor null, if the step that names it runs.
    fn is_certain(&mut self, path: &[&str]) -> bool {
        match path {
            ["inputs", name] => {
                let file = self.chain.last().and_then(|file| self.documents.get(file.as_str()));
                let input = file.and_then(|file| file.inputs.iter().find(|input| input.name == *name));
                input.is_some_and(|input| {
                    (input.required || input.default.is_some()) && !input.ty.is_optional()
                })
            }
            ["steps", step, output] => self.resolve(step).is_some_and(|step| {
                self.part == Part::Main && self.frame_of(step).promised[step.index].certain.contains(*output)
            }),
            // That of an item, of which lists hold none that is absent.
            [name] => self.frame().values.values.get(*name).is_some_and(|ty| !ty.is_optional()),
            _ => false,
        }
    }

    /// Notes which outputs of a step others can rely on, once it was checked. One that may be skipped or may fail without
    /// harm has none, and one that fans out gives lists.
    pub fn note_promised(&mut self, step: &document::Step, promised: &Promised) {
        let may_be_absent = step.condition.is_some() || step.optional || self.part != Part::Main;
        let mut promised = promised.clone();
        if may_be_absent {
            promised.certain.clear();
        }
        if step.each.is_some() {
            promised = Promised::default();
        }
        if let Some(own) = self.resolve(&step.name.value) {
            self.frame_of(own).promised[own.index] = promised;
        }
    }

    /// Warns of an output that is absent whatever happens: whatever is made of nothing but that is absent, too.
    pub fn judge_presence(&mut self, template: &Template, place: Place) {
        for path in template.paths().unwrap_or_default() {
            let ["steps", step, output, ..] = path[..] else { continue };
            let Some(own) = self.resolve(step) else { continue };
            let promised = &self.frame_of(own).promised[own.index];
            if !promised.never.contains(output) {
                continue;
            }
            let operation = promised.operation.clone();
            let message = format!("`steps.{step}.{output}` is never there");
            self.findings
                .warning(place, Code::NeverThere, message)
                .note(format!("what {operation} is given here makes no `{output}`"));
        }
    }
}
