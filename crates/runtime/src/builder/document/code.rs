//! Expressions as the language writes them.

use motet_pipeline::diagnostic::Code;
use serde_json::Value as Json;

use super::super::PipelineBuilder;
use super::super::expression::{Expression, Form, ItemId};
use super::super::step::Step;
use super::super::written::Written;
use super::Fault;
use super::place::Places;

/// Writes expressions as they read in one place of a pipeline.
pub(super) struct Writer<'f> {
    places: &'f Places,
    owner: usize,
    /// The scopes around the place, outermost first.
    path: Vec<usize>,
    /// The items that can be named there, outermost first, with their names.
    items: Vec<(ItemId, String)>,
    pub(super) faults: Vec<Fault>,
}

impl<'f> Writer<'f> {
    pub(super) fn new(film: &PipelineBuilder, places: &'f Places) -> Writer<'f> {
        Writer { places, owner: film.scope.id(), path: Vec::new(), items: Vec::new(), faults: Vec::new() }
    }

    pub(super) fn enter(&mut self, scope: usize) {
        self.path.push(scope);
    }

    pub(super) fn leave(&mut self) {
        self.path.pop();
    }

    /// Lets the items of an `each` be named from here on, and says by what name.
    pub(super) fn enter_item(&mut self, item: ItemId) -> String {
        let name = match self.items.len() {
            0 => "item".to_owned(),
            outer => format!("item_{}", outer + 1),
        };
        self.items.push((item, name.clone()));
        name
    }

    pub(super) fn leave_item(&mut self) {
        self.items.pop();
    }

    /// The expression as a value of the document.
    pub(super) fn value(&mut self, expression: &Expression) -> Written {
        match &expression.0 {
            Form::Plain(json) => literal(json),
            Form::Template(text) => Written::text(text),
            Form::Text(parts) => {
                Written::text(parts.iter().map(|part| self.text_part(part)).collect::<String>())
            }
            Form::List(items) => Written::List(items.iter().map(|item| self.value(item)).collect()),
            Form::Map(entries) => {
                let entries = entries.iter().map(|(key, value)| (key.clone(), self.value(value)));
                Written::Map(entries.collect())
            }
            _ => Written::text(format!("{{{{ {} }}}}", self.code(expression))),
        }
    }

    fn text_part(&mut self, part: &Expression) -> String {
        match &part.0 {
            Form::Plain(Json::String(text)) => quoted_if_needed(text),
            Form::Template(text) => text.clone(),
            _ => format!("{{{{ {} }}}}", self.code(part)),
        }
    }

    /// The expression without its braces.
    fn code(&mut self, expression: &Expression) -> String {
        match &expression.0 {
            Form::Plain(json) => literal_code(json),
            Form::Unwritable(reason) => {
                self.faults.push((Code::BadValue, reason.clone()));
                "none".into()
            }
            Form::Template(text) => {
                let inner = text.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
                inner.map_or_else(
                    || literal_code(&Json::from(text.as_str())),
                    |code| format!("({})", code.trim()),
                )
            }
            Form::Text(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| self.atom(part)).collect();
                parts.join(" ~ ")
            }
            Form::List(items) => {
                let items: Vec<_> = items.iter().map(|item| self.code(item)).collect();
                format!("[{}]", items.join(", "))
            }
            Form::Map(entries) => {
                let entry = |(key, value): &(String, Expression)| {
                    format!("{}: {}", literal_code(&Json::from(key.as_str())), self.code(value))
                };
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
            }
            Form::Input(input) => {
                if input.owner != self.owner {
                    let message =
                        format!("the input `{}` belongs to the pipeline `{}`", input.name, input.builder);
                    self.faults.push((Code::UnknownInput, message));
                }
                format!("inputs{}", member(&input.name))
            }
            Form::Step(step) => {
                let main = step.definition().main_output().map(member).unwrap_or_default();
                format!("{}{main}", self.step(step))
            }
            Form::Output(step, name) => format!("{}{}", self.step(step), member(name)),
            Form::Item(item) => self.item(*item),
            Form::Index(item) => {
                if self.items.last().is_none_or(|(innermost, _)| innermost != item) {
                    let message =
                        "only the index of the innermost `each` can be named; put this one into the list";
                    self.faults.push((Code::UnknownName, message.into()));
                }
                "index".into()
            }
            Form::OwnOutput => "output".into(),
            Form::Field(inner, name) => format!("{}{}", self.atom(inner), member(name)),
            Form::Operator(sign, left, right) => {
                format!("{} {sign} {}", self.atom(left), self.atom(right))
            }
            Form::Not(inner) => format!("not {}", self.atom(inner)),
            Form::Piped(inner, filters) => format!("{} | {filters}", self.atom(inner)),
        }
    }

    /// The expression without its braces, in brackets if it has parts that others could tear apart.
    fn atom(&mut self, expression: &Expression) -> String {
        let code = self.code(expression);
        match &expression.0 {
            Form::Text(_) | Form::Operator(..) | Form::Not(_) | Form::Piped(..) => format!("({code})"),
            _ => code,
        }
    }

    /// How a step is named from here.
    fn step(&mut self, step: &Step) -> String {
        let name = self.step_name(step);
        format!("steps.{name}")
    }

    pub(super) fn step_name(&mut self, step: &Step) -> String {
        let name = self.places.name_of(step);
        let fault = match self.places.scopes_around(step) {
            None if step.definition().home.is_none() => Some(format!(
                "the unnamed step `{name}` serves a fallback alone, and would run in any case: add it to the pipeline by name if that is meant"
            )),
            None => Some(format!("the step `{name}` belongs to another pipeline")),
            Some(around) if !self.path.starts_with(around) => {
                Some(format!("the step `{name}` is inside of a group: let the group give it as an output"))
            }
            Some(_) => {
                let found = self.places.find(&name, &self.path);
                let hidden = found.is_some_and(|found| found.id() != step.id());
                hidden.then(|| format!("another step `{name}` is nearer: give one of them another name"))
            }
        };
        self.faults.extend(fault.map(|message| (Code::UnknownStep, message)));
        name
    }

    fn item(&mut self, item: ItemId) -> String {
        if let Some((_, name)) = self.items.iter().find(|(known, _)| *known == item) {
            return name.clone();
        }
        let message = "an item is named outside of its `each`: put what needs it into a `group_each`";
        self.faults.push((Code::UnknownName, message.into()));
        "item".into()
    }
}

/// `.name`, or `["name"]` for what isn't a plain name.
fn member(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain { format!(".{name}") } else { format!("[{}]", literal_code(&Json::from(name))) }
}

/// Data that stands for itself, whatever is in it.
fn literal(json: &Json) -> Written {
    match json {
        Json::String(text) => Written::text(quoted_if_needed(text)),
        Json::Array(items) => Written::List(items.iter().map(literal).collect()),
        Json::Object(entries) => {
            Written::Map(entries.iter().map(|(key, value)| (key.clone(), literal(value))).collect())
        }
        scalar => Written::Scalar(scalar.clone()),
    }
}

/// A text in which nothing is taken for an expression.
fn quoted_if_needed(text: &str) -> String {
    match ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark)) {
        true => format!("{{{{ {} }}}}", literal_code(&Json::from(text))),
        false => text.to_owned(),
    }
}

/// Data in an expression.
fn literal_code(json: &Json) -> String {
    match json {
        Json::Null => "none".into(),
        Json::Array(items) => {
            format!("[{}]", items.iter().map(literal_code).collect::<Vec<_>>().join(", "))
        }
        Json::Object(entries) => {
            let entry = |(key, value): (&String, &Json)| {
                format!("{}: {}", Json::from(key.as_str()), literal_code(value))
            };
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        scalar => scalar.to_string(),
    }
}
