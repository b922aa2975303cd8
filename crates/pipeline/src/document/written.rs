//! Values that may hold expressions, with the place of every part.

use super::node::{At, Kind, Node};
use super::place::{Findings, Place};
use super::read::value::refuse_doubt;
use crate::Value;
use crate::diagnostic::Diagnostic;
use crate::expression::{Fault, Template};

/// A value as it was written, its expressions compiled.
#[derive(Clone, Debug)]
pub struct Written {
    /// Where it stands.
    pub place: Place,
    /// What it is.
    pub shape: Shape,
}

/// What a written value is.
#[derive(Clone, Debug)]
pub enum Shape {
    /// A scalar: its text and what that compiles to.
    Scalar {
        /// The text, with quotes and escapes undone.
        text: String,
        /// The text, compiled.
        template: Template,
    },
    /// A list.
    List(Vec<Written>),
    /// Named values.
    Map(Vec<(At<String>, Written)>),
    /// Something that was reported already; it may be anything.
    Broken,
}

impl Written {
    /// Reads a value; what is wrong in it is reported.
    pub fn read(node: &Node, findings: &mut Findings) -> Written {
        let shape = match &node.kind {
            Kind::Scalar(scalar) => match scalar.resolve() {
                Ok(Value::Text(_)) => compile(&scalar.text, node.place, findings),
                Ok(value) => Shape::Scalar { text: scalar.text.clone(), template: Template::literal(value) },
                Err(doubt) => {
                    refuse_doubt(node.place, &scalar.text, &doubt, findings);
                    Shape::Broken
                }
            },
            Kind::List(items) => {
                Shape::List(items.iter().map(|item| Written::read(item, findings)).collect())
            }
            Kind::Map(entries) => {
                let read =
                    |entry: &super::node::Entry| (entry.key.clone(), Written::read(&entry.value, findings));
                Shape::Map(entries.iter().map(read).collect())
            }
            Kind::Unreadable => Shape::Broken,
        };
        Written { place: node.place, shape }
    }

    /// The template that makes the value.
    pub fn template(&self) -> Template {
        match &self.shape {
            Shape::Scalar { template, .. } => template.clone(),
            Shape::List(items) => Template::list(items.iter().map(Written::template).collect()),
            Shape::Map(entries) => Template::map(
                entries.iter().map(|(key, value)| (key.value.clone(), value.template())).collect(),
            ),
            Shape::Broken => Template::literal(Value::Null),
        }
    }

    /// The value, if it holds no expression and nothing that was reported.
    pub fn literal(&self) -> Option<Value> {
        if self.is_broken() { None } else { self.template().as_literal().cloned() }
    }

    /// Whether it, or a part of it, was reported already.
    pub fn is_broken(&self) -> bool {
        match &self.shape {
            Shape::Scalar { .. } => false,
            Shape::List(items) => items.iter().any(Written::is_broken),
            Shape::Map(entries) => entries.iter().any(|(_, value)| value.is_broken()),
            Shape::Broken => true,
        }
    }

    /// Calls `visit` for every scalar in it, with its text and template.
    pub fn for_each_scalar<'w>(&'w self, visit: &mut impl FnMut(Place, &'w str, &'w Template)) {
        match &self.shape {
            Shape::Scalar { text, template } => visit(self.place, text, template),
            Shape::List(items) => items.iter().for_each(|item| item.for_each_scalar(visit)),
            Shape::Map(entries) => entries.iter().for_each(|(_, value)| value.for_each_scalar(visit)),
            Shape::Broken => {}
        }
    }
}

fn compile(text: &str, place: Place, findings: &mut Findings) -> Shape {
    match Template::text(text) {
        Ok(template) => Shape::Scalar { text: text.to_owned(), template },
        Err(faults) => {
            for fault in &faults {
                report(fault, text, place, findings);
            }
            Shape::Broken
        }
    }
}

/// Reports a fault of the template whose text is `text` and that stands at `place`.
pub fn report<'f>(fault: &Fault, text: &str, place: Place, findings: &'f mut Findings) -> &'f mut Diagnostic {
    let part = Part { scalar: place, text, span: fault.span.clone() };
    let exact = part.place(findings);
    let finding = findings.error(exact, fault.code, fault.message.clone());
    finding.did_you_mean(fault.suggestion.as_deref())
}

/// A part of a scalar's text. Where it stands in the file is worked out only when that is asked for.
#[derive(Clone, Debug)]
pub struct Part<'w> {
    /// Where the scalar stands.
    pub scalar: Place,
    /// Its text.
    pub text: &'w str,
    /// Which part of the text.
    pub span: std::ops::Range<usize>,
}

impl Part<'_> {
    /// Where the part stands in the file.
    ///
    /// Quotes, escapes, indentation and folding lie between a text and its source. The same words stand
    /// in both in the same order, though: the part is the n-th of its kind in the text, and so in the
    /// source. Where that doesn't hold, or nothing more is told anyway, the whole scalar is the place.
    pub fn place(&self, findings: &Findings) -> Place {
        let source = findings.sources.slice(self.scalar);
        if findings.is_full() {
            return self.scalar;
        }
        let Some(part) = self.text.get(self.span.clone()).filter(|part| !part.is_empty()) else {
            return self.scalar;
        };
        if self.text.matches(part).count() != source.matches(part).count() {
            return self.scalar;
        }
        let before = self.text[..self.span.start].matches(part).count();
        let Some((at, _)) = source.match_indices(part).nth(before) else { return self.scalar };
        let offset = |byte: usize| u32::try_from(byte).unwrap_or(0);
        let start = self.scalar.start + offset(at);
        Place { start, end: start + offset(part.len()), ..self.scalar }
    }
}
