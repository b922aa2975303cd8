//! Habits of other languages: what people write who know those, and what is written here.

use std::ops::Range;

/// Operators that the language doesn't have. A longer one stands before those that it begins with.
const OPERATORS: [(&str, &str); 8] = [
    ("===", "write `==`"),
    ("!==", "write `!=`"),
    ("&&", "write `and`"),
    ("||", "write `or`"),
    ("??", "write `a | default(b)`"),
    ("?.", "write `.`: what is absent has every field"),
    ("?", "write `a if test else b`"),
    ("!", "write `not`"),
];

/// How far from where a parser gives up the operator is that it doesn't know.
const NEAR: usize = 3;

/// The operator of another language at which a parser gave up, and what to say of it.
pub(super) fn operator_near(source: &str, at: usize) -> Option<(Range<usize>, String)> {
    let places = at.saturating_sub(NEAR)..(at + NEAR).min(source.len());
    places.filter_map(|place| operator_at(source, place)).next()
}

fn operator_at(source: &str, place: usize) -> Option<(Range<usize>, String)> {
    let rest = source.get(place..)?;
    let (operator, advice) = OPERATORS.iter().find(|(operator, _)| rest.starts_with(operator))?;
    let is_ours = *operator == "!" && rest[1..].starts_with('=');
    (!is_ours)
        .then(|| (place..place + operator.len(), format!("there is no operator `{operator}`; {advice}")))
}

/// What to say of a text that is one expression as GitHub's workflows write it: the `$` makes a text of it.
pub(crate) fn dollar(text: &str) -> Option<&'static str> {
    let text = text.trim();
    let is_one = text.starts_with("${{") && text.ends_with("}}") && text.matches("{{").count() == 1;
    is_one.then_some("write `{{ … }}` without the `$`, which makes a text of it")
}

/// Names that stand for no value here, and what does.
pub(crate) fn constant(name: &str) -> Option<&'static str> {
    match name {
        "null" | "nil" | "undefined" | "NULL" | "Null" => Some("none"),
        "TRUE" | "yes" => Some("true"),
        "FALSE" | "no" => Some("false"),
        _ => None,
    }
}

/// The filter for what is a field, a method or a function elsewhere.
pub(super) fn filter(name: &str) -> Option<&'static str> {
    match name {
        "length" | "len" | "size" => Some("length"),
        "toUpperCase" | "upper" => Some("upper"),
        "toLowerCase" | "lower" => Some("lower"),
        "strip" | "trim" => Some("trim"),
        "str" | "toString" => Some("string"),
        "parseInt" => Some("int"),
        "parseFloat" => Some("float"),
        "sorted" => Some("sort"),
        "reversed" => Some("reverse"),
        _ => super::filters::find(name).map(|filter| filter.signature.name),
    }
}
