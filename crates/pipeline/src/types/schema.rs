//! Types from JSON Schema.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::extent::PARTS_MAX;
use super::{Fields, Type};
use crate::{MediaKind, Value};

/// How deep a schema is followed: recursive ones have no end.
const DEPTH_MAX: usize = 24;

impl Type {
    /// The type that a JSON Schema describes, as far as types can tell; what can't be determined is
    /// [`Type::Any`]. Media types are types here too (`type: image`), and a text stands for
    /// `{ type: … }`.
    ///
    /// An object whose schema names properties and doesn't speak of `additionalProperties` is taken
    /// to have no others: what reads `steps.x.titel` wants to hear of it.
    ///
    /// ```
    /// use motet_pipeline::{MediaKind, Type};
    /// let schema = serde_json::json!({ "type": "array", "items": { "type": "image" } });
    /// assert_eq!(Type::from_schema(&schema), Type::list(Type::media(MediaKind::Image)));
    /// assert_eq!(Type::from_schema(&serde_json::json!("string")), Type::Text);
    /// ```
    pub fn from_schema(schema: &Json) -> Type {
        Reader { root: schema, parts_left: PARTS_MAX, known: BTreeMap::new() }.read(schema, 0)
    }
}

struct Reader<'s> {
    root: &'s Json,
    /// How many parts are still looked at.
    parts_left: u32,
    /// What is referred to and was read already, by its place in memory and by how deep it stands.
    known: BTreeMap<(usize, usize), Type>,
}

impl<'s> Reader<'s> {
    fn read(&mut self, schema: &'s Json, depth: usize) -> Type {
        if depth > DEPTH_MAX || self.parts_left == 0 {
            return Type::Any;
        }
        self.parts_left -= 1;
        match schema {
            Json::String(word) => self.word(word, None, depth),
            Json::Object(keywords) => {
                let ty = self.keywords(keywords, depth);
                match keywords.get("nullable") {
                    Some(Json::Bool(true)) => Type::one_of([ty, Type::Null]),
                    _ => ty,
                }
            }
            _ => Type::Any,
        }
    }

    fn keywords(&mut self, keywords: &'s Map<String, Json>, depth: usize) -> Type {
        if let Some(Json::String(reference)) = keywords.get("$ref") {
            let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
            return target.map_or(Type::Any, |target| self.referred(target, depth + 1));
        }
        if let Some(value) = keywords.get("const") {
            return Type::of(&Value::from(value.clone()));
        }
        if let Some(Json::Array(values)) = keywords.get("enum") {
            return Type::one_of(values.iter().map(|value| Type::of(&Value::from(value.clone()))));
        }
        for choice in ["anyOf", "oneOf"] {
            if let Some(Json::Array(options)) = keywords.get(choice) {
                let options: Vec<_> = options.iter().map(|option| self.read(option, depth + 1)).collect();
                return Type::one_of(options);
            }
        }
        if let Some(Json::Array(parts)) = keywords.get("allOf") {
            let mut parts = parts.iter().map(|part| self.read(part, depth + 1));
            return parts.find(|part| *part != Type::Any).unwrap_or(Type::Any);
        }
        match keywords.get("type") {
            Some(Json::String(word)) => self.word(word, Some(keywords), depth),
            Some(Json::Array(words)) => {
                let words = words.iter().filter_map(Json::as_str);
                let options: Vec<_> = words.map(|word| self.word(word, Some(keywords), depth)).collect();
                Type::one_of(options)
            }
            _ if keywords.contains_key("properties") => self.object(keywords, depth),
            _ if keywords.contains_key("items") => self.list(keywords, depth),
            _ => Type::Any,
        }
    }

    fn referred(&mut self, target: &'s Json, depth: usize) -> Type {
        let place = (std::ptr::from_ref(target).addr(), depth);
        if let Some(known) = self.known.get(&place) {
            return known.clone();
        }
        let ty = self.read(target, depth);
        self.known.insert(place, ty.clone());
        ty
    }

    fn word(&mut self, word: &str, keywords: Option<&'s Map<String, Json>>, depth: usize) -> Type {
        match word {
            "string" | "text" => Type::Text,
            "integer" => Type::Integer,
            "number" => Type::Number,
            "boolean" => Type::Boolean,
            "null" => Type::Null,
            "array" | "list" => keywords.map_or(Type::list(Type::Any), |keywords| self.list(keywords, depth)),
            "object" => match keywords {
                Some(keywords) => self.object(keywords, depth),
                None => Type::Object { fields: Fields::default(), open: true },
            },
            word => MediaKind::from_word(word).map_or(Type::Any, Type::media),
        }
    }

    fn list(&mut self, keywords: &'s Map<String, Json>, depth: usize) -> Type {
        let uniform = !keywords.contains_key("prefixItems");
        match keywords.get("items").filter(|_| uniform) {
            Some(items) => Type::list(self.read(items, depth + 1)),
            None => Type::list(Type::Any),
        }
    }

    fn object(&mut self, keywords: &'s Map<String, Json>, depth: usize) -> Type {
        let required = keywords.get("required").and_then(Json::as_array);
        let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|other| other == name));
        let mut fields = BTreeMap::new();
        if let Some(Json::Object(properties)) = keywords.get("properties") {
            for (name, schema) in properties {
                let ty = self.read(schema, depth + 1);
                let ty = if is_required(name) { ty } else { Type::one_of([ty, Type::Null]) };
                fields.insert(name.clone(), ty);
            }
        }
        let open = match keywords.get("additionalProperties") {
            Some(Json::Bool(more)) => *more,
            Some(_) => true,
            None => fields.is_empty() || keywords.contains_key("patternProperties"),
        };
        Type::inferred(fields, open)
    }
}
