//! Expressions and templates: `{{ … }}`, absence, bounds.
//!
//! The syntax is Jinja, parsed by minijinja; the meaning is our own, because three things must hold
//! that no Jinja engine offers: absence is a value that travels through every operation, no template
//! can use up time or memory (each operation asks a budget before it works), and a value that is only
//! handed on is shared, never copied. See `docs/decisions/0001-expressions.md` for why.
//!
//! ```
//! use motet_pipeline::Value;
//! use motet_pipeline::expression::{Context, Template};
//! let template = Template::text("{{ inputs.seconds * 2 }}").unwrap();
//! let mut context = Context::default();
//! context.values.insert("inputs".into(), Value::map([("seconds", Value::from(4_i64))]));
//! assert_eq!(template.evaluate(&context).unwrap(), Value::from(8_i64));
//!
//! let faults = Template::text("{{ inputs.title | uper }}").unwrap_err();
//! assert_eq!(faults[0].suggestion.as_deref(), Some("upper"));
//! ```

mod bounds;
mod compile;
mod evaluate;
mod filters;
mod functions;
pub(crate) mod habits;
mod inference;
mod lookup;
mod nesting;
mod operators;
mod predicates;
mod print;
mod program;
mod signature;
mod stored;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::Code;
use crate::value::Map;
use crate::{Class, Type, Value};
use bounds::{Budget, Outcome};
use evaluate::Evaluator;
use program::{Compiled, Program, Root};

pub use operators::is_true;

/// A value of a file with its expressions compiled: a literal, one expression, a text with
/// expressions in it, or a list or map of these. Cheap to clone and to evaluate again and again.
#[derive(Clone, Debug)]
pub struct Template {
    body: Body,
    references: Arc<[Reference]>,
}

#[derive(Clone, Debug)]
enum Body {
    Literal(Value),
    Compiled(Arc<Compiled>),
    List(Arc<[Template]>),
    Map(Arc<[(String, Template)]>),
}

/// A name that a template refers to, such as `steps.still.image`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The parts of the path, the first being `inputs`, `steps`, `run`, `item`, … It ends before the
    /// first part that isn't a fixed name: `steps.a.items[0].url` gives `steps`, `a`, `items`.
    pub path: Vec<String>,
    /// Where it stands: byte offsets in the text of the scalar it is in.
    pub span: Range<usize>,
}

/// What the names of a template stand for during one evaluation.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// `inputs`, `run`, `item`, `index`, `output`, …
    pub values: BTreeMap<String, Value>,
    /// The steps that the template refers to, by name. All are terminal.
    pub steps: BTreeMap<String, StepView>,
}

/// What an expression sees of a terminal step.
#[derive(Clone, Debug)]
pub struct StepView {
    /// `completed`, `skipped`, `failed` or `cancelled`.
    pub status: &'static str,
    /// Why it failed, if it did.
    pub error: Option<(Class, String)>,
    /// Its outputs, a map; `None` if it is absent.
    pub output: Option<Value>,
}

/// The types of the names that a template may use.
#[derive(Clone, Debug, Default)]
pub struct TypeScope {
    /// `inputs`, `run`, `item`, `index`, `output`, …
    pub values: BTreeMap<String, Type>,
    /// What each step gives, by name: an object of its outputs. `status` and `error`, which every step
    /// has, need not be among them.
    pub steps: BTreeMap<String, Type>,
}

/// Why an evaluation failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EvaluationError {
    /// What is wrong, in a sentence without a full stop.
    pub message: String,
    /// [`Class::TooLarge`] if a bound is passed, else [`Class::Invalid`].
    pub class: Class,
}

/// Something wrong in a template that is known before a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What sort of fault it is, as a finding says it.
    pub code: Code,
    /// What is wrong, in a sentence without a full stop.
    pub message: String,
    /// Where: byte offsets in the text of the scalar.
    pub span: Range<usize>,
    /// What was probably meant, to be written instead of the wrong word.
    pub suggestion: Option<String>,
}

/// How much is told of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Telling {
    /// What was probably meant, too: that takes a look at all names there are.
    WithSuggestions,
    /// Only that it is there: nobody will be told more.
    Briefly,
}

impl Template {
    /// A template without expressions.
    pub fn literal(value: Value) -> Template {
        Template { body: Body::Literal(value), references: Arc::new([]) }
    }

    /// A scalar of a file: text without markers is itself, exactly one `{{ … }}` keeps its type, all
    /// else is a text.
    ///
    /// # Errors
    /// All faults that can be determined without knowing which names there are; never an empty list.
    pub fn text(source: &str) -> Result<Template, Vec<Fault>> {
        if !["{{", "{%", "{#"].iter().any(|marker| source.contains(marker)) {
            return Ok(Template::literal(Value::from(source)));
        }
        Template::compiled(source, compile::Form::Own)
    }

    fn compiled(source: &str, form: compile::Form) -> Result<Template, Vec<Fault>> {
        let compiled = match compile::compile(source, form)? {
            compile::Scalar::Constant(value) => return Ok(Template::literal(value)),
            compile::Scalar::Compiled(compiled) => compiled,
        };
        let references = references_of(&compiled.program).into();
        Ok(Template { body: Body::Compiled(Arc::new(compiled)), references })
    }

    /// The same, but always a text, also of exactly one `{{ … }}`.
    ///
    /// # Errors
    /// As [`Template::text`].
    pub(crate) fn printed(source: &str) -> Result<Template, Vec<Fault>> {
        Template::compiled(source, compile::Form::Text)
    }

    /// A list of templates.
    pub fn list(items: Vec<Template>) -> Template {
        if items.iter().all(Template::is_literal) {
            return Template::literal(Value::list(
                items.iter().filter_map(Template::as_literal).cloned().collect(),
            ));
        }
        let references = items.iter().flat_map(Template::references).cloned().collect();
        Template { body: Body::List(items.into()), references }
    }

    /// A map of templates.
    pub fn map(entries: Vec<(String, Template)>) -> Template {
        if entries.iter().all(|(_, value)| value.is_literal()) {
            let literal =
                |(key, value): &(String, Template)| Some((key.clone(), value.as_literal()?.clone()));
            return Template::literal(Value::map(entries.iter().filter_map(literal)));
        }
        let references = entries.iter().flat_map(|(_, value)| value.references()).cloned().collect();
        Template { body: Body::Map(entries.into()), references }
    }

    /// Whether the value is known now: it refers to nothing.
    pub fn is_literal(&self) -> bool {
        self.as_literal().is_some()
    }

    /// The value, if it is known now.
    pub fn as_literal(&self) -> Option<&Value> {
        match &self.body {
            Body::Literal(value) => Some(value),
            _ => None,
        }
    }

    /// Calls `visit` for every part of a list or map, or the whole, whose value is known now.
    pub(crate) fn for_each_literal(&self, visit: &mut impl FnMut(&Value)) {
        match &self.body {
            Body::Literal(value) => visit(value),
            Body::Compiled(_) => {}
            Body::List(items) => items.iter().for_each(|item| item.for_each_literal(visit)),
            Body::Map(entries) => entries.iter().for_each(|(_, entry)| entry.for_each_literal(visit)),
        }
    }

    /// Everything that the template refers to, the parts of a list or map one after the other. What
    /// the template itself defines (loop variables, `{% set %}`) is not among it.
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    /// The paths that the template prints, or of which it is one, if there is nothing else in it but plain text: then it is
    /// absent only if one of them is.
    pub(crate) fn paths(&self) -> Option<Vec<Vec<&str>>> {
        match &self.body {
            Body::Compiled(compiled) => compiled.program.paths(),
            _ => None,
        }
    }

    /// The type of the template's value, as far as it is known, and the names, steps and fields in
    /// it that certainly aren't there. The spans of a list's or map's faults are offsets in the
    /// scalars they stand in.
    ///
    /// ```
    /// use motet_pipeline::{MediaKind, Type};
    /// use motet_pipeline::expression::{Template, TypeScope};
    /// let mut scope = TypeScope::default();
    /// scope.steps.insert("still".into(), Type::object([("image", Type::media(MediaKind::Image))]));
    /// let (ty, faults) = Template::text("{{ steps.still.image.width }}").unwrap().infer(&scope);
    /// assert_eq!((ty, faults.len()), (Type::Integer, 0));
    /// let (_, faults) = Template::text("{{ steps.still.imgae }}").unwrap().infer(&scope);
    /// assert_eq!(faults[0].suggestion.as_deref(), Some("image"));
    /// ```
    pub fn infer(&self, names: &TypeScope) -> (Type, Vec<Fault>) {
        self.infer_as(names, Telling::WithSuggestions)
    }

    pub(crate) fn infer_as(&self, names: &TypeScope, telling: Telling) -> (Type, Vec<Fault>) {
        match &self.body {
            Body::Literal(value) => (Type::of(value), Vec::new()),
            Body::Compiled(compiled) => inference::infer(compiled, names, telling),
            Body::List(items) => {
                let (types, faults): (Vec<_>, Vec<_>) =
                    items.iter().map(|item| item.infer_as(names, telling)).unzip();
                (Type::list(Type::one_of(types)), faults.concat())
            }
            Body::Map(entries) => {
                let mut fields = BTreeMap::new();
                let mut faults = Vec::new();
                for (name, value) in entries.iter() {
                    let (ty, found) = value.infer_as(names, telling);
                    fields.insert(name.clone(), ty);
                    faults.extend(found);
                }
                (Type::inferred(fields, false), faults)
            }
        }
    }

    /// The value of the template, given what its names stand for.
    ///
    /// What is absent is dropped from lists and maps; a template that is absent as a whole gives
    /// [`Value::Absent`]. The same context always gives the same value.
    ///
    /// # Errors
    /// When a name stands for nothing, an operation doesn't fit its values, or a bound is passed.
    pub fn evaluate(&self, context: &Context) -> Result<Value, EvaluationError> {
        self.evaluate_counted(context).0
    }

    /// The same, and what it cost, in units: a unit is about a nanosecond of work or a byte made.
    pub fn evaluate_counted(&self, context: &Context) -> (Result<Value, EvaluationError>, u64) {
        if let Body::Literal(value) = &self.body {
            return (Ok(value.clone()), 0);
        }
        let mut budget = Budget::of_evaluation();
        let value = match &self.body {
            Body::Compiled(compiled) => compiled.evaluate(context, &mut budget),
            _ => self.compose(context, &mut budget, &mut Budget::of_composition(), 1),
        };
        let value =
            value.map_err(|failure| EvaluationError { class: failure.class(), message: failure.message });
        (value, budget.spent())
    }

    /// The value of the template for each of `items`, which it names `item`, and its number `index`. All together may cost
    /// what one evaluation may; what they did cost is given, too. What is absent keeps its place. An error says of which item it
    /// is.
    pub fn evaluate_each(
        &self,
        mut context: Context,
        items: &[Value],
    ) -> (Result<Vec<Value>, EvaluationError>, u64) {
        let (mut budget, mut held) = (Budget::of_evaluation(), Budget::of_composition());
        let mut evaluate = |(index, item): (usize, &Value)| {
            context.values.insert("item".into(), item.clone());
            context.values.insert("index".into(), Value::from(index as i64));
            let value = self.compose(&context, &mut budget, &mut held, 1);
            value.map_err(|failure| EvaluationError {
                class: failure.class(),
                message: format!("item {index}: {}", failure.message),
            })
        };
        let values = items.iter().enumerate().map(&mut evaluate).collect();
        (values, budget.spent())
    }

    /// The value of a list or map, or of a part of it `depth` levels inside, which pays for what it holds
    /// from `held`.
    fn compose(
        &self,
        context: &Context,
        budget: &mut Budget,
        held: &mut Budget,
        depth: usize,
    ) -> Outcome<Value> {
        match &self.body {
            Body::Literal(value) => Ok(value.clone()),
            Body::Compiled(compiled) => {
                let value = compiled.evaluate(context, budget)?;
                held.hold_at(&value, depth)?;
                Ok(value)
            }
            Body::List(items) => {
                let mut values = Vec::with_capacity(items.len());
                for item in items.iter() {
                    let value = item.compose(context, budget, held, depth + 1)?;
                    if !value.is_absent() {
                        values.push(value);
                    }
                }
                Ok(Value::list(values))
            }
            Body::Map(entries) => {
                let mut values = Map::new();
                for (key, item) in entries.iter() {
                    let value = item.compose(context, budget, held, depth + 1)?;
                    if !value.is_absent() {
                        values.insert(key.clone(), value);
                    }
                }
                Ok(Value::Map(Arc::new(values)))
            }
        }
    }
}

/// Values in the order of their keys: of two whose keys compare as `after`, the first comes after the second. Those with
/// equal keys stay in the order that they have.
///
/// # Errors
/// When two keys can't be compared, or there are too many.
pub fn sorted_by_key(keyed: Vec<(Value, Value)>, after: Ordering) -> Result<Vec<Value>, EvaluationError> {
    let mut budget = Budget::of_evaluation();
    filters::sorted(keyed, after, &mut budget)
        .map_err(|failure| EvaluationError { class: failure.class(), message: failure.message })
}

impl Compiled {
    fn evaluate(&self, context: &Context, budget: &mut Budget) -> Outcome<Value> {
        Evaluator::new(context, self.locals, budget).run(&self.program)
    }
}

fn references_of(program: &Program) -> Vec<Reference> {
    let mut references = Vec::new();
    program.for_each_path(&mut |path, span| {
        let mut names = match &path.root {
            Root::Local { .. } => return,
            Root::Name(name) => vec![name.to_string()],
            Root::Step(name) => vec!["steps".to_owned(), name.to_string()],
        };
        names.extend(path.fields.iter().map(|field| field.name.to_string()));
        references.push(Reference { path: names, span: span.clone() });
    });
    references.sort_by_key(|reference| reference.span.start);
    references
}

#[cfg(test)]
mod tests;
