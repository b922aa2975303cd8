//! Secrets: where a pipeline names them, and that they are nowhere else.
//!
//! `{{ secrets.weather }}` in a header becomes `{ secret: weather }`: a name that only whoever sends the request fills
//! in, never a value (law L8). That is written out before anything is checked; wherever else an expression names
//! `secrets`, there is no such name. All other headers are made text, so that no value can pass for the name of a secret.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::Value;
use crate::contract::Catalogue;
use crate::diagnostic::Code;
use crate::document::place::{Findings, Place};
use crate::document::written::{Part, Shape, Written};
use crate::document::{At, Body, Document, Step};
use crate::expression::Template;
use crate::suggestion::{closest, listed};

/// The name by which expressions speak of secrets.
pub(super) const NAME: &str = "secrets";

/// The key under which a value names a secret: `{ secret: weather }`.
pub const KEY: &str = "secret";

/// Writes out all secrets that the steps of a file name.
pub(super) fn write_out(document: &mut Document, catalogue: &Catalogue, findings: &mut Findings) {
    let mut writer = Writer { catalogue, known: catalogue.secrets(), findings };
    document.steps.iter_mut().for_each(|step| writer.step(step));
}

struct Writer<'w, 't> {
    catalogue: &'w Catalogue,
    known: Option<&'w BTreeSet<String>>,
    findings: &'w mut Findings<'t>,
}

/// A piece of a text that names secrets.
#[derive(Debug, PartialEq)]
enum Piece<'t> {
    Text(&'t str),
    /// The name, and where in the text it stands.
    Secret(&'t str, Range<usize>),
}

impl Writer<'_, '_> {
    fn step(&mut self, step: &mut Step) {
        if let Some(undo) = &mut step.undo {
            self.step(undo);
        }
        match &mut step.body {
            Body::Group { steps, .. } => steps.iter_mut().for_each(|step| self.step(step)),
            Body::Uses { uses, with, fallback, .. } => {
                let heirs: Vec<&str> = fallback.iter().map(|target| target.uses.value.as_str()).collect();
                self.target(&uses.value, &heirs, with);
                fallback.iter_mut().for_each(|target| self.target(&target.uses.value, &[], &mut target.with));
            }
            Body::Unreadable => {}
        }
    }

    /// What is written for a target, and perhaps taken over by others: secrets are named for the target itself alone.
    fn target(&mut self, operation: &str, heirs: &[&str], with: &mut [(At<String>, Written)]) {
        let catalogue = self.catalogue;
        let takes = |operation: &str, name: &str| {
            let parameter = catalogue.get(operation).and_then(|contract| contract.parameter(name));
            parameter.is_some_and(|parameter| parameter.takes_secrets)
        };
        for (key, value) in with {
            let is_own = takes(operation, &key.value);
            if is_own || heirs.iter().any(|heir| takes(heir, &key.value)) {
                self.texts(&key.value, value, is_own);
            }
        }
    }

    /// Texts by name, each of which may name secrets if they are the target's own.
    fn texts(&mut self, parameter: &str, value: &mut Written, is_own: bool) {
        match &mut value.shape {
            Shape::Map(entries) => {
                entries.iter_mut().for_each(|(name, value)| self.text(&name.value, value, is_own));
            }
            Shape::Broken => {}
            Shape::Scalar { .. } | Shape::List(_) => {
                let message = format!("the `{parameter}` must be written out, each with its name");
                self.findings
                    .error(value.place, Code::BadValue, message)
                    .note("so the file says which secrets go where, and no value can name another one")
                    .help(format!("{parameter}: {{ x-key: \"{{{{ inputs.key }}}}\" }}"));
                value.shape = Shape::Broken;
            }
        }
    }

    fn text(&mut self, name: &str, value: &mut Written, is_own: bool) {
        let place = value.place;
        let shape = match &value.shape {
            Shape::Scalar { text, template } if !template.is_literal() => match names_secrets(template) {
                true if is_own => self.named(text, place),
                // It is found where all names are looked up.
                true => return,
                false => printed(text),
            },
            Shape::Scalar { template, .. } if !template.as_literal().is_some_and(is_composed) => return,
            Shape::Broken => return,
            Shape::Scalar { .. } | Shape::List(_) | Shape::Map(_) => {
                self.findings.error(place, Code::BadValue, format!("`{name}` must be text")).help(format!(
                    "a secret is named in the text: `{name}: \"Bearer {{{{ secrets.NAME }}}}\"`"
                ));
                Shape::Broken
            }
        };
        value.shape = shape;
    }

    /// What a text becomes that names secrets.
    fn named(&mut self, text: &str, place: Place) -> Shape {
        let Some(pieces) = pieces(text) else {
            let message = "beside a secret there can be nothing but text and other secrets";
            self.findings
                .error(place, Code::MisplacedSecret, message)
                .note("a secret is not a value: it can't be part of an expression")
                .help("write it as `{{ secrets.NAME }}`, with plain text before and after it");
            return Shape::Broken;
        };
        for piece in &pieces {
            if let Piece::Secret(name, span) = piece {
                self.judge(name, &Part { scalar: place, text, span: span.clone() });
            }
        }
        let value = |piece: &Piece| match piece {
            Piece::Text(text) => Value::from(*text),
            Piece::Secret(name, _) => Value::map([(KEY, Value::from(*name))]),
        };
        let value = match &pieces[..] {
            [only] => value(only),
            several => Value::list(several.iter().map(value).collect()),
        };
        Shape::Scalar { text: text.to_owned(), template: Template::literal(value) }
    }

    /// Reports a secret that the settings don't have.
    fn judge(&mut self, name: &str, part: &Part) {
        let Some(known) = self.known.filter(|known| !known.contains(name)) else { return };
        let place = part.place(self.findings);
        let nearest =
            if self.findings.is_full() { None } else { closest(name, known.iter().map(String::as_str)) };
        let finding = self.findings.error(place, Code::UnknownSecret, format!("there is no secret `{name}`"));
        match nearest {
            Some(nearest) => finding.did_you_mean(Some(nearest)),
            None if known.is_empty() => finding.note("the settings have no secrets"),
            None => finding.note(format!("there are {}", listed(known.iter().map(String::as_str)))),
        };
        finding.help(format!(
            "secrets are defined in motet.toml: [secrets.{name}] key = \"env:NAME\", hosts = [\"api.example.com\"]"
        ));
    }
}

fn is_composed(value: &Value) -> bool {
    matches!(value, Value::List(_) | Value::Map(_))
}

/// Whether a template names a secret.
fn names_secrets(template: &Template) -> bool {
    template.references().iter().any(|reference| reference.path.first().is_some_and(|root| root == NAME))
}

/// The same template, whose value is always text: a value that is an object must not name a secret.
fn printed(text: &str) -> Shape {
    let template = Template::printed(text).unwrap_or_else(|_| Template::literal(Value::Null));
    Shape::Scalar { text: text.to_owned(), template }
}

/// Names of secrets have letters, digits, `_` and `-`, as those of the settings.
fn is_name(text: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    !text.is_empty() && text.chars().all(fits)
}

/// The pieces of a text in which all expressions are names of secrets; nothing if there are others.
fn pieces(text: &str) -> Option<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("{{") {
        let (inside, after) = behind.split_once("}}")?;
        let name = inside.trim().strip_prefix(NAME)?.strip_prefix('.').filter(|name| is_name(name))?;
        let start = text.len() - behind.len() + (inside.len() - inside.trim_start().len()) + NAME.len() + 1;
        pieces.extend(Some(before).filter(|text| !text.is_empty()).map(Piece::Text));
        pieces.push(Piece::Secret(name, start..start + name.len()));
        rest = after;
    }
    pieces.extend(Some(rest).filter(|text| !text.is_empty()).map(Piece::Text));
    let is_plain =
        |piece: &Piece| !matches!(piece, Piece::Text(text) if text.contains("{%") || text.contains("{#"));
    pieces.iter().all(is_plain).then_some(pieces)
}
