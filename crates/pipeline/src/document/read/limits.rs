//! Limits of a declaration that no value can meet: those that exclude each other, and values outside of their own limits.

use serde_json::Value as Json;

use super::super::node::{Entry, Kind, Node};
use super::super::place::Findings;
use super::schema;
use crate::conformity::Schema;
use crate::diagnostic::Code;
use crate::{Type, Value};

/// Two limits, and whether they may be the same.
const PAIRS: [(&str, &str, bool); 8] = [
    ("minimum", "maximum", true),
    ("minimum", "exclusiveMaximum", false),
    ("exclusiveMinimum", "maximum", false),
    ("exclusiveMinimum", "exclusiveMaximum", false),
    ("minLength", "maxLength", true),
    ("minItems", "maxItems", true),
    ("minProperties", "maxProperties", true),
    ("minContains", "maxContains", true),
];

/// The keywords that limit nothing.
const ANNOTATIONS: [&str; 10] = [
    "enum",
    "const",
    "default",
    "title",
    "description",
    "examples",
    "sensitive",
    "deprecated",
    "readOnly",
    "writeOnly",
];

/// Reports such limits in a declaration that is a good schema, and in its parts.
pub fn judge(node: &Node, findings: &mut Findings) {
    let Kind::Map(entries) = &node.kind else { return };
    let before = findings.count();
    judge_pairs(node, findings);
    if findings.count() == before {
        judge_values(node, findings);
    }
    for Entry { key, value } in entries {
        match (key.value.as_str(), &value.kind) {
            ("properties" | "patternProperties" | "$defs" | "dependentSchemas", Kind::Map(named)) => {
                named.iter().for_each(|entry| judge(&entry.value, findings));
            }
            ("allOf" | "anyOf" | "oneOf" | "prefixItems", Kind::List(parts)) => {
                parts.iter().for_each(|part| judge(part, findings));
            }
            // A condition (`if`, `not`) may be one that nothing meets.
            ("items" | "contains" | "additionalProperties" | "propertyNames" | "then" | "else", _) => {
                judge(value, findings);
            }
            _ => {}
        }
    }
}

fn judge_pairs(node: &Node, findings: &mut Findings) {
    for (least, most, may_be_same) in PAIRS {
        let (Some(low), Some(high)) = (node.get(least), node.get(most)) else { continue };
        let (Some(from), Some(to)) = (number(low), number(high)) else { continue };
        if from > to || from == to && !may_be_same {
            let message = format!("`{least}` is {from} and `{most}` is {to}: no value is within both");
            findings.error(high.place, Code::BadSchema, message);
        }
    }
}

/// Reports what may be chosen, or must be, and isn't within the other limits.
fn judge_values(node: &Node, findings: &mut Findings) {
    let limits = node
        .entries()
        .unwrap_or_default()
        .iter()
        .any(|entry| !ANNOTATIONS.contains(&entry.key.value.as_str()));
    let chosen = node.get("enum").and_then(Node::items).unwrap_or_default();
    let values: Vec<_> = chosen.iter().chain(node.get("const")).collect();
    if !limits || values.is_empty() {
        return;
    }
    let Some((ty, schema)) = read(node, findings) else { return };
    for value in values {
        let Some(json) = schema::json(value, findings).map(Value::from) else { continue };
        let faults = match ty.accepts(&json) {
            Ok(()) => schema.faults("this value", &json),
            Err(mismatch) => vec![format!("this value {mismatch}")],
        };
        if let Some(fault) = faults.into_iter().next() {
            findings
                .error(value.place, Code::BadSchema, fault)
                .note("the declaration allows it and refuses it, so nobody can give it");
        }
    }
}

/// The declaration without what may be chosen. One that refers to other parts isn't read by itself.
fn read(node: &Node, findings: &mut Findings) -> Option<(Type, Schema)> {
    let mut json = schema::json(node, findings)?;
    let keywords = json.as_object_mut()?;
    keywords.retain(|keyword, _| !["enum", "const", "default", "sensitive"].contains(&keyword.as_str()));
    let ty = Type::from_schema(&json);
    schema::allow_media(&mut json);
    Schema::read(&json).ok().map(|schema| (ty, schema))
}

fn number(node: &Node) -> Option<f64> {
    match node.scalar()?.resolve().ok()?.to_json() {
        Json::Number(number) => number.as_f64(),
        _ => None,
    }
}
