//! Declared types: a word (`string`, `image`) or a JSON Schema in which the media types are types too.

use serde_json::Value as Json;

use super::super::node::{Entry, Kind, Node};
use super::super::place::Findings;
use super::super::words;
use super::limits;
use super::value::refuse_doubt;
use crate::conformity::Schema;
use crate::diagnostic::Code;
use crate::suggestion::closest;
use crate::{MediaKind, Type, Value};

/// What messages call the declaration of an input.
pub const INPUT: &str = "an input";

/// What messages call the declaration of an output.
pub const OUTPUT: &str = "an output";

/// A declared type.
pub struct Declared {
    /// The type.
    pub ty: Type,
    /// The JSON Schema that says it, without what isn't JSON Schema.
    pub schema: Schema,
}

impl Default for Declared {
    fn default() -> Declared {
        Declared { ty: Type::Any, schema: Schema::of_anything() }
    }
}

impl Declared {
    /// What is wrong with `value`, which messages call `subject`.
    pub fn faults(&self, subject: &str, value: &Value) -> Vec<String> {
        if let Err(mismatch) = self.ty.accepts(value) {
            let colon = if mismatch.starts_with('`') { ":" } else { "" };
            return vec![format!("{subject}{colon} {mismatch}")];
        }
        self.schema.faults(subject, value)
    }

    /// Whether `value` fits.
    pub fn takes(&self, value: &Value) -> bool {
        self.faults("", value).is_empty()
    }
}

/// Reads the type that `node` declares for `what` (such as "an input").
pub fn read(node: &Node, what: &str, findings: &mut Findings) -> Option<Declared> {
    let before = findings.count();
    check(node, what, findings);
    if findings.count() > before {
        return None;
    }
    let full = match json(&without_own_keyword(node), findings)? {
        Json::String(word) => serde_json::json!({ "type": word }),
        other => other,
    };
    let ty = Type::from_schema(&full);
    let mut schema = full;
    allow_media(&mut schema);
    let told_elsewhere = |pointer: &str| what == INPUT && pointer == "/description";
    let fault = match Schema::read(&schema) {
        Ok(schema) => {
            limits::judge(node, findings);
            return Some(Declared { ty, schema });
        }
        Err(fault) => fault,
    };
    if told_elsewhere(&fault.pointer) {
        return None;
    }
    let place = find(node, &fault.pointer).place;
    let message = format!("this is not a JSON Schema: {}", fault.message);
    let finding = findings.error(place, Code::BadSchema, message);
    if fault.pointer.ends_with("/pattern") {
        finding.note("patterns are regular expressions without look-around and back-references");
    }
    None
}

/// Reports words that aren't types and keywords that JSON Schema would silently ignore.
fn check(node: &Node, what: &str, findings: &mut Findings) {
    match &node.kind {
        Kind::Scalar(scalar) => check_type(node, &scalar.text, findings),
        Kind::Map(entries) => {
            refuse_own_keywords(entries, what, findings);
            entries.iter().for_each(|entry| check_keyword(entry, findings));
        }
        Kind::List(_) => {
            findings
                .error(
                    node.place,
                    Code::BadValue,
                    format!("{what} is declared by a type or a JSON Schema, not a list"),
                )
                .help(format!("the types are {}", words::INPUT_TYPES.join(", ")));
        }
        Kind::Unreadable => {}
    }
}

/// What is for inputs only, and would be read over elsewhere.
fn refuse_own_keywords(entries: &[Entry], what: &str, findings: &mut Findings) {
    for Entry { key, .. } in entries {
        let reason = match key.value.as_str() {
            "sensitive" if what != INPUT => "only an input as a whole is masked",
            "default" if what == OUTPUT => "only inputs have one",
            _ => continue,
        };
        findings.error(
            key.place,
            Code::MisplacedKey,
            format!("`{}` can't be used here: {reason}", key.value),
        );
    }
}

fn check_keyword(entry: &Entry, findings: &mut Findings) {
    let (word, value) = (entry.key.value.as_str(), &entry.value);
    if !words::SCHEMA_KEYWORDS.contains(&word) {
        let nearest = closest(word, words::SCHEMA_KEYWORDS.iter().copied());
        let message = format!("JSON Schema keyword `{word}` is not supported here");
        findings.error(entry.key.place, Code::UnknownKey, message).did_you_mean(nearest);
        return;
    }
    match (word, &value.kind) {
        ("$ref", Kind::Scalar(scalar)) if !scalar.text.starts_with('#') => {
            findings
                .error(value.place, Code::BadSchema, format!("`{}` is outside the declaration", scalar.text))
                .note(
                    "nothing is fetched: a declaration refers to its own parts only, such as `#/$defs/shot`",
                );
        }
        ("type", Kind::Scalar(scalar)) => check_type(value, &scalar.text, findings),
        ("type", Kind::List(types)) => {
            for ty in types {
                if ty.kind_word() == "nothing" {
                    findings.error(ty.place, Code::BadSchema, "a type is a word").help("quote it: \"null\"");
                } else {
                    check_type(ty, ty.scalar().map_or("", |scalar| &scalar.text), findings);
                }
            }
        }
        ("properties" | "patternProperties" | "$defs" | "dependentSchemas", Kind::Map(entries)) => {
            entries.iter().for_each(|entry| check_inner(&entry.value, findings));
        }
        ("allOf" | "anyOf" | "oneOf" | "prefixItems", Kind::List(items)) => {
            items.iter().for_each(|item| check_inner(item, findings));
        }
        (
            "items"
            | "not"
            | "if"
            | "then"
            | "else"
            | "contains"
            | "additionalProperties"
            | "propertyNames"
            | "unevaluatedItems"
            | "unevaluatedProperties",
            _,
        ) => {
            check_inner(value, findings);
        }
        _ => {}
    }
}

/// A schema inside another one may be a map, true or false, but not a bare word.
fn check_inner(node: &Node, findings: &mut Findings) {
    match &node.kind {
        Kind::Map(_) => check(node, "a part of a declaration", findings),
        Kind::Scalar(scalar) if scalar.plain && matches!(scalar.text.as_str(), "true" | "false") => {}
        Kind::Scalar(scalar) if words::INPUT_TYPES.contains(&scalar.text.as_str()) => {
            findings
                .error(node.place, Code::BadSchema, "inside a JSON Schema, a type is written in full")
                .help(format!("write {{ type: {} }}", scalar.text));
        }
        _ => {}
    }
}

fn check_type(node: &Node, word: &str, findings: &mut Findings) {
    if words::INPUT_TYPES.contains(&word) {
        return;
    }
    let synonym = match word {
        "text" | "str" => Some("string"),
        "int" => Some("integer"),
        "float" | "double" => Some("number"),
        "bool" => Some("boolean"),
        "list" => Some("array"),
        "map" | "dict" => Some("object"),
        "media" | "binary" => Some("file"),
        _ => closest(word, words::INPUT_TYPES.iter().copied()),
    };
    findings
        .error(node.place, Code::BadSchema, format!("there is no type `{word}`"))
        .note(format!("the types are {}", words::INPUT_TYPES.join(", ")))
        .did_you_mean(synonym);
}

/// The plain JSON that `node` stands for; what is in doubt is reported.
pub fn json(node: &Node, findings: &mut Findings) -> Option<Json> {
    match &node.kind {
        Kind::Scalar(scalar) => match scalar.resolve() {
            Ok(value) => Some(value.to_json()),
            Err(doubt) => {
                refuse_doubt(node.place, &scalar.text, &doubt, findings);
                None
            }
        },
        Kind::List(items) => items.iter().map(|item| json(item, findings)).collect(),
        Kind::Map(entries) => entries
            .iter()
            .map(|entry| Some((entry.key.value.clone(), json(&entry.value, findings)?)))
            .collect(),
        Kind::Unreadable => None,
    }
}

/// The declaration without the keyword that isn't JSON Schema.
fn without_own_keyword(node: &Node) -> Node {
    let mut node = node.clone();
    if let Kind::Map(entries) = &mut node.kind {
        entries.retain(|entry| entry.key.value != "sensitive");
    }
    node
}

/// The schema with objects where media is wanted: media is one in JSON.
pub fn allow_media(schema: &mut Json) {
    const DATA: [&str; 4] = ["default", "const", "enum", "examples"];
    const NAMED: [&str; 4] = ["properties", "patternProperties", "$defs", "dependentSchemas"];
    match schema {
        Json::Object(entries) => {
            for (key, value) in entries.iter_mut().filter(|(key, _)| !DATA.contains(&key.as_str())) {
                match value {
                    value if key == "type" => media_to_object(value),
                    Json::Object(named) if NAMED.contains(&key.as_str()) => {
                        named.values_mut().for_each(allow_media);
                    }
                    value => allow_media(value),
                }
            }
        }
        Json::Array(items) => items.iter_mut().for_each(allow_media),
        _ => {}
    }
}

fn media_to_object(ty: &mut Json) {
    match ty {
        Json::String(word) if MediaKind::from_word(word).is_some() => *ty = "object".into(),
        Json::Array(types) => {
            types.iter_mut().for_each(media_to_object);
            let mut seen = Vec::new();
            types.retain(|ty| {
                !seen.contains(ty) && {
                    seen.push(ty.clone());
                    true
                }
            });
        }
        _ => {}
    }
}

/// The node at a JSON pointer, as far as it can be followed.
fn find<'n>(node: &'n Node, pointer: &str) -> &'n Node {
    pointer.split('/').skip(1).fold(node, |node, part| {
        let item = || part.parse::<usize>().ok().and_then(|index| node.items()?.get(index));
        node.get(part).or_else(item).unwrap_or(node)
    })
}
