//! Outputs of a pipeline or group, as they are written.

use super::super::node::{Entry, Kind, Node};
use super::super::place::Findings;
use super::super::written::Written;
use super::super::{Output, words};
use super::fields::Fields;
use super::{schema, value};
use crate::diagnostic::Code;

/// Reads all outputs.
pub fn read_all(node: &Node, findings: &mut Findings) -> Vec<Output> {
    let entries = value::entries(node, "`outputs`", findings).unwrap_or_default();
    entries.iter().filter_map(|entry| read(entry, findings)).collect()
}

fn read(entry: &Entry, findings: &mut Findings) -> Option<Output> {
    let name = entry.key.clone();
    value::check_identifier(&name, "an output", findings);
    if !matches!(entry.value.kind, Kind::Map(_)) || entry.value.get("value").is_none() {
        return Some(Output { name, value: Written::read(&entry.value, findings), declared: None });
    }
    let fields = Fields::read(&entry.value, "a typed output", words::OUTPUT, findings)?;
    let written = Written::read(fields.get("value")?, findings);
    let declared = match (fields.get("type"), fields.get("schema")) {
        (Some(ty), Some(_)) => {
            findings.error(ty.place, Code::MisplacedKey, "an output has either `type` or `schema`, not both");
            None
        }
        (Some(node), None) | (None, Some(node)) => schema::read(node, schema::OUTPUT, findings),
        (None, None) => None,
    };
    if let (Some(declared), Some(literal)) = (&declared, written.literal()) {
        for fault in declared.faults(&format!("the output `{}`", name.value), &literal) {
            findings.error(written.place, Code::BadValue, fault);
        }
    }
    Some(Output { name, value: written, declared: declared.map(|declared| (declared.ty, declared.schema)) })
}
