//! Inputs of a pipeline, as they are declared.

use super::super::node::{Entry, Kind, Node};
use super::super::place::Findings;
use super::{schema, value};
use crate::diagnostic::Code;
use crate::plan::InputSpec;
use crate::{Type, Value};

/// Reads the declarations of all inputs.
pub fn read_all(node: &Node, findings: &mut Findings) -> Vec<InputSpec> {
    let entries = value::entries(node, "`inputs`", findings).unwrap_or_default();
    entries.iter().map(|entry| read(entry, findings)).collect()
}

fn read(entry: &Entry, findings: &mut Findings) -> InputSpec {
    value::check_identifier(&entry.key, "an input", findings);
    let before = findings.count();
    let declared = schema::read(&entry.value, schema::INPUT, findings).unwrap_or_default();
    let node = &entry.value;
    let is_map = matches!(node.kind, Kind::Map(_));
    let property = |key: &str| if is_map { node.get(key) } else { None };
    let sensitive = property("sensitive").and_then(|node| value::boolean(node, "`sensitive`", findings));
    let description = property("description").and_then(|node| value::text(node, "`description`", findings));
    let default = property("default").and_then(|node| schema::json(node, findings).map(|json| (node, json)));
    let required = default.is_none();
    // Null where null doesn't fit stands for nothing: the input may be left out, and is absent then.
    let default = default.filter(|(_, json)| !json.is_null() || declared.takes(&Value::Null));
    if let Some((node, json)) = &default
        && findings.count() == before
    {
        for fault in declared.faults("the default", &Value::from(json.clone())) {
            let finding = findings.error(node.place, Code::BadValue, fault);
            if matches!(declared.ty, Type::Media(_)) {
                finding.help("media can't be written in a file: `default: null` makes the input optional");
            }
        }
    }
    InputSpec {
        name: entry.key.value.clone(),
        required,
        ty: declared.ty,
        schema: declared.schema,
        default: default.map(|(_, json)| Value::from(json)),
        sensitive: sensitive == Some(true),
        description,
    }
}
