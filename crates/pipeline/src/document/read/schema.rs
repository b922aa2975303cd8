//! Declared types: a word (`string`, `image`) or a JSON Schema in which the media types are types too.

use serde_json::{Map, Value as Json};

use super::super::node::{Entry, Kind, Node};
use super::super::place::Findings;
use super::super::words;
use super::value::refuse_doubt;
use crate::conformity::Schema;
use crate::diagnostic::Code;
use crate::suggestion::closest;
use crate::{MediaKind, Type};

/// A declared type.
pub struct Declared {
    /// The type.
    pub ty: Type,
    /// The JSON Schema that says it, without what isn't JSON Schema.
    pub schema: Json,
}

impl Default for Declared {
    fn default() -> Declared {
        Declared { ty: Type::Any, schema: Json::Object(Map::new()) }
    }
}

/// Reads the type that `node` declares for `what` (such as "an input").
pub fn read(node: &Node, what: &str, findings: &mut Findings) -> Option<Declared> {
    let before = findings.count();
    check(node, what, findings);
    if findings.count() > before {
        return None;
    }
    let full = match json(node, findings)? {
        Json::String(word) => serde_json::json!({ "type": word }),
        other => other,
    };
    let ty = Type::from_schema(&full);
    let schema = without_media(full);
    if let Err(fault) = Schema::read(&schema) {
        let place = find(node, &fault.pointer).place;
        findings.error(place, Code::BadSchema, format!("this is not a JSON Schema: {}", fault.message));
        return None;
    }
    Some(Declared { ty, schema })
}

/// Whether values of the type are media.
pub fn is_media(ty: &Type) -> bool {
    match ty {
        Type::Media(_) => true,
        Type::OneOf(options) => options.iter().any(is_media),
        _ => false,
    }
}

/// Reports words that aren't types and keywords that JSON Schema would silently ignore.
fn check(node: &Node, what: &str, findings: &mut Findings) {
    match &node.kind {
        Kind::Scalar(scalar) => check_type(node, &scalar.text, findings),
        Kind::Map(entries) => entries.iter().for_each(|entry| check_keyword(entry, what, findings)),
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

fn check_keyword(entry: &Entry, what: &str, findings: &mut Findings) {
    let (word, value) = (entry.key.value.as_str(), &entry.value);
    if !words::SCHEMA_KEYWORDS.contains(&word) {
        let nearest = closest(word, words::SCHEMA_KEYWORDS.iter().copied());
        let message = format!("`{word}` is not a keyword of JSON Schema");
        findings.error(entry.key.place, Code::UnknownKey, message).did_you_mean(nearest);
        return;
    }
    match (word, &value.kind) {
        ("type", Kind::Scalar(scalar)) => check_type(value, &scalar.text, findings),
        ("type", Kind::List(types)) => {
            for ty in types {
                check_type(ty, ty.scalar().map_or("", |scalar| &scalar.text), findings);
            }
        }
        ("properties" | "patternProperties" | "$defs" | "dependentSchemas", Kind::Map(entries)) => {
            entries.iter().for_each(|entry| check_inner(&entry.value, what, findings));
        }
        ("allOf" | "anyOf" | "oneOf" | "prefixItems", Kind::List(items)) => {
            items.iter().for_each(|item| check_inner(item, what, findings));
        }
        (
            "items" | "not" | "if" | "then" | "else" | "contains" | "additionalProperties" | "propertyNames",
            _,
        ) => {
            check_inner(value, what, findings);
        }
        _ => {}
    }
}

/// A schema inside another one may be a map, true or false, but not a bare word.
fn check_inner(node: &Node, what: &str, findings: &mut Findings) {
    match &node.kind {
        Kind::Map(_) => check(node, what, findings),
        Kind::Scalar(scalar) if scalar.plain && matches!(scalar.text.as_str(), "true" | "false") => {}
        Kind::Scalar(scalar) if words::INPUT_TYPES.contains(&scalar.text.as_str()) => {
            findings
                .error(node.place, Code::BadSchema, "inside of a JSON Schema a type is written out")
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

/// The schema without our own keyword, and with anything allowed where media is wanted.
fn without_media(mut schema: Json) -> Json {
    if let Some(entries) = schema.as_object_mut() {
        entries.remove("sensitive");
    }
    allow_media(&mut schema);
    schema
}

fn allow_media(schema: &mut Json) {
    const DATA: [&str; 4] = ["default", "const", "enum", "examples"];
    let is_media = |ty: &Json| ty.as_str().is_some_and(|word| MediaKind::from_word(word).is_some());
    match schema {
        Json::Object(entries) => {
            let any_is_media = |ty: &Json| ty.as_array().is_some_and(|types| types.iter().any(is_media));
            if entries.get("type").is_some_and(|ty| is_media(ty) || any_is_media(ty)) {
                entries.remove("type");
            }
            let schemas = entries.iter_mut().filter(|(key, _)| !DATA.contains(&key.as_str()));
            schemas.for_each(|(_, value)| allow_media(value));
        }
        Json::Array(items) => items.iter_mut().for_each(allow_media),
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
