//! Presence: what is known of inputs before a run, and what of it is there for certain. A step may be skipped and an input
//! left out, so most of what an expression gives may be absent: nothing can be held against that.

use std::collections::BTreeSet;

use super::Checker;
use super::closing::Part;
use super::parameter::Given;
use crate::Type;
use crate::contract::{Contract, Sketch, Sketches};
use crate::document::written::{Shape, Written};
use crate::document::{self, At};

impl<'c> Checker<'c, '_> {
    /// What is known of the inputs in `given` whose names are `wanted`.
    pub fn sketches(&mut self, given: &Given<'c>, wanted: impl Fn(&str) -> bool) -> Sketches {
        let wanted = given.iter().filter(|(key, ..)| wanted(&key.value));
        wanted.map(|(key, value, ty)| (key.value.clone(), self.sketch(value, Some(ty)))).collect()
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
                self.part == Part::Main && self.frame_of(step).certain[step.index].contains(*output)
            }),
            // That of an item, of which lists hold none that is absent.
            [name] => self.frame().values.values.get(*name).is_some_and(|ty| !ty.is_optional()),
            _ => false,
        }
    }

    /// The outputs that an operation gives for certain: it isn't skipped for want of an input, and its contract promises
    /// them.
    pub fn certain_outputs(&mut self, contract: &Contract, given: &Given<'c>) -> BTreeSet<String> {
        let sketches = self.sketches(given, |name| contract.parameter(name).is_some());
        let needed = contract.inputs.iter().filter(|input| input.required && input.default.is_none());
        let mut needed = needed.map(|input| contract.ways(&input.name).any(|way| sketches.is_there(way)));
        match needed.all(|is_there| is_there) {
            true => contract.certain_outputs(&sketches).into_iter().map(str::to_owned).collect(),
            false => BTreeSet::new(),
        }
    }

    /// Notes which outputs of a step others can rely on, once it was checked. One that may be skipped or may fail without
    /// harm has none, and one that fans out gives lists.
    pub fn note_certain_outputs(&mut self, step: &document::Step, certain: &BTreeSet<String>) {
        let may_be_absent = step.condition.is_some() || step.optional || step.each.is_some();
        if may_be_absent || self.part != Part::Main {
            return;
        }
        if let Some(own) = self.resolve(&step.name.value) {
            self.frame_of(own).certain[own.index] = certain.clone();
        }
    }
}
