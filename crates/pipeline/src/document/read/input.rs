//! Inputs of a pipeline, as they are declared.

use std::collections::BTreeSet;

use super::super::Document;
use super::super::node::{At, Entry, Kind, Node};
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

/// The names of the inputs that no value of the document refers to.
pub fn unused(node: &Node, document: &Document) -> Vec<At<String>> {
    let mut used = BTreeSet::new();
    let mut all_are_used = false;
    document.for_each_value(&mut |written| {
        written.for_each_scalar(&mut |_, _, template| {
            for reference in template.references() {
                match reference.path.as_slice() {
                    [root, name, ..] if root == "inputs" => _ = used.insert(name.as_str()),
                    // All of them, as an object.
                    [root] if root == "inputs" => all_are_used = true,
                    _ => {}
                }
            }
        });
    });
    let Kind::Map(entries) = &node.kind else { return Vec::new() };
    let is_used = |entry: &&Entry| all_are_used || used.contains(entry.key.value.as_str());
    entries.iter().filter(|entry| !is_used(entry)).map(|entry| entry.key.clone()).collect()
}
