//! What expressions refer to, and the types that they have.

use std::collections::BTreeMap;

use super::Checker;
use super::secret;
use crate::Type;
use crate::diagnostic::Code;
use crate::document::place::Place;
use crate::document::words;
use crate::document::written::{self, Part, Shape, Written};
use crate::expression::habits;
use crate::expression::{Reference, Telling, Template, TypeScope};
use crate::plan::{Dependency, DependencyKind, InputSpec, StepRef};
use crate::suggestion::closest;
use crate::types::Fields;

/// The steps that something waits for, each with the strongest kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Dependencies(BTreeMap<StepRef, DependencyKind>);

impl Dependencies {
    /// Adds one.
    pub fn add(&mut self, step: StepRef, kind: DependencyKind) {
        let strongest = self.0.entry(step).or_insert(kind);
        *strongest = kind.max(*strongest);
    }

    /// Adds all of `others`.
    pub fn add_all(&mut self, others: &Dependencies) {
        others.0.iter().for_each(|(step, kind)| self.add(*step, *kind));
    }

    /// Those that lie outside of the scope, seen from the scope around it.
    pub fn seen_from_outside(&self) -> Dependencies {
        let outside = self.0.iter().filter(|(step, _)| step.up > 0);
        Dependencies(outside.map(|(step, kind)| (StepRef { up: step.up - 1, ..*step }, *kind)).collect())
    }

    /// As a plan has them: sorted, one entry a step.
    pub fn into_plan(self) -> Vec<Dependency> {
        self.0.into_iter().map(|(step, kind)| Dependency { step, kind }).collect()
    }
}

/// The names that every expression of a pipeline may use.
pub(super) fn pipeline_values(inputs: &[InputSpec]) -> TypeScope {
    let fields = inputs.iter().map(|input| (input.name.clone(), input.ty.clone())).collect();
    let run = Type::object([
        ("id", Type::Text),
        ("user", Type::Text),
        ("labels", Type::Object { fields: Fields::default(), open: true }),
        ("started_at", Type::Text),
    ]);
    let inputs = Type::Object { fields, open: false };
    TypeScope {
        values: BTreeMap::from([("inputs".to_owned(), inputs), ("run".to_owned(), run)]),
        steps: BTreeMap::new(),
    }
}

impl<'c> Checker<'c, '_> {
    /// The type of a value, and the steps that must be terminal before it can be made. What is wrong
    /// with its expressions is reported.
    pub fn infer(&mut self, written: &'c Written) -> (Type, Dependencies) {
        let mut dependencies = Dependencies::default();
        let ty = self.infer_shape(written, &mut dependencies);
        (ty, dependencies)
    }

    /// The type of a value whose expressions were reported on already.
    pub fn infer_again(&mut self, written: &'c Written) -> Type {
        let before = self.findings.mark();
        let (ty, _) = self.infer(written);
        self.findings.forget_since(before);
        ty
    }

    fn infer_shape(&mut self, written: &'c Written, dependencies: &mut Dependencies) -> Type {
        match &written.shape {
            Shape::Scalar { text, template } => {
                self.infer_scalar(written.place, text, template, dependencies)
            }
            Shape::List(items) => {
                // All of them, also those behind one whose type says nothing: each has its dependencies.
                let types: Vec<_> = items.iter().map(|item| self.infer_shape(item, dependencies)).collect();
                Type::list(Type::one_of(types))
            }
            Shape::Map(entries) => {
                let infer = |(key, value): &'c (_, Written)| {
                    let key: &crate::document::At<String> = key;
                    (key.value.clone(), self.infer_shape(value, dependencies))
                };
                Type::inferred(entries.iter().map(infer).collect(), false)
            }
            Shape::Broken => Type::Any,
        }
    }

    fn infer_scalar(
        &mut self,
        place: Place,
        text: &'c str,
        template: &'c Template,
        found: &mut Dependencies,
    ) -> Type {
        if let Some(value) = template.as_literal() {
            return Type::of(value);
        }
        let mut steps = BTreeMap::new();
        let mut known = true;
        for reference in template.references() {
            let part = Part { scalar: place, text, span: reference.span.clone() };
            known &= match reference.path.as_slice() {
                [root, name, rest @ ..] if root == "steps" => self
                    .refer_to_step(name, rest, &part, found)
                    .map(|ty| steps.insert(name.clone(), ty))
                    .is_some(),
                _ => self.refer_to_value(reference, &part),
            };
        }
        if !known {
            return Type::Any;
        }
        let telling = if self.findings.is_full() { Telling::Briefly } else { Telling::WithSuggestions };
        let frame = self.frame();
        frame.values.steps = steps;
        let (ty, faults) = template.infer_as(&frame.values, telling);
        // Whoever opens a scope in here takes the names along: not those of this template.
        frame.values.steps.clear();
        for fault in faults {
            written::report(&fault, text, place, self.findings);
        }
        self.judge_presence(template, place);
        ty
    }

    /// The type of a step that an expression refers to by `steps.name.rest`.
    fn refer_to_step(
        &mut self,
        name: &str,
        rest: &[String],
        part: &Part<'c>,
        found: &mut Dependencies,
    ) -> Option<Type> {
        let Some(step) = self.resolve(name) else {
            let place = self.word_in(part, name);
            self.unknown_step(name, place);
            return None;
        };
        if self.runs_later(step, part.scalar) {
            return None;
        }
        let is_status = rest.first().is_some_and(|field| field == "status" || field == "error");
        found.add(step, if is_status { DependencyKind::Status } else { DependencyKind::Value });
        let fans_out = self.frame_of(step).steps[step.index].each.is_some();
        if let Some(output) = rest.first().filter(|_| !is_status && !fans_out) {
            self.note_used_output(step, output, part);
        }
        Some(self.frame_of(step).types[step.index].clone().unwrap_or(Type::Any))
    }

    /// Notes that an expression refers to an output of `step`.
    pub fn note_used_output(&mut self, step: StepRef, output: &str, part: &Part<'c>) {
        let used = &mut self.frame_of(step).used_outputs[step.index];
        if !used.contains_key(output) {
            used.insert(output.to_owned(), part.clone());
        }
    }

    /// Whether the first name of `reference` stands for something; reports it if not.
    fn refer_to_value(&mut self, reference: &Reference, part: &Part) -> bool {
        let Some(root) = reference.path.first() else { return true };
        if self.is_of_the_end(reference, part) {
            return false;
        }
        if root == "steps" || self.frame().values.values.contains_key(root) {
            return true;
        }
        let place = self.word_in(part, root);
        if let Some((_, purpose)) = words::LATER_NAMES.iter().find(|(name, _)| name == root) {
            self.findings
                .error(place, Code::NotSupportedYet, format!("`{root}` is not supported yet"))
                .note(format!("it is reserved for {purpose}, in a later version"));
            return false;
        }
        if root == secret::NAME {
            self.findings
                .error(place, Code::MisplacedSecret, "`secrets` can't be used here")
                .note("a secret is not a value: it is named where it is sent, and nowhere else")
                .help("name it in the headers of a request: `authorization: \"Bearer {{ secrets.NAME }}\"`");
            return false;
        }
        let before = part.text[..part.span.start].trim_end().strip_suffix('=');
        let is_attribute = before.is_some_and(|before| before.trim_end().ends_with("attribute"));
        let is_step = self.resolve(root).is_some();
        let is_input = self.has_input(root);
        let names: Vec<String> = self.frame().values.values.keys().cloned().collect();
        let finding =
            self.findings.error(place, Code::UnknownName, format!("there is no name `{root}` here"));
        match root.as_str() {
            _ if is_step => _ = finding.label(format!("did you mean `steps.{root}`?")),
            _ if is_input => _ = finding.label(format!("did you mean `inputs.{root}`?")),
            "item" | "index" => _ = finding.note("only a step with `each` has an item"),
            _ if is_attribute => {
                _ = finding.help(format!("write it as a text: `attribute='{root}'`"));
            }
            "output" => _ = finding.note("only `check` and `undo` see the output of their own step"),
            _ => match habits::constant(root) {
                Some(constant) => _ = finding.label(format!("write `{constant}`")),
                None => {
                    let names = names.iter().map(String::as_str).chain(["steps"]);
                    finding.did_you_mean(closest(root, names));
                }
            },
        }
        false
    }

    fn has_input(&mut self, name: &str) -> bool {
        let inputs = self.frame().values.values.get("inputs");
        matches!(inputs, Some(Type::Object { fields, .. }) if fields.contains_key(name))
    }

    /// Where `word` stands in `part`; the whole of it if the word isn't in there.
    fn word_in(&self, part: &Part, word: &str) -> Place {
        let place = part.place(self.findings);
        let source = self.findings.sources.slice(place);
        let Some(at) = source.find(word) else { return place };
        let offset = |byte: usize| u32::try_from(byte).unwrap_or(0);
        let start = place.start + offset(at);
        Place { start, end: start + offset(word.len()), ..place }
    }
}
