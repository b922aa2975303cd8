//! Inputs of a pipeline, as they are declared.

use super::super::node::{Entry, Kind, Node};
use super::super::place::Findings;
use super::{schema, value};
use crate::Value;
use crate::conformity::Schema;
use crate::diagnostic::Code;
use crate::plan::InputSpec;

/// Reads the declarations of all inputs.
pub fn read_all(node: &Node, findings: &mut Findings) -> Vec<InputSpec> {
    let entries = value::entries(node, "`inputs`", findings).unwrap_or_default();
    entries.iter().map(|entry| read(entry, findings)).collect()
}

fn read(entry: &Entry, findings: &mut Findings) -> InputSpec {
    value::check_identifier(&entry.key, "an input", findings);
    let before = findings.count();
    let declared = schema::read(&entry.value, "an input", findings).unwrap_or_default();
    let node = &entry.value;
    let is_map = matches!(node.kind, Kind::Map(_));
    let property = |key: &str| if is_map { node.get(key) } else { None };
    let sensitive = property("sensitive").and_then(|node| value::boolean(node, "`sensitive`", findings));
    let description = property("description").and_then(|node| value::text(node, "`description`", findings));
    let default = property("default").and_then(|node| schema::json(node, findings).map(|json| (node, json)));
    if let Some((node, json)) = &default
        && findings.count() == before
    {
        check_default(node, json, &declared, findings);
    }
    InputSpec {
        name: entry.key.value.clone(),
        required: default.is_none(),
        ty: declared.ty,
        schema: declared.schema,
        default: default.map(|(_, json)| Value::from(json)),
        sensitive: sensitive == Some(true),
        description,
    }
}

fn check_default(
    node: &Node,
    json: &serde_json::Value,
    declared: &schema::Declared,
    findings: &mut Findings,
) {
    if schema::is_media(&declared.ty) {
        if !json.is_null() {
            findings
                .error(node.place, Code::BadValue, "media can't have a default value")
                .help("leave it out, or declare `default: null` to make the input optional");
        }
        return;
    }
    let Ok(schema) = Schema::read(&declared.schema) else { return };
    for fault in schema.faults("the default", &Value::from(json.clone())) {
        findings.error(node.place, Code::BadValue, fault);
    }
}
