//! Plain values: texts, numbers, booleans, durations, words.

use std::collections::BTreeMap;

use super::super::node::{At, Entry, Kind, Node};
use super::super::place::{Findings, Place};
use super::super::scalar::Doubt;
use super::super::words::Key;
use crate::diagnostic::{Code, Diagnostic};
use crate::suggestion::closest;
use crate::{Class, Money, Span, Value};

/// Reports a scalar that can't be taken as data because it is in doubt.
pub fn refuse_doubt(place: Place, text: &str, doubt: &Doubt, findings: &mut Findings) {
    findings.error(place, Code::DoubtfulScalar, doubt.reason.clone()).help(format!("quote it: \"{text}\""));
}

/// The value of a scalar; reports anything else, `what` being the name of the key in backquotes.
fn scalar(node: &Node, what: &str, wanted: &str, findings: &mut Findings) -> Option<Value> {
    match &node.kind {
        Kind::Unreadable => None,
        Kind::Scalar(scalar) => match scalar.resolve() {
            Ok(value) => Some(value),
            Err(doubt) => {
                refuse_doubt(node.place, &scalar.text, &doubt, findings);
                None
            }
        },
        _ => {
            refuse(node, what, wanted, findings);
            None
        }
    }
}

fn refuse<'f>(node: &Node, what: &str, wanted: &str, findings: &'f mut Findings) -> &'f mut Diagnostic {
    let message = format!("{what} must be {wanted}, and this is {}", node.kind_word());
    findings.error(node.place, Code::BadValue, message)
}

/// A text.
pub fn text(node: &Node, what: &str, findings: &mut Findings) -> Option<String> {
    match scalar(node, what, "text", findings)? {
        Value::Text(text) => Some(text.to_string()),
        _ => {
            let written = node.scalar().map_or("", |scalar| &scalar.text);
            let finding = refuse(node, what, "text", findings);
            if !matches!(node.kind_word(), "nothing") && node.scalar().is_some() {
                finding.help(format!("quote it: \"{written}\""));
            }
            None
        }
    }
}

/// Whether `node` is one of the words that YAML 1.1 takes for true or false; reports it, for a place
/// where nothing but true or false can be meant.
pub fn is_doubtful_boolean(node: &Node, findings: &mut Findings) -> bool {
    let Some(scalar) = node.scalar().filter(|scalar| scalar.plain) else { return false };
    let meant = match scalar.text.to_ascii_lowercase().as_str() {
        "yes" | "on" => "true",
        "no" | "off" => "false",
        _ => return false,
    };
    let message = format!("`{}` is true or false in YAML 1.1 and text in YAML 1.2", scalar.text);
    findings.error(node.place, Code::DoubtfulScalar, message).help(format!("write {meant}"));
    true
}

/// True or false.
pub fn boolean(node: &Node, what: &str, findings: &mut Findings) -> Option<bool> {
    const WANTED: &str = "true or false";
    if is_doubtful_boolean(node, findings) {
        return None;
    }
    match scalar(node, what, WANTED, findings)? {
        Value::Bool(value) => Some(value),
        _ => {
            refuse(node, what, WANTED, findings);
            None
        }
    }
}

/// A whole number from `min` to `max`.
pub fn integer(node: &Node, what: &str, min: i64, max: i64, findings: &mut Findings) -> Option<i64> {
    let wanted = format!("a whole number from {min} to {max}");
    let value = scalar(node, what, &wanted, findings)?;
    let number = match value {
        Value::Number(_) => value.as_i64().filter(|number| (min..=max).contains(number)),
        _ => None,
    };
    if number.is_none() {
        findings.error(node.place, Code::BadValue, format!("{what} must be {wanted}"));
    }
    number
}

/// A number from `min` to `max`.
pub fn number(node: &Node, what: &str, min: f64, max: f64, findings: &mut Findings) -> Option<f64> {
    let wanted = format!("a number from {min} to {max}");
    let number =
        scalar(node, what, &wanted, findings)?.as_f64().filter(|number| (min..=max).contains(number));
    if number.is_none() {
        findings.error(node.place, Code::BadValue, format!("{what} must be {wanted}"));
    }
    number
}

/// A duration such as `90s`; longer than zero.
pub fn duration(node: &Node, findings: &mut Findings) -> Option<Span> {
    const HELP: &str = "write a number and a unit, such as 250ms, 10s, 2m, 1h30m or 7d";
    let span = match &node.kind {
        Kind::Unreadable => return None,
        Kind::Scalar(scalar) => scalar.text.parse::<Span>().ok(),
        _ => None,
    };
    if span.is_some_and(|span| span.0 > 0) {
        return span;
    }
    let written = node.scalar().map_or(node.kind_word().to_owned(), |scalar| format!("`{}`", scalar.text));
    let message = match span {
        Some(_) => format!("{written} must be longer than zero"),
        None => format!("{written} is not a duration"),
    };
    let finding = findings.error(node.place, Code::BadValue, message).help(HELP);
    if written.contains("{{") {
        finding.note("policies are fixed before a run: they can't hold expressions");
    }
    None
}

/// An amount in dollars, read from the text of the scalar: never through a float.
pub fn money(node: &Node, findings: &mut Findings) -> Option<Money> {
    let amount = match &node.kind {
        Kind::Unreadable => return None,
        Kind::Scalar(scalar) => scalar.text.trim().parse::<Money>().ok(),
        _ => None,
    };
    if let Some(amount) = amount.filter(|amount| *amount >= Money::ZERO) {
        return Some(amount);
    }
    let written = node.scalar().map_or(node.kind_word().to_owned(), |scalar| format!("`{}`", scalar.text));
    let message = match amount {
        Some(_) => format!("{written} is less than nothing"),
        None => format!("{written} is not an amount of money"),
    };
    let finding = findings
        .error(node.place, Code::BadValue, message)
        .help("write US dollars as a plain decimal, such as 2, 0.50 or 0.003");
    if written.contains("{{") {
        finding.note("policies are fixed before a run: they hold no expressions");
    }
    None
}

/// One of some words; one that a later version supports is reported.
pub fn word<'n>(node: &'n Node, what: &str, words: &[Key], findings: &mut Findings) -> Option<&'n str> {
    let names = words.iter().map(|word| word.name).collect::<Vec<_>>();
    let wanted = format!("one of {}", names.join(", "));
    let Some(scalar) = node.scalar() else {
        if !matches!(node.kind, Kind::Unreadable) {
            refuse(node, what, &wanted, findings);
        }
        return None;
    };
    match words.iter().find(|word| word.name == scalar.text) {
        Some(Key { later: None, .. }) => Some(&scalar.text),
        Some(Key { name, later: Some(purpose) }) => {
            findings
                .error(node.place, Code::NotSupportedYet, format!("`{name}` is not supported yet for {what}"))
                .note(format!("it is reserved for {purpose}, in a later version"));
            None
        }
        None => {
            findings
                .error(node.place, Code::BadValue, format!("{what} must be {wanted}"))
                .did_you_mean(closest(&scalar.text, names));
            None
        }
    }
}

/// Failure classes: one, or a list of them; `any` stands for all.
pub fn classes(node: &Node, findings: &mut Findings) -> Option<Vec<Class>> {
    let nodes = match &node.kind {
        Kind::Unreadable => return None,
        Kind::List(items) => items.iter().collect(),
        _ => vec![node],
    };
    if nodes.is_empty() {
        findings
            .error(node.place, Code::BadValue, "`on` names no class, so this would never apply")
            .help("name the classes, or remove `on` to get the usual ones");
        return None;
    }
    let mut classes = Vec::new();
    let mut all_known = true;
    for node in nodes {
        match class(node, findings) {
            Some(Some(class)) => classes.push(class),
            Some(None) => classes.extend(Class::ALL),
            None => all_known = false,
        }
    }
    classes.sort();
    classes.dedup();
    all_known.then_some(classes)
}

/// One failure class; `Some(None)` for `any`.
fn class(node: &Node, findings: &mut Findings) -> Option<Option<Class>> {
    let Some(scalar) = node.scalar() else {
        refuse(node, "`on`", "a failure class or a list of them", findings);
        return None;
    };
    if scalar.text == "any" {
        return Some(None);
    }
    if let Ok(class) = scalar.text.parse() {
        return Some(Some(class));
    }
    let words = || Class::ALL.iter().map(|class| class.word()).chain(["any"]);
    findings
        .error(node.place, Code::BadClass, format!("there is no failure class `{}`", scalar.text))
        .note(format!("the classes are {}", words().collect::<Vec<_>>().join(", ")))
        .did_you_mean(closest(&scalar.text, words()));
    None
}

/// Labels: texts by name.
pub fn labels(node: &Node, findings: &mut Findings) -> BTreeMap<String, String> {
    let Some(entries) = entries(node, "`labels`", findings) else { return BTreeMap::new() };
    let mut labels = BTreeMap::new();
    for entry in entries {
        let what = format!("the label `{}`", entry.key.value);
        let Some(text) = text(&entry.value, &what, findings) else { continue };
        if text.contains("{{") {
            findings
                .error(entry.value.place, Code::BadValue, format!("{what} holds an expression"))
                .note("labels are fixed before a run: expressions aren't evaluated in them");
        }
        labels.insert(entry.key.value.clone(), text);
    }
    labels
}

/// The entries of a map with free names.
pub fn entries<'n>(node: &'n Node, what: &str, findings: &mut Findings) -> Option<&'n [Entry]> {
    match &node.kind {
        Kind::Map(entries) => Some(entries),
        Kind::Unreadable => None,
        _ => {
            refuse(node, what, "a map", findings);
            None
        }
    }
}

/// The name of a pipeline: letters, digits, `-` and `_`.
pub fn name(node: &Node, what: &str, findings: &mut Findings) -> Option<String> {
    let name = text(node, "`name`", findings)?;
    if !name.is_empty() && name.chars().all(fits_name) {
        return Some(name);
    }
    findings
        .error(node.place, Code::BadName, format!("{what} has letters, digits, `-` and `_` only"))
        .note("it is a part of event names and addresses; `description` may be any text");
    None
}

/// Whether a pipeline's name may have `c`.
pub fn fits_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

/// Reports a name that an expression couldn't refer to: it has to begin with a lower-case letter and
/// go on with such letters, digits or `_`.
pub fn check_identifier(name: &At<String>, what: &str, findings: &mut Findings) {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let text = name.value.as_str();
    if text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(fits) {
        return;
    }
    let lower: String = text.to_ascii_lowercase().chars().map(|c| if fits(c) { c } else { '_' }).collect();
    let finding = findings.error(name.place, Code::BadName, format!("{what} can't be called `{text}`"));
    finding
        .note("a name begins with a lower-case letter and continues with lower-case letters, digits and `_`");
    if text.contains('-') {
        finding.note("in an expression `-` means minus");
    }
    if lower.starts_with(|c: char| c.is_ascii_lowercase()) {
        finding.label(format!("write `{lower}`"));
    }
}
